"""Named refusals of obligations; their wording is in wording/obligations/{ar,fr,en}.toml."""

from shared.refusals import Refusal


class ObligationPartyUnknown(Refusal):
    """An obligation is owed by, or to, somebody who is not a party. Values: party."""

    status = 422
    slug = "obligation-party-unknown"


class ObligationToOneself(Refusal):
    """A party owes itself nothing. Values: party."""

    status = 422
    slug = "obligation-to-oneself"


class ObligationOutsideTerm(Refusal):
    """An obligation would be due while the agreement does not bind. Values: due_on, effective_from, effective_until."""

    status = 422
    slug = "obligation-outside-term"


class ObligationOfAnotherCenter(Refusal):
    """An obligation waits for the opening of a center that the agreement does not name. Values: center."""

    status = 422
    slug = "obligation-of-another-center"


class NothingOwed(Refusal):
    """No obligation of the agreement is in a state in which this can be done. Values: kind, action, states."""

    slug = "nothing-owed"


class ObligationNotAllowedNow(Refusal):
    """The obligation's state does not allow the action.

    Values: kind, obligation, occurrence, action, state, allowed.
    """

    slug = "obligation-not-allowed-now"


class NotYourObligation(Refusal):
    """Another party owes it or is owed it, or another keeps the agreement. Values: obligation, action."""

    status = 403
    slug = "not-your-obligation"


class ObligationsUnmet(Refusal):
    """Obligations that this waits for are not met. Values: action, obligations, names."""

    slug = "obligations-unmet"
