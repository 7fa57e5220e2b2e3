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


class CountDatedAhead(Refusal):
    """Learners are counted on a day that has come. Values: counted_on, today."""

    slug = "count-dated-ahead"


class CountDatedBack(Refusal):
    """A count is not older than the last one, nor than the opening. Values: counted_on, since."""

    slug = "count-dated-back"


class CountOutsideSeats(Refusal):
    """There are between no learners and as many as have a seat. Values: funded, unfunded: the most of each."""

    slug = "count-outside-seats"


class LearnersStillEnrolled(Refusal):
    """A center closes once no learner is enrolled. Values: funded_enrolled, unfunded_enrolled, counted_on."""

    slug = "learners-still-enrolled"
