"""Chance of independent losses, in closed form. Pure.

`mean_time_h` is exact for parts that fail and are repaired independently with exponential times: the mean first passage
of a birth and death chain (Karlin and Taylor, A First Course in Stochastic Processes, 2nd ed., chapter 4). With two
parts it is (3λ + μ) / 2λ². The other two are what is published elsewhere, to be compared with it.
"""

from math import comb, exp, inf, prod

from cloudhall.domains.storage.plan.scheme import Scheme


def mean_time_h(scheme: Scheme, failures_h: float, window_h: float) -> float:
    """Mean hours until more parts of one volume are missing than may be; each is repaired for itself."""
    if not failures_h or not window_h:
        return inf
    passage = total = 0.0
    for missing in range(scheme.parity + 1):
        fail = (scheme.parts - missing) * failures_h
        passage = 1 / fail + missing / window_h / fail * passage
        total += passage
    return total


def crossings_h(parts: int, missing: int, failures_h: float, window_h: float) -> float:
    """How often an hour the parts missing of `parts` rise to `missing`, in the long run, whatever the distribution.

    Exact for independent parts that alternate between a mean life and a mean window, and are never started anew.
    """
    if not failures_h:
        return 0.0
    cycle_h = 1 / failures_h + window_h
    down = window_h / cycle_h
    return parts / cycle_h * comb(parts - 1, missing - 1) * down ** (missing - 1) * (1 - down) ** (parts - missing)


def textbook_h(scheme: Scheme, failures_h: float, window_h: float) -> float:
    """Losses an hour as products of rates: n·λ · Π (n−i)·λ·T / m!; good while λ·T is small."""
    n, m = scheme.parts, scheme.parity
    chain = prod((n - i) * failures_h * window_h for i in range(1, m + 1))
    return n * failures_h * chain / prod(range(1, m + 1))


def fixed_windows_year(scheme: Scheme, afr: float, window_h: float) -> float:
    """Losses a year by windows laid end to end, as Backblaze counts (erasure-coding-durability, 2018).

    Kinder than the truth by the factor m + 1: a loss that straddles two windows is not seen.
    """
    windows = 365 * 24 / window_h  # their year
    one = 1 - exp(-afr / windows)
    n = scheme.parts
    return windows * sum(comb(n, k) * one**k * (1 - one) ** (n - k) for k in range(scheme.parity + 1, n + 1))
