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


class SignedBeforeTheSitting(Refusal):
    """What was signed on paper before the ceremony was opened is not signed in it. Values: ceremony, signed_on."""

    slug = "signed-before-the-sitting"


class NobodySeated(Refusal):
    """Nobody sits in the ceremony for the organisation that would sign there. Values: ceremony, organisation."""

    slug = "nobody-seated"


class OnTheTable(Refusal):
    """A ceremony under way has the agreement in its order: it is struck from there first. Values: ceremony."""

    slug = "on-the-table"


class TakenUpInTheCeremony(Refusal):
    """The agreement was signed or declined in the sitting, which its minutes tell. Values: agreement."""

    slug = "taken-up-in-the-ceremony"


class AlreadyInACeremony(Refusal):
    """Another ceremony that is not over has the agreement in its order.

    Values: agreement, title, ceremony, planned_for.
    """

    slug = "already-in-a-ceremony"


class OrderNotKept(Refusal):
    """An academy holds ceremonies of agreements that it keeps, the ministry those of others too.

    Values: agreements, names.
    """

    status = 403
    slug = "order-not-kept"


class AgreementOver(Refusal):
    """Agreements that are signed, ended or cancelled are in no order of business. Values: agreements, names."""

    slug = "agreement-over"


class LobbyNotReady(Refusal):
    """Agreements are not ready to be signed. Values: missing, a list of {agreement, what, organisations}.

    `what` is `cancelled`, `text` (not frozen), `tampered` (altered since), `offer` (its last day to sign is past),
    `parent` (it does not let its child be signed), `mandate` (nobody may sign for them today), `scope` (nobody may
    sign this agreement for them) or `accreditation`.
    """

    slug = "lobby-not-ready"


class BeforeItsDay(Refusal):
    """The ceremony is planned for a later day: it is postponed and given this one. Values: planned_for, first."""

    slug = "before-its-day"


class SeatsNotQuorate(Refusal):
    """Too few parties are seated for some agreements. Values: missing, as of LobbyNotReady; `what` is `seat`."""

    slug = "seats-not-quorate"


class NoChair(Refusal):
    """Nobody presides yet."""

    slug = "no-chair"


class AgreementsMissing(Refusal):
    """A ceremony without any agreement is cancelled, not emptied. Values: ceremony."""

    slug = "agreements-missing"


class NotAtTheTable(Refusal):
    """Only parties of the ceremony's agreements have a seat; they or the ministry preside. Values: organisation."""

    slug = "not-at-the-table"


class NoSeatLeft(Refusal):
    """As many sit for the organisation as may. Values: organisation, most."""

    slug = "no-seat-left"


class NotSeated(Refusal):
    """Nobody of this name sits for the organisation. Values: organisation."""

    slug = "not-seated"


class OrderLeavesOut(Refusal):
    """A new order leaves out agreements, which are struck instead. Values: agreements."""

    slug = "order-leaves-out"


class ScreenFull(Refusal):
    """As many watch this screen as may at a time. Values: most."""

    status = 503
    slug = "screen-full"
