"""Migrations: what the services say about theirs without asking Alembic."""

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from shared.migrations import ROOT, head_of
from shared.settings import SERVICES


@pytest.mark.parametrize("service", SERVICES)
def test_the_last_file_by_name_is_the_head_of_the_migrations(service: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "services" / service / "migrations"))
    assert head_of(service) == ScriptDirectory.from_config(config).get_current_head()
