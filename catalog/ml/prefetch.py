"""Work done ahead of who needs it, on a few threads."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS = min(4, os.cpu_count() or 1)


def map_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], *, threads: int = THREADS, ahead: int = 32
) -> Iterator[Result]:
    """`map`, in order, with at most `ahead` results computed or being computed before they are asked for.

    Threads, not processes: Pillow lets go of the interpreter while it decodes, resizes and converts (of 460 ms of
    decoding another thread waited 13 to 58), and a prefork Celery worker is daemonic, so it may have no children.
    An exception of `function` is raised where its result would come.
    """
    remaining = iter(items)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="prefetch")
    pending: deque[Future[Result]] = deque()
    try:
        while True:
            while len(pending) < ahead:
                try:
                    pending.append(pool.submit(function, next(remaining)))
                except StopIteration:
                    break
            if not pending:
                return
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
