"""NUMA: pack, and keep pairs of nodes that are free alike.

A machine that is split needs the same room on both nodes of one host, so room that only one node has serves it not at
all. What a placement takes from the lesser of the two nodes is added to `pack` in the same unit, squares of shares: a
machine that lies on one node goes where the other node is the fuller one already.
"""

from typing import Any

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.devices import on_first, on_second
from cloudhall.domains.compute.placement.jit import shared
from cloudhall.domains.compute.placement.profiles import pack

SHIFT = at.RECIPROCAL_BITS - at.SHARE_BITS


@shared
def lesser(one: Any, other: Any) -> Any:
    """The minimum, in arithmetic that holds for columns too."""
    return (one + other - abs(one - other)) // 2


@shared
def score(host: Any, need: Any, mix: Any) -> Any:
    """`pack`, and the loss of paired memory as a share of the host, times one whole share."""
    first, second = on_first(host, need), on_second(host, need)
    half = (1 - first - second) * ((need[at.MEM] + 1) // 2)
    before = lesser(host[at.NODE_MEM], host[at.NODE_MEM + 1])
    after = lesser(
        host[at.NODE_MEM] - first * need[at.MEM] - half, host[at.NODE_MEM + 1] - second * need[at.MEM] - half
    )
    lost = (before - after) * host[at.R_MEM] >> SHIFT
    return pack.score(host, need, mix) + (lost << at.SHARE_BITS)
