"""Addresses of endpoints: a URL that may be called, or an e-mail address."""

from email.errors import MessageError
from email.headerregistry import Address

from services.notifications.errors import AddressRefused
from services.notifications.guard import AddressNotAllowed, Guard
from shared.events.notifications import Channel

LONGEST_EMAIL = 254


def check_address(channel: Channel, address: str, guard: Guard) -> str:
    """The address, if the channel may use it. Raises AddressRefused.

    A name in a URL is not resolved here but at every attempt: it may point elsewhere by then.
    """
    try:
        return _email(address) if channel == "email" else str(guard.check_url(address))
    except AddressNotAllowed as error:
        raise AddressRefused(address=address, reason=error.code) from None


def check_email(address: str) -> str:
    """The address, if e-mail can be sent to it. Raises AddressRefused."""
    try:
        return _email(address)
    except AddressNotAllowed as error:
        raise AddressRefused(address=address, reason=error.code) from None


def _email(text: str) -> str:
    try:
        parsed = Address(addr_spec=text)
    except (ValueError, IndexError, MessageError):
        raise AddressNotAllowed("address_no_email") from None
    plain = text.isascii() and text.isprintable() and len(text) <= LONGEST_EMAIL
    if not plain or parsed.addr_spec != text or not parsed.username or "." not in parsed.domain.strip("."):
        raise AddressNotAllowed("address_no_email")
    return text
