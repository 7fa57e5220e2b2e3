"""Our bytes are accepted by the public verifiers, and by nothing they should not be."""

from datetime import timedelta
from typing import Any

import pytest
import standardwebhooks
import svix.webhooks

from services.notifications import signing
from services.notifications.keys import new_secret, shown
from shared.clock import now
from shared.ids import new_id

BODY = '{"type":"ma.mithaq.agreement.signed.v1","summary":"وقّع جميع الأطراف AREF-06/2024-0001"}'.encode()
VERIFIERS: list[Any] = [standardwebhooks.Webhook, svix.webhooks.Webhook]


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_a_signed_message_verifies(verifier: Any) -> None:
    secret = new_secret()
    verifier(shown(secret)).verify(BODY, signing.headers(new_id(), now(), BODY, [secret]))


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_during_a_rotation_the_old_and_the_new_secret_both_verify(verifier: Any) -> None:
    old, new = new_secret(), new_secret()
    headers = signing.headers(new_id(), now(), BODY, [new, old])
    assert headers["webhook-signature"].count("v1,") == 2
    verifier(shown(old)).verify(BODY, headers)
    verifier(shown(new)).verify(BODY, headers)


@pytest.mark.parametrize("verifier", VERIFIERS)
@pytest.mark.parametrize("change", ["secret", "body", "id", "too old", "too new"])
def test_anything_else_does_not_verify(verifier: Any, change: str) -> None:
    secret = new_secret()
    age = {"too old": timedelta(seconds=-301), "too new": timedelta(seconds=302)}.get(change, timedelta())
    headers = signing.headers(new_id(), now() + age, BODY, [secret])
    if change == "id":
        headers["webhook-id"] = str(new_id())
    body = BODY + b" " if change == "body" else BODY
    with pytest.raises((standardwebhooks.WebhookVerificationError, svix.webhooks.WebhookVerificationError)):
        verifier(shown(new_secret() if change == "secret" else secret)).verify(body, headers)
