"""Named refusals of sealing; their wording is in wording/sealing/{ar,fr,en}.toml."""

from shared.refusals import Refusal, Unavailable


class LevelNotOffered(Refusal):
    """This installation makes no seals of that level. Values: level, offered (levels)."""

    slug = "level-not-offered"


class NoCertificate(Refusal):
    """No certificate is kept for the organisation. Values: organisation."""

    slug = "no-certificate"


class CertificateNotTrusted(Refusal):
    """The certificate leads to no root that this installation trusts."""

    slug = "certificate-not-trusted"


class CertificateNotValid(Refusal):
    """The certificate does not cover this day. Values: valid_from, valid_until (days)."""

    slug = "certificate-not-valid"


class CertificateNotQualified(Refusal):
    """A qualified signature was asked for, and the certificate does not state that it is qualified for one."""

    slug = "certificate-not-qualified"


class CertificateOfAnother(Refusal):
    """The certificate is not the party's: it names another organisation, or its key sealed for another party.

    Values: organisation, name (by language), holder (as the certificate names it; a dash for nobody).
    """

    slug = "certificate-of-another"


class PlaceSealed(Refusal):
    """The party's place in the sealed file bears its contested seal: it signs in another way."""

    slug = "place-sealed"


class CertificateRevoked(Refusal):
    """The certificate was revoked."""

    slug = "certificate-revoked"


class SealedFileDamaged(Refusal):
    """The file that carries the seals given so far is not what was sealed, or is not there. Values: hash."""

    slug = "sealed-file-damaged"


class SealUnavailable(Unavailable):
    """Who holds the key does not answer; nothing was signed."""

    slug = "seal-unavailable"
