"""How much there must be: disks, servers, racks, cells and what serves names. Pure.

Every cell is alike and holds whole buckets; what is counted a cell is rounded up there, so totals are multiples of it.
"""

import math
from typing import NamedTuple

from cloudhall.domains.storage.plan.assumptions import Assumptions
from cloudhall.domains.storage.plan.scheme import Domain, Scheme
from cloudhall.kernel.errors import Invalid
from cloudhall.kernel.text import T

MB, GB, TB, PB = 10**6, 10**9, 10**12, 10**15
SWITCH_UNITS = 2
FILERS_MIN, GATEWAYS_MIN = 2, 2  # one of each may fail


class Cell(NamedTuple):
    """One cell: its hardware, and what of the data it holds."""

    data_bytes: int
    volumes: int
    disks: int
    servers: int
    racks: int
    masters: int
    filers: int
    gateways: int

    @property
    def nodes(self) -> int:
        """Machines that hold no data."""
        return self.masters + self.filers + self.gateways

    def domains(self, domain: Domain) -> int:
        """Number of disks, servers or racks."""
        return {Domain.DISK: self.disks, Domain.SERVER: self.servers, Domain.RACK: self.racks}[domain]


class Layout(NamedTuple):
    """The whole: `cells` times `cell`, and the bytes that follow."""

    capacity_bytes: int
    cells: int
    cell: Cell
    raw_bytes: int
    objects: int
    metadata_bytes: int
    index_bytes: int


def layout_of(capacity_bytes: int, scheme: Scheme, domain: Domain, a: Assumptions) -> Layout:
    """Size a store; raises `Invalid` where a server alone draws more than a rack may."""
    cells = math.ceil(capacity_bytes / (a["cell_pb"] * PB))
    objects = math.ceil(capacity_bytes / (a["object_mb"] * MB))
    pieces = objects * math.ceil(a["object_mb"] / a["chunk_mb"])
    return Layout(
        capacity_bytes=capacity_bytes,
        cells=cells,
        cell=_cell(-(-capacity_bytes // cells), -(-objects // cells), scheme, domain, a),
        raw_bytes=-(-capacity_bytes * scheme.parts // scheme.data),
        objects=objects,
        metadata_bytes=round(objects * a["name_bytes"] * a["name_copies"]),
        # Whoever holds a part holds the whole index: in memory of a copy, searched on disk of a coded part (SeaweedFS).
        index_bytes=round(pieces * a["index_bytes"] * scheme.parts),
    )


def _cell(data_bytes: int, objects: int, scheme: Scheme, domain: Domain, a: Assumptions) -> Cell:
    """Size one cell; it has at least as many failure domains as a volume has parts."""
    least = {level: scheme.parts if level == domain else 1 for level in Domain}
    used = a["disk_tb"] * TB * a["disk_full_share"]
    disks = max(math.ceil(data_bytes * scheme.parts / scheme.data / used), least[Domain.DISK])
    servers = max(math.ceil(disks / a.whole("server_disks")), least[Domain.SERVER], least[Domain.RACK])
    racks = max(math.ceil(servers / rack_servers(a)), least[Domain.RACK])
    return Cell(
        data_bytes=data_bytes,
        volumes=math.ceil(data_bytes / (a["volume_gb"] * GB)),
        disks=max(disks, servers),
        servers=servers,
        racks=racks,
        masters=a.whole("cell_masters"),
        filers=max(math.ceil(objects / a["filer_objects"]), FILERS_MIN),
        gateways=max(math.ceil(data_bytes / (a["gateway_pb"] * PB)), GATEWAYS_MIN),
    )


def rack_servers(a: Assumptions) -> int:
    """Servers in a rack: by height beside the switches, and by power."""
    by_height = (a["rack_units"] - SWITCH_UNITS) // a["server_units"]
    by_power = a["rack_kw"] * 1000 // full_server_w(a)
    fit = int(min(by_height, by_power))
    if not fit:
        need = f"{full_server_w(a) / 1000:.2f}"
        raise Invalid(
            T(f"一台装满的服务器要 {need} kW，机架放不下", f"a full server draws {need} kW, more than a rack holds"),
            mend=T("提高 rack_kw 或 rack_units", "raise rack_kw or rack_units"),
        )
    return fit


def full_server_w(a: Assumptions) -> float:
    """Power of a server with all its disks."""
    return max(a["server_w"] + a["server_disks"] * a["disk_w"], 1.0)
