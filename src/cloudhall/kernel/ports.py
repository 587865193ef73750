"""Ports: the protocols behind which drivers stand.

A method of a port either reads (`@reads`) or has an effect. The kernel believes `Ready` only of a pass that
had no effect, so the mark matters: an unmarked method counts as an effect.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

P = TypeVar("P")
F = TypeVar("F", bound=Callable[..., Any])


class Port(Generic[P]):
    """Name and protocol of a port: `OBJECTS = Port[Objects]("objects", Objects)`.

    `ctx.use(OBJECTS)` is typed as the protocol; `type[P]` alone would be refused by mypy for an abstract class.
    """

    def __init__(self, name: str, protocol: type) -> None:
        """`name` is the folder under `drivers/`."""
        self.name = name
        self.reads = frozenset(m for m in vars(protocol) if getattr(getattr(protocol, m), "__cloudhall_reads__", False))


def reads(method: F) -> F:
    """Mark a method of a port that only looks."""
    method.__cloudhall_reads__ = True  # type: ignore[attr-defined]  # a mark on a function object
    return method
