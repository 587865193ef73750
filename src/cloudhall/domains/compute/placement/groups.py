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

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.columns import Ints, Small
from cloudhall.domains.compute.placement.topology import Level, Topology
from cloudhall.kernel.errors import Invalid
from cloudhall.kernel.text import T

LIMIT_MAX = at.MARK_COUNTS - 1


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a group. `limit` is the most members in a domain (apart) or the greatest skew (spread)."""

    kind: Literal["apart", "spread", "together"]
    level: Level
    limit: int = 1
    hard: bool = True

    def __post_init__(self) -> None:
        """Refuse a limit that no member could keep, or that nobody counts to."""
        if self.kind not in ("apart", "spread", "together") or not 1 <= self.limit <= LIMIT_MAX:
            raise Invalid(
                T(f"分组规则 {self.kind} {self.limit}", f"group rule {self.kind} {self.limit}"),
                mend=T(
                    f"apart、spread 或 together，上限 1 到 {LIMIT_MAX}",
                    f"apart, spread or together; a limit of 1 to {LIMIT_MAX}",
                ),
            )


def row_of(rules: Sequence[Rule]) -> Small:
    """Row of a group without members. The index follows one hard `apart` by itself and asks `judge` about all else."""
    level, limit = at.NO_RULE, 0
    if rules:
        level = at.ASK
        if len(rules) == 1 and rules[0].kind == "apart" and rules[0].hard:
            level, limit = int(rules[0].level), rules[0].limit
    row = np.zeros(at.GROUP_COLUMNS, np.int32)
    row[at.G_HEAD], row[at.G_LEVEL], row[at.G_LIMIT] = -1, level, limit
    return row


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
