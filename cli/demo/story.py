"""The story: the signing ceremony of 30 August 2024, played today through the public API."""

import asyncio
import tomllib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from cli.demo.academies import Academies
from cli.demo.client import JSON, Client
from shared.clock import today
from shared.territory import ACADEMIES, MINISTRY_ID, NETWORK_ID, PROVINCES

MINISTRY, LEGAL, NETWORK = "ministry-officer", "legal-officer", "network-coordinator"
LANGUAGES = {"MA-02": "fr", "MA-06": "fr", "MA-11": "en"}
"""Choices of the demo; the other academies are told in Arabic."""
NOT_HEARD_YET = ("parties-not-vetted", "lobby-not-ready")

Tell = Callable[[str, int, int], None]


class Story:
    """Plays the ceremony, step by step; `tell(step, done, of)` hears how far it is."""

    def __init__(self, client: Client, academies: Academies, tell: Tell) -> None:
        self.client = client
        self.academies = academies
        self.tell = tell
        self.plan: dict[str, Any] = tomllib.loads(Path(__file__).with_name("ceremony.toml").read_text("utf-8"))
        self.signers: dict[str, str] = {str(MINISTRY_ID): MINISTRY, str(NETWORK_ID): NETWORK}
        """Organisation -> the persona mandated to sign for it."""
        self.agreements: list[JSON] = []
        self.signatures = 0
        self.listening_since = datetime.now(UTC)
        """From then on every academy is owed what concerns it."""

    async def play(self) -> None:
        """All of it, in order."""
        await self.listen()
        await self.mandate_institutions()
        await self.register_associations()
        await self.draft()
        await self.freeze()
        await self.hold_the_ceremony()
        await self.wait_until_in_force()
        await self.open_one_center_in_each_academy()

    async def listen(self) -> None:
        """Every academy names its webhook receiver and its mailbox, and follows its live stream."""

        async def subscribe(code: str) -> None:
            system = f"system-{code.lower()}"
            language = LANGUAGES.get(code, "ar")
            academy = self.academies[code]
            hook = {"channel": "webhook", "address": self.academies.webhook_url(code), "language": language}
            academy.secret = (await self.client.post(system, "endpoints", hook))["secret"]
            await self.client.post(
                system, "endpoints", {"channel": "email", "address": academy.address, "language": language}
            )
            stream = f"{self.client.url}/api/v1/notifications/stream"
            self.academies.follow(code, stream, partial(self.client.token, system))

        await self._each("academies listen", ACADEMIES, subscribe)
        self.listening_since = datetime.now(UTC)

    async def mandate_institutions(self) -> None:
        """The ministry, the network and the academies say who signs for them."""
        institutions = [
            (str(academy.organisation_id), f"director-{code.lower()}") for code, academy in ACADEMIES.items()
        ]
        self.signers |= dict(institutions)

        async def mandate(institution: tuple[str, str]) -> None:
            organisation, persona = institution
            await self._mandate(organisation, persona, by=persona)

        every = [*institutions, (str(MINISTRY_ID), MINISTRY), (str(NETWORK_ID), NETWORK)]
        await self._each("institutions give mandates", every, mandate)

    async def register_associations(self) -> None:
        """Associations register and are accredited, their presidents receive mandates; so do funder and host."""

        async def register(numbered: tuple[int, JSON]) -> None:
            number, planned = numbered
            code = planned["academy"].lower()
            name = planned["association"]
            body = {
                "name_ar": name["ar"],
                "name_fr": name["fr"],
                "receipt_number": f"FICTIF-{number:03}",
                "ice": f"{number:015}",
                "academy": planned["academy"],
                "province": planned["province"],
            }
            association = await self.client.post(f"officer-{code}", "associations", body)
            path = f"associations/{association['id']}"
            verified = await self.client.post(f"officer-{code}", f"{path}/verification", version=association["version"])
            await self.client.post(f"director-{code}", f"{path}/accreditation", version=verified["version"])
            planned["operator"] = association["id"]
            await self._president(association["id"], f"president-{number:02}", name)

        await self._each("associations register", list(enumerate(self.plan["agreements"], 1)), register)
        for category in ("funder", "host"):
            name = self.plan[category]
            body = {"category": category, "name_ar": name["ar"], "name_fr": name["fr"]}
            organisation = await self.client.post(MINISTRY, "organisations", body)
            name["id"] = organisation["id"]
            await self._president(organisation["id"], f"{category}-01", name)

    async def draft(self) -> None:
        """Academies draft with their associations, the ministry with the network; the parties negotiate."""

        async def draft(planned: JSON | None) -> None:
            desk = f"officer-{planned['academy'].lower()}" if planned else MINISTRY
            body = self._regional(planned) if planned else self._network()
            agreement = await self.client.post(desk, "agreements", body)
            path = f"agreements/{agreement['id']}"
            agreement = await self.client.post(desk, f"{path}/negotiation", version=agreement["version"])
            self.agreements.append(await self.client.post(desk, f"{path}/review", version=agreement["version"]))

        await self._each("agreements are drafted", [*self.plan["agreements"], None], draft)

    async def freeze(self) -> None:
        """Legal review approves: texts are frozen and numbered."""
        frozen: list[JSON] = []

        async def approve(agreement: JSON) -> None:
            path = f"agreements/{agreement['id']}/approval"
            version = agreement["version"]
            frozen.append(await self.client.post_when(LEGAL, path, version=version, unless=NOT_HEARD_YET))

        await self._each("texts are approved and frozen", self.agreements, approve)
        self.agreements = sorted(frozen, key=lambda each: str(each["reference"]))

    async def hold_the_ceremony(self) -> None:
        """Plan, lobby, open, sign one by one and in one batch, close, adopt the minutes."""
        body = {
            "title": {
                "ar": "حفل توقيع اتفاقيات الشراكة (عرض تجريبي)",
                "fr": "Cérémonie de signature des conventions de partenariat (démonstration)",
            },
            "planned_for": (datetime.now(UTC) + timedelta(minutes=1)).isoformat(),
            "agreements": [agreement["id"] for agreement in self.agreements],
        }
        ceremony = await self.client.post(MINISTRY, "ceremonies", body)
        path = f"ceremonies/{ceremony['id']}"
        ceremony = await self.client.post_when(
            MINISTRY, f"{path}/lobby", version=ceremony["version"], unless=NOT_HEARD_YET
        )
        ceremony = await self._seat_everyone(ceremony)
        ceremony = await self.client.post(MINISTRY, f"{path}/opening", version=ceremony["version"])
        await self._sign_one_by_one(ceremony["id"])
        await self._sign_in_one_batch(ceremony["id"])
        ceremony = await self.client.post(MINISTRY, f"{path}/closing", version=ceremony["version"])
        await self.client.post(MINISTRY, f"{path}/minutes", version=ceremony["version"])

    async def wait_until_in_force(self) -> None:
        """What starts today is in force as soon as all have signed."""
        total = len(self.agreements)
        while (now := len(await self.client.all(MINISTRY, "agreements", state="in_force"))) < total:
            self.tell("agreements come into force", now, total)
            await asyncio.sleep(0.1)
        self.tell("agreements come into force", total, total)

    async def open_one_center_in_each_academy(self) -> None:
        """Centers were planned by themselves; one of each academy is fitted out, visaed and opened."""
        total = len(self.plan["agreements"])
        while len(centers := await self.client.all(MINISTRY, "centers")) < total:
            self.tell("centers are planned", len(centers), total)
            await asyncio.sleep(0.1)
        self.tell("centers are planned", total, total)
        first = {center["academy"]: center for center in reversed(centers)}

        async def open_center(center: JSON) -> None:
            code = center["academy"].lower()
            path = f"centers/{center['id']}"
            center = await self.client.post(f"officer-{code}", f"{path}/fitting-out", version=center["version"])
            visa = {"visa_number": "VISA-FICTIF", "granted_on": today().isoformat()}
            center = await self.client.post(f"officer-{code}", f"{path}/visa", visa, version=center["version"])
            await self.client.post(f"director-{code}", f"{path}/opening", version=center["version"])

        await self._each("centers open", list(first.values()), open_center)

    async def _seat_everyone(self, ceremony: JSON) -> JSON:
        path = f"ceremonies/{ceremony['id']}"
        chair = {"organisation_id": str(MINISTRY_ID), "name": "Présidence (démonstration)"}
        ceremony = await self.client.put(MINISTRY, f"{path}/chair", chair, version=ceremony["version"])
        for organisation in {party["organisation_id"] for each in self.agreements for party in each["parties"]}:
            seat = {"organisation_id": organisation, "name": "Représentant (démonstration)"}
            ceremony = await self.client.post(MINISTRY, f"{path}/attendees", seat)
        return ceremony

    async def _sign_one_by_one(self, ceremony: str) -> None:
        pending = [
            (agreement, party)
            for agreement in self.agreements
            for party in agreement["parties"]
            if party["must_sign"] and party["organisation_id"] != str(MINISTRY_ID)
        ]

        async def sign(one: tuple[JSON, JSON]) -> None:
            agreement, party = one
            body = {
                "party_id": party["party_id"],
                "text_hash": agreement["text_hash"],
                "ceremony_id": ceremony,
            }
            signer = self.signers[party["organisation_id"]]
            await self.client.post(signer, f"agreements/{agreement['id']}/signatures", body)
            self.signatures += 1

        await self._each("parties sign, one by one", pending, sign)

    async def _sign_in_one_batch(self, ceremony: str) -> None:
        items = [
            {"agreement_id": agreement["id"], "party_id": party["party_id"], "text_hash": agreement["text_hash"]}
            for agreement in self.agreements
            for party in agreement["parties"]
            if party["organisation_id"] == str(MINISTRY_ID)
        ]
        batch = await self.client.post(MINISTRY, "signature-batches", {"items": items, "ceremony_id": ceremony})
        while not batch["finished"]:
            await asyncio.sleep(0.1)
            batch = await self.client.get(MINISTRY, f"signature-batches/{batch['id']}")
        refused = [item for item in batch["items"] if item["outcome"] != "signed"]
        if refused:
            raise RuntimeError(f"the ministry's batch was refused: {refused[0]['problem']}")
        self.signatures += len(items)
        self.tell("the ministry signs in one batch", len(items), len(items))

    async def _president(self, organisation: str, persona: str, name: dict[str, str]) -> None:
        await self.client.add_persona(
            persona,
            {"ar": f"ممثل {name['ar']}", "fr": f"Représentant, {name['fr']}", "en": f"Signatory, {name['fr']}"},
            "association_manager",
            f"org:{organisation}",
        )
        self.signers[organisation] = persona
        await self._mandate(organisation, persona, by=persona)

    async def _mandate(self, organisation: str, persona: str, *, by: str) -> None:
        body = {
            "organisation_id": organisation,
            "person": {"issuer": self.client.issuer, "subject": persona},
            "holder": f"{persona} (fictif)",
            "valid_from": (today() - timedelta(days=30)).isoformat(),
            "valid_until": (today() + timedelta(days=335)).isoformat(),
        }
        await self.client.post(by, "mandates", body)

    def _regional(self, planned: JSON) -> JSON:
        academy, province = ACADEMIES[planned["academy"]], PROVINCES[planned["province"]]
        parties = [
            _party(academy.organisation_id, "granting_authority"),
            _party(planned["operator"], "operator"),
            _party(MINISTRY_ID, "supervising_ministry"),
        ]
        roles = {"funder": "funder", "host": "premises_host"}
        parties += [_party(self.plan[each]["id"], roles[each]) for each in planned.get("also", ())]
        center = {
            "province": planned["province"],
            "operator_id": planned["operator"],
            "name_ar": f"مركز الفرصة الثانية {province.name_ar} (وهمي)",
            "name_fr": f"Centre de la deuxième chance de {province.name_fr} (fictif)",
            "funded_seats": planned["funded_seats"],
            "unfunded_seats": planned["unfunded_seats"],
        }
        title = {"ar": f"اتفاقية شراكة - {academy.region_ar}", "fr": f"Convention de partenariat - {academy.region_fr}"}
        return self._body("academy-association", planned["academy"], title, parties, [center], self.plan["clauses"])

    def _network(self) -> JSON:
        text = self.plan["network"]
        parties = [_party(MINISTRY_ID, "supervising_ministry"), _party(NETWORK_ID, "integration_partner")]
        title = {"ar": text["title_ar"], "fr": text["title_fr"]}
        return self._body("ministry-network", None, title, parties, [], text["clauses"])

    def _body(
        self,
        kind: str,
        academy: str | None,
        title: dict[str, str],
        parties: list[JSON],
        centers: list[JSON],
        clauses: list[dict[str, str]],
    ) -> JSON:
        return {
            "agreement_kind": kind,
            "academy": academy,
            "title": title,
            "parties": parties,
            "centers": centers,
            "school_year": self.plan["school_year"],
            "effective_from": today().isoformat(),
            "effective_until": (today() + timedelta(days=3 * 365)).isoformat(),
            "clauses": [_clause(each) for each in clauses],
        }

    async def _each(self, step: str, items: Any, work: Callable[[Any], Awaitable[None]]) -> None:
        """Do the work for every item, eight at a time, telling how far it is."""
        slots = asyncio.Semaphore(8)
        done, total = 0, len(items)
        self.tell(step, done, total)

        async def one(item: Any) -> None:
            nonlocal done
            async with slots:
                await work(item)
            done += 1
            self.tell(step, done, total)

        try:
            async with asyncio.TaskGroup() as group:
                for item in items:
                    group.create_task(one(item))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None


def _party(organisation: UUID | str, *roles: str) -> JSON:
    return {"organisation_id": str(organisation), "roles": list(roles)}


def _clause(text: dict[str, str]) -> JSON:
    titles, bodies = {}, {}
    for language, whole in text.items():
        title, _, body = whole.partition(":")
        titles[language], bodies[language] = title.strip(), body.strip()
    return {"title": titles, "body": bodies}
