"""Events: one append-only table that is outbox and watch stream at once.

Invariant: the revision of a row is the revision of its last event, written in the same transaction. Only one
transaction writes at a time, over all processes, and takes the next number from the table itself: a reader meets them
without gaps, and none ever comes late. It keeps a cursor of its own and never writes into the resource it read about.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from cloudhall.kernel.store import Tx

SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
  revision INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, place TEXT NOT NULL,
  name TEXT NOT NULL, verb TEXT NOT NULL, actor TEXT NOT NULL, request TEXT NOT NULL, generation INTEGER NOT NULL,
  changed TEXT NOT NULL, spec TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS event_resource ON event (id, revision);
CREATE INDEX IF NOT EXISTS event_place ON event (place, revision);
CREATE TABLE IF NOT EXISTS event_cursor (reader TEXT PRIMARY KEY, revision INTEGER NOT NULL) STRICT;
"""
_IRREGULAR = {
    "set": "set",
    "send": "sent",
    "freeze": "frozen",
    "unfreeze": "unfrozen",
    "submit": "submitted",
    "withdraw": "withdrawn",
}
OBSERVE = "observe"  # the verb of a controller that wrote what it saw
_COLUMNS = "revision, at_us, kind, id, place, name, verb, actor, request, generation, changed, spec"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a resource. `verb` is past tense on the wire: `storage.bucket.created`."""

    revision: int = 0
    at_us: int
    kind: str
    id: str
    place: str
    name: str
    verb: str
    actor: str
    request: str
    generation: int
    changed: tuple[str, ...] = ()
    spec: str | None = None

    @property
    def type(self) -> str:
        """Name of the event as webhooks and the watch stream say it."""
        return f"{self.kind}.{past_tense(self.verb)}"


def past_tense(verb: str) -> str:
    """`create` → `created`, `stop` → `stopped`, `set_quota` → `set_quota`: only the first word is bent.

    Names of events are for ever: webhooks wait for them.
    """
    first, _, rest = verb.partition("_")
    return _bent(first) + (f"_{rest}" if rest else "")


def _bent(verb: str) -> str:
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    if verb.endswith("e"):
        return verb + "d"
    if re.search("[^aeiou]y$", verb):
        return verb[:-1] + "ied"
    if re.fullmatch("[^aeiou]*[aeiou][^aeiouwxy]", verb):
        return verb + verb[-1] + "ed"
    return verb + "ed"


def append(tx: Tx, event: Event) -> int:
    """Append in the caller's transaction; answers the revision."""
    row = (event.at_us, event.kind, event.id, event.place, event.name, event.verb, event.actor, event.request)
    cursor = tx.execute(
        f"INSERT INTO event ({_COLUMNS}) VALUES ((SELECT coalesce(max(revision), 0) + 1 FROM event), "
        "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING revision",
        (*row, event.generation, msgspec.json.encode(event.changed).decode(), event.spec),
    )
    (revision,) = cursor.fetchone()
    return int(revision)


def after(tx: Tx, revision: int, limit: int = 500, kind: str = "", id_: str = "") -> list[Event]:
    """Events behind a revision, oldest first; of one kind or one resource where named."""
    conditions, params = ["revision > ?"], [revision, *filter(None, (kind, id_))]
    conditions += [f"{c} = ?" for c, v in (("kind", kind), ("id", id_)) if v]
    sql = f"SELECT {_COLUMNS} FROM event WHERE {' AND '.join(conditions)} ORDER BY revision LIMIT {limit}"
    return [_event(r) for r in tx.execute(sql, params)]


def latest(tx: Tx, where: str, params: Sequence[Any], limit: int = 20) -> list[Event]:
    """Newest events of a filter over the event's own columns, newest first."""
    sql = f"SELECT {_COLUMNS} FROM event WHERE {where} ORDER BY revision DESC LIMIT {limit}"
    return [_event(r) for r in tx.execute(sql, params)]


def decided_after(tx: Tx, id_: str, revision: int) -> bool:
    """Whether a resource was changed by a command after a revision; what a controller saw does not count."""
    sql = "SELECT 1 FROM event WHERE id = ? AND revision > ? AND verb <> ? LIMIT 1"
    return tx.execute(sql, (id_, revision, OBSERVE)).fetchone() is not None


def decided(tx: Tx, id_: str) -> int:
    """Revision of the last command upon a resource, as against what a controller saw since; 0 where it has none."""
    sql = "SELECT revision FROM event WHERE id = ? AND verb <> ? ORDER BY revision DESC LIMIT 1"
    row = tx.execute(sql, (id_, OBSERVE)).fetchone()
    return int(row[0]) if row else 0


def head(tx: Tx) -> int:
    """Newest revision."""
    (revision,) = tx.execute("SELECT coalesce(max(revision), 0) FROM event").fetchone()
    return int(revision)


def cursor_of(tx: Tx, reader: str) -> int:
    """Where a reader stands."""
    row = tx.execute("SELECT revision FROM event_cursor WHERE reader = ?", (reader,)).fetchone()
    return int(row[0]) if row else 0


def move_cursor(tx: Tx, reader: str, revision: int) -> None:
    """Move a reader on, in the transaction that wrote what it made of the events."""
    tx.execute(
        "INSERT INTO event_cursor (reader, revision) VALUES (?, ?) "
        "ON CONFLICT (reader) DO UPDATE SET revision = excluded.revision",
        (reader, revision),
    )


def _event(row: Any) -> Event:
    revision, at_us, kind, id_, place, name, verb, actor, request, generation, changed, spec = row
    return Event(
        revision=revision,
        at_us=at_us,
        kind=kind,
        id=id_,
        place=place,
        name=name,
        verb=verb,
        actor=actor,
        request=request,
        generation=generation,
        changed=msgspec.json.decode(changed, type=tuple[str, ...]),
        spec=spec,
    )
