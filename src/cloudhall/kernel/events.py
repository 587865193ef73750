"""Events: one append-only table that is outbox and watch stream at once.

Invariant: the revision of a row is the revision of its last event, written in the same transaction. Only one
transaction writes at a time, over all processes, and takes the next number from the table itself: a reader meets them
without gaps, and none ever comes late. It keeps a cursor of its own and never writes into the resource it read about.
Old rows go to files (`archive`), oldest first. `event_archive` says up to where; a row up to there is never read here,
whether or not it has been deleted yet. Of each resource whose events have gone `event_past` keeps what is asked often.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

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
CREATE TABLE IF NOT EXISTS event_archive (
  last INTEGER PRIMARY KEY, first INTEGER NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, at_us INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS event_past (
  id TEXT PRIMARY KEY, first INTEGER NOT NULL, decided INTEGER NOT NULL, name TEXT NOT NULL
) STRICT, WITHOUT ROWID;
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
COLUMNS = "revision, at_us, kind, id, place, name, verb, actor, request, generation, changed, spec"


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
    (revision,) = tx.execute("SELECT coalesce(max(revision), 0) + 1 FROM event").fetchone()
    row = (event.at_us, event.kind, event.id, event.place, event.name, event.verb, event.actor, event.request)
    tx.execute(
        f"INSERT INTO event ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (revision, *row, event.generation, msgspec.json.encode(event.changed).decode(), event.spec),
    )
    return int(revision)


class Kept(NamedTuple):
    """Events that a table still holds, and up to where the log was archived at the moment of that look."""

    archived: int
    found: list[Event]


def kept_after(tx: Tx, revision: int, limit: int = 500, kind: str = "", id_: str = "") -> Kept:
    """Events behind a revision, oldest first; of one kind or one resource where named.

    They are all that there are where `revision` is not below `archived`; else `archive.History` knows the rest. One
    statement tells both, because two would see two moments.
    """
    conditions, params = ["revision > ?"], [revision, *filter(None, (kind, id_))]
    conditions += [f"{c} = ?" for c, v in (("kind", kind), ("id", id_)) if v]
    rows = f"SELECT {COLUMNS} FROM event WHERE {' AND '.join(conditions)} ORDER BY revision LIMIT {limit}"
    archived = "SELECT coalesce(max(last), 0) AS archived FROM event_archive"
    sql = f"SELECT archived, kept.* FROM ({archived}) AS a LEFT JOIN ({rows}) AS kept ON TRUE ORDER BY kept.revision"
    looked = tx.execute(sql, params).fetchall()
    return Kept(looked[0][0], [event_of(row[1:]) for row in looked if row[1] is not None])


def latest(tx: Tx, where: str, params: Sequence[Any], limit: int = 20) -> list[Event]:
    """Newest events of a filter over the event's own columns, newest first, as far as the table holds them."""
    sql = f"SELECT {COLUMNS} FROM event WHERE {where} ORDER BY revision DESC LIMIT {limit}"
    return [event_of(r) for r in tx.execute(sql, params)]


def decided_after(tx: Tx, id_: str, revision: int) -> bool:
    """Whether a resource was changed by a command after a revision; what a controller saw does not count."""
    return decided(tx, id_) > revision


def decided(tx: Tx, id_: str) -> int:
    """Revision of the last command upon a resource, as against what a controller saw since; 0 where it has none."""
    sql = "SELECT revision FROM event WHERE id = ? AND verb <> ? ORDER BY revision DESC LIMIT 1"
    row = tx.execute(sql, (id_, OBSERVE)).fetchone()
    row = row or tx.execute("SELECT decided FROM event_past WHERE id = ?", (id_,)).fetchone()
    return int(row[0]) if row else 0


def name_of(tx: Tx, id_: str) -> str:
    """Name of a resource as its last event had it, also when it is gone; empty where it never was."""
    row = tx.execute("SELECT name FROM event WHERE id = ? ORDER BY revision DESC LIMIT 1", (id_,)).fetchone()
    row = row or tx.execute("SELECT name FROM event_past WHERE id = ?", (id_,)).fetchone()
    return str(row[0]) if row else ""


def first_archived(tx: Tx, id_: str) -> int | None:
    """Oldest revision of a resource that has left the table; None while it has all of its events here."""
    row = tx.execute("SELECT first FROM event_past WHERE id = ?", (id_,)).fetchone()
    return int(row[0]) if row else None


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


def slowest_reader(tx: Tx) -> tuple[str, int] | None:
    """Reader that is farthest behind, and where it stands; None before anybody reads."""
    row = tx.execute("SELECT reader, revision FROM event_cursor ORDER BY revision, reader LIMIT 1").fetchone()
    return (str(row[0]), int(row[1])) if row else None


def event_of(row: Sequence[Any]) -> Event:
    """Event of a row of `COLUMNS`."""
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
