"""scale: how seconds and memory of streaming and training grow with the interactions, and what that means for more.

Made-up shoppers and events are copied into a database of its own, which is dropped afterwards. Everything is measured
in a process of its own, on one core. Seconds are those of the processor: what else the machine does leaves them alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from fashionrec.benchmarks.scale_world import store_events, store_products
from fashionrec.benchmarks.scratch_database import scratch_database
from fashionrec.env import BASE_DIR
from recommender.ml.trainers import make_config

HELP = "Seconds and memory of streaming and training by the number of interactions, and what they extrapolate to"
SIZES = (10_000, 100_000, 1_000_000, 5_000_000)
KINDS = ("two_tower", "graphsage", "transition_knn")
PARAMETERS: dict[str, dict[str, Any]] = {"two_tower": {"batch_size": 1500}}
"""Where the defaults are for small shops; the same at every size, or the sizes could not be compared."""
EXTRAPOLATED = 50_000_000
FITTED_FROM = 100_000
"""Below, what does not grow hides what does."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--interactions", type=_numbers, default=SIZES, help="as in 10000,100000")
    parser.add_argument("--kinds", type=lambda text: tuple(text.split(",")), default=KINDS, help="as in two_tower,ease")
    parser.add_argument("--products", type=int, default=10_000, help="size of the catalogue (default 10,000)")
    parser.add_argument("--seconds", type=float, default=60.0, help="of an epoch that are computed, at most")
    parser.add_argument("--seed", type=int, default=0)


def run(
    *,
    interactions: tuple[int, ...],
    kinds: tuple[str, ...],
    products: int,
    seconds: float,
    seed: int,
    **_: Any,
) -> dict[str, Any]:
    """Raises ValueError for sizes that do not rise, an unknown kind, and a catalogue that is too small."""
    if not interactions or interactions[0] < 1 or sorted(set(interactions)) != list(interactions):
        raise ValueError(f"--interactions: received {interactions}, expected rising numbers above 0")
    for kind in kinds:
        make_config(kind, PARAMETERS.get(kind, {}))
    rows: list[dict[str, Any]] = []
    with scratch_database() as database, tempfile.TemporaryDirectory(dir=settings.DATA_DIR) as folder:
        product_ids = store_products(products, seed=seed)
        stored = events = 0
        for size in interactions:
            events += store_events(product_ids, interactions=size - stored, seed=seed + len(rows))
            stored = size
            rows.append({"interactions": size, "events": events, "measured": {}})
            snapshot = str(Path(folder) / "dataset.safetensors")
            measured = rows[-1]["measured"]
            measured["stream"] = _measured({"measure": "stream", "database": database, "snapshot": snapshot})
            if measured["stream"]["interactions"] != size:
                raise RuntimeError(f"stream: received {measured['stream']['interactions']} interactions of {size}")
            for kind in kinds:
                task = {"measure": "train", "kind": kind, "snapshot": snapshot, "at_most": seconds}
                measured[kind] = _measured(task | {"parameters": PARAMETERS.get(kind, {})})
            sys.stderr.write(f"{json.dumps(rows[-1])}\n")
    names = ["stream", *kinds]
    return {
        "rows": rows,
        "products": products,
        "parameters": {kind: PARAMETERS.get(kind, {}) for kind in kinds},
        "growth": {name: growth(rows, name) for name in names},
    }


def growth(rows: list[dict[str, Any]], name: str) -> dict[str, float] | None:
    """How a measurement grows through the two largest sizes: seconds as a power of the interactions, memory as a line.

    Smaller ones would bend it down: there what does not grow weighs more. None with less than two from FITTED_FROM on.
    """
    fitted = [row for row in rows if row["interactions"] >= FITTED_FROM][-2:]
    if len(fitted) < 2:
        return None
    sizes = np.array([row["interactions"] for row in fitted], dtype=float)
    seconds = np.array([_seconds(row["measured"][name]) for row in fitted])
    exponent, constant = np.polyfit(np.log(sizes), np.log(seconds), 1)
    memory = np.array([row["measured"][name]["own_mb"] for row in fitted])
    per_interaction = max(0.0, float((memory[1] - memory[0]) / (sizes[1] - sizes[0])))
    return {
        "exponent": float(exponent),
        "seconds": float(np.exp(constant + exponent * np.log(EXTRAPOLATED))),
        "bytes_per_interaction": per_interaction * (1 << 20),
        "own_mb": float(memory[1] + per_interaction * (EXTRAPOLATED - sizes[1])),
    }


def table(results: dict[str, Any]) -> str:
    names = list(results["growth"])
    lines = [
        f"{results['products']:,} products; CPU seconds of streaming (with the database's) or of one epoch, "
        "and MB of own memory at its peak",
        "| interactions | " + " | ".join(f"{name} s | MB" for name in names) + " |",
        "|---" * (1 + 2 * len(names)) + "|",
    ]
    for row in results["rows"]:
        cells = []
        for name in names:
            measured = row["measured"][name]
            share = measured.get("share", 1.0)
            partly = f" ({share:.0%} computed)" if share < 1 else ""
            cells.append(f"{_seconds(measured):.3g}{partly} | {measured['own_mb']:.0f}")
        lines.append(f"| {row['interactions']:,} | " + " | ".join(cells) + " |")
    if all(results["growth"].values()):
        grown = [results["growth"][name] for name in names]
        lines.append(
            f"| {EXTRAPOLATED:,}, extrapolated | "
            + " | ".join(f"{g['seconds']:.3g} | {g['own_mb']:.0f}" for g in grown)
            + " |"
        )
        lines.append(
            "exponent of the seconds: "
            + ", ".join(f"{n} {g['exponent']:.2f}" for n, g in zip(names, grown, strict=True))
        )
    return "\n".join(lines)


def _seconds(measured: dict[str, Any]) -> float:
    server = measured.get("database_seconds", 0.0)
    return float(measured["seconds"] + (0.0 if np.isnan(server) else server))


def _measured(task: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "fashionrec.benchmarks.scale_measurement", json.dumps(task)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{task}: the measurement ended with {done.returncode}")
    result: dict[str, Any] = json.loads(done.stdout.rstrip().rpartition("\n")[2])
    return result


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))
