"""The whole platform in one process: python -m services. The only file that imports every service.

PostgreSQL is started from its wheel unless MITHAQ_DATABASE_URL names a server; the broker lives in that PostgreSQL
unless MITHAQ_BROKER=kafka; identity is the dev provider unless MITHAQ_OIDC_ISSUER is set, and then only on loopback.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import structlog
from fastapi import FastAPI
from pydantic import SecretStr

from services.agreements.app import service as agreements
from services.agreements.settings import AgreementsSettings
from services.centers.app import service as centers
from services.centers.settings import CentersSettings
from services.gateway.app import create_app as create_gateway
from services.gateway.front_door import FrontDoor
from services.network.app import service as network
from services.network.settings import NetworkSettings
from services.notifications.app import service as notifications
from services.notifications.settings import NotificationsSettings
from services.reporting.app import service as reporting
from services.reporting.settings import ReportingSettings
from shared import hosting, telemetry
from shared.embedded.identity import dev_identity, dev_issuer
from shared.embedded.postgres import NoServer, database_server
from shared.events.catalog import TOPICS
from shared.hosting import Hosted, Service
from shared.messaging.broker import Broker, BrokerAway, open_broker
from shared.migrations import migrate
from shared.server import listen, run, serve
from shared.settings import SERVICES, PlatformSettings, ServiceSettings

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Running:
    """What there is to know about a platform that serves."""

    url: str
    sign_in_link: str | None
    """Signs a browser in once; None with an external identity provider."""
    data_dir: Path
    settings: PlatformSettings
    """As they are in force: with the database's URL and the real port."""


def all_services(settings: PlatformSettings) -> list[Service]:
    """Every service on one platform."""
    return [
        network(NetworkSettings(platform=settings)),
        agreements(AgreementsSettings(platform=settings)),
        centers(CentersSettings(platform=settings)),
        notifications(NotificationsSettings(platform=settings)),
        reporting(ReportingSettings(platform=settings)),
    ]


def create_apps(settings: PlatformSettings, broker: Broker | None = None) -> dict[str, FastAPI]:
    """The app of every service, by name; they may share a broker."""
    return {service.name: hosting.create_app(service, broker=broker) for service in all_services(settings)}


def platform(settings: PlatformSettings, broker: Broker | None = None) -> FrontDoor:
    """The front door with all services behind it, on the server that `database_url` names.

    ValueError without that URL, or if the dev identity would be reachable from another machine.
    """
    if settings.oidc_issuer is not None:
        return create_gateway(create_apps(settings, broker))
    issuer = dev_issuer(settings)
    settings = settings.model_copy(update={"oidc_issuer": issuer})
    identity = dev_identity(settings.data_dir, issuer, audience=settings.oidc_audience)
    return create_gateway(create_apps(settings, broker), identity=identity, sign_in=f"{issuer}/")


@asynccontextmanager
async def prepared(
    settings: PlatformSettings, tell: Callable[[str], None] = lambda _: None
) -> AsyncIterator[tuple[PlatformSettings, Broker]]:
    """A database server, migrated databases and topics, inside the block; `tell` hears of each part that is ready.

    ValueError if the database server or the broker does not answer.
    """
    async with database_server(settings) as url:
        tell("database")
        settings = settings.model_copy(update={"database_url": SecretStr(url)})
        try:
            await asyncio.gather(*_migrations(settings, url))
        except (OSError, asyncpg.PostgresError) as error:
            raise ValueError(f"the database server does not serve us ({error}): see MITHAQ_DATABASE_URL") from error
        tell("migrations")
        broker = open_broker(settings, name="mithaq")
        try:
            try:
                await broker.ensure_topics(TOPICS)
            except BrokerAway as error:
                raise ValueError(f"the broker does not answer ({error}): see MITHAQ_KAFKA_BOOTSTRAP") from error
            tell("topics")
            yield settings, broker
        finally:
            await broker.close()


def _migrations(settings: PlatformSettings, url: str) -> Iterator[Awaitable[None]]:
    for service in SERVICES:
        yield asyncio.to_thread(migrate, service, url)
    if settings.broker == "embedded":
        from shared.messaging.embedded import migrate_broker

        yield asyncio.to_thread(migrate_broker, url)


async def serve_platform(
    settings: PlatformSettings,
    *,
    tell: Callable[[str], None] = lambda _: None,
    ready: Callable[[Running], None] = lambda _: None,
) -> int:
    """Run everything until SIGTERM or SIGINT; gives the exit code. ValueError says why it cannot start."""
    with listen(settings.host, settings.port) as listener:
        settings = settings.model_copy(update={"port": listener.getsockname()[1]})
        if settings.oidc_issuer is None:
            dev_issuer(settings)
        async with prepared(settings, tell) as (settings, broker):
            door = platform(settings, broker)
            running = Running(
                url=f"http://{settings.host}:{settings.port}",
                sign_in_link=door.identity.state.provider.sign_in_link() if door.identity else None,
                data_dir=settings.data_dir,
                settings=settings,
            )
            hosted: list[Hosted] = [app.state.hosted for app in door.services.values()]
            return await serve(door, hosted, listener=listener, ready=lambda: ready(running))


def main() -> None:
    """Run with what the environment says."""
    try:
        settings = PlatformSettings()
        telemetry.configure("platform", ServiceSettings(platform=settings))
        code = run(serve_platform(settings, ready=lambda it: log.info("ready", url=it.url, data=str(it.data_dir))))
    except (ValueError, NoServer) as error:
        raise SystemExit(str(error)) from None
    raise SystemExit(code)


if __name__ == "__main__":
    main()
