// Verify a webhook of Mithaq (Standard Webhooks 1.0, scheme v1). Node 18 or newer, nothing else.
//
//     WEBHOOK_SECRET=whsec_… node verify.mjs WEBHOOK-ID WEBHOOK-TIMESTAMP WEBHOOK-SIGNATURE < body

import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { argv, env, exit } from "node:process";
import { pathToFileURL } from "node:url";

const TOLERANCE = 300; // seconds

// `body` is a Buffer with what arrived, byte for byte: with Express, use express.raw(), not express.json().
export function verify(secret, id, timestamp, signatures, body) {
  if (!/^[0-9]+$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE) return false;
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
  const genuine = verify(env.WEBHOOK_SECRET, argv[2], argv[3], argv[4], readFileSync(0));
  console.log(genuine ? "genuine" : "refused");
  exit(genuine ? 0 : 1);
}
