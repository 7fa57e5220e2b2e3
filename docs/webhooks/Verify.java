// Verify a webhook of Mithaq (Standard Webhooks 1.0, scheme v1). Java 11 or newer, nothing else.
//
//     WEBHOOK_SECRET=whsec_… java Verify.java WEBHOOK-ID WEBHOOK-TIMESTAMP WEBHOOK-SIGNATURE < body

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public final class Verify {
    private static final long TOLERANCE = 300; // seconds

    /** Whether these raw bytes come from whoever knows the secret; `body` is what arrived, byte for byte. */
    public static boolean verify(String secret, String id, String timestamp, String signatures, byte[] body)
            throws GeneralSecurityException {
        if (!timestamp.matches("[0-9]{1,12}")
                || Math.abs(Instant.now().getEpochSecond() - Long.parseLong(timestamp)) > TOLERANCE) {
            return false;
        }
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(Base64.getDecoder().decode(secret.replaceFirst("^whsec_", "")), "HmacSHA256"));
        mac.update((id + "." + timestamp + ".").getBytes(UTF_8));
        byte[] expected = ("v1," + Base64.getEncoder().encodeToString(mac.doFinal(body))).getBytes(UTF_8);
        // Several signatures while a secret is being replaced; other schemes are not ours to judge.
        boolean genuine = false;
        for (String given : signatures.split(" ")) {
            genuine |= MessageDigest.isEqual(expected, given.getBytes(UTF_8));
        }
        return genuine;
    }

    public static void main(String[] given) throws GeneralSecurityException, IOException {
        byte[] body = System.in.readAllBytes();
        boolean genuine = verify(System.getenv("WEBHOOK_SECRET"), given[0], given[1], given[2], body);
        System.out.println(genuine ? "genuine" : "refused");
        System.exit(genuine ? 0 : 1);
    }
}
