"""What a pass of a controller answers, and the conditions it leaves behind."""

import msgspec

from cloudhall.kernel.text import T

PEOPLE = "people"
PORT = "port:"


class Ready(msgspec.Struct, frozen=True):
    """Nothing for the program to do; `next_s` where only looking again would tell."""

    next_s: float | None = None


class Wait(msgspec.Struct, frozen=True):
    """The program or another resource is on its way; look again after `retry_s`.

    `on` is what it waits for: the id of a resource, `port:<name>` of an engine, nothing where it is the program's turn.
    """

    reason: str
    text: T
    retry_s: float = 1.0
    on: str = ""
    mend: T | None = None


class Blocked(msgspec.Struct, frozen=True):
    """Somebody must act: it does not mend itself. `mend` says how."""

    reason: str
    text: T
    on: str = PEOPLE
    mend: T | None = None


Outcome = Ready | Wait | Blocked


class Condition(msgspec.Struct, kw_only=True):
    """One positive sentence about a resource, true or not, since when; reason and text only when not.

    `blocked`: somebody must act before it can hold. `on` and `mend` are those of `Wait`; `reason_since_us` moves with
    the reason, `since_us` only when the truth flips.
    """

    type: str
    status: bool
    reason: str = ""
    text: T = T("", "")
    observed_generation: int = 0
    since_us: int = 0
    blocked: bool = False
    reason_since_us: int = 0
    on: str = ""
    mend: T | None = None


def set_condition(conditions: list[Condition], new: Condition) -> bool:
    """Put a condition in place; each time moves only with what it dates. Answer whether anything changed."""
    new.reason_since_us = new.since_us
    for i, old in enumerate(conditions):
        if old.type == new.type:
            if old.status == new.status:
                new.since_us = old.since_us
                if old.reason == new.reason:
                    new.reason_since_us = old.reason_since_us or old.since_us
            conditions[i] = new
            return old != new
    conditions.append(new)
    return True
