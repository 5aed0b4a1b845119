"""Child processes of a shop on one machine: kept alive, stopped with their children."""

import os
import signal
import socket
import sys
import time
from pathlib import Path

import psutil
import pytest

from fashionrec.processes import Process, Supervisor, free_port, wait_until_serving, worker_process


def python(tmp_path: Path, code: str, name: str = "child") -> Process:
    return Process(name, [sys.executable, "-c", code], tmp_path / "log" / f"{name}.log")


def wait_until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_process_that_died_is_started_again_and_stopped_at_the_end(tmp_path):
    child = python(tmp_path, "import time; time.sleep(60)")
    with Supervisor(child) as supervisor:
        supervisor.check()
        first = child.process.pid
        os.kill(first, signal.SIGKILL)
        child.process.wait(10)
        assert not child.alive
        supervisor.check()
        assert child.alive
        assert child.process.pid != first
    assert not child.alive


def test_a_process_that_dies_at_once_every_time_is_given_up_with_the_end_of_its_log(tmp_path):
    child = python(tmp_path, "raise SystemExit('the port is taken')", name="web server")
    with Supervisor(child) as supervisor:
        for _ in range(2):
            child.process.wait(10)
            supervisor.check()
        child.process.wait(10)
        with pytest.raises(RuntimeError, match="web server died three times") as caught:
            supervisor.check()
    assert "the port is taken" in str(caught.value)


def test_stopping_takes_the_children_of_a_child_along(tmp_path):
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = python(tmp_path, code)
    parent.start()
    wait_until(lambda: parent.tail().strip())
    grandchild = psutil.Process(int(parent.tail()))
    parent.stop()
    assert not parent.alive
    wait_until(lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE)


def test_a_supervisor_that_is_told_to_terminate_stops_its_processes(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    child = python(tmp_path, "import time; time.sleep(60)")
    with pytest.raises(KeyboardInterrupt), Supervisor(child):
        signal.raise_signal(signal.SIGTERM)
    assert not child.alive
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_taken_port_is_not_chosen():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port
    assert free_port(port) == port


def test_a_server_that_never_answers_is_reported_with_its_address(tmp_path):
    port = free_port(0)
    with (
        Supervisor(python(tmp_path, "import time; time.sleep(60)")) as supervisor,
        pytest.raises(RuntimeError, match=f"did not answer at http://127.0.0.1:{port}/ within 0 s"),
    ):
        wait_until_serving(f"http://127.0.0.1:{port}/", supervisor, timeout=0.3)


def test_a_server_counts_as_serving_once_it_answers_with_anything_but_a_server_error(tmp_path):
    port = free_port(0)
    code = (
        "import http.server\n"
        "class Handler(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_error(404)\n"
        f"http.server.HTTPServer(('127.0.0.1', {port}), Handler).serve_forever()\n"
    )
    with Supervisor(python(tmp_path, code)) as supervisor:
        wait_until_serving(f"http://127.0.0.1:{port}/", supervisor, timeout=20)


def test_the_worker_of_the_shop_listens_to_every_queue_and_beats():
    command = list(worker_process(concurrency=3).command)
    assert command[command.index("--queues") + 1].split(",") == ["default", "embed", "rate", "train"]
    assert "--beat" in command
    assert command[command.index("--concurrency") + 1] == "3"
