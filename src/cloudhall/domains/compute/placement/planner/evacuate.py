"""Evacuation: everybody leaves some hosts, the most important first, each for the best host elsewhere.

Order: service level, then the largest (who is hardest to place chooses while there is most room), then the eldest.
A budget ends the plan after the last move that it pays, so what it pays is what matters most.
"""

from collections.abc import Callable, Sequence

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.columns import Ints
from cloudhall.domains.compute.placement.engine import Engine
from cloudhall.domains.compute.placement.ledger import SERIAL_SHIFT
from cloudhall.domains.compute.placement.planner.aside import drained, moved
from cloudhall.domains.compute.placement.planner.plan import Budget, Moves, Plan, basis_of
from cloudhall.domains.compute.placement.topology import Level
from cloudhall.kernel.errors import NotFound
from cloudhall.kernel.text import T

Service = Callable[[Ints], Ints]
"""Service level of allocations by their numbers: 0 leaves first."""
NO_LIMIT = Budget()


def hosts_of(engine: Engine, level: Level, domains: Sequence[int]) -> Ints:
    """Hosts of some domains of a level. `NotFound` where there is no such domain."""
    topology = engine.fleet.topology
    count = len(topology.start[level]) - 1
    for domain in domains:
        if not 0 <= domain < count:
            raise NotFound(
                T(f"没有第 {domain} 个 {level.name}", f"there is no {level.name.lower()} {domain}"),
                mend=T(f"共 {count} 个，从 0 数起", f"there are {count}, counted from 0"),
            )
    ranges = [np.arange(*topology.hosts(level, domain)) for domain in sorted(set(domains))]
    return np.concatenate(ranges).astype(np.int64)


def evacuate(engine: Engine, hosts: Ints, *, service: Service | None = None, budget: Budget = NO_LIMIT) -> Plan:
    """Plan that empties `hosts`, drained first. A rack of 300,000 hosts takes ms, a hall 1 s."""
    rows = _rows_on(engine, hosts)
    rows = rows[_order(engine, rows, service)]
    memory = engine.state.books.classes[_classes(engine, rows), at.MEM]
    paid = min(budget.moves, int(np.searchsorted(memory.cumsum(), budget.memory_mib, side="right")))
    rows, memory, later = rows[:paid], memory[:paid], max(len(rows) - paid, 0)
    ids = _ids(engine, rows)
    sources = engine.state.books.allocs[rows, at.HOST].astype(np.int64)
    with drained(engine, hosts), moved(engine, ids.tolist(), rows) as targets:
        gone = targets >= 0
        moves = Moves(ids[gone], sources[gone], targets[gone].astype(np.int64), memory[gone])
    drain = tuple(hosts.tolist())
    stay = tuple(ids[~gone].tolist())
    return Plan(
        purpose=T(f"腾空 {len(hosts)} 台主机", f"empty {len(hosts)} hosts"),
        gain=_gain(engine, hosts, sources[gone], later + len(stay)),
        moves=moves,
        basis=basis_of(engine, moves, drain),
        drain=drain,
        stay=stay,
        later=later,
    )


def _gain(engine: Engine, hosts: Ints, left: Ints, behind: int) -> T:
    """How many hosts nobody is on any more."""
    guests = engine.state.books.hosts[hosts, at.GUESTS]
    gone = np.bincount(left, minlength=int(hosts.max(initial=0)) + 1)[hosts]
    empty = int(np.count_nonzero(guests == gone))
    return T(f"{empty} 台主机空出，{behind} 台虚拟机仍在", f"{empty} hosts empty, {behind} machines still there")


def _rows_on(engine: Engine, hosts: Ints) -> Ints:
    """Rows of the allocations on some hosts: along their lists where they are few, else in one pass over all."""
    books = engine.state.books
    if int(books.hosts[hosts, at.GUESTS].sum()) * 64 > len(books.allocs):
        wanted = np.zeros(len(books.hosts) + 1, bool)  # a free row's host is -1: the last entry
        wanted[hosts] = True
        return np.flatnonzero(wanted[books.allocs[:, at.HOST]])
    rows = []
    for head in books.hosts[hosts, at.HEAD].tolist():
        row = head
        while row >= 0:
            rows.append(row)
            row = int(books.allocs[row, at.NEXT])
    return np.array(rows, np.int64)


def _order(engine: Engine, rows: Ints, service: Service | None) -> Ints:
    books = engine.state.books
    need = books.classes[_classes(engine, rows)]
    level = _own_first(need) if service is None else service(_ids(engine, rows))
    return np.lexsort((books.allocs[rows, at.SERIAL], -need[:, at.CPU], -need[:, at.MEM], level))


def _own_first(need: Ints) -> Ints:
    """Without a word on service: those who pay for hosts or cores of their own before those who share."""
    return np.where((need[:, at.NEED_OWNER] > 0) | (need[:, at.CORES] > 0), 0, 1)


def _classes(engine: Engine, rows: Ints) -> Ints:
    words: Ints = engine.state.books.allocs[rows, at.CLASS].astype(np.int64)
    classes: Ints = words & (at.CLASSES_MAX - 1)
    return classes


def _ids(engine: Engine, rows: Ints) -> Ints:
    serials: Ints = engine.state.books.allocs[rows, at.SERIAL].astype(np.int64)
    ids: Ints = serials << SERIAL_SHIFT | rows
    return ids
