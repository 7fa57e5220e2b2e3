"""Our bytes are accepted by the public verifiers, and by nothing they should not be."""

import base64
from datetime import timedelta
from typing import Any

import pytest
import standardwebhooks
import svix.webhooks
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.notifications import signing
from services.notifications.keys import new_secret, shown
from services.notifications.signing import Public, Shared
from shared.clock import now
from shared.ids import new_id

BODY = '{"type":"ma.mithaq.agreement.signed.v1","summary":"وقّع جميع الأطراف AREF-06/2024-0001"}'.encode()
VERIFIERS: list[Any] = [standardwebhooks.Webhook, svix.webhooks.Webhook]


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_a_signed_message_verifies(verifier: Any) -> None:
    secret = new_secret()
    verifier(shown(secret)).verify(BODY, signing.headers(new_id(), now(), BODY, [Shared(secret)]))


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_during_a_rotation_the_old_and_the_new_secret_both_verify(verifier: Any) -> None:
    old, new = new_secret(), new_secret()
    headers = signing.headers(new_id(), now(), BODY, [Shared(new), Shared(old)])
    assert headers["webhook-signature"].count("v1,") == 2
    verifier(shown(old)).verify(BODY, headers)
    verifier(shown(new)).verify(BODY, headers)


@pytest.mark.parametrize("verifier", VERIFIERS)
@pytest.mark.parametrize("change", ["secret", "body", "id", "too old", "too new"])
def test_anything_else_does_not_verify(verifier: Any, change: str) -> None:
    secret = new_secret()
    age = {"too old": timedelta(seconds=-301), "too new": timedelta(seconds=302)}.get(change, timedelta())
    headers = signing.headers(new_id(), now() + age, BODY, [Shared(secret)])
    if change == "id":
        headers["webhook-id"] = str(new_id())
    body = BODY + b" " if change == "body" else BODY
    with pytest.raises((standardwebhooks.WebhookVerificationError, svix.webhooks.WebhookVerificationError)):
        verifier(shown(new_secret() if change == "secret" else secret)).verify(body, headers)


def _verify_public(public_key: str, headers: dict[str, str], body: bytes) -> None:
    """As the standard says a receiver verifies `v1a`."""
    (signature,) = [each[4:] for each in headers["webhook-signature"].split(" ") if each.startswith("v1a,")]
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key.verify(base64.b64decode(signature), content)


def test_whoever_has_the_public_key_verifies_and_cannot_sign() -> None:
    secret = new_secret()
    headers = signing.headers(new_id(), now(), BODY, [Public(secret)])
    _verify_public(Public(secret).public_key, headers, BODY)
    for wrong_key, body in ((Public(new_secret()).public_key, BODY), (Public(secret).public_key, BODY + b" ")):
        with pytest.raises(InvalidSignature):
            _verify_public(wrong_key, headers, body)


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_from_one_scheme_to_the_other_both_signatures_verify(verifier: Any) -> None:
    shared, public = new_secret(), new_secret()
    headers = signing.headers(new_id(), now(), BODY, [Public(public), Shared(shared)])
    verifier(shown(shared)).verify(BODY, headers)
    _verify_public(Public(public).public_key, headers, BODY)
