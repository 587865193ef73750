"""The narrow door to the database: what a transaction can do, in either dialect.

SQL is written with `?` parameters. Hot tables that are not resources keep their SQL beside their owner.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol


class Cursor(Protocol):
    """Rows of one statement, as tuples."""

    @property
    def rowcount(self) -> int:
        """Rows written."""

    def fetchone(self) -> Any:
        """Next row or None."""

    def fetchall(self) -> list[Any]:
        """Return the rest."""

    def __iter__(self) -> Iterator[Any]:
        """Row by row."""


class Tx(Protocol):
    """One open transaction, or a connection that only reads."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor:
        """Run one statement."""

    def executemany(self, sql: str, parameters: Sequence[Sequence[Any]], /) -> Cursor:
        """Run one statement for many parameter rows."""
