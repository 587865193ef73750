"""The page of long work: steps with their progress, how long each took, the log, and what cancelling would do."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from cloudhall.console.formats import decimal
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.operations import Operation, StepState, progress_of
from cloudhall.kernel.pages import Page
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US

MINUTE_S = 60
TENTH_US = SECOND_US // 10


class Row(NamedTuple):
    """One step; `state` names how it stands, `total` is None where nobody can know it honestly."""

    title: T
    state: str
    done: int
    total: int | None
    took: T | None


def operation(kernel: Any, _caller: Caller, o: Operation, _query: Mapping[str, str]) -> dict[str, Any]:
    """Steps and log of an operation."""
    now_us = kernel.world.now_us()
    ended, steps = progress_of(o)
    return {
        "steps": [_row(step, now_us) for step in o.status.steps],
        "steps_ended": ended,
        "steps_all": steps,
        "log": o.status.log,
        "may_cancel": not o.status.ended and not o.spec.cancelled,
    }


def _row(step: StepState, now_us: int) -> Row:
    state = "ready" if step.ended_us else "working" if step.started_us else "deleting"
    took = _duration((step.ended_us or now_us) - step.started_us) if step.started_us else None
    return Row(step.title, state, step.done, step.total, took)


def _duration(length_us: int) -> T:
    seconds = length_us // SECOND_US
    if seconds < MINUTE_S:
        text = decimal(length_us // TENTH_US, 1, 1)
        return T(f"{text} 秒", f"{text} s")
    minutes, rest = divmod(seconds, MINUTE_S)
    return T(f"{minutes} 分 {rest} 秒", f"{minutes} min {rest} s")


PAGES = (Page(kind="kernel.operation", view="detail", template="operation.html", context=operation),)
