"""The story: the signing ceremony of 30 August 2024, played today through the public API."""

import asyncio
import tomllib
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from cli.demo.academies import Academies
from cli.demo.client import JSON, Client
from cli.demo.desk import MINISTRY, NOT_HEARD_YET, Desk, draft, party
from shared.territory import ACADEMIES, MINISTRY_ID, NETWORK_ID, PROVINCES

LANGUAGES = {"MA-02": "fr", "MA-06": "fr", "MA-11": "en"}
"""Choices of the demo; the other academies are told in Arabic."""

Tell = Callable[[str, int, int], None]


class Story:
    """Plays the ceremony, step by step; `tell(step, done, of)` hears how far it is."""

    def __init__(self, client: Client, academies: Academies, tell: Tell) -> None:
        self.client = client
        self.academies = academies
        self.tell = tell
        self.plan: dict[str, Any] = tomllib.loads(Path(__file__).with_name("ceremony.toml").read_text("utf-8"))
        self.desk = Desk(client)
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
        await self.desk.mandate_institutions()
        self.tell("institutions give mandates", len(ACADEMIES) + 2, len(ACADEMIES) + 2)

    async def register_associations(self) -> None:
        """Associations register and are accredited, their presidents receive mandates; so do funder and host."""

        async def register(numbered: tuple[int, JSON]) -> None:
            number, planned = numbered
            place = planned["academy"], planned["province"]
            planned["operator"] = await self.desk.register_association(number, *place, planned["association"])

        await self._each("associations register", list(enumerate(self.plan["agreements"], 1)), register)
        for category in ("funder", "host"):
            name = self.plan[category]
            name["id"] = await self.desk.register_organisation(category, name)

    async def draft(self) -> None:
        """Academies draft with their associations, the ministry with the network; the parties negotiate."""

        async def draft(planned: JSON | None) -> None:
            desk = f"officer-{planned['academy'].lower()}" if planned else MINISTRY
            body = self._regional(planned) if planned else self._network()
            agreement = await self.client.post(desk, "agreements", body)
            self.agreements.append(await self.desk.negotiate(agreement))

        await self._each("agreements are drafted", [*self.plan["agreements"], None], draft)

    async def freeze(self) -> None:
        """Legal review approves: texts are frozen and numbered."""
        frozen: list[JSON] = []

        async def approve(agreement: JSON) -> None:
            frozen.append(await self.desk.approve(agreement))

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
        ceremony = await self.desk.seat_everyone(ceremony, self.agreements)
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
        """Centers were planned by themselves; one of each academy is fitted out, visaed, opened, and counts."""
        total = len(self.plan["agreements"])
        while len(centers := await self.client.all(MINISTRY, "centers")) < total:
            self.tell("centers are planned", len(centers), total)
            await asyncio.sleep(0.1)
        self.tell("centers are planned", total, total)
        first = {center["academy"]: center for center in reversed(centers)}

        async def open_and_count(center: JSON) -> None:
            center = await self.desk.open_center(center)
            await self.desk.report_enrolled(center, funded=center["funded_seats"] // 2)

        await self._each("centers open", list(first.values()), open_and_count)

    async def _sign_one_by_one(self, ceremony: str) -> None:
        pending = [
            (agreement, party)
            for agreement in self.agreements
            for party in agreement["parties"]
            if party["must_sign"] and party["organisation_id"] != str(MINISTRY_ID)
        ]

        async def sign(one: tuple[JSON, JSON]) -> None:
            await self.desk.sign(*one, ceremony=ceremony)
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
        path = f"signature-batches/{batch['id']}"
        while not batch["finished"]:
            await asyncio.sleep(0.1)
            batch = await self.client.get(MINISTRY, path)
        refused = [item for item in await self.client.all(MINISTRY, path) if item["outcome"] != "signed"]
        if refused:
            raise RuntimeError(f"the ministry's batch was refused: {refused[0]['problem']}")
        self.signatures += len(items)
        self.tell("the ministry signs in one batch", len(items), len(items))

    def _regional(self, planned: JSON) -> JSON:
        academy, province = ACADEMIES[planned["academy"]], PROVINCES[planned["province"]]
        parties = [
            party(academy.organisation_id, "granting_authority"),
            party(planned["operator"], "operator"),
            party(MINISTRY_ID, "supervising_ministry"),
        ]
        roles = {"funder": "funder", "host": "premises_host"}
        parties += [party(self.plan[each]["id"], roles[each]) for each in planned.get("also", ())]
        center = {
            "province": planned["province"],
            "operator_id": planned["operator"],
            "name_ar": f"مركز الفرصة الثانية {province.name_ar} (وهمي)",
            "name_fr": f"Centre de la deuxième chance de {province.name_fr} (fictif)",
            "funded_seats": planned["funded_seats"],
            "unfunded_seats": planned["unfunded_seats"],
        }
        title = {"ar": f"اتفاقية شراكة - {academy.region_ar}", "fr": f"Convention de partenariat - {academy.region_fr}"}
        return self._draft("academy-association", planned["academy"], title, parties, self.plan["clauses"], [center])

    def _network(self) -> JSON:
        text = self.plan["network"]
        parties = [party(MINISTRY_ID, "supervising_ministry"), party(NETWORK_ID, "integration_partner")]
        title = {"ar": text["title_ar"], "fr": text["title_fr"]}
        return self._draft("ministry-network", None, title, parties, text["clauses"])

    def _draft(
        self,
        kind: str,
        academy: str | None,
        title: dict[str, str],
        parties: list[JSON],
        clauses: list[dict[str, str]],
        centers: Sequence[JSON] = (),
    ) -> JSON:
        texts = [_clause(each) for each in clauses]
        year = self.plan["school_year"]
        return draft(kind, academy, title, parties, centers=centers, school_year=year, clauses=texts)

    async def _each(self, step: str, items: Any, work: Callable[[Any], Awaitable[object]]) -> None:
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


def _clause(text: dict[str, str]) -> JSON:
    titles, bodies = {}, {}
    for language, whole in text.items():
        title, _, body = whole.partition(":")
        titles[language], bodies[language] = title.strip(), body.strip()
    return {"title": titles, "body": bodies}
