<?php
// Verify a webhook of Mithaq (Standard Webhooks 1.0). PHP 8.0 or newer; for `v1a` its extension sodium too.
//
//     WEBHOOK_SECRET=whsec_… php verify.php WEBHOOK-ID WEBHOOK-TIMESTAMP WEBHOOK-SIGNATURE [NOW] < body
//
// With whsec_… (scheme v1, HMAC) or with a public key whpk_… (scheme v1a, ed25519). NOW is for test vectors.

declare(strict_types=1);

const TOLERANCE = 300; // seconds

// $body is what arrived, byte for byte: file_get_contents('php://input').
function verify(
    string $secret, string $id, string $timestamp, string $signatures, string $body, ?int $now = null
): bool {
    if (!preg_match('/\A[0-9]+\z/', $timestamp) || abs(($now ?? time()) - (int) $timestamp) > TOLERANCE) {
        return false;
    }
    if (str_starts_with($secret, 'whpk_')) {
        $key = base64_decode(substr($secret, 5), true);
        foreach (explode(' ', $signatures) as $each) {
            $given = str_starts_with($each, 'v1a,') ? base64_decode(substr($each, 4), true) : false;
            if (is_string($given) && strlen($given) === SODIUM_CRYPTO_SIGN_BYTES
                && sodium_crypto_sign_verify_detached($given, "$id.$timestamp.$body", $key)) {
                return true;
            }
        }
        return false;
    }
    $key = base64_decode(preg_replace('/\Awhsec_/', '', $secret), true);
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
    // Several signatures while a secret is being replaced; other schemes are not ours to judge.
    foreach (explode(' ', $signatures) as $given) {
        if (hash_equals($expected, $given)) {
            return true;
        }
    }
    return false;
}

if (PHP_SAPI === 'cli' && realpath($argv[0]) === __FILE__) {
    $now = isset($argv[4]) ? (int) $argv[4] : null;
    $genuine = verify(getenv('WEBHOOK_SECRET'), $argv[1], $argv[2], $argv[3], stream_get_contents(STDIN), $now);
    echo $genuine ? "genuine\n" : "refused\n";
    exit($genuine ? 0 : 1);
}
