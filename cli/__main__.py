"""The `mithaq` command: a noun, then a verb.

Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 identity, 5 conflict, 6 degraded.
"""

from typing import Any

import typer
from asyncpg import PostgresError
from rich.markup import escape
from sqlalchemy.exc import DBAPIError
from typer.core import TyperGroup

from cli import audit, config, database, events, files, generate, journal, parked, relay, topics, webhooks
from cli.demo import demo
from cli.doctor import doctor
from cli.down import down
from cli.output import Exit, Failed, err
from cli.status import lag, status
from cli.up import up
from shared.embedded.postgres import NoServer
from shared.messaging.broker import BrokerAway
from shared.server import PortTaken


class Commands(TyperGroup):
    """Turns what goes wrong into one sentence on why and the next command to run."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except Failed as failure:
            self.fail(failure)
        except NoServer as error:
            self.fail(Failed(f"No database server: {error}", run="mithaq doctor"))
        except BrokerAway as error:
            self.fail(Failed(f"The broker is away: {error}", run="mithaq doctor", code=Exit.degraded))
        except (DBAPIError, PostgresError) as error:
            # Without the statement: only the first line is the server's own words.
            self.fail(Failed(f"The database says: {error}".splitlines()[0], run="mithaq doctor"))
        except OSError as error:
            self.fail(Failed(f"{error.strerror or error} {error.filename or ''}".strip(), run="mithaq doctor"))
        except PortTaken as error:
            self.fail(Failed(str(error), run=f"mithaq up --port {error.free}", code=Exit.conflict))
        except ValueError as error:
            self.fail(Failed(str(error), run="mithaq config show", code=Exit.usage))

    @staticmethod
    def fail(failure: Failed) -> None:
        """Say it, and end with its code."""
        err.print(f"[red]{escape(failure.why)}[/]\nNext: [bold]{escape(failure.run)}[/]", soft_wrap=True)
        raise typer.Exit(failure.code)


app = typer.Typer(
    name="mithaq",
    cls=Commands,
    help=__doc__,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(up)
app.command()(demo)
app.command()(down)
app.command()(status)
app.command()(lag)
app.command()(doctor)
app.command(hidden=True)(generate.generate)
app.add_typer(config.app, name="config")
app.add_typer(database.app, name="db")
app.add_typer(topics.app, name="topics")
app.add_typer(events.app, name="events")
app.add_typer(files.app, name="files")
app.add_typer(parked.app, name="parked")
app.add_typer(relay.app, name="relay")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(journal.app, name="journal")
app.add_typer(audit.app, name="audit")

if __name__ == "__main__":
    app(prog_name="mithaq")
