"""Time never runs backwards, and never stands still."""

import time

import pytest

from cloudhall.kernel.world import SECOND_US, World


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
