"""Addresses that pictures are fetched from, and those that are refused unasked."""

import pytest

from catalog.image_addresses import AddressError, AllowedHosts, parse_image_address, why_not_public

NOBODY = AllowedHosts()


@pytest.mark.parametrize(
    ("text", "shown", "host", "port"),
    [
        ("https://CDN.Example/a b.jpg?v=1#x", "https://cdn.example/a%20b.jpg?v=1", "cdn.example", 443),
        ("http://cdn.example", "http://cdn.example/", "cdn.example", 80),
        ("http://cdn.example:443/a", "http://cdn.example:443/a", "cdn.example", 443),
        ("https://bücher.example/ü.jpg", "https://xn--bcher-kva.example/%C3%BC.jpg", "xn--bcher-kva.example", 443),
        ("https://[2001:4860:4860::8888]/a", "https://[2001:4860:4860::8888]/a", "2001:4860:4860::8888", 443),
        ("https://cdn.example/a%20b,c@2x.jpg", "https://cdn.example/a%20b,c@2x.jpg", "cdn.example", 443),
    ],
)
def test_an_address_is_taken_apart(text: str, shown: str, host: str, port: int) -> None:
    address = parse_image_address(text, allowed=NOBODY)
    assert (str(address), address.host, address.port) == (shown, host, port)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ftp://cdn.example/a", "only http and https"),
        ("file:///etc/passwd", "only http and https"),
        ("gopher://127.0.0.1:6379/_x", "only http and https"),
        ("https://user:secret@cdn.example/a", "user name or password"),
        ("https://good.example@127.0.0.1/a", "user name or password"),
        ("http://cdn.example:22/a", "port 22: only 80 and 443"),
        ("http://cdn.example:99999/a", "not an address"),
        ("http://cdn.example:0/a", "port 0"),
        ("http:///a", "names no host"),
        ("http://a\\@b.example/", "user name or password"),
        ("http://a b.example/", "not a host"),
        ("http://a\\b.example/", "not a host"),
        ("http://[::1", "not an address"),
        ("http://[fe80::1%25eth0]/", "not a host"),
        ("http://" + "a" * 64 + ".example/", "not a host"),
        ("https://cdn.example/" + "a" * 2_000, "longer than 2000"),
    ],
)
def test_an_address_that_is_not_fetched_says_why(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        parse_image_address(text, allowed=NOBODY)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",  # noqa: S104
        "169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1",
        "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "fe80::1", "fe80::1%eth0", "fc00::1",
        "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "2001::1", "2002:7f00:1::", "64:ff9b::7f00:1", "100::1",
        "nonsense",
    ],
)  # fmt: skip
def test_an_ip_address_that_is_not_public_is_known(address: str) -> None:
    assert why_not_public(address)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_public_ip_addresses_are_known(address: str) -> None:
    assert why_not_public(address) == ""


def test_a_host_is_allowed_on_the_usual_ports_or_on_its_own() -> None:
    allowed = AllowedHosts.of(["CDN.internal", " files.internal:8443", "[::1]:81", ""])
    assert [
        allowed.permit(*case) for case in (("cdn.internal", 80), ("cdn.internal", 443), ("cdn.internal", 8080))
    ] == [
        True,
        True,
        False,
    ]
    assert [allowed.permit(*case) for case in (("files.internal", 8443), ("files.internal", 443), ("::1", 81))] == [
        True,
        False,
        True,
    ]
    assert parse_image_address("https://files.internal:8443/a", allowed=allowed).port == 8443
