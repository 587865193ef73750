"""What every handler works with: the kernel, threads for reading, and a bell that rings at each commit.

Planning a change and reading one resource take well under a millisecond and run on the event loop; whatever walks
over rows runs in a few threads of its own, so that no list holds up the others. Log-ins have threads apart from those:
whoever tries passwords by the thousand makes nobody but other log-ins wait, and those not for long.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from cloudhall.kernel.errors import TooMany
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.text import T

READERS = 4
LOGINS = 2
LOGINS_WAITING_MAX = 40  # at some 50 ms of a core each, a second or two
P = ParamSpec("P")
R = TypeVar("R")


class Bell:
    """Wakes coroutines after a commit. Ringing costs the writer nothing while nobody listens."""

    def __init__(self) -> None:
        """Nobody listens yet."""
        self.closed = False
        self._listening: deque[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = deque()

    def ring(self) -> None:
        """Wake everybody who listened until now; called on the thread that commits, once for each loop."""
        waiting: dict[asyncio.AbstractEventLoop, list[asyncio.Event]] = {}
        for _ in range(len(self._listening)):
            loop, event = self._listening.popleft()
            waiting.setdefault(loop, []).append(event)
        for loop, heard_by in waiting.items():
            with contextlib.suppress(RuntimeError):  # a loop that has closed has nobody left to wake
                loop.call_soon_threadsafe(_set_all, heard_by)

    def listen(self) -> asyncio.Event:
        """Begin to listen. Look at the database after this and before waiting, so that no commit is missed."""
        event = asyncio.Event()
        if self.closed:
            event.set()
        self._listening.append((asyncio.get_running_loop(), event))
        return event

    def close(self) -> None:
        """End every wait: the server stops."""
        self.closed = True
        self.ring()


def _set_all(events: list[asyncio.Event]) -> None:
    for event in events:
        event.set()


class Host:
    """One kernel behind one HTTP interface."""

    def __init__(self, kernel: Kernel) -> None:
        """Listen to the store's commits."""
        self.kernel = kernel
        self.bell = Bell()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="api-read")
        self._logins = ThreadPoolExecutor(LOGINS, thread_name_prefix="api-login")
        self._logins_waiting = 0
        kernel.store.on_commit.append(self.bell.ring)

    async def read(self, run: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a function that walks over rows, on a thread of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, lambda: run(*args, **kwargs))

    async def log_in(self, run: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a function that hashes a password; raises `TooMany` where too many wait already."""
        if self._logins_waiting >= LOGINS_WAITING_MAX:
            raise TooMany(T("正在登录的人太多", "Too many log-ins at once"), retry_after_s=2)
        self._logins_waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._logins, lambda: run(*args, **kwargs))
        finally:
            self._logins_waiting -= 1

    def close(self) -> None:
        """End what waits and let the threads go."""
        self.bell.close()
        self._readers.shutdown(wait=False)
        self._logins.shutdown(wait=False)


async def heard(event: asyncio.Event, timeout_s: float) -> bool:
    """Wait for a bell; False where the time ran out first."""
    try:
        await asyncio.wait_for(event.wait(), timeout_s)
    except TimeoutError:
        return False
    return True
