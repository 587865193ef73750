"""Questions about usage: how much in a period, from which readings, and how well the period is known.

Invariants: totals of adjoining periods add up to the total of both; a sum counts whole where its interval begins, a
level exactly by its time inside; the `share`s of the readings shown add up to the total shown.

Never here: writes, prices, or a number for time that nobody measured.
"""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import msgspec

from cloudhall.kernel.intervals import Span, doubled, length_us, minus, union
from cloudhall.kernel.metering import LONGEST_US, METERS, Gap, Reading, meter_of
from cloudhall.kernel.store import Tx


class Conflict(msgspec.Struct, frozen=True):
    """A body that came under an id already taken by another body."""

    refused: Reading | Gap
    recorded_us: int


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


class After(NamedTuple):
    """Where a page of readings ended: begin and id of its last one."""

    from_us: int
    source: str
    source_id: str


def totals(tx: Tx, project: str, from_us: int, to_us: int) -> list[Total]:
    """Use of a project in `[from_us, to_us)`: a row per meter and resource, sorted by both.

    Cost: one pass over the project's readings of the period in a covering index; nothing of other projects or periods.
    """
    window = Span(from_us, to_us)
    found: list[Total] = []
    for key in sorted(METERS):
        add_up = _sums if METERS[key].aggregation == "sum" else _levels
        found.extend(add_up(tx, project, key, window))
    return found


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
) -> list[Reading]:
    """Readings behind one total, in order of time; their `share`s add up to it.

    Cost: the index entries of this project and meter from the last page's end to this one's.
    """
    begin_us = from_us - _reach_us(meter) if meter_of(meter).aggregation == "level" else from_us
    rows = tx.execute(
        "SELECT source, source_id, from_us, to_us, quantity_micro FROM usage"
        " WHERE project = ? AND meter = ? AND resource = ? AND from_us >= ? AND from_us < ? AND to_us > ?"
        " AND (from_us, source, source_id) > (?, ?, ?) ORDER BY from_us, source, source_id LIMIT ?",
        (project, meter, resource, begin_us, to_us, from_us, *(after or After(begin_us - 1, "", "")), limit),
    )
    return [
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
        for source, source_id, begin, end, quantity in rows
    ]


def gaps(tx: Tx, project: str, from_us: int, to_us: int) -> list[Gap]:
    """Gaps that reach into `[from_us, to_us)`, as declared: a late reading may cover one, see `coverage`."""
    rows = tx.execute(
        "SELECT source, source_id, meter, resource, project, from_us, to_us, cause FROM usage_gap"
        " WHERE project = ? AND from_us < ? AND to_us > ? ORDER BY from_us, source, source_id",
        (project, to_us, from_us),
    )
    return [Gap(**dict(zip(Gap.__struct_fields__, row, strict=True))) for row in rows]


def conflicts(tx: Tx, project: str, *, limit: int = 100) -> list[Conflict]:
    """Bodies in quarantine, the newest first, for a person to judge; the counted ones stand in `usage`."""
    rows = tx.execute(
        "SELECT body, recorded_us FROM usage_conflict WHERE project = ?"
        " ORDER BY recorded_us DESC, source, source_id, body_hash LIMIT ?",
        (project, limit),
    )
    return [Conflict(msgspec.json.decode(body, type=Reading | Gap), recorded_us) for body, recorded_us in rows]


def coverage(tx: Tx, project: str, meter: str, resource: str, from_us: int, to_us: int) -> Coverage:
    """How well `[from_us, to_us)` is known for one resource and meter. Cost: its readings of the period."""
    window = Span(from_us, to_us)
    rows = tx.execute(
        "SELECT from_us, to_us FROM usage"
        " WHERE project = ? AND meter = ? AND resource = ? AND from_us >= ? AND from_us < ? AND to_us > ?",
        (project, meter, resource, from_us - _reach_us(meter), to_us, from_us),
    )
    read = [Span(*row).clip(window) for row in rows]
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
    """The database adds up how long each level held; level x time passes 64 bits and is multiplied here."""
    rows = tx.execute(
        "SELECT resource, quantity_micro, COUNT(*),"
        " SUM((CASE WHEN to_us < ? THEN to_us ELSE ? END) - (CASE WHEN from_us > ? THEN from_us ELSE ? END))"
        " FROM usage WHERE project = ? AND meter = ? AND from_us >= ? AND from_us < ? AND to_us > ?"
        " GROUP BY resource, quantity_micro ORDER BY resource",
        (
            *(window.to_us, window.to_us, window.from_us, window.from_us),
            *(project, meter, window.from_us - _reach_us(meter), window.to_us, window.from_us),
        ),
    )
    for resource, held in groupby(rows, key=itemgetter(0)):
        levels = list(held)
        quantity = sum(level * int(held_us) for _, level, _, held_us in levels)
        yield Total(meter, resource, quantity, sum(count for _, _, count, _ in levels))


def _reach_us(meter: str) -> int:
    """How far before a period a reading may begin that reaches into it."""
    return LONGEST_US[meter_of(meter).aggregation]
