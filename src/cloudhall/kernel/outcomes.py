"""What a pass of a controller answers, and the conditions it leaves behind."""

import msgspec

from cloudhall.kernel.text import T


class Ready(msgspec.Struct, frozen=True):
    """Nothing for the program to do; `next_s` where only looking again would tell."""

    next_s: float | None = None


class Wait(msgspec.Struct, frozen=True):
    """The program or another resource is on its way; look again after `retry_s`."""

    reason: str
    text: T
    retry_s: float = 1.0


class Blocked(msgspec.Struct, frozen=True):
    """Somebody must act: it does not mend itself."""

    reason: str
    text: T


Outcome = Ready | Wait | Blocked


class Condition(msgspec.Struct, kw_only=True):
    """One positive sentence about a resource, true or not, since when; reason and text only when not.

    `blocked`: somebody must act before it can hold.
    """

    type: str
    status: bool
    reason: str = ""
    text: T = T("", "")
    observed_generation: int = 0
    since_us: int = 0
    blocked: bool = False


def set_condition(conditions: list[Condition], new: Condition) -> bool:
    """Put a condition in place; `since_us` moves only when the truth flips. Answer whether anything changed."""
    for i, old in enumerate(conditions):
        if old.type == new.type:
            if old.status == new.status:
                new.since_us = old.since_us
            conditions[i] = new
            return old != new
    conditions.append(new)
    return True
