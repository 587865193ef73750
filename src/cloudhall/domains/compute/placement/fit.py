"""Does a host take a request: one pure test a constraint, over one host's row or over all hosts column by column.

To add a constraint, write a test, give `TESTS` its name for the explanation, and call it in `fits_one`, cheapest first.
Groups are not here: what binds machines to each other is `groups`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.columns import Ints, Row
from cloudhall.domains.compute.placement.devices import has_node
from cloudhall.domains.compute.placement.jit import shared
from cloudhall.domains.compute.placement.profiles import score


@shared
def has_labels(host: Row, need: Row) -> Any:
    """In service, and every required label, no forbidden one, no pool that was not asked for."""
    return (host[at.LABELS] & need[at.MASK]) == need[at.WANT]


@shared
def has_owner(host: Row, need: Row) -> Any:
    """Nobody's host or the owner's own; an owner takes an empty one."""
    return (host[at.OWNER] == need[at.NEED_OWNER]) | (
        (need[at.NEED_OWNER] > 0) & (host[at.OWNER] == 0) & (host[at.GUESTS] == 0)
    )


@shared
def has_cpu(host: Row, need: Row) -> Any:
    """Enough shared cores."""
    return host[at.CPU] >= need[at.CPU]


@shared
def has_memory(host: Row, need: Row) -> Any:
    """Enough memory."""
    return host[at.MEM] >= need[at.MEM]


@shared
def has_cores(host: Row, need: Row) -> Any:
    """Enough cores of one's own."""
    return host[at.CORES] >= need[at.CORES]


@shared
def has_both(host: Row, need: Row) -> Any:
    """Each NUMA node takes half of the request, rounded up."""
    cpu, memory = (need[at.CPU] + need[at.CORES] + 1) // 2, (need[at.MEM] + 1) // 2
    first = (host[at.NODE_CPU] >= cpu) & (host[at.NODE_MEM] >= memory)
    return first & (host[at.NODE_CPU + 1] >= cpu) & (host[at.NODE_MEM + 1] >= memory)


@shared
def has_nodes(host: Row, need: Row) -> Any:
    """On a host of two nodes one takes all or both take half, as asked; a plain host counts as one node."""
    paired = (host[at.LABELS] & at.PAIRED) != 0
    one = (need[at.NUMA] != at.BOTH) & (
        (host[at.LABELS] & at.PAIRED == 0) | has_node(host, need, 0) | has_node(host, need, 1)
    )
    return one | ((need[at.NUMA] != at.ONE) & paired & has_both(host, need))


@shared
def has_gpus(host: Row, need: Row) -> Any:
    """As many graphics processors with enough left as are asked for."""
    enough = 0
    for gpu in range(at.GPUS_MAX):
        enough = enough + (host[at.GPU + gpu] >= need[at.GPU_MILLI])
    return enough >= need[at.NEED_GPUS]


TESTS: dict[str, Callable[[Row, Row], Any]] = {
    "labels": has_labels,
    "owner": has_owner,
    "cpu": has_cpu,
    "memory": has_memory,
    "cores": has_cores,
    "numa": has_nodes,
    "gpus": has_gpus,
}
"""In the order in which a refusal counts them: each host at the first that fails."""


@shared
def missing(host: Row, need: Row) -> Any:
    """How many preferred labels the host lacks (set bits of a 64-bit word, counted in parallel)."""
    word = need[at.PREFER] & ~host[at.LABELS]
    word = word - ((word >> 1) & 0x5555555555555555)
    word = (word & 0x3333333333333333) + ((word >> 2) & 0x3333333333333333)
    word = (word + (word >> 4)) & 0x0F0F0F0F0F0F0F0F
    word = word + (word >> 8)
    word = word + (word >> 16)
    return (word + (word >> 32)) & 0x7F


@shared
def fits_one(host: Row, need: Row) -> bool:
    """All tests on one host, the cheap ones first."""
    if not (has_cpu(host, need) and has_memory(host, need) and has_cores(host, need) and has_labels(host, need)):
        return False
    if host[at.OWNER] != need[at.NEED_OWNER] and not (need[at.NEED_OWNER] and has_owner(host, need)):
        return False
    if host[at.LABELS] & at.PAIRED:
        if not has_nodes(host, need):
            return False
    elif need[at.NUMA] == at.BOTH:
        return False
    return not need[at.NEED_GPUS] or bool(has_gpus(host, need))


@shared
def key_of(host: Ints, number: int, need: Ints, mix: Ints) -> int:
    """Key of the host whose row this is: penalty, score, number; `NONE` where it does not fit."""
    if not fits_one(host, need):
        return at.NONE
    value = score(host, need, mix)
    if need[at.PREFER]:
        value += missing(host, need) << at.SCORE_BITS
    key: int = (value << at.HOST_BITS) | number
    return key


@shared
def key_one(books: Any, number: int, need: Ints) -> int:
    """Key of one host; plain hosts are read from `hot` where the class asks for nothing that stands elsewhere."""
    host = books.hot[number]
    if not need[at.PLAIN] or host[at.LABELS] & at.PAIRED:
        host = books.hosts[number]
    return int(key_of(host, number, need, books.mix))


def keys_all(hosts: Ints, need: Ints, mix: Ints) -> Ints:
    """Keys of every host by NumPy: about 3 ms at 300,000."""
    columns = hosts.T
    value = score(columns, need, mix) + (missing(columns, need) << at.SCORE_BITS)
    keys: Ints = (value << at.HOST_BITS) | np.arange(len(hosts))
    for test in TESTS.values():
        keys[~test(columns, need)] = at.NONE
    return keys
