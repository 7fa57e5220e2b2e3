"""Named refusals of editions and renewals; their wording is in wording/editions/{ar,fr,en}.toml."""

from shared.refusals import Refusal


class EditionsExhausted(Refusal):
    """The kind allows no further edition. Values: most."""

    slug = "editions-exhausted"


class RenewalNotDue(Refusal):
    """No renewal is to be decided: none has fallen due yet, or it is decided. Values: due_on (none if never)."""

    slug = "renewal-not-due"


class RenewalNotAllowedNow(Refusal):
    """The renewal's state does not allow the action. Values: kind, action, state, allowed."""

    slug = "renewal-not-allowed-now"


class RenewalNotFavourable(Refusal):
    """An edition with an unfavourable evaluation is not renewed. Values: edition."""

    slug = "renewal-not-favourable"


class EndAnnounced(Refusal):
    """The agreement is to be terminated before the next edition begins. Values: effective_on."""

    slug = "end-announced"


class TermBeyondEditions(Refusal):
    """The term is longer than the editions that the kind allows. Values: most, latest."""

    status = 422
    slug = "term-beyond-editions"


class EditionOutsideTerm(Refusal):
    """The next edition would end before it starts, after a year or after the agreement. Values: starts_on, latest."""

    status = 422
    slug = "edition-outside-term"


class SchoolYearPassed(Refusal):
    """The next edition is of a later school year than those before. Values: school_year, last."""

    status = 422
    slug = "school-year-passed"


class BudgetYearOutsideEdition(Refusal):
    """The budget year is none of the years in which the next edition runs. Values: first, last."""

    status = 422
    slug = "budget-year-outside-edition"


class PartyNotCarried(Refusal):
    """The next edition needs parties that are not carried over to it. Values: parties, names."""

    status = 422
    slug = "party-not-carried"


class SeatsNotPlaced(Refusal):
    """The next edition's seats are not those of its centers. Values: funded_seats, unfunded_seats of the centers."""

    status = 422
    slug = "seats-not-placed"


class EditionNotUnderReview(Refusal):
    """Only an edition under review is closed. Values: kind, edition, state."""

    slug = "edition-not-under-review"


class NoEditions(Refusal):
    """The agreement goes by no editions, so that none is closed."""

    slug = "no-editions"


class EditionUnsettled(Refusal):
    """Of what was due in it something is claimed or frozen. Values: obligations, names."""

    slug = "edition-unsettled"
