"""What has to be done for a cluster, decided from what was seen of it. Pure.

A copy that is missing is made on a server that keeps the volume's rule of racks; a server that is being drained gets
none. Shards that are missing are computed anew, and balanced afterwards: the engine piles them on few servers
otherwise (measured). What cannot be done now (no server fits, too few shards are left) is left for a later look.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

import msgspec

from cloudhall.drivers.objects.cluster.health import Health
from cloudhall.drivers.objects.cluster.topology import DATA_SHARDS, Server, Topology, Volume

SPREAD = "-shardReplicaPlacement=000"
"""Without it shards go by the cluster's own placement: with `010` 14 shards lay on 6 of 14 servers (measured)."""
BALANCE_SHARDS = f"ec.balance {SPREAD} -apply"
TRIM = "volume.fix.replication -apply"
REBUILD = ("ec.rebuild -apply", BALANCE_SHARDS)
COPIED_BYTES_A_S, BASE_S = 20_000_000, 60.0
"""What a busy disk does at least; a command gets the time that this takes, and a minute to begin."""


class Copy(NamedTuple):
    """A copy of a volume to be made."""

    volume: int
    source: str
    target: str


def copies(seen: Topology, health: Health, draining: Collection[str], before_us: int) -> list[Copy]:
    """One copy for each volume that has too few since before `before_us`, where most room is left."""
    since = {risk.volume: risk.since_us for risk in health.risks if not risk.coded}
    given = dict.fromkeys((server.address for server in seen.servers), 0)
    made = list[Copy]()
    for volume in seen.volumes:
        if len(volume.servers) < volume.copies and since.get(volume.id, before_us) < before_us:
            fitting = [s for s in _fitting(volume, seen.servers) if s.address not in draining]
            if fitting:
                target = max(fitting, key=lambda s: (s.free_slots - given[s.address], s.address))
                given[target.address] += 1
                made.append(Copy(volume.id, volume.servers[0], target.address))
    return made


def moves(seen: Topology, draining: Collection[str]) -> list[Copy]:
    """A new place for each volume on a server that is drained. The engine's own command goes by hosts, all one here."""
    made = list[Copy]()
    for volume in seen.volumes:
        for address in set(volume.servers) & set(draining):
            left = tuple(server for server in volume.servers if server != address)
            others = [s for s in seen.servers if s.address not in draining]
            if fitting := list(_fitting(msgspec.structs.replace(volume, servers=left), others)):
                target = max(fitting, key=lambda s: (s.free_slots, s.address))
                made.append(Copy(volume.id, address, target.address))
    return made


def evacuating(seen: Topology, draining: Collection[str]) -> tuple[str, ...]:
    """Commands that move shards off servers that hold nothing else any more."""
    emptied = [server.address for server in seen.servers if server.address in draining and not server.volumes]
    return tuple(f"volumeServer.evacuate -node={a} -apply" for a in emptied if not drained(a, seen))


def rebuilds(health: Health, before_us: int) -> tuple[str, ...]:
    """Commands for shards that are missing since before `before_us`, while enough are left to compute them from."""
    due = any(risk.coded and risk.have >= DATA_SHARDS and risk.since_us < before_us for risk in health.risks)
    return REBUILD if due else ()


class ShardMove(NamedTuple):
    """A shard that should lie on another server."""

    volume: int
    bucket: str
    shard: int
    source: str
    target: str


def spread(seen: Topology, draining: Collection[str]) -> list[ShardMove]:
    """Shards that share a server with another one of their volume, while there are servers that hold none of it.

    The engine balances by rack and total, and leaves some together: 14 shards lay on 13 of 14 servers (measured).
    """
    made = list[ShardMove]()
    for volume in seen.coded:
        held = [server for servers in volume.shards.values() for server in servers]
        free = [s for s in seen.servers if s.address not in {*held, *draining} and s.free_slots > 0]
        for shard, servers in volume.shards.items():
            if free and held.count(servers[0]) > 1:
                held.remove(servers[0])
                target = free.pop(free.index(max(free, key=lambda s: (s.free_slots, s.address))))
                made.append(ShardMove(volume.id, volume.bucket, shard, servers[0], target.address))
    return made


def trimming(seen: Topology) -> tuple[str, ...]:
    """Command that drops copies too many, the oldest, after it has compared them; it waits 15 s first."""
    return (TRIM,) if any(len(volume.servers) > volume.copies for volume in seen.volumes) else ()


def drained(address: str, seen: Topology) -> bool:
    """Whether a server holds nothing any more, or is not heard."""
    server = seen.server(address)
    return server is None or not (server.volumes or server.shards)


def encoding(bucket: str) -> tuple[str, ...]:
    """Commands that turn every volume of a bucket into shards, now. A bucket's dot would match anything."""
    pattern = bucket.replace(".", "[.]")
    return (f"ec.encode -collection=^{pattern}$ -fullPercent=0 -quietFor=0s -force {SPREAD}", BALANCE_SHARDS)


def patience_s(size_bytes: int) -> float:
    """How long a command on so many bytes may take."""
    return BASE_S + size_bytes / COPIED_BYTES_A_S


def _fitting(volume: Volume, servers: Iterable[Server]) -> Iterator[Server]:
    """Servers that may take one more copy: in a new rack as long as the volume asks for one, else in one of its own."""
    all_servers = list(servers)
    racks = {server.rack for server in all_servers if server.address in volume.servers}
    new_rack = len(racks) < 1 + int(volume.placement[1])
    for server in all_servers:
        room = server.free_slots > 0 and server.free_bytes > volume.size_bytes
        if server.address not in volume.servers and room and (server.rack not in racks) == new_rack:
            yield server
