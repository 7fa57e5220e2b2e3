"""The installation a command works on: its settings, its databases, its broker, and whether it is running."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, ParamSpec

from pydantic import SecretStr

from cli.output import Exit, Failed
from shared.database import Database
from shared.embedded.postgres import database_server
from shared.hosting import Service
from shared.messaging.broker import Broker, open_broker
from shared.messaging.reactions import Reaction
from shared.settings import PlatformSettings

P = ParamSpec("P")
DEMO = "demo"
"""The folder in the data directory where the demo keeps an installation of its own."""


def asynchronous(command: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """A command that awaits, as the synchronous function that typer calls."""

    @wraps(command)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(command(*args, **kwargs))

    return call


def platform_settings(**changes: Any) -> PlatformSettings:
    """What the environment says, with changes. ValueError if that is not valid."""
    return PlatformSettings().model_copy(update=changes)


@dataclass(frozen=True)
class Installation:
    """An installation whose database server answers."""

    settings: PlatformSettings
    """As they are in force, with the database's URL."""

    @property
    def server_url(self) -> str:
        """The database server, as an owner."""
        assert self.settings.database_url
        return self.settings.database_url.get_secret_value()

    @cached_property
    def services(self) -> dict[str, Service]:
        """Every service, by name, with its settings."""
        from services.__main__ import all_services

        return {service.name: service for service in all_services(self.settings)}

    @cached_property
    def reactions(self) -> dict[str, tuple[Service, Reaction]]:
        """Every reaction with its service, by group."""
        return {
            reaction.group: (service, reaction)
            for service in self.services.values()
            for reaction in (service.reactions.all if service.reactions else ())
        }

    def url_of(self, service: str) -> str:
        """The URL of a service's database."""
        return self.services[service].settings.database_for(service)

    @asynccontextmanager
    async def database(self, service: str, *, role: str | None = "mithaq_app") -> AsyncIterator[Database]:
        """A service's database, in a role; None is the owner."""
        database = Database(self.url_of(service), role=role, pool_size=2)
        try:
            yield database
        finally:
            await database.dispose()

    @asynccontextmanager
    async def broker(self) -> AsyncIterator[Broker]:
        """Whoever carries the events."""
        broker = open_broker(self.settings, name="mithaq-cli")
        try:
            yield broker
        finally:
            await broker.close()

    def reaction(self, group: str) -> tuple[Service, Reaction]:
        """A reaction by its group. Failed if there is none of this name."""
        if group not in self.reactions:
            raise Failed(f"There is no group {group}.", run="mithaq lag", code=Exit.not_found)
        return self.reactions[group]


@asynccontextmanager
async def installation(*, new: bool = False) -> AsyncIterator[Installation]:
    """The installation that the settings describe; its embedded database runs at least for the block.

    Failed if nothing was set up yet, unless it may be `new`.
    """
    settings = platform_settings()
    if not (new or settings.database_url or (settings.data_dir / "database").exists()):
        raise Failed(f"Nothing has been set up in {settings.data_dir}.", run="mithaq up", code=Exit.not_found)
    async with database_server(settings) as url:
        yield Installation(settings.model_copy(update={"database_url": SecretStr(url)}))


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Be the only process that runs the platform on this data; Failed if another one does."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "mithaq.pid").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(
                f"It is already running on {data_dir} (process {running(data_dir) or 'unknown'}).",
                run="mithaq status, or mithaq down",
                code=Exit.conflict,
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def running(data_dir: Path) -> int | None:
    """The process that runs the platform on this data, if one does: it holds a lock that dies with it."""
    try:
        with (data_dir / "mithaq.pid").open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read() or 0) or None
    except FileNotFoundError:
        pass
    return None
