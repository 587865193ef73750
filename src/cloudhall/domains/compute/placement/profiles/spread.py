"""Spread: the emptiest host first, for those who would rather share a host with few than save one."""

from typing import Any

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.jit import shared
from cloudhall.domains.compute.placement.profiles import pack

EMPTY = 3 << 2 * at.SHARE_BITS
"""The most that `pack` can say: all three dimensions wholly free."""


@shared
def score(host: Any, need: Any, mix: Any) -> Any:
    """`pack` the other way round."""
    return EMPTY - pack.score(host, need, mix)
