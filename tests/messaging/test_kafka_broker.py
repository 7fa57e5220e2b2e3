"""Apache Kafka does what every broker does."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from shared.messaging.broker import BrokerAway, open_broker
from shared.messaging.kafka import KafkaBroker
from shared.settings import PlatformSettings
from tests.fixtures.kafka import KafkaServer
from tests.messaging.brokers import SESSION, BrokerBehaviour, OpenBroker, message


@pytest.mark.kafka
class TestKafkaBroker(BrokerBehaviour):
    @pytest.fixture
    def opened(self, kafka_bootstrap: str) -> OpenBroker:
        return lambda: KafkaBroker({"bootstrap_servers": kafka_bootstrap}, session_timeout=SESSION)

    @pytest.fixture
    def fragile(self, own_kafka: KafkaServer) -> OpenBroker:
        return lambda: KafkaBroker({"bootstrap_servers": own_kafka.bootstrap}, session_timeout=SESSION)

    @asynccontextmanager
    async def restarted(self, request: pytest.FixtureRequest) -> AsyncIterator[None]:
        server: KafkaServer = request.getfixturevalue("own_kafka")
        server.kill()
        yield
        await asyncio.to_thread(server.start)

    @asynccontextmanager
    async def stalled(self, request: pytest.FixtureRequest) -> AsyncIterator[None]:
        server: KafkaServer = request.getfixturevalue("own_kafka")
        server.send(signal.SIGSTOP)
        try:
            yield
        finally:
            server.send(signal.SIGCONT)

    async def test_settings_open_it(self, kafka_bootstrap: str) -> None:
        broker = open_broker(PlatformSettings(broker="kafka", kafka_bootstrap=kafka_bootstrap), name="tests")
        await broker.check()
        await broker.close()

    async def test_a_missing_server_is_away(self) -> None:
        broker = KafkaBroker({"bootstrap_servers": "127.0.0.1:1"})
        with pytest.raises(BrokerAway):
            await broker.check()
        with pytest.raises(BrokerAway):
            await broker.publish([message("tests.any")], timeout=1.0)


@pytest.mark.parametrize("security", ["SASL_PLAINTEXT", "SASL_SSL"])
async def test_kafka_credentials_come_from_the_settings(security: str) -> None:
    settings = PlatformSettings(kafka_security=security, kafka_username="centers", kafka_password="secret")
    connection = KafkaBroker.of(settings, name="centers")._connection
    assert connection["sasl_mechanism"] == "SCRAM-SHA-512"
    assert connection["sasl_plain_username"] == "centers"
    assert connection["sasl_plain_password"] == "secret"
    assert ("ssl_context" in connection) == (security == "SASL_SSL")
    with pytest.raises(ValueError, match="MITHAQ_KAFKA_USERNAME"):
        KafkaBroker.of(PlatformSettings(kafka_security=security), name="centers")
