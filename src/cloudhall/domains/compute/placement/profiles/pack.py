"""Pack: the square of what is left over, cores and memory as shares of the host.

The square (L2) prefers the host that ends up full in every dimension at once to one that is full in one and empty in
the other, whose rest nobody could use. No dimension gets a weight: which of them is scarce changes with the day.
"""

from typing import Any

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.jit import shared

SHIFT = at.RECIPROCAL_BITS - at.SHARE_BITS


@shared
def score(host: Any, need: Any, mix: Any) -> Any:
    """Squares of the shares of shared cores, memory and dedicated cores that would stay free; below `2**32`."""
    cpu = (host[at.CPU] - need[at.CPU]) * host[at.R_CPU] >> SHIFT
    memory = (host[at.MEM] - need[at.MEM]) * host[at.R_MEM] >> SHIFT
    cores = (host[at.CORES] - need[at.CORES]) * host[at.R_CORES] >> SHIFT
    return cpu * cpu + memory * memory + cores * cores
