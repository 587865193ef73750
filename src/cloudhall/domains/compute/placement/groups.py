"""What binds machines to each other: rules of a group, and which hosts they leave open for the next member.

    apart     at most `limit` members in one domain of the level
    spread    members per domain of the level differ by at most `limit` between any two domains
    together  all members in one domain of the level; the first one chooses

A soft rule refuses nothing: hosts are taken in order of how far they break the soft rules, then by key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cloudhall.domains.compute.placement.columns import Ints
from cloudhall.domains.compute.placement.topology import Level, Topology


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a group. `limit` is the most members in a domain (apart) or the greatest skew (spread)."""

    kind: Literal["apart", "spread", "together"]
    level: Level
    limit: int = 1
    hard: bool = True


def breaches(rule: Rule, members: Ints, topology: Topology) -> Ints:
    """By how much one more member in each domain of the level would break the rule; `members` are host numbers."""
    domains = len(topology.start[rule.level]) - 1
    count = np.bincount(topology.domain[rule.level][members], minlength=domains)
    if rule.kind == "together":
        return np.where(count > 0, 0, min(1, len(members))).astype(np.int64)
    floor = int(count.min()) if rule.kind == "spread" else 0
    return np.maximum(count + 1 - floor - rule.limit, 0).astype(np.int64)


def judge(rules: Sequence[Rule], members: Ints, topology: Topology) -> tuple[Ints, Ints]:
    """Per host: breaches of the hard rules and of the soft ones."""
    hard = np.zeros(topology.domain.shape[1], np.int64)
    soft = hard.copy()
    for rule in rules:
        (hard if rule.hard else soft)[:] += breaches(rule, members, topology)[topology.domain[rule.level]]
    return hard, soft
