"""Graphics processors: what the expected work could no longer use, then the fullest host.

Fragmentation (Weng et al., "Beware of Fragmentation", USENIX ATC 2023) is the share of a host's free thousandths that a
task drawn from the expected mix could not use there, for want of cores or of processors with enough left. The score is
how much the placement adds to it. Among hosts that are alike in this the fuller one is better, as in `pack`: the free
processors and the free cores of a large host weigh at most `TIE_MILLI` thousandths each, together an eighth of a
processor, so that they decide between hosts and not against the fragmentation. Both are counted against one fixed
size, not against the host's own: what is kept free for the work to come is a number of cores, not a share.

Costs O(rows of the mix) a host: 1 microsecond for 64 types of task.
"""

from typing import Any

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.devices import gpus_taken
from cloudhall.domains.compute.placement.jit import shared

TIE_MILLI = 60
CPU_MILLI = 128_000
"""Cores of a large host."""
GPUS_MILLI = 1000 * at.GPUS_MAX


@shared
def useless(host: Any, need: Any, mix: Any, row: int, placed: int, taken: Any) -> Any:
    """Free thousandths that tasks of one type cannot use, after the placement (`placed` 1, `taken` bits) or before."""
    cpu = host[at.CPU] - placed * need[at.CPU]
    enough, lost, free = 0 * cpu, 0 * cpu, 0 * cpu
    for gpu in range(at.GPUS_MAX):
        left = host[at.GPU + gpu] - (taken >> gpu & 1) * need[at.GPU_MILLI]
        serves = (left >= mix[row, at.MIX_GPU_MILLI]) * 1
        enough = enough + serves
        lost = lost + left * (1 - serves)
        free = free + left
    fits = (cpu >= mix[row, at.MIX_CPU]) & (enough >= mix[row, at.MIX_GPUS])
    return free + (lost - free) * fits


@shared
def score(host: Any, need: Any, mix: Any) -> Any:
    """Fragmentation added (never below 0 by its offset), and the tie-break, in thousandths times `MIX_TOTAL`."""
    taken = gpus_taken(host, need)
    added, free = 0 * taken, 0 * taken
    for row in range(len(mix)):
        more = useless(host, need, mix, row, 1, taken) - useless(host, need, mix, row, 0, 0 * taken)
        added = added + mix[row, at.MIX_WEIGHT] * more
    for gpu in range(at.GPUS_MAX):
        free = free + host[at.GPU + gpu]
    gpus = ((free - need[at.NEED_GPUS] * need[at.GPU_MILLI]) << at.SHARE_BITS) // GPUS_MILLI
    cpu = ((host[at.CPU] - need[at.CPU]) << at.SHARE_BITS) // CPU_MILLI
    tie = (cpu + gpus) * TIE_MILLI * at.MIX_TOTAL >> at.SHARE_BITS
    return added + GPUS_MILLI * at.MIX_TOTAL + tie
