"""Named refusals of the negotiation; their wording is in wording/negotiation/."""

from shared.refusals import Refusal


class NotYourTurn(Refusal):
    """The text is in another party's hands: they write and pass it on. Values: party, name, since."""

    status = 403
    slug = "not-your-turn"


class TurnIsTheirs(Refusal):
    """The text is in this party's hands already. Values: party, name, since."""

    slug = "turn-is-theirs"


class NotYourParty(Refusal):
    """The person does not act for this party's organisation. Values: party."""

    status = 403
    slug = "not-your-party"


class TextMovedOn(Refusal):
    """The request names another text than the present one. Values: current, named."""

    slug = "text-moved-on"


class AcceptedAlready(Refusal):
    """The party has accepted this text. Values: party."""

    slug = "accepted-already"


class NotAccepted(Refusal):
    """The party has not accepted this text, so that there is nothing to take back. Values: party."""

    slug = "not-accepted"


class NotAcceptedByAll(Refusal):
    """Some parties that sign have not accepted the text. Values: parties, names."""

    slug = "not-accepted-by-all"


class TextLocked(Refusal):
    """Every party has accepted the text: it is unlocked before it is revised or one is taken back."""

    slug = "text-locked"


class NothingToUnlock(Refusal):
    """The text is not locked: not all parties have accepted it."""

    slug = "nothing-to-unlock"
