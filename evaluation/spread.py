"""Spreads pure work over the cores, in batches, with no more read ahead than is being worked on."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain, islice
from multiprocessing import get_context
from typing import TypeVar

#: A batch ends at either.
MOST_ITEMS = 200
MOST_BYTES = 16 * 1024 * 1024

Item = TypeVar("Item")
Result = TypeVar("Result")


def batched(
    items: Iterable[Item], size_of: Callable[[Item], int], *, most: int = MOST_ITEMS
) -> Iterator[list[Item]]:
    """The items in batches that are bounded in number and in bytes."""
    batch: list[Item] = []
    size = 0
    for item in items:
        batch.append(item)
        size += size_of(item)
        if len(batch) >= most or size >= MOST_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def spread(
    work: Callable[[list[Item]], Result], batches: Iterable[list[Item]]
) -> Iterator[Result]:
    """What `work` makes of each batch, in their order.

    Other processes are started only where there is more than one batch; `work`, what it takes and
    what it gives must be of a kind that can be sent to them.
    """
    source = iter(batches)
    first = list(islice(source, 2))
    if len(first) < 2:
        yield from map(work, first)
        return
    cores = os.cpu_count() or 1
    # Fresh processes: copies of this one would hold copies of its threads' locks.
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        pending: deque[Future[Result]] = deque()
        for batch in chain(first, source):
            pending.append(pool.submit(work, batch))
            if len(pending) > cores:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
