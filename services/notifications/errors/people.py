"""Refusals about people's notices."""

from shared.refusals import Refusal


class NotABounce(Refusal):
    """Not a delivery status notification (RFC 3464) about a letter of ours."""

    status = 422
    slug = "not-a-bounce"


class ReceiptNotDue(Refusal):
    """The deadline of the receipt has not passed. Values: due_at."""

    slug = "receipt-not-due"


class MatchesNothing(Refusal):
    """No event type fits the pattern. Values: pattern."""

    status = 422
    slug = "matches-nothing"


class TooManySubscriptions(Refusal):
    """A person, or an endpoint, has so many subscriptions and no more. Values: most."""

    slug = "too-many-subscriptions"


class AgreementTypeUnknown(Refusal):
    """There is no such type of agreement. Values: given, known, the types there are."""

    status = 422
    slug = "agreement-type-unknown"
