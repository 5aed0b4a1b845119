"""A tiny trained shop, built once by `manage.py demo`, and copies of it that tests may break."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings

from fashionrec import embedded
from fashionrec.processes import free_port, web_process, worker_process

BASE_DIR = Path(settings.BASE_DIR)
TINY = ("--products", "96", "--personas", "12", "--shoppers", "160")


@dataclass
class Shop:
    """A shop on a database of its own: its processes run as a person's would, in production settings."""

    database: str
    data_dir: Path
    summary: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    url: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def database_url(self) -> str:
        return embedded.database_url(settings.DATA_DIR, database=self.database)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "fashionrec.settings.production",
            "FASHIONREC_SECRET_KEY": "a-shop-of-the-tests",
            "FASHIONREC_DATA_DIR": str(self.data_dir),
            "FASHIONREC_LOG_FORMAT": "console",
            "DATABASE_URL": self.database_url,
            "OMP_NUM_THREADS": "1",
            **self.variables,
        }

    def manage(self, *arguments: str, timeout: float = 280) -> str:
        """Run a management command; returns its standard output, fails with all of it."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE_DIR, env=self.environment, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (
            f"{arguments}: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        )
        return done.stdout

    def start_worker(self) -> subprocess.Popen[bytes]:
        schedule = str(self.data_dir / f"beat-{uuid.uuid4().hex}")
        return self._start("worker.log", [*worker_process().command, "--schedule", schedule])

    def start_web(self) -> str:
        """Start granian; returns the base URL once it answers."""
        port = free_port(0)
        process = self._start("web.log", web_process(port=port, media=self.data_dir / "media").command)
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: _answers(f"{url}/health/live"), timeout=40, what="the web server")
        assert process.poll() is None
        return url

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """kill -9 of the worker's parent process alone, as an out-of-memory killer would do it."""
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(
            embedded.connection_string(settings.DATA_DIR, database=self.database), autocommit=True
        ) as connection:
            return connection.execute(sql.encode(), parameters).fetchall()

    def stop(self) -> None:
        for process in self.processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait(10)

    def _start(self, log: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
        with (self.data_dir / log).open("ab") as stream:
            process = subprocess.Popen(
                command,
                cwd=BASE_DIR,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        self.processes.append(process)
        return process


@contextmanager
def new_shop(data_dir: Path, *, template: str | None = None, **variables: str) -> Iterator[Shop]:
    """A shop on a new database, empty or a copy of `template`; dropped with its processes at the end."""
    name = f"shop_{uuid.uuid4().hex[:12]}"
    with _server() as connection:
        copy = f' TEMPLATE "{template}"' if template else ""
        connection.execute(f'CREATE DATABASE "{name}"{copy}'.encode())
    shop = Shop(database=name, data_dir=data_dir, variables=variables)
    try:
        yield shop
    finally:
        shop.stop()
        with _server() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())


def build_tiny_world(shop: Shop) -> None:
    """The whole way, once, in small; keeps the summary that `manage.py demo` prints last."""
    output = shop.manage("demo", "--no-serve", *TINY)
    shop.summary = json.loads(output.strip().splitlines()[-1])


def wait_for(condition: Any, *, timeout: float, what: str) -> Any:
    """The first true answer of `condition()`; fails naming `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"waited {timeout} s for {what}"
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310  # our own loopback address
            return True
    except (OSError, urllib.error.HTTPError):
        return False


def _server() -> psycopg.Connection[Any]:
    dsn = embedded.connection_string(settings.DATA_DIR, database="postgres")
    return psycopg.connect(dsn, autocommit=True)
