"""Telling: who is told of an event, on which channel, when and why. One pure decision.

The reaction tells by it, an explanation shows what it decided then, and a rehearsal asks it about the past.
Jurisdiction comes first: whatever a rule says, nobody is told of what is not theirs to see.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, Self, get_args
from uuid import UUID

from services.notifications.circle import Circle, left_with
from services.notifications.kinds import IMPORTANCE, Importance, Kind, Queue, kinds
from services.notifications.preferences import Preferences
from shared.actor import Role
from shared.events.base import DomainEvent, Occurrence
from shared.subscribing import unmet
from shared.territory import ACADEMY_CODES, MINISTRY_ID, codes_of, jurisdiction_of

Channel = Literal["webhook", "email", "inbox"]
Why = Literal[
    "statutory",
    "rule",
    "no_rules",
    "work",
    "named",
    "not_theirs",
    "outside_jurisdiction",
    "no_rule_matches",
    "own_act",
    "disabled",
    "switched_off",
    "no_address",
    "address_suspended",
    "no_letters",
    "left",
    "recovered",
    "replayed",
]
Naming = Literal["you", "answered", "yours"]
NAMINGS: tuple[Naming, ...] = get_args(Naming)
NAMED = ("person", "substitute", "delegate")
"""The fields by which events name the person they are about."""
MENTIONED = "people"
ANSWERED = "commenters"
SEVERAL = (MENTIONED, ANSWERED)
"""The fields by which they name several."""
INVOLVED = "organisations"
"""The field by which they name whole organisations."""
AWAITED = "awaited"
"""The field by which they name the organisations whose work they are, and no other's."""
HELD = "roles"
"""The field by which they name the roles for whom something waits, and is overdue at a level."""
LISTS = ("types", "academies", "provinces", "agreement_types", "parties")
"""The conditions of a rule of which one value must fit; empty, all do."""
MINISTRY = codes_of(MINISTRY_ID)
"""The codes under which the ministry is a party."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event as far as it decides who is told."""

    type: str
    subject: UUID
    audience: frozenset[str]
    """Academies."""
    codes: frozenset[str]
    """All whose jurisdiction it lies in: the nation, the audience, the directorates and organisations concerned."""
    provinces: frozenset[str]
    actor: str
    named: frozenset[str] = frozenset()
    """The people it names, and the jurisdictions of those whose organisation it names or no longer concerns."""
    awaited: frozenset[str] = frozenset()
    """The jurisdictions whose work it is; none: of all whose role it is."""
    agreement_type: str | None = None
    """Of the agreement it is about; None: of no single one, or it is not known."""
    waits_for: frozenset[Role] = frozenset()
    """The roles whose work alone it is, and those to whom it escalates; none: of all whose queue it is."""
    of_several: bool = False
    """Whether it is about agreements of several: to each of them the others are not named."""

    @classmethod
    def at(cls, occurrence: Occurrence[DomainEvent], circle: Circle, left: frozenset[str] = frozenset()) -> Self:
        """The event as it happens, to a subject that concerns this circle, and concerned those who left it."""
        audience = frozenset(occurrence.audience)
        event = occurrence.event.model_dump(mode="json")
        return cls(
            occurrence.event.type,
            occurrence.subject,
            audience,
            audience | {"national", *circle.codes} | left,
            frozenset(circle.provinces),
            occurrence.actor,
            _named(event) | left,
            _homes(event, AWAITED),
            circle.agreement_type,
            _waits_for(event),
            _of_several(occurrence.event.type, event),
        )

    @classmethod
    def of(cls, notice: Any) -> Self:
        """The event of a notice's row, with what was known when it was told."""
        audience, reach = frozenset(notice.audience), frozenset(notice.reach)
        return cls(
            notice.type,
            notice.subject,
            audience,
            reach,
            frozenset(notice.provinces),
            notice.actor,
            _named(notice.data) | left_with(notice),
            _homes(notice.data, AWAITED),
            notice.agreement_type,
            _waits_for(notice.data),
            _of_several(notice.type, notice.data),
        )

    @property
    def kind(self) -> Kind:
        """What it means to people."""
        return kinds().of(self.type)

    @property
    def is_national(self) -> bool:
        """Whether it concerns the whole nation, or the ministry alone."""
        return not self.audience or len(self.audience) == len(ACADEMY_CODES)

    def names(self, one: "PersonTold") -> bool:
        """Whether it names a person, or their organisation."""
        return not self.named.isdisjoint((one.person, one.jurisdiction))

    def within(self, jurisdiction: str) -> bool:
        """Whether somebody of this jurisdiction may see it."""
        return jurisdiction in self.codes

    def addresses(self, jurisdiction: str) -> bool:
        """Whether it is addressed to them, not only open to them: the nation may see all and is not told all.

        Of a region's agreements it is told as every party is: of those to which the ministry is one.
        """
        if jurisdiction != "national":
            return jurisdiction in self.codes
        return self.is_national or self.kind.national or not self.codes.isdisjoint(MINISTRY)


@dataclass(frozen=True, slots=True)
class Rule:
    """What an endpoint or a person wants to be told: all conditions hold; an empty one always does."""

    id: UUID
    types: tuple[str, ...] = ()
    """Patterns of event types, `*` standing for anything."""
    academies: tuple[str, ...] = ()
    provinces: tuple[str, ...] = ()
    agreement_types: tuple[str, ...] = ()
    parties: tuple[str, ...] = ()
    """Organisations, as `org:<id>`."""
    importance: Importance = "information"
    """The least."""

    def matches(self, happening: Happening) -> bool:
        """Whether the event is one of those wanted."""
        return next(self.unmet(happening), None) is None

    def unmet(self, happening: Happening) -> Iterator[str]:
        """The conditions that the event does not meet."""
        if IMPORTANCE.index(happening.kind.importance) < IMPORTANCE.index(self.importance):
            yield "importance"
        # Nobody finds out by asking for them who else comes.
        yield from unmet(self, replace(happening, codes=frozenset()) if happening.of_several else happening)


@dataclass(frozen=True, slots=True)
class EndpointTold:
    """An academy's endpoint, as one that may be told."""

    id: UUID
    jurisdiction: str
    channel: Channel
    language: str
    enabled: bool
    rules: Sequence[Rule] = ()


@dataclass(frozen=True, slots=True)
class PersonTold:
    """A person, as one who may be told."""

    id: UUID
    person: str
    jurisdiction: str
    roles: frozenset[Role]
    preferences: Preferences
    suspended: bool = False
    """Whether their e-mail address returned too much."""
    rules: Sequence[Rule] = ()
    seen_at: datetime | None = None
    """When they came last; None: they are here."""
    ended: bool = False
    """Whether they left."""

    @property
    def language(self) -> str:
        """The language they read."""
        return self.preferences.language


Recipient = EndpointTold | PersonTold


@dataclass(frozen=True, slots=True)
class Decision:
    """That somebody is told on a channel, or is not, and why."""

    who: Recipient
    channel: Channel | None
    """None: on no channel, for one and the same reason."""
    why: Why
    due: datetime | None = None
    """When; None is never."""
    rule: UUID | None = None
    queue: Queue | None = None
    """Where it stands in an inbox."""
    unmet: Mapping[str, Sequence[str]] | None = None
    """Where no rule matches: of each, by its id, the conditions that were not met."""

    @property
    def told(self) -> bool:
        """Whether they are."""
        return self.due is not None

    def facts(self) -> Mapping[str, Any]:
        """The decision as JSON values."""
        facts = {
            "recipient": str(self.who.id),
            "name": self.who.person if isinstance(self.who, PersonTold) else None,
            "channel": self.channel,
            "language": self.who.language,
            "why": self.why,
            "due": self.due and self.due.isoformat(),
            "rule": self.rule and str(self.rule),
        }
        return facts | {"unmet": self.unmet} if self.unmet else facts


def told(happening: Happening, one: Recipient, at: datetime) -> list[Decision]:
    """Who of a recipient's channels is told of an event at an instant: one decision per channel, or one for all."""
    if not happening.within(one.jurisdiction):
        return [Decision(one, None, "outside_jurisdiction")]
    why, rule = _reason(happening, one)
    if why == "no_rule_matches":
        unmet = {str(each.id): [*each.unmet(happening)] for each in one.rules}
        return [Decision(one, None, why, unmet=unmet)]
    if why in ("not_theirs", "own_act"):
        return [Decision(one, None, why)]
    if isinstance(one, EndpointTold):
        if hindrance := _hindrance(happening.kind, one):
            return [Decision(one, one.channel, hindrance)]
        return [Decision(one, one.channel, why, at, rule)]
    queue = _queue(happening, one)
    return [
        Decision(one, channel, hindrance or why, None if hindrance else due, rule, queue)
        for channel, hindrance, due in _channels(one, happening.type, at, statutory=why == "statutory")
    ]


def named_as(data: Mapping[str, Any], person: str, jurisdiction: str) -> Naming | None:
    """As whom an event that names several names somebody: themselves, one who is answered, one of theirs."""
    if person in _people(data, MENTIONED):
        return "you"
    if person in _people(data, ANSWERED):
        return "answered"
    return "yours" if jurisdiction in _homes(data, INVOLVED) else None


def kept_from_letters(one: PersonTold, type: str, *, statutory: bool) -> Why | None:
    """What keeps a person from being written to about an event; None if nothing does."""
    wanted = one.preferences.about(type)
    if not kinds().of(type).letters:
        return "no_letters"
    if wanted.email == "off" and not statutory:
        return "switched_off"
    if wanted.address is None:
        return "no_address"
    return "address_suspended" if one.suspended else None


def _named(data: Mapping[str, Any]) -> frozenset[str]:
    several = (each for field in SEVERAL for each in _people(data, field))
    return frozenset([*(data[field] for field in NAMED if data.get(field)), *several]) | _homes(data, INVOLVED)


def _people(data: Mapping[str, Any], field: str) -> Sequence[str]:
    # Of some events it is their number.
    found = data.get(field, ())
    return () if isinstance(found, int) else found


def _waits_for(data: Mapping[str, Any]) -> frozenset[Role]:
    roles = frozenset(map(Role, data.get(HELD, ())))
    return kinds().up_to(roles, data["level"]) if roles else roles


def _of_several(type: str, data: Mapping[str, Any]) -> bool:
    return str(data.get("subject_type", type.split(".")[2])) == "ceremony"


def _homes(data: Mapping[str, Any], field: str) -> frozenset[str]:
    return frozenset(jurisdiction_of(UUID(each)) for each in data.get(field, ()))


def _reason(happening: Happening, one: Recipient) -> tuple[Why, UUID | None]:
    rule = next((rule.id for rule in one.rules if rule.matches(happening)), None)
    kind = happening.kind
    if kind.private and isinstance(one, EndpointTold):
        return ("named" if one.id == happening.subject else "not_theirs"), None
    if kind.statutory and (rule or happening.addresses(one.jurisdiction)):
        return "statutory", rule
    if isinstance(one, EndpointTold):
        return ("rule", rule) if rule else ("no_rule_matches" if one.rules else "no_rules", None)
    if one.person == happening.actor:
        return "own_act", None
    if rule:
        return "rule", rule
    if happening.names(one):
        return "named", None
    return ("work" if _is_work_of(happening, one) else "no_rule_matches"), None


def _hindrance(kind: Kind, one: EndpointTold) -> Why | None:
    """What keeps an endpoint from being told."""
    if not one.enabled:
        return "disabled"
    return "no_letters" if one.channel == "email" and not kind.letters else None


def _is_work_of(happening: Happening, one: PersonTold) -> bool:
    roles = kinds().work.get(happening.kind.queue, frozenset())
    if happening.waits_for:
        # Whoever holds it is told in whichever region, the nation too.
        return not one.roles.isdisjoint(roles & happening.waits_for)
    theirs = one.jurisdiction in happening.awaited if happening.awaited else happening.addresses(one.jurisdiction)
    return theirs and not one.roles.isdisjoint(roles)


def _queue(happening: Happening, one: PersonTold) -> Queue:
    if _is_work_of(happening, one):
        return happening.kind.queue
    return "mentions" if happening.names(one) else "information"


def _channels(
    one: PersonTold, type: str, at: datetime, *, statutory: bool
) -> Sequence[tuple[Channel, Why | None, datetime | None]]:
    """A person's channels, each with what hinders it, or when it is due."""
    wanted = one.preferences.about(type)
    due = at if statutory else wanted.email_due(at)
    silent: Why | None = None if statutory or wanted.inbox == "immediate" else "switched_off"
    return ("inbox", silent, at), ("email", kept_from_letters(one, type, statutory=statutory), due)
