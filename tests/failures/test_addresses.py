"""Where webhooks go when every address would answer and names are answered by somebody hostile, over a real resolver.

The same rules are held on every machine, with the resolver's answer put in, by the guard's own tests.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from services.notifications.tests.test_guard import HOSTILE, NAMES, PUBLIC
from tests.failures.world import NoWorld, in_a_world_of_its_own

PUBLIC_ADDRESS, OTHER = "196.200.131.1", "2a00:1450:4007:80e::2004"


def sent(folder: Path, *posts: str, names: dict[str, list[list[str]]], dials: tuple[str, ...] = ()) -> Any:
    """What came of these posts, where names have these addresses by turn.

    Skipped where no world can be built; in CI it must be possible.
    """
    try:
        return in_a_world_of_its_own({"names": names, "posts": posts, "dials": dials}, folder)
    except NoWorld as reason:
        if os.environ.get("CI"):
            pytest.fail(str(reason), pytrace=False)
        pytest.skip(str(reason))


def test_of_addresses_that_all_answer_no_inner_one_is_connected_to(tmp_path: Path) -> None:
    names = {name: [["127.0.0.1"]] for name in ("localhost", "127.0.0.1.nip.example", "xn--0-7ga", "127.0.0.1")}
    names |= {"inner.example": [["10.0.0.1"]], "metadata.google.internal": [["169.254.169.254"]]}
    names |= {"academie.example": [[PUBLIC_ADDRESS]], "xn--mgbc0a9azcg.example": [[OTHER]]}
    hostile = (*HOSTILE, *NAMES)
    came = sent(tmp_path, *hostile, *PUBLIC, names=names, dials=hostile)
    open_without_guard = [url for url, heard in came["dialled"].items() if heard]
    assert len(open_without_guard) >= 60, "hardly anything answers: nothing is shown"
    let_in = [each["url"] for each in came["posted"] if each["heard"]]
    assert let_in == PUBLIC
    refused = [each for each in came["posted"] if each["said"].startswith("address_")]
    assert len(refused) >= len(hostile) - 2, "two are no names to any resolver; all others are known for what they are"


def test_a_name_that_changes_between_check_and_dial_gains_nothing(tmp_path: Path) -> None:
    """Its server says a public address first and an inner one from then on."""
    url = "https://academie.example/avis"
    for inner in ("127.0.0.1", "10.0.0.1", "169.254.169.254"):
        names = {"academie.example": [[PUBLIC_ADDRESS], [inner]]}
        first, second = sent(tmp_path, url, url, names=names)["posted"]
        assert (first["heard"], first["asked"]) == ([PUBLIC_ADDRESS], {"academie.example": 1})
        assert (second["heard"], second["asked"]) == ([], {"academie.example": 1})
        assert second["said"].startswith("address_")


@pytest.mark.parametrize("inner", ["10.0.0.1", "::1", "fd00:ec2::254", "::ffff:127.0.0.1"])
def test_a_name_with_one_inner_address_among_public_ones_is_not_called_at_all(tmp_path: Path, inner: str) -> None:
    names = {"academie.example": [[PUBLIC_ADDRESS, OTHER, inner]]}
    (post,) = sent(tmp_path, "https://academie.example/", names=names)["posted"]
    assert (post["heard"], post["asked"]) == ([], {"academie.example": 1})
    assert post["said"].startswith("address_")
