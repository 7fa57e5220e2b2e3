<?php
// Verify a webhook of Mithaq (Standard Webhooks 1.0, scheme v1). PHP 8.0 or newer, nothing else.
//
//     WEBHOOK_SECRET=whsec_… php verify.php WEBHOOK-ID WEBHOOK-TIMESTAMP WEBHOOK-SIGNATURE < body

declare(strict_types=1);

const TOLERANCE = 300; // seconds

// $body is what arrived, byte for byte: file_get_contents('php://input').
function verify(string $secret, string $id, string $timestamp, string $signatures, string $body): bool
{
    if (!preg_match('/\A[0-9]+\z/', $timestamp) || abs(time() - (int) $timestamp) > TOLERANCE) {
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
    $genuine = verify(getenv('WEBHOOK_SECRET'), $argv[1], $argv[2], $argv[3], stream_get_contents(STDIN));
    echo $genuine ? "genuine\n" : "refused\n";
    exit($genuine ? 0 : 1);
}
