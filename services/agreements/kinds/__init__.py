"""Kinds of agreement, as data: what each asks of its parties, text, papers, approval, signing and editions.

A new kind is a TOML file beside this one and a folder of clauses named like it; no code. Numbers in the files are
parameters (domain: what no public text fixes): working values that the ministry sets. Whatever of a kind's data is
changed, its version is the next one; what was approved keeps the rules of its own.
"""

import tomllib
from calendar import monthrange
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.agreements.bilingual import Bilingual
from services.agreements.kinds.clauses import ClauseTemplate, read_clauses
from shared.actor import Role
from shared.events.agreements import AgreementType, AmendmentType, PartyRole, SignatureLevel

ContentPart = Literal["clause", "party", "center", "obligation", "budget_line", "annex", "term", "order"]
"""What of an agreement changes as a whole; a term is a date or the title, order that of the clauses and the like."""
REGIONAL: frozenset[AgreementType] = frozenset({"regional", "local"})
"""The types that belong to one academy; the others are national."""
BOUND = frozenset({"academy", "ministry", "network"})
"""Placeholders for the organisations that the type of an agreement binds."""
ENTERS = {
    "approve_agreement": "ready_to_sign",
    "suspend_agreement": "suspended",
    "terminate_agreement": "terminated",
}
"""Action that may wait for a paper -> the state that it leads to; any other leaves the state as it is."""


def _month_day(given: str) -> str:
    date.fromisoformat(f"2000-{given}")
    return given


MonthDay = Annotated[str, StringConstraints(pattern=r"^\d\d-\d\d$"), AfterValidator(_month_day)]
"""A day of any year, as `08-15`; 02-29 is the last of February."""


class Part(BaseModel):
    """A part of a kind's data: what it does not know it refuses."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Tier(Part):
    """One step of an approval ladder: `needed` different people of these roles."""

    id: str
    name: Bilingual
    roles: tuple[Role, ...]
    needed: int = 1
    days: int | None = None
    """Working time before the step is overdue and escalates, in calendar days; none: it never is."""
    levels: int = 2
    """How often it escalates at most: once after each further such time."""


class SigningGroup(Part):
    """Parties of these roles sign together, after the groups before; `needed` of them, all when not given."""

    roles: tuple[PartyRole, ...]
    needed: int | None = None


class SigningRule(Part):
    """In which order parties sign, at least at which level, for how long the offer stands and when it is recalled."""

    groups: tuple[SigningGroup, ...] = ()
    """No groups: everyone may sign at any time."""
    least_level: SignatureLevel = "simple"
    offer_days: int | None = None
    remind_days: tuple[int, ...] = ()
    """Days before the offer expires on which those whose turn it is are reminded."""
    parties_per_person: Annotated[int, Field(ge=1)] | None = None
    """For how many parties one person may sign the same text, themselves or through a delegate; none: for all."""

    @model_validator(mode="after")
    def _remind_within_the_offer(self) -> Self:
        if self.remind_days and max(self.remind_days) >= (self.offer_days or 0):
            raise ValueError("reminders fall within the time of the offer")
        return self

    def offered_until(self, today: date) -> date | None:
        """The last day to sign what is offered today; none without a limit."""
        return today + timedelta(days=self.offer_days) if self.offer_days else None


class DocumentRule(Part):
    """A category of papers that may be attached, and what is refused without one."""

    category: str
    name: Bilingual
    before: str | None = None
    """The action that needs it (`renew_agreement`, `terminate_agreement` ...); none: nothing waits for it."""
    for_cash: bool = False
    """Whether only a budget with cash in it needs it; another budget needs another."""
    once: bool = False
    """Whether each such action needs one of its own: a decision decides once."""
    expires: bool = False
    """Whether it must carry the last day on which it holds; after that day it counts as missing."""
    remind_days: tuple[int, ...] = ()
    """Days before its last day on which it is recalled."""
    part_of_text: bool = False
    """Whether it is agreed, frozen and signed with the clauses: nothing waits for it, and it does not end by itself."""

    @model_validator(mode="after")
    def _holds_as_long_as_the_text(self) -> Self:
        if self.part_of_text and (self.before or self.for_cash or self.once or self.expires or self.remind_days):
            raise ValueError(f"{self.category}: what is part of the text is asked for by nothing and has no last day")
        return self

    @property
    def state(self) -> str | None:
        """The state that is not entered without it; none if none waits for it."""
        return ENTERS.get(self.before) if self.before else None


class EditionRule(Part):
    """How many yearly editions there may be, and how one follows the other."""

    most: int = Field(ge=1)
    tacit: bool = False
    lead_days: int = Field(ge=0)
    """Days before an edition's end at which its renewal falls due."""


class ObligationRule(Part):
    """When those who owe are reminded, in days."""

    remind_before: tuple[int, ...] = ()
    """Days before the due date."""
    remind_after: tuple[int, ...] = ()
    """Days after it, while it is not met."""


class AmendmentRule(Part):
    """The approval ladder of one type of amendment (in a kind: its own ladder unless given), and how far it may go."""

    approval: tuple[Tier, ...] = Field(min_length=1)
    parts: tuple[ContentPart, ...] = ()
    """What it may change; everything when none is named."""


class Closure(Part):
    """A time of the year, the same every year, in which some actions rest."""

    first: MonthDay
    last: MonthDay
    """Included; before the first it lies in the next year."""
    reason: Bilingual
    actions: tuple[str, ...] = Field(min_length=1)
    """By their names: `submit_for_review`, `approve_agreement` and so on."""

    def until(self, day: date) -> date | None:
        """The last closed day of the time in which this day lies; None on an open day."""
        here = f"{day:%m-%d}"
        turns = self.last < self.first
        if not (here >= self.first or here <= self.last if turns else self.first <= here <= self.last):
            return None
        year, (month, last) = day.year + (turns and here >= self.first), map(int, self.last.split("-"))
        return date(year, month, min(last, monthrange(year, month)[1]))


class Rules(Part):
    """What a kind asks of each of its agreements: what is kept with one that is approved.

    What was kept is read for good: a field that is added here has a default, and none is renamed or taken away.
    """

    id: str
    version: int = Field(ge=1)
    """Which version of the kind's data this is."""
    agreement_type: AgreementType
    roles: tuple[PartyRole, ...] = ()
    """Roles that at least one party must hold."""
    acceptance: bool = False
    """Whether every party that signs must first accept the negotiated text."""
    approval: tuple[Tier, ...]
    signing: SigningRule = SigningRule()
    documents: tuple[DocumentRule, ...] = ()
    """The papers beside its text."""
    editions: EditionRule | None = None
    obligations: ObligationRule = ObligationRule()
    amendments: Mapping[AmendmentType, AmendmentRule] = Field(default_factory=dict)
    """Amendment type -> its rule; a type that is not listed follows the agreement's own ladder."""
    visa: Bilingual | None = None
    """The name of the visa without which what all have signed binds nobody; none of the kinds here asks for one."""
    notice_days: int = 0
    """Days between the decision to terminate and its effect, at least."""
    suspension_notice_days: int = 0
    """Days between the decision to suspend and its effect, at least."""
    archive_days: int = 365
    """Days from the closing to the archive."""

    @property
    def required(self) -> dict[str, list[str]]:
        """State -> the categories of papers without which it is not entered."""
        states = dict.fromkeys(rule.state for rule in self.documents if rule.state)
        return {state: [rule.category for rule in self.documents if rule.state == state] for state in states}

    def as_kept(self) -> dict[str, Any]:
        """The rules alone, as JSON values, with what is not said at its default: a default may change too."""
        return self.model_dump(mode="json", include=set(Rules.model_fields))


@lru_cache(maxsize=512)
def rules_of(kept: str) -> Rules:
    """The rules that were kept as this JSON; what a later version of Mithaq kept beside them is passed over."""
    return Rules.model_validate_json(kept, extra="ignore")


class Kind(Rules):
    """One kind of agreement as it is today: its rules, and what it says to those who draft."""

    name: Bilingual
    children: tuple[str, ...] = ()
    """Kinds that may name an agreement of this kind as their parent."""
    clauses: tuple[ClauseTemplate, ...] = Field(min_length=1)
    """The sections of its text, in their order."""
    closed: tuple[Closure, ...] = ()
    """When which actions rest; none of the kinds here has such a time, as no public text names one."""

    @model_validator(mode="before")
    @classmethod
    def _one_ladder(cls, said: dict[str, Any]) -> dict[str, Any]:
        rules = said.get("amendments", {})
        return said | {"amendments": {name: {"approval": said.get("approval"), **rules[name]} for name in rules}}

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        keys = [each.key for each in self.clauses]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise ValueError(f"kind {self.id}: these clauses come twice: {twice}")
        given = {*self.roles, *({"academy"} if self.agreement_type in REGIONAL else {"ministry"})}
        given |= {"network"} if self.agreement_type == "network" else set()
        named = {*get_args(PartyRole), *BOUND}
        if missing := sorted(
            {name for each in self.clauses for name in each.placeholders & named - given - {each.when}}
        ):
            raise ValueError(f"kind {self.id}: no party is sure to be there for {missing}")
        if self.children and self.agreement_type != "framework":
            raise ValueError(f"kind {self.id}: only a framework has children")
        if self.editions and self.agreement_type == "framework":
            raise ValueError(f"kind {self.id}: a framework has no editions, that none ends before its children")
        return self


def read_kinds(folder: Path) -> dict[str, Kind]:
    """The kinds of a folder, by their ids. Raises ValueError for one that does not hold together."""
    found = {file.stem: _read(file) for file in sorted(folder.glob("*.toml"))}
    for kind in found.values():
        if unknown := sorted({*kind.children} - found.keys()):
            raise ValueError(f"kind {kind.id}: there are no kinds {unknown}")
    return found


def _read(file: Path) -> Kind:
    data = tomllib.loads(file.read_text("utf-8"))
    common = file.with_name("common")
    data["clauses"] = read_clauses(data["clauses"], file.with_suffix(""), common)
    data["documents"] = _documents(data.get("documents", ()), common / "documents.toml")
    return Kind.model_validate({"id": file.stem, **data}, strict=False)


def _documents(wanted: Iterable[str | dict[str, Any]], common: Path) -> list[dict[str, Any]]:
    """Categories: each the kind's own, or named after one that kinds share."""
    shared = tomllib.loads(common.read_text("utf-8")) if common.exists() else {}
    return [{"category": each, **shared[each]} if isinstance(each, str) else each for each in wanted]


KINDS: Mapping[str, Kind] = read_kinds(Path(__file__).parent)
"""Every kind there is, as it is today, by its id."""
