"""How many parts of a volume one blow takes. Pure, and in sums of positive terms, so that tiny chances stay exact.

A distribution is a list: the chance that none, one, two … of the parts are missing.
"""

import functools
from collections.abc import Sequence
from math import comb

Chances = Sequence[float]


def at_least(chances: Chances, least: int) -> float:
    """Chance of that many or more."""
    return sum(chances[least:])


def each(parts: int, chance: float) -> list[float]:
    """Each part by itself: the binomial distribution."""
    return [comb(parts, k) * chance**k * (1 - chance) ** (parts - k) for k in range(parts + 1)]


def one_of(places: int, together: int, parts: int) -> list[float]:
    """One unit of `together` places is gone, parts lie on different places at random: hypergeometric."""
    ways = comb(places, parts)
    return [comb(together, k) * comb(places - together, parts - k) / ways for k in range(parts + 1)]


def each_unit(units: int, places: int, parts: int, chance: float) -> list[float]:
    """Each unit of `places` places goes with a chance; parts lie on different places, several may share a unit.

    Counts ways by a polynomial a unit, in parts laid and parts gone; multiplied by halving, since all units are alike.
    """
    one = {(k, gone): comb(places, k) * p for k in range(parts + 1) for gone, p in _goes(k, chance)}
    ways = _power(one, units, parts)
    return [ways.get((parts, gone), 0.0) / comb(units * places, parts) for gone in range(parts + 1)]


def _goes(laid: int, chance: float) -> list[tuple[int, float]]:
    return [(laid, chance), (0, 1 - chance)] if laid else [(0, 1.0)]


Ways = dict[tuple[int, int], float]


def _power(one: Ways, exponent: int, parts: int) -> Ways:
    made: Ways = {(0, 0): 1.0}
    while exponent:
        if exponent & 1:
            made = _product(made, one, parts)
        one, exponent = _product(one, one, parts), exponent >> 1
    return made


def _product(left: Ways, right: Ways, parts: int) -> Ways:
    made: Ways = {}
    for (a, b), p in left.items():
        for (c, d), q in right.items():
            if a + c <= parts and p * q:
                made[a + c, b + d] = made.get((a + c, b + d), 0.0) + p * q
    return made


def beside(struck: Chances, missing: float) -> list[float]:
    """Parts that a blow took, and of the others those that were missing already, each with a chance."""
    parts = len(struck) - 1
    found = [0.0] * (parts + 1)
    for gone, p in enumerate(struck):
        for more, q in enumerate(each(parts - gone, missing)):
            found[gone + more] += p * q
    return found


@functools.lru_cache(maxsize=200_000)
def missing_of(lost: tuple[int, ...], domains: int, places: int, parts: int) -> tuple[float, ...]:
    """Parts missing of a volume at random, where `lost` says how many of the `places` of some domains are gone.

    A volume's parts lie in different domains, each on one place of its domain. Cost: domains hit times parts squared.
    """
    ways = [[0.0] * (parts + 1) for _ in range(parts + 1)]  # [domains taken of those hit][of these, parts missing]
    ways[0][0] = 1.0
    for number, count in enumerate(lost):
        gone = count / places
        for taken in range(min(number + 1, parts), 0, -1):
            before, row = ways[taken - 1], ways[taken]
            for missing in range(taken, 0, -1):
                row[missing] += before[missing] * (1 - gone) + before[missing - 1] * gone
            row[0] += before[0] * (1 - gone)
    whole, rest = comb(domains, parts), domains - len(lost)
    others = [comb(rest, parts - taken) / whole for taken in range(parts + 1)]
    return tuple(sum(others[t] * ways[t][m] for t in range(m, parts + 1)) for m in range(parts + 1))
