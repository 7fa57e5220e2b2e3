"""What endpoints refuse."""

from shared.refusals import Refusal


class AddressRefused(Refusal):
    """Not an address that can be told anything, or one we never call. Values: address, reason (a code)."""

    status = 422
    slug = "address-refused"


class NothingToSign(Refusal):
    """An e-mail address has no signing secret."""

    slug = "nothing-to-sign"


class NothingToSecure(Refusal):
    """An e-mail address has no certificate of its own."""

    slug = "nothing-to-secure"


class CertificateRefused(Refusal):
    """Not a certificate, key or authority that TLS can use. Values: reason (a code)."""

    status = 422
    slug = "certificate-refused"


class SecretsStillOverlap(Refusal):
    """Too many secrets still sign. Values: until, when the first of them ends."""

    slug = "secrets-still-overlap"


class KeyMissing(Refusal):
    """Secrets lie under a key-encryption key that this installation does not list. Values: key, its name."""

    slug = "key-missing"


class PeriodEmpty(Refusal):
    """Nothing lies between these two instants."""

    status = 422
    slug = "period-empty"
