"""Usage of the object store: stored bytes and objects from its change stream, requests and traffic from its counters.

Two collectors and their two hot tables. Stored bytes are exact to the byte; a request is counted once, in the interval
between two readings of the counters. When the engine was killed, the time between the last reading and its new start
is a gap for every bucket: nobody invents what happened in it.
"""

from collections.abc import Mapping

import msgspec

from cloudhall.domains.storage import recount, stored
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.drivers.objects import OBJECTS, BucketCounters, Change, Counters, Objects
from cloudhall.kernel import levels
from cloudhall.kernel.collect import Collected, Collection, Collector
from cloudhall.kernel.metering import Gap, Reading
from cloudhall.kernel.store import Tx

STORED = "storage.stored"
REQUESTS = "storage.requests"
COUNTED = ("storage.requests_a", "storage.requests_b", "storage.sent_bytes")
MICRO = 1_000_000
PAGES_MAX = 50  # of the change stream in one turn; the rest follows in the next

SCHEMA = """
CREATE TABLE storage_counter (
  bucket TEXT PRIMARY KEY, requests_a INTEGER NOT NULL, requests_b INTEGER NOT NULL, sent_bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""


def collect_stored(c: Collection) -> Collected:
    """Follow the change stream; each change closes a stretch of the bucket's level."""
    objects = c.use(OBJECTS)
    if "changes" in objects.lacks:
        return Collected(position=c.position)
    changes, cursor, lost = _read_on(objects, int(c.position.get("cursor", 0)))
    buckets = _by_name(c)  # after their changes, so that none is of a bucket not known yet
    settled = recount.settle({} if lost else c.position.get("recount", {}), changes, cursor // 1_000)
    pending = settled.waiting | recount.count(objects, buckets if lost else settled.again)

    def write(tx: Tx) -> None:
        for x in changes:
            stored.add(tx, x.bucket, x.bytes_delta, x.objects_delta)
            _follow(tx, buckets.get(x.bucket), x.at_us)
        for name, (size, count) in settled.exact.items():
            stored.put(tx, name, size, count)
            _follow(tx, buckets.get(name), cursor // 1_000)
        levels.known_until(tx, STORED, cursor // 1_000)

    touched = {x.bucket for x in changes} | settled.exact.keys()
    wake = tuple((Bucket.meta.key, buckets[name].id) for name in touched if name in buckets)
    return Collected(position={"cursor": cursor, "recount": pending}, wake=wake, also=write)


def _read_on(objects: Objects, cursor: int) -> tuple[list[Change], int, bool]:
    """Changes behind a cursor, where they end, and whether some may be missing."""
    changes: list[Change] = []
    lost = False
    for _ in range(PAGES_MAX):
        page = objects.changes(cursor)
        changes, cursor, lost = changes + list(page.items), page.cursor, lost or page.lost
        if not page.items and not page.lost:
            break
    return changes, cursor, lost


def _follow(tx: Tx, bucket: Bucket | None, at_us: int) -> None:
    """Let the level of a bucket be what its running total says from a time on."""
    if bucket is not None:
        size, _ = stored.of_bucket(tx, bucket.name)
        levels.set_level(tx, STORED, bucket.id, "storage.stored_bytes", bucket.place, max(0, size), at_us)


def collect_requests(c: Collection) -> Collected:
    """Read the counters: what grew since the last reading is one reading a bucket and meter."""
    if "counters" in c.use(OBJECTS).lacks:
        return Collected(position=c.position)
    counters, buckets = _read(c), _by_name(c)
    before = _last_counters(c.tx) if c.position.get("process_start_us") == counters.process_start_us else {}
    since_us = int(c.position.get("read_at_us", 0)) if before or c.position else 0
    restarted = bool(c.position) and c.position["process_start_us"] != counters.process_start_us
    if not restarted and counters.read_at_us <= since_us:
        return Collected(position=c.position)
    from_us = counters.process_start_us if restarted or not since_us else since_us
    readings = [
        r
        for name, now in counters.buckets.items()
        if name in buckets
        for r in _readings(buckets[name], counters, from_us, before.get(name, BucketCounters()), now)
    ]
    cause = "engine_stopped" if c.position.get("orderly") else "engine_killed"
    gaps = _gaps(buckets, since_us, counters.process_start_us, cause) if restarted else []
    wake = tuple((Bucket.meta.key, id_) for id_ in {r.resource for r in readings})
    return Collected(
        readings=tuple(readings),
        gaps=tuple(gaps),
        position={
            "process_start_us": counters.process_start_us,
            "read_at_us": counters.read_at_us,
            "orderly": c.last,
        },
        wake=wake,
        also=lambda tx: _keep_counters(tx, counters),
    )


def _read(c: Collection) -> Counters:
    """Read the counters, at a time that never runs backwards: the engine's clock may have been set back meanwhile."""
    counters = c.use(OBJECTS).counters()
    return msgspec.structs.replace(counters, read_at_us=max(counters.read_at_us, c.now_us))


def _readings(
    bucket: Bucket, counters: Counters, from_us: int, before: BucketCounters, now: BucketCounters
) -> list[Reading]:
    grown = {
        "storage.requests_a": (now.requests_a - before.requests_a) * MICRO,
        "storage.requests_b": (now.requests_b - before.requests_b) * MICRO,
        "storage.sent_bytes": now.sent_bytes - before.sent_bytes,
    }
    return [
        Reading(
            source=REQUESTS,
            source_id=f"{counters.process_start_us}/{counters.read_at_us}/{bucket.id}/{meter}",
            meter=meter,
            resource=bucket.id,
            project=bucket.place,
            from_us=max(from_us, min(bucket.created_us, counters.read_at_us - 1)),
            to_us=counters.read_at_us,
            quantity_micro=quantity,
        )
        for meter, quantity in grown.items()
        if quantity > 0 and counters.read_at_us > from_us
    ]


def _gaps(buckets: Mapping[str, Bucket], from_us: int, to_us: int, cause: str) -> list[Gap]:
    """The time between the last reading and the engine's new start, for each bucket that was there and each meter."""
    return [
        Gap(
            source=REQUESTS,
            source_id=f"{to_us}/{bucket.id}/{meter}",
            meter=meter,
            resource=bucket.id,
            project=bucket.place,
            from_us=max(from_us, bucket.created_us),
            to_us=to_us,
            cause=cause,
        )
        for bucket in buckets.values()
        for meter in COUNTED
        if to_us > max(from_us, bucket.created_us)
    ]


def _last_counters(tx: Tx) -> dict[str, BucketCounters]:
    rows = tx.execute("SELECT bucket, requests_a, requests_b, sent_bytes FROM storage_counter")
    return {name: BucketCounters(requests_a=a, requests_b=b, sent_bytes=sent) for name, a, b, sent in rows}


def _keep_counters(tx: Tx, counters: Counters) -> None:
    tx.execute("DELETE FROM storage_counter")
    tx.executemany(
        "INSERT INTO storage_counter VALUES (?, ?, ?, ?)",
        [(name, b.requests_a, b.requests_b, b.sent_bytes) for name, b in counters.buckets.items()],
    )


def _by_name(c: Collection) -> dict[str, Bucket]:
    """Buckets in the recycle bin too: what they hold is stored."""
    return {b.name: b for b in (*c.list(Bucket), *c.kept(Bucket))}


COLLECTORS = (
    Collector(name=STORED, every_s=2, collect=collect_stored),
    Collector(name=REQUESTS, every_s=10, collect=collect_requests),
)
