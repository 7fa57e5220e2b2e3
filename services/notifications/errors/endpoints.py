"""What endpoints refuse."""

from shared.refusals import Refusal


class AddressRefused(Refusal):
    """Not an address that can be told anything, or one we never call. Values: address, reason."""

    status = 422
    slug = "address-refused"


class NothingToSign(Refusal):
    """An e-mail address has no signing secret."""

    slug = "nothing-to-sign"


class SecretsStillOverlap(Refusal):
    """Too many secrets still sign. Values: until, when the first of them ends."""

    slug = "secrets-still-overlap"
