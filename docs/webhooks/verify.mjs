// Verify a webhook of Mithaq (Standard Webhooks 1.0). Node 18 or newer, nothing else.
//
//     WEBHOOK_SECRET=whsec_… node verify.mjs WEBHOOK-ID WEBHOOK-TIMESTAMP WEBHOOK-SIGNATURE [NOW] < body
//
// With whsec_… (scheme v1, HMAC) or with a public key whpk_… (scheme v1a, ed25519). NOW is for test vectors.

import { createHmac, createPublicKey, timingSafeEqual, verify as verifies } from "node:crypto";
import { readFileSync } from "node:fs";
import { argv, env, exit } from "node:process";
import { pathToFileURL } from "node:url";

const TOLERANCE = 300; // seconds
const ED25519 = Buffer.from("302a300506032b6570032100", "hex"); // what stands before a raw key in DER (RFC 8410)

// `body` is a Buffer with what arrived, byte for byte: with Express, use express.raw(), not express.json().
export function verify(secret, id, timestamp, signatures, body, now = Date.now() / 1000) {
  if (!/^[0-9]+$/.test(timestamp) || Math.abs(now - Number(timestamp)) > TOLERANCE) return false;
  if (secret.startsWith("whpk_")) {
    const der = Buffer.concat([ED25519, Buffer.from(secret.slice(5), "base64")]);
    const key = createPublicKey({ key: der, format: "der", type: "spki" });
    const content = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
    return signatures.split(" ").some((each) =>
      each.startsWith("v1a,") && verifies(null, content, key, Buffer.from(each.slice(4), "base64")));
  }
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const digest = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
  const expected = Buffer.from(`v1,${digest}`);
  // Several signatures while a secret is being replaced; other schemes are not ours to judge.
  return signatures.split(" ").some((each) => {
    const given = Buffer.from(each);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

if (import.meta.url === pathToFileURL(argv[1]).href) {
  const now = argv[5] && Number(argv[5]);
  const genuine = verify(env.WEBHOOK_SECRET, argv[2], argv[3], argv[4], readFileSync(0), now);
  console.log(genuine ? "genuine" : "refused");
  exit(genuine ? 0 : 1);
}
