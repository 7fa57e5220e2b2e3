"""What telling the academies costs, on a real PostgreSQL and with real receivers on loopback."""

from bench.environment import a_server, prepare, run
from bench.notifications.arriving import arrival
from bench.notifications.latency import ingest_to_first_byte, isolation_healthy_p99
from bench.notifications.sending import backlog_100k, sender_vs_raw_posts
from bench.notifications.stream import sse_fan_out
from bench.rows import Row
from services.notifications.settings import NotificationsSettings
from shared import telemetry

BENCHMARKS = (sender_vs_raw_posts, ingest_to_first_byte, isolation_healthy_p99, backlog_100k, sse_fan_out, arrival)


def measure(only: str | None) -> list[Row]:
    """The rows of this group, or of one benchmark in it."""
    wanted = [each for each in BENCHMARKS if only in (None, each.__name__)]
    if not wanted:
        return []
    # With the traces and metrics of every attempt that a service has too.
    telemetry.configure("notifications", NotificationsSettings())
    with a_server() as server_url:
        prepare(server_url, "notifications")
        return [row for bench in wanted for row in run(bench(server_url))]
