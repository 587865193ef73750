"""Levels: what holds over time (reserved GiB, stored bytes), cut into readings when it changes and once an hour.

Two sources set levels: declared meters (`Meter("storage.reserved_gib", "spec.quota_gib")`), followed here through the
event log; and collectors that follow an engine. An engine is known only up to what it last said (`known_us`); no
reading ever reaches beyond that, so a change that arrives late still falls into time that is open.
Cost: one row a metered resource; an hourly cut writes one reading a row. What holds since is read, not written.
"""

from typing import TYPE_CHECKING, Any

import msgspec

from cloudhall.kernel import events, metering
from cloudhall.kernel.kinds import PURGE
from cloudhall.kernel.store import Tx

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

READER = "levels"
MICRO = 1_000_000
PAGE = 500
SCHEMA = """
CREATE TABLE meter_level (
  resource TEXT NOT NULL, meter TEXT NOT NULL, source TEXT NOT NULL, project TEXT NOT NULL,
  level_micro INTEGER NOT NULL CHECK (level_micro >= 0), since_us INTEGER NOT NULL, PRIMARY KEY (resource, meter)
) STRICT, WITHOUT ROWID;
CREATE INDEX meter_level_project ON meter_level (project);
CREATE TABLE meter_level_known (source TEXT PRIMARY KEY, known_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""
_COLUMNS = "resource, meter, source, project, level_micro, since_us"


def level(tx: Tx, resource: str, meter: str) -> int:
    """Level that holds now, in millionths of the meter's unit."""
    row = tx.execute(
        "SELECT level_micro FROM meter_level WHERE resource = ? AND meter = ?", (resource, meter)
    ).fetchone()
    return int(row[0]) if row else 0


def set_level(tx: Tx, source: str, resource: str, meter: str, project: str, level_micro: int, at_us: int) -> None:
    """Let a level hold from `at_us` on; what held before becomes readings."""
    _close(tx, _row(tx, resource, meter), at_us)
    tx.execute(
        "INSERT INTO meter_level VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (resource, meter) DO UPDATE "
        "SET level_micro = excluded.level_micro, since_us = CASE WHEN meter_level.since_us > excluded.since_us "
        "THEN meter_level.since_us ELSE excluded.since_us END",
        (resource, meter, source, project, level_micro, at_us),
    )


def end_level(tx: Tx, resource: str, meter: str, at_us: int) -> None:
    """End one level of a resource."""
    _close(tx, _row(tx, resource, meter), at_us)
    tx.execute("DELETE FROM meter_level WHERE resource = ? AND meter = ?", (resource, meter))


def end_levels(tx: Tx, resource: str, at_us: int) -> None:
    """End every level of a resource that is gone, whoever set it."""
    for row in tx.execute(f"SELECT {_COLUMNS} FROM meter_level WHERE resource = ?", (resource,)).fetchall():
        _close(tx, row, at_us)
    tx.execute("DELETE FROM meter_level WHERE resource = ?", (resource,))


def known_until(tx: Tx, source: str, at_us: int) -> None:
    """Say how far a source's levels are known."""
    tx.execute(
        "INSERT INTO meter_level_known VALUES (?, ?) ON CONFLICT (source) DO UPDATE SET known_us = excluded.known_us",
        (source, at_us),
    )


def known_us(tx: Tx) -> dict[str, int]:
    """How far the levels of each source are known."""
    return dict(tx.execute("SELECT source, known_us FROM meter_level_known").fetchall())


def cut(tx: Tx, now_us: int) -> None:
    """Turn what has held so far into readings; changes no total."""
    known = known_us(tx)
    for row in tx.execute(f"SELECT {_COLUMNS} FROM meter_level").fetchall():
        until = min(now_us, known.get(row[2], now_us))
        if until > row[5]:
            _close(tx, row, until)
            tx.execute("UPDATE meter_level SET since_us = ? WHERE resource = ? AND meter = ?", (until, row[0], row[1]))


def open_stretches(tx: Tx, project: str, now_us: int) -> list[metering.Reading]:
    """What holds since the last cut, as readings that are not written: nobody has to cut to know what is owed now."""
    known = known_us(tx)
    rows = tx.execute(f"SELECT {_COLUMNS} FROM meter_level WHERE project = ?", (project,)).fetchall()
    return [r for row in rows for r in _stretch(row, min(now_us, known.get(row[2], now_us)))]


class Levels:
    """Follows the event log for declared meters; `collect()` is one turn."""

    def __init__(self, kernel: "Kernel") -> None:
        """`kernel` gives registry and store."""
        self.kernel = kernel
        self.meters = {k.meta.key: k.meta.meters for k in kernel.registry if k.meta.meters}

    def collect(self) -> None:
        """Read on to the head of the log."""
        while self.kernel.store.write(self._read_on).result() == PAGE:
            pass

    def cut_all(self) -> None:
        """Cut every open level, with the log read to its end before: a wish from just now is not cut past."""
        self.kernel.store.write(self._cut).result()

    def _cut(self, tx: Tx) -> None:
        while self._read_on(tx) == PAGE:
            pass
        cut(tx, self.kernel.world.now_us())

    def _read_on(self, tx: Tx) -> int:
        found = self.kernel.history.after(tx, events.cursor_of(tx, READER), PAGE)
        for event in found:
            self._follow(tx, event)
        if found:
            events.move_cursor(tx, READER, found[-1].revision)
        return len(found)

    def _follow(self, tx: Tx, event: events.Event) -> None:
        if event.verb == "remove":
            end_levels(tx, event.id, event.at_us)
        elif event.verb in {"delete", PURGE} and self.kernel.registry.kind(event.kind).meta.recoverable_days:
            for meter in self.meters.get(event.kind, ()):  # what engines hold for it goes on
                end_level(tx, event.id, meter.key, event.at_us)
        elif event.spec is not None:
            spec = msgspec.json.decode(event.spec)
            for meter in self.meters.get(event.kind, ()):
                amount = int(spec[meter.path.removeprefix("spec.")])
                set_level(tx, READER, event.id, meter.key, event.place, amount * MICRO, event.at_us)


def _row(tx: Tx, resource: str, meter: str) -> Any:
    sql = f"SELECT {_COLUMNS} FROM meter_level WHERE resource = ? AND meter = ?"
    return tx.execute(sql, (resource, meter)).fetchone()


def _close(tx: Tx, row: Any, until_us: int) -> None:
    """Write the stretch since the last cut."""
    if row is not None:
        metering.record(tx, _stretch(row, until_us), now_us=until_us)


def _stretch(row: Any, until_us: int) -> list[metering.Reading]:
    """Readings from the last cut on, a day at most in each."""
    resource, meter, source, project, level_micro, since_us = row
    return [
        metering.Reading(
            source=source,
            source_id=f"{resource}/{meter}/{start}",
            meter=meter,
            resource=resource,
            project=project,
            from_us=start,
            to_us=min(start + metering.DAY_US, until_us),
            quantity_micro=level_micro,
        )
        for start in range(since_us, until_us, metering.DAY_US)
    ]
