"""Which graphics processors of a host a request would take."""

from typing import Any

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.columns import Row
from cloudhall.domains.compute.placement.jit import shared

FULL = 1 << 20
"""More than any processor has left."""


@shared
def rank_cost(host: Row, need: Row, gpu: int) -> Any:
    """What is left of a processor; far more where that is too little."""
    left = host[at.GPU + gpu]
    return left + FULL * (left < need[at.GPU_MILLI])


@shared
def picked(host: Row, need: Row, gpu: int) -> Any:
    """1 where `gpu` is among the tightest that suffice, ties to the lowest number; else 0."""
    cost = rank_cost(host, need, gpu)
    before = 0
    for other in range(at.GPUS_MAX):
        other_cost = rank_cost(host, need, other)
        before = before + (other_cost < cost)
        if other < gpu:
            before = before + (other_cost == cost)
    return (before < need[at.NEED_GPUS]) & (cost < FULL)


@shared
def tightest(host: Row, need: Row) -> tuple[Any, ...]:
    """One entry a processor: whether it is taken."""
    return (
        picked(host, need, 0),
        picked(host, need, 1),
        picked(host, need, 2),
        picked(host, need, 3),
        picked(host, need, 4),
        picked(host, need, 5),
        picked(host, need, 6),
        picked(host, need, 7),
    )
