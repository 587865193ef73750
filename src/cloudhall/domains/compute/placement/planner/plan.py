"""A plan as data: which machine moves from where to where, in which order, at what price.

A plan is made on a trial, which leaves the engine as it was. It is carried out only when somebody has approved it, step
by step; it is refused as a whole when one of the hosts it concerns is no longer as it was, and stops at the step whose
machine has gone or whose target has filled up since. What was done until then holds: every step is a move by itself.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.columns import Ints
from cloudhall.domains.compute.placement.engine import Engine, Refusal
from cloudhall.kernel.errors import Conflict, NotFound, Stale
from cloudhall.kernel.text import T

UNLIMITED = 1 << 62


class Budget(NamedTuple):
    """The most that a plan may cost."""

    moves: int = UNLIMITED
    memory_mib: int = UNLIMITED


class Step(NamedTuple):
    """One move. `memory_mib` is what goes over the wire."""

    id: int
    source: int
    target: int
    memory_mib: int


class Moves(NamedTuple):
    """Steps in order, a column each: a hall is half a million of them."""

    id: Ints
    source: Ints
    target: Ints
    memory_mib: Ints

    @classmethod
    def of(cls, steps: Iterable[Step]) -> "Moves":
        """Columns of some steps."""
        rows = np.array(list(steps), np.int64).reshape(-1, len(cls._fields))
        return cls(*rows.T)

    def steps(self, first: int = 0, end: int | None = None) -> Iterator[Step]:
        """One by one, from `first` up to `end`."""
        return map(Step, *(column[first:end].tolist() for column in self))


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """Moves in order, after the hosts of `drain` take nothing new any more.

    `stay` are machines that should move and have nowhere to go; `later` counts those beyond the budget. `basis` is the
    hash of all hosts concerned as they were when this was planned.
    """

    purpose: T
    gain: T
    moves: Moves
    basis: str
    drain: tuple[int, ...] = ()
    stay: tuple[int, ...] = ()
    later: int = 0

    def __len__(self) -> int:
        return len(self.moves.id)

    @property
    def moved_mib(self) -> int:
        """Price in memory to be moved."""
        return int(self.moves.memory_mib.sum())

    def json(self, engine: Engine) -> dict[str, Any]:
        """Plan for people and programs: hosts by name, numbers of machines as text (they pass 2**53)."""
        names = engine.fleet.names
        return {
            "purpose": self.purpose.both(),
            "gain": self.gain.both(),
            "moves": len(self),
            "moved_mib": self.moved_mib,
            "basis": self.basis,
            "drain": [names[host] for host in self.drain],
            "stay": [str(id) for id in self.stay],
            "later": self.later,
            "steps": [
                {"id": str(s.id), "from": names[s.source], "to": names[s.target], "memory_mib": s.memory_mib}
                for s in self.moves.steps()
            ],
        }


@dataclass(frozen=True, slots=True)
class Approved:
    """A plan and who said yes to it."""

    plan: Plan
    by: str


def basis_of(engine: Engine, moves: Moves, drain: Sequence[int] = ()) -> str:
    """Hash of what the hosts concerned have free, and of their labels. 20 ms for half a million steps."""
    concerned = np.unique(np.concatenate((moves.source, moves.target, np.array(drain, np.int64))))
    rows: Ints = np.ascontiguousarray(np.delete(engine.state.books.hosts[concerned], at.HEAD, axis=1))
    return hashlib.blake2b(concerned.tobytes() + rows.tobytes(), digest_size=16).hexdigest()


def carry_out(engine: Engine, approved: Approved, *, first: int = 0, count: int | None = None) -> int:
    """Do `count` steps (all there are) from `first` on; answers the number of the next one. 10 microseconds a step.

    `Stale` before the first step where a host concerned has changed since; `Conflict` at a step that no longer goes.
    """
    plan = approved.plan
    if first == 0:
        if basis_of(engine, plan.moves, plan.drain) != plan.basis:
            raise Stale(
                T("主机状况已变，方案作废", "hosts have changed since this was planned"),
                mend=T("重新做方案", "plan anew"),
            )
        for host in plan.drain:
            engine.drain(host)
    end = len(plan) if count is None else min(first + count, len(plan))
    for number, step in enumerate(plan.moves.steps(first, end), first):
        if not _is_there(engine, step) or isinstance(engine.move(step.id, step.target), Refusal):
            raise Conflict(
                T(f"第 {number + 1} 步走不通", f"step {number + 1} is no longer possible"),
                mend=T("此前各步已完成；重新做方案", "the steps before are done; plan anew"),
                step=number,
            )
    return end


def _is_there(engine: Engine, step: Step) -> bool:
    try:
        return engine.allocation(step.id).host == step.source
    except NotFound:
        return False
