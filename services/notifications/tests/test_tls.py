"""What keeps TLS from being agreed is told by a code. The fault matrix has every such receiver: tests/failures."""

import ssl
from pathlib import Path

import pytest

from services.notifications.identity import Credentials
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.certificates import certified, serving
from services.notifications.tests.receivers import receiver
from services.notifications.tls import why_no_tls
from services.notifications.webhooks import WebhookClient


async def said_of(settings: NotificationsSettings, tls: ssl.SSLContext, credentials: Credentials) -> str:
    """The reason of an attempt at this receiver, which must get nothing."""
    async with receiver(tls=tls) as academy, WebhookClient(settings.guard, deadline=5.0) as client:
        outcome = await client.post(academy.url, b"{}", {}, tls=credentials.context())
        assert outcome.result == "failed" and not academy.received
    return outcome.reason


async def test_a_receiver_that_breaks_off_without_a_word_is_told_from_one_that_is_away(
    settings: NotificationsSettings, tmp_path: Path
) -> None:
    theirs = certified("authority")
    tls = serving(certified("receiver", theirs), tmp_path, demands=theirs)
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    reason = await said_of(settings, tls, Credentials(authority=theirs.pem))
    assert reason == "tls_broken_off"
    async with WebhookClient(settings.guard, deadline=5.0) as client:
        assert (await client.post("https://127.0.0.1:1/", b"{}", {})).reason == "connection_refused"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError("ssl"), None),
        (ssl.SSLError(1, "[SSL: SOMETHING_NEW] <script>what a stranger sent</script>"), "tls_failed"),
    ],
)
def test_nothing_is_said_in_a_stranger_s_words(error: OSError, said: str | None) -> None:
    wrapped = OSError("in a library's words")
    wrapped.__cause__ = error
    assert why_no_tls(wrapped) == said
