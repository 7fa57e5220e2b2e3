"""What the centers service refuses, by name."""

from shared.refusals import Refusal


class ProvinceOutsideAcademy(Refusal):
    """The center's province does not lie in the region of the agreement's academy. Values: province, academy."""

    slug = "province-outside-academy"


class NoSeats(Refusal):
    """A center has at least one seat, and no kind of seat less than none. Values: funded_seats, unfunded_seats."""

    slug = "no-seats"


class VisaDatedAhead(Refusal):
    """A visa is recorded once it is granted. Values: granted_on, today."""

    slug = "visa-dated-ahead"


class AgreementRests(Refusal):
    """The center is suspended with its agreement and resumes with it. Values: agreement_id."""

    slug = "agreement-rests"
