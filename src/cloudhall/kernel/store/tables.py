"""One table a kind, its statements rendered once from the declaration. No ORM, no SQL file per kind.

Cost: get, insert, update and a page touch one index each, at 3,000,000 rows as at 3; a facet count scans the index
column of the rows that the filter leaves. Every index ends with the id, so that a page is a walk along it. Who sees few
rows (`FEW_ROWS_MAX`) is read through the places they lie in, who sees more through the order asked for.
"""

import re
from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from cloudhall.kernel.kinds import Kind, Meta, field_at, value_at
from cloudhall.kernel.store import Question, Tx
from cloudhall.kernel.store.dialect import SQLITE, Dialect

ROW_VERSION = 1
FEW_ROWS_MAX = 20_000  # read and sorted in about 5 ms; counted so far in 1 ms
_PLAIN = (
    "id",
    "place",
    "name",
    "labels",
    "spec",
    "status",
    "v",
    "generation",
    "revision",
    "created",
    "updated",
    "deleting",
)
K = TypeVar("K", bound=Kind[Any, Any])


class Where(NamedTuple):
    """A condition with its parameters."""

    sql: str
    params: tuple[Any, ...] = ()

    def __and__(self, other: "Where") -> "Where":
        """Both."""
        return Where(f"({self.sql}) AND ({other.sql})", self.params + other.params)

    def __or__(self, other: "Where") -> "Where":
        """Either."""
        return Where(f"({self.sql}) OR ({other.sql})", self.params + other.params)


LIVE = Where("deleted IS NULL")
ALL = Where("TRUE")
_PLACES, _ALONE = r"place IN \(SELECT descendant FROM place WHERE ancestor IN \([?, ]+\)\)", r"id IN \([?, ]+\)"
_IN_PLACES = re.compile(_PLACES)
"""What a policy says of somebody who holds roles on some places and sees nothing else."""
_SHARED = re.compile(rf"\((?P<places>{_PLACES}) OR (?P<rows>{_ALONE})\)|(?P<only>{_ALONE})")
"""What it says of somebody who holds roles on single rows, beside some places or alone."""


class Sort(NamedTuple):
    """Order of a page: a column and a direction; ties go by id."""

    column: str = "id"
    descending: bool = True


class Table(Generic[K]):
    """Reads and writes the rows of one kind."""

    def __init__(self, kind: type[K]) -> None:
        """Render the statements."""
        meta = kind.meta
        self.kind, self.meta, self.name = kind, meta, meta.table
        self._own = tuple(i for i in meta.indexes if i.path not in _PLAIN)
        self.index_columns = tuple(i.column for i in self._own)
        columns = (*_PLAIN, *self.index_columns)
        self._select = f"SELECT {', '.join(_PLAIN)} FROM {self.name} "
        self._insert = f"INSERT INTO {self.name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        changing = (
            "name",
            "labels",
            "spec",
            "status",
            "v",
            "generation",
            "revision",
            "updated",
            "deleting",
            *self.index_columns,
        )
        self._update = f"UPDATE {self.name} SET {', '.join(c + ' = ?' for c in changing)} WHERE id = ?"
        self._dialect = SQLITE
        self._spec = msgspec.json.Decoder(meta.spec)
        self._status = msgspec.json.Decoder(meta.status)

    def prepare(self, tx: Tx, dialect: Dialect) -> None:
        """Make what is missing of table, columns and indexes. Cost: a new index column takes an update a live row."""
        self._dialect = dialect
        table, *indexes = self.ddl()
        tx.execute(dialect.render(table))
        there = {column for (column,) in tx.execute(dialect.columns, (self.name,))}
        missing = [i for i in self._own if i.column not in there]
        for index in missing:
            column = f"{index.column} {_sql_type(self.meta, index.path)}"
            tx.execute(dialect.render(f"ALTER TABLE {self.name} ADD COLUMN {column}"))
        if missing:
            for row in tx.execute(self._select + "WHERE deleted IS NULL").fetchall():
                self.update(tx, self._row(row))
        for statement in indexes:
            tx.execute(statement)

    def ddl(self) -> list[str]:
        """Statements that make the table and its indexes where they are missing."""
        extra = "".join(f", {i.column} {_sql_type(self.meta, i.path)}" for i in self._own)
        table = (
            f"CREATE TABLE IF NOT EXISTS {self.name} (id TEXT PRIMARY KEY, place TEXT NOT NULL, name TEXT NOT NULL, "
            "labels TEXT NOT NULL, spec TEXT NOT NULL, status TEXT NOT NULL, v INTEGER NOT NULL, "
            "generation INTEGER NOT NULL, revision INTEGER NOT NULL, created INTEGER NOT NULL, "
            f"updated INTEGER NOT NULL, deleting INTEGER, deleted INTEGER{extra}) STRICT"
        )
        statements = [
            table,
            f"CREATE UNIQUE INDEX IF NOT EXISTS {self.name}_name ON {self.name} (place, name) WHERE deleted IS NULL",
        ]
        declared = {i.column: i.unique for i in self.meta.indexes}
        for column, unique in {"place": False, "name": False, **declared}.items():
            made = f"CREATE {'UNIQUE ' * unique}INDEX IF NOT EXISTS {self.name}_{column}_i ON {self.name}"
            statements.append(f"{made} ({column}{'' if unique else ', id'}) WHERE deleted IS NULL")
        return statements

    def insert(self, tx: Tx, r: Kind[Any, Any]) -> None:
        """Write a new row; store.IntegrityError where the name is taken."""
        plain = (
            r.id,
            r.place,
            r.name,
            _json(r.labels),
            _json(r.spec),
            _json(r.status),
            ROW_VERSION,
            r.generation,
            r.revision,
        )
        tx.execute(self._insert, (*plain, r.created_us, r.updated_us, r.deleting_us, *self._index_values(r)))

    def update(self, tx: Tx, r: Kind[Any, Any]) -> None:
        """Write a changed row."""
        plain = (
            r.name,
            _json(r.labels),
            _json(r.spec),
            _json(r.status),
            ROW_VERSION,
            r.generation,
            r.revision,
            r.updated_us,
        )
        tx.execute(self._update, (*plain, r.deleting_us, *self._index_values(r), r.id))

    def remove(self, tx: Tx, id_: str, at_us: int | None) -> None:
        """Take a row out of sight; it stays for the record. `None` brings one back that lay in the recycle bin."""
        tx.execute(f"UPDATE {self.name} SET deleted = ? WHERE id = ?", (at_us, id_))

    def get(self, tx: Tx, id_: str) -> K | None:
        """Live row by id."""
        row = tx.execute(*self.get_question(id_)).fetchone()
        return self._row(row) if row else None

    def get_question(self, id_: str) -> Question:
        """What `get` asks."""
        return self._select + "WHERE id = ? AND deleted IS NULL", (id_,)

    def first(self, tx: Tx, where: Where) -> K | None:
        """A live row that a condition leaves."""
        row = tx.execute(f"{self._select} WHERE deleted IS NULL AND ({where.sql}) LIMIT 1", where.params).fetchone()
        return self._row(row) if row else None

    def hidden(self, tx: Tx, id_: str) -> K | None:
        """Row by id that is out of sight: gone, or in the recycle bin."""
        row = tx.execute(self._select + "WHERE id = ? AND deleted IS NOT NULL", (id_,)).fetchone()
        return self._row(row) if row else None

    def named(self, tx: Tx, name: str, where: Where = LIVE, limit: int = 11) -> list[K]:
        """Live rows by name, over all places that `where` leaves."""
        both = Where("name = ?", (name,)) & LIVE & where
        return [self._row(r) for r in tx.execute(f"{self._select} WHERE {both.sql} LIMIT {limit}", both.params)]

    def page(
        self, tx: Tx, where: Where, sort: Sort, after: Sequence[Any] | None, limit: int, among: Where = ALL
    ) -> list[K]:
        """One keyset page after `(sort value, id)`; `among` is what the caller may see at all."""
        return [self._row(r) for r in tx.execute(*self.page_question(tx, where, sort, after, limit, among))]

    def page_question(
        self, tx: Tx, where: Where, sort: Sort, after: Sequence[Any] | None, limit: int, among: Where = ALL
    ) -> Question:
        """What `page` asks."""
        direction, beyond = ("DESC", "<") if sort.descending else ("ASC", ">")
        source, among = self._way(tx, among)
        full = LIVE & among & where
        if after is not None:
            full = full & Where(f"({sort.column}, id) {beyond} (?, ?)", tuple(after))
        order = f"ORDER BY {sort.column} {direction}, id {direction} LIMIT ?"
        sql = f"SELECT {', '.join(_PLAIN)} FROM {source.sql} WHERE {full.sql} {order}"
        return sql, (*source.params, *full.params, limit)

    def count(self, tx: Tx, where: Where, among: Where = ALL, most: int | None = None) -> int:
        """Rows that a filter leaves; with `most` no more than so many are looked for, so that it costs no more."""
        source, among = self._way(tx, among)
        full = LIVE & among & where
        sql = f"SELECT count(*) FROM {source.sql} WHERE {full.sql}"
        if most is not None:
            sql = f"SELECT count(*) FROM (SELECT 1 FROM {source.sql} WHERE {full.sql} LIMIT {most}) AS found"
        (n,) = tx.execute(sql, (*source.params, *full.params)).fetchone()
        return int(n)

    def facet(self, tx: Tx, where: Where, column: str, limit: int = 50, among: Where = ALL) -> list[tuple[Any, int]]:
        """Values of an index column with their counts, commonest first."""
        source, among = self._way(tx, among)
        full = LIVE & among & where
        counted = f"SELECT {column}, count(*) FROM {source.sql} WHERE {full.sql} GROUP BY 1"
        sql = f"{counted} ORDER BY 2 DESC, 1 NULLS FIRST LIMIT {limit}"
        return [tuple(r) for r in tx.execute(sql, (*source.params, *full.params))]

    def _way(self, tx: Tx, among: Where) -> tuple[Where, Where]:
        """Where to read from, and the condition, told to a database that would choose worse by itself.

        SQLite knows of no row how common it is: it takes the filter's index even where a third of all rows have the
        value (measured at 1,000,000 rows: 100 ms for somebody who sees ten of them), and the places' index even where
        most rows lie in them. Of two conditions joined by OR, PostgreSQL too walks all rows.
        """
        if shared := _SHARED.fullmatch(among.sql):
            return self._shared_way(tx, among, shared["places"] or "", shared["rows"] or shared["only"])
        if self._dialect is not SQLITE or not _IN_PLACES.fullmatch(among.sql):
            return Where(self.name), among
        if self._many(tx, among):
            return Where(self.name), Where(f"+{among.sql}", among.params)
        return Where(self._by_place), among

    def _shared_way(self, tx: Tx, among: Where, places: str, rows: str) -> tuple[Where, Where]:
        """Begin with what is shared row by row and the few rows in the places; of many rows, walk the order asked for.

        CROSS JOIN is a word to SQLite, which then reads from left to right.
        """
        split = places.count("?")
        inside, alone = Where(places, among.params[:split]), Where(rows, among.params[split:])
        parts = [(self.name, LIVE & alone)]
        if places:
            if self._many(tx, inside):
                plus = "+" if self._dialect is SQLITE else ""
                return Where(self.name), Where(f"{plus}{places} OR {rows}", among.params)
            parts.append((self._by_place, LIVE & inside))
        reached = " UNION ".join(f"SELECT id AS seen FROM {source} WHERE {where.sql}" for source, where in parts)
        params = tuple(p for _, where in parts for p in where.params)
        return Where(f"({reached}) AS mine CROSS JOIN {self.name}", params), Where("id = seen")

    def _many(self, tx: Tx, inside: Where) -> bool:
        """Whether so many rows lie in some places that to sort them would take longer than to walk past others."""
        seen = LIVE & inside
        found = f"SELECT 1 FROM {self._by_place} WHERE {seen.sql} LIMIT {FEW_ROWS_MAX + 1}"
        (rows,) = tx.execute(f"SELECT count(*) FROM ({found}) AS found", seen.params).fetchone()
        return int(rows) > FEW_ROWS_MAX

    @property
    def _by_place(self) -> str:
        """The table, read through the index of places where the dialect takes such a word."""
        return f"{self.name} INDEXED BY {self.name}_place_i" if self._dialect is SQLITE else self.name

    def _index_values(self, r: Kind[Any, Any]) -> tuple[Any, ...]:
        return tuple(_plain(value_at(r, i.path)) for i in self._own)

    def _row(self, row: Any) -> K:
        id_, place, name, labels, spec, status, _v, generation, revision, created, updated, deleting = row
        return self.kind(
            id=id_,
            place=place,
            name=name,
            labels=msgspec.json.decode(labels),
            spec=self._spec.decode(spec),
            status=self._status.decode(status),
            generation=generation,
            revision=revision,
            created_us=created,
            updated_us=updated,
            deleting_us=deleting,
        )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int):
        return int(value) if isinstance(value, bool) else value
    return msgspec.to_builtins(value)


def _sql_type(meta: Meta, path: str) -> str:
    info = field_at(meta, path)
    return "INTEGER" if info and info.shape in {"int", "bool"} else "TEXT"
