"""Metering: what was measured, what was not, and how far each source has been read. Questions about it: `usage.py`.

A reading says that a meter of a resource showed a quantity over a half-open interval `[from_us, to_us)`. There are two
shapes. A *sum* (requests, bytes sent) happened somewhere inside the interval; it cannot be divided and counts whole in
the period where the interval begins. A *level* (stored bytes, reserved GiB) held all through the interval; a period
takes level x time of exactly the part inside it.

Invariants:
- quantities are integers in millionths of the meter's unit; level x time is multiplied exactly, never rounded here
- (source, source_id) is counted once, for ever: repeats, order and batches change no total
- the same id with another body is kept in quarantine beside the counted one, never dropped, never added; the first
  counts until somebody decides otherwise (`corrections.py`), which never changes a row here
- cutting a reading in two changes no total: a level may be cut anywhere, a sum only where it was measured
- what was not measured is a gap, an object of its own, and nothing ever fills it but a reading

Never here: prices, bills, guesses about what a gap may have held.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

import msgspec

from cloudhall.kernel.errors import Invalid, NotFound, Problem
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US

Aggregation = Literal["sum", "level"]

# A level is cut by its source at will, so a short limit costs nothing and bounds how far before a period its readings
# are looked for. A sum cannot be cut; past a month it could no longer be said to belong to one.
DAY_US = 86_400 * SECOND_US
LONGEST_US: dict[Aggregation, int] = {"level": DAY_US, "sum": 31 * DAY_US}
QUANTITY_LIMIT = 2**63
LOOKED_UP = 512  # ids in one question, at most

SCHEMA = """
CREATE TABLE usage (
    source TEXT NOT NULL, source_id TEXT NOT NULL, meter TEXT NOT NULL, resource TEXT NOT NULL, project TEXT NOT NULL,
    from_us INTEGER NOT NULL, to_us INTEGER NOT NULL CHECK (to_us > from_us),
    quantity_micro INTEGER NOT NULL CHECK (quantity_micro >= 0),
    body_hash BLOB NOT NULL, recorded_us INTEGER NOT NULL,
    PRIMARY KEY (source, source_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_by_period ON usage (project, meter, from_us, to_us, resource, quantity_micro);

CREATE TABLE usage_gap (
    source TEXT NOT NULL, source_id TEXT NOT NULL, meter TEXT NOT NULL, resource TEXT NOT NULL, project TEXT NOT NULL,
    from_us INTEGER NOT NULL, to_us INTEGER NOT NULL CHECK (to_us > from_us),
    cause TEXT NOT NULL,
    body_hash BLOB NOT NULL, recorded_us INTEGER NOT NULL,
    PRIMARY KEY (source, source_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_gap_by_period ON usage_gap (project, to_us);

CREATE TABLE usage_conflict (
    source TEXT NOT NULL, source_id TEXT NOT NULL, body_hash BLOB NOT NULL,
    project TEXT NOT NULL, body TEXT NOT NULL, recorded_us INTEGER NOT NULL,
    PRIMARY KEY (source, source_id, body_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_conflict_by_project ON usage_conflict (project, recorded_us);

CREATE TABLE meter_cursor (source TEXT PRIMARY KEY, position TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""

PUT_READING = "INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
PUT_GAP = "INSERT INTO usage_gap VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
PUT_CONFLICT = "INSERT INTO usage_conflict VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
PUT_CURSOR = "INSERT INTO meter_cursor VALUES (?, ?) ON CONFLICT (source) DO UPDATE SET position = excluded.position"


class MeterDef(msgspec.Struct, frozen=True, kw_only=True):
    """A meter with defined unit, method, precision and test.

    `unit` is what one million of `quantity_micro` are; `scale` says what one millionth is. Choose the unit so that the
    smallest thing counted is a millionth: bytes are counted in MB (10^6 bytes), so a millionth is one byte and 64 bits
    hold 9.2 EB. `precision` states what may be missing or late, `method` how it is measured, `test` names the test
    that holds a known workload against that precision. Unit and aggregation of a key never change: history was
    counted in them, so another meaning takes another key.
    """

    key: str
    title: T
    unit: T
    aggregation: Aggregation
    scale: T
    precision: T
    method: T
    test: str


METERS: dict[str, MeterDef] = {}
BYTE = T("1 字节", "1 byte")
"""`scale` of a meter that counts bytes, so that its quantities can be shown as sizes."""


def define(meter: MeterDef) -> MeterDef:
    """Make a meter known; a key means one thing only."""
    if METERS.setdefault(meter.key, meter) != meter:
        raise ValueError(f"meter {meter.key} is defined twice, differently")
    return meter


def meter_of(key: str) -> MeterDef:
    """Return the meter under a key; raises `NotFound` naming the nearest one."""
    if key not in METERS:
        text, mend = _unknown(key)
        raise NotFound(text, mend=mend)
    return METERS[key]


class Reading(msgspec.Struct, frozen=True, kw_only=True, tag="reading"):
    """One measurement. `source_id` is unique within its source for ever and the same on every repeat.

    The fields in this order are the row's columns and what the body's hash is taken of.
    """

    source: str
    source_id: str
    meter: str
    resource: str
    project: str
    from_us: int
    to_us: int
    quantity_micro: int


class Gap(msgspec.Struct, frozen=True, kw_only=True, tag="gap"):
    """An interval that nobody measured, and why (a code of the source: `engine_killed`)."""

    source: str
    source_id: str
    meter: str
    resource: str
    project: str
    from_us: int
    to_us: int
    cause: str


class MeterCursor(msgspec.Struct, frozen=True):
    """How far a source has been read; `position` is JSON of the source's own shape."""

    source: str
    position: str


class Recorded(NamedTuple):
    """What became of a delivery; the three add up to its size."""

    new: int
    repeated: int
    conflicts: int

    def plus(self, other: "Recorded") -> "Recorded":
        """Both deliveries as one."""
        return Recorded(*(one + two for one, two in zip(self, other, strict=True)))


def record(
    tx: Tx, readings: Sequence[Reading], gaps: Sequence[Gap] = (), cursor: MeterCursor | None = None, *, now_us: int
) -> Recorded:
    """Keep a delivery and the source's new position in the caller's write transaction, so that both stay or neither.

    Many at once end as the same ones one by one: of two bodies under an id the first in order counts.
    Raises `Invalid` with every problem of the delivery; nothing of it is kept then.
    Cost: one look at the key and two index entries a reading, whatever the table holds; a delivery of some thousands
    in one transaction costs a reading least.
    """
    problems = [*_reading_problems(readings), *_interval_problems("gaps", gaps)]
    if problems:
        text = T("用量记录有误，整批未入账", "The usage delivery is wrong; none of it was kept")
        raise Invalid(text, problems=tuple(problems))
    outcome = _keep(tx, "usage", PUT_READING, readings, now_us)
    if gaps:
        outcome = outcome.plus(_keep(tx, "usage_gap", PUT_GAP, gaps, now_us))
    if cursor is not None:
        tx.execute(PUT_CURSOR, (cursor.source, cursor.position))
    return outcome


def position(tx: Tx, source: str) -> str | None:
    """JSON that the source left with its last delivery, or None before the first."""
    row = tx.execute("SELECT position FROM meter_cursor WHERE source = ?", (source,)).fetchone()
    return None if row is None else str(row[0])


def body_hash(item: Reading | Gap) -> bytes:
    """Fingerprint of everything that a source says under one id; 16 bytes."""
    return blake2b(msgspec.json.encode(msgspec.structs.astuple(item)), digest_size=16).digest()


def _keep(tx: Tx, table: str, put: str, items: Sequence[Reading | Gap], now_us: int) -> Recorded:
    """Write what nobody has said before. Only one transaction writes at a time, so what was looked up still holds."""
    hashes = [body_hash(item) for item in items]
    known = _known(tx, table, items)
    new: list[tuple[Any, ...]] = []
    other: list[tuple[Any, ...]] = []
    for item, hashed in zip(items, hashes, strict=True):
        key = (item.source, item.source_id)
        if key not in known:
            known[key] = hashed
            new.append((*msgspec.structs.astuple(item), hashed, now_us))
        elif known[key] != hashed:
            other.append((*key, hashed, item.project, msgspec.json.encode(item).decode(), now_us))
    if new:
        tx.executemany(put, new)
    if other:
        tx.executemany(PUT_CONFLICT, other)
    return Recorded(len(new), len(items) - len(new) - len(other), len(other))


def _known(tx: Tx, table: str, items: Sequence[Reading | Gap]) -> dict[tuple[str, str], bytes]:
    """Fingerprints of the bodies that count already, of those ids that are known."""
    asked: dict[str, dict[str, None]] = defaultdict(dict)
    for item in items:
        asked[item.source][item.source_id] = None
    found: dict[tuple[str, str], bytes] = {}
    for source, ids in asked.items():
        listed = list(ids)
        for start in range(0, len(listed), LOOKED_UP):
            some = _filled(listed[start : start + LOOKED_UP])
            marks = ", ".join("?" * len(some))
            sql = f"SELECT source_id, body_hash FROM {table} WHERE source = ? AND source_id IN ({marks})"
            found |= {(source, id_): hashed for id_, hashed in tx.execute(sql, (source, *some))}
    return found


def _filled(ids: list[str]) -> list[str]:
    """Repeat the last up to a power of two: ten statements are prepared then, not one for each number of ids."""
    return ids + ids[-1:] * ((1 << (len(ids) - 1).bit_length()) - len(ids))


def _reading_problems(readings: Sequence[Reading]) -> Iterator[Problem]:
    yield from _interval_problems("readings", readings)
    for n, reading in enumerate(readings):
        meter = METERS.get(reading.meter)
        if not 0 <= reading.quantity_micro < QUANTITY_LIMIT:
            text = T("用量须在 0 到 2^63-1 之间", "A quantity lies between 0 and 2^63-1")
            yield Problem("OUT_OF_RANGE", f"/readings/{n}/quantity_micro", text)
        if meter is not None and reading.to_us - reading.from_us > LONGEST_US[meter.aggregation]:
            yield _too_long(n, meter)


def _interval_problems(field: str, items: Sequence[Reading | Gap]) -> Iterator[Problem]:
    for n, item in enumerate(items):
        if item.meter not in METERS:
            yield Problem("UNKNOWN_METER", f"/{field}/{n}/meter", *_unknown(item.meter))
        if item.to_us <= item.from_us:
            text = T("时段的结束须晚于开始", "An interval ends after it begins")
            mend = T("时钟未走动时并入下一次读数", "While the clock stands still, add it to the next reading")
            yield Problem("EMPTY_INTERVAL", f"/{field}/{n}/to_us", text, mend)


def _unknown(key: str) -> tuple[T, T | None]:
    near = get_close_matches(key, METERS, 1)
    mend = T("是否指 {near}？", "Did you mean {near}?").format(near=near[0]) if near else None
    return T("没有定义计量项 {key}", "No meter {key} is defined").format(key=key), mend


def _too_long(n: int, meter: MeterDef) -> Problem:
    days = LONGEST_US[meter.aggregation] // DAY_US
    text = T("{key} 的一次读数最长 {days} 天", "A reading of {key} spans at most {days} days")
    mend = (
        T("切成较短的读数，合计不变", "Cut it into shorter readings; no total changes")
        if meter.aggregation == "level"
        else T("缩短读取间隔；无法归属的时段记为缺口", "Read more often; record what fits no period as a gap")
    )
    return Problem("TOO_LONG", f"/readings/{n}/to_us", text.format(key=meter.key, days=days), mend)
