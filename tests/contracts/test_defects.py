"""Every test that docs/defects.md names is there: a rule that loses its test is noticed."""

import re

import pytest

from tests.fixtures.run import ROOT

TABLES = [part for part in (ROOT / "docs" / "defects.md").read_text().split("\n\n") if part.startswith("| ")]
ROWS = [row for table in TABLES for row in table.splitlines()[2:]]
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_every_defect_is_held_by_tests_that_exist(row: str) -> None:
    named = NAMED.findall(row)
    assert named and len(named) == row.count("::")
    for path, test in named:
        assert re.search(rf"^(async )?def {test}\(", (ROOT / path).read_text(), re.MULTILINE), f"{path}::{test}"
