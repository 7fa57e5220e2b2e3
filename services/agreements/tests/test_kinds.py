"""Kinds of agreement are data: what each asks is in its file, and a new one needs no code."""

from hashlib import sha256
from pathlib import Path
from typing import cast, get_args

import pytest

from services.agreements import commands
from services.agreements.drafting import UNKNOWN, draft_text
from services.agreements.errors import RolesMissing
from services.agreements.errors.families import ChildNotOfKind
from services.agreements.kinds import KINDS, REGIONAL, EditionRule, Kind, read_kinds
from services.agreements.tests.builders import (
    LEGAL,
    NAME,
    accept_for_all,
    bound,
    current,
    current_network,
    know,
    officer,
    party,
    sign_for,
    signer,
)
from services.agreements.text import get_clauses
from shared.actor import NATIONAL
from shared.audit import canonical
from shared.database import Database
from shared.events.agreements import AmendmentType, PartyRole
from shared.ids import new_id
from shared.territory import MINISTRY_ID

EVERY = {
    "preamble",
    "object",
    "objectives",
    "duration",
    "follow-up",
    "disputes",
    "suspension-termination",
    "publication",
}
"""What a ministry's model has at least (domain: clauses), beside the duties of each party."""
OF_CENTERS = {
    *EVERY,
    "learners",
    "places",
    "timetable",
    "budget",
    "grant",
    "staff",
    "personal-data",
    "child-protection",
    "insurance",
    "inventory",
    "communication",
    "amendment",
    "renewal",
}
"""What Mithaq adds where centers are run."""
VERSIONS = {
    ("academy-association", 1): "703dc820a29a0783c7b78d04dcaf89b903681186528cec8c209a05cc1a71c52a",
    ("academy-foundation-association", 1): "c408ba57396f5189c876000a9f65f31533d0bce41440feab523e93f1cea04fa6",
    ("directorate-association", 1): "e477e3679955dd60f734aff8b82d628c58c77521f4f2b37573ff6adb269318f5",
    ("framework", 1): "d46a89ee83786fd4cc5ad0c0a9e4aeb361d56fcb70f1709416e7dbffb456db62",
    ("ministry-association", 1): "c5588e7ab8bb3bf920bebd922177c5d4e57b673978c4e2e0fec1f3198d46842a",
    ("ministry-network", 1): "8942edd4f7e97870d54ebc0f7be4d55923b0a2fd02dbe7e55dfb68a4f023af41",
    ("academy-association", 2): "2cd022cd97b2a49a54f3576404412f7507bd9e942cd67d030ba31b56f386e215",
    ("academy-foundation-association", 2): "10adf25e9382dadda2a67979785cd382676295546c54c1cf0ec1caa63fa6aca5",
    ("directorate-association", 2): "ea40a4dad7e45bce42752bc04f1d85df3fa9bb2eb4acfb0f57551574e0f948ba",
    ("framework", 2): "1c7cd02fd64840728f1de957e9b053da1bd185d255664f164568459d8925e8fc",
    ("ministry-association", 2): "bf0ae52a096b6217cad7ec5bae3e615ef5025e78748e32aac0a2abb02149bce0",
    ("ministry-network", 2): "4923afb11f303d018f232e164141e589785daba83b07bd9665717c40f581b14d",
    ("academy-association", 3): "26f737dfe85def9d61fb979a9e2bd9a35678e2462e537a4b15d2dccf10ef9ff6",
    ("academy-foundation-association", 3): "34de14c552a64dc014e50b454b9a9af6b060279e6c3a0e54b123c8fcff4341a4",
    ("directorate-association", 3): "2d097091355e517983bcf152aafde314a4ac88c5313f19ade1c8e10623c40831",
    ("framework", 3): "e71da7e341f73a85cfc4becb497b7781047dd5467ab97352cf6d3194089bbb70",
    ("ministry-association", 3): "dee8d7c1a0fed5dcb472421392106e8d8777c0d5f7ca3475f1f9e829e1e89c3d",
    ("ministry-network", 3): "7a45e198c68802a08a1dc3aa76067a2970e05ab4b2c4742a2794a5abc8291e1c",
    ("academy-association", 4): "65577dc68a2087eaaab992faa5befe14ce066a80a30398870e6f3e6fa61c5388",
    ("academy-foundation-association", 4): "d5be7c44969dbbb4b554009ec1fa458feefe8b2fb5d0efe04f5cfe94a8d556b4",
    ("directorate-association", 4): "add63cb2d136e75c027ff43a821814bbcb7b8575bc06bb7727fa8aff5086c814",
    ("framework", 4): "f9a547b7d0d7019dc2eb973608cab99e6e3279f716ed0e2cef1623186ab69ec4",
    ("ministry-association", 4): "3a07aa40306126e14cefe53fbb72f5955c5c8659c8a9c431bee75fb9f31aa990",
    ("ministry-network", 4): "54c505d6b948fec5dd091dd627f4645e26e0e5d2f885cee9b7fa3622f69137c9",
}
"""Kind and version -> SHA-256 of all its data, the texts of its clauses with it. A line is added, none is changed."""
LOCAL = """
version = 1
agreement_type = "local"
name = { ar = "اتفاقية تجريبية (وهمية)", fr = "Convention d'essai (fictive)" }
roles = ["operator", "premises_host"]
clauses = ["object", "duties"]
acceptance = true

[[approval]]
id = "directorate"
name = { ar = "المديرية (وهمي)", fr = "Direction (fictif)" }
roles = ["academy_director"]
needed = 1

[[approval]]
id = "legal_review"
name = { ar = "المراجعة القانونية", fr = "Revue juridique" }
roles = ["ministry_officer"]
needed = 1

[signing]
least_level = "simple"

[[signing.groups]]
roles = ["premises_host"]

[[signing.groups]]
roles = ["operator"]
"""
CLAUSE = """
title = {{ ar = "البند {key} (وهمي)", fr = "Article {key} (fictif)" }}
ar = "{{operator}} في مقر {{premises_host}} من {{effective_from}} (وهمي)."
fr = "{{operator}} dans les locaux de {{premises_host}} dès le {{effective_from}} (fictif)."
"""


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_a_kind_says_what_it_asks_of_parties_text_approval_signing_and_time(kind: Kind) -> None:
    keys = {each.key for each in kind.clauses}
    centers = "operator" in kind.roles
    assert keys >= (OF_CENTERS if centers else EVERY)
    assert sum(key.startswith("duties") for key in keys) >= (2 if centers or kind.agreement_type == "network" else 1)
    if kind.agreement_type not in ("network", "framework"):
        assert {"granting_authority", "operator"} <= set(kind.roles)
    assert kind.approval and kind.acceptance and kind.signing.offer_days and kind.signing.remind_days
    assert kind.obligations.remind_before and kind.obligations.remind_after
    assert bool(kind.editions) == (kind.agreement_type != "framework")
    assert kind.name.ar != kind.name.fr


def test_what_a_kind_asks_or_proposes_changes_with_its_version_only() -> None:
    found = {
        (id, kind.version): sha256(canonical(kind.model_dump(mode="json"))).hexdigest() for id, kind in KINDS.items()
    }
    changed = [f"{id}: version = {n + 1}" for (id, n), hash in found.items() if VERSIONS.get((id, n), hash) != hash]
    assert not changed, "the data of a version is as it was published: another is the next version"
    assert found.items() <= VERSIONS.items(), "a new version is written down"


def test_a_kind_without_a_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "essai").mkdir()
    for key in ("object", "duties"):
        (tmp_path / "essai" / f"{key}.toml").write_text(CLAUSE.format(key=key), "utf-8")
    for version in ("", "version = 0"):
        (tmp_path / "essai.toml").write_text(LOCAL.replace("version = 1", version), "utf-8")
        with pytest.raises(ValueError, match="version"):
            read_kinds(tmp_path)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.id)
def test_each_type_of_amendment_says_what_it_changes_and_who_approves_it(kind: Kind) -> None:
    limited = {name for name in get_args(AmendmentType) if name != "scope"}
    assert kind.amendments.keys() == limited and all(rule.approval for rule in kind.amendments.values())
    reach = {name: {*rule.parts} for name, rule in kind.amendments.items()}
    assert all(parts >= {"clause", "order"} for parts in reach.values())
    assert reach["correction"] == {"clause", "order"}
    for part, names in (("center", {"seats", "parties"}), ("term", {"duration"}), ("party", {"parties"})):
        assert {name for name, parts in reach.items() if part in parts} == names
    assert {name for name, parts in reach.items() if "budget_line" in parts} == {"seats", "budget"}


def test_there_is_a_kind_of_every_track() -> None:
    assert {each.agreement_type for each in KINDS.values()} == {"central", "regional", "local", "network", "framework"}
    assert {"academy-association", "ministry-association", "ministry-network", "framework"} <= KINDS.keys()
    assert {"central", *REGIONAL} == {KINDS[child].agreement_type for child in KINDS["framework"].children}


def test_a_framework_has_no_editions_and_so_ends_no_earlier_than_its_children() -> None:
    framework = KINDS["framework"].model_dump() | {"editions": {"most": 3, "lead_days": 90}}
    with pytest.raises(ValueError, match="a framework has no editions"):
        Kind.model_validate(framework)


@pytest.mark.parametrize("rule", [{"most": 0, "lead_days": 90}, {"most": 3, "lead_days": -1}])
def test_editions_are_one_at_least_and_a_renewal_falls_due_before_their_end(rule: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="greater than or equal"):
        EditionRule.model_validate(rule)


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A kind that nobody wrote code for: a file, and a folder of clauses."""
    (tmp_path / "essai").mkdir()
    (tmp_path / "essai.toml").write_text(LOCAL, "utf-8")
    for key in ("object", "duties"):
        (tmp_path / "essai" / f"{key}.toml").write_text(CLAUSE.format(key=key), "utf-8")
    (found,) = read_kinds(tmp_path).values()
    monkeypatch.setitem(cast(dict[str, Kind], KINDS), found.id, found)
    return found.id


async def test_a_new_kind_is_drafted_approved_and_signed_as_its_file_says(database: Database, local: str) -> None:
    host = party(new_id(), "premises_host")
    terms = current(agreement_kind=local, others=[host])
    await know(database, terms)
    with pytest.raises(RolesMissing):
        await commands.draft_agreement(database, current(agreement_kind=local), by=officer())
    agreement = await commands.draft_agreement(database, terms, by=officer())
    async with database.transaction(NATIONAL) as tx:
        text = await get_clauses(tx, agreement.text_hash or "")
    assert [each.key for each in text] == ["object", "duties"]
    bodies = [body for each in text for body in (each.body.ar, each.body.fr)]
    assert not [body for body in bodies if "{" in body or UNKNOWN in body]
    await commands.open_negotiation(database, agreement.id, by=officer())
    await accept_for_all(database, agreement)
    await commands.submit_for_review(database, agreement.id, by=officer())
    academy = next(each.organisation_id for each in terms.parties if "granting_authority" in each.roles)
    stepped = await commands.approve_agreement(database, agreement.id, by=signer(academy))
    assert stepped.state == "legal_review"
    frozen = await commands.approve_agreement(database, agreement.id, by=LEGAL)
    assert [each.organisation_id for each in frozen.signing_order.may_sign_now] == [host.organisation_id]
    operator = next(each.organisation_id for each in terms.parties if "operator" in each.roles)
    for each in (host.organisation_id, operator, academy, MINISTRY_ID):
        frozen = await sign_for(database, frozen, each)
    assert (frozen.state, frozen.editions) == ("signed", ())


CALLED_FOR: tuple[PartyRole, ...] = (
    "territorial_supervisor",
    "funder",
    "premises_host",
    "training_partner",
    "integration_partner",
)
"""Roles that a party may hold where a kind does not ask for one."""


@pytest.mark.parametrize(
    "kind", [each for each in KINDS.values() if "operator" in each.roles], ids=lambda kind: kind.id
)
def test_every_role_that_owes_something_has_its_duties_in_the_text_where_a_party_holds_it(kind: Kind) -> None:
    build = current if kind.agreement_type in REGIONAL else current_network
    terms = build(agreement_kind=kind.id, parties=tuple(party(new_id(), role) for role in kind.roles))

    def duties(*roles: PartyRole) -> set[str]:
        joined = terms.model_copy(update={"parties": (*terms.parties, *(party(new_id(), role) for role in roles))})
        text = draft_text(joined, {each.organisation_id: NAME for each in joined.parties})
        assert not [each for each in text if each.key.startswith("duties") and UNKNOWN in each.body.ar + each.body.fr]
        return {each.key for each in text if each.key.startswith("duties")}

    for role in (each for each in CALLED_FOR if each not in kind.roles):
        assert duties(role) - duties() == {f"duties-{role.replace('_', '-')}"}
    assert {f"duties-{role.replace('_', '-')}" for role in CALLED_FOR} <= duties(*CALLED_FOR)


async def test_who_joins_a_draft_later_changes_no_text_until_somebody_writes_it(database: Database) -> None:
    terms = current()
    host = party(new_id(), "premises_host")
    joined = terms.model_copy(update={"parties": (*terms.parties, host)})
    await know(database, joined)
    draft = await commands.draft_agreement(database, terms, by=officer())
    revised = await commands.revise_terms(database, draft.id, joined, by=officer())
    assert host.organisation_id in {each.organisation_id for each in revised.parties}
    anew = await commands.draft_agreement(database, joined, by=officer())
    async with database.transaction(NATIONAL) as tx:
        keys = [{each.key for each in await get_clauses(tx, it.text_hash or "")} for it in (draft, revised, anew)]
    assert keys[0] == keys[1] == keys[2] - {"duties-premises-host"} != keys[2]


def test_a_role_that_nobody_must_hold_is_named_only_by_a_clause_that_it_calls_for(tmp_path: Path) -> None:
    (tmp_path / "essai").mkdir()
    (tmp_path / "essai" / "object.toml").write_text(CLAUSE.format(key="object"), "utf-8")
    bare = LOCAL.replace('["operator", "premises_host"]', '["operator"]').replace('["object", "duties"]', "[{}]")
    for entry, refused in (
        ('"object"', "no party is sure to be there"),
        ('{ key = "object", when = "funder" }', "no party is sure to be there"),
        ('{ key = "object", when = "landlord" }', "when"),
        ('{ key = "object", where = "premises_host" }', "where"),
    ):
        (tmp_path / "essai.toml").write_text(bare.replace("{}", entry), "utf-8")
        with pytest.raises(ValueError, match=refused):
            read_kinds(tmp_path)
    (tmp_path / "essai.toml").write_text(bare.replace("{}", '{ key = "object", when = "premises_host" }'), "utf-8")
    assert read_kinds(tmp_path)["essai"].clauses[0].when == "premises_host"


async def test_a_framework_takes_children_of_its_kinds_only(database: Database, local: str) -> None:
    parent = await bound(database, current_network(agreement_kind="framework"))
    terms = current(agreement_kind=local, others=[party(new_id(), "premises_host")], parent_id=parent.id)
    with pytest.raises(ChildNotOfKind):
        await commands.draft_agreement(database, terms, by=officer())
