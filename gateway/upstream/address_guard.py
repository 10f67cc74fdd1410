"""Which addresses a URL of a caller's may lead to: public ones, and nothing that may be, or lead
to, a host inside.

Allowed are IPv4 and IPv6 outside of every block of IANA's special-purpose registries, IPv6 only of
the part that is assigned, and of the forms that carry an IPv4 address those alone that a host needs
to reach IPv4 by IPv6, if that address is public itself.
"""

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

SPECIAL_V4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  # private
            "100.64.0.0/10",  # shared by carriers
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # not IANA's: Azure's host, of every virtual machine
            "169.254.0.0/16",  # link-local, and clouds' metadata
            "192.0.0.0/24",  # IETF protocols, Oracle's metadata
            "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",  # documentation
            "192.31.196.0/24", "192.175.48.0/24",  # AS112
            "192.52.193.0/24",  # AMT
            "192.88.99.0/24",  # 6to4 relays
            "198.18.0.0/15",  # benchmarks
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)  # fmt: skip
"""https://www.iana.org/assignments/iana-ipv4-special-registry, all of it, and multicast."""
ASSIGNED_V6: Final = IPv6Network("2000::/3")
"""Global unicast. All else is special: loopback, compatible, NAT64, discard, SRv6, unique local,
link-local, site-local, multicast."""
SPECIAL_V6: Final = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # IETF protocols: Teredo, benchmarks, ORCHID, drones
            "2001:db8::/32", "3fff::/20",  # documentation
            "2002::/16",  # 6to4
            "2620:4f:8000::/48",  # AS112
            "3ffe::/16",  # the former test network
        ),
    )
)  # fmt: skip
"""Those of https://www.iana.org/assignments/iana-ipv6-special-registry that lie in what is
assigned."""
MAPPED: Final = IPv6Network("::ffff:0:0/96")
NAT64: Final = IPv6Network("64:ff9b::/96")
"""The well-known prefix (RFC 6052). The one for local use, 64:ff9b:1::/48, is what its operator
makes it, and no public address."""
_ISATAP: Final = (0x0000_5EFE, 0x0200_5EFE)
"""The upper half of an interface's number whose lower half is its IPv4 address (RFC 5214)."""


def is_public(address: str) -> bool:
    """Whether a connection may be made to `address`, as the socket is told it. What is no address
    is not public.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return _is_public_v4(ip) if isinstance(ip, IPv4Address) else _is_public_v6(ip)


def _is_public_v4(ip: IPv4Address) -> bool:
    return ip.is_global and not any(ip in network for network in SPECIAL_V4)


def _is_public_v6(ip: IPv6Address) -> bool:
    number = int(ip)
    last = IPv4Address(number & 0xFFFF_FFFF)
    if ip in MAPPED or ip in NAT64:
        return _is_public_v4(last)
    if ip not in ASSIGNED_V6 or not ip.is_global or any(ip in network for network in SPECIAL_V6):
        return False
    return (number >> 32) & 0xFFFF_FFFF not in _ISATAP or _is_public_v4(last)
