"""What is said about every event, in every language."""

import json
import re
from dataclasses import replace

import pytest

from services.notifications.notice import name_told_by, wording
from services.notifications.tests.builders import happening, notice, rows
from services.notifications.tests.builders import told as told_events
from shared.database import Database
from shared.events.agreements import (
    AgreementCameIntoForce,
    AgreementExpired,
    AgreementObligationReturned,
    AgreementSigned,
    CeremonyAgreementStruck,
    CeremonyCancelled,
    CeremonyOrderChanged,
    CeremonyPostponed,
    CeremonyRescheduled,
    ThreadAnswered,
    ThreadOpened,
    ThreadReopened,
    ThreadResolved,
)
from shared.events.base import DomainEvent
from shared.events.catalog import ALL
from shared.events.centers import CenterPlanned
from shared.events.network import AssociationRegistered
from shared.events.notifications import ReadershipCounted
from shared.ids import new_id
from shared.language import LANGUAGES
from shared.territory import ACADEMIES, jurisdiction_of


@pytest.mark.parametrize("event", ALL, ids=lambda event: event.type)
def test_every_event_is_one_whole_sentence_in_every_language(event: type[DomainEvent]) -> None:
    told = notice(event.model_validate(event.example))
    said = {language: told.summary(language) for language in LANGUAGES}
    assert len(set(said.values())) == len(LANGUAGES)
    for sentence in said.values():
        assert "…" not in sentence and "None" not in sentence
        assert sentence.endswith(".")


def test_only_events_that_exist_have_a_sentence() -> None:
    assert {key.removeprefix("events.") for key in wording().keys("events.")} == {event.type for event in ALL}


def test_what_never_bound_is_told_otherwise_than_what_reached_its_term() -> None:
    ended = AgreementExpired.example
    for language in LANGUAGES:
        said = {
            why: notice(AgreementExpired.model_validate(ended | {"because": why})).summary(language)
            for why in ("term_over", "never_bound")
        }
        assert said["never_bound"] != said["term_over"] and "…" not in said["never_bound"]
    assert "never came into force" in said["never_bound"]


def test_a_claim_that_an_amendment_returns_is_told_otherwise_than_one_that_a_creditor_does() -> None:
    for language in LANGUAGES:
        said = {
            why: notice(
                AgreementObligationReturned.model_validate(AgreementObligationReturned.example | {"because": why})
            ).summary(language)
            for why in ("decision", "amended")
        }
        assert said["amended"] != said["decision"] and "…" not in said["amended"]


CHANGES = (
    CeremonyPostponed,
    CeremonyRescheduled,
    CeremonyOrderChanged,
    CeremonyAgreementStruck,
    CeremonyCancelled,
)


@pytest.mark.parametrize("event", CHANGES, ids=lambda event: event.type)
def test_a_notice_says_which_ceremony_it_is_about_by_the_date_last_told(event: type[DomainEvent]) -> None:
    told = event.model_validate(event.example)
    before = event.model_validate(
        {field: value for field, value in event.example.items() if event.model_fields[field].is_required()}
    )
    for language, day in (("ar", "30 غشت 2024"), ("fr", "30 août 2024"), ("en", "30 August 2024")):
        assert day in notice(told).summary(language)
        said = notice(before).summary(language)
        assert day not in said and said.endswith(".") and "  " not in said, "told before events said so"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_number_leaves_no_word_with_a_plural_in_brackets(language: str) -> None:
    assert not [text for text in wording()._texts[language].values() if re.search(r"\w\((e?s|x)\)", text)]


def test_whom_an_answer_names_is_told_so_in_every_language_in_the_words_of_the_day() -> None:
    one, home = "https://identity.example#one", str(ACADEMIES["MA-06"].organisation_id)
    for names, words in (
        ({"people": [one]}, "mentions you in an answer"),
        ({"people": [one], "commenters": [one], "organisations": [home]}, "mentions you in an answer"),
        ({"commenters": [one], "organisations": [home]}, "in which you wrote"),
        ({"organisations": [home]}, "mentions your organisation"),
    ):
        usual: dict[str, list[str]] = {"people": [], "commenters": [], "organisations": []}
        told = notice(ThreadAnswered.model_validate(ThreadAnswered.example | usual | names))
        said = {language: told.to(one, "MA-06").summary(language) for language in LANGUAGES}
        assert words in said["en"] and len({*said.values()}) == len(LANGUAGES)
        assert not any("…" in sentence for sentence in said.values())
        assert told.to("https://identity.example#other", "MA-05").summary("en") == told.summary("en")
        kept = replace(told, summaries={key: f"then: {each}" for key, each in told.sentences().items()})
        assert kept.to(one, "MA-06").summary("en") == f"then: {said['en']}"
        before = replace(told, summaries=dict.fromkeys(LANGUAGES, "then"))
        assert before.to(one, "MA-06").summary("en") == said["en"], "told before there was a sentence of its own"


def test_a_comment_on_an_amendment_is_told_as_one() -> None:
    for event in (ThreadOpened, ThreadAnswered, ThreadResolved, ThreadReopened):
        on_agreement, on_amendment = (
            notice(event.model_validate(event.example | {"amendment_id": id})) for id in (None, str(new_id()))
        )
        for language, word in (("ar", "ملحق"), ("fr", "avenant"), ("en", "amendment")):
            assert word in on_amendment.summary(language) and word not in on_agreement.summary(language)


@pytest.mark.parametrize("event", ALL, ids=lambda event: event.type)
def test_no_academy_is_told_what_is_between_services(event: type[DomainEvent]) -> None:
    assert event.inside <= {*event.model_fields}
    payload = notice(event.model_validate(event.example)).payload(academy="MA-06", sequence=1, language="fr")
    assert {*payload["data"]} == {*event.model_fields} - event.inside
    event.model_validate(payload["data"])


def test_which_agreement_is_struck_is_said_to_its_parties_alone() -> None:
    struck = CeremonyAgreementStruck.model_validate(CeremonyAgreementStruck.example)
    said = notice(struck, names={str(struck.struck_id): {"ar": "AREF-06/2024-0007", "fr": "AREF-06/2024-0007"}})
    party = jurisdiction_of(struck.organisations[0])
    for language in LANGUAGES:
        assert "AREF-06/2024-0007" in said.to("x#y", party).summary(language)
        assert "AREF-06/2024-0007" not in said.to("x#y", "MA-05").summary(language)
        payload = said.body(academy="MA-06", sequence=1, language=language).decode()
        assert not any(each in payload for each in ("AREF-06/2024-0007", str(struck.struck_id)))


def test_no_two_events_say_the_same() -> None:
    for language in LANGUAGES:
        said = [wording()._texts[language][f"events.{event.type}"] for event in ALL]
        assert sorted(set(said)) == sorted(said), "a rejection in the words of an acceptance would be one"


DECISIONS = {
    ("association.accredited", "association.refused"): {
        "ar": ("معتمدة", "لم يُقبل"),
        "fr": ("est accréditée", "n'est pas retenu"),
        "en": ("is accredited", "does not hold"),
    },
    ("amendment.agreed", "amendment.refused"): {
        "ar": ("تمت الموافقة", "رفض"),
        "fr": ("est approuvé", "est rejeté"),
        "en": ("is approved", "is refused"),
    },
    ("amendment.agreed", "amendment.returned"): {
        "ar": ("تمت الموافقة", "أرجع"),
        "fr": ("est approuvé", "est renvoyé"),
        "en": ("is approved", "is returned"),
    },
    ("amendment.agreed", "amendment.approvals_voided"): {
        "ar": ("تمت الموافقة", "ألغيت"),
        "fr": ("est approuvé", "sont annulées"),
        "en": ("is approved", "are void"),
    },
    ("agreement.approved", "agreement.approvals_voided"): {
        "ar": ("تمت المصادقة", "ألغيت"),
        "fr": ("est approuvée", "sont annulées"),
        "en": ("is approved", "are void"),
    },
    ("agreement.party_signed", "agreement.party_declined"): {
        "ar": ("وقّع", "امتنع"),
        "fr": ("a signé", "a refusé de signer"),
        "en": ("party signed", "declined to sign"),
    },
    ("agreement.renewed", "agreement.not_renewed"): {
        "ar": ("جددت", "لم تجدد"),
        "fr": ("est reconduite", "n'est pas reconduite"),
        "en": ("is renewed", "is not renewed"),
    },
    ("agreement.obligation_fulfilled", "agreement.obligation_failed"): {
        "ar": ("تم الوفاء", "لم يتم الوفاء"),
        "fr": ("est remplie", "n'a pas été remplie"),
        "en": ("is met", "was not met"),
    },
    ("agreement.obligation_fulfilled", "agreement.obligation_returned"): {
        "ar": ("تم الوفاء", "أرجعت"),
        "fr": ("est remplie", "sont retournés"),
        "en": ("is met", "was returned"),
    },
}
"""What accepts and what rejects, with the words of each."""


@pytest.mark.parametrize("pair", DECISIONS, ids=lambda pair: pair[1])
def test_a_rejection_is_told_in_the_words_of_a_rejection(pair: tuple[str, str]) -> None:
    for language, (accepting, rejecting) in DECISIONS[pair].items():
        yes, no = (wording()._texts[language][f"events.ma.mithaq.{name}.v1"] for name in pair)
        assert has(yes, accepting) and not has(yes, rejecting), yes
        assert has(no, rejecting) and not has(no, accepting), no


def has(sentence: str, words: str) -> bool:
    """Whether the words stand in the sentence, whole."""
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", sentence) is not None


def test_a_sentence_uses_the_name_that_is_known_and_the_dates_as_people_write_them() -> None:
    event = AgreementCameIntoForce.model_validate(AgreementCameIntoForce.example)
    names = {str(event.agreement_id): {"ar": "AREF-06/2024-0001", "fr": "AREF-06/2024-0001"}}
    assert notice(event, names=names).summary("fr") == (
        "La convention AREF-06/2024-0001 est en vigueur depuis le 2 septembre 2024."
    )
    assert notice(event, names=names).summary("ar") == (
        "الاتفاقية \u2068AREF-06/2024-0001\u2069 سارية منذ \u20682 شتنبر 2024\u2069."
    )


ASSOCIATION, UNNAMED = "0192f0c1-0000-7000-8000-000000000001", "0193f0c1-0000-7000-8000-000000000001"
HOMES = {
    "national": ("المستوى الوطني", "niveau national", "national level"),
    "MA-06": tuple(getattr(ACADEMIES["MA-06"], f"name_{language}") for language in LANGUAGES),
    "DP-MOH": tuple(
        f"{office} ({place})"
        for office, place in (
            ("المديرية الإقليمية", "المحمدية"),
            ("direction provinciale", "Mohammedia"),
            ("provincial directorate", "Mohammedia"),
        )
    ),
    f"org:{ASSOCIATION}": ("جمعية مثال", "Association Exemple", "Association Exemple"),
    f"org:{UNNAMED}": ("n° ", "n° ", "n° "),
}


@pytest.mark.parametrize("home", HOMES, ids=lambda home: home[:8])
def test_a_jurisdiction_is_told_by_its_name(home: str) -> None:
    counted = ReadershipCounted(readership_id=new_id(), jurisdiction=home, people=3)
    told = notice(counted, names={ASSOCIATION: {"ar": "جمعية مثال", "fr": "Association Exemple"}})
    for language, name in zip(LANGUAGES, HOMES[home], strict=True):
        said = told.summary(language)
        assert name in said and (home == "national" or home not in said), said


async def test_an_organisation_of_which_something_is_counted_is_told_by_the_name_it_registered_with(
    database: Database,
) -> None:
    registered = AssociationRegistered.model_validate(AssociationRegistered.example)
    home = f"org:{registered.association_id}"
    counted = ReadershipCounted(readership_id=new_id(), jurisdiction=home, people=3)
    await told_events(database, happening(registered), happening(counted, audience=()))
    ((summaries,),) = await rows(database, "select summaries from notice where type = :type", type=counted.type)
    assert registered.name_ar in summaries["ar"] and registered.name_fr in summaries["fr"]


def test_names_come_from_the_events_that_tell_them() -> None:
    signed = AgreementSigned.model_validate(AgreementSigned.example)
    planned = CenterPlanned.model_validate(CenterPlanned.example)
    assert name_told_by(signed) == (signed.agreement_id, signed.reference, signed.reference)
    assert name_told_by(planned) == (planned.center_id, planned.name_ar, planned.name_fr)
    assert name_told_by(AgreementCameIntoForce.model_validate(AgreementCameIntoForce.example)) is None


def test_the_message_is_thin_and_says_where_it_belongs() -> None:
    event = AgreementSigned.model_validate(AgreementSigned.example)
    body = notice(event).body(academy="MA-06", sequence=7, language="ar")
    sent = json.loads(body)
    assert {"type", "timestamp", "data"} <= sent.keys()
    assert (sent["type"], sent["timestamp"]) == (event.type, "2024-08-30T10:00:00Z")
    assert (sent["academy"], sent["sequence"], sent["data"]) == ("MA-06", 7, event.model_dump(mode="json"))
    assert len(body) < 20_000


def test_every_sentence_fits_a_thin_message() -> None:
    for event in ALL:
        body = notice(event.model_validate(event.example)).body(academy="MA-06", sequence=1, language="ar")
        assert len(body) < 20_000
