"""Which NUMA node and which graphics processors of a host a request would take; arithmetic only, as in `fit`."""

from typing import Any

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.columns import Row
from cloudhall.domains.compute.placement.jit import shared


@shared
def has_node(host: Row, need: Row, node: int) -> Any:
    """NUMA node `node` takes the whole request."""
    return (host[at.NODE_CPU + node] >= need[at.CPU] + need[at.CORES]) & (host[at.NODE_MEM + node] >= need[at.MEM])


@shared
def on_first(host: Row, need: Row) -> Any:
    """1 where the request goes whole to the first node: it fits there and the second is not emptier; else 0.

    The emptier node, because a request that is split takes the same from both: what it finds is twice the fuller one.
    """
    second = has_node(host, need, 1) & (host[at.NODE_MEM + 1] > host[at.NODE_MEM])
    return (has_node(host, need, 0) & (second == 0)) * (need[at.NUMA] != at.BOTH)


@shared
def on_second(host: Row, need: Row) -> Any:
    """1 where the request goes whole to the second node; else 0. Where neither is, it is split."""
    return (has_node(host, need, 1) * (need[at.NUMA] != at.BOTH)) * (1 - on_first(host, need))


@shared
def gpus_taken(host: Row, need: Row) -> Any:
    """A bit a processor: the tightest that suffice, as many as are asked for, ties to the lowest number."""
    bits = 0 * host[at.GPU]
    for gpu in range(at.GPUS_MAX):
        left = host[at.GPU + gpu]
        before = 0 * left
        for other in range(at.GPUS_MAX):
            tighter = host[at.GPU + other] - (other < gpu)  # an equal one of lower number goes first
            before = before + ((host[at.GPU + other] >= need[at.GPU_MILLI]) & (tighter < left))
        bits = bits + (((before < need[at.NEED_GPUS]) & (left >= need[at.GPU_MILLI])) << gpu)
    return bits
