"""The checkers of the invariants are shown wrong worlds: each is refused, under the right name."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from services.notifications import signing
from services.notifications.keys import shown
from services.notifications.signing import Public, Shared, Signer
from shared.clock import now
from shared.ids import new_id
from shared.territory import ACADEMY_CODES
from tests.failures.invariants import PAGE, Committed, Published, Truth, violations
from tests.failures.receiving import Key, Receiver

REACTION = "reporting.agreements"
HERE, ELSEWHERE = ACADEMY_CODES[0], ACADEMY_CODES[1]


@pytest.fixture
def truth() -> Truth:
    """A world in order: one subject with three events for each academy, each published, told and received once."""
    subjects = {code: new_id() for code in ACADEMY_CODES}
    journal = [Committed(new_id(), subjects[code], n, (code,)) for n in (1, 2, 3) for code in ACADEMY_CODES]
    feeds = {code: [row.event_id for row in journal if row.audience == (code,)] for code in ACADEMY_CODES}
    return Truth(
        acknowledged={(row.subject, row.version) for row in journal},
        journal=journal,
        topic=[Published(row.event_id, row.subject, row.version, row.audience, 0) for row in journal],
        progress={REACTION: dict.fromkeys(subjects.values(), (3, None))},
        parked=[],
        told={code: list(enumerate(feed, start=1)) for code, feed in feeds.items()},
        received=feeds,
        unverified=0,
        projections={"agreement_figure": (["(1,draft)"], ["(1,draft)"])},
        states={subject: ({"state": "draft"}, {"state": "draft"}) for subject in subjects.values()},
        faults=0,
    )


def acknowledged_but_not_committed(truth: Truth) -> None:
    truth.acknowledged.add((new_id(), 1))


def committed_but_not_published(truth: Truth) -> None:
    truth.topic.pop()


def published_but_not_committed(truth: Truth) -> None:
    truth.topic.append(Published(new_id(), new_id(), 1, (), 0))


def a_reaction_left_behind(truth: Truth) -> None:
    truth.progress[REACTION][truth.journal[0].subject] = (2, None)


def a_reaction_that_never_met_a_subject(truth: Truth) -> None:
    del truth.progress[REACTION][truth.journal[0].subject]


def a_subject_held_back(truth: Truth) -> None:
    truth.progress[REACTION][truth.journal[0].subject] = (3, "gap")


def an_event_parked(truth: Truth) -> None:
    truth.parked.append(REACTION)


def told_twice(truth: Truth) -> None:
    truth.told[HERE].append((4, truth.told[HERE][0][1]))


def repeated_without_a_fault(truth: Truth) -> None:
    truth.topic.append(truth.topic[0])


def repeated_more_than_a_page(truth: Truth) -> None:
    truth.faults = 1
    truth.topic += [truth.topic[0]] * (PAGE + 1)


def versions_swapped(truth: Truth) -> None:
    truth.topic[0], truth.topic[12] = truth.topic[12], truth.topic[0]


def a_subject_in_two_partitions(truth: Truth) -> None:
    truth.topic[0] = replace(truth.topic[0], partition=1)


def a_gap_in_a_feed(truth: Truth) -> None:
    truth.told[HERE][-1] = (4, truth.told[HERE][-1][1])


def webhooks_overtaken(truth: Truth) -> None:
    truth.received[HERE].reverse()


def a_projection_changed(truth: Truth) -> None:
    truth.projections["agreement_figure"] = (["(1,signed)"], ["(1,draft)"])


def a_row_changed(truth: Truth) -> None:
    truth.states[truth.journal[0].subject] = ({"state": "signed"}, {"state": "draft"})


def a_row_without_journal(truth: Truth) -> None:
    truth.states[new_id()] = ({"state": "draft"}, None)


def a_journal_without_row(truth: Truth) -> None:
    del truth.states[truth.journal[0].subject]


def a_notice_missing(truth: Truth) -> None:
    truth.told[HERE].pop()


def a_webhook_missing(truth: Truth) -> None:
    truth.received[HERE].pop()


def an_academy_that_nothing_concerned(truth: Truth) -> None:
    truth.journal = [replace(row, audience=()) if row.audience == (HERE,) else row for row in truth.journal]


def a_wrong_signature(truth: Truth) -> None:
    truth.unverified = 1


def a_notice_in_a_foreign_feed(truth: Truth) -> None:
    truth.told[ELSEWHERE].append((4, truth.told[HERE][0][1]))


def a_webhook_at_a_foreign_academy(truth: Truth) -> None:
    truth.received[ELSEWHERE].append(truth.received[HERE][0])


def published_for_another_audience(truth: Truth) -> None:
    truth.topic[0] = replace(truth.topic[0], audience=(ELSEWHERE,))


def test_a_world_in_order_is_accepted(truth: Truth) -> None:
    assert violations(truth) == []


def test_what_at_least_once_allows_is_accepted(truth: Truth) -> None:
    truth.faults = 1
    truth.topic += truth.topic[-5:]
    truth.received[HERE] += truth.received[HERE][-1:]
    assert violations(truth) == []


@pytest.mark.parametrize(
    ("invariant", "plant"),
    [
        ("I1", acknowledged_but_not_committed),
        ("I1", committed_but_not_published),
        ("I1", published_but_not_committed),
        ("I1", a_reaction_left_behind),
        ("I1", a_reaction_that_never_met_a_subject),
        ("I1", a_subject_held_back),
        ("I1", an_event_parked),
        ("I2", told_twice),
        ("I2", repeated_without_a_fault),
        ("I2", repeated_more_than_a_page),
        ("I3", versions_swapped),
        ("I3", a_subject_in_two_partitions),
        ("I3", a_gap_in_a_feed),
        ("I3", webhooks_overtaken),
        ("I4", a_projection_changed),
        ("I4", a_row_changed),
        ("I4", a_row_without_journal),
        ("I4", a_journal_without_row),
        ("I5", a_notice_missing),
        ("I5", a_webhook_missing),
        ("I5", an_academy_that_nothing_concerned),
        ("I6", a_wrong_signature),
        ("I8", a_notice_in_a_foreign_feed),
        ("I8", a_webhook_at_a_foreign_academy),
        ("I8", published_for_another_audience),
    ],
)
def test_a_wrong_world_is_refused(truth: Truth, invariant: str, plant: Callable[[Truth], None]) -> None:
    plant(truth)
    assert invariant in {found.partition(":")[0] for found in violations(truth)}


class Academy:
    """An academy with two secrets, of which the first has a while to live, that got three messages signed by both."""

    def __init__(self) -> None:
        self.first, self.second = Shared(b"1" * 32), Public(b"2" * 32)
        self.receiver = Receiver(HERE, new_id(), [Key(shown(b"1" * 32))])
        self.receiver.learn(Key(self.second.public_key), lives_until=time.time() + 60, ends_by=time.time() + 61)
        self.owed = [new_id() for _ in range(3)]
        for id in self.owed:
            self.gets(id)

    def gets(self, id: UUID, *signers: Signer, academy: str = HERE, at: float = 0.0) -> None:
        """It gets a message, signed by both unless it is said by whom, so many seconds from now."""
        body = json.dumps({"academy": academy}).encode()
        when = now() + timedelta(seconds=at)
        self.receiver.take(signing.headers(id, when, body, signers or (self.second, self.first)), body)

    @property
    def wrong(self) -> list[str]:
        """What does not hold."""
        return list(self.receiver.violations(self.owed))


def a_message_missing(academy: Academy) -> None:
    academy.receiver.got.pop()


def a_message_of_nobody(academy: Academy) -> None:
    academy.gets(new_id())


def messages_overtaken(academy: Academy) -> None:
    academy.receiver.got.reverse()


def a_message_for_another_academy(academy: Academy) -> None:
    academy.gets(academy.owed[0], academy=ELSEWHERE)


def signed_by_nobody_known(academy: Academy) -> None:
    academy.gets(academy.owed[0], Shared(b"3" * 32))


def signed_by_somebody_else_too(academy: Academy) -> None:
    academy.gets(academy.owed[0], academy.second, academy.first, Public(b"3" * 32))


def signed_with_a_secret_that_had_ended(academy: Academy) -> None:
    academy.receiver.keys[0].lives_until = academy.receiver.keys[0].ends_by = time.time() - 10
    academy.gets(academy.owed[0])


def not_signed_with_a_secret_that_lives_on(academy: Academy) -> None:
    academy.gets(academy.owed[0], academy.second)


def signed_long_ago(academy: Academy) -> None:
    academy.gets(academy.owed[0], at=-400)


def test_what_arrived_in_order_and_signed_is_accepted() -> None:
    assert Academy().wrong == []


def test_what_arrives_again_and_what_only_the_new_secret_signs_once_the_old_one_ended_are_accepted() -> None:
    academy = Academy()
    academy.gets(academy.owed[-1])
    academy.receiver.keys[0].lives_until = academy.receiver.keys[0].ends_by = time.time() - 10
    academy.gets(academy.owed[-1], academy.second)
    assert academy.wrong == []


def test_a_receiver_that_is_told_of_a_new_secret_after_it_signed_believes_it() -> None:
    academy, third = Academy(), Public(b"3" * 32)
    academy.gets(academy.owed[-1], third, academy.second, academy.first)
    assert academy.wrong
    academy.receiver.learn(Key(third.public_key), lives_until=time.time() + 60, ends_by=time.time() + 61)
    assert academy.wrong == []


@pytest.mark.parametrize(
    ("said", "plant"),
    [
        ("never got 1 of 3", a_message_missing),
        ("what it was not owed", a_message_of_nobody),
        ("in another order", messages_overtaken),
        ("messages of others", a_message_for_another_academy),
        ("no live secret signed it", signed_by_nobody_known),
        ("none of its keys made", signed_by_somebody_else_too),
        ("still signs that had ended", signed_with_a_secret_that_had_ended),
        ("lives on did not sign", not_signed_with_a_secret_that_lives_on),
        ("too long ago", signed_long_ago),
    ],
)
def test_a_receiver_refuses_what_is_wrong(said: str, plant: Callable[[Academy], None]) -> None:
    academy = Academy()
    plant(academy)
    assert [each for each in academy.wrong if said in each]
