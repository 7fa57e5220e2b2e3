"""The audit: whether an exported journal is the one that was recorded, by its hash chains and its published roots.

This file needs Python's standard library only, so that whoever received the roots can run it alone:

    python audit.py EXPORT --roots ROOTS

EXPORT holds one JSON object a line, each a row of the journal in the order of `position`; ROOTS the published
checkpoints, one a line. Every row's hash binds the row before it of the same aggregate. A checkpoint binds the head of
every such chain by a Merkle root (RFC 6962, 2.1), and all rows up to its position, in their order, by `sequence`.
"""

import argparse
import hashlib
import json
import sys
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TextIO
from uuid import UUID

FACTS = (
    "event_id",
    "aggregate_type",
    "aggregate_id",
    "aggregate_version",
    "type",
    "audience",
    "actor",
    "occurred_at",
    "recorded_at",
    "data",
    "detail",
)
"""What of a row is bound by its hash."""
FIRST_FACTS = tuple(name for name in FACTS if name != "recorded_at")
"""What was, in rows from before the time of their recording was bound as well."""
ROW = {*FACTS, "position", "hash"}
"""What a row of an export has, and nothing else."""
LEEWAY = timedelta(minutes=10)
"""How far clocks of machines may be apart, or a transaction be under way while a checkpoint is taken."""


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no white space, UTF-8: the bytes that hashes are computed over."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def link(previous: bytes, facts: Mapping[str, Any], names: Sequence[str] = FACTS) -> bytes:
    """The SHA-256 that binds a row to its aggregate's previous one (32 bytes; the first links to b"")."""
    return hashlib.sha256(previous + canonical({name: facts[name] for name in names})).digest()


def bound(hash: bytes, previous: bytes, facts: Mapping[str, Any]) -> Sequence[str]:
    """What of the row after the previous one its hash binds: FACTS, FIRST_FACTS, or nothing if it is not its own.

    In a chain nothing of the first form comes after a row of today's.
    """
    return next((names for names in (FACTS, FIRST_FACTS) if hash == link(previous, facts, names)), ())


def parsed(line: str) -> Any:
    """A line of JSON. ValueError also where a key comes twice, of which every reader might take another."""
    return json.loads(line, object_pairs_hook=_once)


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a key comes twice")
    return found


def row_of(line: str) -> dict[str, Any]:
    """A row of an export. ValueError, TypeError or AttributeError for anything else."""
    row: dict[str, Any] = parsed(line)
    if row.keys() != ROW:
        raise ValueError(f"other keys: {', '.join(sorted(ROW ^ row.keys()))}")
    if {type(row["position"]), type(row["aggregate_version"])} != {int}:
        raise TypeError("position and version are whole numbers")
    return row


def moment(told: str) -> datetime:
    """An instant in ISO 8601, of UTC unless it says otherwise. ValueError, TypeError."""
    at = datetime.fromisoformat(told)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def follow(sequence: bytes, hash: bytes) -> bytes:
    """The SHA-256 that binds a row's hash to all rows before it, of whatever aggregate (the first follows b"")."""
    return hashlib.sha256(sequence + hash).digest()


def leaf(aggregate_id: UUID, version: int, head: bytes) -> bytes:
    """The Merkle leaf of a chain: whose it is (16 bytes), how long (8, big-endian), and its head (32)."""
    return aggregate_id.bytes + version.to_bytes(8, "big") + head


def levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """The Merkle tree of RFC 6962, 2.1: leaf hashes first, the root alone last."""
    tree = [[hashlib.sha256(b"\x00" + each).digest() for each in leaves] or [hashlib.sha256(b"").digest()]]
    while len(below := tree[-1]) > 1:
        pairs = zip(below[::2], below[1::2], strict=False)
        tree.append([hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs])
        if len(below) % 2:
            tree[-1].append(below[-1])
    return tree


def root(leaves: Sequence[bytes]) -> bytes:
    """The Merkle root over the leaves, in their order."""
    return levels(leaves)[-1][0]


def path(tree: Sequence[Sequence[bytes]], index: int) -> list[bytes]:
    """What proves that a leaf is in the tree (RFC 6962, 2.1.1): the sibling on each level, from the leaf up."""
    found = []
    for level in tree[:-1]:
        if index ^ 1 < len(level):
            found.append(level[index ^ 1])
        index //= 2
    return found


def holds(data: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """Whether the proof leads from this leaf, at its index among `size` leaves, to the expected root."""
    node, siblings = hashlib.sha256(b"\x00" + data).digest(), iter(proof)
    while size > 1:
        if index % 2 or index + 1 < size:
            if (sibling := next(siblings, None)) is None:
                return False
            pair = sibling + node if index % 2 else node + sibling
            node = hashlib.sha256(b"\x01" + pair).digest()
        index, size = index // 2, (size + 1) // 2
    return node == expected and next(siblings, None) is None


class Finding(NamedTuple):
    """Something that is not as it was recorded.

    `what` is `unreadable`, `edited`, `missing`, `out-of-order`, `altered` (between two checkpoints) or `cut-off`.
    """

    what: str
    where: str


class Chain(NamedTuple):
    """How far an aggregate's rows were followed."""

    version: int = 0
    head: bytes = b""


class Tree:
    """The Merkle tree of chains that grow: a root costs what changed since the last one, however many chains there are.

    An id is younger than those before it, so that new chains stand at the end; one that does not moves those behind it.
    """

    def __init__(self) -> None:
        self._ids: list[UUID] = []
        self._places: dict[UUID, int] = {}
        self._leaves: dict[UUID, bytes] = {}
        self._levels: list[list[bytes]] = [[]]

    def root(self, grown: Mapping[UUID, Chain]) -> bytes:
        """The root over all chains, now that these are new or longer."""
        new = sorted(grown.keys() - self._places.keys())
        first = bisect_left(self._ids, new[0]) if new else len(self._ids)
        self._ids[first:] = sorted([*self._ids[first:], *new])
        self._places.update((id, place) for place, id in enumerate(self._ids[first:], first))
        self._leaves.update((id, hashlib.sha256(b"\x00" + leaf(id, *chain)).digest()) for id, chain in grown.items())
        self._levels[0][first:] = [self._leaves[id] for id in self._ids[first:]]
        stale = {self._places[id] for id in grown} | set(range(first, len(self._ids)))
        for place in stale:
            self._levels[0][place] = self._leaves[self._ids[place]]
        return self._climb(stale)

    def _climb(self, stale: set[int]) -> bytes:
        level = 0
        while len(below := self._levels[level]) > 1:
            level, stale = level + 1, {place // 2 for place in stale}
            if level == len(self._levels):
                self._levels.append([])
            above = self._levels[level]
            above += [b""] * ((len(below) + 1) // 2 - len(above))
            for place in stale:
                left, *right = below[2 * place : 2 * place + 2]
                above[place] = hashlib.sha256(b"\x01" + left + right[0]).digest() if right else left
        return below[0] if below else hashlib.sha256(b"").digest()


class Checkpoint(NamedTuple):
    """What was published of the journal: all rows up to `position`."""

    position: int
    root: str
    sequence: str
    leaves: int
    events: int
    taken_at: str

    @classmethod
    def of(cls, line: str) -> "Checkpoint":
        """A line of ROOTS: an event's data, or the whole event. ValueError for anything else."""
        try:
            told = parsed(line)
            found = cls(**{name: told.get("data", told)[name] for name in cls._fields})
            bytes.fromhex(found.root + found.sequence)
            range(found.position, found.leaves, found.events or 1)  # TypeError unless they are whole numbers
            moment(found.taken_at)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a checkpoint: {line.strip()[:80]}") from error
        return found

    @classmethod
    def all_in(cls, file: str) -> "list[Checkpoint]":
        """All in a file. ValueError if it has none, or something else; OSError if it cannot be read."""
        with open(file, encoding="utf-8-sig", errors="replace") as lines:  # noqa: PTH123 - shortest where it stands alone
            found = [cls.of(line) for line in lines if line.strip()]
        if not found:
            raise ValueError(f"{file} holds no checkpoint: a cut or a forgery would not be seen")
        return found


class Audit:
    """One reading of an export beside the published roots."""

    def __init__(self, roots: Iterable[Checkpoint]) -> None:
        self.due = sorted(roots)
        self.chains: dict[UUID, Chain] = {}
        self.sequence = b""
        self.events = self.position = 0
        self.anchored = self.counted = self.recorded = 0
        """Of the last checkpoint compared: its position, the rows read by then, the rows that it tells of."""
        self.altered = False
        self.matching = 0
        """Checkpoints that the export agrees with."""
        self.untimed = 0
        """Rows that bind all but the time of their recording."""
        self._timed: set[UUID] = set()
        """Chains with a row that binds that too."""
        self._since = datetime.min.replace(tzinfo=UTC)
        """When the checkpoint before was taken."""
        self._tree = Tree()
        self._grown: set[UUID] = set()

    @property
    def told(self) -> str:
        """What was read, and how far it is bound, in a line."""
        after = self.events - self.counted
        free = f"; {after} rows after the last are bound by their chains only" if after else ""
        old = f"; {self.untimed} rows are bound without the time of their recording" if self.untimed else ""
        return f"{self.events} rows, {len(self.chains)} chains, {self.matching} checkpoints hold{free}{old}"

    def read(self, lines: Iterable[str]) -> Iterator[Finding]:
        """Everything that is wrong, in the order of the export; nothing if it is as it was recorded."""
        for number, line in enumerate(lines, 1):
            try:
                row = row_of(line)
                position, hash = row["position"], bytes.fromhex(row["hash"])
                aggregate, version = UUID(row["aggregate_id"]), row["aggregate_version"]
                canonical(row), leaf(aggregate, version, hash)
            except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
                yield Finding("unreadable", f"line {number}: {type(error).__name__} {error}")
                continue
            while self.due and self.due[0].position < position:
                yield from self._compare(self.due.pop(0))
            here = f"line {number}, position {position}, version {version} of {row['aggregate_type']} {aggregate}"
            yield from self._place(here, position, version, self.chains.get(aggregate, Chain()))
            chain = self.chains.get(aggregate, Chain())
            if version == chain.version + 1:
                yield from self._link(here, aggregate, row, bound(hash, chain.head, row))
            self.chains[aggregate] = Chain(version, hash)
            self._grown.add(aggregate)
            self.sequence = follow(self.sequence, hash)
            self.events, self.position = self.events + 1, max(position, self.position)
        for checkpoint in self.due:
            if checkpoint.position > self.position:
                yield Finding(
                    "cut-off",
                    f"after position {self.position}: the checkpoint of {checkpoint.taken_at} goes up to "
                    f"{checkpoint.position}",
                )
            else:
                yield from self._compare(checkpoint)

    def _place(self, here: str, position: int, version: int, chain: Chain) -> Iterator[Finding]:
        if position <= self.position:
            yield Finding("out-of-order", f"{here}: it stands after position {self.position}")
        if version > chain.version + 1:
            yield Finding("missing", f"{here}: it follows version {chain.version}")
        elif version <= chain.version:
            yield Finding("out-of-order", f"{here}: it follows version {chain.version}")

    def _link(self, here: str, aggregate: UUID, row: Mapping[str, Any], facts: Sequence[str]) -> Iterator[Finding]:
        if not facts or (facts is FIRST_FACTS and aggregate in self._timed):
            yield Finding("edited", f"{here}: it or its hash was changed")
        elif facts is FACTS:
            self._timed.add(aggregate)
        else:
            self.untimed += 1
            if not self._within(row["recorded_at"]):
                yield Finding("edited", f"{here}: it was not recorded between the checkpoints around it")

    def _within(self, recorded_at: str) -> bool:
        """Whether a time of recording that is not bound lies between the checkpoints around its row."""
        try:
            after = moment(recorded_at) - self._since >= -LEEWAY
            return after and (not self.due or moment(recorded_at) - moment(self.due[0].taken_at) <= LEEWAY)
        except (TypeError, ValueError):
            return False

    def _compare(self, checkpoint: Checkpoint) -> Iterator[Finding]:
        where = f"positions {self.anchored + 1} to {checkpoint.position}, checkpoint of {checkpoint.taken_at}"
        rows, recorded = self.events - self.counted, checkpoint.events - self.recorded
        if rows != recorded:
            yield Finding("altered", f"{where}: {rows} rows where {recorded} were recorded")
        elif self.sequence.hex() != checkpoint.sequence:
            yield Finding("altered", f"{where}: other rows, or another order, than were recorded")
        elif not self.altered and self._root() != (checkpoint.leaves, checkpoint.root):
            yield Finding("altered", f"{where}: the heads of the chains are not those of the published root")
        else:
            self.matching += 1
        # From here on as published, so that what was altered later is found where it is. The root cannot tell: it
        # differs from the first alteration on.
        self.altered = self.altered or self.sequence.hex() != checkpoint.sequence
        self.sequence = bytes.fromhex(checkpoint.sequence)
        self._since = moment(checkpoint.taken_at)
        self.anchored, self.counted, self.recorded = checkpoint.position, self.events, checkpoint.events

    def _root(self) -> tuple[int, str]:
        top = self._tree.root({id: self.chains[id] for id in self._grown})
        self._grown.clear()
        return len(self.chains), top.hex()


def lines_of(file: str) -> TextIO:
    """An export; what is no UTF-8 in it is told by its line, as whatever else was changed. OSError as of `open`."""
    return open(file, encoding="utf-8-sig", errors="surrogateescape")  # noqa: PTH123


def main() -> int:
    """Verify an export; 0 if it is as it was recorded, 1 if not, 2 if there is nothing to verify or to verify it by."""
    parser = argparse.ArgumentParser(description="Whether an exported journal is the one that was recorded.")
    parser.add_argument("export", help="the export, one JSON object a line")
    parser.add_argument("--roots", required=True, help="the published checkpoints, one JSON object a line")
    wanted = parser.parse_args()
    found = 0
    try:
        audit = Audit(Checkpoint.all_in(wanted.roots))
        with lines_of(wanted.export) as export:
            for finding in audit.read(export):
                found += 1
                sys.stdout.write(f"{finding.what}: {finding.where}\n")
    except (OSError, ValueError) as error:
        parser.error(str(error))
    sys.stdout.write(f"{audit.told}\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
