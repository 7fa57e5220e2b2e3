"""What is asked about subscriptions and explanations, and what is answered."""

from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, Self, get_args
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from services.notifications.errors import AgreementTypeUnknown, MatchesNothing
from services.notifications.kinds import Importance
from services.notifications.notice import wording
from services.notifications.reasons import said
from services.notifications.telling import LISTS, Rule, Why
from shared.events.agreements import AgreementType
from shared.events.catalog import BY_TYPE
from shared.territory import AcademyCode, ProvinceCode
from shared.web import Body

Pattern = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.*]{1,100}$")]
TYPES_OF_AGREEMENT = get_args(AgreementType)
TypeOfAgreement = Annotated[str, Field(max_length=100, json_schema_extra={"enum": list(TYPES_OF_AGREEMENT)})]
"""One that there is not is refused by a name of its own."""
Condition = Literal["importance", "types", "academies", "provinces", "agreement_types", "parties"]
MOST = 50
"""Most values of one condition."""
ABOUT_AGREEMENTS = (
    "types of the agreement that an event is about: its own events, its amendments', open points', reminders' and"
    " centers'. An event about several agreements, or about one whose type is not known, does not fit"
)


class Conditions(Body):
    """What one wants to be told: all conditions hold; one that is left out always does."""

    types: list[Pattern] = Field([], max_length=MOST, description="event types, `*` standing for anything")
    academies: list[AcademyCode] = Field([], max_length=MOST)
    provinces: list[ProvinceCode] = Field([], max_length=MOST)
    agreement_types: list[TypeOfAgreement] = Field([], max_length=MOST, description=ABOUT_AGREEMENTS)
    parties: list[UUID] = Field([], max_length=MOST, description="organisations that are concerned")
    importance: Importance = Field("information", description="the least importance")

    def conditions(self) -> dict[str, Any]:
        """The columns of a rule.

        Raises MatchesNothing for a pattern that no event type fits, AgreementTypeUnknown for a type there is not.
        """
        for pattern in self.types:
            if not any(fnmatchcase(type, pattern) for type in BY_TYPE):
                raise MatchesNothing(pattern=pattern)
        for agreement_type in self.agreement_types:
            if agreement_type not in TYPES_OF_AGREEMENT:
                raise AgreementTypeUnknown(given=agreement_type, known=", ".join(TYPES_OF_AGREEMENT))
        return {
            "types": self.types,
            "academies": self.academies,
            "provinces": self.provinces,
            "agreement_types": self.agreement_types,
            "parties": [f"org:{party}" for party in self.parties],
            "importance": self.importance,
        }

    def rule(self, id: UUID) -> Rule:
        """The rule they would be."""
        kept = self.conditions()
        lists = {name: tuple(kept[name]) for name in LISTS}
        return Rule(id, importance=self.importance, **lists)


class Subscribe(Conditions):
    """A subscription to be."""

    endpoint_id: UUID | None = Field(None, description="whom to tell; oneself when left out")


class SubscriptionAnswer(BaseModel):
    """What an endpoint or a person asked to be told."""

    id: UUID
    endpoint_id: UUID | None
    types: list[str]
    academies: list[str]
    provinces: list[str]
    agreement_types: list[str]
    parties: list[UUID]
    importance: Importance
    made_at: datetime
    made_by: str

    @classmethod
    def of(cls, row: Any) -> Self:
        """The subscription of a row."""
        facts = {name: getattr(row, name) for name in cls.model_fields if name != "parties"}
        return cls(**facts, parties=[UUID(code.removeprefix("org:")) for code in row.parties])


class Sample(BaseModel):
    """An event that would have been told."""

    id: UUID
    type: str
    time: datetime
    summary: str


class RehearsalAnswer(BaseModel):
    """What a subscription would have told in the days asked about. Nothing was sent and nothing written."""

    since: datetime
    considered: int = Field(description="events within one's jurisdiction, the newest first")
    complete: bool = Field(description="false when there were more events than a rehearsal looks at")
    told: int
    types: dict[str, int] = Field(description="how many of each type")
    samples: list[Sample] = Field(description="the newest of them")


class SendingAnswer(BaseModel):
    """How far the message got that an endpoint was owed, or the letter that tells a person."""

    state: Literal["open", "waiting", "delivered", "sent", "refused", "failed", "void"] = Field(
        description="delivered or refused: an endpoint's; sent, refused, failed (given up) or void (left out of it,"
        " as its person wished or moved since): a letter's"
    )
    id: UUID = Field(description="the delivery's or the letter's: its attempts are read by it")
    attempts: int = Field(description="since it was last set going")
    replayed: bool = Field(description="whether it was asked for again after it had arrived")
    again: Literal["recovered", "replayed", "resent"] | None = Field(
        description="how it was last asked for again; null: it was only told, or waited anyway"
    )
    code: str | None = Field(
        description="what came of the last attempt, or why it is void, as a code that stays; null before that"
    )
    reason: str | None = Field(description="the same in words")
    alert: UUID | None = Field(description="the event that says that a statutory letter was given up; it is told too")
    language: str | None = Field(description="of the message that was sent last; null before that")
    ended_at: datetime | None = Field(description="when it arrived, or when it was given up")

    @classmethod
    def of(cls, row: Any, language: str) -> Self:
        """What became of it, as people of this language read it."""
        told = {name: getattr(row, name) for name in cls.model_fields if name not in ("code", "reason")}
        if row.left_out:
            return cls(**told, code=row.left_out, reason=wording().text(f"why.{row.left_out}", language))
        return cls(**told | said(row.reason, language))


class UnmetAnswer(BaseModel):
    """A subscription that an event did not fit."""

    rule: UUID = Field(description="the subscription")
    conditions: list[Condition] = Field(description="which of its conditions the event did not meet")
    reason: str = Field(description="the same in words")


class ToldAnswer(BaseModel):
    """That somebody was told, or was not, as it was decided then; and what became of it."""

    recipient: UUID = Field(description="an endpoint's or a person's id")
    name: str | None = Field(description="the endpoint's address, or the person")
    jurisdiction: str
    channel: str | None = Field(description="webhook, email or inbox; null: none, for one reason")
    language: str
    why: Why
    reason: str = Field(description="the same in words")
    rule: UUID | None = Field(description="the subscription that decided")
    unmet: list[UnmetAnswer] = Field(
        description="where none matched, which conditions were not met; empty: there was none, or it was not kept then"
    )
    due: datetime | None = Field(description="when it was to be told; null: never")
    sending: SendingAnswer | None = Field(None, description="null for an inbox, and where nothing was ever to be sent")


class UnheardAnswer(BaseModel):
    """A statutory notice of which nobody was told where it had to be."""

    id: UUID = Field(description="the event's: its explanation says who was told elsewhere, and who was not and why")
    type: str
    time: datetime
    summary: str
    unheard: list[str] = Field(description="academies, and `national` for the ministry")


class ExplanationAnswer(BaseModel):
    """Who was told of an event, and who was not, and why: what was decided then, not what would be decided now."""

    event_id: UUID
    type: str
    time: datetime
    summary: str
    audience: list[str] = Field(description="the academies it concerns: nobody else was considered")
    unheard: list[str] = Field(
        description="of a statutory notice, the academies, and the nation, nobody of whom was told; empty: none"
    )
    statutory: bool
    importance: Importance
    told: list[ToldAnswer]
    not_told: list[ToldAnswer]
    sent_later: list[ToldAnswer] = Field(
        description="who was not told then: endpoints that got the message by a recovery or a replay,"
        " and people who came later and found it in their inbox"
    )
