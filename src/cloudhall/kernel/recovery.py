"""Commands upon what lies in the recycle bin: restore brings it back as it was, purge destroys it.

A restore is decided like a creation: name, references, checks and room are asked anew, and each refusal says why. What
went along comes back with it; what may no longer be (a grant that has become one administrator too many) does not, is
named in the plan, and is destroyed. Whoever does not see a resource does not see it in the bin either.
"""

from typing import TYPE_CHECKING, Any

from cloudhall.kernel import bin as bin_
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Conflict, NotFound, Problem
from cloudhall.kernel.facts import Ruling
from cloudhall.kernel.ids import is_id
from cloudhall.kernel.kinds import PURGE, RESTORE, Kind
from cloudhall.kernel.recoverable import held_by
from cloudhall.kernel.refusals import going, not_found
from cloudhall.kernel.store.tables import ALL, Where
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import rfc3339

if TYPE_CHECKING:
    from cloudhall.kernel.commands import AnyKind, Command, Plan, Planner
    from cloudhall.kernel.kernel import Kernel

Row = Kind[Any, Any]
BINNED = "BINNED"
VERBS = frozenset({RESTORE, PURGE})


def plan(planner: "Planner", command: "Command") -> "Plan":
    """Decide a command upon something in the bin."""
    old = find(planner, command)
    policies = planner.kernel.authority.require(planner.tx, planner.caller, command.verb, old)
    assert old.kept is not None
    if old.kept.owner != old.id:
        raise _with_its_owner(planner, old)
    if old.deleting_us is not None:
        raise going(old)
    return (_restore if command.verb == RESTORE else _purge)(planner, command, old, policies)


def find(planner: "Planner", command: "Command") -> Row:
    """Find what a command names in the bin, by id or name; says so where it is not there."""
    found = _named(planner, command.kind, command.target)
    if command.place:
        place = planner.place_id(command.kind, command.place)
        found = [r for r in found if r.place == place]
    if not found:
        planner.find(command.kind, command.target, command.place)  # says so where there is none at all
        raise Conflict(command.kind.meta.actions[command.verb].why_not, reason="NOT_NOW")
    if len(found) > 1:
        text = T(f"回收站中有 {len(found)} 个 {command.target}", f"{len(found)} in the bin are named {command.target}")
        mend = T("请指明所在项目，或用编号", "Name the project, or use the id")
        raise Conflict(text, mend=mend, candidates=[r.id for r in found])
    return found[0]


def missing(planner: "Planner", kind: "AnyKind", target: str) -> NotFound:
    """Say that something is not there; and how to have it back, where it lies in the bin and may be seen."""
    found = _named(planner, kind, target)
    if not found or (kept := found[0].kept) is None:
        return not_found(kind, target)
    r, noun = found[0], kind.meta.noun
    text = T(
        f"{r.name} 自 {rfc3339(kept.at_us)} 起在回收站中", f"{r.name} is in the recycle bin since {rfc3339(kept.at_us)}"
    )
    mend = T(
        f"恢复：cloudhall {noun} restore {r.name}；查看：cloudhall bin list",
        f"Restore it: cloudhall {noun} restore {r.name}; look at it: cloudhall bin list",
    )
    return NotFound(text, mend=mend, reason=BINNED, resource=r.id)


def listing(
    kernel: "Kernel",
    caller: Caller,
    limit: int,
    *,
    after: tuple[int, str] | None = None,
    kind: "AnyKind | None" = None,
    place: str = "",
) -> list[Row]:
    """What was deleted by itself and the caller may see, newest first, behind `(at_us, id)`; below a place where named.

    Cost: one page of each kind that the bin keeps.
    """
    tx = kernel.store.read()
    kinds = [k for k in kernel.registry if k.meta.recoverable_days and kind in {None, k}]
    below = Where("place IN (SELECT descendant FROM place WHERE ancestor = ?)", (place,)) if place else ALL
    pages = (
        bin_.page(kernel.tables, tx, k.meta.key, kernel.authority.visible(tx, caller, k) & below, after, limit)
        for k in kinds
    )
    return sorted((r for page in pages for r in page), key=position, reverse=True)[:limit]


def position(r: Row) -> tuple[int, str]:
    """Where something stands in the listing."""
    assert r.kept is not None
    return r.kept.at_us, r.id


def previews_of_deletion(r: Row, days: int) -> tuple[T, ...]:
    """Say what the bin keeps and what that costs."""
    kept = T(
        f"进入回收站保留 {days} 天，期间可恢复；权限立即收回，名称不让给别人，配额归还",
        f"It goes to the recycle bin for {days} days and can be restored; access ends now, its name stays taken, "
        "its quota is given back",
    )
    charged = T(
        "保留的内容在销毁之前照常计量计费", "What it holds stays metered and charged until it is restored or destroyed"
    )
    return (kept, charged) if any(c.unit == "B" for c in held_by(r)) else (kept,)


def _named(planner: "Planner", kind: "AnyKind", target: str) -> list[Row]:
    tables, tx, key = planner.kernel.tables, planner.tx, kind.meta.key
    by_id = bin_.row(tables, tx, key, target.lower()) if is_id(target) else None
    found = [by_id] if by_id else bin_.named(tables, tx, key, target)
    return [r for r in found if planner.kernel.authority.may(tx, planner.caller, "read", r)]


def _restore(planner: "Planner", command: "Command", old: Row, policies: Ruling) -> "Plan":
    planner.refuse_going(old.place)
    with_it = bin_.with_owner(planner.kernel.tables, planner.tx, old.id)
    back = {old.id, *(r.id for r in with_it)}
    lost = {r.id: found for r in with_it if (found := _unfit(planner, r, back))}
    plan = planner.finished(command, None, _again(planner, old), policies, [])
    plan.old = old
    plan.goes_too = tuple(_again(planner, r) for r in with_it if r.id not in lost)
    plan.left_behind = tuple(_purged(planner, r) for r in with_it if r.id in lost)
    plan.previews += tuple(
        T(f"{r.name} 不再恢复：{lost[r.id][0].text.zh}", f"{r.name} does not come back: {lost[r.id][0].text.en}")
        for r in plan.left_behind
    )
    return plan


def _unfit(planner: "Planner", r: Row, back: set[str]) -> list[Problem]:
    """What speaks against a dependant's coming back. Its name cannot: that was kept for it."""
    found = planner.reference_problems(None, r, besides=back)
    return found or [p for ask in type(r).meta.checks for p in ask(r, None, planner.look)]


def _purge(planner: "Planner", command: "Command", old: Row, policies: Ruling) -> "Plan":
    from cloudhall.kernel.commands import Plan

    if type(old).meta.withdrawal and old.kept is not None and old.kept.withdrawn_us is None:
        raise _withdrawing(old)
    against = [p for ask in type(old).meta.purge_checks for p in ask(old, planner.look)]
    if against:
        raise Conflict(against[0].text, mend=against[0].mend, problems=tuple(against[1:]), reason=against[0].code)
    with_it = bin_.with_owner(planner.kernel.tables, planner.tx, old.id)
    return Plan(
        command=command,
        caller=planner.caller,
        old=old,
        new=_purged(planner, old),
        policies=policies,
        previews=(T("销毁之后无法恢复", "Nothing brings it back afterwards"),),
        goes_too=tuple(_purged(planner, r) for r in with_it),
        destroys=held_by(old),
    )


def _again(planner: "Planner", r: Row) -> Row:
    """As it was; a generation later, because nobody has seen it at work since."""
    new = planner.changed(r, r.spec)
    new.generation, new.kept = r.generation + 1, None
    return new


def _purged(planner: "Planner", r: Row) -> Row:
    new = planner.changed(r, r.spec)
    new.deleting_us, new.kept = r.deleting_us or planner.look.now_us, r.kept
    return new


def _withdrawing(r: Row) -> Conflict:
    """What it holds is counted when nobody can write any more; before that no plan could be exact."""
    return Conflict(
        T(
            f"正在收回对 {r.name} 的访问，随后清点其内容",
            f"Access to {r.name} is being ended; then what it holds is counted",
        ),
        mend=T("稍后再试；持续如此时查看引擎", "Try again in a moment; if it stays so, look at the engine"),
        reason="WITHDRAWING",
    )


def _with_its_owner(planner: "Planner", r: Row) -> Conflict:
    assert r.kept is not None
    kind = planner.kernel.registry.by_prefix[r.kept.owner[:2]]
    owner = bin_.row(planner.kernel.tables, planner.tx, kind.meta.key, r.kept.owner)
    name, noun = owner.name if owner else r.kept.owner, kind.meta.noun
    return Conflict(
        T(f"{r.name} 是随{kind.meta.title.zh} {name} 一起删除的", f"{r.name} went along with {noun} {name}"),
        mend=T(f"恢复或销毁 {name}，它随之恢复或销毁", f"Restore or purge {name}; this follows it"),
        reason="WITH_OWNER",
    )
