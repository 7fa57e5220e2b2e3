// Verify a webhook of Mithaq (Standard Webhooks 1.0). Java 11 or newer, for `v1a` 15 or newer, nothing else.
//
//     WEBHOOK_SECRET=whsec_… java Verify.java WEBHOOK-ID WEBHOOK-TIMESTAMP WEBHOOK-SIGNATURE [NOW] < body
//
// With whsec_… (scheme v1, HMAC) or with a public key whpk_… (scheme v1a, ed25519). NOW is for test vectors.

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.Signature;
import java.security.SignatureException;
import java.security.spec.X509EncodedKeySpec;
import java.time.Instant;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public final class Verify {
    private static final long TOLERANCE = 300; // seconds
    private static final String ED25519 = "MCowBQYDK2VwAyEA"; // what stands before a raw key in DER (RFC 8410)

    /** Whether these raw bytes come from whoever holds the secret; `body` is what arrived, byte for byte. */
    public static boolean verify(String secret, String id, String timestamp, String signatures, byte[] body, long now)
            throws GeneralSecurityException {
        if (!timestamp.matches("[0-9]{1,12}") || Math.abs(now - Long.parseLong(timestamp)) > TOLERANCE) {
            return false;
        }
        if (secret.startsWith("whpk_")) {
            return verifyPublic(secret.substring(5), id + "." + timestamp + ".", signatures, body);
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

    private static boolean verifyPublic(String raw, String before, String signatures, byte[] body)
            throws GeneralSecurityException {
        byte[] der = Base64.getDecoder().decode(ED25519 + raw);
        PublicKey key = KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(der));
        for (String given : signatures.split(" ")) {
            if (!given.startsWith("v1a,")) {
                continue;
            }
            Signature signature = Signature.getInstance("Ed25519");
            signature.initVerify(key);
            signature.update(before.getBytes(UTF_8));
            signature.update(body);
            try {
                if (signature.verify(Base64.getDecoder().decode(given.substring(4)))) {
                    return true;
                }
            } catch (SignatureException | IllegalArgumentException notOne) {
                // Something else stands there: it is not genuine.
            }
        }
        return false;
    }

    public static void main(String[] given) throws GeneralSecurityException, IOException {
        byte[] body = System.in.readAllBytes();
        long now = given.length > 3 ? Long.parseLong(given[3]) : Instant.now().getEpochSecond();
        boolean genuine = verify(System.getenv("WEBHOOK_SECRET"), given[0], given[1], given[2], body, now);
        System.out.println(genuine ? "genuine" : "refused");
        System.exit(genuine ? 0 : 1);
    }
}
