"""Where our requests may go: https, known ports, public addresses, and what an admin lists by name.

Judged is what would be dialled, never its spelling: 127.1, 2130706433 and 0x7f000001 are all this machine.
"""

import ipaddress
import re
from dataclasses import dataclass

from django.conf import settings

from common.errors import BadInput

PORTS = {"https": 443, "http": 80}

# Public by the standard library's book (of 3.12 or 3.13), and yet a way to what is not.
NEVER = tuple(
    ipaddress.ip_network(network)
    for network in (
        "::/96",  # IPv4 in IPv6, the old way
        "64:ff9b::/96", "64:ff9b:1::/48",  # NAT64
        "2002::/16", "192.88.99.0/24",  # 6to4 and its relays
        "2001::/32",  # Teredo
        "fec0::/10",  # site-local
        "100.64.0.0/10",  # a carrier's inside
        "5f00::/16",  # segment routing
        "168.63.129.16/32",  # a cloud's own service to its machines
    )
)  # fmt: skip
# What tells a machine in a cloud its secrets, where the address is not link-local anyway.
METADATA = tuple(ipaddress.ip_address(address) for address in ("fd00:ec2::254", "100.100.100.200", "168.63.129.16"))

ODD = re.compile(r"[\s\[\]%\\/?#@<>^|\x00-\x1f]")  # stands in no name and in no number

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotAllowed(BadInput):
    """The guard does not let a request go there."""

    code = "address_not_allowed"


@dataclass(frozen=True)
class Rules:
    """What is allowed besides public addresses on `ports`: listed hosts, and this machine itself in local mode."""

    ports: frozenset[int] = frozenset({443})
    internal: frozenset[tuple[str, int]] = frozenset()
    loopback: bool = False


def current_rules() -> Rules:
    """The rules of the settings."""
    return Rules(settings.OUTBOUND_PORTS, settings.INTERNAL_HOSTS, settings.LOCAL_MODE)


def parse_internal(entries: list[str]) -> frozenset[tuple[str, int]]:
    """Read `host:port` entries: ollama.internal:11434, 127.0.0.1:8179, [::1]:9000. Raises ValueError."""
    found = set()
    for entry in entries:
        host, _, port = entry.strip().rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65_536 or "/" in host or "*" in host:
            raise ValueError(f"PROMPTLEDGER_INTERNAL_HOSTS takes host:port, not '{entry}'.")
        found.add((_plain(host), int(port)))
    return frozenset(found)


def check_url(scheme: str, host: str, port: int | None, userinfo: str, rules: Rules) -> None:
    """Raise NotAllowed for what can be seen without looking the name up."""
    number = port or PORTS.get(scheme)
    if scheme not in PORTS or number is None:
        raise NotAllowed(f"Only https goes out, not '{scheme}'.")
    if not host or ODD.search(host):
        raise NotAllowed("The address names no host.")
    if userinfo:
        raise NotAllowed("A name or password in the address is not allowed.")
    if _listed(host, number, rules) or rules.loopback:
        return  # what a name stands for is judged when it is dialled
    if scheme != "https":
        raise NotAllowed(f"Only https goes out. {_how_to_list(host, number)}")
    if number not in rules.ports:
        raise NotAllowed(f"Port {number} is not allowed. {_how_to_list(host, number)}")


def check_address(address: str, *, scheme: str, host: str, port: int, rules: Rules) -> None:
    """Raise NotAllowed unless this address, to which `host` was resolved, may be dialled.

    The message does not say what the name stands for inside: that is nobody's business who can only type names.
    """
    found = _address(address)
    if _listed(host, port, rules):
        allowed = _is_internal(found) or is_public(found) or _plain(host) == str(found)
    elif rules.loopback and found.is_loopback:
        allowed = True
    else:
        allowed = is_public(found) and scheme == "https" and port in rules.ports
    if not allowed:
        raise NotAllowed(f"'{host}' is not a public address that may be asked by https. {_how_to_list(host, port)}")


def is_public(address: Address) -> bool:
    """Whether anybody in the world may reach it, and it leads nowhere else."""
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address.version == network.version and address in network for network in NEVER)
    )


def _is_internal(address: Address) -> bool:
    """Where a listed name may lead: this machine or a private network, but never what hands out a cloud's secrets."""
    private = address.is_private or address in ipaddress.ip_network("100.64.0.0/10")
    odd = address.is_link_local or address.is_multicast or address.is_unspecified or address in METADATA
    return private and not odd and not (address.is_reserved and not address.is_loopback)


def _address(text: str) -> Address:
    address = ipaddress.ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address


def _listed(host: str, port: int, rules: Rules) -> bool:
    return (_plain(host), port) in rules.internal


def _plain(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()


def _how_to_list(host: str, port: int) -> str:
    return f"An operator can allow it by PROMPTLEDGER_INTERNAL_HOSTS={host}:{port}."
