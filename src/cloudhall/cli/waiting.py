"""Waiting until a resource is as wanted."""

from collections.abc import Mapping
from typing import Any

from cloudhall.cli.app import current
from cloudhall.cli.catalogue import Noun
from cloudhall.cli.common import either_place
from cloudhall.cli.line import Line, bar
from cloudhall.cli.offers import AName, ANoun
from cloudhall.cli.output import note, why_not
from cloudhall.cli.parts import Argument, Command, Option
from cloudhall.cli.typed import Span
from cloudhall.cli.values import shown
from cloudhall.sdk.errors import NotReady
from cloudhall.sdk.language import T, say
from cloudhall.sdk.waiting import READY, WORDS, until

TIMEOUT = "5m"
MET = T("{} {}：{}", "{} {}: {}")


def wait(*, noun: str, name: str, wanted: str, timeout: float, **given: Any) -> None:
    """Wait, and show on a terminal what for; raises `NotReady` when the time is up or it has failed."""
    app, what = current(), f"{noun} {name}"
    kind = app.noun(noun)
    try:
        with Line() as line:
            until(lambda: app.read(kind, name, given), what, wanted, timeout, lambda now: line.show(_stands(kind, now)))
    except NotReady as late:
        raise NotReady(late.text, _because(late.seen or {})) from None
    note(say(MET, noun, name, say(WORDS.get(wanted, wanted))))


def _stands(kind: Noun, seen: Mapping[str, Any]) -> str:
    """What a resource is at: the step of an operation and how far it is, else what it waits for."""
    steps = [s for s in seen["status"].get("steps", ()) if s["started_us"] and not s["ended_us"]]
    if steps:
        step = steps[-1]
        return f"{say(step['title'])}  {bar(step['done'], step['total'])}"
    return _because(seen) or shown(seen["state"], kind["common"]["state"])


def _because(seen: Mapping[str, Any]) -> str | None:
    said = [f"{c['type']}: {why_not(c)}" for c in seen.get("conditions", ()) if not c["status"]]
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
        Argument("noun", metavar="NOUN", text=T("资源种类", "Kind of resource"), type=ANoun()),
        Argument("name", metavar="NAME", text=T("名称或编号", "Name or id"), type=AName()),
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
