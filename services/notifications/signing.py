"""Standard Webhooks 1.0: the headers that prove who sent these very bytes."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID


def headers(message_id: UUID, at: datetime, body: bytes, secrets: Sequence[bytes]) -> dict[str, str]:
    """`webhook-id`, `webhook-timestamp` (of the attempt) and one `v1` signature per live secret.

    The id stays the same over all attempts: it is the receiver's key for dropping duplicates.
    """
    timestamp = str(int(at.timestamp()))
    content = f"{message_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": str(message_id),
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_hmac(secret, content)}" for secret in secrets),
    }


def _hmac(secret: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode()
