"""All that changes while placing: what hosts have left, what is allocated, which request classes and groups there are.

Every search reads this, every decision writes it through `ledger`; nothing here decides. `touched` is a ring of hosts
that changed, by which indexes catch up.
"""

import hashlib
from typing import NamedTuple

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement import ledger
from cloudhall.domains.compute.placement.columns import Ints, Small, Words
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.groups import Rule
from cloudhall.domains.compute.placement.request import Request, class_row
from cloudhall.kernel.errors import Invalid, NotFound
from cloudhall.kernel.text import T

NO_GROUP = -1
FIRST_ROWS = 1024
RING = 1 << 15
"""Changes that are remembered; an index further behind is built anew, which is then the cheaper way."""
LINE_BYTES = 64
MIX_COLUMNS = 5


class Allocation(NamedTuple):
    """What is known of an allocation. `gpus` has a bit a graphics processor, `nodes` a bit a NUMA node."""

    id: int
    host: int
    request: Request
    group: int
    gpus: int
    nodes: int
    held: bool


class State:
    """The state of one fleet. `by_row` lays hosts out row by row (compiled code), else column by column (NumPy)."""

    def __init__(self, fleet: Fleet, *, by_row: bool) -> None:
        self.fleet = fleet
        self.hosts = (
            _aligned(len(fleet), at.HOST_COLUMNS) if by_row else np.zeros((at.HOST_COLUMNS, len(fleet)), np.int64).T
        )
        self.hosts[:] = fleet.capacity
        self.allocs = ledger.empty_rows(FIRST_ROWS)
        self.groups: Small = np.zeros((0, at.GROUP_COLUMNS), np.int32)
        self.rules: dict[int, tuple[Rule, ...]] = {}
        self.requests: list[Request] = []
        self.numbers: dict[Request, int] = {}
        self.classes: Ints = np.zeros((16, at.CLASS_COLUMNS), np.int64)
        self.mix: Ints = np.zeros((0, MIX_COLUMNS), np.int64)
        self.touched: Small = np.zeros(RING, np.int32)
        self.totals: Ints = np.zeros(at.TOTALS, np.int64)

    def class_of(self, request: Request) -> int:
        """Number of the class of `request`, new if need be; a dictionary look-up else."""
        number = self.numbers.get(request)
        return self._new_class(request) if number is None else number

    def _new_class(self, request: Request) -> int:
        row, number = class_row(request, self.fleet.labels), len(self.requests)
        if number == at.CLASSES_MAX:
            raise Invalid(T("请求种类过多", "too many kinds of request"), mend=T("合并相近的规格", "merge flavours"))
        if number == len(self.classes):
            self.classes = np.concatenate((self.classes, np.zeros_like(self.classes)))
        self.classes[number] = row
        self.requests.append(request)
        self.numbers[request] = number
        return number

    def reserve_rows(self, count: int) -> None:
        """Make sure that `count` more allocations fit without asking again. Doubles at most every second time."""
        spare = len(self.allocs) - int(self.totals[at.T_LIVE])
        if spare < count:
            first = len(self.allocs)
            more = ledger.empty_rows(max(count - spare, first // 2), first)
            more[-1, at.NEXT] = self.totals[at.T_FREE]
            self.totals[at.T_FREE] = first
            self.allocs = np.concatenate((self.allocs, more))

    def reserve_groups(self, group: int) -> None:
        """Make sure that there is a row for `group`."""
        if group >= len(self.groups):
            more = np.zeros((max(group + 1 - len(self.groups), len(self.groups), 16), at.GROUP_COLUMNS), np.int32)
            more[:, at.G_HEAD] = -1
            self.groups = np.concatenate((self.groups, more))

    def touch(self, host: int) -> None:
        """Remember that `host` changed."""
        self.touched[int(self.totals[at.T_TOUCHED]) % RING] = host
        self.totals[at.T_TOUCHED] += 1

    def row(self, id: int) -> int:
        """Row of an allocation's number. `NotFound` where it is not, or no longer."""
        row = id & ledger.ROW_MASK
        if (
            id < 0
            or row >= len(self.allocs)
            or self.allocs[row, at.HOST] < 0
            or self.allocs[row, at.SERIAL] != id >> ledger.SERIAL_SHIFT
        ):
            raise NotFound(T(f"没有分配 {id}", f"there is no allocation {id}"))
        return row

    def id(self, row: int) -> int:
        """Number of the allocation in `row`."""
        return int(self.allocs[row, at.SERIAL]) << ledger.SERIAL_SHIFT | row

    def allocation(self, id: int) -> Allocation:
        """Look one up."""
        entry = self.allocs[self.row(id)].tolist()
        detail = entry[at.CLASS] >> at.CLASS_BITS
        request = self.requests[entry[at.CLASS] & (at.CLASSES_MAX - 1)]
        gpus, nodes = detail & ((1 << at.NODE_SHIFT) - 1), detail >> at.NODE_SHIFT & 3
        return Allocation(id, entry[at.HOST], request, entry[at.GROUP], gpus, nodes, bool(detail & at.HELD))

    def guests(self, host: int) -> list[int]:
        """Numbers of the allocations on a host, in order of age (serial)."""
        return sorted(self.id(row) for row in self._chain(int(self.hosts[host, at.HEAD]), at.NEXT))

    def members(self, group: int) -> Ints:
        """Hosts of a group's allocations, one entry each, in no order that means anything."""
        head = int(self.groups[group, at.G_HEAD]) if 0 <= group < len(self.groups) else -1
        return self.allocs[self._chain(head, at.GROUP_NEXT), at.HOST].astype(np.int64)

    def _chain(self, row: int, column: int) -> list[int]:
        rows = []
        while row >= 0:
            rows.append(row)
            row = int(self.allocs[row, column])
        return rows

    def live_rows(self) -> Ints:
        """Rows that hold an allocation, ascending; O(rows)."""
        return np.flatnonzero(self.allocs[:, at.HOST] >= 0)

    def hash(self) -> str:
        """Fingerprint of what is free and what is allocated, 32 hexadecimal digits.

        Order of lists and numbers of rows do not enter, so that a state rebuilt from its allocations has the same one.
        0.2 s at 300,000 hosts with 5 million allocations.
        """
        digest = hashlib.blake2b(digest_size=16)
        for column in (
            *range(at.CORES + 1),
            at.LABELS,
            at.OWNER,
            at.GUESTS,
            at.TIER,
            *range(at.NODE_CPU, at.NODE_CPU + 4),
            *range(at.GPU, at.HOST_COLUMNS),
        ):
            digest.update(self.hosts[:, column].tobytes())
        rows = self.live_rows()
        words = np.zeros((2, len(rows)), np.uint64)
        for column in (at.SERIAL, at.HOST, at.CLASS, at.GROUP):
            for lane, factor in enumerate(FACTORS):
                words[lane] = _stir((words[lane] + self.allocs[rows, column].astype(np.uint64)) * factor)
        digest.update(words.sum(axis=1, dtype=np.uint64).tobytes())
        return digest.hexdigest()


FACTORS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))
"""Odd constants of splitmix64 and xxHash; sums of stirred words do not depend on the order of rows."""


def _stir(words: Words) -> Words:
    words ^= words >> np.uint64(29)
    words *= np.uint64(0xBF58476D1CE4E5B9)
    words ^= words >> np.uint64(32)
    return words


def _aligned(rows: int, columns: int) -> Ints:
    """Zeros whose first row begins a cache line."""
    raw = np.zeros(rows * columns * 8 + LINE_BYTES, np.uint8)
    offset = -raw.ctypes.data % LINE_BYTES
    return raw[offset : offset + rows * columns * 8].view(np.int64).reshape(rows, columns)
