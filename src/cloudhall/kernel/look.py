"""What checks, actions and pages may read: rows by id or by indexed path, on one snapshot."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.tables import Sort, Table, Where

K = TypeVar("K", bound=Kind[Any, Any])
LIST_MAX = 1_000


class Tables:
    """The table of every kind, by class and by name."""

    def __init__(self, kinds: Sequence[type[Kind[Any, Any]]]) -> None:
        """Render all statements once."""
        self.by_kind = {k: Table(k) for k in kinds}
        self.by_key = {k.meta.key: t for k, t in self.by_kind.items()}

    def __getitem__(self, kind: type[Kind[Any, Any]] | str) -> Table:
        """Table of a kind."""
        return self.by_key[kind] if isinstance(kind, str) else self.by_kind[kind]


class Reader:
    """A `Look` over one transaction or connection."""

    def __init__(self, tx: Tx, tables: Tables, actor: str, now_us: int) -> None:
        """`actor` is the id of who asks; `now_us` one time for the whole command."""
        self.tx, self.tables, self.actor, self.now_us = tx, tables, actor, now_us

    def get(self, kind: type[K], id: str) -> K | None:
        """Live row by id."""
        row = self.tables[kind].get(self.tx, id)
        return row if isinstance(row, kind) else None

    def list(self, kind: type[K], where: Mapping[str, object], limit: int = LIST_MAX) -> Sequence[K]:
        """Live rows whose indexed paths have these values."""
        rows = self.tables[kind].page(self.tx, equal(where), Sort("id", descending=False), None, limit)
        return [r for r in rows if isinstance(r, kind)]


def equal(where: Mapping[str, object]) -> Where:
    """Condition that every path has its value."""
    condition = Where("1 = 1")
    for path, value in where.items():
        condition = condition & Where(f"{path.replace('.', '_')} = ?", (value,))
    return condition
