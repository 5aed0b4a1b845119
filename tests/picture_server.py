"""A web server on loopback for pictures, which behaves as badly as a test wants it to.

with PictureServer({"/a.png": picture(png_bytes()), "/slow": trickle(0.2)}) as server:
    fetch(f"{server.url}/a.png")
    assert server.paths == ["/a.png"]
"""

import ssl
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Answer = Callable[[BaseHTTPRequestHandler], None]


def picture(content: bytes, kind: str = "image/png", **headers: str) -> Answer:
    """headers: with _ for -, as in content_encoding="gzip"."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        sent = {"Content-Type": kind, "Content-Length": str(len(content))}
        sent |= {name.replace("_", "-").title(): value for name, value in headers.items()}
        for name, value in sent.items():
            if value:
                handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def status(code: int, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in {"content_length": "0", **headers}.items():
            handler.send_header(name.replace("_", "-").title(), value)
        handler.end_headers()

    return answer


def redirect(location: str) -> Answer:
    return status(302, location=location)


def in_turn(*answers: Answer) -> Answer:
    """Each request takes the next; the last one stays."""
    left = list(answers)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(handler)

    return answer


def trickle(pause: float, *, beginning: bytes = b"") -> Answer:
    """A byte every `pause` seconds until the client goes away: of the body, or of the headers without `beginning`."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(beginning or b"HTTP/1.1 200 OK\r\nX-Long: ")
        for _ in range(int(10 / pause)):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(pause)

    return answer


def raw(content: bytes) -> Answer:
    """Bytes as they are, status line and all; then the connection is closed."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(content)
        handler.close_connection = True

    return answer


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that goes away in the middle is what some tests are about


class PictureServer:
    """`url` is its address; `paths` and `headers` hold every request in order of arrival."""

    def __init__(self, answers: Mapping[str, Answer], *, tls: ssl.SSLContext | None = None) -> None:
        self.answers = dict(answers)
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._server = _Quiet(("127.0.0.1", 0), self._handler())
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with server._lock:
                    server.paths.append(self.path)
                    server.headers.append(dict(self.headers))
                    server._at_once += 1
                    server.most_at_once = max(server.most_at_once, server._at_once)
                try:
                    server.answers.get(self.path, status(404))(self)
                except OSError:
                    self.close_connection = True  # the client has given up
                finally:
                    with server._lock:
                        server._at_once -= 1

            def log_message(self, *args: Any) -> None:
                pass

        return Handler
