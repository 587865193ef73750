"""The fleet as it was bought: hosts in topology order, what each holds, its labels and its tier.

Nothing is placed here. A `Fleet` does not change; growing makes another. A host's number is its position in topology
order and breaks ties.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.columns import Ints
from cloudhall.domains.compute.placement.labels import Labels
from cloudhall.domains.compute.placement.topology import Topology
from cloudhall.kernel.errors import Invalid
from cloudhall.kernel.text import T

SHAPE = re.compile(r"(\d+)c(\d+)g")
TIERS = 32


@dataclass(frozen=True, eq=False)
class Fleet:
    """Columns have one entry a host, in topology order. `capacity` is a matrix of `columns`, read only."""

    names: tuple[str, ...]
    capacity: Ints
    topology: Topology
    labels: Labels

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def of(
        cls,
        shape: str,
        hosts: int,
        *,
        rack_hosts: int = 40,
        hall_racks: int = 750,
    ) -> "Fleet":
        """Equal hosts of `shape`, such as `48c120g` (cores, GiB), in racks and halls of one centre."""
        found = SHAPE.fullmatch(shape)
        if not found:
            raise Invalid(T(f"主机规格“{shape}”", f"host {shape!r}"), mend=T("形如 48c120g", "as in 48c120g"))
        rack = np.arange(hosts) // rack_hosts
        return cls.from_arrays(
            cpu_milli=np.full(hosts, int(found[1]) * 1000),
            memory_mib=np.full(hosts, int(found[2]) * 1024),
            rack=rack,
            hall=rack // hall_racks,
        )

    @classmethod
    def from_arrays(  # noqa: PLR0913 - one argument a column
        cls,
        *,
        cpu_milli: Ints,
        memory_mib: Ints,
        cores_milli: Ints | None = None,
        rack: Ints | None = None,
        hall: Ints | None = None,
        centre: Ints | None = None,
        region: Ints | None = None,
        labels: Labels | None = None,
        label_bits: Ints | None = None,
        tier: Ints | None = None,
        paired: Ints | None = None,
        gpus: Ints | None = None,
        names: Sequence[str] | None = None,
    ) -> "Fleet":
        """Equal numbers of a domain must lie side by side. A paired host's nodes have half of everything each."""
        count = len(cpu_milli)
        zeros = np.zeros(count, np.int64)
        _check(count, cpu_milli, memory_mib, *(c for c in (cores_milli, tier, gpus) if c is not None))
        capacity = np.zeros((count, at.HOST_COLUMNS), np.int64)
        capacity[:, at.CPU], capacity[:, at.MEM] = cpu_milli, memory_mib
        capacity[:, at.CORES] = zeros if cores_milli is None else cores_milli
        capacity[:, at.LABELS] = zeros if label_bits is None else label_bits
        capacity[:, at.TIER] = zeros if tier is None else np.minimum(tier, TIERS - 1)
        capacity[:, at.HEAD] = -1
        for reciprocal, column in ((at.R_CPU, at.CPU), (at.R_MEM, at.MEM), (at.R_CORES, at.CORES)):
            size = capacity[:, column]
            capacity[:, reciprocal] = np.where(size > 0, (1 << at.RECIPROCAL_BITS) // np.maximum(size, 1), 0)
        if gpus is not None:
            capacity[:, at.GPU : at.GPU + at.GPUS_MAX] = 1000 * (np.arange(at.GPUS_MAX) < np.asarray(gpus)[:, None])
        if paired is not None:
            _pair(capacity, np.flatnonzero(paired))
        rack, hall, centre, region = (
            zeros if c is None else np.asarray(c, np.int64) for c in (rack, hall, centre, region)
        )
        given = tuple(names) if names is not None else tuple(f"h{number:06}" for number in range(count))
        _unique(given)
        capacity.setflags(write=False)
        return cls(given, capacity, Topology(rack, hall, centre, region), labels or Labels())


def _check(count: int, *columns: Ints) -> None:
    if count > at.HOSTS_MAX:
        raise Invalid(
            T(f"{count} 台主机", f"{count} hosts"), mend=T(f"最多 {at.HOSTS_MAX} 台", f"at most {at.HOSTS_MAX}")
        )
    for column in columns:
        if len(column) != count or (count and (int(np.min(column)) < 0 or int(np.max(column)) >= 1 << 31)):
            raise Invalid(T("各列须等长，数值在 0 与 2^31-1 之间", "columns must be equally long, values 0 to 2^31-1"))


def _unique(names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        seen: set[str] = set()
        twice = next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]  # add
        raise Invalid(T(f"主机“{twice}”出现两次", f"host {twice!r} is there twice"))


def _pair(capacity: Ints, hosts: Ints) -> None:
    """Split cores and memory of `hosts` into two nodes; an odd unit belongs to the first."""
    capacity[hosts, at.LABELS] |= at.PAIRED
    for node in range(2):
        capacity[hosts, at.NODE_CPU + node] = (capacity[hosts, at.CPU] + capacity[hosts, at.CORES] + 1 - node) // 2
        capacity[hosts, at.NODE_MEM + node] = (capacity[hosts, at.MEM] + 1 - node) // 2
