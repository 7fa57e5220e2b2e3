"""What came after a seal, told revision by revision: each is compared with the one before it, once for all seals.

Left to itself pyHanko compares every later revision with what each seal covers: 435 comparisons for thirty seals. What
adds nothing but seals to what added nothing but seals adds nothing but seals; and this way is the stricter one, since
what one revision brings, and a later one changes, shows though no seal covers it.
"""

from collections.abc import Iterator

from pyhanko.pdf_utils.generic import Reference, TrailerReference
from pyhanko.pdf_utils.reader import HistoricalResolver, PdfFileReader
from pyhanko.sign.diff_analysis import (
    DEFAULT_DIFF_POLICY,
    DiffPolicy,
    DiffResult,
    ModificationLevel,
    SuspiciousModification,
)
from pyhanko.sign.fields import FieldMDPSpec, MDPPerm

Step = DiffResult | SuspiciousModification


class StepByStep(DiffPolicy):
    """The default policy's judgement of a file, from a revision on that no seal lies before.

    What a seal permits (changes to a certified file, to fields that it locks) is asked of each step after it.
    """

    def __init__(self, since: int) -> None:
        self.since = since
        self._steps: list[tuple[Step, Step]] | None = None

    def review_file(
        self,
        reader: PdfFileReader,
        base_revision: int | HistoricalResolver,
        field_mdp_spec: FieldMDPSpec | None = None,
        doc_mdp: MDPPerm | None = None,
    ) -> Step:
        """All that came after the base revision: the gravest of it, or what is no update of a kind that is known."""
        if self._steps is None:
            self._steps = list(_steps(reader, self.since))
        base = base_revision if isinstance(base_revision, int) else base_revision.revision
        level, changed = ModificationLevel.NONE, set[str]()
        for plain, certified in self._steps[base - self.since :]:
            step = plain if doc_mdp is None else certified
            if isinstance(step, SuspiciousModification):
                return step
            level, changed = max(level, step.modification_level), changed | step.changed_form_fields
        if field_mdp_spec and any(field_mdp_spec.is_locked(field) for field in changed):
            return SuspiciousModification("a field that a seal had locked was changed")
        return DiffResult(level, changed)


def _steps(reader: PdfFileReader, since: int) -> Iterator[tuple[Step, Step]]:
    """Each step as it is judged in any file, and in one that is certified."""
    before, after = _Moving(reader, since), _Moving(reader, since)
    for _ in range(since + 1, reader.xrefs.total_revisions):
        after.move_on()
        # The policy asks of a certificate whether it is there, not what it permits; what passes so passes without.
        certified = _compare(before, after, MDPPerm.FILL_FORMS)
        yield certified if isinstance(certified, DiffResult) else _compare(before, after, None), certified
        before.move_on()


def _compare(before: HistoricalResolver, after: HistoricalResolver, doc_mdp: MDPPerm | None) -> Step:
    try:
        return DEFAULT_DIFF_POLICY.apply(before, after, doc_mdp=doc_mdp)
    except SuspiciousModification as error:
        return error


class _Moving(HistoricalResolver):
    """A view of a revision that becomes the view of the next one, keeping what that did not change."""

    def move_on(self) -> None:
        """Show the next revision."""
        self.revision += 1
        xrefs = self.reader.xrefs
        changed: set[Reference] = xrefs.explicit_refs_in_revision(self.revision)
        freed: set[Reference] = xrefs.refs_freed_in_revision(self.revision)
        for each in changed | freed:
            self.cache.pop(each, None)
        self._trailer = self.reader.trailer.flatten(self.revision)
        self._trailer.container_ref = TrailerReference(self)  # type: ignore[no-untyped-call]
        self._indirect_object_access_cache = None
