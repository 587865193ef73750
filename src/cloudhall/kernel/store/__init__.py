"""The narrow door to the database: what a transaction can do, in either dialect.

SQL is written once, in what SQLite and PostgreSQL both understand, with `?` parameters; `dialect` renders the rest.
Hot tables that are not resources keep their SQL beside their owner.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from cloudhall.kernel.store.dialect import Dialect

R = TypeVar("R")


class IntegrityError(Exception):
    """A row breaks a rule that its table declares: a name that is taken, a number below zero."""


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


Question = tuple[str, tuple[Any, ...]]
"""A statement that only reads, with its parameters."""


class Remote(ABC):
    """What reads where every question costs a round trip."""

    @abstractmethod
    def ask(self, questions: Sequence[Question]) -> Tx:
        """Ask several things in one round trip; answers what reads on and has been told of these."""


def ask_ahead(tx: Tx, questions: Sequence[Question]) -> Tx:
    """Let what will surely be read be asked at once where that saves round trips; it is read from what comes back."""
    return tx.ask(questions) if isinstance(tx, Remote) else tx


class Store(Protocol):
    """One database. Functions handed to `write` run alone, over all processes that work on it."""

    dialect: Dialect
    on_commit: list[Callable[[], None]]

    def read(self) -> Tx:
        """Give what reads, and sees what is committed."""

    def write(self, run: Callable[[Tx], R]) -> "Future[R]":
        """Queue a change; the future is done when it is durable, or carries what `run` raised."""

    def close(self) -> None:
        """Finish what is queued, then close."""
