"""What telling the academies costs, on a real PostgreSQL and with real receivers on loopback."""

from bench.environment import a_server, prepare, run
from bench.notifications.sending import sender_vs_raw_posts
from bench.rows import Row

BENCHMARKS = (sender_vs_raw_posts,)


def measure(only: str | None) -> list[Row]:
    """The rows of this group, or of one benchmark in it."""
    wanted = [each for each in BENCHMARKS if only in (None, each.__name__)]
    if not wanted:
        return []
    with a_server() as server_url:
        prepare(server_url, "notifications")
        return [row for bench in wanted for row in run(bench(server_url))]
