"""What a cluster's topology means: what is at risk, since when, and how far its repair is. Pure.

At risk is a volume with fewer copies than it should have, a coded volume with shards missing, and whatever was seen
before and is not seen now. `spare` says how many more servers may fail before something of it cannot be read: -1 means
that it cannot be read already.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Literal

import msgspec

from cloudhall.drivers.objects.cluster.topology import DATA_SHARDS, SHARDS, Coded, Topology, Volume

State = Literal["safe", "at_risk", "unreadable"]


class Risk(msgspec.Struct, frozen=True):
    """One volume that has less than it should; `have` and `want` are copies, or shards where it is coded."""

    volume: int
    bucket: str
    coded: bool
    have: int
    want: int
    spare: int
    bytes: int
    since_us: int


class Known(msgspec.Struct, frozen=True):
    """A volume that was whole or partly there at the last look."""

    bucket: str
    coded: bool
    want: int
    bytes: int


class Health(msgspec.Struct, frozen=True):
    """Findings of one look. `peak` is the most volumes at risk since all was safe last; 0 while all is safe."""

    at_us: int = 0
    risks: tuple[Risk, ...] = ()
    silent: Mapping[str, int] = {}
    """Servers that ought to be there and are not heard, with when that was first seen (µs)."""
    known: Mapping[int, Known] = {}
    peak: int = 0

    @property
    def state(self) -> State:
        """The worst there is."""
        if any(risk.spare < 0 for risk in self.risks):
            return "unreadable"
        return "at_risk" if self.risks else "safe"

    @property
    def since_us(self) -> int:
        """When the oldest risk was first seen; 0 while all is safe."""
        return min((risk.since_us for risk in self.risks), default=0)

    @property
    def mended(self) -> int:
        """Of `peak` volumes, how many are whole again."""
        return self.peak - len(self.risks)


def judged(before: Health, seen: Topology, expected: Collection[str], buckets: Collection[str], now_us: int) -> Health:
    """Health by one look at a topology.

    `expected` are addresses of servers that should be there; volumes of a bucket that is not in `buckets` any more are
    not missed. What is in no bucket is the engine's own and always missed.
    """
    since = {risk.volume: risk.since_us for risk in before.risks}
    now = dict(_known(seen))
    missed = {n: known for n, known in before.known.items() if n not in now and known.bucket in {"", *buckets}}
    risks = [
        msgspec.structs.replace(risk, since_us=since.get(risk.volume, now_us))
        for risk in [*_short(seen.volumes), *_holed(seen.coded), *_gone(missed)]
    ]
    heard = {server.address for server in seen.servers}
    return Health(
        at_us=now_us,
        risks=tuple(sorted(risks, key=lambda risk: (risk.spare, risk.volume))),
        silent={address: before.silent.get(address, now_us) for address in sorted(set(expected) - heard)},
        known=missed | now,
        peak=max(before.peak, len(risks)) if risks else 0,
    )


def _known(seen: Topology) -> Iterator[tuple[int, Known]]:
    for volume in seen.volumes:
        yield volume.id, Known(volume.bucket, coded=False, want=volume.copies, bytes=volume.size_bytes)
    for coded in seen.coded:
        yield coded.id, Known(coded.bucket, coded=True, want=SHARDS, bytes=coded.shard_bytes * DATA_SHARDS)


def _short(volumes: Iterable[Volume]) -> Iterator[Risk]:
    for v in volumes:
        have = len(v.servers)
        if have < v.copies:
            yield Risk(v.id, v.bucket, False, have, v.copies, have - 1, v.size_bytes, 0)  # noqa: FBT003  a field


def _holed(volumes: Iterable[Coded]) -> Iterator[Risk]:
    for v in volumes:
        if len(v.shards) < SHARDS:
            whole = v.shard_bytes * DATA_SHARDS
            yield Risk(v.id, v.bucket, True, len(v.shards), SHARDS, spare(v), whole, 0)  # noqa: FBT003  a field


def _gone(missed: Mapping[int, Known]) -> Iterator[Risk]:
    for number, known in missed.items():
        yield Risk(number, known.bucket, known.coded, 0, known.want, -1, known.bytes, 0)


def spare(volume: Coded) -> int:
    """How many servers more may fail, those first that hold most, before fewer than ten shards are left."""
    by_server = dict[str, set[int]]()
    for shard, servers in volume.shards.items():
        for server in servers:
            by_server.setdefault(server, set()).add(shard)
    left = set(volume.shards)
    if len(left) < DATA_SHARDS:
        return -1
    for failed, shards in enumerate(sorted(by_server.values(), key=len, reverse=True)):
        left -= shards
        if len(left) < DATA_SHARDS:
            return failed
    return len(by_server)
