"""What the masters of a cluster see, asked over gRPC: servers, volumes and their copies, shards, free space.

Only the leading master answers, and only for servers that it hears: what a dead server held is missing here.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from cloudhall.drivers.objects.trouble import not_answering
from cloudhall.drivers.objects.weed_master_pb2 import (
    DataNodeInfo,
    DiskInfo,
    RaftListClusterServersRequest,
    RaftListClusterServersResponse,
    VolumeListRequest,
    VolumeListResponse,
)
from cloudhall.drivers.objects.weed_rpc import Master, RpcError

DATA_SHARDS, PARITY_SHARDS = 10, 4
SHARDS = DATA_SHARDS + PARITY_SHARDS


class Server(msgspec.Struct, frozen=True):
    """A volume server that the leading master hears; bytes are those of its file system."""

    address: str
    rack: str
    volumes: int
    shards: int
    free_slots: int
    total_bytes: int
    free_bytes: int


class Volume(msgspec.Struct, frozen=True):
    """A volume by its copies: where they are and should be (`placement`: see `Shape`), bytes of the largest."""

    id: int
    bucket: str
    placement: str
    servers: tuple[str, ...]
    size_bytes: int
    deleted_bytes: int
    read_only: bool

    @property
    def copies(self) -> int:
        """How many there should be."""
        return 1 + sum(map(int, self.placement))


class Coded(msgspec.Struct, frozen=True):
    """An erasure-coded volume: which servers hold each of its shards, and bytes of a shard."""

    id: int
    bucket: str
    shards: Mapping[int, tuple[str, ...]]
    shard_bytes: int


class Topology(msgspec.Struct, frozen=True):
    """All of it at one moment, each in the order of its id."""

    servers: tuple[Server, ...] = ()
    volumes: tuple[Volume, ...] = ()
    coded: tuple[Coded, ...] = ()

    def server(self, address: str) -> Server | None:
        """The server of an address; None when no master hears it."""
        return next((server for server in self.servers if server.address == address), None)


def seen(masters: Iterable[Master]) -> Topology:
    """Ask the masters until the leading one answers. `Unavailable` when none leads."""
    why: object = "no master"
    for master in masters:
        try:
            return parsed(VolumeListResponse.FromString(master.unary("VolumeList", _ANY)))
        except (OSError, RpcError) as error:
            why = error
    raise not_answering(why)


def leader(masters: Iterable[Master]) -> str:
    """Address of the leading master, as the first one says that knows; empty when nobody leads."""
    asked = RaftListClusterServersRequest().SerializeToString()
    for master in masters:
        try:
            answer = RaftListClusterServersResponse.FromString(master.unary("RaftListClusterServers", asked))
        except (OSError, RpcError):
            continue
        for server in answer.cluster_servers:
            if server.isLeader:
                host, _, ports = server.id.rpartition(":")
                return f"{host}:{ports.partition('.')[0]}"  # HTTP and gRPC: `127.0.0.1:9333.19333`
    return ""


def parsed(answer: VolumeListResponse) -> Topology:
    """The answer of a leading master, by volume instead of by server."""
    nodes = list(_nodes(answer))
    return Topology(
        tuple(sorted((_server(rack, node) for rack, node in nodes), key=lambda server: server.address)),
        tuple(_volumes(node for _, node in nodes)),
        tuple(_coded(node for _, node in nodes)),
    )


def _nodes(answer: VolumeListResponse) -> Iterator[tuple[str, DataNodeInfo]]:
    for centre in answer.topology_info.data_center_infos:
        for rack in centre.rack_infos:
            for node in rack.data_node_infos:
                yield rack.id, node


def _server(rack: str, node: DataNodeInfo) -> Server:
    disks: list[DiskInfo] = list(node.diskInfos.values())
    return Server(
        address=node.id,
        rack=rack,
        volumes=sum(len(disk.volume_infos) for disk in disks),
        shards=sum(info.ec_index_bits.bit_count() for disk in disks for info in disk.ec_shard_infos),
        free_slots=sum(disk.free_volume_count for disk in disks),
        total_bytes=max((disk.disk_total_bytes for disk in disks), default=0),
        free_bytes=max((disk.disk_free_bytes for disk in disks), default=0),
    )


def _volumes(nodes: Iterable[DataNodeInfo]) -> Iterator[Volume]:
    found = defaultdict(list)
    for node in nodes:
        for disk in node.diskInfos.values():
            for info in disk.volume_infos:
                found[info.id].append((node.id, info))
    for number, held in sorted(found.items()):
        infos = [info for _, info in held]
        yield Volume(
            id=number,
            bucket=infos[0].collection,
            placement=f"{infos[0].replica_placement:03}",
            servers=tuple(sorted(address for address, _ in held)),
            size_bytes=max(info.size for info in infos),
            deleted_bytes=max(info.deleted_byte_count for info in infos),
            read_only=any(info.read_only for info in infos),
        )


def _coded(nodes: Iterable[DataNodeInfo]) -> Iterator[Coded]:
    shards = defaultdict[int, dict[int, list[str]]](lambda: defaultdict(list))
    about = dict[int, tuple[str, int]]()
    for node in nodes:
        for disk in node.diskInfos.values():
            for info in disk.ec_shard_infos:
                about[info.id] = (info.collection, max(info.shard_sizes, default=0))
                for number in range(SHARDS):
                    if info.ec_index_bits >> number & 1:
                        shards[info.id][number].append(node.id)
    for number, (bucket, shard_bytes) in sorted(about.items()):
        where = {shard: tuple(sorted(servers)) for shard, servers in sorted(shards[number].items())}
        yield Coded(number, bucket, where, shard_bytes)


_ANY = VolumeListRequest().SerializeToString()
