"""Defragmentation: empty the hosts that cost least to empty, into hosts that are in use anyway.

Hosts with the fewest guests come first: each freed host saves the same, so the cheapest ones give most for the budget.
A host is emptied wholly or left alone. Gained are hosts to be switched off, or taken by what needs a whole one.
"""

import contextlib

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.columns import Ints
from cloudhall.domains.compute.placement.engine import Engine, Refusal
from cloudhall.domains.compute.placement.planner.aside import drained
from cloudhall.domains.compute.placement.planner.plan import Budget, Moves, Plan, Step, basis_of
from cloudhall.kernel.text import T

FAILURES_MAX = 32
"""After so many hosts in a row that cannot be emptied, fuller ones hardly can."""


def defragment(engine: Engine, budget: Budget) -> Plan:
    """Plan that frees as many hosts as the budget pays. O(hosts) plus 20 microseconds a move tried."""
    steps: list[Step] = []
    freed: list[int] = []
    failures = 0
    with engine.trial(), contextlib.ExitStack() as closed:
        closed.enter_context(drained(engine, _empty(engine)))
        for host in _by_guests(engine):
            more = _emptied(engine, host, _left(budget, steps))
            failures = 0 if more else failures + 1
            if failures == FAILURES_MAX or len(steps) == budget.moves:
                break
            if more:
                steps += more
                freed.append(host)
                engine.drain(host)
    moves = Moves.of(steps)
    return Plan(
        purpose=T("整理碎片", "defragmentation"),
        gain=T(f"空出 {len(freed)} 台主机", f"{len(freed)} hosts freed"),
        moves=moves,
        basis=basis_of(engine, moves),
    )


def _empty(engine: Engine) -> Ints:
    return np.flatnonzero(engine.state.books.hosts[:, at.GUESTS] == 0)


def _by_guests(engine: Engine) -> list[int]:
    """Used hosts in service, the ones with the fewest guests first, then the emptiest in memory."""
    hosts = engine.state.books.hosts
    used = np.flatnonzero((hosts[:, at.GUESTS] > 0) & (hosts[:, at.LABELS] & (at.DRAINED | at.FAILED) == 0))
    return [int(host) for host in used[np.lexsort((used, -hosts[used, at.MEM], hosts[used, at.GUESTS]))]]


def _left(budget: Budget, steps: list[Step]) -> Budget:
    return Budget(budget.moves - len(steps), budget.memory_mib - sum(step.memory_mib for step in steps))


def _emptied(engine: Engine, host: int, budget: Budget) -> list[Step]:
    """Steps that empty a host within the budget, done; or none, and nothing done."""
    guests = [engine.allocation(id) for id in engine.guests(host)]
    if len(guests) > budget.moves or sum(g.request.memory_mib for g in guests) > budget.memory_mib:
        return []
    steps: list[Step] = []
    for guest in sorted(guests, key=lambda g: (-g.request.memory_mib, g.id)):
        answer = engine.move(guest.id)
        if isinstance(answer, Refusal):
            for step in reversed(steps):
                engine.move(step.id, host)
            return []
        steps.append(Step(guest.id, host, answer.host, guest.request.memory_mib))
    return steps
