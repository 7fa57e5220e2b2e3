"""What the network service refuses, by name."""

from shared.refusals import Refusal


class ProvinceOutsideAcademy(Refusal):
    """The seat's province does not lie in the academy's region. Values: province, academy."""

    status = 422
    slug = "province-outside-academy"


class AlreadyRegistered(Refusal):
    """Another association of the register has this ICE. Values: ice."""

    slug = "already-registered"


class UnknownOrganisation(Refusal):
    """The mandate names neither an organisation nor an association. Values: organisation_id."""

    status = 422
    slug = "unknown-organisation"


class MandateDatesReversed(Refusal):
    """The mandate would end before it begins. Values: valid_from, valid_until."""

    status = 422
    slug = "mandate-dates-reversed"


class MandateEndsOutsideItself(Refusal):
    """A mandate ends early on a day from today to its last. Values: earliest, latest."""

    slug = "mandate-ends-outside-itself"
