"""Time never runs backwards and never stands still; a simulated world replays."""

import time

import pytest

from cloudhall.kernel.ids import new_id
from cloudhall.kernel.world import SECOND_US, Simulated, World


class Stepped(World):
    """A world whose wall clock can be set."""

    step_us = 0

    def _wall_us(self) -> int:
        return super()._wall_us() + self.step_us


@pytest.mark.parametrize("pause_s", [0, 0.000_2])
def test_a_clock_set_back_slows_time_until_it_has_caught_up(pause_s: float) -> None:
    world = Stepped()
    before = world.now_us()
    world.step_us = -200_000
    began, seen = time.monotonic(), [before]
    while time.monotonic() - began < 0.3:
        seen.append(world.now_us())
        time.sleep(pause_s)
    passed_us = int((time.monotonic() - began) * SECOND_US)
    assert seen == sorted(seen)
    assert 0.3 * passed_us < seen[-1] - before < 0.7 * passed_us
    time.sleep(0.15)
    assert world.now_us() - world._wall_us() <= 0.02 * SECOND_US


def test_a_clock_set_forward_is_followed() -> None:
    world = Stepped()
    before = world.now_us()
    world.step_us = 3_600 * SECOND_US
    assert world.now_us() - before >= 3_600 * SECOND_US


def test_chance_differs_and_jitter_stays_below_one() -> None:
    world = World()
    assert world.random_bytes(16) != world.random_bytes(16)
    assert all(0 <= world.jitter() < 1 for _ in range(1_000))


def test_sleep_takes_the_time_it_says() -> None:
    world = World()
    before = time.monotonic()
    world.sleep(0.02)
    assert time.monotonic() - before >= 0.02


def test_a_seed_replays_a_run() -> None:
    def run(seed: int) -> list[object]:
        world = Simulated(seed)
        world.sleep(60)
        return [world.now_us(), world.random_bytes(8), world.jitter(), new_id("bk", world), world.now_us()]

    assert run(7) == run(7)
    assert run(7)[1:] != run(8)[1:]


def test_no_two_moments_of_a_simulated_world_are_the_same() -> None:
    world = Simulated()
    seen = [world.now_us() for _ in range(100)]
    assert len(set(seen)) == 100
    assert seen == sorted(seen)
