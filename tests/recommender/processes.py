"""Processes that train together on this machine's loopback, forked so that they need no imports of their own."""

import multiprocessing
import os
import socket
from collections.abc import Callable
from datetime import timedelta

import torch

from recommender.ml.distributed import joined


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def in_processes(function: Callable[..., None], *arguments: object, size: int = 2) -> list[int | None]:
    """function(*arguments) in `size` processes, as torchrun would start them; returns their exit codes."""
    port, context = free_port(), multiprocessing.get_context("fork")
    processes = [context.Process(target=_begin, args=(rank, size, port, function, arguments)) for rank in range(size)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(100)
        if process.is_alive():
            process.kill()
            process.join()
    return [process.exitcode for process in processes]


def run_together(
    function: Callable[..., None], *arguments: object, size: int = 2, timeout: float = 60.0
) -> list[int | None]:
    """The same, in processes that joined each other. timeout: seconds that one waits for the others."""
    return in_processes(_join_and_run, timeout, function, arguments, size=size)


def _begin(rank: int, size: int, port: int, function: Callable[..., None], arguments: tuple[object, ...]) -> None:
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(size), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    function(*arguments)


def _join_and_run(timeout: float, function: Callable[..., None], arguments: tuple[object, ...]) -> None:
    with joined(timeout=timedelta(seconds=timeout)):
        function(*arguments)
