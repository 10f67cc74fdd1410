"""gateway.upstream.address_guard: nothing of IANA's special-purpose registries passes, in whatever
form it is written or hidden.
"""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.address_guard import is_public

REGISTRY_V4: Final = (
    "0.0.0.0/8", "0.0.0.0/32", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24",
    "192.0.0.0/29", "192.0.0.8/32", "192.0.0.9/32", "192.0.0.10/32", "192.0.0.170/32",
    "192.0.0.171/32", "192.0.2.0/24",
    "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
    "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "240.0.0.0/4", "255.255.255.255/32", "224.0.0.0/4",
)  # fmt: skip
"""The IPv4 registry, row by row, and multicast, which has one of its own."""
REGISTRY_V6: Final = (
    "::1/128", "::/128", "::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "100::/64",
    "100:0:0:1::/64", "2001::/23", "2001::/32",
    "2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:2::/48", "2001:3::/32",
    "2001:4:112::/48", "2001:10::/28", "2001:20::/28",
    "2001:30::/28", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16",
    "fc00::/7", "fe80::/10", "fec0::/10",
    "ff00::/8",
)  # fmt: skip
"""The IPv6 registry, row by row, but for the two prefixes that lead to IPv4; and compatible,
translated, site-local, multicast ones."""

Wrap = Callable[[int], int]
CARRIERS: Final[dict[str, Wrap]] = {
    "mapped": lambda v4: int(IPv6Address("::ffff:0:0")) | v4,
    "compatible": lambda v4: v4,
    "translated": lambda v4: int(IPv6Address("::ffff:0:0:0")) | v4,
    "NAT64": lambda v4: int(IPv6Address("64:ff9b::")) | v4,
    "NAT64 for local use": lambda v4: int(IPv6Address("64:ff9b:1::")) | v4,
    "6to4": lambda v4: 0x2002 << 112 | v4 << 80 | 1,
    "Teredo": lambda v4: 0x2001_0000 << 96 | 0x0808_0808 << 64 | v4 ^ 0xFFFF_FFFF,
    "Teredo server": lambda v4: 0x2001_0000 << 96 | v4 << 64,
    "ISATAP": lambda v4: int(IPv6Address("2a00:1450:4001::5efe:0:0")) | v4,
    "ISATAP, global": lambda v4: int(IPv6Address("2a00:1450:4001::200:5efe:0:0")) | v4,
}
"""The forms of IPv6 that carry an IPv4 address."""


def within(network: IPv4Network | IPv6Network) -> st.SearchStrategy[int]:
    first, last = int(network.network_address), int(network.broadcast_address)
    return st.sampled_from([first, last]) | st.integers(first, last)


special_v4 = st.sampled_from([IPv4Network(row) for row in REGISTRY_V4]).flatmap(within)


@given(special_v4)
def test_no_special_ipv4_address_is_public(number: int) -> None:
    assert not is_public(str(IPv4Address(number)))


@given(
    st.sampled_from([ip_network(row) for row in REGISTRY_V6]).flatmap(within),
    st.sampled_from(["", "%lo", "%1"]),
)
def test_no_special_ipv6_address_is_public(number: int, scope: str) -> None:
    assert not is_public(f"{IPv6Address(number)}{scope}")


@given(special_v4, st.sampled_from(sorted(CARRIERS)))
def test_no_ipv6_address_that_carries_a_special_one_is_public(number: int, form: str) -> None:
    assert not is_public(str(IPv6Address(CARRIERS[form](number))))


@given(st.integers(0, 2**128 - 1))
def test_ipv6_that_is_not_assigned_is_not_public(number: int) -> None:
    ip = IPv6Address(number)
    allowed = (
        ip in IPv6Network("2000::/3")
        or ip in IPv6Network("64:ff9b::/96")
        or ip in IPv6Network("::ffff:0:0/96")
    )
    assert allowed or not is_public(str(ip))


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.1", "192.0.1.1", "223.255.255.255",
     "2606:4700::6810:84e5",
     "2a00:1450:4001:82a::200e", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8",
     "2a00:1450:4001::5efe:808:808"],
)  # fmt: skip
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "x",
        "localhost",
        "127.1",
        "0x7f000001",
        "2130706433",
        "10.0.0.5 ",
        "[::1]",
        "168.63.129.16",
    ],
)
def test_what_is_no_address_is_not_public(address: str) -> None:
    assert not is_public(address)
