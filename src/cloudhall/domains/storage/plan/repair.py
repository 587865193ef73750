"""What repair costs: bytes read and written for a lost disk, and how long its data lack one part. Pure.

A lost disk is rebuilt from and onto all disks of its cell; its data count as lacking a part until all of it is done.
"""

from typing import NamedTuple

from cloudhall.domains.storage.plan.assumptions import Assumptions
from cloudhall.domains.storage.plan.scheme import Scheme
from cloudhall.domains.storage.plan.sizing import MB, Layout

HOUR_S = 3600
YEAR_S = 365.25 * 24 * HOUR_S
YEAR_H = YEAR_S / HOUR_S
BYTE_BITS = 8


class Repair(NamedTuple):
    """Repair of one disk, and of all that fail."""

    disk_bytes: int
    moved_bytes: int
    rate_bytes_s: float
    detection_h: float
    rebuild_h: float
    failures_year: float

    @property
    def window_h(self) -> float:
        """How long data of a lost disk lack one part."""
        return self.detection_h + self.rebuild_h

    @property
    def year_bytes(self) -> int:
        """Bytes moved in a year."""
        return round(self.moved_bytes * self.failures_year)

    @property
    def mean_gbit_s(self) -> float:
        """What repairs take of all networks on average."""
        return self.year_bytes * BYTE_BITS / YEAR_S / 1e9


def repair_of(layout: Layout, scheme: Scheme, a: Assumptions) -> Repair:
    """How a lost disk is repaired in its cell."""
    cell = layout.cell
    disk_bytes = round(cell.data_bytes * scheme.overhead / cell.disks)
    moved = disk_bytes * (scheme.data + 1)  # k parts are read to make one anew, which is written
    rate = _rate_bytes_s(cell.disks, cell.servers, a)
    return Repair(
        disk_bytes=disk_bytes,
        moved_bytes=moved,
        rate_bytes_s=rate,
        detection_h=a["detection_h"],
        rebuild_h=moved / rate / HOUR_S,
        failures_year=layout.cells * cell.disks * a["disk_afr"],
    )


def _rate_bytes_s(disks: int, servers: int, a: Assumptions) -> float:
    """Bytes a second that a cell moves for repairs: by the throttle if there is one, by disks, and by network."""
    by_disk = min(a["repair_mb_s"] or a["disk_mb_s"], a["disk_mb_s"]) * MB * disks
    by_network = servers * a["server_gbit_s"] * 1e9 / BYTE_BITS
    return float(min(by_disk, by_network))
