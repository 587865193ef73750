"""Score profiles: what makes one host that fits better than another. The lowest score wins, ties go to the lowest host.

A profile is a file with one pure function `score(host, need, mix)` over integers from 0 to `2**SCORE_BITS - 1`. `host`
is a row of `columns` as it is before the placement, or the whole matrix column by column: the same text scores one host
in compiled code and all of them in NumPy, so it holds arithmetic only, no branch on a host's values. To add one, copy
`pack.py` and list it in `NAMES` and `score`.
"""

from typing import Any

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.jit import shared
from cloudhall.domains.compute.placement.profiles import gpu, green, numa, pack, spread

NAMES = ("pack", "spread", "green", "gpu", "numa")
OF_HOT = ("pack", "spread")
"""Those that read the first columns of a host alone (`columns.HOT_COLUMNS`)."""


@shared
def score(host: Any, need: Any, mix: Any) -> Any:
    """Score `host` by the profile that `need` asks for."""
    if need[at.PROFILE] == 1:
        return spread.score(host, need, mix)
    if need[at.PROFILE] == 2:
        return green.score(host, need, mix)
    if need[at.PROFILE] == 3:
        return gpu.score(host, need, mix)
    if need[at.PROFILE] == 4:
        return numa.score(host, need, mix)
    return pack.score(host, need, mix)
