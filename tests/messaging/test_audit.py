"""The audit: what it is made of, and that whoever changes an export is found."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import audit

# The leaves and roots that the reference implementation of RFC 6962 tests itself with.
LEAVES = [bytes.fromhex(each) for each in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
LEAVES.append(bytes.fromhex("606162636465666768696a6b6c6d6e6f"))
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
SUBJECTS = [UUID(int=number) for number in (1, 2, 3)]
Row = dict[str, Any]


def rows(subjects: Sequence[UUID]) -> list[Row]:
    """An export: one row after the other, of these aggregates."""
    chains: dict[UUID, audit.Chain] = {}
    found: list[Row] = []
    for position, subject in enumerate(subjects, 11):
        chain = chains.get(subject, audit.Chain())
        row: Row = {
            "position": position,
            "event_id": str(UUID(int=position)),
            "aggregate_type": "agreement",
            "aggregate_id": str(subject),
            "aggregate_version": chain.version + 1,
            "type": "ma.mithaq.agreement.text_revised.v1",
            "audience": ["MA-06"],
            "actor": "issuer#somebody",
            "occurred_at": datetime(2024, 8, 30, 10, tzinfo=UTC).isoformat(),
            "recorded_at": datetime(2024, 8, 30, 11, tzinfo=UTC).isoformat(),
            "data": {"number": position},
            "detail": {"note": "ملاحظة (وهمي)"},
        }
        row["hash"] = audit.link(chain.head, row).hex()
        chains[subject] = audit.Chain(chain.version + 1, bytes.fromhex(row["hash"]))
        found.append(row)
    return found


def checkpoint(export: Sequence[Row]) -> audit.Checkpoint:
    """What would be published of these rows."""
    heads = {UUID(row["aggregate_id"]): row for row in export}
    sequence = b""
    for row in export:
        sequence = audit.follow(sequence, bytes.fromhex(row["hash"]))
    leaves = [audit.leaf(id, heads[id]["aggregate_version"], bytes.fromhex(heads[id]["hash"])) for id in sorted(heads)]
    return audit.Checkpoint(
        position=export[-1]["position"],
        root=audit.root(leaves).hex(),
        sequence=sequence.hex(),
        leaves=len(leaves),
        events=len(export),
        taken_at=f"2024-08-30T11:{len(export):02}:00Z",
    )


def findings(export: Sequence[Row], *roots: audit.Checkpoint) -> list[audit.Finding]:
    """What the audit says of an export."""
    return list(audit.Audit(roots).read(map(json.dumps, export)))


EXPORT = rows([SUBJECTS[number] for number in (0, 1, 0, 2, 1, 0, 2, 1, 0, 1)])
PUBLISHED = [checkpoint(EXPORT[:4]), checkpoint(EXPORT[:7]), checkpoint(EXPORT)]


def rechained(export: list[Row]) -> list[Row]:
    """The export with every hash worked out anew: the work of somebody who knows how the chains are made."""
    heads: dict[str, audit.Chain] = {}
    made = []
    for row in export:
        chain = heads.get(row["aggregate_id"], audit.Chain())
        changed = row | {"aggregate_version": chain.version + 1}
        changed["hash"] = audit.link(chain.head, changed).hex()
        heads[row["aggregate_id"]] = audit.Chain(chain.version + 1, bytes.fromhex(changed["hash"]))
        made.append(changed)
    return made


def edited(export: list[Row]) -> list[Row]:
    """The sixth row says something else."""
    return [*export[:5], export[5] | {"data": {"number": 0}}, *export[6:]]


def deleted(export: list[Row]) -> list[Row]:
    """The sixth row is gone."""
    return [*export[:5], *export[6:]]


def reordered(export: list[Row]) -> list[Row]:
    """The sixth and the seventh row, of two aggregates, have changed places, positions and all."""
    sixth, seventh = export[5], export[6]
    moved = [seventh | {"position": sixth["position"]}, sixth | {"position": seventh["position"]}]
    return [*export[:5], *moved, *export[7:]]


def truncated(export: list[Row]) -> list[Row]:
    """The last rows are gone."""
    return export[:8]


def inserted(export: list[Row]) -> list[Row]:
    """A seventh row that never was."""
    more = export[5] | {"position": export[5]["position"], "event_id": str(UUID(int=99))}
    later = [row | {"position": row["position"] + 1} for row in export[6:]]
    return [*export[:6], more | {"position": more["position"] + 1, "aggregate_version": 4}, *later]


def removed(export: list[Row]) -> list[Row]:
    """An aggregate is gone as if it had never been."""
    return [row for row in export if row["aggregate_id"] != str(SUBJECTS[2])]


def test_the_tree_is_that_of_rfc_6962() -> None:
    assert [audit.root(LEAVES[:size]).hex() for size in range(9)] == list(ROOTS)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=40), st.data())
def test_a_path_proves_its_leaf_and_no_other(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    tree = audit.levels(leaves)
    proof, root = audit.path(tree, index), tree[-1][0]
    assert audit.holds(leaves[index], index, len(leaves), proof, root)
    assert not audit.holds(leaves[index] + b"x", index, len(leaves), proof, root)
    assert not audit.holds(leaves[index], index, len(leaves), [*proof, root], root)
    if proof:
        assert not audit.holds(leaves[index], index, len(leaves), proof[:-1], root)


def test_leaves_and_nodes_are_hashed_apart() -> None:
    left, right = (hashlib.sha256(b"\0" + each).digest() for each in (b"a", b"b"))
    assert audit.root([b"a", b"b"]) != audit.root([left + right])


def test_an_untouched_export_holds() -> None:
    reading = audit.Audit(PUBLISHED)
    assert list(reading.read(map(json.dumps, EXPORT))) == []
    assert (reading.events, len(reading.chains), reading.matching) == (10, 3, 3)


@pytest.mark.parametrize(
    ("tamper", "what", "where"),
    [
        (edited, "edited", "line 6, position 16, version 3 of agreement"),
        (deleted, "missing", "it follows version 2"),
        (reordered, "altered", "positions 15 to 17"),
        (truncated, "cut-off", "after position 18: the checkpoint of 2024-08-30T11:10:00Z goes up to 20"),
        (inserted, "edited", "line 7, position 17, version 4 of agreement"),
        (removed, "altered", "positions 1 to 14, checkpoint of 2024-08-30T11:04:00Z: 3 rows where 4 were recorded"),
    ],
)
def test_tampering_is_found_where_it_is(tamper: Callable[[list[Row]], list[Row]], what: str, where: str) -> None:
    found = findings(tamper(EXPORT), *PUBLISHED)
    assert any(each.what == what and where in each.where for each in found), found


def first_form(row: Row, head: str = "", **changes: Any) -> Row:
    """The row as it was put down before the time of recording was bound, after a row of this hash."""
    changed = row | changes
    bound = {name: changed[name] for name in audit.FACTS if name != "recorded_at"}
    return changed | {"hash": hashlib.sha256(bytes.fromhex(head) + audit.canonical(bound)).hexdigest()}


def test_rows_from_before_their_recording_was_bound_hold_and_are_bound_in_all_else() -> None:
    first, reading = EXPORT[0], audit.Audit([])
    older = first_form(first)
    assert list(reading.read([json.dumps(older)])) == []
    assert "1 rows are bound without the time of their recording" in reading.told
    assert [each.what for each in findings([older | {"actor": "other"}])] == ["edited"]
    assert [each.what for each in findings([first | {"recorded_at": first["occurred_at"]}])] == ["edited"]


def test_no_row_of_the_first_form_comes_after_one_of_todays_in_a_chain() -> None:
    first, second = rows([SUBJECTS[0], SUBJECTS[0]])
    assert findings([first, first_form(second, first["hash"])])[0].what == "edited"
    older = first_form(first)
    newer = second | {"hash": audit.link(bytes.fromhex(older["hash"]), second).hex()}
    assert findings([older, newer]) == []


@pytest.mark.parametrize(
    ("recorded_at", "holds"),
    [
        ("2024-08-30T11:05:00+00:00", True),
        ("2024-08-30T10:55:00", True),
        ("2024-08-30T10:50:00+00:00", False),
        ("2024-08-30T11:30:00+00:00", False),
        ("2019-01-01T00:00:00+00:00", False),
        ("once", False),
        (None, False),
    ],
)
def test_a_time_of_recording_that_is_not_bound_lies_between_the_checkpoints_around_it(
    recorded_at: str | None, *, holds: bool
) -> None:
    older = [first_form(each) for each in rows(SUBJECTS[:2])]
    roots = [checkpoint(older[:1]), checkpoint(older)]
    found = findings([older[0], older[1] | {"recorded_at": recorded_at}], *roots)
    assert [each.what for each in found] == ([] if holds else ["edited"])


def test_an_export_says_everything_once_and_nothing_else() -> None:
    line = json.dumps(EXPORT[0])
    for changed, why in (
        (line.replace('"data": {', '"data": {"number": 9}, "data": {'), "a key comes twice"),
        (line.replace('"data": {', '"data": {"number": 9, '), "a key comes twice"),
        (line.replace("{", '{"Data": 9, ', 1), "other keys: Data"),
        (line.replace('"detail"', '"details"'), "other keys: detail, details"),
        (line.replace('"position": 11', '"position": 11.9'), "whole numbers"),
        (line.replace('"position": 11', '"position": true'), "whole numbers"),
    ):
        [found] = audit.Audit([]).read([changed])
        assert found.what == "unreadable" and why in found.where
    root = json.dumps(PUBLISHED[0]._asdict())
    for changed in (root.replace("{", '{"root": "", ', 1), root.replace("2024-08-30T11:04:00Z", "soon")):
        with pytest.raises(ValueError, match="not a checkpoint"):
            audit.Checkpoint.of(changed)


def test_rows_in_another_order_than_their_positions_are_found() -> None:
    swapped = [*EXPORT[:5], EXPORT[6], EXPORT[5], *EXPORT[7:]]
    assert "out-of-order" in {each.what for each in findings(swapped, *PUBLISHED)}


@pytest.mark.parametrize("tamper", [edited, deleted, inserted, removed])
def test_whoever_works_out_the_chains_anew_is_found_by_the_roots(tamper: Callable[[list[Row]], list[Row]]) -> None:
    forged = rechained(tamper(EXPORT))
    assert not findings(forged)
    found = findings(forged, *PUBLISHED)
    assert found and {each.what for each in found} == {"altered"}
    assert ("15 to 17" in found[0].where) != (tamper is removed)


def test_what_is_after_the_last_checkpoint_is_bound_by_its_chains_only() -> None:
    assert findings(EXPORT[:8], *PUBLISHED[:2]) == []
    assert findings(edited(EXPORT), *PUBLISHED[:1]) != []


@given(st.lists(st.sampled_from(SUBJECTS), min_size=2, max_size=20), st.data())
def test_any_row_changed_removed_or_moved_is_found(subjects: list[UUID], data: st.DataObject) -> None:
    export = rows(subjects)
    root = checkpoint(export)
    at = data.draw(st.integers(0, len(export) - 1))
    name = data.draw(st.sampled_from(sorted(audit.FACTS)))
    other = {"aggregate_id": str(UUID(int=9)), "aggregate_version": 77, "audience": []}.get(name, "other")
    assert findings(export, root) == []
    assert findings([*export[:at], export[at] | {name: other}, *export[at + 1 :]], root)
    assert findings([*export[:at], *export[at + 1 :]], root)
    assert findings([*export[:at], *export[at + 1 :], export[at] | {"position": 99}], root) or at == len(export) - 1
    assert findings(rechained([*export[:at], *export[at + 1 :]]), root)


def test_the_file_runs_alone(tmp_path: Path) -> None:
    program = tmp_path / "audit.py"
    program.write_bytes(Path(audit.__file__).read_bytes())
    (tmp_path / "roots").write_text("\n".join(json.dumps({"data": each._asdict()}) for each in PUBLISHED) + "\n")

    def run(export: list[Row]) -> subprocess.CompletedProcess[str]:
        (tmp_path / "export").write_text("".join(json.dumps(row) + "\n" for row in export))
        command = [sys.executable, "-I", "-S", str(program), "export", "--roots", "roots"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    whole, cut = run(EXPORT), run(truncated(EXPORT))
    assert (whole.returncode, whole.stdout) == (0, "10 rows, 3 chains, 3 checkpoints hold\n")
    assert cut.returncode == 1 and cut.stdout.startswith("cut-off: after position 18")


@pytest.mark.parametrize("hour", range(3))
@pytest.mark.parametrize("name", ["root", "sequence", "leaves", "events", "position"])
def test_a_root_that_was_altered_holds_no_more(name: str, hour: int) -> None:
    roots, was = [*PUBLISHED], getattr(PUBLISHED[hour], name)
    altered: Row = {name: was + 1 if isinstance(was, int) else was[::-1]}
    roots[hour] = roots[hour]._replace(**altered)
    reading = audit.Audit(roots)
    assert list(reading.read(map(json.dumps, EXPORT))) and reading.matching < 3


@given(st.lists(st.lists(st.integers(0, 40), max_size=6), min_size=1, max_size=12))
def test_a_tree_that_grows_has_the_root_of_one_built_anew(hours: list[list[int]]) -> None:
    tree, chains = audit.Tree(), dict[UUID, audit.Chain]()
    for grown in hours:
        for number in grown:
            version = chains.get(UUID(int=number), audit.Chain()).version + 1
            chains[UUID(int=number)] = audit.Chain(version, hashlib.sha256(b"%d %d" % (number, version)).digest())
        anew = audit.root([audit.leaf(id, *chains[id]) for id in sorted(chains)])
        assert tree.root({UUID(int=number): chains[UUID(int=number)] for number in grown}) == anew


def test_a_root_costs_what_changed_and_not_all_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour that brings one event to one of a thousand chains: one leaf, and ten nodes above it."""
    tree, hashed = audit.Tree(), list[bytes]()
    chains = {UUID(int=number): audit.Chain(1, b"x" * 32) for number in range(1000)}
    tree.root(chains)

    def counted(data: bytes) -> Any:
        hashed.append(data)
        return hashlib.sha256(data)

    monkeypatch.setattr(audit, "hashlib", SimpleNamespace(sha256=counted))
    tree.root({UUID(int=500): audit.Chain(2, b"y" * 32)})
    assert len(hashed) == 11


def test_it_is_told_how_many_rows_no_checkpoint_binds() -> None:
    reading = audit.Audit(PUBLISHED[:2])
    assert not list(reading.read(map(json.dumps, EXPORT)))
    assert "2 checkpoints hold; 3 rows after the last" in reading.told


def test_bytes_that_are_no_text_are_found_at_their_line(tmp_path: Path) -> None:
    lines = [json.dumps(row).encode() for row in EXPORT]
    lines[5] = lines[5].replace(b"somebody", b"some\xffbody")
    (tmp_path / "export").write_bytes(b"\n".join(lines))
    with audit.lines_of(str(tmp_path / "export")) as export:
        found = list(audit.Audit(PUBLISHED).read(export))
    assert (found[0].what, found[0].where[:7]) == ("unreadable", "line 6:")


@pytest.mark.parametrize(
    "roots", ["", "{}", json.dumps(EXPORT[0]), json.dumps(PUBLISHED[0]._asdict() | {"position": "14"}), None]
)
def test_nothing_is_verified_by_what_is_no_root(tmp_path: Path, roots: str | None) -> None:
    (tmp_path / "export").touch()
    if roots is not None:
        (tmp_path / "roots").write_text(roots)
    command = [sys.executable, "-I", audit.__file__, "export", "--roots", "roots"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr and "roots" in done.stderr


def test_what_is_no_checkpoint_is_not_taken_for_one() -> None:
    with pytest.raises(ValueError, match="not a checkpoint"):
        audit.Checkpoint.of('{"position": 1}')
    assert [each.what for each in findings([{"position": 1}])] == ["unreadable"]


@pytest.mark.parametrize(
    "nonsense",
    [
        {"aggregate_id": 6},
        {"aggregate_version": 2**70},
        {"aggregate_version": -1},
        {"position": float("inf")},
        {"hash": 6},
        {"data": "\ud800"},
    ],
    ids=str,
)
def test_a_row_of_nonsense_is_named_and_the_rest_is_read(nonsense: Row) -> None:
    found = findings([*EXPORT[:5], EXPORT[5] | nonsense, *EXPORT[6:]], *PUBLISHED)
    assert found[0].what == "unreadable" and found[0].where.startswith("line 6: ")
    assert {each.what for each in found[1:]} <= {"missing", "altered"}


def test_without_a_checkpoint_nothing_is_said_to_hold(tmp_path: Path) -> None:
    (tmp_path / "export").touch()
    (tmp_path / "roots").write_text("\n")
    command = [sys.executable, audit.__file__, "export", "--roots", "roots"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "no checkpoint" in done.stderr
