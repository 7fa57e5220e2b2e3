"""`mithaq parked`: events that a reaction could not apply; each decision about them is kept."""

import getpass
from typing import Annotated, Any
from uuid import UUID

import typer

from cli.installation import Installation, asynchronous, installation
from cli.output import DryRun, Exit, Failed, Form, Output, Yes, confirm, say, show, show_one
from shared.actor import NATIONAL
from shared.messaging.parked import drop as drop_parked
from shared.messaging.parked import parked
from shared.messaging.parked import retry as retry_parked
from shared.messaging.tables import ParkedRow
from shared.refusals import NotFound

app = typer.Typer(help="Events that a reaction could not apply.", no_args_is_help=True)
Group = Annotated[str, typer.Argument(help="The reaction's group, as `mithaq parked ls` shows it.")]
Subject = Annotated[UUID, typer.Argument(help="The aggregate whose events wait.")]


@app.command()
@asynchronous
async def ls(
    output: Output = Form.table,
    waiting: Annotated[bool, typer.Option("--waiting", help="Also the events that wait behind a parked one.")] = False,
) -> None:
    """The parked events, grouped by reason."""
    async with installation() as here:
        rows = [_row(group, row) for group, row in await _parked(here) if waiting or row.reason]
    show(sorted(rows, key=lambda row: (row["reason"] or "", row["group"])), output, none="nothing is parked")


@app.command(name="show")
@asynchronous
async def show_subject(group: Group, subject: Subject, output: Output = Form.table) -> None:
    """Everything that waits for one subject: headers and data, in order."""
    async with installation() as here:
        found = [row for name, row in await _parked(here) if name == group and row.subject == subject]
    if not found:
        raise _nothing(group, subject)
    for row in found:
        show_one(_row(group, row) | {"headers": row.headers, "data": row.value.decode(errors="replace")}, output)


@app.command()
@asynchronous
async def retry(
    group: Annotated[str | None, typer.Argument(help="The reaction's group.")] = None,
    subject: Annotated[UUID | None, typer.Argument(help="The aggregate whose events wait.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything that is parked, or all of the group.")] = False,
    reason: Annotated[str, typer.Option(help="Why it will work now; kept with the decision.")] = "",
    dry_run: DryRun = False,
) -> None:
    """Try parked events again, in order. Exit code 6 if some still fail."""
    if not (everything or (group and subject)):
        raise Failed("Say which: GROUP SUBJECT, or --all.", run="mithaq parked ls", code=Exit.usage)
    async with installation() as here:
        found = [
            (name, row)
            for name, row in await _parked(here)
            if (group is None or name == group) and (subject is None or row.subject == subject)
        ]
        targets = {(name, row.subject) for name, row in found if row.type}
        if subject and group and not targets:
            if not found:
                raise _nothing(group, subject)
            raise Failed(
                "What is parked is no event: trying it again changes nothing. It can only be dropped.",
                run=f"mithaq parked drop {group} {subject} --reason …",
                code=Exit.degraded,
            )
        still = 0
        for name, each in sorted(targets):
            if dry_run:
                say(f"would retry {name} {each}")
                continue
            service, reaction = here.reaction(name)
            async with here.database(service.name) as database:
                why = await retry_parked(reaction, database, each, by=_operator(), reason=reason)
            still += why is not None
            say(f"{name} {each}: {why or 'applied'}")
    if still:
        raise typer.Exit(Exit.degraded)


@app.command()
@asynchronous
async def drop(
    group: Group,
    subject: Subject,
    reason: Annotated[str, typer.Option(help="Why this event may be lost; kept with the decision.")],
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Give up the first parked event of a subject, for a written reason; what waits behind it goes on."""
    async with installation() as here:
        service, reaction = here.reaction(group)
        if dry_run:
            say(f"would drop the first parked event of {group} {subject}")
            return
        confirm(f"{group} will never apply the first parked event of {subject}.", "drop", yes=yes)
        async with here.database(service.name) as database:
            try:
                why = await drop_parked(reaction, database, subject, by=_operator(), reason=reason)
            except NotFound:
                raise _nothing(group, subject) from None
    say(why or "dropped; nothing waits any more")


async def _parked(here: Installation) -> list[tuple[str, ParkedRow]]:
    found: list[tuple[str, ParkedRow]] = []
    for service in here.services:
        async with here.database(service) as database, database.transaction(NATIONAL) as tx:
            found += [(f"{service}.{row.reaction}", row) for row in await parked(tx)]
    return found


def _row(group: str, row: ParkedRow) -> dict[str, Any]:
    return {
        "reason": row.reason,
        "group": group,
        "subject": row.subject,
        "version": row.version,
        "type": row.type,
        "attempts": row.attempts,
        "since": row.first_failed_at.isoformat(timespec="seconds"),
    }


def _operator() -> str:
    return f"cli:{getpass.getuser()}"


def _nothing(group: str, subject: UUID) -> Failed:
    return Failed(f"Nothing of {subject} is parked in {group}.", run="mithaq parked ls", code=Exit.not_found)
