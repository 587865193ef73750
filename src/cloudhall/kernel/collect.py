"""Collectors: what reads engines' counters and streams, on a clock, and turns them into readings.

A collector is a function of a domain. It sees where it stood (`position`), reads its port, and answers readings, gaps
and the new position; the kernel writes the three in one transaction, so a crash repeats a collection and never loses
or doubles one.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from cloudhall.kernel import bin as bin_
from cloudhall.kernel import metering
from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.look import Reader
from cloudhall.kernel.ports import Port
from cloudhall.kernel.store import Tx

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

log = logging.getLogger(__name__)
P = TypeVar("P")
K = TypeVar("K", bound=Kind[Any, Any])


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What one collection found; `wake` names resources to look at again, `also` writes the domain's own hot table."""

    readings: tuple[metering.Reading, ...] = ()
    gaps: tuple[metering.Gap, ...] = ()
    position: dict[str, Any] = {}
    wake: tuple[tuple[str, str], ...] = ()
    also: Callable[[Tx], None] | None = None


class Collector(msgspec.Struct, frozen=True, kw_only=True):
    """A declared collector: its name is the source of its readings."""

    name: str
    every_s: float
    collect: Callable[["Collection"], Collected]


class Collection:
    """What a collector may read."""

    def __init__(self, kernel: "Kernel", position: dict[str, Any], *, last: bool = False) -> None:
        """`position` is what the last collection answered, empty at first; `last`: the engine is stopped next."""
        self.kernel, self.position, self.last = kernel, position, last
        self.now_us: int = kernel.world.now_us()
        self._look = Reader(kernel.store.read(), kernel.tables, "collector", self.now_us)

    def use(self, port: Port[P]) -> P:
        """Return the driver behind a port; a collector calls reading methods only."""
        return cast("P", self.kernel.drivers[port.name])

    @property
    def tx(self) -> Tx:
        """Connection that reads."""
        return self._look.tx

    def list(self, kind: type[K], **where: object) -> Sequence[K]:
        """Live rows by indexed spec fields."""
        return self._look.list(kind, {f"spec.{k}": v for k, v in where.items()}, limit=100_000)

    def kept(self, kind: type[K]) -> Sequence[K]:
        """Rows in the recycle bin: out of everybody's reach, and engines still hold what is theirs."""
        return cast("Sequence[K]", bin_.all_of(self.kernel.tables, self.tx, kind.meta.key))


class Clock:
    """Runs functions every so often, each in a thread of its own, until stopped."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def every(self, seconds: float, name: str, run: Callable[[], object]) -> None:
        """Call `run` now and then every `seconds`; a failure is logged and the next turn comes all the same."""
        thread = threading.Thread(target=self._loop, args=(seconds, name, run), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """Let each finish its turn."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=5)

    def _loop(self, seconds: float, name: str, run: Callable[[], object]) -> None:
        while not self._stopping.is_set():
            try:
                run()
            except CloudhallError as error:
                log.warning("%s: %s; next turn in %s s", name, error, seconds)
            except Exception:
                log.exception("%s failed; next turn in %s s", name, seconds)
            self._stopping.wait(seconds)
