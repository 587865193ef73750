"""Green: hosts of the best measured energy tier first; among equals, pack.

The tier goes before everything else because a packed host in a hall that burns more for cooling saves less than the
hall costs: tiers stand a tenth of power usage effectiveness apart, and an idle host takes about that of a busy one's.
"""

from typing import Any

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.jit import shared
from cloudhall.domains.compute.placement.profiles import pack

TIER_SHIFT = 2 * at.SHARE_BITS + 2


@shared
def score(host: Any, need: Any, mix: Any) -> Any:
    """Tier (0 is best, at most 31), then `pack`."""
    return (host[at.TIER] << TIER_SHIFT) + pack.score(host, need, mix)
