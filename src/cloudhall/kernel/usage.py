"""Questions about usage: how much in a period, from which readings, and how well the period is known.

Invariants: totals of adjoining periods add up to the total of both; a sum counts whole where its interval begins, a
level exactly by its time inside; the `share`s of the readings shown add up to the total shown. Every answer is made of
all rows that there are, amendments with their signs included: nothing is kept that a late reading could make wrong.

Never here: writes, prices, or a number for time that nobody measured.
"""

import heapq
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import msgspec

from cloudhall.kernel import amendments
from cloudhall.kernel.amendments import BODY, Amended
from cloudhall.kernel.intervals import Span, doubled, length_us, minus, union
from cloudhall.kernel.metering import LONGEST_US, METERS, Gap, Reading, meter_of
from cloudhall.kernel.store import Tx

_GAP = ", ".join(Gap.__struct_fields__)


class Conflict(msgspec.Struct, frozen=True):
    """A body that came under an id already taken by another body; `id` names it, `settled_by` who decided since."""

    id: str
    refused: Reading | Gap
    counted: Reading | Gap | None
    recorded_us: int
    settled_by: str = ""


class Total(NamedTuple):
    """Use of one resource in a period. `quantity` is micro-units for a sum, micro-units x microseconds for a level."""

    meter: str
    resource: str
    quantity: int
    readings: int


class Coverage(NamedTuple):
    """How well a period is known: `measured_us + declared_us + unexplained` fill it.

    `declared_us` is time in gaps that no reading covers; `unexplained` is time that neither reading nor gap speaks of;
    `doubled` is time that two readings claim, which for a level means that it was counted twice.
    """

    measured_us: int
    declared_us: int
    unexplained: list[Span]
    doubled: list[Span]


class Booked(NamedTuple):
    """A reading as it counts: `sign` is -1 where an amendment takes it back. `step` is 0 for what was delivered."""

    reading: Reading
    sign: int = 1
    step: int = 0
    amendment: str = ""
    reason: str = ""

    @property
    def counts_micro(self) -> int:
        """What it adds, or takes back."""
        return self.sign * self.reading.quantity_micro

    @property
    def place(self) -> "After":
        """Where it stands in order."""
        return After(self.reading.from_us, self.reading.source, self.reading.source_id, self.step)


def standing(rows: Iterable[Booked]) -> list[Reading]:
    """What counts of the rows shown, in order of time; what was taken back is left out."""
    found: dict[tuple[str, str], Reading] = {}
    for row in sorted(rows, key=lambda row: row.step):
        key = (row.reading.source, row.reading.source_id)
        if row.sign > 0:
            found[key] = row.reading
        else:
            found.pop(key, None)
    return sorted(found.values(), key=lambda reading: (reading.from_us, reading.source, reading.source_id))


class After(NamedTuple):
    """Where a page of readings ended: begin, id and step of its last one."""

    from_us: int
    source: str
    source_id: str
    step: int = 0


def totals(tx: Tx, project: str, from_us: int, to_us: int) -> list[Total]:
    """Use of a project in `[from_us, to_us)`: a row per meter and resource, sorted by both.

    Cost: one pass over the project's readings of the period in a covering index, some 2 to 5 million a second; nothing
    of other projects or periods.
    """
    window = Span(from_us, to_us)
    return [total for key in sorted(METERS) for total in of_meter(tx, project, key, window)]


def of_meter(tx: Tx, project: str, meter: str, window: Span) -> list[Total]:
    """Use of one meter in a period, a row per resource. Cost: the project's readings of this meter in it."""
    add_up = _sums if meter_of(meter).aggregation == "sum" else _levels
    by_resource = {total.resource: total for total in add_up(tx, project, meter, window)}
    for amended in amendments.within(tx, project, meter, window.from_us - look_back_us(meter), window.to_us):
        _add(by_resource, meter, amended.reading, amended.sign, window)
    return [by_resource[resource] for resource in sorted(by_resource)]


def share(reading: Reading, from_us: int, to_us: int) -> int:
    """What one reading adds to the total of `[from_us, to_us)`, in the unit of `Total.quantity`."""
    if meter_of(reading.meter).aggregation == "level":
        return reading.quantity_micro * Span(reading.from_us, reading.to_us).clip(Span(from_us, to_us)).length_us
    return reading.quantity_micro if from_us <= reading.from_us < to_us else 0


def readings(
    tx: Tx,
    project: str,
    meter: str,
    resource: str,
    from_us: int,
    to_us: int,
    *,
    after: After | None = None,
    limit: int = 100,
) -> list[Booked]:
    """Rows behind one total, in order of time: what was read, what was taken back, and what counts instead.

    Their `share`s with their signs add up to the total.
    Cost: the index entries of this project and meter from the last page's end to this one's.
    """
    begin_us = from_us - look_back_us(meter)
    after = after or After(begin_us - 1, "", "")
    rows = tx.execute(
        "SELECT source, source_id, from_us, to_us, quantity_micro FROM usage"
        " WHERE project = ? AND meter = ? AND resource = ? AND from_us >= ? AND from_us < ? AND to_us > ?"
        " AND (from_us, source, source_id) > (?, ?, ?) ORDER BY from_us, source, source_id LIMIT ?",
        (project, meter, resource, begin_us, to_us, from_us, *after[:3], limit),
    )
    delivered = (
        Booked(
            Reading(
                source=source,
                source_id=source_id,
                meter=meter,
                resource=resource,
                project=project,
                from_us=begin,
                to_us=end,
                quantity_micro=quantity,
            )
        )
        for source, source_id, begin, end, quantity in rows
    )
    amended = (
        Booked(row.reading, row.sign, row.step, row.id, row.reason)
        for row in _amended(tx, project, meter, resource, Span(from_us, to_us))
    )
    later = (row for row in amended if row.place > after)
    return list(islice(heapq.merge(delivered, later, key=lambda row: row.place), limit))


def recorded_after(
    tx: Tx, project: str, meter: str, from_us: int, to_us: int, since_us: int, *, limit: int = 100
) -> list[Reading]:
    """Readings of a period that were recorded after a time, in order of time.

    Cost: every reading of the project's meter in the period; ask it only where a total is known to differ.
    """
    rows = tx.execute(
        f"SELECT {BODY} FROM usage WHERE project = ? AND meter = ? AND from_us >= ? AND from_us < ? AND to_us > ?"
        " AND recorded_us > ? ORDER BY from_us, source, source_id LIMIT ?",
        (project, meter, from_us - look_back_us(meter), to_us, from_us, since_us, limit),
    )
    return [Reading(**dict(zip(Reading.__struct_fields__, row, strict=True))) for row in rows]


def gaps(tx: Tx, project: str, from_us: int, to_us: int) -> list[Gap]:
    """Gaps that reach into `[from_us, to_us)`, as declared: a late reading may cover one, see `coverage`."""
    rows = tx.execute(
        f"SELECT {_GAP} FROM usage_gap"
        " WHERE project = ? AND from_us < ? AND to_us > ? ORDER BY from_us, source, source_id",
        (project, to_us, from_us),
    )
    return [Gap(**dict(zip(Gap.__struct_fields__, row, strict=True))) for row in rows]


def conflicts(tx: Tx, project: str, *, limit: int = 100) -> list[Conflict]:
    """Bodies in quarantine, the newest first, each beside the one that counts, and whether somebody has decided."""
    rows = tx.execute(
        "SELECT body, body_hash, recorded_us FROM usage_conflict WHERE project = ?"
        " ORDER BY recorded_us DESC, source, source_id, body_hash LIMIT ?",
        (project, limit),
    )
    return [_conflict(tx, *row) for row in rows.fetchall()]


def unsettled(tx: Tx) -> list[Conflict]:
    """Every contradiction that nobody has decided. Cost: those that there ever were, with a look at each."""
    rows = tx.execute(
        "SELECT body, body_hash, recorded_us FROM usage_conflict c WHERE NOT EXISTS (SELECT 1 FROM usage_amendment a"
        " WHERE a.source = c.source AND a.source_id = c.source_id AND a.recorded_us >= c.recorded_us)"
        " ORDER BY recorded_us, source, source_id, body_hash"
    )
    return [_conflict(tx, *row) for row in rows.fetchall()]


def conflicts_of(tx: Tx, source: str, source_id: str) -> list[Conflict]:
    """Every other body that came under an id, the first one first."""
    rows = tx.execute(
        "SELECT body, body_hash, recorded_us FROM usage_conflict WHERE source = ? AND source_id = ?"
        " ORDER BY recorded_us, body_hash",
        (source, source_id),
    )
    return [_conflict(tx, *row) for row in rows.fetchall()]


def coverage(tx: Tx, project: str, meter: str, resource: str, from_us: int, to_us: int) -> Coverage:
    """How well `[from_us, to_us)` is known for one resource and meter. Cost: its readings of the period."""
    window = Span(from_us, to_us)
    rows = tx.execute(
        "SELECT from_us, to_us FROM usage"
        " WHERE project = ? AND meter = ? AND resource = ? AND from_us >= ? AND from_us < ? AND to_us > ?",
        (project, meter, resource, from_us - _reach_us(meter), to_us, from_us),
    )
    spans = [Span(*row) for row in rows]
    for row in amendments.within(tx, project, meter, from_us - _reach_us(meter), to_us, resource):
        if row.reading.to_us > from_us:
            (spans.append if row.sign > 0 else spans.remove)(Span(row.reading.from_us, row.reading.to_us))
    read = [span.clip(window) for span in spans]
    declared = [
        Span(gap.from_us, gap.to_us).clip(window)
        for gap in gaps(tx, project, from_us, to_us)
        if (gap.meter, gap.resource) == (meter, resource)
    ]
    return Coverage(
        measured_us=length_us(union(read)),
        declared_us=length_us(minus(declared, read)),
        unexplained=minus([window], [*read, *declared]),
        doubled=doubled(read),
    )


def _sums(tx: Tx, project: str, meter: str, window: Span) -> Iterator[Total]:
    """Two halves of 32 bits are summed apart, so that no row count overflows the database's 64 bits."""
    rows = tx.execute(
        "SELECT resource, SUM(quantity_micro >> 32), SUM(quantity_micro & 4294967295), COUNT(*) FROM usage"
        " WHERE project = ? AND meter = ? AND from_us >= ? AND from_us < ? GROUP BY resource ORDER BY resource",
        (project, meter, *window),
    )
    for resource, high, low, count in rows:
        yield Total(meter, resource, (int(high) << 32) + int(low), count)


def _levels(tx: Tx, project: str, meter: str, window: Span) -> Iterator[Total]:
    """Level x time passes 64 bits. Both are cut into parts whose products the database can add up, 2^23 of each.

    Only readings that lie inside are asked so; the few across an edge are clipped one by one.
    """
    rows = tx.execute(
        f"SELECT resource, COUNT(*), {', '.join(_PRODUCTS)} FROM usage"
        " WHERE project = ? AND meter = ? AND from_us >= ? AND from_us < ? AND to_us <= ?"
        " GROUP BY resource",
        (project, meter, window.from_us, window.to_us, window.to_us),
    )
    found = {
        resource: Total(meter, resource, sum(int(p) << s for p, s in zip(products, _SHIFTS, strict=True)), count)
        for resource, count, *products in rows
    }
    for reading in _crossing(tx, project, meter, window):
        _add(found, meter, reading, 1, window)
    yield from found.values()


_QUANTITY = (("quantity_micro >> 42", 42), ("quantity_micro >> 21 & 2097151", 21), ("quantity_micro & 2097151", 0))
_LENGTH = (("(to_us - from_us) >> 19", 19), ("(to_us - from_us) & 524287", 0))  # a day is less than 2^37 us
_PRODUCTS = [f"SUM(({q}) * ({t}))" for q, _ in _QUANTITY for t, _ in _LENGTH]
_SHIFTS = [of_q + of_t for _, of_q in _QUANTITY for _, of_t in _LENGTH]


def _crossing(tx: Tx, project: str, meter: str, window: Span) -> Iterator[Reading]:
    """Readings that begin before the period and reach into it, or begin in it and reach beyond."""
    reach_us = _reach_us(meter)
    edges = (
        (window.from_us - reach_us, window.from_us, window.from_us),
        (max(window.from_us, window.to_us - reach_us), window.to_us, window.to_us),
    )
    for edge in edges:
        rows = tx.execute(
            f"SELECT {BODY} FROM usage WHERE project = ? AND meter = ? AND from_us >= ? AND from_us < ? AND to_us > ?",
            (project, meter, *edge),
        )
        yield from (Reading(**dict(zip(Reading.__struct_fields__, row, strict=True))) for row in rows)


def _add(found: dict[str, Total], meter: str, reading: Reading, sign: int, window: Span) -> None:
    """Count one row, if any of it lies in the period."""
    if _inside(reading, window):
        before = found.get(reading.resource, Total(meter, reading.resource, 0, 0))
        quantity = before.quantity + sign * share(reading, *window)
        found[reading.resource] = before._replace(quantity=quantity, readings=before.readings + 1)


def _inside(reading: Reading, window: Span) -> bool:
    if meter_of(reading.meter).aggregation == "level":
        return Span(reading.from_us, reading.to_us).clip(window).length_us > 0
    return window.from_us <= reading.from_us < window.to_us


def _amended(tx: Tx, project: str, meter: str, resource: str, window: Span) -> list[Amended]:
    """Signed rows of a resource that lie in a period."""
    found = amendments.within(tx, project, meter, window.from_us - look_back_us(meter), window.to_us, resource)
    return [row for row in found if _inside(row.reading, window)]


def _conflict(tx: Tx, body: str, hashed: bytes, recorded_us: int) -> Conflict:
    refused: Reading | Gap = msgspec.json.decode(body, type=Reading | Gap)
    key = (refused.source, refused.source_id)
    counted = amendments.counted(tx, *key) if isinstance(refused, Reading) else _gap(tx, *key)
    if counted is not None and counted.project != refused.project:
        counted = None  # of somebody else, whose use this project does not see
    settled = tx.execute(
        "SELECT id FROM usage_amendment WHERE source = ? AND source_id = ? AND recorded_us >= ?"
        " ORDER BY step DESC LIMIT 1",
        (*key, recorded_us),
    ).fetchone()
    return Conflict(bytes(hashed).hex(), refused, counted, recorded_us, settled[0] if settled else "")


def _gap(tx: Tx, source: str, source_id: str) -> Gap | None:
    sql = f"SELECT {_GAP} FROM usage_gap WHERE source = ? AND source_id = ?"
    row = tx.execute(sql, (source, source_id)).fetchone()
    return None if row is None else Gap(**dict(zip(Gap.__struct_fields__, row, strict=True)))


def look_back_us(meter: str) -> int:
    """How far before a period a reading may begin that counts in it: a sum counts where it begins."""
    return _reach_us(meter) if meter_of(meter).aggregation == "level" else 0


def _reach_us(meter: str) -> int:
    """How far before a period a reading may begin that reaches into it."""
    return LONGEST_US[meter_of(meter).aggregation]
