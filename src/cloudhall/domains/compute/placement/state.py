"""All that changes while placing: what hosts have left, what is allocated, which request classes and groups there are.

Every search reads this, every decision writes it through `ledger`; nothing here decides.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement import ledger
from cloudhall.domains.compute.placement.columns import Ints
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.groups import Rule, row_of
from cloudhall.domains.compute.placement.ledger import Books
from cloudhall.domains.compute.placement.request import Request, class_row
from cloudhall.kernel.errors import Invalid, NotFound
from cloudhall.kernel.text import T

NO_GROUP = -1
FIRST_ROWS = 1024
FIRST_CLASSES = 64
LINE_BYTES = 64


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
        self.rules: list[tuple[Rule, ...]] = []
        self.requests: list[Request] = []
        self.numbers: dict[Request, int] = {}
        self._by_row = by_row
        self.books = Books(
            hosts=self._empty_hosts(),
            allocs=ledger.empty_rows(FIRST_ROWS),
            groups=np.zeros((0, at.GROUP_COLUMNS), np.int32),
            classes=np.zeros((FIRST_CLASSES, at.CLASS_COLUMNS), np.int64),
            mix=np.zeros((0, at.MIX_COLUMNS), np.int64),
            totals=np.zeros(at.TOTALS, np.int64),
            touched=np.zeros(ledger.RING, np.int32),
            hot=_aligned(len(fleet), at.HOT_COLUMNS),
            log=np.zeros((at.LOG_ROWS, at.LOG_COLUMNS), np.int32),
        )
        ledger.touch_all(self.books)

    def _empty_hosts(self) -> Ints:
        count, capacity = len(self.fleet), self.fleet.capacity
        hosts = _aligned(count, at.HOST_COLUMNS) if self._by_row else np.zeros((at.HOST_COLUMNS, count), np.int64).T
        hosts[:] = capacity
        return hosts

    def refound(self, fleet: Fleet) -> None:
        """Stand on another fleet, all of it free; whoever calls carries the old hosts over."""
        self.fleet = fleet
        self.books = self.books._replace(hosts=self._empty_hosts(), hot=_aligned(len(fleet), at.HOT_COLUMNS))

    def class_of(self, request: Request) -> int:
        """Number of the class of `request`, new if need be; a dictionary look-up else."""
        number = self.numbers.get(request)
        return self._new_class(request) if number is None else number

    def _new_class(self, request: Request) -> int:
        row, number = class_row(request, self.fleet.labels), len(self.requests)
        if number == at.CLASSES_MAX:
            raise Invalid(T("请求种类过多", "too many kinds of request"), mend=T("合并相近的规格", "merge flavours"))
        classes = self.books.classes
        if number == len(classes):
            classes = np.concatenate((classes, np.zeros_like(classes)))
            self.books = self.books._replace(classes=classes)
        classes[number] = row
        self.requests.append(request)
        self.numbers[request] = number
        return number

    def expect(self, mix: Sequence[tuple[Request, int]]) -> None:
        """Set the expected mix; weights are scaled to `MIX_TOTAL`. Every tree is out of date then."""
        rows = [(r.cpu_milli, r.memory_mib, r.gpus, r.gpu_milli if r.gpus else 0, weight) for r, weight in mix]
        table = np.array(rows, np.int64).reshape(-1, at.MIX_COLUMNS)
        table[:, at.MIX_WEIGHT] = table[:, at.MIX_WEIGHT] * at.MIX_TOTAL // max(int(table[:, at.MIX_WEIGHT].sum()), 1)
        self.books = self.books._replace(mix=table)
        ledger.touch_all(self.books)

    def declare_groups(self, rules: Sequence[Rule], count: int = 1) -> int:
        """Begin `count` groups with the same rules; answers the number of the first."""
        first = len(self.rules)
        self.rules += [tuple(rules)] * count
        groups = self.books.groups
        if len(self.rules) > len(groups):
            more = np.zeros((max(len(self.rules) - len(groups), len(groups)), at.GROUP_COLUMNS), np.int32)
            groups = np.concatenate((groups, more))
            self.books = self.books._replace(groups=groups)
        groups[first : len(self.rules)] = row_of(rules)
        return first

    def check_group(self, group: int) -> None:
        """`NotFound` where `group` was never declared."""
        if not NO_GROUP <= group < len(self.rules):
            raise NotFound(T(f"没有分组 {group}", f"there is no group {group}"))

    def reserve_rows(self, count: int = 1) -> None:
        """Make sure that `count` more allocations find a free row; grows by half at least, so rarely."""
        allocs, totals = self.books.allocs, self.books.totals
        spare = len(allocs) - int(totals[at.T_LIVE])
        if spare < count:
            grown = ledger.longer(allocs, max(count - spare, len(allocs) // 2))
            grown[-1, at.NEXT] = totals[at.T_FREE]
            totals[at.T_FREE] = len(allocs)
            self.books = self.books._replace(allocs=grown)

    def row(self, id: int) -> int:
        """Row of an allocation's number. `NotFound` where it is not, or no longer."""
        allocs, row, serial = self.books.allocs, id & ledger.ROW_MASK, id >> ledger.SERIAL_SHIFT
        if serial < 0 or row >= len(allocs) or allocs[row, at.SERIAL] != serial:
            raise NotFound(T(f"没有分配 {id}", f"there is no allocation {id}"))
        return row

    def id(self, row: int) -> int:
        """Number of the allocation in `row`."""
        return int(self.books.allocs[row, at.SERIAL]) << ledger.SERIAL_SHIFT | row

    def allocation(self, id: int) -> Allocation:
        """Look one up. `NotFound` where it is not, or no longer."""
        entry = self.books.allocs[self.row(id)].tolist()
        detail = entry[at.CLASS] >> at.CLASS_BITS
        request = self.requests[entry[at.CLASS] & (at.CLASSES_MAX - 1)]
        gpus, nodes = detail & ((1 << at.NODE_SHIFT) - 1), detail >> at.NODE_SHIFT & 3
        return Allocation(id, entry[at.HOST], request, entry[at.GROUP], gpus, nodes, bool(detail & at.HELD))

    def guests(self, host: int) -> list[int]:
        """Numbers of the allocations on a host, eldest first."""
        return sorted(self.id(row) for row in self._chain(int(self.books.hosts[host, at.HEAD]), at.NEXT))

    def members(self, group: int) -> list[int]:
        """Numbers of a group's allocations, eldest first."""
        return sorted(self.id(row) for row in self._member_rows(group))

    def member_hosts(self, group: int) -> Ints:
        """Hosts of a group's allocations, one entry each, in no order that means anything."""
        return self.books.allocs[self._member_rows(group), at.HOST].astype(np.int64)

    def _member_rows(self, group: int) -> list[int]:
        return self._chain(int(self.books.groups[group, at.G_HEAD]), at.GROUP_NEXT)

    def _chain(self, row: int, column: int) -> list[int]:
        rows = []
        while row >= 0:
            rows.append(row)
            row = int(self.books.allocs[row, column])
        return rows


def _aligned(rows: int, columns: int) -> Ints:
    """Zeros whose first row begins a cache line."""
    raw = np.zeros(rows * columns * 8 + LINE_BYTES, np.uint8)
    offset = -raw.ctypes.data % LINE_BYTES
    return raw[offset : offset + rows * columns * 8].view(np.int64).reshape(rows, columns)
