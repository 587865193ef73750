"""What the volume servers find when they read everything against its checksums."""

import contextlib
from collections.abc import Iterable

import msgspec

from cloudhall.drivers.objects.cluster.topology import Topology
from cloudhall.drivers.objects.trouble import not_answering
from cloudhall.drivers.objects.weed_rpc import Connection, RpcError, VolumeServer
from cloudhall.drivers.objects.weed_volume_pb2 import (
    ScrubEcVolumeRequest,
    ScrubEcVolumeResponse,
    ScrubVolumeRequest,
    ScrubVolumeResponse,
    VolumeScrubMode,
)

SILENCE_S = 3_600.0
"""A server says nothing until it has read all it holds."""


class Scrubbed(msgspec.Struct, frozen=True):
    """How many volumes and objects were read, and which volumes are broken on which server."""

    volumes: int = 0
    objects: int = 0
    broken: tuple[tuple[int, str], ...] = ()
    details: tuple[str, ...] = ()

    def droppable(self, seen: Topology) -> list[tuple[int, str]]:
        """Broken copies whose volume has another copy that is whole; coded volumes mend themselves by rebuilding."""
        found = list[tuple[int, str]]()
        for volume in seen.volumes:
            bad = [server for number, server in self.broken if number == volume.id]
            if bad and set(volume.servers) - set(bad):
                found += [(volume.id, server) for server in bad if server in volume.servers]
        return found


def scrubbed(servers: Iterable[tuple[str, VolumeServer]]) -> Scrubbed:
    """Ask one server after another: all at once would slow down whoever reads and writes meanwhile."""
    volumes = objects = 0
    broken = list[tuple[int, str]]()
    details = list[str]()
    for address, server in servers:
        plain = ScrubVolumeResponse.FromString(
            _asked(server, "ScrubVolume", ScrubVolumeRequest(mode=VolumeScrubMode.FULL).SerializeToString())
        )
        coded = ScrubEcVolumeResponse.FromString(
            _asked(server, "ScrubEcVolume", ScrubEcVolumeRequest(mode=VolumeScrubMode.FULL).SerializeToString())
        )
        for found in (plain, coded):
            volumes += found.total_volumes
            objects += found.total_files
            broken += [(number, address) for number in found.broken_volume_ids]
            details += found.details
    return Scrubbed(volumes, objects, tuple(broken), tuple(details))


def _asked(server: VolumeServer, method: str, request: bytes) -> bytes:
    try:
        with contextlib.closing(Connection(server, SILENCE_S)) as line:
            return b"".join(line.ask(method, request))
    except (OSError, RpcError) as error:
        raise not_answering(error) from error
