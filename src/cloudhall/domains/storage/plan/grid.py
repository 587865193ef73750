"""A cell as a grid of places: racks of servers of disks, all alike, and what a blow to one of them takes."""

import math
from typing import NamedTuple

from cloudhall.domains.storage.plan.scheme import Domain
from cloudhall.domains.storage.plan.sizing import Cell


class Grid(NamedTuple):
    """Places of a cell; a disk's number is (rack · servers + server) · disks + disk. `domain` keeps parts apart."""

    racks: int
    rack_servers: int
    server_disks: int
    domain: Domain

    @property
    def disks(self) -> int:
        """Places for disks."""
        return self.racks * self.rack_servers * self.server_disks

    @property
    def servers(self) -> int:
        """Places for servers."""
        return self.racks * self.rack_servers

    def span(self, level: Domain) -> int:
        """Disks below one unit of a level."""
        spans = {
            Domain.DISK: 1,
            Domain.SERVER: self.server_disks,
            Domain.RACK: self.server_disks * self.rack_servers,
        }
        return spans[level]

    def units(self, level: Domain) -> int:
        """Units of a level."""
        return self.disks // self.span(level)

    def together(self, level: Domain) -> int:
        """Failure domains that go with one unit of a level; 1 where the unit is no larger than a domain."""
        return max(self.span(level) // self.span(self.domain), 1)


def grid_of(cell: Cell, domain: Domain) -> Grid:
    """Grid of a cell, rounded up to be regular."""
    rack_servers = math.ceil(cell.servers / cell.racks)
    return Grid(cell.racks, rack_servers, math.ceil(cell.disks / (cell.racks * rack_servers)), domain)
