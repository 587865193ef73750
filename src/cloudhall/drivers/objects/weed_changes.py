"""The filer's stream of metadata changes, followed by one thread and read in batches by cursor.

A cursor is the time stamp (ns) of the last event taken. The filer stamps each event once, unique and rising, but may
log two that happen together in the other order; so an event is handed out only when it is `SETTLE_NS` old, sorted,
and none is lost or doubled by resuming at any cursor that was handed out.

The filer keeps its log on disk, writes it each minute, and in order at SIGTERM. After any other end of the engine, or
of Cloudhall, events may be missing: `lost` remembers when, and a cursor from before it is told so once.
"""

import bisect
import contextlib
import logging
import secrets
import threading
import time
from pathlib import Path

from cloudhall.drivers.objects import Change, Changes
from cloudhall.drivers.objects.trouble import not_answering
from cloudhall.drivers.objects.weed_count import changes
from cloudhall.drivers.objects.weed_home import write_private
from cloudhall.drivers.objects.weed_rpc import Connection, Filer, RpcError
from cloudhall.drivers.objects.weed_wire import Event, events, integer, text

log = logging.getLogger("cloudhall.objects.weed")

SETTLE_NS = 200_000_000
BATCH = 1_000
"""Events handed out at a time."""
BUFFER = 20_000
"""Events held; beyond it the thread stops reading and the filer waits."""
SILENCE_S = 15.0
"""The filer sends a heartbeat each 5 s when there is nothing to tell."""
CAUGHT_UP_S = 5.0
RETRY_S = 0.5


class ChangeStream:
    """Follows from the first `after` on; `stop` ends it. The buffer holds what came since `_floor`, the last cursor."""

    def __init__(self, filer: Filer, lost: Path) -> None:
        self._filer = filer
        self._lost_file = lost
        self._lost_ns = int(lost.read_text()) if lost.exists() else 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._line: Connection | None = None
        self._redial = False
        self._stopped = False
        self._begin(0)

    def after(self, cursor: int) -> Changes:
        """See `Objects.changes`. The first call, and one with an older cursor, wait until the stream has caught up."""
        with self._changed:
            if cursor < self._lost_ns:
                return Changes(self._lost_ns, (), lost=True)
            self._follow_from(cursor)
            if not self._changed.wait_for(lambda: self._caught_up or len(self._events) >= BATCH, CAUGHT_UP_S):
                raise not_answering("metadata stream")
            settled_ns = time.time_ns() - SETTLE_NS
            settled = bisect.bisect_right(self._events, settled_ns, key=_stamp)
            batch = self._events[: min(settled, BATCH)]
            reached = batch[-1][0] if batch else cursor
            if settled <= BATCH:
                reached = max(reached, min(self._complete_ns, settled_ns))
            return Changes(reached, tuple(change for _, parts in batch for change in parts))

    def mark_lost(self) -> None:
        """Tell every cursor of before now that it may have missed something."""
        with self._changed:
            self._lost_ns = time.time_ns()
            write_private(self._lost_file, str(self._lost_ns).encode())

    def stop(self) -> None:
        """End the thread."""
        with self._changed:
            self._stopped = True
            self._hang_up()
        if self._thread:
            self._thread.join()

    def _begin(self, floor: int) -> None:
        self._floor = floor
        self._events: list[tuple[int, tuple[Change, ...]]] = []
        self._complete_ns = 0
        self._caught_up = False

    def _hang_up(self) -> None:
        if self._line:
            self._line.hang_up()
        self._line = None
        self._redial = True
        self._changed.notify_all()

    def _follow_from(self, cursor: int) -> None:
        """Drop what the cursor confirms; go back when it lies before what the buffer holds."""
        if self._thread is None:
            self._begin(cursor)
            self._thread = threading.Thread(target=self._run, name="weed-changes", daemon=True)
            self._thread.start()
        elif cursor < self._floor:
            self._begin(cursor)
            self._hang_up()
        else:
            del self._events[: bisect.bisect_right(self._events, cursor, key=_stamp)]
            self._floor = cursor
            self._changed.notify_all()

    def _run(self) -> None:
        while not self._stopped:
            with self._changed:
                self._redial = False
            try:
                self._read()
            except (OSError, RpcError) as error:
                log.debug("metadata stream: %s", error)  # the engine is down or starting
            with self._changed:
                self._changed.wait_for(lambda: self._stopped or self._redial, RETRY_S)

    def _read(self) -> None:
        """One subscription to its end, from the last cursor; what came before and was not confirmed comes again."""
        with contextlib.closing(Connection(self._filer, SILENCE_S)) as line:
            with self._changed:
                self._begin(self._floor)
                self._line = line
                since, began_ns = self._floor, time.time_ns()
            for message in line.ask("SubscribeMetadata", _request(since)):
                for event in events(message):
                    if not self._take(event, line, began_ns):
                        return

    def _take(self, event: Event, line: Connection, began_ns: int) -> bool:
        """Put an event into the buffer, when there is room; False when this subscription is over."""
        parts = changes(event)
        with self._changed:
            self._changed.wait_for(lambda: self._line is not line or len(self._events) < BUFFER)
            if self._line is not line:
                return False
            if parts and event.ts_ns > self._floor:
                bisect.insort(self._events, (event.ts_ns, parts), key=_stamp)
            self._complete_ns = max(self._complete_ns, event.ts_ns)
            heartbeat = event.ts_ns > 0 and event.old is None and event.new is None
            self._caught_up = self._caught_up or heartbeat or event.ts_ns > began_ns
            self._changed.notify_all()
            return True


def _stamp(event: tuple[int, tuple[Change, ...]]) -> int:
    return event[0]


def _request(since_ns: int) -> bytes:
    """A `SubscribeMetadataRequest`: name, prefix, since, a client id of this subscription, batches, heartbeats."""
    ours = text(1, "cloudhall") + text(2, "/buckets/") + integer(3, since_ns)
    return ours + integer(7, secrets.randbits(30)) + integer(11, 1) + integer(13, 1)
