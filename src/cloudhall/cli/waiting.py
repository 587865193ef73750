"""Waiting until a resource is as wanted."""

import time
from typing import Any

from cloudhall.cli.app import current
from cloudhall.cli.catalogue import Noun
from cloudhall.cli.common import either_place
from cloudhall.cli.errors import NOT_FOUND, NotReady, Refused
from cloudhall.cli.language import T, say
from cloudhall.cli.output import note, why_not
from cloudhall.cli.parts import Argument, Command, Option
from cloudhall.cli.tables import Wire
from cloudhall.cli.typed import Span

READY, DELETED = "ready", "deleted"
TIMEOUT = "5m"
PAUSE_S, LONGEST_PAUSE_S, LONGER = 0.2, 2.0, 1.5
MET = T("{} {}：{}", "{} {}: {}")
LATE = T("{0} {1}：{2:g} 秒内没有等到“{3}”", "{0} {1}: not {3} within {2:g} s")
FAILED = T("{} {} 已失败，等不到“{}”", "{} {} has failed and will not be {}")
WORDS = {READY: T("就绪", "ready"), DELETED: T("已删除", "deleted")}


def wait(*, noun: str, name: str, wanted: str, timeout: float, **given: Any) -> None:
    """Ask again and again, less often as time goes by; raises `NotReady` when the time is up or it has failed."""
    kind, until, pause_s = current().noun(noun), time.monotonic() + timeout, PAUSE_S
    word = say(WORDS.get(wanted, wanted))
    while True:
        seen = _seen(kind, name, wanted, given)
        if _met(seen, wanted):
            note(say(MET, noun, name, word))
            return
        left_s = until - time.monotonic()
        if seen and seen["state"] == "failed":
            raise NotReady(say(FAILED, noun, name, word), _because(seen))
        if left_s <= 0:
            raise NotReady(say(LATE, noun, name, timeout, word), _because(seen))
        time.sleep(min(pause_s, left_s))
        pause_s = min(pause_s * LONGER, LONGEST_PAUSE_S)


def _seen(noun: Noun, name: str, wanted: str, given: dict[str, Any]) -> Wire | None:
    """Resource as it stands; None where it is gone and that is what is wanted."""
    try:
        return current().read(noun, name, given)
    except Refused as refused:
        if wanted == DELETED and refused.exit_code == NOT_FOUND:
            return None
        raise


def _met(seen: Wire | None, wanted: str) -> bool:
    if seen is None or wanted == DELETED:
        return seen is None
    if wanted == READY:
        return bool(seen["state"] == READY)
    return any(c["type"] == wanted and c["status"] for c in seen["conditions"])


def _because(seen: Wire | None) -> str | None:
    said = [f"{c['type']}: {why_not(c)}" for c in (seen or {}).get("conditions", ()) if not c["status"]]
    return "; ".join(said) or None


WAIT = Command(
    "wait",
    wait,
    T(
        "等到一个资源就绪、被删除，或某个条件成立；等不到则以 3 退出。",
        "Wait for a resource to be ready or deleted, or for a condition to hold; exit code 3 where it does not happen.",
    ),
    examples=["wait bucket chongqing-stats", "wait bucket chongqing-stats --for deleted --timeout 60s"],
    params=[
        Argument("noun", metavar="NOUN", text=T("资源种类", "Kind of resource")),
        Argument("name", metavar="NAME", text=T("名称或编号", "Name or id")),
        Option(
            "--for",
            "wanted",
            text=T("ready、deleted 或条件名（默认 ready）", "ready, deleted or a condition (default ready)"),
            default=READY,
            metavar="WHAT",
        ),
        Option(
            "--timeout",
            text=T("最多等多久（默认 5m）", "How long at most (default 5m)"),
            type=Span(),
            default=TIMEOUT,
            metavar="TIME",
        ),
        *either_place(),
    ],
)
