"""Levels that follow from rows: a reader of the event log that turns declared meters into readings.

`Meter("storage.reserved_gib", "spec.quota_gib")` holds from the event that set it to the event that changes or removes
it. Each turn closes what is open at one time and opens it again there: cutting a level changes no total.
Cost: one row a metered resource; a turn reads the events since the last and writes one reading an open level.
"""

from typing import Any

import msgspec

from cloudhall.kernel import events, metering
from cloudhall.kernel.kinds import Meter
from cloudhall.kernel.store import Tx

READER = "levels"
MICRO = 1_000_000
PAGE = 500
SCHEMA = """
CREATE TABLE meter_level (
  resource TEXT NOT NULL, meter TEXT NOT NULL, project TEXT NOT NULL,
  level_micro INTEGER NOT NULL, since_us INTEGER NOT NULL,
  PRIMARY KEY (resource, meter)
) STRICT, WITHOUT ROWID;
"""


class Levels:
    """Follows the event log; `collect()` is one turn."""

    def __init__(self, kernel: Any) -> None:
        """`kernel` gives registry and store."""
        self.kernel = kernel
        self.meters = {k.meta.key: k.meta.meters for k in kernel.registry if k.meta.meters}

    def collect(self) -> None:
        """Read on to the head of the log, then close every open level at the present time."""
        while self.kernel.store.write(self._read_on).result() == PAGE:
            pass
        self.kernel.store.write(self._close_all).result()

    def _read_on(self, tx: Tx) -> int:
        found = events.after(tx, events.cursor_of(tx, READER), PAGE)
        for event in found:
            for meter in self.meters.get(event.kind, ()):
                self._follow(tx, event, meter)
        if found:
            events.move_cursor(tx, READER, found[-1].revision)
        return len(found)

    def _follow(self, tx: Tx, event: events.Event, meter: Meter) -> None:
        if event.verb == "remove":
            self._close(tx, event.id, meter.key, event.at_us)
            tx.execute("DELETE FROM meter_level WHERE resource = ? AND meter = ?", (event.id, meter.key))
        elif event.spec is not None:
            level = int(msgspec.json.decode(event.spec)[meter.path.removeprefix("spec.")]) * MICRO
            self._close(tx, event.id, meter.key, event.at_us)
            tx.execute(
                "INSERT INTO meter_level VALUES (?, ?, ?, ?, ?) ON CONFLICT (resource, meter) DO UPDATE "
                "SET level_micro = excluded.level_micro, since_us = excluded.since_us",
                (event.id, meter.key, event.place, level, event.at_us),
            )

    def _close_all(self, tx: Tx) -> None:
        now = self.kernel.world.now_us()
        for resource, meter in tx.execute("SELECT resource, meter FROM meter_level").fetchall():
            self._close(tx, resource, meter, now)

    def _close(self, tx: Tx, resource: str, meter: str, at_us: int) -> None:
        """Write the open stretch as readings of at most a day each, and open the next."""
        row = tx.execute(
            "SELECT project, level_micro, since_us FROM meter_level WHERE resource = ? AND meter = ?", (resource, meter)
        ).fetchone()
        if row is None:
            return
        project, level, since_us = row
        readings = [
            metering.Reading(
                source=READER,
                source_id=f"{resource}/{meter}/{start}",
                meter=meter,
                resource=resource,
                project=project,
                from_us=start,
                to_us=min(start + metering.DAY_US, at_us),
                quantity_micro=level,
            )
            for start in range(since_us, at_us, metering.DAY_US)
        ]
        metering.record(tx, readings, now_us=at_us)
        tx.execute(
            "UPDATE meter_level SET since_us = ? WHERE resource = ? AND meter = ?",
            (max(since_us, at_us), resource, meter),
        )
