"""What a kind that can be had back declares besides `recoverable_days`: how it is withdrawn, what a purge destroys."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from cloudhall.kernel.errors import Problem
from cloudhall.kernel.kinds import Kind, Look, Outcome
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.context import Context

K = TypeVar("K", bound=Kind[Any, Any])


class Content(NamedTuple):
    """What a resource holds that a purge destroys: how many of what; `unit` is `B` for bytes."""

    title: T
    amount: int
    unit: str = ""


def withdrawal(kind: type[K]) -> Callable[[Callable[[K, "Context"], Outcome]], Callable[[K, "Context"], Outcome]]:
    """Make a function run, pass by pass, while a resource lies in the recycle bin, alone or with its owner.

    `Ready()`: nobody reaches it any more, nothing of it runs, and all that it held is still there.
    """

    def add(run: Callable[[K, "Context"], Outcome]) -> Callable[[K, "Context"], Outcome]:
        kind.meta.withdrawal = run
        return run

    return add


def contents(kind: type[K]) -> Callable[[Callable[[K], Iterable[Content]]], Callable[[K], Iterable[Content]]]:
    """Say what a resource holds: what the bin keeps, and a purge destroys."""

    def add(run: Callable[[K], Iterable[Content]]) -> Callable[[K], Iterable[Content]]:
        kind.meta.contents = run
        return run

    return add


def check_purge(kind: type[K]) -> Callable[[Callable[[K, Look], Iterable[Problem]]], Any]:
    """Add a rule that is asked before what lies in the bin is destroyed: `(resource, look)` yields what forbids it."""

    def add(run: Callable[[K, Look], Iterable[Problem]]) -> Any:
        kind.meta.purge_checks.append(run)
        return run

    return add


def held_by(r: Kind[Any, Any]) -> tuple[Content, ...]:
    """What a resource holds, as its kind says it."""
    meta = type(r).meta
    return tuple(meta.contents(r)) if meta.contents else ()
