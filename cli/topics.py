"""`mithaq topics`: what the broker must have."""

import asyncio

import typer

from cli.installation import asynchronous, installation
from cli.output import DryRun, Form, Output, say, show
from shared.events.catalog import ALL, TOPICS
from shared.messaging.broker import PARTITIONS

app = typer.Typer(help="The topics that carry the events.", no_args_is_help=True)


@app.callback()
def nouns() -> None:
    """The topics that carry the events."""


@app.command()
@asynchronous
async def apply(output: Output = Form.table, dry_run: DryRun = False) -> None:
    """Create the topics that are missing; existing ones stay as they are."""
    async with installation(new=True) as here:
        if not dry_run:
            if here.settings.broker == "embedded":
                from shared.messaging.embedded import migrate_broker

                await asyncio.to_thread(migrate_broker, here.server_url)
            async with here.broker() as broker:
                await broker.ensure_topics(TOPICS)
            say(f"{len(TOPICS)} topics are there")
    types = {topic: sum(event.topic == topic for event in ALL) for topic in TOPICS}
    show([{"topic": topic, "partitions": PARTITIONS, "event_types": types[topic]} for topic in TOPICS], output)
