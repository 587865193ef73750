"""Changes of all filers of a cluster, each filer's own followed from when it started.

Each filer logs what went through it, in its memory, and writes it to the shared disk each minute. Asked again and
again, as the single engine is, a filer would read that disk first and pass over what lies in its memory from before
the other's last minute; its sum of all filers' changes waits for the slowest minute and says some twice (both
measured). Followed from the start it never falls back to the disk, and says how far it has told everything.

Before the start everything is on the disk, if all filers stopped in order. A filer that died, or a stream that broke,
may have lost changes: `lost` remembers when.
"""

import contextlib
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from cloudhall.drivers.objects import Changes
from cloudhall.drivers.objects.trouble import not_answering
from cloudhall.drivers.objects.weed_changes import BATCH, SLACK_NS, ChangeLog, Found, in_order, subscription
from cloudhall.drivers.objects.weed_count import changes
from cloudhall.drivers.objects.weed_rpc import Connection, Filer, RpcError
from cloudhall.drivers.objects.weed_wire import Event, events
from cloudhall.kernel.errors import Unavailable

KEPT = 1_000_000
"""Changes of one filer that are kept for whoever has not read them; some 200 bytes each."""
SILENCE_S = 15.0
"""A filer without peers that are well says only each 5 s that there is nothing."""
AGAIN_S = 0.2


class Followed(ChangeLog):
    """The log of all filers, from `begin` to `close`. `runs` says whether a filer's process is there."""

    method = "SubscribeLocalMetadata"

    def __init__(self, filers: Mapping[str, Filer], lost: Path, runs: Callable[[str], bool]) -> None:
        super().__init__(next(iter(filers.values())), lost)
        self._streams = {name: _Stream(filer) for name, filer in filers.items()}
        self._runs = runs
        self._begun_ns = 0
        self._stopping = threading.Event()
        self._marking = threading.Lock()
        self._threads = [threading.Thread(target=self._follow, args=(n,), name=f"follow {n}") for n in filers]

    def begin(self) -> None:
        """Follow from now on; the filers serve, and nobody writes yet."""
        self._begun_ns = time.time_ns()
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Follow no more."""
        self._stopping.set()
        for stream in self._streams.values():
            stream.hang_up()
        for thread in self._threads:
            if thread.ident:
                thread.join()

    def after(self, cursor: int) -> Changes:
        """See `Objects.changes`."""
        if told := self._told(cursor):
            return told
        if cursor < self._begun_ns:
            return self._between(cursor, self._begun_ns)
        streams = [stream for name, stream in self._streams.items() if self._runs(name)]
        if not all(stream.through_ns for stream in streams) or not streams:
            raise not_answering("filers")
        end = min(stream.through_ns for stream in streams)
        if any(cursor < stream.forgotten_ns for stream in self._streams.values()):
            return Changes(end, (), lost=True)
        found = [one for stream in self._streams.values() for one in stream.between(cursor, end)]
        if len(found) > BATCH:
            end = sorted(stamp for stamp, _ in found)[BATCH]
            found = [one for one in found if one[0] <= end]
        return in_order(found, max(cursor, end))

    def _follow(self, name: str) -> None:
        """Read one filer's own changes until told to stop; a stream that broke may have missed some."""
        stream, since_ns = self._streams[name], self._begun_ns
        for attempt in itertools.count():
            if self._stopping.is_set():
                return
            with contextlib.suppress(OSError, RpcError):
                stream.read(since_ns, connected=self.mark_lost if attempt else _nothing)
            stream.through_ns = 0
            since_ns = time.time_ns()
            self._stopping.wait(AGAIN_S)

    def mark_lost(self) -> None:
        """See `ChangeLog.mark_lost`; without room to write it down, it holds as long as we run."""
        with self._marking, contextlib.suppress(Unavailable):
            super().mark_lost()


def _nothing() -> None:
    """Nothing was missed."""


class _Stream:
    """What one filer has told: all up to `through_ns` (0 while it is not followed), kept from `forgotten_ns` on."""

    def __init__(self, filer: Filer) -> None:
        self._filer = filer
        self._found: deque[Found] = deque(maxlen=KEPT)
        self._line: Connection | None = None
        self.through_ns = 0
        self.forgotten_ns = 0

    def read(self, since_ns: int, *, connected: Callable[[], None]) -> None:
        """Follow until the stream ends or breaks."""
        with contextlib.closing(Connection(self._filer, SILENCE_S)) as self._line:
            told = self._line.ask("SubscribeLocalMetadata", subscription(since_ns))
            connected()
            for message in told:
                for event in events(message):
                    if event.ts_ns > since_ns:
                        self._hear(event)

    def hang_up(self) -> None:
        """End the stream from another thread."""
        if self._line:
            self._line.hang_up()

    def between(self, cursor: int, end: int) -> list[Found]:
        """Changes in `(cursor, end]`. O(changes since)."""
        since = itertools.takewhile(lambda one: one[0] > cursor - SLACK_NS, reversed(self._found.copy()))
        return [one for one in since if cursor < one[0] <= end]

    def _hear(self, event: Event) -> None:
        """A heartbeat is a promise; after an event another of nearly the same moment may come."""
        if event.caught_up:
            self.through_ns = max(self.through_ns, event.ts_ns)
            return
        if parts := changes(event):
            if len(self._found) == KEPT:
                self.forgotten_ns = self._found[0][0]
            self._found.append((event.ts_ns, parts))
        self.through_ns = max(self.through_ns, event.ts_ns - SLACK_NS)
