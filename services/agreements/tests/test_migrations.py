"""The database is what the tables say."""

from collections.abc import Callable

from services.agreements.tables import Base
from shared.migrations import drift


def test_the_tables_are_the_database(database_url: Callable[[str], str]) -> None:
    assert drift(database_url("agreements"), Base.metadata) == []
