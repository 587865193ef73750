"""The S3 gateways of a cluster seen as one: the same keys at each, usage summed over all.

A gateway's counters begin at 0 when its process starts. What it had counted by then is carried on here, so a sum never
falls while the cluster runs; requests after the last reading of a gateway that was killed are lost to it.
"""

import collections
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

from cloudhall.drivers.objects import (
    REGION,
    BucketCounters,
    Counters,
    IdentitiesSet,
    Identity,
    Key,
    weed_counters,
)
from cloudhall.drivers.objects.buckets import Buckets
from cloudhall.drivers.objects.cluster.parts import ADDRESS, Part
from cloudhall.drivers.objects.contents import Contents
from cloudhall.drivers.objects.weed_counters import FIELDS, Ledger
from cloudhall.drivers.objects.weed_identities import IdentityFile
from cloudhall.drivers.objects.weed_requests import Door, get

SCRAPE_S = 10.0
Readings = Mapping[str, BucketCounters]


class Gateway:
    """One gateway: its door, what it counted and what of it is ours."""

    def __init__(self, part: Part, admin: Key, lock: AbstractContextManager[bool]) -> None:
        self.part = part
        self.ledger = Ledger(lock)
        self.door = Door(part.port, self.ledger)
        self.buckets = Buckets(self.endpoint, admin, answered=self.ledger.note)
        self.contents = Contents(self.endpoint, admin, REGION)
        self._carried: Readings = {}

    @property
    def endpoint(self) -> str:
        """Address for clients."""
        return f"http://{ADDRESS}:{self.part.port}"

    def read(self) -> Readings:
        """Everything it counted since the cluster started; the last reading while it does not answer."""
        with self.ledger:
            try:
                now = self.ledger.settle(weed_counters.raw(self._scraped()))
            except OSError:
                now = self.ledger.settle({})
            return summed([self._carried, now])

    def raw(self) -> weed_counters.Raw:
        """Its counters as they stand; none while it does not answer."""
        try:
            return weed_counters.raw(self._scraped())
        except OSError:
            return collections.defaultdict(collections.Counter)

    def begin_anew(self) -> None:
        """Its process is about to start: carry on what was read of the one before."""
        with self.ledger:
            self._carried = summed([self._carried, self.ledger.settle({})])
            self.ledger.forget()

    def _scraped(self) -> str:
        return get(self.part.metrics, "/metrics", SCRAPE_S)


class Gateways:
    """All gateways. `started_us` stands for the start of all of them: from then on no sum falls."""

    def __init__(self, parts: Sequence[Part], admin: Key) -> None:
        lock = threading.RLock()
        self.all = tuple(Gateway(part, admin, lock) for part in parts)
        self._started_us = time.time_ns() // 1_000

    def named(self, name: str) -> Gateway:
        """The gateway of a part's name."""
        return next(gateway for gateway in self.all if gateway.part.name == name)

    def counters(self) -> Counters:
        """See `Objects.counters`."""
        read = summed([gateway.read() for gateway in self.all])
        return Counters(self._started_us, time.time_ns() // 1_000, read)

    def making(self, bucket: str) -> None:
        """A bucket is about to be made: each gateway counts on where it stood."""
        for gateway in self.all:
            gateway.ledger.making(bucket, gateway.raw)

    def removed(self, bucket: str) -> None:
        """A bucket was removed, by one of them; the others keep its counters, which count no more."""
        for gateway in self.all:
            gateway.ledger.removed(bucket)


class KeyFiles:
    """The identities of all gateways: a file and a proof each, the same key of ours in all."""

    def __init__(self, files: Sequence[IdentityFile]) -> None:
        self.admin = files[0].admin
        self._files = files

    def set(self, identities: Sequence[Identity]) -> IdentitiesSet:
        """See `Objects.set_identities`."""
        with ThreadPoolExecutor(len(self._files)) as pool:
            done = list(pool.map(lambda file: file.set(identities), self._files))
        failed = {name for one in done for name in one.failed}
        return IdentitiesSet(done[0].digest, in_step=not failed, failed=tuple(sorted(failed)))

    def digest(self) -> str:
        """See `Objects.identities_digest`: one that all agree in, else none."""
        digests = {file.digest() for file in self._files}
        return digests.pop() if len(digests) == 1 else ""

    def in_force(self) -> Mapping[str, frozenset[str]]:
        """See `Objects.keys`: what works at any of them."""
        found = collections.defaultdict[str, frozenset[str]](frozenset)
        for file in self._files:
            for key, rights in file.in_force().items():
                found[key] |= rights
        return dict(found)


def summed(readings: Iterable[Readings]) -> Readings:
    """Add up by bucket and field."""
    total = collections.defaultdict[str, collections.Counter[str]](collections.Counter)
    for reading in readings:
        for bucket, counted in reading.items():
            total[bucket].update({field: getattr(counted, field) for field in FIELDS})
    return {bucket: BucketCounters(**counts) for bucket, counts in total.items()}
