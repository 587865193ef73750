"""Compiled decisions: one step, or a whole stream of them inside one call.

There are two entries from Python, `step` and `run`, and each holds the search for the best host once, because that is
what takes long to compile.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.columns import Ints, Small
from cloudhall.domains.compute.placement.index import GOES_ON, OVER, PHASE, S_GROUP, Index, best, count_member
from cloudhall.domains.compute.placement.jit import compiled, shared
from cloudhall.domains.compute.placement.ledger import (
    ROW_MASK,
    SERIAL_SHIFT,
    Books,
    choose_detail,
    end,
    lift,
    put,
    settle,
)

PLACE, FREE, MOVE, FIND = range(4)
DEPARTS, MOVES = -1, -2
"""In place of an arrival's class, in a stream."""


class Stream(NamedTuple):
    """Many events in order: arrivals (`class_` from `Engine.class_of`), departures and moves (`DEPARTS`, `MOVES`).

    `machine` numbers machines from 0; `group` is that of an arrival, or -1. All three are int32 of equal length.
    """

    class_: Small
    machine: Small
    group: Small


@shared
def step(books: Books, index: Index, what: int, number: int, group: int, held: int) -> int:
    """Do one thing; -1 where nothing fits.

    PLACE a machine of class `number` and answer its row; there must be a free one. FREE the machine in row `number`.
    MOVE it to the best host, which may be its own, and answer that. FIND the key of the best host for a class.
    """
    class_, home, detail = number, -1, held
    if what in (FREE, MOVE):
        group = int(books.allocs[number, at.GROUP])
        if index.now[PHASE] == GOES_ON and index.now[S_GROUP] == group:
            index.now[PHASE] = OVER
        if what == FREE:
            end(books, number)
            return number
        home, word = int(books.allocs[number, at.HOST]), int(books.allocs[number, at.CLASS])
        class_, detail = word & (at.CLASSES_MAX - 1), word >> at.CLASS_BITS
        lift(books, number)
    key = best(books, index, class_, group)
    if what == FIND:
        return -1 if key == at.NONE else key
    host = home if key == at.NONE else key & (at.HOSTS_MAX - 1)
    if host >= 0 and index.now[PHASE] == GOES_ON:
        count_member(index, host)
    if what == MOVE:
        if key != at.NONE:
            detail = choose_detail(books.hosts[host], books.classes[class_]) | (detail & at.HELD)
        settle(books, number, host, class_, detail)
        return -1 if key == at.NONE else host
    return -1 if key == at.NONE else put(books, class_, group, host, detail)


@shared
def run(books: Books, index: Index, events: Stream, ids: Ints, hosts: Small, first: int, stop_at_refusal: int) -> int:
    """Run events from `first` on; answers the first event not run, for whatever reason.

    `hosts[event]` takes what came of a move.
    """
    for event in range(first, len(events.class_)):
        machine, number, group = events.machine[event], int(events.class_[event]), int(events.group[event])
        what = PLACE if number >= 0 else FREE if number == DEPARTS else MOVE
        if what != PLACE:
            if ids[machine] < 0:
                continue
            number = ids[machine] & ROW_MASK
            group = int(books.allocs[number, at.GROUP])
        asks = what != FREE and group >= 0 and books.groups[group, at.G_LEVEL] == at.ASK
        full = books.totals[at.T_LOGGED] > at.LOG_ROWS - at.LOG_SPARE
        if asks or full or (what == PLACE and books.totals[at.T_FREE] < 0):
            return event
        answer = step(books, index, what, number, group, 0)
        if what == MOVE:
            hosts[event] = answer
        elif what == FREE:
            ids[machine] = -1
        elif answer >= 0:
            ids[machine] = (np.int64(books.allocs[answer, at.SERIAL]) << SERIAL_SHIFT) | answer
        elif stop_at_refusal:
            return event
    return len(events.class_)


class Entries(NamedTuple):
    """The compiled entries."""

    step: Callable[..., int]
    run: Callable[..., int]


@functools.cache
def entries() -> Entries:
    """Make the entries; what each call compiles at first is kept for later processes."""
    return Entries(compiled(step), compiled(run))
