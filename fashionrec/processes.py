"""The processes of a shop on one machine: a web server, and a Celery worker with beat."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO

from django.conf import settings

PR_SET_PDEATHSIG = 1
QUEUES = "default,embed,rate,train"
STOP_SECONDS = 20


def die_with_parent(number: int) -> None:
    """Ask the kernel to send `number` to this process when its parent dies; does nothing outside Linux.

    A supervisor or worker that is killed with -9 would otherwise leave children that work on unsupervised.
    """
    if os.uname().sysname == "Linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)


@dataclass
class Process:
    """A child process that is started again when it dies, and stopped with its children."""

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        stream: IO[bytes]
        with self.log.open("ab") as stream:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env=os.environ | {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")},
                preexec_fn=partial(die_with_parent, signal.SIGTERM),
                start_new_session=True,  # Ctrl-C reaches the parent alone, which then stops its children in order
            )

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """Ask first, insist after STOP_SECONDS. What a killed worker held is taken up again at the next start."""
        if self.process is None:
            return
        self.process.terminate()  # the parent alone: it stops its own children in order
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # whatever of its group is left
        except ProcessLookupError:
            pass
        self.process.wait(10)

    def tail(self, characters: int = 2000) -> str:
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""


class Supervisor:
    """Keeps processes alive between `with` and its end; use `check` regularly.

    Raises RuntimeError with the end of its log when a process dies three times within a minute.
    """

    def __init__(self, *processes: Process) -> None:
        self.processes = list(processes)
        self._deaths: dict[str, list[float]] = {}

    def __enter__(self) -> "Supervisor":
        self._previous = signal.signal(signal.SIGTERM, _raise_interrupt)
        for process in self.processes:
            process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self.processes):
            process.stop()
        signal.signal(signal.SIGTERM, self._previous)

    def add(self, process: Process) -> None:
        process.start()
        self.processes.append(process)

    def check(self) -> None:
        now = time.monotonic()
        for process in self.processes:
            if process.alive:
                continue
            deaths = [moment for moment in self._deaths.get(process.name, []) if now - moment < 60] + [now]
            self._deaths[process.name] = deaths
            if len(deaths) >= 3:
                raise RuntimeError(f"{process.name} died three times within a minute; its log ends:\n{process.tail()}")
            process.start()


def worker_process(*, concurrency: int = 2) -> Process:
    command = [
        sys.executable, "-m", "celery", "-A", "fashionrec", "worker", "--beat", "--queues", QUEUES,
        "--concurrency", str(concurrency), "--loglevel", "info", "--without-gossip", "--without-mingle",
    ]  # fmt: skip
    return Process("worker", command, Path(settings.DATA_DIR) / "log" / "worker.log")


def web_process(*, port: int, media: Path | None = None) -> Process:
    """granian on loopback; it hands out the pictures under `media` (settings.MEDIA_ROOT) by itself."""
    media = media or Path(settings.MEDIA_ROOT)
    media.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "1", "--blocking-threads", "4", "--static-path-route", "/media",
        "--static-path-mount", str(media), "--no-access-log", "--respawn-failed-workers", "fashionrec.wsgi:application",
    ]  # fmt: skip
    return Process("web server", command, Path(settings.DATA_DIR) / "log" / "web.log")


def free_port(preferred: int) -> int:
    """`preferred` when nobody listens there, else one the system picks."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise RuntimeError("no free port on 127.0.0.1")


def wait_until_serving(url: str, supervisor: Supervisor, *, timeout: float = 60) -> None:
    """Wait for an HTTP answer below 500. Raises RuntimeError when none comes."""
    import urllib.error
    import urllib.request

    deadline = time.monotonic() + timeout
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310  # our own loopback address
                return
        except urllib.error.HTTPError as error:
            if error.code < 500:
                return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise RuntimeError(f"the web server did not answer at {url} within {timeout:.0f} s")
        supervisor.check()
        time.sleep(0.2)


def _raise_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
