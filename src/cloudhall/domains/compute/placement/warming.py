"""Compiling aside: until the machine code is there, decisions are made by NumPy, and are the same ones.

The first process of an installation compiles for some seconds; a machine need not wait for that.
"""

import threading
from collections.abc import Callable

_begun = threading.Lock()
_done = threading.Event()
_compiled = threading.Event()


def begin(work: Callable[[], None]) -> None:
    """Do `work` once a process, in a thread that the interpreter waits for at its end."""
    if _begun.acquire(blocking=False):
        threading.Thread(target=_finish, args=(work,), name="placement-compile").start()


def _finish(work: Callable[[], None]) -> None:
    try:
        work()
        _compiled.set()
    finally:
        _done.set()


def wait() -> None:
    """Wait until everything is compiled, if that was begun."""
    if _begun.locked():
        _done.wait()


def is_done() -> bool:
    """Whether everything is compiled."""
    return _compiled.is_set()
