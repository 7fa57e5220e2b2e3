"""No answer grows without end: a list is read page by page, or it is part of something that is bounded by itself."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from services.gateway.pages import OPENAPI

ONE_STATE = "at most 30 parties, 100 centers, 100 obligations and 200 budget lines, under one ETag"
BOUNDED = {
    "AgreementAnswer": {
        **dict.fromkeys(("parties", "centers", "budget", "duties"), ONE_STATE),
        "accepted_by": "its parties, at most 30",
        "outdated_clauses": "clauses of one text, at most 200",
        "amendments": "those that are applied, few in the years that an agreement lasts, each with its three facts",
    },
    "AmendedContent": {
        **dict.fromkeys(("parties", "centers", "obligations", "budget"), ONE_STATE),
        "clauses": "one text, at most 200 clauses, put back as a whole",
        "annexes": "documents of one agreement, at most 200",
    },
    "AmendmentAnswer": {
        "outdated_clauses": "clauses of one text, at most 200",
        "parties": "those of its agreement, at most 30",
    },
    "CeremonyAnswer": {
        **dict.fromkeys(("agreements", "signed", "unsigned"), "ids of one order of business, at most 100"),
        "attendees": "who sits in one hall",
    },
    "CountsAnswer": {"queues": "the workqueues that there are"},
    "DocumentsAnswer": dict.fromkeys(("missing", "required"), "the papers that one kind of agreement asks for"),
    "EndpointAnswer": {"keys": "those whose overlap is not over"},
    "ExplanationAnswer": {
        "audience": "academies, twelve",
        "unheard": "academies, and the nation",
        **dict.fromkeys(("told", "not_told", "sent_later"), "one event: who was considered when it was told"),
    },
    "ImpactAnswer": dict.fromkeys(
        (
            "agreements",
            "centers",
            "obligations",
            "editions",
            "amounts",
            "amendments",
            "ceremonies",
            "parties",
            "subscribers",
            "people",
        ),
        "one decision, acknowledged as a whole by its hash: half of it would be no impact",
    ),
    "LobbyAnswer": {"attendees": "who sits in one hall"},
    "MandateAnswer": {
        "agreement_types": "the types that there are",
        "academies": "academies, twelve",
        "agreements": "what one decision names, at most 200",
    },
    "PreferencesAnswer": {"by_type": "the event types that there are"},
    "ProofAnswer": {"path": "a branch of a tree: 30 hashes for a thousand million agreements"},
    "RehearsalAnswer": {"samples": "the ten newest"},
    "TextAnswer": {
        "clauses": "one text, at most 200 clauses, accepted and signed as a whole",
        "annexes": "documents of one agreement, at most 200",
    },
    "ThreadAnswer": {"comments": "at most 200"},
}
"""Answer -> its lists that are told whole, each with the reason why it ends."""
ACTIONS = {"available_actions", "unavailable_actions"}
"""Of one aggregate, as many as there are routes to it."""


class Told(NamedTuple):
    """A list in the answer of a route."""

    path: str
    answer: str
    field: str
    paged: bool


def _lists() -> Iterator[Told]:
    document = json.loads(OPENAPI.read_text("utf-8"))

    def found(schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def is_list(schema: dict[str, Any]) -> bool:
        schema = found(schema)
        return schema.get("type") == "array" or any(is_list(each) for each in schema.get("anyOf", ()))

    for path, methods in document["paths"].items():
        read = methods.get("get", {"responses": {}})
        paged = {"cursor", "limit"} <= {each["name"] for each in read.get("parameters", ())}
        for status, response in read["responses"].items():
            schema = found(response.get("content", {}).get("application/json", {}).get("schema", {}))
            if not status.startswith("2"):
                continue
            if is_list(schema):
                yield Told(path, "", "", False)
            for field, value in schema.get("properties", {}).items():
                if is_list(value):
                    goes_on = paged and field == "items" and "next" in schema["properties"]
                    yield Told(path, schema["title"], field, goes_on)


def test_every_list_is_read_page_by_page_or_ends_by_itself() -> None:
    whole = [each for each in _lists() if not each.paged and each.field not in ACTIONS]
    assert not [each for each in whole if each.field not in BOUNDED.get(each.answer, {})]


def test_what_is_told_whole_is_still_told() -> None:
    told = {(each.answer, each.field) for each in _lists() if not each.paged}
    assert {(answer, field) for answer, lists in BOUNDED.items() for field in lists} <= told
