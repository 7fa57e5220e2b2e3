"""Verify a webhook of Mithaq (Standard Webhooks 1.0, scheme v1). Python 3.9 or newer, nothing else.

WEBHOOK_SECRET=whsec_… python3 verify.py WEBHOOK-ID WEBHOOK-TIMESTAMP WEBHOOK-SIGNATURE < body
"""

import base64
import hashlib
import hmac
import os
import sys
import time

TOLERANCE = 300  # seconds


def verify(secret: str, id: str, timestamp: str, signatures: str, body: bytes) -> bool:
    """Whether these raw bytes come from whoever knows the secret, and were sent just now.

    `body` is what arrived, byte for byte: never JSON that was parsed and written again.
    """
    if not (timestamp.isascii() and timestamp.isdigit()) or abs(time.time() - int(timestamp)) > TOLERANCE:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(digest)
    # Several signatures while a secret is being replaced; other schemes are not ours to judge.
    return any(hmac.compare_digest(expected, each.encode()) for each in signatures.split(" "))


if __name__ == "__main__":
    genuine = verify(os.environ["WEBHOOK_SECRET"], *sys.argv[1:4], sys.stdin.buffer.read())
    print("genuine" if genuine else "refused")
    sys.exit(0 if genuine else 1)
