"""Training by several processes at once: every one computes its share of the batches, gradients are averaged.

Each process holds the whole model and the whole data; only gradients travel (data parallelism, Li et al. 2020). One
process alone is a world of size 1, in which everything here does nothing: there is one training code.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch import distributed as dist

T = TypeVar("T")

TIMEOUT = timedelta(minutes=30)
"""How long a process waits for the others: the leader reads the shop's events meanwhile."""

_BLOCK = 1 << 24
"""Bytes of a file that are sent at a time."""


class ProcessLost(BaseException):
    """Another process of this training is gone, or did not answer in time.

    Like KeyboardInterrupt it says nothing against the training, which goes on from its checkpoint when it is started
    again; so it is no Exception.
    """


@dataclass(frozen=True)
class World:
    """rank: 0 … size − 1, this process among all; 0 leads: it alone writes checkpoints, artifacts and progress."""

    rank: int = 0
    size: int = 1


def world() -> World:
    if dist.is_available() and dist.is_initialized():
        return World(dist.get_rank(), dist.get_world_size())
    return World()


def leads() -> bool:
    return world().rank == 0


@contextmanager
def joined(*, timeout: timedelta = TIMEOUT) -> Iterator[World]:
    """The processes that torchrun started meet; gloo carries what is on CPUs, NCCL what is on GPUs.

    Reads RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT from the environment. Without them this process is the world.
    Raises ProcessLost when not all come within `timeout`.
    """
    if "WORLD_SIZE" not in os.environ:
        yield World()
        return
    if os.environ.get("MASTER_ADDR") in ("localhost", "127.0.0.1", "::1", socket.gethostname()):
        # All on one machine: gloo would otherwise look for an address of the host's name, which may lead nowhere.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo" if os.path.exists("/sys/class/net/lo") else "lo0")
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    on_gpu = torch.cuda.device_count() >= int(os.environ.get("LOCAL_WORLD_SIZE", size))
    if on_gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", rank)))
    with _expecting_all(rank, size):
        dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo", timeout=timeout)
    try:
        yield world()
    finally:
        dist.destroy_process_group()


def shared_steps(batches: int) -> int:
    """How many of `batches` batches each process computes."""
    return -(-batches // world().size)


def own_share(batches: Sequence[T]) -> Iterator[T]:
    """This process's batches of an epoch: every size-th, equally many for all, or they would wait for each other.

    What is left over in the last round is filled up with the first batches once more. All processes must pass the
    same batches in the same order.
    """
    here = world()
    for step in range(shared_steps(len(batches))):
        yield batches[(step * here.size + here.rank) % len(batches)]


def diverge(generator: torch.Generator) -> None:
    """From here on each process draws numbers of its own, which follow from those all drew alike; rank 0's are kept."""
    if rank := world().rank:
        seeds = np.random.SeedSequence([int(torch.randint(2**62, (1,), generator=generator)), rank])
        generator.manual_seed(int(seeds.generate_state(1, np.uint64)[0]))


@contextmanager
def averaged_gradients(optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """Inside, every step of the optimizer takes the mean of all processes' gradients.

    A parameter without a gradient here counts as 0 where another process has one, and has none where nobody does.
    """
    if world().size == 1:
        yield
        return
    handle = optimizer.register_step_pre_hook(lambda stepping, *_: _average_gradients(stepping))
    try:
        yield
    finally:
        handle.remove()


def mean_of_all(value: float) -> float:
    """The mean over processes, the same in each."""
    here = world()
    if here.size == 1:
        return value
    total = torch.tensor(value, dtype=torch.float64)
    _collective(lambda: dist.all_reduce(total))
    return float(total) / here.size


def from_leader(content: bytes | None) -> bytes:
    """The leader's `content`, in every process; what the others pass is ignored."""
    if world().size == 1:
        return content or b""
    received = torch.frombuffer(bytearray(content or b"\0"), dtype=torch.uint8)
    length = torch.tensor(len(content or b""))
    _collective(lambda: dist.broadcast(length, src=0))
    if not leads():
        received = torch.empty(int(length), dtype=torch.uint8)
    if not length:
        return b""
    _collective(lambda: dist.broadcast(received, src=0))
    return received.numpy().tobytes()


def send_file(path: Path) -> None:
    """Called by the leader while all others `receive_file`: machines need no shared folder."""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            from_leader(block)
    from_leader(b"")


def receive_file(path: Path) -> None:
    with path.open("wb") as file:
        while block := from_leader(None):
            file.write(block)


def _average_gradients(optimizer: torch.optim.Optimizer) -> None:
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    sparse = [parameter for parameter in parameters if parameter.grad is not None and parameter.grad.is_sparse]
    if sparse:
        raise ValueError(f"gradient: received a sparse one of shape {tuple(sparse[0].shape)}, expected a dense one")
    alike: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    for parameter in parameters:
        alike.setdefault((parameter.device, parameter.dtype), []).append(parameter)
    for (device, dtype), own in alike.items():
        # One message for all parameters, and behind them in how many processes each has a gradient at all.
        sizes = [parameter.numel() for parameter in own]
        flat = torch.zeros(sum(sizes) + len(own), device=device, dtype=dtype)
        *parts, having = flat.split([*sizes, len(own)])
        for index, (parameter, part) in enumerate(zip(own, parts, strict=True)):
            if parameter.grad is not None:
                part.copy_(parameter.grad.reshape(-1))
                having[index] = 1
        _collective(lambda message=flat: dist.all_reduce(message))  # type: ignore[misc]
        anywhere = having.tolist()
        flat /= world().size
        for index, (parameter, part) in enumerate(zip(own, parts, strict=True)):
            parameter.grad = part.view_as(parameter) if anywhere[index] else None


def _collective(call: Callable[[], Any]) -> None:
    here = world()
    with _expecting_all(here.rank, here.size):
        call()


@contextmanager
def _expecting_all(rank: int, size: int) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # what gloo, NCCL and the rendezvous raise
        raise ProcessLost(
            f"process {rank} of {size}: another process of this training is gone or does not answer: {error}"
        ) from error
