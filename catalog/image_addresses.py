"""Which addresses pictures are fetched from: the public web, and hosts that the shop's owner named."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from catalog.product_data import LONGEST_ADDRESS

DEFAULT_PORTS = {"http": 80, "https": 443}

_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9])?\.?")
_KEPT_IN_TARGET = "/%:@!$&'()*+,;=~-._"

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Beside what the ipaddress module knows to be private, loopback, link-local, multicast or reserved.
_CLOSED_NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in (
        "100.64.0.0/10",  # carrier-grade NAT (RFC 6598); also the metadata service of Alibaba Cloud
        "168.63.129.16/32",  # metadata service of Azure
        "192.0.0.0/24",  # IETF protocol assignments; also the metadata service of Oracle Cloud
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "fec0::/10",  # site-local (RFC 3879)
    )
)
_GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressError(ValueError):
    """An address that is not fetched; the message is the reason."""


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """Hosts that may be anywhere, also in a private network: "cdn.internal", or "cdn.internal:8443" for that port."""

    entries: frozenset[str] = frozenset()

    @classmethod
    def of(cls, entries: Iterable[str]) -> "AllowedHosts":
        return cls(frozenset(entry.strip().lower() for entry in entries if entry.strip()))

    def permit(self, host: str, port: int) -> bool:
        shown = f"[{host}]" if ":" in host else host
        return f"{shown}:{port}" in self.entries or (port in DEFAULT_PORTS.values() and shown in self.entries)


@dataclass(frozen=True, slots=True)
class ImageAddress:
    """host: lower case, IDNA-encoded, without the brackets of IPv6. target: path and query, percent-encoded."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.target}"

    def joined(self, location: str, *, allowed: AllowedHosts) -> "ImageAddress":
        """Where a redirect leads. Raises AddressError as parse_image_address does."""
        try:
            joined = urljoin(str(self), location)
        except ValueError as error:
            raise AddressError(f"not an address: {error}") from error
        return parse_image_address(joined, allowed=allowed)


def parse_image_address(text: str, *, allowed: AllowedHosts) -> ImageAddress:
    """Takes an address apart, once: what is checked here is what is connected to.

    Raises AddressError unless it is http or https, without user name or password, on port 80 or 443 or that of an
    allowed host. Nothing is looked up.
    """
    text = text.strip()
    if len(text) > LONGEST_ADDRESS:
        raise AddressError(f"longer than {LONGEST_ADDRESS} characters")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise AddressError(f"not an address: {error}") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise AddressError("only http and https addresses are fetched")
    if "@" in parts.netloc:
        raise AddressError("has a user name or password in it")
    host = _host(parts.hostname or "")
    port = port if port is not None else DEFAULT_PORTS[parts.scheme]
    if port not in DEFAULT_PORTS.values() and not allowed.permit(host, port):
        raise AddressError(f"port {port}: only 80 and 443 are used")
    path = quote(parts.path or "/", safe=_KEPT_IN_TARGET)
    query = f"?{quote(parts.query, safe=_KEPT_IN_TARGET + '?')}" if parts.query else ""
    return ImageAddress(parts.scheme, host, port, path + query)


def why_not_public(address: str) -> str:
    """Why an IP address is none of the public internet, or ""."""
    try:
        ip: IPAddress = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "not an IP address"
    if isinstance(ip, ipaddress.IPv6Address):
        inner = _embedded_ipv4(ip)
        if inner is not None:
            return why_not_public(str(inner))
        if ip not in _GLOBAL_IPV6:
            return "not a public address"
    closed = any(ip in network for network in _CLOSED_NETWORKS if network.version == ip.version)
    if closed or ip.is_multicast or ip.is_reserved or ip.is_unspecified or not ip.is_global:
        return "not a public address"
    return ""


def _embedded_ipv4(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to a mapped, 6to4 or NAT64 address end at."""
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None


def _host(name: str) -> str:
    if ":" in name:
        try:
            return str(ipaddress.IPv6Address(name.replace("%", "/")))  # a zone is one of this machine's networks
        except ValueError as error:
            raise AddressError(f"not a host: {name[:100]}") from error
    try:
        host = name.encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise AddressError(f"not a host: {name[:100]}") from error
    if not _HOST.fullmatch(host):
        raise AddressError(f"not a host: {name[:100]}" if name else "names no host")
    return host
