"""One measurement of `benchmark scale`, in a process of its own, so that its memory is its own.

python -m fashionrec.benchmarks.scale_measurement JSON: reads what to measure, ends with the result as JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import django
import psutil

STEPPED = {
    "two_tower": ("recommender.ml.sequences", "SequenceBatches"),
    "graphsage": ("recommender.ml.graph_batches", "SupervisionBatches"),
}
"""Kinds that learn in steps, and the class whose `epoch` gives the batches of an epoch and `steps` their number."""

MEGABYTE = 1 << 20


class Enough(Exception):
    """The share of an epoch that was asked for is measured."""


@contextmanager
def peak_memory() -> Iterator[dict[str, float]]:
    """Fills in, at the end, how far this process's memory rose above what it had before, in MB.

    own_mb: what nobody else can give back. mapped_mb: the most pages of files in memory at once; they make room when
    others need it. Looked at a hundred times a second.
    """
    process, stopped = psutil.Process(), threading.Event()
    peak: dict[str, float] = {}

    def look() -> tuple[float, float]:
        memory = process.memory_info()
        shared = getattr(memory, "shared", 0)
        return (memory.rss - shared) / MEGABYTE, shared / MEGABYTE

    own_before, mapped_before = look()
    highest = [own_before, mapped_before]

    def watch() -> None:
        while not stopped.wait(0.01):
            for index, value in enumerate(look()):
                highest[index] = max(highest[index], value)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        stopped.set()
        thread.join()
        peak |= {"own_mb": highest[0] - own_before, "mapped_mb": highest[1] - mapped_before, "imports_mb": own_before}


def measure_stream(*, database: str, snapshot: str) -> dict[str, Any]:
    """Streams the shop's events to a snapshot. Seconds of this process, and of the database's on the same machine."""
    from django.db import connection

    from recommender.datasets import build_dataset

    connection.settings_dict["NAME"] = database
    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")  # one core
        cursor.execute("SELECT pg_backend_pid()")
        backend = _server_process(cursor.fetchone()[0])
    began, server_began = time.process_time(), _cpu_seconds(backend)
    with peak_memory() as peak:
        dataset = build_dataset()
        dataset.save(Path(snapshot))
    return {
        "seconds": time.process_time() - began,
        "database_seconds": _cpu_seconds(backend) - server_began,
        "interactions": len(dataset.interactions.user),
        "file_mb": Path(snapshot).stat().st_size / MEGABYTE,
        **peak,
    }


def measure_training(*, kind: str, snapshot: str, parameters: dict[str, Any], at_most: float) -> dict[str, Any]:
    """CPU seconds of getting ready and of one epoch, of which no more than `at_most` seconds are computed."""
    from recommender.datasets import Dataset
    from recommender.ml.trainers import TRAINERS, train

    TRAINERS[kind].config_class()  # imports what the kind needs: it is not what is measured
    interactions = Dataset.load(Path(snapshot)).interactions
    clock: dict[str, float] = {"began": time.process_time()}
    if kind in STEPPED:
        module, name = STEPPED[kind]
        _stop_early(getattr(import_module(module), name), clock, at_most)
        parameters = {**parameters, "epochs": 1}
    with tempfile.TemporaryDirectory() as folder, peak_memory() as peak:
        try:
            train(kind, interactions, parameters, directory=Path(folder))
        except Enough:
            pass
    if kind not in STEPPED:
        return {"seconds": time.process_time() - clock["began"], "share": 1.0, **peak}
    per_step = (clock["stepped"] - clock["first"]) / clock["done"]
    return {
        "ready_seconds": clock["entered"] - clock["began"],
        "seconds": clock["first"] - clock["entered"] + per_step * clock["steps"],
        "share": clock["done"] / clock["steps"],
        **peak,
    }


def _stop_early(batches: Any, clock: dict[str, float], at_most: float) -> None:
    """Makes the class's epochs note when they begin and step, and end with Enough after `at_most` seconds."""
    whole = batches.epoch

    def epoch(self: Any, rng: Any) -> Iterator[Any]:
        clock.update(entered=time.process_time(), steps=self.steps, done=0)
        for batch in whole(self, rng):
            clock.setdefault("first", time.process_time())
            yield batch
            clock.update(stepped=time.process_time(), done=clock["done"] + 1)
            if clock["stepped"] - clock["first"] > at_most:
                raise Enough
        raise Enough  # exporting takes the same at every size

    batches.epoch = epoch


def _server_process(pid: int) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
    except psutil.Error:
        return None
    return process if "postgres" in process.name() else None


def _cpu_seconds(process: psutil.Process | None) -> float:
    if process is None:
        return float("nan")
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    django.setup()
    task = json.loads(sys.argv[1])
    measures: dict[str, Callable[..., dict[str, Any]]] = {"stream": measure_stream, "train": measure_training}
    measure = measures[task.pop("measure")]
    sys.stdout.write("\n" + json.dumps(measure(**task)) + "\n")


if __name__ == "__main__":
    main()
