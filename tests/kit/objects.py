"""A small object store in memory that keeps the contract of the port `objects`: for the kits, where an engine is slow.

It is a real implementation, not a stand-in that answers what a test wants: buckets refuse to go while they hold
anything, keys work with exactly the rights that were set, each change of bytes is in the change stream once. What a
client does goes through `put`, `get` and `remove` with a key, as it would over S3. It outlives the kernel in front of
it, as an engine does.
"""

import copy
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

import msgspec

from cloudhall.domains.storage.rules import name_problems
from cloudhall.drivers.objects import (
    REGION,
    BucketCounters,
    BucketSeen,
    Change,
    Changes,
    Counters,
    Held,
    IdentitiesSet,
    Identity,
    Key,
    Right,
    Stored,
    digest,
)
from cloudhall.drivers.objects.trouble import lacking
from cloudhall.kernel.errors import Conflict, Invalid, NotFound, Unavailable
from cloudhall.kernel.text import T
from cloudhall.kernel.world import World

BATCH = 100
OWN = Key("cloudhall", "the program's own")


class Refused(Exception):
    """What a client gets for a key that is unknown or lacks the right: 403 on the wire."""


class _Bucket(msgspec.Struct):
    seen: BucketSeen
    objects: dict[str, int] = {}
    locked: set[str] = set()
    requests_a: int = 0
    requests_b: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0


class MemoryObjects:
    """Buckets, keys, counters and changes, under one lock. `away` calls fail before it answers again."""

    lacks: frozenset[str] = frozenset()
    endpoint = "http://127.0.0.1:8333"
    region = REGION

    @property
    def contents(self) -> NoReturn:
        """It keeps sizes and no bytes, so people find nothing to look at."""
        raise lacking("contents")

    def __init__(self, world: World) -> None:
        """Serves at once; `down` is for tests that stop the engine under the kernel."""
        self.world, self.down, self.away = world, False, 0
        self._lock = threading.RLock()
        self._buckets: dict[str, _Bucket] = {}
        self._identities: tuple[Identity, ...] = ()
        self._changes: list[Change] = []
        self._started_us = world.now_us()

    def start(self) -> None:
        """Serve again, with counters at 0 as a new process has them."""
        self.down, self._started_us = False, self.world.now_us()
        for bucket in self._buckets.values():
            bucket.requests_a = bucket.requests_b = bucket.sent_bytes = bucket.received_bytes = 0

    def stop(self) -> None:
        self.down = True

    def healthy(self) -> bool:
        return not self.down

    def seen(self, bucket: str) -> BucketSeen | None:
        with self._serving():
            found = self._buckets.get(bucket)
            return found.seen if found else None

    def ensure_bucket(self, bucket: str) -> None:
        with self._serving():
            if found := list(name_problems(bucket)):
                raise Invalid(found[0].text, problems=tuple(found))
            blank = BucketSeen(versioning=False, public_read=False, tags={}, quota_bytes=None)
            self._buckets.setdefault(bucket, _Bucket(blank))

    def set_versioning(self, bucket: str, on: bool) -> None:
        self._set(bucket, versioning=on)

    def set_public_read(self, bucket: str, on: bool) -> None:
        self._set(bucket, public_read=on)

    def set_tags(self, bucket: str, tags: Mapping[str, str]) -> None:
        self._set(bucket, tags=dict(tags))

    def set_quota_bytes(self, bucket: str, quota_bytes: int | None) -> None:
        self._set(bucket, quota_bytes=quota_bytes)

    def remove_objects(self, bucket: str, limit: int) -> int:
        with self._serving():
            held = self._of(bucket)
            gone = sorted(held.objects.keys() - held.locked)[:limit]
            if held.objects and not gone:
                raise Conflict(T("引擎保护着这些版本", "These versions are protected"), reason="retained")
            self._drop(bucket, gone)
            return len(gone)

    def remove_bucket(self, bucket: str) -> None:
        with self._serving():
            found = self._buckets.get(bucket)
            if found is not None and found.objects:
                raise Conflict(T(f"存储桶 {bucket} 不是空的", f"The bucket {bucket} is not empty"))
            self._buckets.pop(bucket, None)

    def set_identities(self, identities: Sequence[Identity]) -> IdentitiesSet:
        with self._serving():
            for one in ("name", "access_key"):
                named = [getattr(i, one) for i in identities]
                if len(set(named)) < len(named) or "" in named:
                    raise Invalid(T("身份重复或为空", "Identities are doubled or empty"))
            self._identities = tuple(identities)
            return IdentitiesSet(self.identities_digest(), in_step=True)

    def identities_digest(self) -> str:
        with self._serving():
            return digest(self._identities)

    def buckets(self) -> Mapping[str, BucketSeen]:
        with self._serving():
            return {name: bucket.seen for name, bucket in self._buckets.items()}

    def keys(self) -> Mapping[str, frozenset[str]]:
        with self._serving():
            return {
                i.access_key: frozenset(f"{right}:{bucket}" for bucket, rights in i.rights.items() for right in rights)
                for i in self._identities
            }

    def counters(self) -> Counters:
        with self._serving():
            read = {
                name: BucketCounters(
                    requests_a=b.requests_a,
                    requests_b=b.requests_b,
                    sent_bytes=b.sent_bytes,
                    received_bytes=b.received_bytes,
                )
                for name, b in self._buckets.items()
            }
            return Counters(process_start_us=self._started_us, read_at_us=self.world.now_us(), buckets=read)

    def changes(self, after: int) -> Changes:
        """A cursor is a time in ns; all changes up to it were handed out."""
        with self._serving():
            items = tuple(c for c in self._changes if c.at_us * 1_000 > after)
            if len(items) > BATCH:
                return Changes(cursor=items[BATCH - 1].at_us * 1_000, items=items[:BATCH])
            return Changes(cursor=self.world.now_us() * 1_000, items=items)

    def held(self, bucket: str) -> Held:
        with self._serving():
            found = self._buckets.get(bucket)
            return Held(retained=len(found.locked)) if found else Held()

    def lock(self, bucket: str, *names: str) -> None:
        """Put objects under retention, as whoever runs the engine can; without names let all of them go."""
        self._of(bucket).locked = set(names)

    def stored(self, bucket: str) -> Stored:
        with self._serving():
            held = self._of(bucket).objects
            began = self.world.now_us()
            return Stored(bytes=sum(held.values()), objects=len(held), began=began, ended=self.world.now_us())

    # What clients do, over S3 in the real engine.

    def put(self, key: Key, bucket: str, name: str, size: int) -> None:
        """Store an object; `Refused` without the right to write."""
        with self._serving():
            held = self._allowed(key, bucket, "write")
            held.requests_a, held.received_bytes = held.requests_a + 1, held.received_bytes + size
            before = held.objects.get(name)
            held.objects[name] = size
            self._changed(bucket, size - (before or 0), int(before is None))

    def get(self, key: Key, bucket: str, name: str) -> int:
        """Read an object; answers its size."""
        with self._serving():
            held = self._allowed(key, bucket, "read")
            held.requests_b, held.sent_bytes = held.requests_b + 1, held.sent_bytes + held.objects[name]
            return held.objects[name]

    def names(self, key: Key, bucket: str) -> list[str]:
        """List a bucket."""
        with self._serving():
            return sorted(self._allowed(key, bucket, "list").objects)

    def remove(self, key: Key, bucket: str, names: Iterable[str]) -> None:
        """Delete objects; one that is gone is no error, as in S3."""
        with self._serving():
            self._allowed(key, bucket, "write").requests_a += 1
            self._drop(bucket, names)

    def keys_in_force(self) -> dict[str, Identity]:
        """Every key that works now, by its id."""
        return {i.access_key: i for i in self._identities}

    @property
    def names_of_buckets(self) -> set[str]:
        """What is there, also while it does not serve."""
        return set(self._buckets)

    def copied(self, world: World) -> "MemoryObjects":
        """Another store in the same state, by another clock."""
        with self._lock:
            other = MemoryObjects(world)
            other._buckets, other._changes = copy.deepcopy(self._buckets), list(self._changes)
            other._identities, other._started_us = self._identities, self._started_us
            return other

    def _drop(self, bucket: str, names: Iterable[str]) -> None:
        held = self._of(bucket).objects
        for name in names:
            if (size := held.pop(name, None)) is not None:
                self._changed(bucket, -size, -1)

    def _set(self, bucket: str, **attributes: object) -> None:
        with self._serving():
            found = self._of(bucket)
            found.seen = msgspec.structs.replace(found.seen, **attributes)

    def _of(self, bucket: str) -> _Bucket:
        if bucket not in self._buckets:
            raise NotFound(T(f"没有存储桶 {bucket}", f"There is no bucket {bucket}"))
        return self._buckets[bucket]

    def _allowed(self, key: Key, bucket: str, right: Right) -> _Bucket:
        if key != OWN:
            known = self.keys_in_force().get(key.access)
            if known is None or known.secret_key != key.secret or right not in known.rights.get(bucket, ()):
                raise Refused(f"{right} {bucket}")
        return self._of(bucket)

    def _changed(self, bucket: str, bytes_delta: int, objects_delta: int) -> None:
        self._changes.append(Change(bucket, bytes_delta, objects_delta, self.world.now_us()))

    def _serving(self) -> threading.RLock:
        if self.down or self.away:
            self.away = max(0, self.away - 1)
            raise Unavailable(T("引擎没有应答", "The engine does not answer"))
        return self._lock
