"""What is allocated where: rows of `allocs`, each in a list of its host and, if it has one, of its group.

Everything here is O(1) but for growth. An allocation's number is `serial << 32 | row`: rows are used again, serials are
not (they wrap after 2**31), so a number of old never frees somebody else. Free rows are a list through NEXT.

Never here: a decision. These functions do what was decided, and undo it to the last unit.
"""

from typing import NamedTuple

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.columns import Ints, Small
from cloudhall.domains.compute.placement.devices import gpus_taken, on_first, on_second
from cloudhall.domains.compute.placement.jit import shared

SERIALS = 1 << 31
SERIAL_SHIFT = 32
ROW_MASK = (1 << SERIAL_SHIFT) - 1
RING = 1 << 18
"""Changes that are remembered, 1 MiB; a class further behind than this, or than there are hosts, begins anew."""


class Books(NamedTuple):
    """The arrays of one state; `columns` says what stands where. `touched` is a ring of hosts that changed.

    Whoever writes into `hosts` by other ways than these functions calls `touch` or, for many, `touch_all`.
    """

    hosts: Ints
    allocs: Small
    groups: Small
    classes: Ints
    mix: Ints
    totals: Ints
    touched: Small
    hot: Ints
    log: Small


def empty_rows(count: int) -> Small:
    """Fresh rows, chained as free ones; the last one ends the list."""
    return longer(np.empty((0, at.ALLOC_COLUMNS), np.int32), count)


def longer(allocs: Small, count: int) -> Small:
    """Rows with `count` fresh ones behind them, chained as `empty_rows` are; holds both tables in memory, no third."""
    first = len(allocs)
    rows = np.empty((first + count, at.ALLOC_COLUMNS), np.int32)
    rows[:first] = allocs
    rows[first:] = -1
    rows[first:-1, at.NEXT] = np.arange(first + 1, first + count, dtype=np.int32)
    return rows


@shared
def choose_detail(host: Ints, need: Ints) -> int:
    """Choose devices on a host that fits: the tightest node and graphics processors that do, lowest first."""
    detail = 0
    if need[at.NEED_GPUS]:
        detail = int(gpus_taken(host, need))
    if host[at.LABELS] & at.PAIRED:
        nodes = int(on_first(host, need)) + 2 * int(on_second(host, need))
        detail |= (nodes or 3) << at.NODE_SHIFT
    return detail


@shared
def charge(host: Ints, need: Ints, detail: int, sign: int) -> None:
    """Take (`sign` 1) or give back (-1) what a class needs."""
    host[at.CPU] -= sign * need[at.CPU]
    host[at.MEM] -= sign * need[at.MEM]
    host[at.CORES] -= sign * need[at.CORES]
    host[at.GUESTS] += sign
    if need[at.NEED_OWNER]:
        host[at.OWNER] = need[at.NEED_OWNER] if host[at.GUESTS] else 0
    nodes = (detail >> at.NODE_SHIFT) & 3
    if nodes:
        cpu, memory = need[at.CPU] + need[at.CORES], need[at.MEM]
        if nodes == 3:
            cpu, memory = (cpu + 1) // 2, (memory + 1) // 2
        for node in range(2):
            if nodes >> node & 1:
                host[at.NODE_CPU + node] -= sign * cpu
                host[at.NODE_MEM + node] -= sign * memory
    if need[at.NEED_GPUS]:
        for gpu in range(at.GPUS_MAX):
            host[at.GPU + gpu] -= sign * need[at.GPU_MILLI] * (detail >> gpu & 1)


@shared
def touch(books: Books, host: int) -> None:
    """Remember that `host` changed, and repeat what it has left in `hot`; whoever changes a host calls this."""
    for column in range(at.HOT_COLUMNS):
        books.hot[host, column] = books.hosts[host, column]
    books.touched[books.totals[at.T_TOUCHED] % RING] = host
    books.totals[at.T_TOUCHED] += 1


def touch_all(books: Books) -> None:
    """Say that any host may have changed: indexes begin anew."""
    books.hot[:] = books.hosts[:, : at.HOT_COLUMNS]
    books.totals[at.T_TOUCHED] += RING + 1


@shared
def note(books: Books, what: int, row: int, host: int, word: int) -> None:
    """Append to the decision log, where one is kept; whoever steps makes sure that there is room."""
    if books.totals[at.T_LOGGING]:
        entry = books.log[books.totals[at.T_LOGGED]]
        entry[0], entry[1], entry[2], entry[3] = what, row, host, word
        if row >= 0:
            entry[4], entry[5] = books.allocs[row, at.GROUP], books.allocs[row, at.SERIAL]
        books.totals[at.T_LOGGED] += 1


@shared
def link(books: Books, row: int) -> None:
    """Enter a filled row into the lists of its host and group."""
    hosts, allocs, groups = books.hosts, books.allocs, books.groups
    host, group = allocs[row, at.HOST], allocs[row, at.GROUP]
    head = hosts[host, at.HEAD]
    allocs[row, at.NEXT], allocs[row, at.PREV] = head, -1
    if head >= 0:
        allocs[head, at.PREV] = row
    hosts[host, at.HEAD] = row
    if group >= 0:
        head = groups[group, at.G_HEAD]
        allocs[row, at.GROUP_NEXT], allocs[row, at.GROUP_PREV] = head, -1
        if head >= 0:
            allocs[head, at.GROUP_PREV] = row
        groups[group, at.G_HEAD] = row


@shared
def unlink(books: Books, row: int) -> None:
    """Take a row out of both lists; the row itself stays as it is."""
    hosts, allocs, groups = books.hosts, books.allocs, books.groups
    before, after, group = allocs[row, at.PREV], allocs[row, at.NEXT], allocs[row, at.GROUP]
    if before >= 0:
        allocs[before, at.NEXT] = after
    else:
        hosts[allocs[row, at.HOST], at.HEAD] = after
    if after >= 0:
        allocs[after, at.PREV] = before
    if group >= 0:
        before, after = allocs[row, at.GROUP_PREV], allocs[row, at.GROUP_NEXT]
        if before >= 0:
            allocs[before, at.GROUP_NEXT] = after
        else:
            groups[group, at.G_HEAD] = after
        if after >= 0:
            allocs[after, at.GROUP_PREV] = before


@shared
def settle(books: Books, row: int, host: int, class_: int, detail: int) -> None:
    """Put row `row` onto `host`: charge it and enter the lists. GROUP and SERIAL stand already."""
    books.allocs[row, at.HOST] = host
    books.allocs[row, at.CLASS] = class_ | (detail << at.CLASS_BITS)
    charge(books.hosts[host], books.classes[class_], detail & (at.HELD - 1), 1)
    link(books, row)
    touch(books, host)
    note(books, at.SETTLED, row, host, class_ | (detail << at.CLASS_BITS))


@shared
def lift(books: Books, row: int) -> None:
    """Take row `row` off its host; undoes `settle`."""
    host, word = books.allocs[row, at.HOST], books.allocs[row, at.CLASS]
    unlink(books, row)
    need = books.classes[word & (at.CLASSES_MAX - 1)]
    charge(books.hosts[host], need, (word >> at.CLASS_BITS) & (at.HELD - 1), -1)
    touch(books, host)


@shared
def open_row(books: Books, group: int) -> int:
    """Take a free row, with a new serial; there must be one."""
    allocs, totals = books.allocs, books.totals
    row = totals[at.T_FREE]
    totals[at.T_FREE] = allocs[row, at.NEXT]
    allocs[row, at.GROUP] = group
    allocs[row, at.SERIAL] = totals[at.T_SERIAL] % SERIALS
    totals[at.T_SERIAL] += 1
    totals[at.T_LIVE] += 1
    return int(row)


@shared
def close_row(books: Books, row: int) -> None:
    """Return a row to the free ones."""
    allocs, totals = books.allocs, books.totals
    allocs[row, at.HOST], allocs[row, at.SERIAL] = -1, -1
    allocs[row, at.NEXT] = totals[at.T_FREE]
    totals[at.T_FREE] = row
    totals[at.T_LIVE] -= 1


@shared
def put(books: Books, class_: int, group: int, host: int, held: int) -> int:
    """Open a row for a machine of `class_` on `host`, which fits; answers the row. `held` is 0 or HELD."""
    row = open_row(books, group)
    detail = choose_detail(books.hosts[host], books.classes[class_])
    settle(books, row, host, class_, detail | held)
    return int(row)


@shared
def end(books: Books, row: int) -> None:
    """Take a machine off its host and forget it."""
    lift(books, row)
    note(books, at.ENDED, row, -1, 0)
    close_row(books, row)


@shared
def rewrite(books: Books, row: int, held: int) -> None:
    """Set whether a row is held for later."""
    detail = (books.allocs[row, at.CLASS] >> at.CLASS_BITS) & (at.HELD - 1)
    class_ = books.allocs[row, at.CLASS] & (at.CLASSES_MAX - 1)
    books.allocs[row, at.CLASS] = class_ | ((detail | held) << at.CLASS_BITS)
    note(books, at.SETTLED, row, books.allocs[row, at.HOST], books.allocs[row, at.CLASS])


@shared
def relabel(books: Books, host: int, mask: int, bits: int) -> None:
    """Set the labels of a host within `mask` to `bits`."""
    books.hosts[host, at.LABELS] = (books.hosts[host, at.LABELS] & ~mask) | bits
    touch(books, host)
    note(books, at.LABELLED, -1, host, books.hosts[host, at.LABELS] & (at.DRAINED | at.FAILED))
