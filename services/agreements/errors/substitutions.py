"""Named refusals of substitutions; their wording is in wording/substitutions/."""

from shared.refusals import Refusal


class SubstituteIsOneself(Refusal):
    """Nobody is their own substitute."""

    status = 422
    slug = "substitute-is-oneself"


class SubstitutionReversed(Refusal):
    """The days are reversed or over. Values: valid_from, valid_until (both included)."""

    status = 422
    slug = "substitution-reversed"


class NoSubstitution(Refusal):
    """The person did not name this substitute for this day. Values: person, day."""

    status = 403
    slug = "no-substitution"


class SubstitutionOutOfScope(Refusal):
    """The person named this substitute for other files.

    Values: person, agreement_kind, name (the kind's), academy, agreement_id.
    """

    status = 403
    slug = "substitution-out-of-scope"


class SubstituteElsewhere(Refusal):
    """A substitute belongs to the same jurisdiction as the person. Values: jurisdiction."""

    status = 403
    slug = "substitute-elsewhere"


class NotYourSubstitution(Refusal):
    """Only who named a substitute takes it back."""

    status = 403
    slug = "not-your-substitution"
