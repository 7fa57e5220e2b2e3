"""What was computed lately is computed once, and no more of it is kept than was said."""

import asyncio

import pytest

from shared.lately import Lately


class Work:
    """Doubles a number, slowly, and counts how often it did."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def double(self, number: int) -> int:
        """Twice the number, once the event lets it."""
        self.done.append(number)
        await self.may_go_on.wait()
        return 2 * number


async def test_who_asks_for_the_same_at_once_waits_for_the_one_who_computes_it() -> None:
    lately, work = Lately[int, int](8), Work()
    work.may_go_on.clear()
    asked = [asyncio.create_task(lately.get(3, lambda: work.double(3))) for _ in range(5)]
    await asyncio.sleep(0)
    work.may_go_on.set()
    assert (await asyncio.gather(*asked), work.done) == ([6] * 5, [3])


async def test_what_was_not_asked_for_the_longest_goes_first() -> None:
    lately, work = Lately[int, int](2), Work()
    for number in (1, 2, 1, 3, 1, 2):
        assert await lately.get(number, lambda number=number: work.double(number)) == 2 * number  # type: ignore[misc]
    assert (work.done, len(lately)) == ([1, 2, 3, 2], 2)


async def test_what_is_heavier_than_all_that_may_be_kept_is_given_and_not_kept() -> None:
    lately, work = Lately[int, int](10, weigh=lambda found: found), Work()
    for number in (2, 3, 50):
        assert await lately.get(number, lambda number=number: work.double(number)) == 2 * number  # type: ignore[misc]
    assert len(lately) == 0


async def test_a_failure_is_not_kept() -> None:
    lately, work = Lately[int, int](2), Work()

    async def fails() -> int:
        raise ValueError("(fictif)")

    with pytest.raises(ValueError, match="fictif"):
        await lately.get(1, fails)
    assert await lately.get(1, lambda: work.double(1)) == 2
