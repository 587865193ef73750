"""Lives drawn from a seed, with kills, doubled calls, silent engines and wakes in any order in between.

Whatever the course, once everything has had its turn it all adds up and the auditor finds nothing. A seed replays its
course: `CLOUDHALL_SEED=17 .venv/bin/pytest tests/kit/test_seeds.py`. The tests draw a hundred, and 2,000 with
`CLOUDHALL_CAMPAIGN=whole`.
"""

import contextlib
import itertools
import os
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from cloudhall.domains.storage import rules
from cloudhall.domains.storage.access_key import AccessKey
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.drivers.objects import OBJECTS
from cloudhall.kernel.kinds import Ready
from tests.kit.campaign import Doubling, KilledError, run_in_disorder, settle
from tests.kit.hall import Hall, folder
from tests.kit.test_random_lives import REFUSALS, STEPS, Town, everything_adds_up

SEEDS = 2_000 if os.environ.get("CLOUDHALL_CAMPAIGN") == "whole" else 100
BLOCKS = 20
GIVEN = os.environ.get("CLOUDHALL_SEED")
POINTS = 60  # of which one is the last for a process that is killed: a step and its passes have about so many
OFTEN = [*STEPS, *["put", "passes", "collect"] * 3, *["create_bucket", "create_key"] * 2]
Turn = Callable[[], object]


PLANTED: tuple[tuple[Any, str, Any], ...] = (
    (rules, "is_full", lambda _stored, _quota: False),
    (Bucket.meta, "finalizer", lambda _bucket, _ctx: Ready()),
    (AccessKey.meta, "finalizer", lambda _key, _ctx: Ready()),
)


def killed(hall: Hall, chance: random.Random, turn: Turn) -> None:
    """Die at some point of the turn, and start again; whoever asked does not know what became of it."""
    left = itertools.count(chance.randrange(POINTS), -1)

    def fault(_point: str) -> None:
        if next(left) <= 0:
            raise KilledError

    hall.world.fault = fault
    with contextlib.suppress(KilledError):
        turn()
    hall.close()
    hall.world.fault = _nothing
    hall.reopen()


def doubled(hall: Hall, chance: random.Random, turn: Turn) -> None:
    """Let one call of the engine happen twice."""
    hall.kernel.drivers[OBJECTS.name] = Doubling(hall.objects, chance.randrange(4))
    turn()
    hall.kernel.drivers[OBJECTS.name] = hall.objects


def away(hall: Hall, chance: random.Random, turn: Turn) -> None:
    """Let the engine be silent for a while."""
    hall.objects.away = chance.randrange(1, 5)
    turn()


def plain(_hall: Hall, _chance: random.Random, turn: Turn) -> None:
    """Nothing goes wrong."""
    turn()


def course(seed: int) -> None:
    """Live one life."""
    chance = random.Random(seed)  # noqa: S311  replayable on purpose
    with folder() as home, contextlib.closing(Hall(home, seed=seed)) as hall:
        town = Town(hall)
        for _ in range(chance.randrange(20, 60)):
            step, numbers = chance.choice(OFTEN), [chance.randrange(12) for _ in range(3)]

            def turn(step: str = step, numbers: Sequence[int] = numbers) -> None:
                with contextlib.suppress(*REFUSALS):
                    getattr(town, step)(*numbers)
                for _ in range(numbers[0] % 4):
                    run_in_disorder(hall, chance)

            chance.choice((killed, doubled, away, plain))(hall, chance, turn)
        hall.objects.away = 0
        settle(hall, chance)
        settle(hall)
        everything_adds_up(hall)


def _nothing(_point: str) -> None:
    """No mishap."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("block", [0] if GIVEN else range(BLOCKS))
def test_whatever_the_seed_it_adds_up(block: int) -> None:
    for seed in [int(GIVEN)] if GIVEN else range(block, SEEDS, BLOCKS):
        try:
            course(seed)
        except Exception as error:
            error.add_note(f"replay: CLOUDHALL_SEED={seed} .venv/bin/pytest tests/kit/test_seeds.py")
            raise


@pytest.mark.parametrize(("where", "name", "error"), PLANTED, ids=["full", "bucket", "key"])
def test_the_seeds_find_what_is_planted(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, error: Any) -> None:
    monkeypatch.setattr(where, name, error)
    with pytest.raises(AssertionError):
        list(map(course, range(100)))
