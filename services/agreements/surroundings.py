"""What a file cannot know of itself: the day, and what other rows tell. Whoever reads it for a person tells it."""

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import NamedTuple, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from services.agreements.bilingual import Bilingual, called
from services.agreements.errors import PartiesNotVetted
from services.agreements.errors.approval import ClosedPeriod, MandatesMissing
from services.agreements.ruled import Ruled
from services.agreements.steps import LEAVES_THE_TABLE
from shared.actor import Role
from shared.clock import today
from shared.refusals import Refusal


class StandsFor(NamedTuple):
    """A person in whose place the reader approves on the day, with the roles that person holds."""

    person: str
    roles: tuple[Role, ...]


class OutdatedClause(BaseModel):
    """A clause that does not say what the terms say."""

    model_config = ConfigDict(frozen=True)

    key: str
    title: Bilingual
    redrawn: bool = Field(
        description="whether nobody has edited it, so that it can be drawn from the terms; else somebody looks at it"
    )
    says: tuple[str, ...] = Field(description="values of earlier terms that it names, in either language")


class Surroundings(NamedTuple):
    """What was looked up for a file on a day."""

    day: date
    unvetted: tuple[UUID, ...] = ()
    """Organisations that the network does not know, or associations that it does not accredit."""
    unmandated: tuple[UUID, ...] = ()
    """Organisations for which nobody holds a mandate on the day that covers the file."""
    barred: Mapping[tuple[str, UUID], Refusal] = MappingProxyType({})
    """Steps towards a signature that the reader may not take on the day, each with its party -> why."""
    on_paper: frozenset[str] = frozenset()
    """Hashes of the files that show signatures on paper under its amendments."""
    over: Refusal | None = None
    """Of an amendment: why its agreement is not amended any more."""
    lost: Refusal | None = None
    """What is missing of a text that is to be frozen."""
    tabled: Refusal | None = None
    """That a ceremony under way has it in its order of business."""
    parent: Refusal | None = None
    """Of a text that is to be frozen: why it cannot follow its parent any more."""
    stands_for: tuple[StandsFor, ...] | None = None
    """Of what is approved: in whose place the reader may; None if that was not looked up."""
    outdated: tuple[OutdatedClause, ...] = ()
    """Until it is frozen: the clauses that still say what was to be agreed before."""
    centers_left: tuple[UUID, ...] = ()
    """Of what has ended: its centers that are not handed over."""

    def freezing_refusal(self, names: Mapping[UUID, Bilingual]) -> Refusal | None:
        """Why nothing is frozen: all is there, its parent allows it, all parties are known, and each has who may sign.

        No ceremony waits for it, which looked at what was frozen before.

        `names` are those of the organisations.
        """
        if hindrance := self.lost or self.parent or self.tabled:
            return hindrance
        if self.unvetted:
            return PartiesNotVetted(organisations=list(self.unvetted), names=called(self.unvetted, names))
        return MandatesMissing.naming(self.unmandated, names) if self.unmandated else None


class Surrounded(Ruled):
    """A file that is told of its surroundings before a person acts on it or is offered to.

    What time and events bring about is not told, and is refused nothing by them. They are no part of the state.
    """

    _around: Surroundings | None = PrivateAttr(default=None)

    def amid(self, around: Surroundings) -> Self:
        """The file, told of its surroundings."""
        self._around = around
        return self

    def barring(self, around: Surroundings) -> Self:
        """The same, told of the steps that the reader may not take."""
        self._around = (self._around or around)._replace(barred=around.barred)
        return self

    @property
    def stands_for(self) -> tuple[StandsFor, ...] | None:
        """In whose place whoever reads this may approve; None if that was not looked up."""
        return self._around.stands_for if self._around else None

    @property
    def outdated_clauses(self) -> tuple[OutdatedClause, ...]:
        """The clauses that still say what was to be agreed before, as far as was looked up."""
        return self._around.outdated if self._around else ()

    @property
    def to_redraw(self) -> tuple[OutdatedClause, ...]:
        """Those of them that nobody has edited."""
        return tuple(each for each in self.outdated_clauses if each.redrawn)

    def still_outdated(self, outdated: Iterable[OutdatedClause]) -> Self:
        """The file, told of these after its terms or text changed."""
        return self.amid((self._around or Surroundings(today()))._replace(outdated=tuple(outdated)))

    @property
    def centers_left(self) -> tuple[UUID, ...]:
        """The centers that are not handed over, as far as was looked up."""
        return self._around.centers_left if self._around else ()

    @property
    def files_on_paper(self) -> frozenset[str]:
        """Hashes of the files that show signatures on paper, which wait for their check or count."""
        return self._around.on_paper if self._around else frozenset()

    def barred(self, action: str, party_id: UUID) -> Refusal | None:
        """Why whoever reads this may not take the step for the party, as far as was looked up."""
        around = self._around
        return around.barred.get((action, party_id)) if around else None

    def guard(self, action: str) -> Refusal | None:
        """Nothing is done while its kind closes it for a time of the year: today's, as it is offices that close.

        What is on the table of a ceremony stays there.
        """
        if self._around:
            if self._around.tabled and action in LEAVES_THE_TABLE:
                return self._around.tabled
            for closure in self.todays_kind.closed:
                until = closure.until(self._around.day)
                if until and action in closure.actions:
                    return ClosedPeriod(action=action, until=until, reason=closure.reason.model_dump())
        return super().guard(action)
