"""What a cluster is made of, as data: which process plays which part, in which rack, on which ports.

Pure, but for the record of it. A part keeps its name for life; what it holds lies in the folder of that name. Names
are never given twice, so that the folder of a server that was taken out is not taken for a new one's.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Literal

import msgspec

from cloudhall.drivers.objects.weed_home import write_private
from cloudhall.drivers.objects.weed_ports import GRPC_OFFSET, kept_or_new
from cloudhall.kernel.errors import NotFound
from cloudhall.kernel.text import T

Role = Literal["master", "volume", "filer", "gateway"]
ADDRESS = "127.0.0.1"


class Shape(msgspec.Struct, frozen=True):
    """How many of each a new cluster begins with, and how it keeps what is in no pool.

    Replication is SeaweedFS's three digits: further copies in other data centres, other racks, on other servers of the
    same rack. `010` is two copies in two racks.
    """

    masters: int = 3
    racks: int = 3
    volumes: int = 6
    filers: int = 2
    gateways: int = 2
    replication: str = "010"
    volume_size_mb: int = 1_024


class Part(msgspec.Struct, frozen=True):
    """One process. `metrics` is the port of a gateway's counters; a volume server has a rack."""

    name: str
    role: Role
    port: int = 0
    metrics: int = 0
    rack: str = ""
    draining: bool = False

    @property
    def address(self) -> str:
        """As the engine names it."""
        return f"{ADDRESS}:{self.port}"

    @property
    def grpc(self) -> int:
        """Port for gRPC."""
        return self.port + GRPC_OFFSET


class Estate(msgspec.Struct, frozen=True):
    """All parts of a cluster, and the number that the next volume server's name takes."""

    shape: Shape
    parts: tuple[Part, ...]
    next_volume: int

    def of(self, role: Role) -> tuple[Part, ...]:
        """Parts of one role, in the order they came."""
        return tuple(part for part in self.parts if part.role == role)

    def part(self, name: str) -> Part:
        """The part of a name; `NotFound` without one."""
        for part in self.parts:
            if part.name == name:
                return part
        raise NotFound(T("集群中没有 {name}", "The cluster has no part {name}").format(name=name))

    def with_volume(self, rack: str) -> "Estate":
        """One more volume server in a rack."""
        new = Part(f"volume-{self.next_volume}", "volume", rack=rack)
        return msgspec.structs.replace(self, parts=(*self.parts, new), next_volume=self.next_volume + 1)

    def without(self, name: str) -> "Estate":
        """Less one part."""
        gone = self.part(name)
        return msgspec.structs.replace(self, parts=tuple(part for part in self.parts if part != gone))

    def replaced(self, changed: Part) -> "Estate":
        """The same with one part as it is given."""
        parts = tuple(changed if part.name == changed.name else part for part in self.parts)
        return msgspec.structs.replace(self, parts=parts)

    def with_ports(self, running: Collection[str]) -> "Estate":
        """Every part with ports: its own while it runs, or while they are free, else new ones."""
        taken = {port for part in self.parts if part.name in running for port in (part.port, part.metrics)}
        parts = list[Part]()
        for part in self.parts:
            settled = part
            if part.name not in running:
                port = kept_or_new(part.port, taken)
                metrics = kept_or_new(part.metrics, taken | {port}) if part.role == "gateway" else 0
                settled = msgspec.structs.replace(part, port=port, metrics=metrics)
                taken |= {port, metrics}
            parts.append(settled)
        return msgspec.structs.replace(self, parts=tuple(parts))


def founded(shape: Shape) -> Estate:
    """A new cluster; volume servers go round the racks. Nothing has a port yet."""
    counts: dict[Role, int] = {"master": shape.masters, "filer": shape.filers, "gateway": shape.gateways}
    single = [Part(f"{role}-{n}", role) for role, count in counts.items() for n in range(1, count + 1)]
    empty = Estate(shape, tuple(single), next_volume=1)
    for number in range(shape.volumes):
        empty = empty.with_volume(f"rack-{number % shape.racks + 1}")
    return empty


def recorded(path: Path) -> Estate | None:
    """The cluster as it was left; None where there was none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Estate)
    except FileNotFoundError:
        return None


def record(path: Path, estate: Estate) -> None:
    """Remember it."""
    write_private(path, msgspec.json.encode(estate))
