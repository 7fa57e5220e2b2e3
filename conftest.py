"""Fixtures for all tests, of the services too."""

from pathlib import Path

# Every module of tests/fixtures that offers fixtures.
pytest_plugins = [
    f"tests.fixtures.{module.stem}"
    for module in sorted((Path(__file__).parent / "tests" / "fixtures").glob("*.py"))
    if module.stem not in {"__init__", "guard"}
]
