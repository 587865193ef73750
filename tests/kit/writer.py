"""The store's one writer, held still: what is queued meanwhile was planned on one and the same state."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cloudhall.kernel.store import Store, Tx

WAIT_S = 10


@contextmanager
def held(store: Store) -> Iterator[None]:
    """Queue nothing past the writer until the block ends; then all of it goes in one group."""
    begun, go = threading.Event(), threading.Event()

    def job(_tx: Tx) -> None:
        begun.set()
        go.wait(WAIT_S)

    store.write(job)
    begun.wait(WAIT_S)
    try:
        yield
    finally:
        go.set()
