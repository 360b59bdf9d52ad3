"""Which addresses an `http` step may reach: an own deny list and the installation's `HTTP_ALLOW_HOSTS`."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from yarl import URL

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

DENIED_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
GLOBAL_V6 = IPv6Network("2000::/3")
DENIED_V6 = tuple(IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))

_ENTRY = re.compile(r"(?:\[(?P<v6>[^\[\]]*)\]|(?P<host>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z)({_LABEL}\.)*(?!([0-9]+|0x[0-9a-f]*)\Z){_LABEL}", re.ASCII)


def parse_address(text: str) -> Address:
    """Read the address of a socket: the zone goes, and IPv4 in IPv6 (`::ffff:a.b.c.d`) is judged as IPv4.

    Raises ValueError.
    """
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_public(address: Address) -> bool:
    """Tell whether an address belongs to the open internet.

    `ipaddress.is_global` is not enough: it passes multicast, NAT64, 6to4 and the metadata address of Azure.
    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in DENIED_V4)
    return address in GLOBAL_V6 and not any(address in network for network in DENIED_V6)


def is_host_name(name: str) -> bool:
    """Tell whether `name` (lower case, punycode) may be one of DNS; what ends in a number is an address."""
    return _NAME.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class AllowList:
    """The hosts and networks that may be reached though they are not public; a port of None is any port."""

    hosts: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[tuple[Network, int | None], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "AllowList":
        """Read a comma list of host, host:port, [v6]:port and CIDR; a ValueError is a one-line reason."""
        hosts: set[tuple[str, int | None]] = set()
        networks: list[tuple[Network, int | None]] = []
        for word in filter(None, map(str.strip, text.split(","))):
            target, port = _entry(word)
            if isinstance(target, str):
                hosts.add((target, port))
            else:
                networks.append((target, port))
        return cls(frozenset(hosts), tuple(networks))

    def names(self, host: str, port: int) -> bool:
        """Tell whether the name in a URL is allowed, whatever address it has."""
        name = host.rstrip(".").lower()
        return (name, None) in self.hosts or (name, port) in self.hosts

    def holds(self, address: Address, port: int) -> bool:
        """Tell whether an address is allowed, whatever name led to it."""
        return any(address in network and only in (None, port) for network, only in self.networks)


def _entry(word: str) -> tuple[str | Network, int | None]:
    if (network := _network(word)) is not None:
        return network, None
    if "/" in word:
        raise ValueError(f"{word!r} is not a network: write it like 10.0.0.0/8, without a port")
    found = _ENTRY.fullmatch(word)
    if found is None:
        raise ValueError(f"{word!r} is not a host, host:port, [v6]:port or network")
    return _target(word, found["v6"], found["host"]), _port(word, found["port"])


def _network(word: str) -> Network | None:
    """Read an address or CIDR; None when it is neither."""
    try:
        return _unmapped(ip_network(word, strict=False))
    except ValueError:
        return None


def _unmapped(network: Network) -> Network:
    """Give the IPv4 network of `::ffff:a.b.c.d/n`, since such an address is judged as IPv4."""
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is None or network.prefixlen < 96:
        return network
    return IPv4Network((mapped, network.prefixlen - 96))


def _target(word: str, v6: str | None, host: str | None) -> str | Network:
    if v6 is not None:
        network = _network(v6)
        if not isinstance(network, IPv6Network):
            raise ValueError(f"{word!r} does not hold an IPv6 address in its brackets")
        return network
    return _network(host or "") or _name(word, host or "")


def _name(word: str, host: str) -> str:
    """Write a host as a URL carries it: lower case, punycode, no dot at the end."""
    try:
        name = (URL.build(scheme="http", host=host.rstrip(".")).raw_host or "").lower()
    except ValueError:
        name = ""
    if not is_host_name(name):
        raise ValueError(f"{word!r} is not a host name (there are no wildcards: use a network in CIDR form)")
    return name


def _port(word: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not 0 < int(text) < 65536:
        raise ValueError(f"{word!r} has no valid port: it must be from 1 to 65535")
    return int(text)
