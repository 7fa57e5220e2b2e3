"""What is listed is looked up: no list and no feed reads a whole table."""

from datetime import timedelta
from itertools import product
from typing import Any

from fastapi import FastAPI
from sqlalchemy import event, text

from services.agreements import commands, queries
from services.agreements.permissions import PERMISSIONS
from services.agreements.tests.builders import MINISTRY, bound, current, officer, operator_of, president
from services.agreements.tests.visits import arranged
from shared.actor import Actor, Role
from shared.clock import today
from shared.database import Database
from tests.fixtures.identity import Issuer
from tests.web.routes import operations, resident, visit

# Where a look along an index is possible at all it is taken; what is left is read whole.
BY_INDEX = text("select set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)")


class Asked:
    """What the database is asked for, meanwhile."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.statements = list[tuple[str, Any]]()

    def __enter__(self) -> "Asked":
        event.listen(self.database.engine.sync_engine, "before_cursor_execute", self._keep)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self.database.engine.sync_engine, "before_cursor_execute", self._keep)

    def _keep(self, _connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.lstrip().lower().startswith(("select", "with")) and "set_config" not in statement:
            self.statements.append((statement, values))

    async def read_whole(self, by: Actor) -> list[str]:
        """The tables that are read whole, row by row, to answer it.

        But for the owners of journal rows: so few are asked for at a time that each is looked up, unless there are as
        few of all.
        """
        found = list[str]()
        async with self.database.transaction(by.scope) as tx:
            await tx.execute(BY_INDEX)
            connection = await tx.connection()
            for statement, values in self.statements:
                for line in (await connection.exec_driver_sql(f"explain {statement}", values)).scalars():
                    read = line.partition("Seq Scan on ")[2]
                    if read and " owner" not in read:
                        found.append(read.split()[0])
        return found


def test_what_tells_of_many_is_paged(app: FastAPI) -> None:
    schemas = app.openapi()["components"]["schemas"]
    for each in operations(app):
        if each.method == "GET":
            content = each.described["responses"].get("200", {}).get("content", {}).get("application/json", {})
            told = schemas.get(content.get("schema", {}).get("$ref", "").rpartition("/")[2], {})
            assert each.takes("cursor") == ("next" in told.get("properties", {})), each.action
            assert each.takes("cursor") == each.takes("limit"), each.action


async def test_no_list_reads_a_whole_table(app: FastAPI, issuer: Issuer, database: Database) -> None:
    visits = arranged(database)
    lists = [each for each in operations(app) if each.takes("cursor")]
    for route, role in product(lists, (Role.ministry_officer, Role.association_manager)):
        if role in PERMISSIONS[route.action]:
            by = resident(issuer, role)
            request = await visits[route.action](by)
            with Asked(database) as asked:
                answered = await visit(app, route, request, issuer.token(by))
            # What one agreement has is told to its parties only.
            assert answered.status_code == 200 or "{" in route.path, answered.text
            assert await asked.read_whole(by) == [], f"{route.action} by {role}"


async def test_no_feed_reads_a_whole_table(database: Database) -> None:
    agreement = await bound(database, current(effective_until=today() + timedelta(days=100)))
    operator = operator_of(agreement)
    for by, of in ((MINISTRY, None), (officer(), None), (officer(), operator), (president(operator), None)):
        issued = await commands.create_calendar(database, language="fr", organisation_id=of, by=by)
        with Asked(database) as asked:
            _, told = await queries.feed_of(database, issued.token, today=today())
        assert told and asked.statements
        assert await asked.read_whole(by) == []
