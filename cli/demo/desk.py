"""The steps of an agreement's life as people take them through the public API; the demo and the journeys share them."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from cli.demo.client import JSON, Client
from shared.clock import today
from shared.territory import ACADEMIES, DIRECTORATES, MINISTRY_ID, NETWORK_ID

MINISTRY, NETWORK, LEGAL = "ministry-officer", "network-coordinator", "legal-officer"
NOT_HEARD_YET = ("parties-not-vetted", "mandates-missing", "lobby-not-ready", "no-mandate")
"""Refusals that only say that agreements has not heard of the network's latest yet."""


class Desk:
    """Who signs for whom, and how agreements get from a draft to their signatures."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.signers: dict[str, str] = {str(MINISTRY_ID): MINISTRY, str(NETWORK_ID): NETWORK}
        """Organisation -> the persona mandated to sign for it."""

    async def mandate_institutions(self, academies: Iterable[str] = ACADEMIES) -> None:
        """The ministry, the network and the academies say who signs for them."""
        heads = {str(ACADEMIES[code].organisation_id): f"director-{code.lower()}" for code in academies}
        self.signers |= heads
        for organisation, persona in [*heads.items(), (str(MINISTRY_ID), MINISTRY), (str(NETWORK_ID), NETWORK)]:
            await self.mandate(organisation, persona, by=persona)

    async def mandate(self, organisation: str, persona: str, *, by: str, **scope: list[str]) -> JSON:
        """Somebody may sign for an organisation for a year around today; all its agreements or those in a scope."""
        body = {
            "organisation_id": organisation,
            "person": {"issuer": self.client.issuer, "subject": persona},
            "holder": f"{persona} (fictif)",
            "valid_from": (today() - timedelta(days=30)).isoformat(),
            "valid_until": (today() + timedelta(days=335)).isoformat(),
            **scope,
        }
        # A register that has just been set up enters its institutions a moment later.
        return await self.client.post_when(by, "mandates", body, unless=("unknown-organisation",))

    async def register_association(self, number: int, academy: str, province: str, name: dict[str, str]) -> str:
        """An accredited association with a mandated president; gives its id."""
        body = {
            "name_ar": name["ar"],
            "name_fr": name["fr"],
            "receipt_number": f"FICTIF-{number:03}",
            "ice": f"{number:015}",
            "academy": academy,
            "province": province,
        }
        code = academy.lower()
        association = await self.client.post(f"officer-{code}", "associations", body)
        path = f"associations/{association['id']}"
        verified = await self.client.post(f"officer-{code}", f"{path}/verification", version=association["version"])
        await self.client.post(f"director-{code}", f"{path}/accreditation", version=verified["version"])
        await self._represent(association["id"], f"president-{number:02}", name)
        return str(association["id"])

    async def mandate_directorate(self, code: str) -> str:
        """A provincial directorate's officer, who signs its academy's agreements for it; gives its id."""
        office, persona = DIRECTORATES[code], f"officer-{code.lower()}"
        id, name = str(office.organisation_id), {"ar": f"{office.name_ar} (وهمي)", "fr": f"{office.name_fr} (fictif)"}
        await self.client.add_persona(persona, name | {"en": name["fr"]}, "directorate_officer", code)
        await self.mandate(id, persona, by=f"director-{office.academy.lower()}", academies=[office.academy])
        self.signers[id] = persona
        return id

    async def register_organisation(self, category: str, name: dict[str, str]) -> str:
        """A funder, a host or the like with somebody who signs for it; gives its id."""
        body = {"category": category, "name_ar": name["ar"], "name_fr": name["fr"]}
        organisation = await self.client.post(MINISTRY, "organisations", body)
        await self._represent(organisation["id"], f"{category}-01", name)
        return str(organisation["id"])

    async def negotiate(self, drafted: JSON) -> JSON:
        """From the draft to legal review: every party that signs accepts the text."""
        desk = f"officer-{drafted['academy'].lower()}" if drafted["academy"] else MINISTRY
        path = f"agreements/{drafted['id']}"
        agreement = await self.client.post(desk, f"{path}/negotiation", version=drafted["version"])
        for each in agreement["parties"]:
            if each["must_sign"]:
                body = {"party_id": each["party_id"], "text_hash": agreement["text_hash"]}
                signer = self.signers[each["organisation_id"]]
                agreement = await self.client.post(signer, f"{path}/acceptances", body)
        return await self.client.post(desk, f"{path}/review", version=agreement["version"])

    async def approve(self, reviewed: JSON) -> JSON:
        """Legal review approves: the text is frozen and numbered."""
        path = f"agreements/{reviewed['id']}/approval"
        return await self.client.post_when(LEGAL, path, version=reviewed["version"], unless=NOT_HEARD_YET)

    async def sign(self, agreement: JSON, party: JSON, *, ceremony: str | None = None) -> JSON:
        """One party's signature, by whoever is mandated for it."""
        body = {"party_id": party["party_id"], "text_hash": agreement["text_hash"], "ceremony_id": ceremony}
        signer = self.signers[party["organisation_id"]]
        return await self.client.post_when(
            signer, f"agreements/{agreement['id']}/signatures", body, unless=NOT_HEARD_YET
        )

    async def sign_all(self, agreement: JSON, *, in_order: Iterable[str] = ()) -> JSON:
        """Every party's signature; those with these roles first, in this order."""
        place = {role: number for number, role in enumerate(in_order)}

        def turn(party: JSON) -> int:
            return min((place[role] for role in party["roles"] if role in place), default=len(place))

        for each in sorted(agreement["parties"], key=turn):
            if each["must_sign"]:
                agreement = await self.sign(agreement, each)
        return agreement

    async def open_center(self, center: JSON, *, visa_by: str | None = None) -> JSON:
        """Fit a planned center out, grant it its visa (the academy, unless another office does) and open it today."""
        code, path = center["academy"].lower(), f"centers/{center['id']}"
        center = await self.client.post(f"officer-{code}", f"{path}/fitting-out", version=center["version"])
        visa = {"visa_number": "VISA-FICTIF", "granted_on": today().isoformat()}
        by = visa_by or f"officer-{code}"
        center = await self.client.post(by, f"{path}/visa", visa, version=center["version"])
        return await self.client.post(f"director-{code}", f"{path}/opening", version=center["version"])

    async def report_enrolled(self, center: JSON, *, funded: int, unfunded: int = 0) -> JSON:
        """A center's operator tells how many learners are enrolled today."""
        body = {"funded_enrolled": funded, "unfunded_enrolled": unfunded, "counted_on": today().isoformat()}
        operator = self.signers[center["operator_id"]]
        return await self.client.post(operator, f"centers/{center['id']}/enrolled", body, version=center["version"])

    async def seat_everyone(self, ceremony: JSON, agreements: Sequence[JSON]) -> JSON:
        """The ministry presides, and every party has somebody at the table."""
        path = f"ceremonies/{ceremony['id']}"
        chair = {"organisation_id": str(MINISTRY_ID), "name": "Présidence (démonstration)"}
        ceremony = await self.client.put(MINISTRY, f"{path}/chair", chair, version=ceremony["version"])
        for organisation in {party["organisation_id"] for each in agreements for party in each["parties"]}:
            seat = {"organisation_id": organisation, "name": "Représentant (démonstration)"}
            ceremony = await self.client.post(MINISTRY, f"{path}/attendees", seat)
        return ceremony

    async def _represent(self, organisation: str, persona: str, name: dict[str, str]) -> None:
        await self.client.add_persona(
            persona,
            {"ar": f"ممثل {name['ar']}", "fr": f"Représentant, {name['fr']}", "en": f"Signatory, {name['fr']}"},
            "association_manager",
            f"org:{organisation}",
        )
        self.signers[organisation] = persona
        await self.mandate(organisation, persona, by=persona)


def party(organisation: UUID | str, *roles: str) -> JSON:
    """A party as a draft names it."""
    return {"organisation_id": str(organisation), "roles": list(roles)}


def draft(
    kind: str,
    academy: str | None,
    title: dict[str, str],
    parties: list[JSON],
    *,
    centers: Sequence[JSON] = (),
    school_year: str = "2026/2027",
    effective_from: date | None = None,
    effective_until: date | None = None,
    **more: Any,
) -> JSON:
    """The body that drafts an agreement, from today for three years unless told otherwise."""
    return {
        "agreement_kind": kind,
        "academy": academy,
        "title": title,
        "parties": parties,
        "centers": list(centers),
        "school_year": school_year,
        "effective_from": (effective_from or today()).isoformat(),
        "effective_until": (effective_until or today() + timedelta(days=3 * 365)).isoformat(),
        **more,
    }
