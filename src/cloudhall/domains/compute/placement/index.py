"""The class cache: for each request class a tournament tree over blocks of hosts, so that the best host is its root.

A leaf holds the least key (`fit.key_one`) of a block, an inner node the lesser of its two children. When a host
changes, nothing is done but to note it in a ring; a tree catches up when its class is asked for: a leaf takes a lesser
key at once, and its block is looked through only if its own best host got worse. So any score and any constraint of
one host may be indexed, and the answer is the one that `scan` gives.

Rules of a group are marks: domains that may not be used are counted in `marks`, hosts in them have no key, and the
leaves of their blocks are kept that way until the session with that group ends.

At most `SLOTS` classes have a tree; the one not used for longest makes room. A tree takes 16 bytes a block, 0.13 MiB
at 300,000 hosts, and is built in 1 ms.
"""

from typing import NamedTuple

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.columns import Ints, Small
from cloudhall.domains.compute.placement.fit import key_one
from cloudhall.domains.compute.placement.jit import kernel
from cloudhall.domains.compute.placement.ledger import (
    RING,
    ROW_MASK,
    SERIAL_SHIFT,
    Books,
    choose_detail,
    end,
    lift,
    put,
    settle,
)
from cloudhall.domains.compute.placement.topology import Topology

SLOTS = 256
SLOT_CLASS, SLOT_SEEN, SLOT_USED = range(3)
CLOCK, SESSION, OPEN, S_GROUP, S_CLASS, S_LEVEL, S_BAR, S_MASKED = range(8)
NO_BAR = at.NONE
"""A mark is `session * MARK_COUNTS + members in this domain`: a new session need not clear the marks of the last."""


class Trees(NamedTuple):
    """The arrays of one index. `now` is the session and the clock; `masked` the domains that the session closed."""

    trees: Ints
    slots: Ints
    slot_of: Small
    block_start: Small
    block_of: Small
    domain: Small
    start: Small
    marks: Ints
    masked: Small
    now: Ints


def empty(topology: Topology) -> Trees:
    """Make an index that knows no class yet. Memory is taken from the system when a tree is built, not before."""
    blocks, hosts = len(topology.block_start) - 1, topology.domain.shape[1]
    leaves = 1 << max(blocks - 1, 0).bit_length()
    slots = np.zeros((SLOTS, 3), np.int64)
    slots[:, SLOT_CLASS] = -1
    start = np.full((len(topology.start), hosts + 1), hosts, np.int32)
    for level, row in enumerate(topology.start):
        start[level, : len(row)] = row
    return Trees(
        trees=np.empty((SLOTS, 2 * leaves), np.int64),
        slots=slots,
        slot_of=np.full(64, -1, np.int32),
        block_start=topology.block_start,
        block_of=topology.block_of,
        domain=topology.domain,
        start=start,
        marks=np.zeros(hosts, np.int64),
        masked=np.zeros(hosts, np.int32),
        now=np.zeros(8, np.int64),
    )


@kernel
def is_open(index: Trees, level: int, bar: int, host: int) -> bool:
    """Whether the session leaves this host open."""
    return bool(bar == NO_BAR or index.marks[index.domain[level, host]] < bar)


@kernel
def block_best(books: Books, index: Trees, need: Ints, block: int, level: int, bar: int) -> int:
    """Least key of the open hosts in a block."""
    best = at.NONE
    for host in range(index.block_start[block], index.block_start[block + 1]):
        if is_open(index, level, bar, host):
            best = min(best, key_one(books.hosts, host, need, books.mix))
    return best


@kernel
def set_leaf(tree: Ints, block: int, key: int) -> None:
    """Set the leaf of a block and mend the nodes above, as far as they change."""
    node = len(tree) // 2 + block
    tree[node] = key
    while node > 1:
        node >>= 1
        best = min(tree[2 * node], tree[2 * node + 1])
        if tree[node] == best:
            return
        tree[node] = best


@kernel
def build(books: Books, index: Trees, slot: int, class_: int) -> None:
    """Fill a tree from nothing: 1 ms at 300,000 hosts."""
    tree, need = index.trees[slot], books.classes[class_]
    leaves, blocks = len(tree) // 2, len(index.block_start) - 1
    for block in range(blocks):
        tree[leaves + block] = block_best(books, index, need, block, 0, NO_BAR)
    tree[leaves + blocks :] = at.NONE
    for node in range(leaves - 1, 0, -1):
        tree[node] = min(tree[2 * node], tree[2 * node + 1])
    index.slots[slot, SLOT_SEEN] = books.totals[at.T_TOUCHED]


@kernel
def slot_for(books: Books, index: Trees, class_: int) -> int:
    """Slot of a class; one that has none takes the place of the class that was not used for longest."""
    slot = int(index.slot_of[class_])
    if slot < 0:
        slot = int(np.argmin(index.slots[:, SLOT_USED]))
        before = index.slots[slot, SLOT_CLASS]
        if before >= 0:
            index.slot_of[before] = -1
        index.slots[slot, SLOT_CLASS] = class_
        index.slot_of[class_] = slot
        build(books, index, slot, class_)
    index.now[CLOCK] += 1
    index.slots[slot, SLOT_USED] = index.now[CLOCK]
    return slot


@kernel
def catch_up(books: Books, index: Trees, slot: int, class_: int, level: int, bar: int) -> None:
    """Take the changes since this class was last asked for into its tree."""
    seen, now = index.slots[slot, SLOT_SEEN], books.totals[at.T_TOUCHED]
    tree, need = index.trees[slot], books.classes[class_]
    leaves = len(tree) // 2
    for change in range(seen, now):
        host = books.touched[change % RING]
        if is_open(index, level, bar, host):
            block = index.block_of[host]
            key, leaf = key_one(books.hosts, host, need, books.mix), tree[leaves + block]
            if key < leaf:
                set_leaf(tree, block, key)
            elif key > leaf and leaf != at.NONE and leaf & (at.HOSTS_MAX - 1) == host:
                set_leaf(tree, block, block_best(books, index, need, block, level, bar))
    index.slots[slot, SLOT_SEEN] = now


@kernel
def mark(books: Books, index: Trees, slot: int, host: int) -> None:
    """Count one member in the domain of `host`, and close the domain when it has as many as it may."""
    level, bar = index.now[S_LEVEL], index.now[S_BAR]
    domain = index.domain[level, host]
    index.marks[domain] = max(index.marks[domain], index.now[SESSION] * at.MARK_COUNTS) + 1
    if index.marks[domain] != bar:
        return
    index.masked[index.now[S_MASKED]] = domain
    index.now[S_MASKED] += 1
    first, last = index.start[level, domain], index.start[level, domain + 1] - 1
    need = books.classes[index.now[S_CLASS]]
    for block in range(index.block_of[first], index.block_of[last] + 1):
        set_leaf(index.trees[slot], block, block_best(books, index, need, block, level, bar))


@kernel
def end_session(books: Books, index: Trees) -> None:
    """Open the closed domains again, by looking through their blocks."""
    if not index.now[OPEN]:
        return
    index.now[OPEN] = 0
    class_, level = index.now[S_CLASS], index.now[S_LEVEL]
    slot = index.slot_of[class_]
    for number in range(index.now[S_MASKED]):
        domain = index.masked[number]
        first, last = index.start[level, domain], index.start[level, domain + 1] - 1
        for block in range(index.block_of[first], index.block_of[last] + 1):
            key = block_best(books, index, books.classes[class_], block, 0, NO_BAR)
            set_leaf(index.trees[slot], block, key)


@kernel
def begin_session(books: Books, index: Trees, slot: int, class_: int, group: int) -> None:
    """Close what the members of a group leave no room in; kept while the same class and group go on."""
    now = index.now
    end_session(books, index)
    now[SESSION] += 1
    now[OPEN], now[S_GROUP], now[S_CLASS], now[S_MASKED] = 1, group, class_, 0
    now[S_LEVEL] = books.groups[group, at.G_LEVEL]
    now[S_BAR] = now[SESSION] * at.MARK_COUNTS + books.groups[group, at.G_LIMIT]
    row = books.groups[group, at.G_HEAD]
    while row >= 0:
        mark(books, index, slot, books.allocs[row, at.HOST])
        row = books.allocs[row, at.GROUP_NEXT]


@kernel
def best(books: Books, index: Trees, class_: int, group: int) -> int:
    """Least key for a class that `group` leaves open, or `NONE`. O(changes since this class was last asked for)."""
    now = index.now
    level = books.groups[group, at.G_LEVEL] if group >= 0 else at.NO_RULE
    if now[OPEN] and (now[S_GROUP] != group or now[S_CLASS] != class_):
        end_session(books, index)
    slot = slot_for(books, index, class_)
    if books.totals[at.T_TOUCHED] - index.slots[slot, SLOT_SEEN] > min(RING, len(books.hosts)):
        end_session(books, index)
        build(books, index, slot, class_)
    if level < 0:
        catch_up(books, index, slot, class_, 0, NO_BAR)
    else:
        if not now[OPEN]:
            begin_session(books, index, slot, class_, group)
        catch_up(books, index, slot, class_, level, now[S_BAR])
    return int(index.trees[slot, 1])


@kernel
def place(books: Books, index: Trees, class_: int, group: int, held: int) -> int:
    """Place one machine; answers its row, or -1 where nothing fits. There must be a free row."""
    key = best(books, index, class_, group)
    if key == at.NONE:
        return -1
    host = key & (at.HOSTS_MAX - 1)
    row = put(books, class_, group, host, held)
    if index.now[OPEN]:
        mark(books, index, index.slot_of[class_], host)
    return int(row)


@kernel
def before_leaving(books: Books, index: Trees, row: int) -> None:
    """End the session that counts this machine, since it is about to leave its host."""
    if index.now[OPEN] and index.now[S_GROUP] == books.allocs[row, at.GROUP]:
        end_session(books, index)


@kernel
def free(books: Books, index: Trees, row: int) -> None:
    """End one machine."""
    before_leaving(books, index, row)
    end(books, row)


@kernel
def move(books: Books, index: Trees, row: int) -> int:
    """Move one machine to the best host there is for it, which may be its own; answers the host, -1 where none fits."""
    before_leaving(books, index, row)
    home, word, group = books.allocs[row, at.HOST], books.allocs[row, at.CLASS], books.allocs[row, at.GROUP]
    class_ = word & (at.CLASSES_MAX - 1)
    lift(books, row)
    key = best(books, index, class_, group)
    if key == at.NONE:
        settle(books, row, home, class_, word >> at.CLASS_BITS)
        return -1
    host = key & (at.HOSTS_MAX - 1)
    held = (word >> at.CLASS_BITS) & at.HELD
    settle(books, row, host, class_, choose_detail(books.hosts[host], books.classes[class_]) | held)
    if index.now[OPEN]:
        mark(books, index, index.slot_of[class_], host)
    return int(host)


@kernel
def move_many(books: Books, index: Trees, rows: Ints, hosts: Small) -> None:
    """Move machines one after the other; `hosts` takes where each went, -1 where it had to stay."""
    for number in range(len(rows)):
        hosts[number] = move(books, index, rows[number])


@kernel
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
        row = place(books, index, class_[event], group[event], 0)
        if row >= 0:
            ids[number] = (np.int64(books.allocs[row, at.SERIAL]) << SERIAL_SHIFT) | row
        elif stop_at_refusal:
            return event
    return len(class_)


def with_classes(index: Trees, count: int) -> Trees:
    """Make room for `count` classes."""
    more = np.full(count - len(index.slot_of), -1, np.int32)
    return index._replace(slot_of=np.concatenate((index.slot_of, more)))
