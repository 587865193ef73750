"""Keeps a cluster whole: what it is made of, how it is, and what is done about it.

Every step can be asked for again: it looks first, and does what is left of it. A step that was cut off leaves the
cluster readable; the next `tend` goes on. Whether it worked is read from the masters, never from what a command said.
Health is remembered in `health.json`, so that "since when" outlives this process.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import msgspec

from cloudhall.drivers.objects.cluster import parts, steps, topology
from cloudhall.drivers.objects.cluster.durability import Scheme
from cloudhall.drivers.objects.cluster.fleet import Fleet, State
from cloudhall.drivers.objects.cluster.health import Health, judged
from cloudhall.drivers.objects.cluster.parts import Estate, Part
from cloudhall.drivers.objects.cluster.scrubbing import Scrubbed, scrubbed
from cloudhall.drivers.objects.cluster.shell import Shell
from cloudhall.drivers.objects.cluster.topology import Topology
from cloudhall.drivers.objects.trouble import not_answering
from cloudhall.drivers.objects.weed_home import write_private
from cloudhall.drivers.objects.weed_ports import GRPC_OFFSET
from cloudhall.drivers.objects.weed_rpc import Connection, Master, RpcError, VolumeServer
from cloudhall.drivers.objects.weed_volume_pb2 import (
    VolumeCopyRequest,
    VolumeDeleteRequest,
    VolumeEcShardsCopyRequest,
    VolumeEcShardsRequest,
    VolumeEcShardsUnmountRequest,
    VolumeMarkReadonlyRequest,
)
from cloudhall.kernel.errors import Conflict, Unavailable
from cloudhall.kernel.text import T

REPAIR_AFTER_S = 60.0
"""A server that starts anew is back within a second or two; only what stays away is copied."""
COPY_SILENCE_S = 600.0
ESTATE, HEALTH = "estate.json", "health.json"


class Steward:
    """Looks after a cluster's parts; safe to call from several threads. Steps wait for each other, looks do not."""

    def __init__(
        self,
        home: Path,
        estate: Estate,
        fleet: Fleet,
        shell: Shell,
        masters: Sequence[Master],
        buckets: Callable[[], Collection[str]],
    ) -> None:
        """`buckets` answers the names of those that there are: volumes of another are not missed."""
        self._home = home
        self._estate = estate
        self._fleet = fleet
        self._shell = shell
        self._masters = masters
        self._buckets = buckets
        self._lock = threading.RLock()
        self._looking = threading.Lock()
        self._health = _recorded(home / HEALTH)

    @property
    def estate(self) -> Estate:
        """What the cluster is made of now."""
        return self._estate

    def close(self) -> None:
        """Let go of the connections."""
        for master in self._masters:
            master.close()

    def states(self) -> Mapping[str, State]:
        """Each part's process."""
        return {part.name: self._fleet.state(part.name) for part in self._estate.parts}

    def leader(self) -> str:
        """Name of the leading master; empty while none leads."""
        address = topology.leader(self._masters)
        return next((part.name for part in self._estate.of("master") if part.address == address), "")

    def topology(self) -> Topology:
        """What the leading master sees. `Unavailable` while none leads."""
        return topology.seen(self._masters)

    def missing(self) -> set[str]:
        """Addresses of volume servers that should be there and are not heard."""
        return {part.address for part in self._estate.of("volume")} - {s.address for s in self.topology().servers}

    def health(self) -> Health:
        """Look, and judge by what was known before."""
        with self._looking:
            expected = [part.address for part in self._estate.of("volume")]
            seen = self.topology()
            self._health = judged(self._health, seen, expected, self._buckets(), time.time_ns() // 1_000)
            write_private(self._home / HEALTH, msgspec.json.encode(self._health))
            return self._health

    def start_part(self, name: str) -> None:
        """Start a part that is down; nothing happens to one that runs."""
        self._fleet.start([self._estate.part(name)])

    def stop_part(self, name: str) -> None:
        """Stop a part and leave it down until it is started."""
        self._fleet.stop([self._estate.part(name)])

    def add(self, rack: str) -> Part:
        """Start one more volume server in a rack; the masters give it new volumes from then on."""
        with self._lock:
            running = {part.name for part in self._estate.parts if self._fleet.runs(part.name)}
            self._keep(self._estate.with_volume(rack).with_ports(running))
            part = self._estate.parts[-1]
            self._fleet.start([part])
            return part

    def drain(self, name: str) -> None:
        """Let a volume server's data go elsewhere; `tend` moves them, and takes the server out when it is empty."""
        with self._lock:
            part = self._estate.part(name)
            if part.role != "volume":
                raise Conflict(T("{name} 不是卷服务器", "{name} is no volume server").format(name=name))
            self._keep(self._estate.replaced(msgspec.structs.replace(part, draining=True)))

    def replace(self, name: str) -> Part:
        """Put a new volume server into the rack of another, which is drained."""
        new = self.add(self._estate.part(name).rack)
        self.drain(name)
        return new

    def tend(self, *, repair_after_s: float = REPAIR_AFTER_S) -> Health:
        """One pass: copy what has too few copies, compute missing shards, empty what is drained, drop what is empty.

        Answers the health after it. `Unavailable` when no master leads or a command fails; the next pass goes on.
        """
        with self._lock:
            health, seen = self.health(), self.topology()
            before_us = health.at_us - int(repair_after_s * 1_000_000) + 1
            draining = [part.address for part in self._estate.of("volume") if part.draining]
            for copy in steps.copies(seen, health, draining, before_us):
                self._copy(copy)
            self._run(steps.rebuilds(health, before_us), seen)
            for move in steps.moves(seen, draining):
                self._move(move)
            self._run(steps.evacuating(seen, draining), seen)
            for address in draining:
                self._take_out(address, seen)
            self._run(steps.trimming(seen), seen)
            self._spread()
            return self.health()

    def keep(self, bucket: str, scheme: Scheme) -> None:
        """Keep what is written to a bucket from now on by a scheme; what is there stays as it was written."""
        command = f"fs.configure -locationPrefix=/buckets/{bucket}/ -replication={scheme.placement}"
        self._shell.run((f"{command} -fsync={str(scheme.fsync).lower()} -apply",), steps.BASE_S)

    def encode(self, bucket: str) -> None:
        """Turn what a bucket holds into 10+4 shards, a server each where there are 14. It cannot be overwritten then.

        What is written afterwards begins new volumes with copies. Space of deleted objects does not come back.
        """
        with self._lock:
            seen = self.topology()
            if any(volume.bucket == bucket for volume in seen.volumes):
                self._run(steps.encoding(bucket), seen)
            self._spread()

    def balance(self) -> None:
        """Spread volumes and shards evenly."""
        self._run(("volume.balance -apply", steps.BALANCE_SHARDS), self.topology())

    def vacuum(self, garbage: float = 0.3) -> None:
        """Compact volumes of which more than this part was deleted; it needs room for the part that is left."""
        self._run((f"volume.vacuum -garbageThreshold={garbage}",), self.topology())

    def scrub(self) -> Scrubbed:
        """Read everything against its checksums. A broken copy of a volume with a whole one is dropped, for `tend`."""
        with self._lock:
            seen = self.topology()
            found = scrubbed((server.address, self._service(server.address)) for server in seen.servers)
            for volume, server in found.droppable(seen):
                self._asked(server, "VolumeDelete", VolumeDeleteRequest(volume_id=volume).SerializeToString())
            return found

    def _copy(self, copy: steps.Copy) -> None:
        request = VolumeCopyRequest(volume_id=copy.volume, source_data_node=copy.source)
        self._asked(copy.target, "VolumeCopy", request.SerializeToString())

    def _move(self, move: steps.Copy) -> None:
        """Move a copy. What is acknowledged lies in all copies, so nothing is missed once one of them takes no more."""
        volume = VolumeMarkReadonlyRequest(volume_id=move.volume).SerializeToString()
        self._asked(move.source, "VolumeMarkReadonly", volume)
        try:
            self._copy(move)
        except Unavailable:
            self._asked(move.source, "VolumeMarkWritable", volume)
            raise
        self._asked(move.source, "VolumeDelete", VolumeDeleteRequest(volume_id=move.volume).SerializeToString())

    def _spread(self) -> None:
        """Give shards that lie together servers of their own."""
        draining = [part.address for part in self._estate.of("volume") if part.draining]
        for move in steps.spread(self.topology(), draining):
            shards = VolumeEcShardsRequest(volume_id=move.volume, collection=move.bucket, shard_ids=[move.shard])
            copy = VolumeEcShardsCopyRequest(
                volume_id=move.volume,
                collection=move.bucket,
                shard_ids=[move.shard],
                copy_ecx_file=True,
                source_data_node=move.source,
                copy_ecj_file=True,
                copy_vif_file=True,
            )
            unmount = VolumeEcShardsUnmountRequest(volume_id=move.volume, shard_ids=[move.shard])
            self._asked(move.target, "VolumeEcShardsCopy", copy.SerializeToString())
            self._asked(move.target, "VolumeEcShardsMount", shards.SerializeToString())
            self._asked(move.source, "VolumeEcShardsUnmount", unmount.SerializeToString())
            self._asked(move.source, "VolumeEcShardsDelete", shards.SerializeToString())

    def _take_out(self, address: str, seen: Topology) -> None:
        """Stop a server that held nothing when it was seen, and nothing waits for."""
        if steps.drained(address, seen) and not self._health.risks:
            part = next(part for part in self._estate.parts if part.address == address)
            self._fleet.stop([part])
            self._keep(self._estate.without(part.name))

    def _run(self, commands: Sequence[str], seen: Topology) -> None:
        if commands:
            size = sum(volume.size_bytes for volume in seen.volumes)
            self._shell.run(commands, steps.patience_s(size))

    def _asked(self, address: str, method: str, request: bytes) -> None:
        """Ask a volume server for something that takes long."""
        try:
            with contextlib.closing(Connection(self._service(address), COPY_SILENCE_S)) as line:
                for _ in line.ask(method, request):
                    pass
        except (OSError, RpcError) as error:
            raise not_answering(error) from error

    def _service(self, address: str) -> VolumeServer:
        return VolumeServer(int(address.rpartition(":")[2]) + GRPC_OFFSET, self._masters[0].tls)

    def _keep(self, estate: Estate) -> None:
        parts.record(self._home / ESTATE, estate)
        self._estate = estate


def _recorded(path: Path) -> Health:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Health)
    except FileNotFoundError:
        return Health()
