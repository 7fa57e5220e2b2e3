"""Undelivered: a letter with a statutory notice that never arrived. It is said once, to those who can see to it.

A letter is an e-mail to a person, or one to an academy's own address.
"""

from typing import ClassVar, Literal
from uuid import UUID

from shared.aggregate import Aggregate
from shared.events.base import DomainEvent
from shared.events.notifications import LetterGivenUp, LetterToAcademyGivenUp
from shared.territory import ACADEMY_CODES, DIRECTORATES

Because = Literal["refused", "exhausted", "returned"]


class Undelivered(Aggregate):
    """One letter that was given up; it has its letter's or its delivery's id, and no life after that."""

    kind: ClassVar[str] = "letter"

    home: str = ""
    """Where its person is at home, or whose address it was for."""
    codes: tuple[str, ...] = ()

    def give_up(
        self,
        *,
        person_id: UUID,
        home: str,
        event_id: UUID,
        event_type: str,
        concerned: tuple[str, ...],
        because: Because,
    ) -> list[DomainEvent]:
        """Say that a person's letter about an event, which concerns these academies, will not arrive."""
        told = who_sees_to(home, concerned)
        event = LetterGivenUp(
            letter_id=self.id, person_id=person_id, event_id=event_id, event_type=event_type, because=because
        )
        return [event.keeping(home=home, audience=told)]

    def give_up_at_academy(
        self,
        *,
        academy: str,
        endpoint_id: UUID,
        event_id: UUID,
        event_type: str,
        because: Literal["refused", "returned"],
    ) -> list[DomainEvent]:
        """Say that an e-mail about an event did not arrive at an academy's own address."""
        event = LetterToAcademyGivenUp(
            letter_id=self.id,
            endpoint_id=endpoint_id,
            academy=academy,
            event_id=event_id,
            event_type=event_type,
            because=because,
        )
        return [event.keeping(home=academy, audience=(academy,))]

    def apply(self, event: DomainEvent) -> None:
        """Change the fields as the event says."""
        if isinstance(event, LetterGivenUp | LetterToAcademyGivenUp):
            self.home, self.codes = event.detail["home"], tuple(event.detail["audience"])

    def audience(self) -> tuple[str, ...]:
        """The academies that see to it; none leaves it to the nation alone."""
        return self.codes

    def visible_to(self) -> tuple[str, ...]:
        """Those academies, and where its person is at home."""
        return tuple(sorted({self.home, *self.codes} - {"national"}))


def who_sees_to(home: str, concerned: tuple[str, ...]) -> tuple[str, ...]:
    """The person's own academy, or their directorate's; of an organisation's person those that the event concerns.

    What concerns every academy is none's own business: the nation alone sees to that.
    """
    if home in ACADEMY_CODES:
        return (home,)
    if home in DIRECTORATES:
        return (DIRECTORATES[home].academy,)
    if home == "national" or len(concerned) == len(ACADEMY_CODES):
        return ()
    return concerned
