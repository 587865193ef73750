"""Rows that are here already."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any


class Rows:
    """What a statement answered."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: Iterable[Sequence[Any]], rowcount: int) -> None:
        self._rows = iter(rows)
        self.rowcount = rowcount

    def __iter__(self) -> Iterator[Any]:
        """Row by row."""
        return self._rows

    def fetchone(self) -> Any:
        """Next row or None."""
        return next(self._rows, None)

    def fetchall(self) -> list[Any]:
        """Return the rest."""
        return list(self._rows)
