"""That papers are what they say they are: veraPDF looks for faults against PDF/A-2a and PDF/UA-1."""

import subprocess
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from services.agreements.bilingual import Bilingual
from services.agreements.papers import frames_for, render_agreement, render_certificate, render_minutes, samples
from services.agreements.tests.seals import Root, revisions
from shared.ids import new_id
from tests.fixtures.java import java_with

VERAPDF = Path(__file__).parents[3] / "tests" / "fixtures" / "verapdf"
QUICK = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"]
"""It runs once, for seconds."""
SYMBOLIC = Bilingual(ar="مثال ☐ → 5", fr="Exemple ☐ → 5")
RHINO = "org.mozilla.javascript.tools.shell.Main"


def faults(files: Mapping[str, bytes], folder: Path) -> dict[tuple[str, str], set[str]]:
    """The clauses of each standard that each file breaks, by its name and the standard's."""
    for name, content in files.items():
        (folder / f"{name}.pdf").write_bytes(content)
    java = java_with(VERAPDF / "pom.xml", folder / "classpath")
    asked = [*java, *QUICK, RHINO, "-version", "200", str(VERAPDF / "validate.js")]
    asked += [str(folder / f"{name}.pdf") for name in files]
    told = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=120).stdout
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for line in told.splitlines():
        file, standard, fault = line.split("\t", 2)
        found[Path(file).stem, standard] |= {fault} if fault else set()
    return found


def test_papers_keep_to_the_standards_that_they_claim(tmp_path: Path) -> None:
    agreement, root = samples.agreement(), Root()
    first, *_ = agreement.parties
    frames = frames_for((each.party_id, each.name) for each in agreement.parties)
    # The ninth has its frame on a page of its own.
    nine = frames_for((id, first.name) for id in (first.party_id, *(new_id() for _ in range(8))))
    whole = render_agreement(agreement, "both")
    files = {
        "arabic": render_agreement(agreement, "ar"),
        "french": render_agreement(agreement, "fr"),
        "symbols": render_agreement(agreement.model_copy(update={"title": SYMBOLIC}), "both"),
        "both": whole,
        "amendment": render_agreement(samples.amendment(), "both"),
        "certificate": render_certificate(samples.certificate(), "both"),
        "certificate of what was amended": render_certificate(samples.amended_certificate(), "both"),
        "minutes": render_minutes(samples.minutes(), "both"),
        "sealed by four": samples.sealed(),
        "sealed once": revisions(root, 1, frames=nine)[-1],
        "amendment sealed": revisions(root, 2, samples.amendment(signatures=(), frames=frames))[-1],
        "spoilt": whole.replace(b"/Marked true", b"/Marked null").replace(b"DocTitle true", b"DocTitle null"),
    }
    clean: dict[tuple[str, str], set[str]] = {(name, standard): set() for name in files for standard in ("2a", "ua1")}
    expected = clean | {
        ("spoilt", "2a"): {"6.7.2.2"},
        ("spoilt", "ua1"): {"6.2", "7.1"},
    }
    assert faults(files, tmp_path) == expected
