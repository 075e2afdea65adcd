"""Which network addresses are the public internet's: a request that somebody else has named goes to no other."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

_SPECIAL = (
    IPv4Network("192.0.0.0/24"),  # IETF protocol assignments; some clouds' instance services
    IPv4Network("168.63.129.16/32"),  # a public address in name: a cloud's host answers there
    IPv6Network("2002::/16"),  # 6to4: leads to an IPv4 address of the sender's choice
    IPv6Network("fec0::/10"),  # site-local, the predecessor of fc00::/7
)
_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(text: str) -> bool:
    """False for private, loopback, link-local, multicast and reserved addresses however written; and for a name."""
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        return False
    return _is_public(address)


def is_literal(host: str) -> bool:
    """Whether a URL's host is an address and not a name."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or (IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None)
        if inner is not None:
            return _is_public(inner)
    special = any(address in network for network in _SPECIAL if network.version == address.version)
    return address.is_global and not address.is_multicast and not special
