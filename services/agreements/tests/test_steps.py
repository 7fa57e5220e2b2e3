"""What came after a seal is told revision by revision: each compared once, as strictly as pyHanko does by itself."""

import io
from collections.abc import Callable

import pytest
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import HistoricalResolver, PdfFileReader
from pyhanko.sign.diff_analysis import DEFAULT_DIFF_POLICY, DiffResult
from pyhanko.sign.fields import FieldMDPAction, FieldMDPSpec

from services.agreements.sealing import examination, steps
from services.agreements.sealing.tagging import tag_fields
from services.agreements.tests.seals import Root, add_seal, revisions, sealable
from services.agreements.tests.test_examination import (
    flaws_of,
    with_a_note,
    with_title,
    with_white_over_the_page,
    written,
)

Change = Callable[[IncrementalPdfFileWriter], None]


@pytest.fixture(scope="module")
def root() -> Root:
    """Our root."""
    return Root()


@pytest.fixture(scope="module")
def sealed(root: Root) -> list[bytes]:
    """An agreement sealed by four parties, one revision after the other."""
    return revisions(root, 4)


def changed_between(sealed: list[bytes], root: Root, change: Change) -> bytes:
    """The file with an update after the second seal, and another seal on top."""
    writer = IncrementalPdfFileWriter(io.BytesIO(sealed[1]))
    change(writer)
    return add_seal(written(writer), sealable(), 2, root.issue())


def with_another_value(writer: IncrementalPdfFileWriter) -> None:
    """The field of the second seal, filled in before, is filled in anew: with the first one's."""
    first, second, *_ = writer.root["/AcroForm"]["/Fields"]
    second.get_object()["/V"] = first.get_object().raw_get("/V")
    writer.mark_update(second)


def test_each_revision_is_compared_once_for_all_seals(
    root: Root, sealed: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    compared, judge = list[tuple[int, int]](), DEFAULT_DIFF_POLICY.apply

    def counted(old: HistoricalResolver, new: HistoricalResolver, **permits: object) -> DiffResult:
        compared.append((old.revision, new.revision))
        return judge(old, new, **permits)  # type: ignore[arg-type]

    monkeypatch.setattr(DEFAULT_DIFF_POLICY, "apply", counted)
    assert flaws_of(sealed[-1], root.trust) == [()] * 4
    assert compared == [(1, 2), (2, 3), (3, 4)]


@pytest.mark.parametrize("change", [with_title, with_white_over_the_page, with_a_note, tag_fields, with_another_value])
def test_nothing_passes_step_by_step_that_does_not_pass_at_once(
    root: Root, sealed: list[bytes], change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = changed_between(sealed, root, change)
    ours = flaws_of(file, root.trust)
    monkeypatch.setattr(examination, "StepByStep", lambda since: DEFAULT_DIFF_POLICY)
    at_once = flaws_of(file, root.trust)
    assert all(set(theirs) <= set(each) for each, theirs in zip(ours, at_once, strict=True))
    assert any(ours) == any(at_once)


def test_a_view_that_moves_on_sees_what_a_fresh_one_sees(root: Root, sealed: list[bytes]) -> None:
    for file in (sealed[-1], changed_between(sealed, root, with_white_over_the_page)):
        reader = PdfFileReader(io.BytesIO(file))
        moving = steps._Moving(reader, 0)
        moving._load_reverse_xref_cache()  # type: ignore[no-untyped-call]
        for revision in range(1, reader.xrefs.total_revisions):
            moving.move_on()
            fresh = HistoricalResolver(reader, revision)
            for each in (moving, fresh):
                each._load_reverse_xref_cache()  # type: ignore[no-untyped-call]
            assert moving._indirect_object_access_cache == fresh._indirect_object_access_cache
            for ref in fresh._indirect_object_access_cache or ():
                assert moving(ref) == fresh(ref), (revision, ref)


def test_a_field_that_a_seal_locks_stays_as_it_is(root: Root, sealed: list[bytes]) -> None:
    reader = PdfFileReader(io.BytesIO(sealed[-1]))
    first, _, third, *_ = (str(party.party_id) for party in sealable().parties)

    def level(*locked: str) -> object:
        spec = FieldMDPSpec(FieldMDPAction.INCLUDE, list(locked))
        return getattr(steps.StepByStep(1).review_file(reader, 1, spec), "modification_level", None)

    assert level(first) is not None and level(third) is None
