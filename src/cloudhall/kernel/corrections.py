"""Corrections: somebody decides what a reading should have been. A row of its own, made once, never changed.

Who (its first event), why (`reason`), what counted and what counts instead (`status`), since when. The reading itself
stays as it was delivered; two signed rows reverse and replace it (`amendments`). A correction is also how people settle
a contradiction: they take the body that was refused, give another quantity, or confirm the one that counts.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import msgspec

from cloudhall.kernel import amendments, events, usage
from cloudhall.kernel.errors import Problem
from cloudhall.kernel.kinds import (
    Blocked,
    Index,
    Kind,
    Look,
    Outcome,
    Ready,
    Spec,
    Status,
    T,
    check,
    controller,
    field,
    preview,
)
from cloudhall.kernel.metering import QUANTITY_LIMIT, Reading, meter_of
from cloudhall.kernel.roles import SYSTEM_ADMIN, USERS
from cloudhall.kernel.store import Tx

if TYPE_CHECKING:
    from cloudhall.kernel.context import Context

SEE_READINGS = T(
    "查看读数的编号：cloudhall usage readings --json",
    "See the ids of readings: cloudhall usage readings --json",
)
SEE_CONFLICTS = T("查看矛盾的读数：cloudhall usage conflicts", "See contradictions: cloudhall usage conflicts")


class CorrectionSpec(Spec, frozen=True, kw_only=True):
    """Which reading, what counts instead, and why."""

    reading: Annotated[
        str,
        field(
            "读数",
            "Reading",
            T("来源/来源编号", "source/source id"),
            immutable=True,
            pattern=r"[^/]+/.+",
            example="storage.requests/1793491200000000/bk-1/storage.requests_a",
        ),
    ]
    quantity_micro: Annotated[
        int | None,
        field("应为", "Should be", T("计量单位的百万分之一", "millionths of the meter's unit"), ge=0, immutable=True),
    ] = None
    refused: Annotated[
        str,
        field(
            "采用另一种说法",
            "Take the other body",
            T("矛盾读数的编号，整条采用", "id of a contradiction, taken whole"),
            immutable=True,
            pattern="(|[0-9a-f]{32})",
        ),
    ] = ""
    reason: Annotated[str, field("理由", "Reason", immutable=True, max_length=500, example="表计重启后多计")]


class CorrectionStatus(Status, kw_only=True):
    """What it did."""

    meter: Annotated[str, field("计量项", "Meter")] = ""
    target: Annotated[str, field("资源", "Resource")] = ""
    old_micro: Annotated[int, field("原为", "Counted before", T("百万分之一", "millionths"))] = 0
    new_micro: Annotated[int, field("改为", "Counts now", T("百万分之一", "millionths"))] = 0
    by: Annotated[str, field("更正人", "By")] = ""
    since_us: Annotated[int, field("生效于", "Since")] = 0


class Correction(
    Kind[CorrectionSpec, CorrectionStatus],
    title=T("用量更正", "Correction"),
    prefix="cr",
    doc=T(
        "更正一次读数：原读数不动，另记一笔冲销和一笔替换，写明谁、为何、原值、新值、何时。",
        "Corrects a reading: the reading stays, a row reverses it and a row replaces it, with who, why, old, new and "
        "when.",
    ),
    on_place_delete="keep",
    auto_name=True,
    clauses=("SYS-119",),
    allow={"read": (*USERS, SYSTEM_ADMIN), "create": (SYSTEM_ADMIN,)},
    indexes=(Index("spec.reading"),),
    columns=("name", "state", "status.meter", "status.target", "status.old_micro", "status.new_micro", "spec.reason"),
    icon="edit",
    group="market",
    demo=(
        {
            "spec": {
                "reading": "storage.requests/1793491200000000/bk-1/storage.requests_a",
                "quantity_micro": 12_000_000,
                "reason": "表计重启后多计 / counted again after a restart",
            }
        },
    ),
):
    """A few rows a month: every one is a mistake that somebody explains."""


@check(Correction)
def one_way_of_saying_what_counts(new: Correction, _old: Correction | None, _look: Look) -> Iterable[Problem]:
    """A quantity, or the other body."""
    if (new.spec.quantity_micro is None) == (not new.spec.refused):
        text = T(
            "应为多少与采用另一种说法，二者取一", "Give what it should be or the other body to take, one of the two"
        )
        yield Problem("ONE_OF", "/spec/quantity_micro", text)
    if not new.spec.reason.strip():
        yield Problem("MISSING", "/spec/reason", T("请写明理由", "Give the reason"))
    if (new.spec.quantity_micro or 0) >= QUANTITY_LIMIT:
        text = T("用量须在 0 到 2^63-1 之间", "A quantity lies between 0 and 2^63-1")
        yield Problem("OUT_OF_RANGE", "/spec/quantity_micro", text)


@check(Correction)
def the_reading_is_of_this_project(new: Correction, _old: Correction | None, look: Look) -> Iterable[Problem]:
    """What other projects use is not for this one to correct, nor to see."""
    counted = amendments.counted(look.tx, *_key(new))
    if counted is None or counted.project != new.place:
        text = T("本项目没有这次读数", "This project has no such reading")
        yield Problem("NO_SUCH", "/spec/reading", text, SEE_READINGS)
    elif new.spec.refused and _refused(look.tx, new) is None:
        text = T("这次读数没有这样的另一种说法", "There is no such other body of this reading")
        yield Problem("NO_SUCH", "/spec/refused", text, SEE_CONFLICTS)
    elif counted.quantity_micro == new.spec.quantity_micro and not _open_conflicts(look.tx, new):
        text = T("已经按此计量", "That is what counts already")
        yield Problem("NO_CHANGE", "/spec/quantity_micro", text)


@preview(Correction)
def what_will_count(c: Correction, look: Look) -> T:
    """Say both values before anything is done."""
    old = amendments.counted(look.tx, *_key(c))
    new = _wanted(look.tx, c)
    if old is None or new is None:
        return T("没有这次读数", "There is no such reading")
    unit = meter_of(new.meter).unit
    return T(
        f"{_shown(old)} → {_shown(new)} {unit.zh}；已结账单不变，差额计入下一张",
        f"{_shown(old)} → {_shown(new)} {unit.en}; closed statements stay, the difference goes to the next one",
    )


@controller(Correction)
def reconcile(c: Correction, ctx: "Context") -> Outcome:
    """Write both rows once, whenever this is repeated, and say what they did."""
    if not amendments.of(ctx.tx, c.id):
        created = events.latest(ctx.tx, "id = ? AND verb = ?", (c.id, "create"), 1)
        actor = created[0].actor if created else ""
        ctx.write(lambda tx: _apply(tx, c, actor, ctx.now_us))
    pair = amendments.of(ctx.tx, c.id)
    if not pair:
        return Blocked("NoReading", T("没有这次读数", "There is no such reading"), mend=SEE_READINGS)
    old, new = pair
    c.status.meter, c.status.target = new.reading.meter, new.reading.resource
    c.status.old_micro, c.status.new_micro = old.reading.quantity_micro, new.reading.quantity_micro
    c.status.by, c.status.since_us = new.actor, new.recorded_us
    return Ready()


def _key(c: Correction) -> tuple[str, str]:
    """Source, which holds no slash, and id within it."""
    source, _, source_id = c.spec.reading.partition("/")
    return source, source_id


def _apply(tx: Tx, c: Correction, actor: str, now_us: int) -> None:
    """Under the lock: what counts until now is what the reversing row takes back."""
    new = _wanted(tx, c)
    if new is not None:
        amendments.amend(tx, c.id, new, actor, c.spec.reason, now_us=now_us)


def _wanted(tx: Tx, c: Correction) -> Reading | None:
    if c.spec.refused:
        return _refused(tx, c)
    counted = amendments.counted(tx, *_key(c))
    if counted is None or c.spec.quantity_micro is None:
        return None
    return msgspec.structs.replace(counted, quantity_micro=c.spec.quantity_micro)


def _refused(tx: Tx, c: Correction) -> Reading | None:
    """The refused body of that id, if it is a reading of this project."""
    bodies = (x.refused for x in usage.conflicts_of(tx, *_key(c)) if x.id == c.spec.refused)
    return next((b for b in bodies if isinstance(b, Reading) and b.project == c.place), None)


def _open_conflicts(tx: Tx, c: Correction) -> bool:
    return any(not x.settled_by for x in usage.conflicts_of(tx, *_key(c)))


def _shown(reading: Reading) -> str:
    whole, rest = divmod(reading.quantity_micro, 1_000_000)
    return f"{whole:,}" + (f".{rest:06d}".rstrip("0") if rest else "")
