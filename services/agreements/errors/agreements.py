"""Named refusals of agreements; their wording is in wording/{ar,fr,en}.toml."""

from shared.refusals import Refusal


class KindUnknown(Refusal):
    """There is no such kind of agreement. Values: agreement_kind, known, names."""

    status = 422
    slug = "kind-unknown"


class KindIsKept(Refusal):
    """An agreement keeps its kind and its academy. Values: agreement_kind, academy, name (the kind's)."""

    slug = "kind-is-kept"


class DayNotPossible(Refusal):
    """Terms name days of this age, which can be reckoned with. Values: day, first, last (both included)."""

    status = 422
    slug = "day-not-possible"


class AgreedDayNotPossible(Refusal):
    """What was agreed on such a day before that was refused neither goes on nor binds. Values: day, first, last."""

    slug = "agreed-day-not-possible"


class NotYetKnown(Refusal):
    """What an agreement will be on a day to come is not known: it is told up to today. Values: day, today."""

    status = 422
    slug = "not-yet-known"


class PeriodReversed(Refusal):
    """The agreement would end before it starts. Values: effective_from, effective_until."""

    status = 422
    slug = "period-reversed"


class SchoolYearNotOne(Refusal):
    """A school year is two years that follow one another, as 2024/2025. Values: school_year."""

    status = 422
    slug = "school-year-not-one"


class AcademyNotForType(Refusal):
    """A regional or local agreement names its academy, a national one none. Values: agreement_type."""

    status = 422
    slug = "academy-not-for-type"


class PartyRepeated(Refusal):
    """An organisation is a party once, with all its roles. Values: organisation, name."""

    status = 422
    slug = "party-repeated"


class PartyMissing(Refusal):
    """This type of agreement binds an organisation that is not a party.

    Values: organisation, which (academy, ministry or network).
    """

    status = 422
    slug = "party-missing"


class RolesMissing(Refusal):
    """No party has a role that this type of agreement needs. Values: roles."""

    status = 422
    slug = "roles-missing"


class TooFewSign(Refusal):
    """Two parties at least sign an agreement; who only witnesses need not."""

    status = 422
    slug = "too-few-sign"


class PartyMustSign(Refusal):
    """This type of agreement binds an organisation that would only witness it.

    Values: organisation, which (academy, ministry or network).
    """

    status = 422
    slug = "party-must-sign"


class WitnessOwesNothing(Refusal):
    """Who only witnesses neither owes an obligation nor pays a budget line. Values: party, name."""

    status = 422
    slug = "witness-owes-nothing"


class RoleReserved(Refusal):
    """Only the ministry supervises as ministry. Values: organisation."""

    status = 422
    slug = "role-reserved"


class ProvinceOutsideAcademy(Refusal):
    """A center lies in no province, or in one of another academy.

    Values: province, academy, name (the center's), where (the province by its name).
    """

    status = 422
    slug = "province-outside-academy"


class OperatorNotAParty(Refusal):
    """A center's operator is not an operator of the agreement. Values: organisation, name (the center's)."""

    status = 422
    slug = "operator-not-a-party"


class CenterWithoutSeats(Refusal):
    """A center to be opened would have no seat at all. Values: center, name."""

    status = 422
    slug = "center-without-seats"


class TextMissing(Refusal):
    """The agreement has no text yet."""

    slug = "text-missing"


class PartiesNotVetted(Refusal):
    """Some parties are unknown to the network, or associations without accreditation. Values: organisations, names."""

    slug = "parties-not-vetted"


class TermOver(Refusal):
    """The agreement's end date has passed. Values: effective_until."""

    slug = "term-over"


class NotAParty(Refusal):
    """The agreement has no such party. Values: party."""

    slug = "not-a-party"


class AlreadySigned(Refusal):
    """The party has signed. Values: party."""

    slug = "already-signed"


class TextHashDiffers(Refusal):
    """The signature names another text than the frozen one. Values: frozen, named."""

    slug = "text-hash-differs"


class NoMandate(Refusal):
    """The person was never mandated by the party's organisation. Values: organisation."""

    status = 403
    slug = "no-mandate"


class MandateNotValid(Refusal):
    """The person's mandate does not cover this day. Values: organisation, valid_from, valid_until (both included)."""

    status = 403
    slug = "mandate-not-valid"


class MandateOutOfScope(Refusal):
    """The person's mandate is for other agreements. Values: organisation, agreement_type, academy, agreement."""

    status = 403
    slug = "mandate-out-of-scope"


class AssociationNotAccredited(Refusal):
    """The association may sign nothing at present. Values: organisation, standing."""

    slug = "association-not-accredited"


class EffectiveDateAhead(Refusal):
    """A decision takes effect on its day or is recorded after it, never before. Values: effective_on."""

    slug = "effective-date-ahead"


class CenterNotInAgreement(Refusal):
    """The agreement names no such center. Values: centers."""

    slug = "center-not-in-agreement"
