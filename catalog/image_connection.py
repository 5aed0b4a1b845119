"""Connections to addresses that were checked, with a deadline that no server can stretch."""

import ssl
import time
from collections.abc import Callable, Iterable
from typing import Any

import httpcore


class FetchError(Exception):
    """A picture that was not fetched; the message is the reason.

    temporary: another attempt may succeed, after `wait` seconds if the server said so.
    """

    def __init__(self, reason: str, *, temporary: bool = False, wait: float | None = None) -> None:
        super().__init__(reason)
        self.temporary = temporary
        self.wait = wait


class Deadline:
    """A moment that no server can put off by sending a little now and then."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at = time.monotonic() + seconds

    def bounded(self, timeout: float | None) -> float:
        """The time that one operation may take. Raises FetchError when there is none left."""
        left = self.check()
        return left if timeout is None else min(timeout, left)

    def check(self) -> float:
        """Seconds left. Raises FetchError when there are none, or so few that a wait may have ended early."""
        left = self._at - time.monotonic()
        if left <= 0.01:
            raise FetchError(f"took longer than {self._seconds:g} seconds")
        return left


class CheckedBackend(httpcore.NetworkBackend):
    """Connects to the IP addresses that `addresses_of(host, port)` gives, while name and certificate stay the host's.

    A name that resolves to something else a moment later (DNS rebinding) leads nowhere.
    """

    def __init__(self, addresses_of: Callable[[str, int], list[str]], deadline: Deadline) -> None:
        self._addresses_of = addresses_of
        self._deadline = deadline
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError("the host has no address")
        for address in self._addresses_of(host, port):
            try:
                stream = self._backend.connect_tcp(address, port, self._deadline.bounded(timeout))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self._deadline)
        raise failure


class _TimedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.bounded(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.bounded(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.bounded(timeout))
        return _TimedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
