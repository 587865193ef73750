"""Region > data centre > hall > rack > host, in one order, so that every domain is a range of hosts."""

from enum import IntEnum

import numpy as np

from cloudhall.domains.compute.placement.columns import Ints, Small


class Level(IntEnum):
    """What a group is spread over or kept within."""

    HOST = 0
    RACK = 1
    HALL = 2
    CENTRE = 3
    REGION = 4


class Topology:
    """`domain[level, host]` numbers the domains of each level from 0 in fleet order; `start[level]` are their ranges.

    Each of `start` has a last entry for the end. Built in O(hosts): about 20 ms at 300,000.
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

    def hosts(self, level: int, domain: int) -> tuple[int, int]:
        """First host of a domain and the one after its last."""
        start = self.start[level]
        return int(start[domain]), int(start[domain + 1])


def _starts(domain: Small) -> Small:
    cut = np.flatnonzero(np.diff(domain, prepend=-1))
    return np.append(cut, len(domain)).astype(np.int32)
