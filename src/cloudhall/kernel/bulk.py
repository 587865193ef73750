"""One change to everything that a filter finds: foreseen first, then made, and only if what was foreseen still holds.

The plan is a dry run of the very batch. Its token is a digest of what people decide by: which resources, what they have
been told to be, what goes along, and what is refused. What a controller writes meanwhile does not change it.
Invariant: what is done is what was shown; otherwise nothing is, and the refusal names the difference.
Cost: that of a batch, `batches.ITEMS_MAX` resources at most.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Literal, NamedTuple

import msgspec

from cloudhall.kernel import batches, events, requests
from cloudhall.kernel.batches import ITEMS_MAX, Batch, Item, Outcomes
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import AnyKind, Command
from cloudhall.kernel.errors import Conflict, Problem
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.kinds import Kind, Quota, value_at
from cloudhall.kernel.refusals import LIST_NAMES_MAX, refuse
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.tables import Sort, Where
from cloudhall.kernel.text import T

STAYING = Where("deleting IS NULL")
REMEMBERED = "plan\t"  # no key of a client has a tab
Row = Kind[Any, Any]
Seen = Mapping[str, "Trait"]


class Bulk(msgspec.Struct, frozen=True, kw_only=True):
    """Delete what `where` finds, or update its labels by a merge patch, in which null takes a label off."""

    kind: AnyKind
    where: Where
    verb: Literal["delete", "update"]
    labels: Mapping[str, Any] | None = None


class Trait(NamedTuple):
    """What a plan rests on, of one resource: `wish` is the revision of the last decision, `refused` a reason."""

    name: str
    wish: int
    refused: str


class GivenBack(NamedTuple):
    """Room by quota, in the quota's unit, and what each meter will count no more."""

    quotas: tuple[tuple[Quota, int], ...]
    rates: tuple[tuple[str, int], ...]


class Foreseen(msgspec.Struct, frozen=True):
    """Resources, newest first, what would become of each, and the token that stands for all this."""

    rows: tuple[Row, ...]
    outcomes: Outcomes
    token: str


def foresee(kernel: Kernel, caller: Caller, bulk: Bulk) -> "Future[Foreseen]":
    """Try a change and undo it; its token is good for as long as nothing of it changes. Remembered 24 h."""

    def run(tx: Tx) -> Foreseen:
        foreseen, seen = _tried(kernel, tx, caller, bulk, dry=True)
        token = foreseen.token
        kept = {"seen": msgspec.to_builtins(seen)}
        now_us = kernel.world.now_us()
        requests.store(tx, kernel.keys, caller, REMEMBERED + token, token.encode(), kept, now_us)
        return foreseen

    return kernel.store.write(run)


def execute(
    kernel: Kernel, caller: Caller, bulk: Bulk, token: str, *, key: str = "", asked: Any = None
) -> "Future[Outcomes]":
    """Make a change that was foreseen. Raises `Conflict` (PLAN_CHANGED), by the future, where it would be another."""

    def run(tx: Tx) -> Outcomes:
        request, now_us = requests.fingerprint("bulk", asked), kernel.world.now_us()
        if key and (kept := requests.recall(tx, kernel.keys, caller, key, request, now_us)):
            return batches.restored(kept)
        foreseen, seen = _tried(kernel, tx, caller, bulk, dry=False)
        if foreseen.token != token:
            raise _changed(_remembered(kernel, tx, caller, token, now_us), seen)
        if key:
            requests.store(tx, kernel.keys, caller, key, request, batches.kept(foreseen.outcomes), now_us)
        return foreseen.outcomes

    return kernel.store.write(run)


def given_back(foreseen: Foreseen) -> GivenBack:
    """Sum up what deleting would free: of the resources that go, and of what goes with them."""
    going = [r for o in foreseen.outcomes.items if o.plan for r in (*o.plan.goes_too, o.plan.new)]
    once = {r.id: r for r in going}.values()
    quotas: dict[str, tuple[Quota, int]] = {}
    rates: Counter[str] = Counter()
    for r in once:
        for quota in type(r).meta.quotas:
            amount = quotas[quota.key][1] if quota.key in quotas else 0
            quotas[quota.key] = (quota, amount + int(value_at(r, quota.path)))
        rates.update({m.key: int(value_at(r, m.path)) for m in type(r).meta.meters})
    return GivenBack(tuple(quotas.values()), tuple(rates.items()))


def _tried(kernel: Kernel, tx: Tx, caller: Caller, bulk: Bulk, *, dry: bool) -> tuple[Foreseen, Seen]:
    rows = _chosen(kernel, tx, caller, bulk)
    wishes = {r.id: events.decided(tx, r.id) for r in rows}
    outcomes = batches.tried(kernel, tx, caller, Batch(items=tuple(_item(bulk, r) for r in rows), dry=dry))
    seen: dict[str, Trait] = {}
    for r, outcome in zip(rows, outcomes.items, strict=True):
        for other in outcome.plan.goes_too if outcome.plan else ():
            seen.setdefault(other.id, Trait(other.name, other.generation, ""))
        error = outcome.error
        seen[r.id] = Trait(r.name, wishes[r.id], (error.reason or error.code) if error else "")
    return Foreseen(tuple(rows), outcomes, _token(bulk, seen)), seen


def _chosen(kernel: Kernel, tx: Tx, caller: Caller, bulk: Bulk) -> list[Row]:
    visible = kernel.authority.visible(tx, caller, bulk.kind)
    rows = kernel.tables[bulk.kind].page(tx, bulk.where & STAYING, Sort(), None, ITEMS_MAX + 1, visible)
    if len(rows) > ITEMS_MAX:
        text = T(f"符合条件的多于 {ITEMS_MAX} 项", f"More than {ITEMS_MAX} fit the filter")
        refuse([Problem("TOO_MANY", "?", text, T("缩小筛选范围，分几次进行", "Narrow the filter, and go in steps"))])
    return rows


def _item(bulk: Bulk, r: Row) -> Item:
    merge = bulk.verb == "update"
    return Item(Command(kind=bulk.kind, verb=bulk.verb, target=r.id, labels=bulk.labels, merge=merge), name=r.name)


def _token(bulk: Bulk, seen: Seen) -> str:
    what = [bulk.kind.meta.key, bulk.verb, bulk.labels, seen]
    return hashlib.blake2b(msgspec.json.encode(what, order="sorted"), digest_size=12).hexdigest()


def _remembered(kernel: Kernel, tx: Tx, caller: Caller, token: str, now_us: int) -> Seen | None:
    kept = requests.recall(tx, kernel.keys, caller, REMEMBERED + token, token.encode(), now_us)
    return msgspec.convert(kept["seen"], dict[str, Trait]) if kept else None


def _changed(before: Seen | None, now: Seen) -> Conflict:
    """Name what is not as it was shown."""
    mend = T("重新查看计划，再确认", "Look at the plan again, then confirm")
    if before is None:
        text = T("没有这份计划，或它已过期", "There is no such plan, or it is too old")
        return Conflict(text, mend=mend, reason="PLAN_CHANGED")
    added = [now[i].name for i in now if i not in before]
    gone = [before[i].name for i in before if i not in now]
    changed = [now[i].name for i in now if i in before and now[i] != before[i]]
    said = [
        T(f"{words.zh}：{'、'.join(_few(names))}", f"{words.en}: {', '.join(_few(names))}")
        for words, names in ((ADDED, added), (GONE, gone), (CHANGED, changed))
        if names
    ]
    text = T(
        f"计划之后有变化（{'；'.join(t.zh for t in said)}），未做任何改动",
        f"Things have changed since the plan ({'; '.join(t.en for t in said)}); nothing was done",
    )
    return Conflict(text, mend=mend, reason="PLAN_CHANGED", added=added, gone=gone, changed=changed)


def _few(names: Iterable[str]) -> list[str]:
    listed = list(names)
    return listed[:LIST_NAMES_MAX] + ["…"] * (len(listed) > LIST_NAMES_MAX)


ADDED = T("新符合", "now fit too")
GONE = T("不再符合", "fit no more")
CHANGED = T("已改变", "were changed")
