"""Real language-model servers as child processes on loopback. They end with the block that started them, and by
themselves when the process that started them dies."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from socket import socket

import httpx

PROJECT = Path(__file__).parents[2]

ENDS_WITH_ITS_PARENT = """
import os, sys, threading
def watch():
    os.read(0, 1)
    os._exit(0)
threading.Thread(target=watch, daemon=True).start()
"""

TRANSFORMERS_SERVE = (
    ENDS_WITH_ITS_PARENT
    + """
import catalog.ml.torchvision_ops
from transformers.cli.transformers import main
sys.argv = ["transformers", "serve", *sys.argv[1:]]
main()
"""
)

LLAMA_CPP = (
    ENDS_WITH_ITS_PARENT
    + """
import xllamacpp
parameters = xllamacpp.CommonParams()
parameters.model.path, parameters.port, parameters.n_ctx = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
parameters.hostnames = ["127.0.0.1"]
parameters.n_parallel, parameters.n_gpu_layers, parameters.warmup = 1, 0, False
# Keys and values in full precision: by default they are halved, which moves log-probabilities by some thousandths.
parameters.cache_type_k = parameters.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
parameters.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = int(sys.argv[4])
server = xllamacpp.Server(parameters)
threading.Event().wait()
"""
)


class ServerFailed(RuntimeError):
    """The server did not come up. Ends with what it printed."""


def can_serve_transformers() -> bool:
    return all(find_spec(name) for name in ("uvicorn", "fastapi", "openai", "accelerate"))


def can_serve_llama_cpp() -> bool:
    return all(find_spec(name) for name in ("xllamacpp", "gguf"))


@contextmanager
def serve_transformers(folder: Path, *, timeout: float = 90.0) -> Iterator[str]:
    """`transformers serve` on a model folder, on the CPU and offline: its base URL, ending in /v1."""
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "hub").mkdir()
        port = free_port()
        arguments = [str(folder), "--device", "cpu", "--port", str(port), "--host", "127.0.0.1"]
        environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": home}
        with _child(TRANSFORMERS_SERVE, arguments, environment, f"http://127.0.0.1:{port}", timeout) as url:
            yield url


@contextmanager
def serve_llama_cpp(gguf: Path, *, context: int = 2048, threads: int = 1, timeout: float = 60.0) -> Iterator[str]:
    """llama.cpp's own server on a GGUF file: its base URL, ending in /v1."""
    port = free_port()
    arguments = [str(gguf), str(port), str(context), str(threads)]
    with _child(LLAMA_CPP, arguments, {}, f"http://127.0.0.1:{port}", timeout) as url:
        yield url


def free_port() -> int:
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def _child(
    program: str, arguments: Sequence[str], environment: dict[str, str], url: str, timeout: float
) -> Iterator[str]:
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=PROJECT,
            env={**os.environ, **environment},
        )
        try:
            _wait_until_healthy(process, url, timeout, output)
            yield f"{url}/v1"
        finally:
            assert process.stdin is not None  # noqa: S101
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_healthy(process: "subprocess.Popen[bytes]", url: str, timeout: float, output: object) -> None:
    ends = time.monotonic() + timeout
    while time.monotonic() < ends and process.poll() is None:
        with suppress(httpx.HTTPError):
            if httpx.get(f"{url}/health", timeout=2.0).status_code == 200:
                return
        time.sleep(0.1)
    output.seek(0)  # type: ignore[attr-defined]
    printed = output.read().decode(errors="replace")[-2000:]  # type: ignore[attr-defined]
    raise ServerFailed(f"{url}: {'ended' if process.poll() is not None else 'no answer'} after start\n{printed}")
