"""Named refusals of suspensions, terminations, closings; their wording is in wording/force/."""

from shared.refusals import Refusal


class DecisionWithoutDocument(Refusal):
    """A suspension or termination stands on a legal document: its reference, or the file itself."""

    status = 422
    slug = "decision-without-document"


class ResumptionWithoutReason(Refusal):
    """Whoever lifts a suspension says why, as of every move (domain.md 14)."""

    status = 422
    slug = "resumption-without-reason"


class NoticeAhead(Refusal):
    """Notice that was given lies in the past. Values: notified_on."""

    status = 422
    slug = "notice-ahead"


class NoticeTooEarly(Refusal):
    """Before all had signed there was nothing to give notice of. Values: notified_on, earliest (its first day)."""

    slug = "notice-too-early"


class NoticeTooShort(Refusal):
    """The kind asks for more notice. Values: days, notified_on, earliest (the first day it may take effect)."""

    slug = "notice-too-short"


class EffectiveAfterTerm(Refusal):
    """The agreement is over before the decision would take effect. Values: effective_on, effective_until."""

    slug = "effective-after-term"


class EffectiveBeforeSuspension(Refusal):
    """The agreement did not rest yet on that day. Values: effective_on, suspended_on."""

    slug = "effective-before-suspension"


class EffectiveOutOfOrder(Refusal):
    """The agreement stands as it does since a later day. Values: effective_on, since."""

    slug = "effective-out-of-order"


class AlreadyAnnounced(Refusal):
    """A suspension or termination is announced already. Values: announced, effective_on."""

    slug = "already-announced"


class NothingAnnounced(Refusal):
    """There is no announced suspension or termination to take back."""

    slug = "nothing-announced"


class AnnouncementDue(Refusal):
    """What was announced takes effect: its day has come. Values: announced, effective_on."""

    slug = "announcement-due"


class ImpactChanged(Refusal):
    """What the decision would touch is not what was acknowledged. Values: changed (parts of the preview)."""

    slug = "impact-changed"


class VisaMissing(Refusal):
    """All have signed, and the visa that the kind asks for is not recorded. Values: visa (its name)."""

    slug = "visa-missing"


class NoVisaNeeded(Refusal):
    """The kind asks for no visa."""

    slug = "no-visa-needed"


class VisaRecordedAlready(Refusal):
    """The visa is recorded. Values: visa_number, recorded_on."""

    slug = "visa-recorded-already"


class NoVisaRecorded(Refusal):
    """No visa is recorded that could be taken back."""

    slug = "no-visa-recorded"


class VisaTookEffect(Refusal):
    """The agreement binds by its visa: it can only be terminated. Values: visa_number, effective_from."""

    slug = "visa-took-effect"


class VisaDatedAhead(Refusal):
    """A visa is recorded once it is granted. Values: granted_on, today."""

    status = 422
    slug = "visa-dated-ahead"


class ObligationsUnsettled(Refusal):
    """Obligations are still open. Values: obligations, names."""

    slug = "obligations-unsettled"


class EditionsUnderReview(Refusal):
    """Editions are not closed yet. Values: editions (their numbers)."""

    slug = "editions-under-review"


class CentersNotHandedOver(Refusal):
    """Centers of the agreement are neither closed nor abandoned. Values: centers, names."""

    slug = "centers-not-handed-over"


class ConfirmationsMissing(Refusal):
    """The closing confirms too little. Values: missing."""

    status = 422
    slug = "confirmations-missing"
