"""JSON over HTTP with a language-model server: patient with one that is busy, plain about one that refuses."""

import json
import os
import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import tenacity

from personas.ml.language_model import ModelUnavailable, ModelUnusable

LARGEST_REPLY = 8 * 1024 * 1024
LONGEST_WAIT = 60.0
"""Seconds between two attempts, however long a server asks for."""

LONGEST_MESSAGE = 300


class _AskAgain(Exception):
    """An answer that another attempt may better. wait: seconds that the server asked for, if it did."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class JsonClient:
    """POST and GET of JSON below a base URL. One client may be used by several threads.

    base_url: such as "http://localhost:8000/v1". api_key_env: name of the environment variable that holds the key;
    it is read for each request and kept nowhere. timeout: seconds for connecting and for one whole answer.
    retries: further attempts after a time-out, a broken connection, 429 or 5xx, with exponential back-off from
    `backoff` seconds and full jitter (Brooker 2015), or after what Retry-After asks for, at most LONGEST_WAIT.
    """

    def __init__(
        self, base_url: str, *, api_key_env: str = "", timeout: float = 60.0, retries: int = 5, backoff: float = 0.5
    ) -> None:
        try:
            url = httpx.URL(base_url)
        except httpx.InvalidURL as error:
            raise ValueError(f"base_url: {error}") from None
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError(f"base_url: expected http://… or https://…, received {_without_secrets(base_url)!r}")
        if url.userinfo or url.query:
            raise ValueError("base_url: must hold no user, password or query; name a variable in api_key_env instead")
        if timeout <= 0 or retries < 0:
            raise ValueError(f"timeout, retries: must be positive, received {timeout!r} and {retries!r}")
        self.base_url = base_url.rstrip("/")
        self.api_key_env, self.timeout, self.retries, self.backoff = api_key_env, timeout, retries, backoff
        self._client = httpx.Client(timeout=timeout, follow_redirects=False)

    def __repr__(self) -> str:
        return f"JsonClient({self.base_url!r})"

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON object answered. path: below the base URL, or below its host when it starts with "/".

        Raises ModelUnusable for 3xx, 4xx, too large or no JSON; ModelUnavailable when all attempts failed.
        """
        return self._ask("POST", path, body)

    def get(self, path: str) -> dict[str, Any]:
        return self._ask("GET", path, None)

    def close(self) -> None:
        self._client.close()

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        url = self._url(path)
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_AskAgain),
            stop=tenacity.stop_after_attempt(1 + self.retries),
            wait=self._wait,
            reraise=True,
        )
        try:
            return attempts(self._once, method, url, body)
        except _AskAgain as error:
            raise ModelUnavailable(f"{url}: {error}, in {1 + self.retries} attempts") from None

    def _once(self, method: str, url: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        ends = time.monotonic() + self.timeout
        raw = bytearray()
        try:
            with self._client.stream(method, url, json=body, headers=self._headers()) as response:
                for part in response.iter_bytes():
                    raw += part
                    if len(raw) > LARGEST_REPLY:
                        raise ModelUnusable(f"{url}: answered more than {LARGEST_REPLY // 2**20} MiB")
                    if time.monotonic() > ends:
                        raise _AskAgain(f"no whole answer within {self.timeout:g} s")
        except httpx.TimeoutException:
            raise _AskAgain(f"no answer within {self.timeout:g} s") from None
        except httpx.TransportError as error:
            raise _AskAgain(f"connection failed ({type(error).__name__})") from None
        except httpx.HTTPError as error:
            raise ModelUnusable(f"{url}: {type(error).__name__}") from None
        status = response.status_code
        if status == 429 or status >= 500:
            raise _AskAgain(f"answered {status}: {self._said(raw)}", _retry_after(response.headers.get("Retry-After")))
        if status != 200:
            raise ModelUnusable(f"{url}: answered {status}: {self._said(raw)}")
        try:
            answer = json.loads(bytes(raw))
        except (ValueError, RecursionError):  # the latter: brackets within brackets by the thousand
            raise ModelUnusable(f"{url}: answered no JSON: {self._said(raw)}") from None
        if not isinstance(answer, dict):
            raise ModelUnusable(f"{url}: answered no JSON object: {self._said(raw)}")
        return answer

    def _url(self, path: str) -> str:
        if not path.startswith("/"):
            return f"{self.base_url}/{path}"
        return self.base_url.removesuffix("/v1") + path

    def _headers(self) -> dict[str, str]:
        key = self._key()
        return {"Authorization": f"Bearer {key}"} if key else {}

    def _key(self) -> str:
        if not self.api_key_env:
            return ""
        key = os.environ.get(self.api_key_env, "").strip()
        if not key:
            raise ModelUnusable(f"api_key_env: the environment variable {self.api_key_env} is not set")
        if not (key.isascii() and key.isprintable()):
            raise ModelUnusable(f"api_key_env: the value of {self.api_key_env} has characters that no header may have")
        return key

    def _said(self, raw: bytes | bytearray) -> str:
        """What a server says of itself, shortened, without the key should it repeat it, nor anything unprintable:
        it is stored, and Postgres takes neither NUL nor half a surrogate pair."""
        text = bytes(raw[: 64 * 1024]).decode(errors="replace")
        try:
            found = json.loads(text)
            if isinstance(found, dict):
                found = found.get("error") or found.get("detail") or found.get("message") or found
            if isinstance(found, dict):
                found = found.get("message") or found
            text = found if isinstance(found, str) else json.dumps(found)
        except (ValueError, RecursionError):
            pass
        key = os.environ.get(self.api_key_env, "").strip() if self.api_key_env else ""
        words = (text.replace(key, "***") if key else text).split()
        text = "".join(sign if sign.isprintable() else "\ufffd" for sign in " ".join(words))
        return text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE] + "…"

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, _AskAgain) and error.wait is not None:
            return min(LONGEST_WAIT, error.wait + random.uniform(0, self.backoff))
        return random.uniform(0, min(LONGEST_WAIT, self.backoff * 2**state.attempt_number))


def _retry_after(value: str | None) -> float | None:
    """Seconds, from seconds or an HTTP date; None when it says neither."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _without_secrets(url: str) -> str:
    return url.rpartition("@")[2].partition("?")[0]
