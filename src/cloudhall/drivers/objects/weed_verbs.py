"""The verbs of the port `objects` on SeaweedFS, the same for one process and for a cluster.

What runs and where it listens is the driver's affair: it hands out an `Up` per verb, that is a filer and a gateway
that serve now. Whatever a verb asks of the gateway is noted in its ledger, so that no tenant is billed for it.
"""

import abc
import contextlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Protocol

from cloudhall.drivers.objects import (
    REGION,
    BucketSeen,
    Changes,
    Counters,
    Held,
    IdentitiesSet,
    Identity,
    Key,
    Stored,
    weed_count,
)
from cloudhall.drivers.objects.buckets import Buckets, Marker, counted, opens
from cloudhall.drivers.objects.trouble import no_bucket, not_answering, not_empty
from cloudhall.drivers.objects.weed_changes import ChangeLog
from cloudhall.drivers.objects.weed_counters import Ledger
from cloudhall.drivers.objects.weed_pb2 import Entry, LookupDirectoryEntryRequest, TraverseBfsMetadataRequest
from cloudhall.drivers.objects.weed_requests import Door
from cloudhall.drivers.objects.weed_rpc import Connection, Filer, RpcError
from cloudhall.drivers.objects.weed_wire import listed, looked_up, tags
from cloudhall.kernel.errors import NotFound

WALK_SILENCE_S = 30.0
REMOVED_AT_ONCE = 100
GIVE_WAY_S = 0.001  # a lock goes to whoever asks first after its release, and that would be us again
POLICY, VERSIONING = "s3-bucket-policy", "Seaweed-X-Amz-Versioning"
"""Where the engine keeps them in a bucket's entry."""


class Keys(Protocol):
    """Access keys of all gateways."""

    @property
    def admin(self) -> Key:
        """Our own key."""

    def set(self, identities: Sequence[Identity]) -> IdentitiesSet:
        """See `Objects.set_identities`."""

    def digest(self) -> str:
        """See `Objects.identities_digest`."""

    def in_force(self) -> Mapping[str, frozenset[str]]:
        """See `Objects.keys`."""


class Up(Protocol):
    """A store that runs: the parts of it that a verb needs."""

    @property
    def ledger(self) -> Ledger:
        """Held while `buckets` or `door` are asked something that counts."""

    @property
    def buckets(self) -> Buckets:
        """S3, with our own key."""

    @property
    def door(self) -> Door:
        """The same port for requests that boto3 does not know."""

    @property
    def filer(self) -> Filer:
        """Names and what they hold."""

    @property
    def log(self) -> ChangeLog:
        """Changes of names."""

    @property
    def keys(self) -> Keys:
        """Access keys."""

    def counters(self) -> Counters:
        """Read what all gateways have counted."""

    def making(self, bucket: str) -> None:
        """A bucket is about to be made: see `Ledger.making`."""

    def removed(self, bucket: str) -> None:
        """A bucket was removed: see `Ledger.removed`."""


class Verbs(abc.ABC):
    """Every method of the port but those that start, stop and locate the engine."""

    lacks: frozenset[str] = frozenset()
    region = REGION

    @property
    @abc.abstractmethod
    def _up(self) -> Up:
        """Answer what runs now; `Unavailable` when nothing does."""

    def seen(self, bucket: str) -> BucketSeen | None:
        """See `Objects.seen`. One look at the bucket's entry, past the S3 door: it counts as nobody's request."""
        try:
            asked = LookupDirectoryEntryRequest(directory=weed_count.ROOT, name=bucket).SerializeToString()
            entry = looked_up(self._up.filer.unary("LookupDirectoryEntry", asked))
        except RpcError as error:
            if error.missing:
                return None
            raise not_answering(error) from error
        except OSError as error:
            raise not_answering(error) from error
        return BucketSeen(
            versioning=entry.extended.get(VERSIONING) == b"Enabled",
            public_read=opens(bucket, entry.extended.get(POLICY, b"")),
            tags=tags(entry),
            quota_bytes=entry.quota if entry.quota > 0 else None,
            strange_policy=POLICY in entry.extended and not opens(bucket, entry.extended[POLICY]),
        )

    def ensure_bucket(self, bucket: str) -> None:
        """See `Objects.ensure_bucket`."""
        up = self._up
        with up.ledger:
            up.making(bucket)
            up.buckets.ensure(bucket)

    def set_versioning(self, bucket: str, on: bool) -> None:  # noqa: FBT001  as the port has it
        """See `Objects.set_versioning`."""
        up = self._up
        with up.ledger:
            up.buckets.set_versioning(bucket, on=on)

    def set_public_read(self, bucket: str, on: bool) -> None:  # noqa: FBT001  as the port has it
        """See `Objects.set_public_read`. In force within 4 ms (measured)."""
        up = self._up
        with up.ledger:
            up.buckets.set_public_read(bucket, on=on)

    def set_tags(self, bucket: str, tags: Mapping[str, str]) -> None:
        """See `Objects.set_tags`."""
        up = self._up
        with up.ledger:
            up.buckets.set_tags(bucket, tags)

    def set_quota_bytes(self, bucket: str, quota_bytes: int | None) -> None:
        """See `Objects.set_quota_bytes`. The engine looks once a minute, at compressed bytes, and answers 500."""
        if self.seen(bucket) is None:
            raise no_bucket(bucket)
        order = {"quota_size": quota_bytes or 0, "quota_unit": "B", "quota_enabled": quota_bytes is not None}
        up = self._up
        answer = up.door.ask(up.keys.admin, "PUT", f"/{bucket}?seaweedfs-quota", json.dumps(order).encode())
        if answer.status != HTTPStatus.NO_CONTENT:
            raise not_answering(f"quota: {answer.status} {answer.code}")

    def remove_objects(self, bucket: str, limit: int) -> int:
        """See `Objects.remove_objects`. A few at a time: every other call of ours waits for the ledger meanwhile."""
        removed = 0
        while removed < limit:
            up = self._up
            with up.ledger:
                gone = up.buckets.remove_objects(bucket, min(limit - removed, REMOVED_AT_ONCE))
            if not gone:
                break
            removed += gone
            time.sleep(GIVE_WAY_S)
        return removed

    def remove_bucket(self, bucket: str) -> None:
        """See `Objects.remove_bucket`. Its counters stay, though the engine forgets them."""
        if self._holds_something(bucket):
            raise not_empty(bucket)
        up = self._up
        with up.ledger:
            up.counters()
            up.buckets.remove(bucket)
            up.removed(bucket)

    def set_identities(self, identities: Sequence[Identity]) -> IdentitiesSet:
        """See `Objects.set_identities`. 4-25 ms, 0.6 s with 10,000 keys (measured)."""
        return self._up.keys.set(identities)

    def identities_digest(self) -> str:
        """See `Objects.identities_digest`."""
        return self._up.keys.digest()

    def buckets(self) -> Mapping[str, BucketSeen]:
        """See `Objects.buckets`. One look a bucket, about a millisecond each."""
        up = self._up
        with up.ledger:
            names = up.buckets.names()
        return {name: seen for name in names if (seen := self.seen(name)) is not None}

    def keys(self) -> Mapping[str, frozenset[str]]:
        """See `Objects.keys`. Read from the file that the engine reads."""
        return self._up.keys.in_force()

    def counters(self) -> Counters:
        """See `Objects.counters`."""
        return self._up.counters()

    def changes(self, after: int) -> Changes:
        """See `Objects.changes`. An event is handed out 0.2 s after it happened."""
        return self._up.log.after(after)

    def held(self, bucket: str) -> Held:
        """See `Objects.held`. A page at a time: every other call of ours waits for the ledger meanwhile."""

        def page(after: Marker) -> tuple[Held, Marker | None]:
            time.sleep(GIVE_WAY_S)
            up = self._up
            with up.ledger:
                return up.buckets.held(bucket, after)

        return counted(page)

    def stored(self, bucket: str) -> Stored:
        """See `Objects.stored`. 20,000 objects take 0.5 s."""
        began_us = time.time_ns() // 1_000
        with self._entries(bucket) as entries:
            size, objects = weed_count.total(entries)
        return Stored(size, objects, began_us, time.time_ns() // 1_000)

    def _holds_something(self, bucket: str) -> bool:
        """Whether anything counts in it: the engine would remove kept versions and unfinished uploads unasked."""
        try:
            with self._entries(bucket) as entries:
                return any(weed_count.added(directory, entry) for directory, entry in entries)
        except NotFound:
            return False

    @contextlib.contextmanager
    def _entries(self, bucket: str) -> Iterator[Iterator[tuple[str, Entry]]]:
        """Every entry below a bucket, with its directory."""
        root = TraverseBfsMetadataRequest(directory=f"{weed_count.ROOT}/{bucket}").SerializeToString()
        try:
            with contextlib.closing(Connection(self._up.filer, WALK_SILENCE_S)) as line:
                yield map(listed, line.ask("TraverseBfsMetadata", root))
        except RpcError as error:
            raise (no_bucket(bucket) if error.missing else not_answering(error)) from error
        except OSError as error:
            raise not_answering(error) from error
