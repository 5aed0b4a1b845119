"""Fetching pictures over real HTTP from servers that mean no good."""

import gzip
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import which
from typing import Any

import httpcore
import pytest

from catalog.image_addresses import AllowedHosts
from catalog.image_connection import FetchError
from catalog.image_download import FAILURES_IN_A_ROW, PER_HOST, ImageFetcher, Limits
from tests.factories.catalog import png_bytes
from tests.picture_server import PictureServer, in_turn, picture, raw, redirect, status, trickle

RED = png_bytes("#ff0000")
QUICK = Limits(connect=1.0, read=1.0, total=0.6, first_wait=0.01, longest_wait=2.0, size=50_000)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n"


@pytest.fixture
def server() -> Iterator[PictureServer]:
    with PictureServer({"/red.png": picture(RED)}) as server:
        yield server


@pytest.fixture
def fetcher(server: PictureServer) -> ImageFetcher:
    return ImageFetcher(allowed=AllowedHosts.of([server.host]), limits=QUICK)


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Every connection that is made from now on."""
    made = []
    connect = httpcore.SyncBackend.connect_tcp

    def record(self: Any, host: str, port: int, *args: Any, **options: Any) -> Any:
        made.append((host, port))
        return connect(self, host, port, *args, **options)

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", record)
    return made


def resolving_to(*addresses: str) -> Any:
    """A look-up that gives each of the addresses in turn, the last one for ever."""
    left = list(addresses)

    def resolve(host: str, port: int, **options: Any) -> list[Any]:
        address = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    return resolve


def refused(fetcher: ImageFetcher, address: str) -> str:
    with pytest.raises(FetchError) as caught:
        fetcher.fetch(address)
    return str(caught.value)


def test_a_picture_arrives_whole_and_is_asked_for_politely(server: PictureServer, fetcher: ImageFetcher) -> None:
    assert fetcher.fetch(f"{server.url}/red.png") == RED
    (headers,) = server.headers
    assert (headers["Host"], headers["Accept-Encoding"], headers["User-Agent"]) == (
        server.host,
        "identity",
        "fashionrec",
    )
    assert not {"Cookie", "Authorization", "Referer"} & set(headers)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.7", "169.254.169.254", "100.64.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0"],  # noqa: S104
)
def test_a_host_at_a_private_address_is_refused_without_a_connection(address: str, connections: list[Any]) -> None:
    fetcher = ImageFetcher(resolve=resolving_to(address), limits=QUICK)
    assert refused(fetcher, "http://pictures.example/a.png") == (
        f"the host pictures.example is at {address}: not a public address"
    )
    assert connections == []


def test_private_hosts_written_as_numbers_are_refused_without_a_connection(connections: list[Any]) -> None:
    fetcher = ImageFetcher(limits=QUICK)
    for host in ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:7f00:1]"):
        assert refused(fetcher, f"http://{host}/a.png").endswith("not a public address"), host
    assert connections == []


def test_one_private_address_among_public_ones_is_enough_to_refuse(connections: list[Any]) -> None:
    def resolve(host: str, port: int, **options: Any) -> list[Any]:
        return [(2, 1, 6, "", (address, port)) for address in ("93.184.215.14", "10.0.0.1")]

    assert "is at 10.0.0.1" in refused(ImageFetcher(resolve=resolve, limits=QUICK), "http://pictures.example/a")
    assert connections == []


def test_a_name_that_changes_its_address_is_connected_to_at_the_checked_one_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = []

    def unreachable(self: Any, host: str, port: int, *args: Any, **options: Any) -> Any:
        made.append(host)
        raise httpcore.ConnectError("unreachable")

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", unreachable)
    fetcher = ImageFetcher(resolve=resolving_to("93.184.215.14", "127.0.0.1"), limits=QUICK)
    assert "is at 127.0.0.1" in refused(fetcher, "http://pictures.example/a.png")
    assert made == ["93.184.215.14"]  # the second attempt looks the name up again, and ends there


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://10.0.0.1/a.png", "the host 10.0.0.1 is at 10.0.0.1: not a public address"),
        ("http://169.254.169.254/latest/meta-data/", "is at 169.254.169.254"),
        ("file:///etc/passwd", "redirected to an address that is not fetched: only http and https"),
        ("http://localhost:6379/", "redirected to an address that is not fetched: port 6379"),
        ("http://user:secret@93.184.215.14/", "user name or password"),
        ("http://[", "redirected to an address that is not fetched: not an address"),
        ("", "redirected more than 3 times"),
    ],
)
def test_a_redirect_is_checked_like_an_address(
    server: PictureServer, fetcher: ImageFetcher, connections: list[Any], location: str, reason: str
) -> None:
    server.answers["/away"] = redirect(location)
    assert reason in refused(fetcher, f"{server.url}/away")
    assert set(connections) == {("127.0.0.1", server.port)}


def test_three_redirects_are_followed_and_no_more(server: PictureServer, fetcher: ImageFetcher) -> None:
    server.answers |= {"/1": redirect("/2"), "/2": redirect(f"{server.url}/3"), "/3": redirect("red.png")}
    assert fetcher.fetch(f"{server.url}/1") == RED
    server.answers["/0"] = redirect("/1")
    assert refused(fetcher, f"{server.url}/0") == "redirected more than 3 times"
    assert server.paths[-4:] == ["/0", "/1", "/2", "/3"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (status(404), "the server answered 404"),
        (status(206), "the server answered 206"),
        (picture(b"<html>", "text/html; charset=utf-8"), "the server sent text/html, not a picture"),
        (picture(gzip.compress(RED), content_encoding="gzip"), "the server compressed the picture (gzip)"),
        (picture(b""), "the server sent nothing"),
        (picture(RED, content_length="999999999999"), "999999999999 bytes are more than the allowed 50000"),
        (picture(b"x" * 60_000, content_length="", connection="close"), "more than the allowed 50000 bytes"),
        (raw(HEAD + b"Content-Length: 5000\r\n\r\n" + RED), "the connection failed"),
        (raw(HEAD + b"Content-Length: -1\r\n\r\n" + RED), "the connection failed"),
        (raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "the connection failed"),
        (raw(b"SSH-2.0-OpenSSH_9.6\r\n"), "the connection failed"),
        (raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000), "the connection failed"),
        (raw(b""), "the connection failed"),
    ],
)
def test_an_answer_that_is_no_picture_within_the_limits_is_refused(
    server: PictureServer, fetcher: ImageFetcher, answer: Any, reason: str
) -> None:
    server.answers["/a"] = answer
    assert refused(fetcher, f"{server.url}/a").startswith(reason)


@pytest.mark.parametrize("kind", ["application/octet-stream", "image/webp", "", "IMAGE/JPEG; x=y"])
def test_the_content_decides_and_not_its_announced_kind(
    server: PictureServer, fetcher: ImageFetcher, kind: str
) -> None:
    server.answers["/a"] = picture(RED, kind)
    assert fetcher.fetch(f"{server.url}/a") == RED


def test_an_endless_body_is_cut_off_at_the_limit(server: PictureServer, fetcher: ImageFetcher) -> None:
    sent = []

    def endless(handler: Any) -> None:
        handler.wfile.write(HEAD + b"Connection: close\r\n\r\n")
        while len(sent) < 10_000:
            handler.wfile.write(b"x" * 10_000)
            sent.append(10_000)

    server.answers["/a"] = endless
    assert refused(fetcher, f"{server.url}/a") == "more than the allowed 50000 bytes"
    assert sum(sent) < 20_000_000


@pytest.mark.parametrize("beginning", [b"", HEAD + b"Content-Length: 1000\r\n\r\n"])
def test_a_server_that_trickles_cannot_stretch_the_time(
    server: PictureServer, fetcher: ImageFetcher, beginning: bytes
) -> None:
    server.answers["/slow"] = trickle(0.05, beginning=beginning)
    started = time.monotonic()
    assert refused(fetcher, f"{server.url}/slow") == "took longer than 0.6 seconds"
    assert time.monotonic() - started < 1.5
    assert server.paths == ["/slow"]


def test_what_may_heal_is_tried_again_a_bounded_number_of_times(server: PictureServer, fetcher: ImageFetcher) -> None:
    server.answers["/heals"] = in_turn(status(503), raw(b""), picture(RED))
    assert fetcher.fetch(f"{server.url}/heals") == RED
    server.answers["/ill"] = status(500)
    assert refused(fetcher, f"{server.url}/ill") == "the server answered 500"
    assert server.paths == ["/heals"] * 3 + ["/ill"] * 3


def test_the_wait_that_a_server_asks_for_is_kept_if_it_is_not_too_long(
    server: PictureServer, fetcher: ImageFetcher
) -> None:
    server.answers["/busy"] = in_turn(status(429, retry_after="1"), picture(RED))
    started = time.monotonic()
    assert fetcher.fetch(f"{server.url}/busy") == RED
    assert 0.9 < time.monotonic() - started < 2.0
    server.answers["/later"] = status(429, retry_after="Fri, 01 Jan 2100 00:00:00 GMT")
    assert refused(fetcher, f"{server.url}/later") == "the server answered 429"
    assert server.paths == ["/busy", "/busy", "/later"]


def test_a_host_is_asked_for_few_pictures_at_once(server: PictureServer, fetcher: ImageFetcher) -> None:
    def slow(handler: Any) -> None:
        time.sleep(0.1)
        picture(RED)(handler)

    server.answers["/a"] = slow
    with ThreadPoolExecutor(12) as threads:
        assert list(threads.map(fetcher.fetch, [f"{server.url}/a"] * 12)) == [RED] * 12
    assert 1 < server.most_at_once <= PER_HOST


def test_a_fetcher_that_is_stopped_ends_its_waits(server: PictureServer) -> None:
    patient = Limits(first_wait=20.0)
    fetcher = ImageFetcher(allowed=AllowedHosts.of([server.host]), limits=patient)
    server.answers["/ill"] = status(503)
    threading.Timer(0.2, fetcher.stop).start()
    started = time.monotonic()
    assert refused(fetcher, f"{server.url}/ill") == "stopped"
    assert time.monotonic() - started < 5


def test_proxies_of_the_environment_are_not_used(
    server: PictureServer, fetcher: ImageFetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetcher.fetch(f"{server.url}/red.png") == RED


def test_a_host_that_fails_again_and_again_is_not_asked_for_a_while(
    server: PictureServer, fetcher: ImageFetcher
) -> None:
    server.answers["/ill"] = status(503)
    reasons = [refused(fetcher, f"{server.url}/ill") for _ in range(FAILURES_IN_A_ROW + 2)]
    assert reasons == ["the server answered 503"] * 5 + ["the host 127.0.0.1 failed 5 times in a row"] * 2
    assert len(server.paths) == 15


def test_a_host_that_cannot_be_found_is_looked_up_once() -> None:
    asked = []

    def resolve(host: str, port: int, **options: Any) -> list[Any]:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    fetcher = ImageFetcher(resolve=resolve, limits=QUICK)
    for name in ("a", "b"):
        assert refused(fetcher, f"http://nowhere.example/{name}") == "the host nowhere.example cannot be found"
    assert asked == ["nowhere.example"]


@pytest.mark.skipif(which("openssl") is None, reason="makes a certificate with openssl")
def test_the_certificate_must_be_trusted_and_be_the_hosts(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-days", "1", "-keyout", str(key), "-out", str(certificate), "-subj", "/CN=pictures.test"),
            *("-addext", "subjectAltName=DNS:pictures.test"),
        ],
        check=True,
        capture_output=True,
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with PictureServer({"/red.png": picture(RED)}, tls=tls) as server:
        hosts = AllowedHosts.of([f"pictures.test:{server.port}", f"other.test:{server.port}"])
        fetcher = ImageFetcher(allowed=hosts, resolve=resolving_to("127.0.0.1"), limits=QUICK)
        address = f"https://pictures.test:{server.port}/red.png"
        assert refused(fetcher, address) == "the certificate does not hold: self-signed certificate"
        fetcher._tls.load_verify_locations(certificate)
        assert fetcher.fetch(address) == RED
        assert server.headers[-1]["Host"] == f"pictures.test:{server.port}"
        assert "Hostname mismatch" in refused(fetcher, address.replace("pictures", "other"))
