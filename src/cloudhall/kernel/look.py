"""What checks, actions and pages may read: rows by id or by indexed path, on one snapshot."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, overload

from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.tables import Sort, Table, Where

K = TypeVar("K", bound=Kind[Any, Any])
LIST_MAX = 1_000


class Tables:
    """The table of every kind, by class and by name."""

    def __init__(self, kinds: Sequence[type[Kind[Any, Any]]]) -> None:
        """Render all statements once."""
        self.by_kind: dict[type, Table[Any]] = {k: Table(k) for k in kinds}
        self.by_key: dict[str, Table[Any]] = {k.meta.key: self.by_kind[k] for k in kinds}

    @overload
    def __getitem__(self, kind: type[K]) -> Table[K]: ...

    @overload
    def __getitem__(self, kind: str) -> Table[Any]: ...

    def __getitem__(self, kind: type[Any] | str) -> Table[Any]:
        """Table of a kind; a class gives its rows typed."""
        return self.by_key[kind] if isinstance(kind, str) else self.by_kind[kind]


class Reader:
    """A `Look` over one transaction or connection."""

    def __init__(self, tx: Tx, tables: Tables, actor: str, now_us: int) -> None:
        """`actor` is the id of who asks; `now_us` one time for the whole command."""
        self.tx, self.tables, self.actor, self.now_us = tx, tables, actor, now_us

    def get(self, kind: type[K], id: str) -> K | None:
        """Live row by id."""
        return self.tables[kind].get(self.tx, id)

    def list(self, kind: type[K], where: Mapping[str, object], limit: int = LIST_MAX) -> Sequence[K]:
        """Live rows whose indexed paths have these values; none of a kind whose domain this installation leaves out."""
        if kind not in self.tables.by_kind:
            return ()
        return self.tables[kind].page(self.tx, equal(where), Sort("id", descending=False), None, limit)


def equal(where: Mapping[str, object]) -> Where:
    """Condition that every path has its value."""
    condition = Where("1 = 1")
    for path, value in where.items():
        condition = condition & Where(f"{path.replace('.', '_')} = ?", (value,))
    return condition
