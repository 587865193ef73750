"""The class cache: for each request class a tournament tree over blocks of hosts, so that the best host is its root.

A leaf holds the least key (`fit.key_one`) of a block, an inner node the lesser of its two children. When a host
changes, nothing is done but to note it in a ring; a tree catches up when its class is asked for: a leaf takes a lesser
key at once, and its block is looked through only if its own best host got worse. So any score and any constraint of
one host may be indexed, and the answer is the one that `scan` gives.

A group's rule is kept by a session: domains that have as many members as they may are closed, their hosts have no key,
and the leaves of their blocks stay so while the same class and group go on. When they do not, the blocks are looked
through again. A session is over as soon as a member leaves.

At most `SLOTS` classes have a tree; the one not used for longest makes room. A tree takes 16 bytes a block, 0.13 MiB
at 300,000 hosts, and is built in 1 ms.
"""

from typing import NamedTuple

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.columns import Ints, Small
from cloudhall.domains.compute.placement.fit import key_one
from cloudhall.domains.compute.placement.jit import shared
from cloudhall.domains.compute.placement.ledger import RING, Books
from cloudhall.domains.compute.placement.topology import Topology

SLOTS = 256
SLOT_CLASS, SLOT_SEEN, SLOT_USED = range(3)
CLOCK, SESSION, PHASE, S_SLOT, S_GROUP, S_LEVEL, S_BAR, S_CLOSED, STALE = range(9)
NO_SESSION, GOES_ON, OVER = range(3)
NO_BAR = at.NONE
"""A mark is `session * MARK_COUNTS + members in this domain`: a new session need not clear the marks of the last."""
NEVER = -(1 << 62)


class Trees(NamedTuple):
    """The arrays of one index. `closed` lists the domains that the session closed, `stale` blocks to redo."""

    trees: Ints
    slots: Ints
    block_start: Small
    block_of: Small
    domain: Small
    start: Small
    marks: Ints
    closed: Small
    stale: Small
    now: Ints


def empty(topology: Topology) -> Trees:
    """Make an index that knows no class yet. Memory is taken from the system when a tree is built, not before."""
    blocks, hosts = len(topology.block_start) - 1, topology.domain.shape[1]
    leaves = 1 << max(blocks - 1, 0).bit_length()
    slots = np.full((SLOTS, 3), -1, np.int64)
    start = np.full((len(topology.start), hosts + 1), hosts, np.int32)
    for level, row in enumerate(topology.start):
        start[level, : len(row)] = row
    return Trees(
        trees=np.empty((SLOTS, 2 * leaves), np.int64),
        slots=slots,
        block_start=topology.block_start,
        block_of=topology.block_of,
        domain=topology.domain,
        start=start,
        marks=np.zeros(hosts, np.int64),
        closed=np.zeros(hosts, np.int32),
        stale=np.zeros(3 * blocks + 1, np.int32),
        now=np.zeros(9, np.int64),
    )


@shared
def is_open(index: Trees, level: int, bar: int, host: int) -> bool:
    """Whether the session leaves this host open."""
    return bool(bar == NO_BAR or index.marks[index.domain[level, host]] < bar)


@shared
def set_leaf(tree: Ints, leaf: int, key: int) -> None:
    """Set a leaf and mend the nodes above, as far as they change."""
    node = leaf
    tree[node] = key
    while node > 1:
        node >>= 1
        left, right = tree[2 * node], tree[2 * node + 1]
        best = min(right, left)
        if tree[node] == best:
            return
        tree[node] = best


@shared
def gather(books: Books, index: Trees, slot: int, level: int, bar: int) -> None:
    """Take the changes since this class was last asked for into its leaves; list the blocks that must be redone."""
    tree, need = index.trees[slot], books.classes[index.slots[slot, SLOT_CLASS]]
    leaves, count = len(tree) // 2, index.now[STALE]
    for change in range(index.slots[slot, SLOT_SEEN], books.totals[at.T_TOUCHED]):
        host = int(books.touched[change % RING])
        if not is_open(index, level, bar, host):
            continue
        block = index.block_of[host]
        key, leaf = key_one(books.hosts, host, need, books.mix), tree[leaves + block]
        if key < leaf:
            set_leaf(tree, leaves + block, key)
        elif key > leaf and leaf != at.NONE and leaf & (at.HOSTS_MAX - 1) == host:
            tree[leaves + block] = at.NONE  # so that nothing lists it twice
            index.stale[count] = block
            count += 1
    index.now[STALE] = count


@shared
def redo(books: Books, index: Trees, slot: int, level: int, bar: int) -> None:
    """Look through the listed blocks."""
    tree, need = index.trees[slot], books.classes[index.slots[slot, SLOT_CLASS]]
    leaves, count = len(tree) // 2, index.now[STALE]
    many = count * 16 > leaves
    for number in range(count):
        block, best = index.stale[number], at.NONE
        for host in range(int(index.block_start[block]), int(index.block_start[block + 1])):
            if is_open(index, level, bar, host):
                key = key_one(books.hosts, host, need, books.mix)
                best = min(best, key)
        if many:
            tree[leaves + block] = best
        else:
            tree[leaves + block] = at.NONE
            set_leaf(tree, leaves + block, best)
    node = leaves - 1 if many else 0
    while node > 0:
        left, right = tree[2 * node], tree[2 * node + 1]
        tree[node] = min(right, left)
        node -= 1
    index.now[STALE] = 0


@shared
def refresh(books: Books, index: Trees, slot: int, level: int, bar: int) -> None:
    """Bring a tree up to date: by the changes, or from nothing where that is less work."""
    behind = books.totals[at.T_TOUCHED] - index.slots[slot, SLOT_SEEN]
    if behind > RING or behind > len(books.hosts):
        blocks = len(index.block_start) - 1
        index.trees[slot, index.trees.shape[1] // 2 + blocks :] = at.NONE
        for block in range(blocks):
            index.stale[block] = block
        index.now[STALE] = blocks
    elif behind > 0:
        gather(books, index, slot, level, bar)
    index.slots[slot, SLOT_SEEN] = books.totals[at.T_TOUCHED]
    if index.now[STALE] > 0:
        redo(books, index, slot, level, bar)


@shared
def slot_for(books: Books, index: Trees, class_: int) -> int:
    """Slot of a class; one that has none takes the place of the class that was not used for longest."""
    slot, slots = int(books.classes[class_, at.SLOT]), index.slots
    if slot < 0:
        slot = 0
        for other in range(1, SLOTS):
            if slots[other, SLOT_USED] < slots[slot, SLOT_USED]:
                slot = other
        if slots[slot, SLOT_CLASS] >= 0:
            books.classes[slots[slot, SLOT_CLASS], at.SLOT] = -1
        slots[slot, SLOT_CLASS], slots[slot, SLOT_SEEN] = class_, NEVER
        books.classes[class_, at.SLOT] = slot
    index.now[CLOCK] += 1
    slots[slot, SLOT_USED] = index.now[CLOCK]
    return slot


@shared
def list_domain(index: Trees, level: int, domain: int) -> None:
    """List the blocks of a domain among those to be redone."""
    first = index.block_of[index.start[level, domain]]
    last = index.block_of[index.start[level, domain + 1] - 1]
    for block in range(first, last + 1):
        index.stale[index.now[STALE]] = block
        index.now[STALE] += 1


@shared
def count_member(index: Trees, host: int) -> None:
    """Count one member in the domain of `host`, and close the domain when it has as many as it may."""
    now = index.now
    domain, floor = index.domain[now[S_LEVEL], host], now[SESSION] * at.MARK_COUNTS
    index.marks[domain] = max(index.marks[domain], floor)
    index.marks[domain] += 1
    if index.marks[domain] == now[S_BAR]:
        index.closed[now[S_CLOSED]] = domain
        now[S_CLOSED] += 1
        list_domain(index, now[S_LEVEL], domain)


@shared
def begin_session(books: Books, index: Trees, slot: int, group: int) -> None:
    """Count the members of a group."""
    now = index.now
    now[SESSION] += 1
    now[PHASE], now[S_SLOT], now[S_GROUP], now[S_CLOSED] = GOES_ON, slot, group, 0
    now[S_LEVEL] = books.groups[group, at.G_LEVEL]
    now[S_BAR] = now[SESSION] * at.MARK_COUNTS + books.groups[group, at.G_LIMIT]
    row = books.groups[group, at.G_HEAD]
    while row >= 0:
        count_member(index, books.allocs[row, at.HOST])
        row = books.allocs[row, at.GROUP_NEXT]


@shared
def list_closed(index: Trees) -> None:
    """List all that the session closed, to be opened again."""
    now = index.now
    now[PHASE], now[STALE] = NO_SESSION, 0
    for number in range(now[S_CLOSED]):
        list_domain(index, now[S_LEVEL], index.closed[number])


@shared
def best(books: Books, index: Trees, class_: int, group: int) -> int:
    """Least key for a class that `group` leaves open, or `NONE`. O(changes since this class was last asked for).

    First what another session closed is opened again, if there is any, then the class's own tree is brought up to
    date; the loop is there so that the longest part of the machine code exists once.
    """
    now = index.now
    bound = group >= 0 and books.groups[group, at.G_LEVEL] >= 0
    slot = books.classes[class_, at.SLOT]
    goes_on = bound and now[PHASE] == GOES_ON and now[S_GROUP] == group and now[S_SLOT] == slot
    level, bar, turn = 0, NO_BAR, 0 if now[PHASE] != NO_SESSION and not goes_on else 1
    while turn < 2:
        if turn == 0:
            list_closed(index)
            slot = now[S_SLOT]
        else:
            slot = slot_for(books, index, class_)
            if bound:
                if not goes_on:
                    begin_session(books, index, slot, group)
                level, bar = now[S_LEVEL], now[S_BAR]
        refresh(books, index, slot, level, bar)
        turn += 1
    return int(index.trees[slot, 1])


def end_session(index: Trees) -> None:
    """Say that what the session counted no longer holds."""
    if index.now[PHASE] == GOES_ON:
        index.now[PHASE] = OVER
