"""A language-model server on loopback that answers what a test tells it to: real HTTP, scripted misbehaviour.

    with ScriptedServer([status(429, retry_after="1"), says("not JSON"), says('{"name": …}')]) as server:
        OpenAICompatibleModel(base_url=server.url, model="scripted").complete(…)
        assert len(server.requests) == 3

Each POST to /v1/chat/completions, /v1/completions or any other path takes the next behaviour of the queue; when it is
empty, `default` answers. GET /v1/models and the paths in `routes` take none.
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    path: str
    body: Any
    headers: Mapping[str, str]

    @property
    def is_chat(self) -> bool:
        return self.path.endswith("/chat/completions")

    @property
    def prompt(self) -> str:
        """What was asked, whichever endpoint was used."""
        if self.is_chat:
            return "\n\n".join(message["content"] for message in self.body["messages"])
        return str(self.body.get("prompt", ""))


@dataclass(frozen=True)
class Reply:
    """body: JSON unless it is str or bytes. delay: seconds before the answer. drop: close without answering."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drop: bool = False


Behaviour = Reply | Callable[[Request], Reply]


def says(*texts: str) -> Behaviour:
    """One choice per text, in the shape of whichever endpoint was asked."""

    def behave(request: Request) -> Reply:
        return Reply(
            {
                "choices": [_choice(request, index, text) for index, text in enumerate(texts)],
                "usage": {"prompt_tokens": len(request.prompt.split()), "completion_tokens": len(texts)},
            }
        )

    return behave


def log_probabilities(of_token: Mapping[str, float], *, shape: str = "openai") -> Behaviour:
    """One token with its alternatives. shape: "openai" (a list on chat, a dict on completions) or "content"
    (the list on both, as llama.cpp answers)."""

    def behave(request: Request) -> Reply:
        likeliest = max(of_token, key=lambda token: of_token[token])
        choice = _choice(request, 0, likeliest)
        if request.is_chat or shape == "content":
            alternatives = [{"token": token, "logprob": value} for token, value in of_token.items()]
            entry = {"token": likeliest, "logprob": of_token[likeliest], "top_logprobs": alternatives}
            choice["logprobs"] = {"content": [entry]}
        else:
            choice["logprobs"] = {"tokens": [likeliest], "top_logprobs": [dict(of_token)]}
        return Reply({"choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 1}})

    return behave


def status(code: int, *, message: str = "scripted", retry_after: str | None = None) -> Reply:
    return Reply({"error": {"message": message}}, code, {"Retry-After": retry_after} if retry_after else {})


def hangs(seconds: float = 30.0) -> Reply:
    """No answer for so long that the client gives up first; ends early when the server stops."""
    return Reply(b"", delay=seconds, drop=True)


def garbage() -> Reply:
    return Reply('{"choices": [{"text": "cut in the mid')


def prose() -> Behaviour:
    return says("Certainly! Let me think about who this customer might be. She lives in a small town.")


def huge(size: int = 64 * 1024 * 1024) -> Reply:
    return Reply(b'{"choices": "' + b"x" * size + b'"}')


def _choice(request: Request, index: int, text: str) -> dict[str, Any]:
    if request.is_chat:
        return {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"index": index, "text": text, "finish_reason": "stop"}


class ScriptedServer:
    """`url` ends in /v1. `requests` holds every POST in order of arrival. Thread-safe."""

    def __init__(
        self,
        behaviours: Iterable[Behaviour] = (),
        *,
        default: Behaviour | None = None,
        routes: Mapping[str, Behaviour] | None = None,
        owned_by: str = "scripted",
    ) -> None:
        self.requests: list[Request] = []
        self.default = default or says("scripted")
        self.routes: dict[str, Behaviour] = {
            "/v1/models": Reply({"object": "list", "data": [{"id": "scripted", "owned_by": owned_by}]}),
            **(routes or {}),
        }
        self._queue: deque[Behaviour] = deque(behaviours)
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def script(self, *behaviours: Behaviour) -> None:
        """More behaviours at the end of the queue."""
        with self._lock:
            self._queue.extend(behaviours)

    @property
    def left(self) -> int:
        with self._lock:
            return len(self._queue)

    def bodies(self) -> Sequence[Any]:
        return [request.body for request in self.requests]

    def __enter__(self) -> "ScriptedServer":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def answer(self, request: Request, *, queued: bool) -> Reply:
        with self._lock:
            behaviour = self.routes.get(request.path)
            if queued:
                self.requests.append(request)
                if behaviour is None:
                    behaviour = self._queue.popleft() if self._queue else self.default
        if behaviour is None:
            return status(404, message=f"no {request.path} here")
        return behaviour(request) if callable(behaviour) else behaviour

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._send(script.answer(Request(self.path, None, dict(self.headers)), queued=False))

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self._send(
                    script.answer(Request(self.path, json.loads(raw or b"null"), dict(self.headers)), queued=True)
                )

            def _send(self, reply: Reply) -> None:
                if (reply.delay and script._stopped.wait(reply.delay)) or reply.drop:
                    self.close_connection = True
                    return
                payload = reply.body if isinstance(reply.body, str | bytes) else json.dumps(reply.body)
                raw = payload.encode() if isinstance(payload, str) else payload
                try:
                    self.send_response(reply.status)
                    for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(raw)))
                    self.end_headers()
                    self.wfile.write(raw)
                except OSError:
                    self.close_connection = True  # the client has given up

            def log_message(self, *args: Any) -> None:
                pass

        return Handler
