"""Named refusals of negotiation, approval and substitution; their wording is in wording/approval/."""

from collections.abc import Collection, Mapping
from typing import Self
from uuid import UUID

from services.agreements.bilingual import Bilingual, called
from shared.refusals import Refusal


class StepNotTheirs(Refusal):
    """The current step of the ladder belongs to other roles. Values: step (its name), roles."""

    status = 403
    slug = "step-not-theirs"


class ApprovedAlready(Refusal):
    """Who approved a step, in person or as a substitute, approves no other of the same file. Values: step."""

    status = 403
    slug = "approved-already"


class AuthorDoesNotApprove(Refusal):
    """Who drafted or revised the text does not approve it, nor judge it in another's place."""

    status = 403
    slug = "author-does-not-approve"


class MandatesMissing(Refusal):
    """For some parties nobody holds a mandate for it on its freezing day. Values: organisations, parties (names)."""

    slug = "mandates-missing"

    @classmethod
    def naming(cls, organisations: Collection[UUID], names: Mapping[UUID, Bilingual]) -> Self:
        """For these organisations, by their names as far as they are known."""
        return cls(organisations=list(organisations), parties=called(organisations, names))


class ClosedPeriod(Refusal):
    """The kind closes the action for a time of the year. Values: action, until (the last closed day), reason."""

    slug = "closed-period"
