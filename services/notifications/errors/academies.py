"""What is refused because it is not clear whose notices are meant."""

from shared.refusals import Refusal


class AcademyNotNamed(Refusal):
    """A national actor must say which academy is meant."""

    status = 422
    slug = "academy-not-named"
