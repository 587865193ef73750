"""Usage from the engine's own counters (its Prometheus text), less what Cloudhall itself asked for.

The counters are exact: requests by type and answer, object bytes in and out, by bucket, each some microseconds after
its answer; they begin at 0 when the process starts. Two things need a ledger beside them. The engine counts our calls
too (making a bucket, setting its policy), so each is noted and taken off; both happen under one lock, so that no
reading falls between a call and its note. And it drops a bucket's counters some milliseconds after the bucket; a
bucket that is made again must count on.

Invariant: no counter that was read ever falls while the engine runs.
"""

import collections
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from types import TracebackType

from cloudhall.drivers.objects import BucketCounters, Counters

SERIES = re.compile(
    r"^SeaweedFS_s3_(?P<name>request_total|bucket_traffic_(?:sent|received)_bytes_total)"
    r'\{bucket="(?P<bucket>[^"]+)"(?:,code="(?P<code>\d+)",type="(?P<type>\w+)")?\} (?P<value>\S+)$',
    re.MULTILINE,
)
START = re.compile(r"^process_start_time_seconds (\S+)$", re.MULTILINE)
BYTES = {
    "bucket_traffic_sent_bytes_total": "sent_bytes",
    "bucket_traffic_received_bytes_total": "received_bytes",
}
FIELDS = BucketCounters.__struct_fields__
FORBIDDEN, SERVER_ERROR = 403, 500

Raw = dict[str, collections.Counter[str]]
"""The engine's counters as they stand: by bucket, by field of `BucketCounters`."""


class Ledger:
    """What to take off, and what was read. Hold it (`with ledger:`) from before a call until its note, and to read.

    Ledgers of gateways to one store share a lock: making or removing a bucket concerns all of them.
    """

    def __init__(self, lock: AbstractContextManager[bool] | None = None) -> None:
        self._lock: AbstractContextManager[bool] = lock or threading.RLock()
        self._own: collections.Counter[tuple[str, str]] = collections.Counter()
        self._last: dict[str, BucketCounters] = {}
        self._removed: set[str] = set()
        self._start_us = 0

    def __enter__(self) -> None:
        self._lock.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._lock.__exit__(kind, error, at)

    def note(self, method: str, path: str, status: int) -> None:
        """Remember one call of ours that was answered."""
        bucket = path.partition("?")[0].split("/")[1]
        if bucket and _billed(status):
            self._own[bucket, _class(method)] += 1

    def removed(self, bucket: str) -> None:
        """From here on the bucket's last reading stands, whatever the engine drops or counts."""
        self._removed.add(bucket)

    def making(self, bucket: str, scraped: Callable[[], Raw]) -> None:
        """A bucket is about to be made; when it was there before, count on from its last reading."""
        if bucket in self._removed:
            self._removed.remove(bucket)
            now, last = scraped()[bucket], self._last.get(bucket, BucketCounters())
            for field in FIELDS:
                self._own[bucket, field] = now[field] - getattr(last, field)

    def settle(self, raw: Raw) -> dict[str, BucketCounters]:
        """Readings for tenants."""
        for bucket in raw.keys() - self._removed:
            last = self._last.get(bucket, BucketCounters())
            counted = {field: raw[bucket][field] - self._own[bucket, field] for field in FIELDS}
            self._last[bucket] = BucketCounters(**{f: max(getattr(last, f), counted[f]) for f in FIELDS})
        return dict(self._last)

    def started(self, at_us: int) -> int:
        """When the engine's process started, as it said first.

        It reckons from the wall clock: once that was set it would seem another process, whose counters all count again.
        """
        self._start_us = self._start_us or at_us
        return self._start_us

    def forget(self) -> None:
        """Begin again at 0, as the engine's counters do when it starts."""
        with self._lock:
            self._start_us = 0
            self._own.clear()
            self._last.clear()
            self._removed.clear()


def read(text: str, ledger: Ledger) -> Counters:
    """One reading from one scrape. O(lines): some 30 a bucket and type of request seen in the last 10 minutes."""
    start = START.search(text)
    return Counters(
        process_start_us=ledger.started(int(Decimal(start[1]) * 1_000_000) if start else 0),
        read_at_us=time.time_ns() // 1_000,
        buckets=ledger.settle(raw(text)),
    )


def raw(text: str) -> Raw:
    """Parse one scrape."""
    found: Raw = collections.defaultdict(collections.Counter)
    for bucket, field, value in _values(text):
        found[bucket][field] += value
    return found


def _values(text: str) -> Iterator[tuple[str, str, int]]:
    for series in SERIES.finditer(text):
        value = int(Decimal(series["value"]))
        if series["name"] in BYTES:
            yield series["bucket"], BYTES[series["name"]], value
        elif _billed(int(series["code"])):
            yield series["bucket"], _class(series["type"]), value


def _billed(status: int) -> bool:
    """Whether an answer counts as usage: not what was refused, not what the engine failed at."""
    return status != FORBIDDEN and status < SERVER_ERROR


def _class(kind: str) -> str:
    """The engine counts HEAD under GET; everything else writes, copies, deletes or lists."""
    return "requests_b" if kind in ("GET", "HEAD") else "requests_a"
