"""Callers, as they are counted."""

from ipaddress import AddressValueError, IPv4Address, IPv6Address, IPv6Network

WHOLE = 64
"""Bits of an IPv6 address that its owner does not choose (RFC 4291, 2.5.4); the others are theirs."""


def counted(address: str) -> str:
    """What a caller is counted by: an IPv4 address, also one within an IPv6 address; of any other its first 64 bits.

    What is no address is counted as it is.
    """
    try:
        found = IPv6Address(address)
    except AddressValueError:
        return address
    within: IPv4Address | None = found.ipv4_mapped
    return str(within) if within else str(IPv6Network((int(found), WHOLE), strict=False))
