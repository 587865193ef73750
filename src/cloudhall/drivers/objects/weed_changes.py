"""The filer's log of metadata changes, read on from a cursor: each change once, in order of its stamp.

Read in batches, not followed live: pushing each event as it happens costs the engine 0.15 ms of CPU, a fifth of a
small put; the same events in one go cost a tenth of that (measured).

A cursor is a time (ns): all changes up to it were handed out. The filer stamps events uniquely, but may log two of the
same moment in the other order. So a batch ends `SETTLE_NS` ago, and is read on until a stamp is `SLACK_NS` later.

The filer writes its log to disk each minute, and in order at SIGTERM. After any other end of the engine or of
Cloudhall changes may be missing: `lost` remembers when, and a cursor from before it is told so once.
"""

import contextlib
import operator
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from cloudhall.drivers.objects import Change, Changes
from cloudhall.drivers.objects.trouble import not_answering
from cloudhall.drivers.objects.weed_count import ROOT, changes
from cloudhall.drivers.objects.weed_home import write_private
from cloudhall.drivers.objects.weed_pb2 import SubscribeMetadataRequest
from cloudhall.drivers.objects.weed_rpc import Connection, Filer, RpcError
from cloudhall.drivers.objects.weed_wire import Event, events

SETTLE_NS, SLACK_NS = 200_000_000, 50_000_000
BATCH = 10_000
"""Events read at a time; those of one moment stay together."""
SILENCE_S = 5.0
"""A filer that has nothing more to tell says so at once."""
Found = tuple[int, tuple[Change, ...]]
"""An event's stamp and what it changed; the event itself is let go of, as thousands kept cost the collector time."""


class ChangeLog:
    """The log of one engine."""

    method = "SubscribeMetadata"

    def __init__(self, filer: Filer, lost: Path) -> None:
        self._filer = filer
        self._lost_file = lost
        self._lost_ns = int(lost.read_text()) if lost.exists() else 0

    def after(self, cursor: int) -> Changes:
        """See `Objects.changes`."""
        return self._told(cursor) or self._between(cursor, time.time_ns() - SETTLE_NS)

    def mark_lost(self) -> None:
        """Tell every cursor of before now that it may have missed something."""
        self._lost_ns = time.time_ns()
        write_private(self._lost_file, str(self._lost_ns).encode())

    def _told(self, cursor: int) -> Changes | None:
        """What a cursor that may have missed something is told."""
        return Changes(self._lost_ns, (), lost=True) if cursor < self._lost_ns else None

    def _between(self, cursor: int, end: int) -> Changes:
        """Changes in `(cursor, end]`, a batch of them."""
        try:
            found, end = self._read(cursor, end)
        except (OSError, RpcError) as error:
            raise not_answering(error) from error
        return in_order(found, max(cursor, end))

    def _read(self, cursor: int, end: int) -> tuple[list[Found], int]:
        """What events with stamps in `(cursor, end]` changed, and that end; an earlier one when there are many."""
        found, read = list[Found](), 0
        for event in self._ask(cursor, end + SLACK_NS):
            if event.caught_up or event.ts_ns > end + SLACK_NS:
                break
            if event.ts_ns <= cursor:
                continue
            read += 1
            if parts := changes(event):
                found.append((event.ts_ns, parts))
            if read == BATCH:
                end = min(end, event.ts_ns)
        return [(ts_ns, parts) for ts_ns, parts in found if ts_ns <= end], end

    def _ask(self, since_ns: int, until_ns: int) -> Iterator[Event]:
        """A `SubscribeMetadata` with an id of its own; batches and "nothing more" are welcome.

        With `until` the filer ends a busy stream itself; it would log an error when we hung up on it.
        """
        with contextlib.closing(Connection(self._filer, SILENCE_S)) as line:
            for message in line.ask(self.method, subscription(since_ns, until_ns)):
                yield from events(message)


def subscription(since_ns: int, until_ns: int = 0) -> bytes:
    """A request for changes after a stamp, without end where `until_ns` is 0."""
    return SubscribeMetadataRequest(
        client_name="cloudhall",
        path_prefix=ROOT + "/",
        since_ns=since_ns,
        until_ns=until_ns,
        client_id=secrets.randbits(30),
        client_supports_batching=True,
        client_supports_idle_heartbeat=True,
    ).SerializeToString()


def in_order(found: list[Found], cursor: int) -> Changes:
    """Changes as the port hands them out."""
    found.sort(key=operator.itemgetter(0))
    return Changes(cursor, tuple(change for _, parts in found for change in parts))
