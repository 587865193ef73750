"""Clock, chance and fault points behind one interface, so that a seed replays a whole run.

Invariant: nothing in kernel or domains asks `time`, `random` or `secrets` itself.
Times are integers in microseconds since 1970 (UTC); they never run backwards within a process.
"""

import random
import secrets
import threading
import time
from collections.abc import Callable

SECOND_US = 1_000_000


class World:
    """The real world. `Simulated` is the same with a clock that only moves when told."""

    def __init__(self) -> None:
        """Start at the wall clock."""
        self._last_us = 0
        self._slow_since_us = self._ticks_us()
        self._lock = threading.Lock()
        self.fault: Callable[[str], None] = _no_fault

    def now_us(self) -> int:
        """Wall clock in microseconds. Where it was set back, time goes on at half its pace until it has caught up.

        Running backwards would turn intervals inside out; holding still would stop every retry until then.
        """
        with self._lock:
            halves_us = (self._ticks_us() - self._slow_since_us) // 2
            slow_us, wall_us = self._last_us + halves_us, self._wall_us()
            self._last_us = max(slow_us, wall_us)
            self._slow_since_us = self._slow_since_us + 2 * halves_us if slow_us > wall_us else self._ticks_us()
            return self._last_us

    def _wall_us(self) -> int:
        """What somebody has set the machine's clock to."""
        return time.time_ns() // 1_000

    def _ticks_us(self) -> int:
        """Microseconds of a clock that nobody sets."""
        return time.monotonic_ns() // 1_000

    def random_bytes(self, n: int) -> bytes:
        """Unpredictable bytes, for ids and secrets."""
        return secrets.token_bytes(n)

    def jitter(self) -> float:
        """Uniform in [0, 1); spreads retries."""
        return random.random()  # noqa: S311  spreads load, guards nothing

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class Simulated(World):
    """A world that replays: clock, ids and jitter follow from the seed."""

    def __init__(self, seed: int = 0, start_us: int = 1_767_225_600 * SECOND_US) -> None:
        """Begin at `start_us` (2026-01-01 UTC)."""
        super().__init__()
        self._random = random.Random(seed)  # noqa: S311  replayable on purpose
        self._clock_us = start_us

    def now_us(self) -> int:
        """Advance one microsecond a look, so that two events never share a time."""
        with self._lock:
            self._clock_us += 1
            return self._clock_us

    def advance(self, seconds: float) -> None:
        """Move the clock."""
        with self._lock:
            self._clock_us += int(seconds * SECOND_US)

    def random_bytes(self, n: int) -> bytes:
        """Bytes that follow from the seed."""
        return self._random.randbytes(n)

    def jitter(self) -> float:
        """Follow the seed."""
        return self._random.random()

    def sleep(self, seconds: float) -> None:
        """Move the clock instead of waiting."""
        self.advance(seconds)


def _no_fault(_point: str) -> None:
    """Replaced by the fault kit: crashes, repeats or interferes at the named point."""
