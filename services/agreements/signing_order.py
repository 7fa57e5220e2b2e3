"""The order of signing: who may sign now, who waits for whom, and when enough have signed.

Groups sign one after the other. A party signs with the first group that names one of its roles; parties that no group
names sign together after the last one. A group's turn is over once its number of signatures is reached (all of them
when it names none); those of its members who have not signed may do so for as long as the text is open for signature.
Pure: agreements, amendments and the ceremony ask the same functions.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import get_args
from uuid import UUID

from services.agreements.errors.signing import LevelTooLow
from services.agreements.kinds import SigningGroup
from shared.events.agreements import AgreementParty, SignatureLevel

LEVELS: Sequence[SignatureLevel] = get_args(SignatureLevel)
"""From the lowest to the highest: ink on paper, attested and checked, stands for any of them (law 43-20)."""


@dataclass(frozen=True, slots=True)
class SigningOrder:
    """Where the signing of one text stands.

    `parties` are those who sign it. `signed` are the ids of those who have.
    """

    groups: Sequence[SigningGroup]
    parties: Sequence[AgreementParty]
    signed: Collection[UUID]

    @property
    def complete(self) -> bool:
        """Whether every group has its number of signatures."""
        return not self.awaited

    @property
    def awaited(self) -> tuple[AgreementParty, ...]:
        """The parties of unfinished groups that have not signed, in the order of their turn."""
        return tuple(party for needed, members in self._ranks() for party in self._left(needed, members))

    def awaited_before(self, party_id: UUID) -> tuple[AgreementParty, ...]:
        """The parties that this one still has to wait for: none when it is its turn."""
        before: list[AgreementParty] = []
        for needed, members in self._ranks():
            if any(member.party_id == party_id for member in members):
                return tuple(before)
            before += self._left(needed, members)
        return ()

    @property
    def may_sign_now(self) -> tuple[AgreementParty, ...]:
        """The parties whose turn it is, or was, and that have not signed."""
        return tuple(
            party
            for _, members in self._ranks()
            for party in members
            if party.party_id not in self.signed and not self.awaited_before(party.party_id)
        )

    def completed_by(self, party_id: UUID) -> bool:
        """Whether enough will have signed once this party has."""
        return not self.awaited_beside([party_id])

    def awaited_beside(self, party_ids: Collection[UUID]) -> tuple[AgreementParty, ...]:
        """The parties of which some would still be awaited once these have signed: none if these are enough."""
        return SigningOrder(self.groups, self.parties, {*self.signed, *party_ids}).awaited

    def _ranks(self) -> list[tuple[int, list[AgreementParty]]]:
        """The groups in their order: how many signatures each needs, and its members."""
        left = [*self.parties]
        ranks = []
        for group in self.groups:
            members = [party for party in left if not {*party.roles}.isdisjoint(group.roles)]
            left = [party for party in left if party not in members]
            ranks.append((min(group.needed or len(members), len(members)), members))
        return [*ranks, (len(left), left)]

    def _left(self, needed: int, members: Sequence[AgreementParty]) -> list[AgreementParty]:
        unsigned = [party for party in members if party.party_id not in self.signed]
        return unsigned if len(members) - len(unsigned) < needed else []


def reaches(level: SignatureLevel, least: SignatureLevel) -> bool:
    """Whether a signature of this level will do where at least the other is asked for."""
    return LEVELS.index(level) >= LEVELS.index(least)


def require_level(level: SignatureLevel, least: SignatureLevel) -> None:
    """Refuse LevelTooLow for a signature that will not do."""
    if not reaches(level, least):
        raise LevelTooLow(level=level, least=least)
