"""Named refusals of ceremonies; their wording is in wording/{ar,fr,en}.toml."""

from shared.refusals import Refusal


class CeremonyNotOpen(Refusal):
    """Nothing is signed in a ceremony that is not open. Values: ceremony, kind, state."""

    slug = "ceremony-not-open"


class NotInTheCeremony(Refusal):
    """The agreement is not in the ceremony's order of business. Values: ceremony."""

    slug = "not-in-the-ceremony"


class SignedInItsCeremony(Refusal):
    """A ceremony under way has the agreement in its order of business: it is signed there. Values: ceremony."""

    slug = "signed-in-its-ceremony"


class AlreadyInACeremony(Refusal):
    """Another ceremony that is not over has the agreement in its order. Values: agreement, ceremony."""

    slug = "already-in-a-ceremony"


class AgreementOver(Refusal):
    """Agreements that are signed, ended or cancelled are in no order of business. Values: agreements."""

    slug = "agreement-over"


class LobbyNotReady(Refusal):
    """Not every text is frozen, or not every party may sign. Values: not_frozen, without_mandate, not_accredited."""

    slug = "lobby-not-ready"
