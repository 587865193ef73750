"""The page of long work: steps with their progress, how long each took, the log, and what cancelling would do."""

import statistics
from collections.abc import Mapping
from typing import Any, NamedTuple

from cloudhall.console.formats import decimal
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.operations import ENDS, Operation, StepState, progress_of
from cloudhall.kernel.pages import Page
from cloudhall.kernel.store.tables import Sort, Where
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US

MINUTE_S = 60
TENTH_US = SECOND_US // 10
LOG_SHOWN = 6
PAST_READ, PAST_LEAST = 200, 20
NEWEST = Sort()


class Row(NamedTuple):
    """One step; `state` names how it stands, `total` is None where nobody can know it honestly."""

    title: T
    state: str
    done: int
    total: int | None
    took: T | None


def operation(kernel: Any, _caller: Caller, o: Operation, _query: Mapping[str, str]) -> dict[str, Any]:
    """Steps and log of an operation; how long it has taken, and how long others like it took."""
    now_us = kernel.world.now_us()
    ended, steps = progress_of(o)
    usual_us, elapsed = _usual_us(kernel, o), _duration((_ended_us(o) or now_us) - o.created_us)
    return {
        "said": _said(o, elapsed),
        "steps": [_row(step, now_us) for step in o.status.steps],
        "steps_ended": ended,
        "steps_all": steps,
        "log": o.status.log,
        "log_shown": LOG_SHOWN,
        "may_cancel": not o.status.ended and not o.spec.cancelled,
        "elapsed": elapsed,
        "usual": _duration(usual_us) if usual_us is not None else None,
    }


def _said(o: Operation, took: T) -> T | None:
    """How it ended, for the status line; nothing while it runs, where its condition says which step."""
    if not o.status.ended:
        return None
    how = ENDS[o.status.ended]
    return T(f"{how.zh}，用时 {took.zh}", f"{how.en}, it took {took.en}")


def _usual_us(kernel: Any, o: Operation) -> int | None:
    """Median time of the same work that was done before; None for so few that it would be a guess.

    Cost: the newest `PAST_READ` operations that were done.
    """
    where = Where("status_ended = ?", ("done",))
    past = kernel.tables[Operation].page(kernel.store.read(), where, NEWEST, None, PAST_READ)
    took = [_ended_us(p) - p.created_us for p in past if p.spec.what == o.spec.what and p.id != o.id and _ended_us(p)]
    return int(statistics.median(took)) if len(took) >= PAST_LEAST else None


def _ended_us(o: Operation) -> int:
    """When its last step ended; for one that was cancelled, when that was through. 0 while it runs."""
    ready = o.condition("Ready")
    stopped_us = ready.since_us if ready else 0
    return (max((s.ended_us for s in o.status.steps), default=0) or stopped_us) if o.status.ended else 0


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
