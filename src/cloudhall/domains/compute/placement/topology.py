"""Region > data centre > hall > rack > host, in one order, so that every domain is a range of hosts.

Blocks cut racks into pieces of at most `BLOCK_HOSTS`: the leaves of the index. A block never crosses a rack, so every
domain is a range of blocks too.
"""

from enum import IntEnum

import numpy as np

from cloudhall.domains.compute.placement.columns import Ints, Small

BLOCK_HOSTS = 16
"""Twice as many make looking through a block dearer, half as many the trees: 16 was best of 8, 16, 40 and 64."""


class Level(IntEnum):
    """What a group is spread over or kept within."""

    HOST = 0
    RACK = 1
    HALL = 2
    CENTRE = 3
    REGION = 4


class Topology:
    """`domain[level, host]` numbers the domains of each level from 0 in fleet order; `start[level]` are their ranges.

    `block_start` has a last entry for the end. Built in O(hosts): about 30 ms at 300,000.
    """

    def __init__(self, rack: Ints, hall: Ints, centre: Ints, region: Ints) -> None:
        """Columns are numbers per host, in fleet order: equal ones must lie side by side, level within level."""
        count = len(rack)
        self.domain: Small = np.zeros((len(Level), count), np.int32)
        self.domain[Level.HOST] = np.arange(count)
        new = np.zeros(count, bool)
        for level, column in ((4, region), (3, centre), (2, hall), (1, rack)):
            new[1:] |= column[1:] != column[:-1]
            self.domain[level] = np.cumsum(new)
        self.start = [_starts(self.domain[level]) for level in Level]
        first = self.start[Level.RACK][self.domain[Level.RACK]]
        inside = np.arange(count) - first
        cut = (inside % BLOCK_HOSTS == 0) if count else np.zeros(0, bool)
        self.block_start: Small = np.append(np.flatnonzero(cut), count).astype(np.int32)
        self.block_of: Small = (np.cumsum(cut) - 1).astype(np.int32)

    def hosts(self, level: int, domain: int) -> tuple[int, int]:
        """First host of a domain and the one after its last."""
        start = self.start[level]
        return int(start[domain]), int(start[domain + 1])


def _starts(domain: Small) -> Small:
    cut = np.flatnonzero(np.diff(domain, prepend=-1))
    return np.append(cut, len(domain)).astype(np.int32)
