"""Who is told, and why: the one decision. No rule widens what the publisher's audience allows."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.circle import Circle
from services.notifications.kinds import IMPORTANCE, QUEUES, kinds
from services.notifications.preferences import Preferences
from services.notifications.telling import Decision, EndpointTold, Happening, PersonTold, Recipient, Rule, told
from shared.actor import Role
from shared.events.agreements import (
    AgreementAcceptancesLapsed,
    AgreementAcceptanceWithdrawn,
    AgreementApprovalOverdue,
    AgreementDelegationWithdrawn,
    AgreementNegotiationOpened,
    AgreementSigningDelegated,
    AgreementTurnPassed,
    AmendmentApprovalOverdue,
    AmendmentDelegationWithdrawn,
    AmendmentSigningDelegated,
    CeremonyPlanned,
    ThreadAnswered,
    ThreadOpened,
)
from shared.events.base import DomainEvent, Occurrence
from shared.events.catalog import ALL, BY_TYPE
from shared.events.notifications import ReminderFellDue
from shared.ids import new_id
from shared.territory import ACADEMIES, ACADEMY_CODES, MINISTRY_ID, PROVINCES, codes_of

AT = datetime(2024, 8, 30, 10, 0, tzinfo=UTC)
IN_FORCE = "ma.mithaq.agreement.came_into_force.v1"
SUSPENDED = "ma.mithaq.agreement.suspended.v1"
APPROVED = "ma.mithaq.agreement.approved.v1"
FELL_DUE = "ma.mithaq.agreement.obligation_fell_due.v1"
REMINDED = "ma.mithaq.agreement.obligation_reminded.v1"
TEXT = "ma.mithaq.agreement.text_revised.v1"
ORG = "org:01900000-0000-7000-8000-00000000000a"


def happening(type: str = IN_FORCE, *codes: str, audience: Any = ("MA-06",), **more: Any) -> Happening:
    """An event of MA-06 unless told otherwise."""
    audience = frozenset(audience)
    facts: dict[str, Any] = {"provinces": frozenset(), "actor": "mithaq#system"}
    return Happening(type, more.pop("subject", new_id()), audience, audience | {"national", *codes}, **facts | more)


def endpoint(*rules: Rule, academy: str = "MA-06", enabled: bool = True) -> EndpointTold:
    """An endpoint of an academy."""
    return EndpointTold(new_id(), academy, "webhook", "ar", enabled, rules)


def person(*rules: Rule, role: Role = Role.academy_officer, home: str = "MA-06", **more: Any) -> PersonTold:
    """Somebody of MA-06 who prefers these things."""
    suspended = more.pop("suspended", False)
    name = more.pop("name", "https://identity.example#somebody")
    return PersonTold(new_id(), name, home, frozenset({role}), Preferences(**more), suspended, rules)


def why(decisions: list[Decision]) -> list[tuple[str | None, str, bool]]:
    """Channel, reason, and whether it is told."""
    return [(each.channel, each.why, each.told) for each in decisions]


def rule(**conditions: Any) -> Rule:
    """A rule."""
    return Rule(new_id(), **conditions)


def test_every_published_type_has_a_kind_and_no_other_has() -> None:
    assert {*kinds().events} == {*BY_TYPE}


def test_every_queue_that_is_somebodys_work_is_filled_and_settled() -> None:
    for type, kind in kinds().events.items():
        told_with = [each for each in kinds().events if kinds().of(each).queue in kind.settles]
        for field in kind.same:
            assert any(field in BY_TYPE[each].model_fields for each in told_with), (type, field)
            assert field in BY_TYPE[type].model_fields, (type, field)
        assert not kind.settles_own or "organisation_id" in BY_TYPE[type].model_fields, type
    for queue in kinds().work:
        assert queue in QUEUES
        assert any(kind.queue == queue for kind in kinds().events.values()), queue
        # A date to come asks for nothing that an event could say is done.
        assert (queue in kinds().asking) == (queue not in ("ceremonies", "reminders")), queue


def test_what_ends_or_suspends_is_statutory() -> None:
    for verb in ("agreement.suspended", "agreement.terminated", "agreement.obligation_failed", "endpoint.disabled"):
        assert kinds().of(f"ma.mithaq.{verb}.v1").statutory


@pytest.mark.parametrize(
    "verb",
    [
        "suspension_announced",
        "termination_announced",
        "announcement_withdrawn",
        "suspended",
        "resumed",
        "terminated",
        "expired",
    ],
)
def test_no_party_is_left_in_silence_about_a_rest_or_an_end(verb: str) -> None:
    event = happening(f"ma.mithaq.agreement.{verb}.v1", ORG)
    partner = person(role=Role.association_manager, home=ORG, inbox="off")
    assert ("inbox", "statutory", True) in why(told(event, partner, AT))
    assert all(each.told for each in told(event, endpoint(rule(types=("ma.mithaq.center.*",))), AT))


def test_an_endpoint_without_rules_is_told_all_of_its_academy() -> None:
    for event in ALL:
        one = endpoint()
        (decision,) = told(happening(event.type, subject=one.id), one, AT)
        assert decision.told and decision.why in ("no_rules", "statutory", "named")


def test_an_endpoint_with_rules_is_told_what_fits_one_of_them() -> None:
    wanted = endpoint(rule(types=("ma.mithaq.center.*",)), rule(types=("*.came_into_force.v1",)))
    (decision,) = told(happening(), wanted, AT)
    assert (decision.why, decision.rule) == ("rule", wanted.rules[1].id)
    assert why(told(happening(TEXT), wanted, AT)) == [(None, "no_rule_matches", False)]


@pytest.mark.parametrize(
    ("conditions", "fits"),
    [
        ({"academies": ("MA-06",)}, True),
        ({"academies": ("MA-01",)}, False),
        ({"provinces": ("MA-CAS",)}, True),
        ({"provinces": ("MA-TNG",)}, False),
        ({"agreement_types": ("local", "regional")}, True),
        ({"agreement_types": ("framework",)}, False),
        ({"parties": (ORG,)}, True),
        ({"parties": ("org:other",)}, False),
        ({"importance": "attention"}, True),
        ({"importance": "urgent"}, False),
        ({"academies": ("MA-06",), "provinces": ("MA-TNG",)}, False),
    ],
)
def test_all_conditions_of_a_rule_hold(conditions: Any, fits: bool) -> None:
    event = happening(IN_FORCE, ORG, provinces=frozenset({"MA-CAS"}), agreement_type="regional")
    assert rule(**conditions).matches(event) == fits
    assert [*rule(**conditions).unmet(event)] == ([] if fits else [[*conditions][-1]])


def test_a_type_of_agreement_is_not_met_by_an_event_whose_agreement_s_type_is_not_known() -> None:
    assert not rule(agreement_types=("regional",)).matches(happening())


def test_statutory_notices_come_at_once_whatever_the_preference_or_the_rules() -> None:
    quiet: Any = {"quiet_from": "00:00", "quiet_until": "23:59", "address": "a@b.example"}
    for preferences in ({"inbox": "off", "email": "off"}, {"email": "weekly"}, {"email": "immediate"}):
        decisions = told(happening(SUSPENDED), person(**quiet | preferences), AT)
        assert why(decisions) == [("inbox", "statutory", True), ("email", "statutory", True)]
        assert {each.due for each in decisions} == {AT}
    assert why(told(happening(SUSPENDED), endpoint(rule(types=("nothing",))), AT)) == [("webhook", "statutory", True)]


def test_the_nation_may_see_every_region_and_is_told_of_those_it_asked_for() -> None:
    officer: Any = {"role": Role.ministry_officer, "home": "national"}
    assert why(told(happening(SUSPENDED), person(**officer), AT)) == [(None, "no_rule_matches", False)]
    follows = person(rule(academies=("MA-06",)), **officer)
    assert why(told(happening(SUSPENDED), follows, AT))[0] == ("inbox", "statutory", True)
    national = happening(SUSPENDED, audience=ACADEMY_CODES)
    assert why(told(national, person(**officer), AT))[0] == ("inbox", "statutory", True)


@pytest.mark.parametrize("party", [MINISTRY_ID, None], ids=["the ministry is a party", "it is none"])
def test_of_a_regions_agreement_the_ministry_is_told_as_a_party_and_not_otherwise(party: UUID | None) -> None:
    ministry = person(role=Role.ministry_officer, home="national")
    codes = {ORG, *(codes_of(party) if party else ())}
    for type, reason in ((SUSPENDED, "statutory"), (REMINDED, "work"), (APPROVED, "work")):
        for one in (ministry, person(role=Role.association_manager, home=ORG)):
            inbox, *_ = why(told(happening(type, *codes), one, AT))
            theirs = party is not None or one is not ministry
            assert inbox == (("inbox", reason, True) if theirs else (None, "no_rule_matches", False)), type
        elsewhere = person(role=Role.academy_officer, home="MA-07")
        assert why(told(happening(type, *codes), elsewhere, AT)) == [(None, "outside_jurisdiction", False)]
    assert why(told(happening(IN_FORCE, *codes), ministry, AT)) == [(None, "no_rule_matches", False)], (
        "news is asked for"
    )


def test_work_finds_those_whose_it_is() -> None:
    manager = told(happening(APPROVED, ORG), person(role=Role.association_manager, home=ORG), AT)
    assert why(manager)[0] == ("inbox", "work", True)
    assert manager[0].queue == "to_sign"
    assert why(told(happening(APPROVED), person(role=Role.academy_system), AT)) == [(None, "no_rule_matches", False)]
    (follower, _) = told(happening(APPROVED), person(rule(), role=Role.auditor), AT)
    assert follower.queue == "information"


def test_work_that_is_awaited_of_somebody_is_nobody_elses_and_the_ministrys_in_a_region_too() -> None:
    ministry = person(role=Role.ministry_officer, home="national")
    operator = person(role=Role.association_manager, home=ORG)
    for one, awaited in ((ministry, "national"), (operator, ORG)):
        asked = happening(FELL_DUE, ORG, awaited=frozenset({awaited}))
        (inbox, _) = told(asked, one, AT)
        assert (inbox.why, inbox.queue) == ("work", "obligations")
        for other in (each for each in (ministry, operator) if each is not one):
            assert why(told(asked, other, AT)) == [(None, "no_rule_matches", False)]
    unseen = happening(FELL_DUE, awaited=frozenset({ORG}))
    assert why(told(unseen, operator, AT)) == [(None, "outside_jurisdiction", False)]


@pytest.mark.parametrize("type", [AgreementApprovalOverdue, AmendmentApprovalOverdue])
@pytest.mark.parametrize(
    ("roles", "level", "hear"),
    [
        (["ministry_officer"], 1, {"ministry_officer"}),
        (["academy_officer"], 1, {"academy_officer", "academy_director"}),
        (["academy_officer"], 2, {"academy_officer", "academy_director", "ministry_officer"}),
        (["academy_director"], 1, {"academy_director", "ministry_officer"}),
        ([], 2, {"academy_officer", "academy_director"}),
    ],
)
def test_an_overdue_approval_is_told_to_whom_it_waits_for_and_level_by_level_higher(
    type: type[DomainEvent], roles: list[str], level: int, hear: set[str]
) -> None:
    event = type.model_validate(type.example | {"roles": roles, "level": level})
    heard = Happening.at(Occurrence(event, new_id(), new_id(), 3, ("MA-06",), "system", AT, new_id()), Circle())
    people = [
        person(role=role, home="national" if role is Role.ministry_officer else "MA-06")
        for role in (Role.academy_officer, Role.academy_director, Role.ministry_officer, Role.auditor)
    ]
    assert {role for one in people for role in one.roles if any(each.told for each in told(heard, one, AT))} == hear
    assert why(told(heard, person(role=Role.academy_director, home="MA-05"), AT)) == [
        (None, "outside_jurisdiction", False)
    ]


def test_a_person_is_told_of_what_names_them_and_not_of_their_own_acts() -> None:
    one = person()
    (named, _) = told(happening(TEXT, named=frozenset({one.person})), one, AT)
    assert (named.why, named.queue) == ("named", "mentions")
    assert why(told(happening(APPROVED, actor=one.person), one, AT)) == [(None, "own_act", False)]
    assert why(told(happening(SUSPENDED, actor=one.person), one, AT))[0] == ("inbox", "statutory", True)


@pytest.mark.parametrize(
    "event",
    [
        AgreementSigningDelegated,
        AgreementDelegationWithdrawn,
        AmendmentSigningDelegated,
        AmendmentDelegationWithdrawn,
    ],
)
def test_a_delegate_is_told_that_they_sign_for_a_party_and_that_they_do_not_any_more(event: type[DomainEvent]) -> None:
    given = event.model_validate(event.example)
    heard = Happening.at(Occurrence(given, new_id(), new_id(), 3, ("MA-06",), "somebody", AT, new_id()), Circle())
    delegate = person(name=given.model_dump()["delegate"])
    assert ("inbox", "named", True) in why(told(heard, delegate, AT))
    assert "named" not in {each.why for each in told(heard, person(), AT)}


def test_whom_a_comment_mentions_is_told_if_the_agreement_is_theirs_to_see() -> None:
    mentioned = person(role=Role.association_manager, home=ORG)
    elsewhere = person(role=Role.association_manager, home="org:other", name="https://identity.example#other")
    changes = {"people": [mentioned.person, elsewhere.person], "parties": [ORG.removeprefix("org:")]}
    event = ThreadOpened.model_validate(ThreadOpened.example | changes)
    occurrence = Occurrence(event, new_id(), new_id(), 1, ("MA-06",), "somebody else", AT, new_id())
    heard = Happening.at(occurrence, Circle().after(event))
    (inbox, _) = told(heard, mentioned, AT)
    assert (inbox.why, inbox.queue) == ("named", "mentions")
    assert why(told(heard, elsewhere, AT)) == [(None, "outside_jurisdiction", False)]


def test_an_answer_is_told_to_who_commented_before_if_the_agreement_is_theirs_to_see_and_not_to_its_author() -> None:
    asked = person(role=Role.association_manager, home=ORG)
    left = person(role=Role.association_manager, home="org:other", name="https://identity.example#left")
    author = person(name="https://identity.example#author")
    commenters = [asked.person, left.person]
    changes = {"people": [], "organisations": [], "commenters": commenters, "parties": [ORG.removeprefix("org:")]}
    event = ThreadAnswered.model_validate(ThreadAnswered.example | changes)
    occurrence = Occurrence(event, new_id(), new_id(), 2, ("MA-06",), author.person, AT, new_id())
    heard = Happening.at(occurrence, Circle().after(event))
    (inbox, _) = told(heard, asked, AT)
    assert (inbox.why, inbox.queue) == ("named", "mentions")
    assert why(told(heard, left, AT)) == [(None, "outside_jurisdiction", False)]
    assert why(told(heard, author, AT)) == [(None, "own_act", False)]
    bystander = person(name="https://identity.example#bystander")
    assert why(told(heard, bystander, AT)) == [(None, "no_rule_matches", False)]


@pytest.mark.parametrize("type", [CeremonyPlanned, ReminderFellDue])
def test_nobody_learns_by_a_subscription_who_else_comes_to_a_ceremony(type: type[DomainEvent]) -> None:
    event = type.model_validate(type.example | ({"subject_type": "ceremony"} if type is ReminderFellDue else {}))
    occurrence = Occurrence(event, new_id(), new_id(), 1, ("MA-05", "MA-06"), "somebody else", AT, new_id())
    heard = Happening.at(occurrence, Circle((ORG,)))
    for one in (endpoint(rule(parties=(ORG,))), person(rule(parties=(ORG,)), role=Role.auditor)):
        assert why(told(heard, one, AT)) == [(None, "no_rule_matches", False)]
    (inbox, _) = told(heard, person(role=Role.association_manager, home=ORG), AT)
    assert (inbox.why, inbox.told) == ("work", True)


def test_whatever_is_published_can_be_told_a_number_of_people_too() -> None:
    for each in ALL:
        event = each.model_validate(each.example)
        occurrence = Occurrence(event, new_id(), new_id(), 1, ("MA-06",), "somebody else", AT, new_id())
        assert told(Happening.at(occurrence, Circle().after(event)), endpoint(), AT), event.type


@pytest.mark.parametrize(
    ("organisation", "home"),
    [(ACADEMIES["MA-06"].organisation_id, "MA-06"), (MINISTRY_ID, "national"), (UUID(ORG.removeprefix("org:")), ORG)],
)
def test_whose_organisation_a_comment_mentions_is_told_and_nobody_elses(organisation: UUID, home: str) -> None:
    changes = {"people": [], "organisations": [organisation], "parties": [ORG.removeprefix("org:")]}
    event = ThreadOpened.model_validate(ThreadOpened.example | changes)
    occurrence = Occurrence(event, new_id(), new_id(), 1, ("MA-06",), "somebody else", AT, new_id())
    heard = Happening.at(occurrence, Circle().after(event))
    for jurisdiction in ("MA-06", "national", ORG):
        (first, *_) = told(heard, person(home=jurisdiction), AT)
        assert (first.why, first.queue) == (
            ("named", "mentions") if jurisdiction == home else ("no_rule_matches", None)
        )
    assert why(told(heard, person(home="MA-05"), AT)) == [(None, "outside_jurisdiction", False)]


def test_who_is_to_write_a_text_or_to_accept_it_is_told_so_and_no_other_party() -> None:
    other = UUID(ORG.removeprefix("org:"))
    asking = (AgreementNegotiationOpened, AgreementTurnPassed, AgreementAcceptancesLapsed, AgreementAcceptanceWithdrawn)
    for type in asking:
        event = type.model_validate(type.example | {"organisations": [other]})
        occurrence = Occurrence(event, new_id(), new_id(), 2, ("MA-06",), "somebody else", AT, new_id())
        heard = Happening.at(occurrence, Circle((ORG,)))
        (inbox, _) = told(heard, person(role=Role.association_manager, home=ORG), AT)
        assert (inbox.why, inbox.queue) == ("named", "mentions")
        assert why(told(heard, person(home="MA-06"), AT)) == [(None, "no_rule_matches", False)]


def test_a_channel_that_is_off_or_has_no_address_says_so() -> None:
    follows = rule()
    assert why(told(happening(), person(follows, inbox="off"), AT)) == [
        ("inbox", "switched_off", False),
        ("email", "switched_off", False),
    ]
    assert why(told(happening(), person(follows, email="daily"), AT))[1] == ("email", "no_address", False)
    gone = person(follows, email="daily", address="a@b.example", suspended=True)
    assert why(told(happening(), gone, AT))[1] == ("email", "address_suspended", False)
    written_to = person(email="immediate", address="a@b.example")
    assert why(told(happening("ma.mithaq.letter.given_up.v1"), written_to, AT)) == [
        ("inbox", "statutory", True),
        ("email", "no_letters", False),
    ]


def test_what_no_letter_tells_is_told_to_webhooks_and_to_no_address_of_an_academy() -> None:
    news = happening("ma.mithaq.letter.to_academy_given_up.v1")
    assert why(told(news, endpoint(), AT)) == [("webhook", "statutory", True)]
    assert why(told(news, replace(endpoint(), channel="email"), AT)) == [("email", "no_letters", False)]
    asked = replace(endpoint(rule(types=("*.letter.*",))), channel="email")
    assert why(told(news, asked, AT)) == [("email", "no_letters", False)]


def test_a_type_may_be_preferred_otherwise_and_what_is_statutory_is_told_all_the_same() -> None:
    quiet = [{"types": "*.agreement.*", "inbox": "off"}, {"types": "*", "email": "off"}]
    one = person(rule(), email="immediate", address="a@b.example", by_type=quiet)
    assert why(told(happening("ma.mithaq.agreement.signed.v1"), one, AT)) == [
        ("inbox", "switched_off", False),
        ("email", "rule", True),
    ], "the first that fits counts, and says nothing of e-mails"
    assert why(told(happening("ma.mithaq.center.opened.v1"), one, AT)) == [
        ("inbox", "rule", True),
        ("email", "switched_off", False),
    ]
    decisions = told(happening("ma.mithaq.agreement.suspended.v1"), one, AT)
    assert why(decisions) == [("inbox", "statutory", True), ("email", "statutory", True)]


def test_a_test_is_told_to_the_endpoint_it_tests_whatever_its_rules() -> None:
    tested, other = endpoint(rule(types=("nothing",))), endpoint()
    event = happening("ma.mithaq.endpoint.tested.v1", subject=tested.id)
    assert why(told(event, tested, AT)) == [("webhook", "named", True)]
    assert why(told(event, other, AT)) == [(None, "not_theirs", False)]


def test_a_disabled_endpoint_is_not_told() -> None:
    assert why(told(happening(), endpoint(enabled=False), AT)) == [("webhook", "disabled", False)]


JURISDICTIONS = st.sampled_from([*ACADEMY_CODES, "national", "DP-CAS", "DP-TNG", ORG, "org:other"])
RULES = st.lists(
    st.builds(
        Rule,
        id=st.uuids(),
        types=st.lists(st.sampled_from(["*", "ma.mithaq.agreement.*", "*.v1", *BY_TYPE]), max_size=3).map(tuple),
        academies=st.lists(st.sampled_from(ACADEMY_CODES), max_size=3).map(tuple),
        provinces=st.lists(st.sampled_from([*PROVINCES][:4]), max_size=2).map(tuple),
        parties=st.lists(st.sampled_from([ORG, "org:other"]), max_size=2).map(tuple),
        importance=st.sampled_from(IMPORTANCE),
    ),
    max_size=4,
)
RECIPIENTS: st.SearchStrategy[Recipient] = st.one_of(
    st.builds(
        EndpointTold,
        id=st.uuids(),
        jurisdiction=JURISDICTIONS,
        channel=st.sampled_from(["webhook", "email"]),
        language=st.just("ar"),
        enabled=st.booleans(),
        rules=RULES,
    ),
    st.builds(
        PersonTold,
        id=st.uuids(),
        person=st.sampled_from(["a", "b"]),
        jurisdiction=JURISDICTIONS,
        roles=st.sets(st.sampled_from(Role)).map(frozenset),
        preferences=st.builds(
            Preferences,
            inbox=st.sampled_from(["off", "immediate"]),
            email=st.sampled_from(["off", "immediate", "daily", "weekly"]),
            address=st.sampled_from([None, "a@b.example"]),
            quiet_from=st.none(),
            quiet_until=st.none(),
        ),
        suspended=st.booleans(),
        rules=RULES,
    ),
)


@st.composite
def happenings(draw: st.DrawFn) -> Happening:
    """Any event, of any regions and parties."""
    codes = draw(st.sets(st.sampled_from(["DP-CAS", "DP-TNG", ORG])))
    return happening(
        draw(st.sampled_from([*BY_TYPE])),
        *codes,
        audience=draw(st.sets(st.sampled_from(ACADEMY_CODES))),
        provinces=frozenset(draw(st.sets(st.sampled_from([*PROVINCES][:4])))),
        actor=draw(st.sampled_from(["a", "system"])),
        named=frozenset(draw(st.sets(st.sampled_from(["a", "b"])))),
    )


@given(event=happenings(), one=RECIPIENTS)
def test_no_rule_and_no_preference_widens_the_audience(event: Happening, one: Recipient) -> None:
    decisions = told(event, one, AT)
    assert decisions
    if one.jurisdiction != "national" and one.jurisdiction not in event.codes:
        assert why(decisions) == [(None, "outside_jurisdiction", False)]
    for each in decisions:
        assert each.due is None or each.due >= AT
        assert each.rule is None or next(rule for rule in one.rules if rule.id == each.rule).matches(event)


@given(event=happenings(), one=RECIPIENTS)
def test_a_rule_more_takes_nothing_away_from_a_person(event: Happening, one: Recipient) -> None:
    if isinstance(one, PersonTold):
        more = PersonTold(
            one.id, one.person, one.jurisdiction, one.roles, one.preferences, one.suspended, [*one.rules, rule()]
        )
        before = {each.channel for each in told(event, one, AT) if each.told}
        assert before <= {each.channel for each in told(event, more, AT) if each.told}
