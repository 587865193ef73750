"""Compiled decisions: one machine, or a whole stream of events inside one call."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.columns import Ints, Small
from cloudhall.domains.compute.placement.index import GOES_ON, OVER, PHASE, S_GROUP, Trees, best, count_member
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


@shared
def place(books: Books, index: Trees, class_: int, group: int, held: int) -> int:
    """Place one machine; answers its row, or -1 where nothing fits. There must be a free row."""
    key = best(books, index, class_, group)
    if key == at.NONE:
        return -1
    host = key & (at.HOSTS_MAX - 1)
    if index.now[PHASE] == GOES_ON:
        count_member(index, host)
    return put(books, class_, group, host, held)


@shared
def before_leaving(books: Books, index: Trees, row: int) -> None:
    """End the session that counts this machine, since it is about to leave its host."""
    if index.now[PHASE] == GOES_ON and index.now[S_GROUP] == books.allocs[row, at.GROUP]:
        index.now[PHASE] = OVER


@shared
def free(books: Books, index: Trees, row: int) -> None:
    """End one machine."""
    before_leaving(books, index, row)
    end(books, row)


@shared
def move_many(books: Books, index: Trees, rows: Ints, hosts: Small) -> None:
    """Move machines one after the other to the best host there is; `hosts` takes where each went, -1 where it stays."""
    for number in range(len(rows)):
        row = rows[number]
        before_leaving(books, index, row)
        home, word, group = books.allocs[row, at.HOST], books.allocs[row, at.CLASS], books.allocs[row, at.GROUP]
        class_, detail = int(word & (at.CLASSES_MAX - 1)), int(word >> at.CLASS_BITS)
        lift(books, row)
        key = best(books, index, class_, int(group))
        host = int(home)
        if key != at.NONE:
            host = key & (at.HOSTS_MAX - 1)
            detail = choose_detail(books.hosts[host], books.classes[class_]) | (detail & at.HELD)
            hosts[number] = host
        settle(books, row, host, class_, detail)
        if index.now[PHASE] == GOES_ON:
            count_member(index, host)


@shared
def run(
    books: Books, index: Trees, class_: Small, machine: Small, group: Small, ids: Ints, first: int, stop_at_refusal: int
) -> int:
    """Run a stream's events from `first` on; answers the first event not run, for whatever reason."""
    for event in range(first, len(class_)):
        number = machine[event]
        if class_[event] < 0:
            if ids[number] >= 0:
                free(books, index, ids[number] & ROW_MASK)
                ids[number] = -1
            continue
        if books.totals[at.T_FREE] < 0 or (group[event] >= 0 and books.groups[group[event], at.G_LEVEL] == at.ASK):
            return event
        row = place(books, index, int(class_[event]), int(group[event]), 0)
        if row >= 0:
            ids[number] = (np.int64(books.allocs[row, at.SERIAL]) << SERIAL_SHIFT) | row
        elif stop_at_refusal:
            return event
    return len(class_)


class Entries(NamedTuple):
    """The compiled entries."""

    best: Callable[..., int]
    place: Callable[..., int]
    free: Callable[..., None]
    move_many: Callable[..., None]
    run: Callable[..., int]


@functools.cache
def entries() -> Entries:
    """Make the entries; what each call compiles at first is kept for later processes."""
    return Entries(compiled(best), compiled(place), compiled(free), compiled(move_many), compiled(run))
