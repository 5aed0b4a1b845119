"""A server that is busy, slow, broken or refuses: patience where it helps, a plain reason where it does not."""

import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from personas.ml.language_model import ModelUnavailable, ModelUnusable, Sampling
from personas.ml.language_models import http_client
from personas.ml.language_models.http_client import JsonClient
from personas.ml.language_models.openai_compatible import OpenAICompatibleModel
from tests.scripted_server import Reply, ScriptedServer, garbage, hangs, huge, says, status

SECRET = "sk-very-secret-0123456789"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(default=Reply({"answer": 42})) as running:
        yield running


def client(server: ScriptedServer, **options: object) -> JsonClient:
    return JsonClient(server.url, **{"timeout": 5.0, "retries": 3, "backoff": 0.01, **options})  # type: ignore[arg-type]


def test_429_5xx_and_broken_connections_are_asked_again(server: ScriptedServer) -> None:
    server.script(status(429), status(500), status(503), Reply({"answer": 1}))
    assert client(server).post("completions", {"prompt": "x"}) == {"answer": 1}
    assert [request.path for request in server.requests] == ["/v1/completions"] * 4
    server.script(Reply(drop=True), Reply({"answer": 2}))
    assert client(server).post("completions", {}) == {"answer": 2}


def test_after_all_attempts_it_is_unavailable_and_says_what_was_answered(server: ScriptedServer) -> None:
    server.script(*[status(503, message="warming up")] * 4)
    with pytest.raises(ModelUnavailable, match=r"/v1/completions: answered 503: warming up, in 4 attempts"):
        client(server).post("completions", {})
    assert len(server.requests) == 4


def test_a_time_out_is_asked_again_and_then_unavailable(server: ScriptedServer) -> None:
    server.script(hangs(), Reply({"answer": 1}))
    assert client(server, timeout=0.3).post("completions", {}) == {"answer": 1}
    server.script(hangs(), hangs())
    with pytest.raises(ModelUnavailable, match=r"no answer within 0.3 s, in 2 attempts"):
        client(server, timeout=0.3, retries=1).post("completions", {})


def test_nobody_listening_is_unavailable() -> None:
    with pytest.raises(ModelUnavailable, match=r"connection failed \(ConnectError\), in 2 attempts"):
        JsonClient("http://127.0.0.1:9/v1", retries=1, backoff=0.01).get("models")


def test_retry_after_in_seconds_is_waited_for(server: ScriptedServer) -> None:
    server.script(status(429, retry_after="0.6"), Reply({"answer": 1}))
    started = time.monotonic()
    client(server).post("completions", {})
    assert 0.6 <= time.monotonic() - started < 5


def test_retry_after_as_a_date_is_waited_for_and_nobody_waits_longer_than_the_cap(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "LONGEST_WAIT", 0.5)
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    server.script(status(429, retry_after=in_an_hour), status(429, retry_after="3600"), Reply({"answer": 1}))
    started = time.monotonic()
    client(server).post("completions", {})
    assert 1.0 <= time.monotonic() - started < 5


@pytest.mark.parametrize("value", ["soon", "", "Mon, 99 Foo"])
def test_a_retry_after_that_says_nothing_falls_back_to_back_off(server: ScriptedServer, value: str) -> None:
    server.script(status(429, retry_after=value), Reply({"answer": 1}))
    assert client(server).post("completions", {}) == {"answer": 1}


def test_a_date_in_the_past_means_now() -> None:
    assert http_client._retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert http_client._retry_after("7") == 7.0
    assert http_client._retry_after("-3") == 0.0


def test_back_off_doubles_at_most_and_is_jittered() -> None:
    import tenacity

    asked = JsonClient("http://localhost/v1", backoff=1.0)
    state = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})
    longest = []
    for attempt in (1, 2, 3):
        state.attempt_number = attempt
        waits = [asked._wait(state) for _ in range(300)]
        assert min(waits) < 0.2 * 2**attempt
        longest.append(max(waits))
        assert longest[-1] <= 2**attempt
    assert longest == sorted(longest)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": {"message": "no such model"}}, "no such model"),
        ({"detail": "Unexpected fields"}, "Unexpected fields"),
        ("<html>Not found</html>", "<html>Not found</html>"),
        ({"error": "x" * 1000}, "x" * 300 + "…"),
        ({"error": "a\x00b \ud800c\x1b[31m"}, "a\ufffdb \ufffdc\ufffd[31m"),
        ("nul \x00 byte", "nul \ufffd byte"),
        ("[" * 100_000, "[" * 300 + "…"),
    ],
)
def test_4xx_is_not_asked_again_and_quotes_the_server_in_short(server: ScriptedServer, body: object, said: str) -> None:
    server.script(Reply(body, 404))
    with pytest.raises(ModelUnusable) as refused:
        client(server).post("completions", {})
    assert str(refused.value).endswith(f"/v1/completions: answered 404: {said}")
    assert len(server.requests) == 1


def test_redirects_are_not_followed(server: ScriptedServer) -> None:
    """They would carry the key elsewhere."""
    server.script(Reply({}, 307, {"Location": "http://127.0.0.1:9/elsewhere"}))
    with pytest.raises(ModelUnusable, match="answered 307"):
        client(server).post("completions", {})


@pytest.mark.parametrize("reply", [garbage(), Reply(""), Reply("Certainly! Here it is"), Reply('{"a":' * 50_000)])
def test_what_is_no_json_is_refused(server: ScriptedServer, reply: Reply) -> None:
    server.script(reply)
    with pytest.raises(ModelUnusable, match="answered no JSON"):
        client(server).post("completions", {})


def test_json_that_is_no_object_is_refused(server: ScriptedServer) -> None:
    server.script(Reply([1, 2]))
    with pytest.raises(ModelUnusable, match=r"answered no JSON object: \[1, 2\]"):
        client(server).post("completions", {})


def test_a_huge_reply_is_refused_before_it_is_read_whole(server: ScriptedServer) -> None:
    server.script(huge(64 * 1024 * 1024))
    with pytest.raises(ModelUnusable, match="answered more than 8 MiB"):
        client(server).post("completions", {})


def test_the_key_is_read_when_asking_and_shown_nowhere(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    model = OpenAICompatibleModel(
        server.url, "scripted", api_key_env="TEST_MODEL_KEY", endpoint="chat", retries=1, backoff=0.01
    )
    with pytest.raises(ModelUnusable, match="api_key_env: the environment variable TEST_MODEL_KEY is not set"):
        model.complete("Hello", Sampling())
    assert server.requests == []
    before = model.digest
    monkeypatch.setenv("TEST_MODEL_KEY", SECRET)
    server.script(says("hello"))
    assert model.complete("Hello", Sampling()) == "hello"
    assert server.requests[0].headers["Authorization"] == f"Bearer {SECRET}"
    errors = []
    for reply in (Reply({"error": {"message": f"bad key {SECRET}"}}, 401), *[Reply(f"busy {SECRET}", 503)] * 2):
        server.script(reply)
    for _ in range(2):
        with pytest.raises((ModelUnusable, ModelUnavailable)) as refused:
            model.complete("Hello", Sampling())
        errors.append(refused.value)
    assert "bad key ***" in str(errors[0])
    assert isinstance(errors[1], ModelUnavailable)
    shown = [repr(model), repr(model.client), str(vars(model)), str(vars(model.client)), model.digest, caplog.text]
    for error in errors:
        shown += [str(error), repr(error), repr(error.__cause__), repr(error.__context__)]
    assert not any(SECRET in text for text in shown)
    assert model.digest == before


def test_a_key_with_a_line_break_after_it_is_taken_without(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_MODEL_KEY", f"{SECRET}\n")
    client(server, api_key_env="TEST_MODEL_KEY").post("completions", {})
    assert server.requests[0].headers["Authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize("key", [f"{SECRET}é", f"{SECRET}\r\nX-Other: 1"])
def test_a_key_that_fits_no_header_is_refused_without_showing_it(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("TEST_MODEL_KEY", key)
    with pytest.raises(ModelUnusable, match="api_key_env: the value of TEST_MODEL_KEY has characters") as refused:
        client(server, api_key_env="TEST_MODEL_KEY").post("completions", {})
    assert SECRET not in str(refused.value)
    assert server.requests == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://exa\x00mple.org", "base_url: Invalid non-printable"),
        ("ftp://example.org", "base_url: expected http"),
        ("example.org/v1", "base_url: expected http"),
        ("http://user:word@example.org/v1", "must hold no user, password or query"),
        ("http://example.org/v1?key=hidden", "must hold no user, password or query"),
    ],
)
def test_addresses_that_cannot_be_or_hold_secrets_are_refused_without_repeating_them(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        JsonClient(url)
    assert "word" not in str(refused.value).replace("password", "")
    assert "hidden" not in str(refused.value)
