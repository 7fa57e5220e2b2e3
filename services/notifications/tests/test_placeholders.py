"""Placeholders of sentences, subjects and templates: each is one that the code fills, and every language has each.

What is checked comes from the files; what is filled, from composing every message once and looking at what was given.
"""

import re
import shutil
import string
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader, Template, meta, nodes

from services.notifications import letters, mail
from services.notifications.notice import SUBJECTS, Notice
from services.notifications.notice import wording as notice_wording
from services.notifications.telling import NAMINGS
from services.notifications.tests.builders import AT, notice
from services.notifications.triggers import triggers
from shared.events.agreements import AgreementSuspended
from shared.events.base import DomainEvent
from shared.events.catalog import ALL
from shared.events.notifications import ReminderFellDue
from shared.ids import new_id
from shared.language import LANGUAGES, Wording, _flat

HERE = Path(mail.__file__).parent
FOLDERS = [path.relative_to(HERE / "wording") for path in sorted((HERE / "wording").rglob("fr.toml"))]
TEMPLATES = sorted(path.name for path in (HERE / "templates").iterdir())
OWN_NAME = re.compile(r"_(ar|fr)$")
"""A name in one language stands for the same in another's."""


class Filled(Wording):
    """The wording, and what each of its texts was filled with."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.values: dict[str, set[str]] = defaultdict(set)

    def text(self, key: str, language: str, /, **values: Any) -> str:
        """As ever."""
        self.values[key] |= values.keys()
        return super().text(key, language, **values)


class Given(Template):
    """A template, and what it was rendered with."""

    values: dict[str, dict[str, Any]]

    def render(self, *args: Any, **more: Any) -> str:
        """As ever."""
        self.values.setdefault(str(self.name), {}).update(dict(*args, **more))
        return super().render(*args, **more)


@cache
def composed() -> tuple[Mapping[str, set[str]], Mapping[str, Mapping[str, Any]]]:
    """What fills the texts of messages, by key, and their templates, by file."""
    filled = Filled(HERE / "wording")
    given: Any = type("Recorded", (Given,), {"values": {}})
    environment: Any = mail.templates().overlay()
    environment.template_class = given
    said = notice(AgreementSuspended.model_validate(AgreementSuspended.example))
    place: Any = {"sender": "m@mithaq.example", "recipient": "a@academie.example", "language": "fr"}
    with pytest.MonkeyPatch.context() as patch:
        for module in (mail, letters):
            patch.setattr(module, "wording", lambda: filled)
        patch.setattr(mail, "templates", lambda: environment)
        mail.compose(said, endpoint_id=new_id(), academy="MA-06", sequence=1, **place)
        for notices, more in (([said], 0), ([said, said], 3)):
            letters.compose_letter(notices, more=more, letter_id=new_id(), date=AT, **place)
    return filled.values, given.values


def fields_of(event: type[DomainEvent]) -> set[str]:
    """What an event fills its sentence with."""
    named = {subject for subject in SUBJECTS if f"{subject}_id" in event.model_fields}
    return {*event.model_fields, *named, *({"place"} if "agreement" in named else ())}


def fills() -> dict[str, set[str]]:
    """What each text may be filled with; a refusal says itself what it is filled with."""
    reminded = fields_of(ReminderFellDue)
    return {
        **{f"events.{event.type}": fields_of(event) for event in ALL},
        **{case: fields_of(event) for event in ALL for case in notice_wording().keys(f"cases.{event.type}.")},
        **{f"earlier.{event.type}": fields_of(event) for event in ALL},
        **{f"named.{naming}.{event.type}": fields_of(event) for event in ALL for naming in NAMINGS},
        **{
            f"triggers.{each.name}": reminded - (set() if each.subject_type == "agreement" else {"agreement"})
            for each in triggers()
        },
        **{f"places.{each}": {"agreement"} for each in ("agreement", "amendment")},
        "attempts.reason": {"reason", "more"},
        **composed()[0],
    }


def faults_of_wording(folder: Path, fills: Mapping[str, set[str]]) -> Iterator[str]:
    """The placeholders of a folder's texts that nothing fills, or that a language lacks."""
    found: dict[str, dict[str, set[str]]] = defaultdict(dict)
    for language in LANGUAGES:
        for key, text in _flat(tomllib.loads((folder / f"{language}.toml").read_text("utf-8"))):
            found[key][language] = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    for key, by_language in found.items():
        same = {OWN_NAME.sub("", name) for names in by_language.values() for name in names}
        for language, names in by_language.items():
            if not key.startswith("refusals."):
                for name in sorted(names - fills.get(key, set())):
                    yield f"{folder.name}/{language}.toml: {key}: nothing fills {{{name}}}"
            for name in sorted(same - {OWN_NAME.sub("", name) for name in names}):
                yield f"{folder.name}/{language}.toml: {key}: lacks {{{name}}}"


def faults_of_template(path: Path, given: Mapping[str, Any], texts: Mapping[str, set[str]]) -> Iterator[str]:
    """The variables of a template that it is not given, and what it looks for in those it is given."""
    tree = Environment(loader=FileSystemLoader(path.parent)).parse(path.read_text("utf-8"))
    for name in sorted(meta.find_undeclared_variables(tree) - given.keys()):
        yield f"{path.name}: it is given no {name}"
    known = dict(given)
    for each in tree.find_all(nodes.For):
        if isinstance(each.iter, nodes.Name) and isinstance(each.target, nodes.Name) and each.iter.name in given:
            known[each.target.name] = given[each.iter.name][0]
    for found in tree.find_all(nodes.Getattr):
        if isinstance(found.node, nodes.Name) and found.node.name in known:
            value, name = known[found.node.name], f"{found.node.name}.{found.attr}"
            if found.attr not in (Notice.__slots__ if isinstance(value, Notice) else value):
                yield f"{path.name}: there is no {name}"
            elif found.node.name == "text" and texts.get(f"email.{found.attr}"):
                yield f"{path.name}: {name} has placeholders, and a template fills none"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.parent))
def test_every_placeholder_of_a_text_is_filled_and_is_in_every_language(folder: Path) -> None:
    assert list(faults_of_wording((HERE / "wording" / folder).parent, fills())) == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_given_all_that_it_names(name: str) -> None:
    texts, given = composed()
    assert list(faults_of_template(HERE / "templates" / name, given[name], texts)) == []


@pytest.mark.parametrize(
    ("file", "change", "faults"),
    [
        ("ar.toml", ("{summary}", "{abstract}"), ["nothing fills {abstract}", "lacks {summary}"]),
        ("en.toml", ("{count} notices", "notices"), ["lacks {count}"]),
        ("fr.toml", ("Bonjour,", "Bonjour {name},"), ["nothing fills {name}"]),
        ("telling/ar.toml", ("{on}", "{when}"), ["nothing fills {when}", "lacks {on}"]),
        ("lanes/fr.toml", ("({what})", ""), ["lacks {what}"]),
        ("letter.html", ("line.summary", "line.abstract"), ["there is no line.abstract"]),
        ("letter.txt", ("text.preferences", "text.preference"), ["there is no text.preference"]),
        ("notice.html", ("{{ academy }}", "{{ aref }}"), ["it is given no aref"]),
        ("notice.txt", ("notice.event_id", "notice.event"), ["there is no notice.event"]),
        ("notice.txt", ("text.greeting", "text.digest"), ["text.digest has placeholders, and a template fills none"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_fault_is_found_with_its_file_and_its_name(
    tmp_path: Path, file: str, change: tuple[str, str], faults: Sequence[str]
) -> None:
    for folder in ("wording", "templates"):
        shutil.copytree(HERE / folder, tmp_path / folder)
    path = tmp_path / ("wording" if file.endswith("toml") else "templates") / file
    before = path.read_text("utf-8")
    assert change[0] in before
    path.write_text(before.replace(*change, 1), "utf-8")
    texts, given = composed()
    if file.endswith("toml"):
        found = list(faults_of_wording(path.parent, fills()))
    else:
        found = list(faults_of_template(path, given[path.name], texts))
    for fault in faults:
        assert any(path.name in each and each.endswith(fault) for each in found), (fault, found)
