"""Fixtures for all tests, of the services too."""

from pathlib import Path

import pytest

# Before any of them imports another.
pytest.register_assert_rewrite(
    "tests", *(f"services.{each.parent.name}.tests" for each in (Path(__file__).parent / "services").glob("*/tests"))
)
# Every module of tests/fixtures may offer fixtures.
pytest_plugins = [
    f"tests.fixtures.{module.stem}"
    for module in sorted((Path(__file__).parent / "tests" / "fixtures").glob("*.py"))
    if module.stem not in {"__init__", "guard"}
]
