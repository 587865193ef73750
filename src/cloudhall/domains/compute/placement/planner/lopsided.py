"""How lopsided the free room of a host is: cores without memory are of no use, nor is memory without cores."""

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.columns import Ints

SHIFT = at.RECIPROCAL_BITS - at.SHARE_BITS
DIMENSIONS = ((at.CPU, at.R_CPU), (at.MEM, at.R_MEM), (at.CORES, at.R_CORES))


def imbalance(hosts: Ints) -> Ints:
    """Square of the difference between the largest and the smallest free share; below `2**30`.

    Squared, so that two hosts a little out of balance are better than one that is far out. A dimension that a host does
    not have is not counted.
    """
    shares = np.stack([hosts[:, size] * hosts[:, reciprocal] >> SHIFT for size, reciprocal in DIMENSIONS], 1)
    has = hosts[:, [reciprocal for _, reciprocal in DIMENSIONS]] > 0
    largest = np.where(has, shares, 0).max(1)
    smallest = np.where(has, shares, 1 << at.SHARE_BITS).min(1)
    square: Ints = np.maximum(largest - smallest, 0) ** 2
    return square
