"""Whom a caller is counted with."""

import pytest

from shared.web import counted


@pytest.mark.parametrize(
    ("address", "among"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_an_ipv6_address_is_counted_by_what_its_owner_does_not_choose(address: str, among: str) -> None:
    assert counted(address) == among
