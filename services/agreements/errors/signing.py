"""Named refusals of signing; their wording is in wording/signing/{ar,fr,en}.toml."""

from shared.refusals import Refusal


class NotYourTurnToSign(Refusal):
    """Others sign first. Values: awaited (party ids), names (theirs, as the freezing of the text knew them)."""

    slug = "not-your-turn-to-sign"


class LevelTooLow(Refusal):
    """The kind of agreement asks for a higher level of signature. Values: level, least."""

    slug = "level-too-low"


class OfferExpired(Refusal):
    """The time to sign is over; the offer can be renewed. Values: offered_until (the last day, included)."""

    slug = "offer-expired"


class OfferStillStands(Refusal):
    """What is asked for can only be done once the time to sign is over. Values: offered_until."""

    slug = "offer-still-stands"


class DelegateIsOneself(Refusal):
    """Nobody delegates to themselves."""

    status = 422
    slug = "delegate-is-oneself"


class DelegationOver(Refusal):
    """The delegation ended before this day. Values: valid_until (the last day, included)."""

    slug = "delegation-over"


class NothingDelegated(Refusal):
    """Nobody signs for the party, or for any, by delegation. Values: party (its id, or None)."""

    slug = "nothing-delegated"


class NotYourDelegation(Refusal):
    """Only who delegated takes it back. Values: delegator (the person)."""

    status = 403
    slug = "not-your-delegation"


class SignsForOthers(Refusal):
    """One person signs for so many parties at most, as the kind says.

    Values: most, parties (ids of those for which the person has signed), names (of these parties).
    """

    slug = "signs-for-others"


class ScanToBeChecked(Refusal):
    """A scan of the party's signature on paper waits for its check. Values: party."""

    slug = "scan-to-be-checked"


class NoScanToCheck(Refusal):
    """No scan waits for a check, or none of this party."""

    slug = "no-scan-to-check"


class WitnessIsSigner(Refusal):
    """Nobody attests their own signature."""

    status = 422
    slug = "witness-is-signer"


class SignedBeforeText(Refusal):
    """On the day on the paper the text was not frozen yet: it is no signature of it. Values: signed_on, frozen_on."""

    slug = "signed-before-text"


class SignedBeforeDelegation(Refusal):
    """On the day on the paper nobody had delegated to who signed it. Values: signed_on, delegated_on."""

    slug = "signed-before-delegation"


class NothingContested(Refusal):
    """The party's signature is not contested, or was confirmed: there is nothing to confirm. Values: party."""

    slug = "nothing-contested"


class CheckedByAnother(Refusal):
    """A scan is checked by somebody who neither signed it nor attested it."""

    status = 403
    slug = "checked-by-another"


class TextTampered(Refusal):
    """What is kept is not what was frozen any more. Values: places, where.

    A place is `<clause>/<language>`, `table`, `terms`, `annexes`, `kind`, `framework`, `number`, `parties`, `names`,
    `delegations` or `signatures`; `where` are their names by language.
    """

    slug = "text-tampered"


class FileUnknown(Refusal):
    """No document of the agreement is this file. Values: file_hash."""

    status = 422
    slug = "file-unknown"
