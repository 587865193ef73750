"""The best host by brute force, one host after the other in plain Python: what every other way is checked against.

It shares the pure functions of one host (`fit.TESTS`, `profiles.score`) and nothing else: no index, no column, no
compiled code. O(hosts): 3 s at 300,000.
"""

from cloudhall.domains.compute.placement.fit import TESTS, missing
from cloudhall.domains.compute.placement.groups import breaches
from cloudhall.domains.compute.placement.profiles import score
from cloudhall.domains.compute.placement.state import State


def best_host(state: State, class_: int, group: int = -1) -> int:
    """Host of the least (soft breaches, preferred labels missing, score, number), or -1."""
    books, topology = state.books, state.fleet.topology
    need, rules = books.classes[class_].tolist(), state.rules[group] if group >= 0 else ()
    counted = [(rule, breaches(rule, state.member_hosts(group), topology)) for rule in rules]
    found = []
    for number, host in enumerate(books.hosts.tolist()):
        broken = [(rule.hard, int(by[topology.domain[rule.level, number]])) for rule, by in counted]
        if all(test(host, need) for test in TESTS.values()) and not any(by for hard, by in broken if hard):
            soft = sum(by for hard, by in broken if not hard)
            found.append((soft, missing(host, need), score(host, need, books.mix), number))
    return min(found)[-1] if found else -1
