"""Fetching pictures from addresses that other people wrote: to public hosts only, within limits of size and time.

The host is looked up here, every IP address that it has is checked, and the connection is made to a checked one
(catalog.image_connection). Redirects are followed by hand, each checked alike. Proxies of the environment are not used.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import certifi
import httpcore

from catalog.image_addresses import AddressError, AllowedHosts, ImageAddress, parse_image_address, why_not_public
from catalog.image_connection import CheckedBackend, Deadline, FetchError
from catalog.images import MAX_BYTES

MOST_REDIRECTS = 3
MOST_ADDRESSES_TRIED = 3
ATTEMPTS = 3
PER_HOST = 4
"""Pictures fetched from one host at once, by one process."""

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_TEMPORARY = frozenset((408, 425, 429, 500, 502, 503, 504))
_BINARY = frozenset(("", "application/octet-stream", "binary/octet-stream"))
_HEADERS = (
    (b"User-Agent", b"fashionrec"),
    (b"Accept", b"image/jpeg, image/png, image/webp, image/avif, image/gif, image/bmp"),
    (b"Accept-Encoding", b"identity"),
)
FAILURES_IN_A_ROW = 5
"""Pictures of one host given up one after the other, until the host itself is given up for GIVE_UP_SECONDS."""
GIVE_UP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, but for `size`, which is bytes. total: of one attempt with its redirects, however slow the server."""

    connect: float = 5.0
    read: float = 10.0
    total: float = 60.0
    first_wait: float = 1.0
    longest_wait: float = 30.0
    size: int = MAX_BYTES


class ImageFetcher:
    """Fetches pictures; to be shared by threads. `stop` ends waits and makes fetches fail until `resume`."""

    def __init__(
        self,
        *,
        allowed: AllowedHosts | None = None,
        limits: Limits | None = None,
        resolve: Callable[..., Iterable[Any]] = socket.getaddrinfo,
    ) -> None:
        self._allowed = allowed or AllowedHosts()
        self._limits = limits or Limits()
        self._resolve = resolve
        self._tls = ssl.create_default_context()
        self._tls.load_verify_locations(certifi.where())
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._slots: dict[str, threading.BoundedSemaphore] = {}
        self._failures: dict[str, int] = {}
        self._given_up: dict[str, tuple[float, str]] = {}
        """Host -> until when it is not asked, and why: thousands of pictures of a dead host would take days."""

    def stop(self) -> None:
        self._stopped.set()

    def resume(self) -> None:
        self._stopped.clear()

    def fetch(self, address: str) -> bytes:
        """The bytes behind an address. Raises FetchError, after a bounded number of attempts if it may be temporary."""
        try:
            parsed = parse_image_address(address, allowed=self._allowed)
        except AddressError as error:
            raise FetchError(str(error)) from error
        with self._lock:
            slot = self._slots.setdefault(parsed.host, threading.BoundedSemaphore(PER_HOST))
        with slot:  # held while waiting: a host that asks for patience gets it
            wait = self._limits.first_wait
            for attempt in range(1, ATTEMPTS + 1):
                self._check_going_on(parsed.host)
                try:
                    content = self._fetch_once(parsed)
                except FetchError as error:
                    pause = wait if error.wait is None else error.wait
                    if not error.temporary or attempt == ATTEMPTS or pause > self._limits.longest_wait:
                        self._count(parsed.host, failed=error.temporary)
                        raise
                else:
                    self._count(parsed.host, failed=False)
                    return content
                self._stopped.wait(pause)
                wait *= 2
        raise FetchError("stopped")

    def _check_going_on(self, host: str) -> None:
        until, reason = self._given_up.get(host, (0.0, ""))
        if time.monotonic() < until:
            raise FetchError(reason)
        if self._stopped.is_set():
            raise FetchError("stopped")

    def _count(self, host: str, *, failed: bool) -> None:
        with self._lock:
            self._failures[host] = self._failures.get(host, 0) + 1 if failed else 0
            if self._failures[host] >= FAILURES_IN_A_ROW:
                self._failures[host] = 0
                self._give_up(host, f"the host {host} failed {FAILURES_IN_A_ROW} times in a row")

    def _give_up(self, host: str, reason: str) -> None:
        self._given_up[host] = (time.monotonic() + GIVE_UP_SECONDS, reason)

    def _fetch_once(self, address: ImageAddress) -> bytes:
        deadline = Deadline(self._limits.total)
        backend = CheckedBackend(self._checked_addresses, deadline)
        timeouts = {"connect": self._limits.connect, "read": self._limits.read, "write": self._limits.read}
        try:
            with httpcore.ConnectionPool(ssl_context=self._tls, network_backend=backend, max_connections=1) as pool:
                for _ in range(MOST_REDIRECTS + 1):
                    url = httpcore.URL(
                        scheme=address.scheme.encode(),
                        host=address.host.encode(),
                        port=address.port,
                        target=address.target.encode(),
                    )
                    headers = [(b"Host", address.netloc.encode()), *_HEADERS]
                    with pool.stream("GET", url, headers=headers, extensions={"timeout": timeouts}) as response:
                        if response.status not in _REDIRECTS:
                            return self._content(response)
                        address = address.joined(_header(response, b"location"), allowed=self._allowed)
        except AddressError as error:
            raise FetchError(f"redirected to an address that is not fetched: {error}") from error
        except httpcore.TimeoutException as error:
            deadline.check()
            raise FetchError("no answer in time", temporary=True) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError) as error:
            raise _connection_failure(error) from error
        raise FetchError(f"redirected more than {MOST_REDIRECTS} times")

    def _content(self, response: httpcore.Response) -> bytes:
        if response.status != 200:
            temporary = response.status in _TEMPORARY
            raise FetchError(f"the server answered {response.status}", temporary=temporary, wait=_retry_after(response))
        kind = _header(response, b"content-type").partition(";")[0].strip().lower()
        if kind not in _BINARY and not kind.startswith("image/"):
            raise FetchError(f"the server sent {kind[:80]}, not a picture")
        if (coding := _header(response, b"content-encoding").lower()) not in ("", "identity"):
            raise FetchError(f"the server compressed the picture ({coding[:40]}) although asked not to")
        announced = _header(response, b"content-length")
        if announced.isdecimal() and int(announced[:20]) > self._limits.size:
            raise FetchError(f"{announced[:20]} bytes are more than the allowed {self._limits.size}")
        content = bytearray()
        for piece in response.iter_stream():
            content += piece
            if len(content) > self._limits.size:
                raise FetchError(f"more than the allowed {self._limits.size} bytes")
        if not content:
            raise FetchError("the server sent nothing")
        return bytes(content)

    def _checked_addresses(self, host: str, port: int) -> list[str]:
        """The IP addresses of a host, all of them public or the host allowed by name. Raises FetchError."""
        try:
            found = list(dict.fromkeys(str(entry[4][0]) for entry in self._look_up(host, port)))
        except (OSError, UnicodeError) as error:
            self._give_up(host, reason := f"the host {host} cannot be found")
            raise FetchError(reason) from error
        if not self._allowed.permit(host, port):
            for address in found:
                if reason := why_not_public(address):
                    raise FetchError(f"the host {host} is at {address}: {reason}")
        return found[:MOST_ADDRESSES_TRIED]

    def _look_up(self, host: str, port: int) -> list[Any]:
        try:
            return list(self._resolve(host, port, type=socket.SOCK_STREAM))
        except socket.gaierror as error:
            if error.errno != socket.EAI_AGAIN:
                raise
        self._stopped.wait(self._limits.first_wait)
        return list(self._resolve(host, port, type=socket.SOCK_STREAM))


def _header(response: httpcore.Response, name: bytes) -> str:
    return next((value.decode("latin-1").strip() for key, value in response.headers if key.lower() == name), "")


def _retry_after(response: httpcore.Response) -> float | None:
    """Seconds that the server asks to wait: a number of them, or a date."""
    text = _header(response, b"retry-after")
    if text.isdecimal():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _connection_failure(error: Exception) -> FetchError:
    """A certificate that does not hold will not hold at the next attempt either."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return FetchError(f"the certificate does not hold: {cause.verify_message}")
        cause = cause.__cause__ or cause.__context__
    return FetchError(f"the connection failed: {error}"[:200], temporary=True)
