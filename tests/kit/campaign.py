"""The fault kit: a scenario is run once to number every point, then again with one mishap at each.

Points are what `World.fault` names: before and after each call of a port, each commit, each append to the log; and the
end of each round of passes. Mishaps: the process is killed there (nothing after it reaches the disk; a new kernel opens
the same files), a call of the engine happens twice, the engine is away for a while, wakes come in another order and too
often, or somebody interferes. After a kill the step is asked for again, as a client does, with the same key. Unless
somebody interfered, the end must be the same, compared by names, because ids differ from run to run. The invariant
holds in every case.

Each step is entered from a copy of what the step before it left, so that a mishap costs a step and not a scenario.
"""

import contextlib
import copy
import itertools
import os
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from cloudhall.drivers.objects import OBJECTS
from cloudhall.kernel import events, work
from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.world import SECOND_US
from tests.kit.hall import Hall, folder
from tests.kit.objects import MemoryObjects

Memory = dict[str, Any]
Step = Callable[[Hall, Memory], object]
PASS = "pass:after"
PORTS = {port.name: port for port in (OBJECTS,)}  # a new port is named here, and its engine in `Hall`
ORDERS = 12 if os.environ.get("CLOUDHALL_CAMPAIGN") == "whole" else 3  # in which wakes come, for each step
SETTLES_WITHIN_US = 120 * SECOND_US
ROUNDS_MAX = 200
AGAIN = 0.2  # of all rounds; more would never settle
STRIDE = 1 if os.environ.get("CLOUDHALL_CAMPAIGN") == "whole" else 3  # of the points that a quick run visits
_seeds = itertools.count(1_000)


class KilledError(BaseException):
    """The process is killed."""


class Scenario(NamedTuple):
    """What is there before, steps, what is compared at the end of each, what always holds, and who may interfere."""

    prepare: Step
    steps: Sequence[Step]
    snapshot: Callable[[Hall], Any]
    invariant: Callable[[Hall], None]
    interferences: Sequence[Step] = ()


class Stage(NamedTuple):
    """All that a step begins with: files, engine, clock, and what clients remember."""

    hall: Hall
    home: Path
    objects: MemoryObjects
    clock_us: int
    memory: Memory


class Mishap(NamedTuple):
    """One run of a step in which something goes wrong; `converges`: it ends as it would have without."""

    name: str
    run: Callable[[Hall, Memory], None]
    converges: bool = True


class Report(NamedTuple):
    """What was tried, and every mishap that did not end well, in words."""

    points: list[str]
    mishaps: int
    failures: list[str]


def campaign(scenario: Scenario, *, to_the_end: bool = True) -> Report:
    """Run all of it, or only to the first failure. A run settles within `ROUNDS_MAX` rounds or counts as one."""
    points: list[str] = []
    failures: list[str] = []
    mishaps = 0
    with folder() as room, contextlib.closing(Hall(room / "plain")) as hall:
        memory = Memory()
        scenario.prepare(hall, memory)
        for step in scenario.steps:
            stage = _staged(hall, memory, room / "stage")
            seen = _numbered(hall, memory, step)
            scenario.invariant(hall)
            wanted = scenario.snapshot(hall)
            points += [f"{step.__name__}: {point}" for point in seen]
            for mishap in _mishaps(scenario, step, seen):
                mishaps += 1
                if said := _tried(scenario, stage, room / "try", mishap, wanted):
                    failures.append(f"{step.__name__}, {mishap.name}: {said}")
                if failures and not to_the_end:
                    break
            shutil.rmtree(stage.home)
            if failures and not to_the_end:
                break
    return Report(points, mishaps, failures)


def settle(hall: Hall, order: random.Random | None = None) -> None:
    """Let collectors and controllers have their turns until none of them finds anything new; in any order, if given."""
    ends_us, rounds, head = hall.world.now_us() + SETTLES_WITHIN_US, 0, -1
    while events.head(hall.read()) != head:
        head = events.head(hall.read())
        with contextlib.suppress(CloudhallError):  # an engine that is away costs a turn
            hall.collect()
        while _next(hall, ends_us, order):
            rounds += 1
            assert rounds < ROUNDS_MAX, "never settles"
            hall.world.fault(PASS)


def _next(hall: Hall, ends_us: int, order: random.Random | None) -> bool:
    """Run what is due, now or after moving the clock; answers whether there was anything before `ends_us`."""
    due_us = work.next_due_us(hall.read(), hall.world.now_us())
    if due_us is None or due_us > ends_us:
        return False
    hall.world.advance(max(0.0, (due_us - hall.world.now_us()) / SECOND_US))
    if order is None:
        hall.kernel.reconciler.run_due(rounds=1)
    else:
        run_in_disorder(hall, order)
    return True


def run_in_disorder(hall: Hall, order: random.Random) -> None:
    """One round in which passes come in another order, and one of them once too often."""
    claims = hall.kernel.reconciler._claim()
    order.shuffle(claims)
    for claim in claims:
        hall.kernel.reconciler.run_pass(claim)
    if claims and order.random() < AGAIN:
        again, now_us = order.choice(claims), hall.world.now_us()
        if hall.kernel.tables[again.kind].get(hall.read(), again.id) is not None:
            hall.write(lambda tx: work.due_now(tx, again.kind, again.id, now_us))


def _mishaps(scenario: Scenario, step: Step, seen: Sequence[str]) -> Iterator[Mishap]:
    for n in range(0, len(seen), STRIDE):
        yield Mishap(f"killed at {n} {seen[n]}", partial(_killed, step, n))
    effects = [n for n, point in enumerate(seen) if _is_effect(point)]
    for n, at in enumerate(effects):
        yield Mishap(f"{seen[at]} twice", partial(_doubled, step, n))
    for seed in range(ORDERS if PASS in seen else 0):
        yield Mishap(f"order {seed}", partial(_disordered, step, seed))
    outside = [n for n, point in enumerate(seen) if point == PASS or point.partition(".")[0] in PORTS]
    for n in outside[::STRIDE]:
        yield Mishap(f"engine away at {n} {seen[n]}", partial(_interfered, step, n, _engine_away))
        for act in scenario.interferences:
            yield Mishap(f"{act.__name__} at {n} {seen[n]}", partial(_interfered, step, n, act), converges=False)


def _is_effect(point: str) -> bool:
    name, _, rest = point.partition(".")
    call, _, when = rest.partition(":")
    return name in PORTS and when == "before" and call not in PORTS[name].reads


def _tried(scenario: Scenario, stage: Stage, home: Path, mishap: Mishap, wanted: Any) -> str:
    """Run one mishap from a stage; answers what is wrong, or nothing."""
    shutil.copytree(stage.home, home)
    hall = stage.hall.forked(home, stage.objects, stage.clock_us, next(_seeds))
    try:
        mishap.run(hall, copy.deepcopy(stage.memory))
        scenario.invariant(hall)
        if mishap.converges and (found := scenario.snapshot(hall)) != wanted:
            return f"ends with {found} instead of {wanted}"
    except (AssertionError, CloudhallError) as error:
        return f"{type(error).__name__} {error}"
    finally:
        hall.close()
        shutil.rmtree(home)
    return ""


def _staged(hall: Hall, memory: Memory, home: Path) -> Stage:
    hall.write(lambda _tx: None)  # the writer is still by now
    shutil.copytree(hall.home, home)
    return Stage(hall, home, hall.objects.copied(hall.world), hall.world.now_us(), copy.deepcopy(memory))


def _numbered(hall: Hall, memory: Memory, step: Step) -> list[str]:
    seen: list[str] = []
    hall.world.fault = seen.append
    step(hall, memory)
    settle(hall)
    hall.world.fault = _nothing
    return seen


def _killed(step: Step, at: int, hall: Hall, memory: Memory) -> None:
    """Die at one point and stay dead: whatever the old process still tries fails at its next point."""
    passed = itertools.count()

    def fault(_point: str) -> None:
        if next(passed) >= at:
            raise KilledError

    hall.world.fault = fault
    with contextlib.suppress(KilledError):
        step(hall, memory)
        settle(hall)
    hall.close()
    hall.world.fault = _nothing
    hall.reopen()
    step(hall, memory)
    settle(hall)


def _doubled(step: Step, at: int, hall: Hall, memory: Memory) -> None:
    """Let one call of the engine happen twice, as when its answer was lost on the way."""
    hall.kernel.drivers[OBJECTS.name] = Doubling(hall.objects, at)
    step(hall, memory)
    settle(hall)


def _disordered(step: Step, seed: int, hall: Hall, memory: Memory) -> None:
    """Let wakes come in another order, and some of them twice."""
    step(hall, memory)
    settle(hall, random.Random(seed))  # noqa: S311  replayable on purpose


def _interfered(step: Step, at: int, act: Step, hall: Hall, memory: Memory) -> None:
    """Let somebody act at one point. What is refused afterwards may be: the world has changed."""
    passed = itertools.count()

    def fault(_point: str) -> None:
        if next(passed) == at:
            _allowed(act, hall, memory)

    hall.world.fault = fault
    _allowed(step, hall, memory)
    settle(hall)
    hall.world.fault, hall.objects.away = _nothing, 0
    settle(hall)


def _allowed(step: Step, hall: Hall, memory: Memory) -> None:
    try:
        step(hall, memory)
    except CloudhallError as refused:
        if refused.status not in {400, 404, 409, 412}:
            raise


def _engine_away(hall: Hall, _memory: Memory) -> None:
    hall.objects.away = 3


def _nothing(_point: str) -> None:
    """No mishap."""


class Doubling:
    """An engine whose n-th effect happens twice."""

    def __init__(self, objects: MemoryObjects, at: int) -> None:
        """`at` counts effects from 0."""
        self._objects, self._left = objects, at

    def __getattr__(self, name: str) -> Any:
        target = getattr(self._objects, name)
        if not callable(target) or name in OBJECTS.reads:
            return target

        def call(*arguments: Any, **named: Any) -> Any:
            self._left -= 1
            first = target(*arguments, **named)
            return target(*arguments, **named) if self._left == -1 else first

        return call
