"""Waiting until a resource is as wanted: asking again and again, less often as time goes by."""

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from cloudhall.sdk.errors import NotFound, NotReady
from cloudhall.sdk.language import T, say

READY, DELETED = "ready", "deleted"
PAUSE_S, LONGEST_PAUSE_S, LONGER = 0.2, 2.0, 1.5
LATE = T("{0}：{1:g} 秒内没有等到“{2}”", "{0}: not {2} within {1:g} s")
FAILED = T("{} 已失败，等不到“{}”", "{} has failed and will not be {}")
WORDS = {READY: T("就绪", "ready"), DELETED: T("已删除", "deleted")}
Seen = TypeVar("Seen", bound=Mapping[str, Any])


def until(
    look: Callable[[], Seen], what: str, wanted: str, timeout_s: float, told: Callable[[Seen], None] | None = None
) -> Seen | None:
    """Look until a resource is `ready` or `deleted`, or a condition of that name holds; answers it as seen then.

    `told` hears of every look in between. Raises `NotReady` when the time is up, or when it has failed for good; `what`
    names it there.
    """
    end, pause_s, word = time.monotonic() + timeout_s, PAUSE_S, say(WORDS.get(wanted, wanted))
    while True:
        seen = _seen(look, wanted)
        if seen is None or met(seen, wanted):
            return seen
        if told is not None:
            told(seen)
        left_s = end - time.monotonic()
        if seen["state"] == "failed":
            raise NotReady(say(FAILED, what, word), seen=seen)
        if left_s <= 0:
            raise NotReady(say(LATE, what, timeout_s, word), seen=seen)
        time.sleep(min(pause_s, left_s))
        pause_s = min(pause_s * LONGER, LONGEST_PAUSE_S)


def met(seen: Mapping[str, Any], wanted: str) -> bool:
    """Whether a resource that is there is as wanted."""
    if wanted in WORDS:
        return wanted == READY and bool(seen["state"] == READY)
    return any(c["type"] == wanted and c["status"] for c in seen["conditions"])


def _seen(look: Callable[[], Seen], wanted: str) -> Seen | None:
    """Resource as it stands; None where it is gone and that is what is wanted."""
    try:
        return look()
    except NotFound:
        if wanted == DELETED:
            return None
        raise
