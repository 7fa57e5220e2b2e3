"""Verify a webhook of Mithaq (Standard Webhooks 1.0). Python 3.9 or newer; for `v1a` the package cryptography too.

WEBHOOK_SECRET=whsec_… python3 verify.py WEBHOOK-ID WEBHOOK-TIMESTAMP WEBHOOK-SIGNATURE [NOW] < body

With whsec_… (scheme v1, HMAC) or with a public key whpk_… (scheme v1a, ed25519). NOW is for test vectors.
"""

import base64
import hashlib
import hmac
import os
import sys
import time

TOLERANCE = 300  # seconds


def verify(secret: str, id: str, timestamp: str, signatures: str, body: bytes, now=None) -> bool:
    """Whether these raw bytes come from whoever holds the secret, and were sent just now.

    `body` is what arrived, byte for byte: never JSON that was parsed and written again.
    """
    if not (timestamp.isascii() and timestamp.isdigit()) or abs((now or time.time()) - int(timestamp)) > TOLERANCE:
        return False
    content = f"{id}.{timestamp}.".encode() + body
    if secret.startswith("whpk_"):
        return any(_by_public_key(secret, content, each) for each in signatures.split(" "))
    digest = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), content, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(digest)
    # Several signatures while a secret is being replaced; other schemes are not ours to judge.
    return any(hmac.compare_digest(expected, each.encode()) for each in signatures.split(" "))


def _by_public_key(key: str, content: bytes, signature: str) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    scheme, _, given = signature.partition(",")
    if scheme != "v1a":
        return False
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.removeprefix("whpk_")))
        public.verify(base64.b64decode(given), content)
    except (InvalidSignature, ValueError):
        return False
    return True


if __name__ == "__main__":
    now = int(sys.argv[4]) if len(sys.argv) > 4 else None
    genuine = verify(os.environ["WEBHOOK_SECRET"], *sys.argv[1:4], sys.stdin.buffer.read(), now)
    print("genuine" if genuine else "refused")
    sys.exit(0 if genuine else 1)
