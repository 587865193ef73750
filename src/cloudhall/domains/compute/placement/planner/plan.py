"""A plan as data: which machine moves from where to where, in which order, at what price.

A plan is made on a trial, which leaves the engine as it was. It is carried out only when somebody has approved it, step
by step; it is refused as a whole when one of the hosts it concerns is no longer as it was, and stops at the step whose
machine has gone or whose target has filled up since. What was done until then holds: every step is a move by itself.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.columns import Ints
from cloudhall.domains.compute.placement.engine import Engine, Refusal
from cloudhall.kernel.errors import Conflict, NotFound, Stale
from cloudhall.kernel.text import T


class Step(NamedTuple):
    """One move. `memory_mib` is what goes over the wire."""

    id: int
    source: int
    target: int
    memory_mib: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Moves in order. `stay` are machines that should have moved and have nowhere to go; `gain` is what it is good for.

    `basis` is the hash of all hosts concerned as they were when this was planned.
    """

    purpose: T
    steps: tuple[Step, ...]
    gain: T
    basis: str
    stay: tuple[int, ...] = ()

    @property
    def moved_mib(self) -> int:
        """Price in bytes."""
        return sum(step.memory_mib for step in self.steps)

    def json(self, engine: Engine) -> dict[str, Any]:
        """Plan for people and programs: hosts by name, numbers of machines as text (they pass 2**53)."""
        names = engine.fleet.names
        return {
            "purpose": self.purpose.both(),
            "gain": self.gain.both(),
            "moves": len(self.steps),
            "moved_mib": self.moved_mib,
            "basis": self.basis,
            "stay": [str(id) for id in self.stay],
            "steps": [
                {"id": str(s.id), "from": names[s.source], "to": names[s.target], "memory_mib": s.memory_mib}
                for s in self.steps
            ],
        }


@dataclass(frozen=True, slots=True)
class Approved:
    """A plan and who said yes to it."""

    plan: Plan
    by: str


class Budget(NamedTuple):
    """The most that a plan may cost."""

    moves: int = 1 << 62
    memory_mib: int = 1 << 62

    def without(self, memory_mib: int) -> "Budget":
        """What is left after one more move."""
        return Budget(self.moves - 1, self.memory_mib - memory_mib)

    @property
    def spent(self) -> bool:
        """Whether a move is more than what is left."""
        return self.moves < 0 or self.memory_mib < 0


def propose(engine: Engine, purpose: T, steps: list[Step], gain: T, *, stay: tuple[int, ...] = ()) -> Plan:
    """Make a plan; `engine` is as it was before the trial of `steps`."""
    return Plan(purpose, tuple(steps), gain, basis_of(engine, steps), stay)


def basis_of(engine: Engine, steps: list[Step] | tuple[Step, ...]) -> str:
    """Hash of what the hosts of `steps` have free, and of their labels. O(steps)."""
    concerned = np.unique(np.array([(s.source, s.target) for s in steps], np.int64))
    rows: Ints = np.ascontiguousarray(np.delete(engine.state.books.hosts[concerned], at.HEAD, axis=1))
    return hashlib.blake2b(concerned.tobytes() + rows.tobytes(), digest_size=16).hexdigest()


def carry_out(engine: Engine, approved: Approved, *, first: int = 0, count: int | None = None) -> int:
    """Do `count` steps (all there are) from `first` on; answers the number of the next one.

    `Stale` before the first step where a host concerned has changed since; `Conflict` at a step that no longer goes.
    """
    steps = approved.plan.steps
    if first == 0 and basis_of(engine, steps) != approved.plan.basis:
        raise Stale(
            T("主机状况已变，方案作废", "hosts have changed since this was planned"),
            mend=T("重新做方案", "plan anew"),
        )
    end = len(steps) if count is None else min(first + count, len(steps))
    for number in range(first, end):
        _move(engine, number, steps[number])
    return end


def _move(engine: Engine, number: int, step: Step) -> None:
    try:
        here = engine.allocation(step.id).host == step.source
    except NotFound:
        here = False
    if not here or isinstance(engine.move(step.id, step.target), Refusal):
        raise Conflict(
            T(f"第 {number + 1} 步走不通", f"step {number + 1} is no longer possible"),
            mend=T("此前各步已完成；重新做方案", "the steps before are done; plan anew"),
            step=number,
        )
