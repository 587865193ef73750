"""What a command is refused for, in words: the problems of an input that the kernel itself knows, and its conflicts.

Nothing here decides who may; nothing writes.
"""

import difflib
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from cloudhall.kernel.errors import Conflict, Invalid, NotFound, Problem, Stale
from cloudhall.kernel.fields import fields_of
from cloudhall.kernel.kinds import Kind, Spec, value_at
from cloudhall.kernel.store import Question, Tx
from cloudhall.kernel.store.tables import Where
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import to_wire

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

LIST_NAMES_MAX = 10
LIVE_HOLDER = "live"
AnyKind = type[Kind[Any, Any]]


def refuse(found: list[Problem]) -> None:
    """Raise one `Invalid` for all problems, if there is any."""
    if found:
        raise invalid(found)


def invalid(found: list[Problem]) -> Invalid:
    """One `Invalid` for all problems."""
    n = len(found)
    return Invalid(T(f"有 {n} 处需要修改", f"{n} thing{'s' * (n > 1)} to change"), problems=tuple(found))


def not_found(kind: AnyKind, target: str) -> NotFound:
    """Say what was looked for; the same for what is hidden."""
    title = kind.meta.title
    return NotFound(
        T(f"没有名为 {target} 的{title.zh}，或你无权查看", f"No {title.en.lower()} {target}, or not yours to see")
    )


def stale(current: Kind[Any, Any], spec: Any, if_match: int) -> Stale:
    """Say which fields differ from what the caller wants, and what stands now."""
    wanted = spec if isinstance(spec, Mapping) else {}
    now = msgspec.to_builtins(current.spec)
    difference = {k: {"now": now.get(k), "yours": v} for k, v in wanted.items() if now.get(k) != v}
    return Stale(
        T(
            f"{current.name} 现为第 {current.revision} 版，你基于第 {if_match} 版",
            f"{current.name} is at revision {current.revision}; you started from {if_match}",
        ),
        current=to_wire(current),
        difference=difference,
    )


def going(r: Kind[Any, Any]) -> Conflict:
    """Say that a resource is being deleted."""
    return Conflict(
        T(f"{r.name} 正在删除", f"{r.name} is being deleted"),
        mend=T("删除不能撤回；需要时新建一个", "A deletion is not taken back; make a new one where it is needed"),
        reason="DELETING",
    )


class Blockers:
    """What must go before something else can: every one is counted, the first ten are named."""

    def __init__(self, rows: Sequence[Kind[Any, Any]] = ()) -> None:
        """`rows` are all of them so far."""
        self.rows, self.count = list(rows[:LIST_NAMES_MAX]), len(rows)

    def add(self, rows: Sequence[Kind[Any, Any]], count: int | None = None) -> None:
        """Add more; `count` where `rows` are only the first of them."""
        self.rows = [*self.rows, *rows][:LIST_NAMES_MAX]
        self.count += len(rows) if count is None else count


def blocked(owner: Kind[Any, Any], blockers: Blockers, problems: Sequence[Problem]) -> Conflict:
    """Say everything that keeps a resource from being deleted: what must go first, by name, and how to mend each."""
    found = [*problems, *([_blocked_by(blockers)] if blockers.count else [])]
    # The first is the error itself; said among its problems too, it would be read twice.
    names = {"blocking": [_named(r) for r in blockers.rows], "blocking_count": blockers.count}
    return Conflict(
        found[0].text,
        mend=found[0].mend or T(f"先处理，再删除 {owner.name}", f"Settle this, then delete {owner.name}"),
        problems=tuple(found[1:]),
        reason=found[0].code,
        **(names if blockers.count else {}),
    )


def _blocked_by(blockers: Blockers) -> Problem:
    names: dict[T, list[str]] = {}
    for r in blockers.rows:
        names.setdefault(type(r).meta.title, []).append(r.name)
    more = blockers.count - len(blockers.rows)
    zh = "；".join(f"{title.zh} {'、'.join(held)}" for title, held in names.items())
    en = "; ".join(f"{title.en} {', '.join(held)}" for title, held in names.items())
    text = T(
        f"还有 {blockers.count} 项：{zh}{f'，另有 {more} 项' if more else ''}",
        f"{blockers.count} still there: {en}{f', and {more} more' if more else ''}",
    )
    return Problem("BLOCKED_BY", "", text, _how_to_go(blockers.rows))


def _how_to_go(rows: Sequence[Kind[Any, Any]]) -> T:
    """What lies in the bin is destroyed or restored; everything else is deleted, each as the command line says it."""
    calls = {f"cloudhall {type(r).meta.noun} {'purge' if r.kept else 'delete'}": r.name for r in reversed(rows)}
    said = ", ".join(f"{call} {name}" for call, name in reversed(calls.items()))
    if any(r.kept for r in rows):
        return T(
            f"先删除它们；在回收站中的，先恢复或销毁：{said}",
            f"Delete these first; restore or purge what is in the recycle bin: {said}",
        )
    return T(f"先删除它们：{said}", f"Delete these first: {said}")


def _named(r: Kind[Any, Any]) -> dict[str, Any]:
    named = {"kind": type(r).meta.key, "id": r.id, "name": r.name, "title": type(r).meta.title}
    return named | ({"in_bin": True} if r.kept else {})


def taken_problems(kernel: "Kernel", tx: Tx, old: Kind[Any, Any] | None, new: Kind[Any, Any]) -> list[Problem]:
    """Names and other values that another row holds already, as the unique indexes have it."""
    found = []
    others = [] if old is not None and old.name == new.name else _holders(tx, new)
    if LIVE_HOLDER in others:
        found.append(_taken("name", new.name))
    for path in (i.path for i in type(new).meta.indexes if i.unique and i.path != "name"):
        value = value_at(new, path)
        if old is not None and value == value_at(old, path):
            continue
        where = Where(f"{path.replace('.', '_')} = ? AND id <> ?", (value, new.id))
        if kernel.tables[type(new)].count(tx, where):
            found.append(_taken(path, value))
    if not found and others:
        text = T(f"{new.name} 属于回收站中的资源", f"{new.name} is the name of something in the recycle bin")
        mend = T("恢复它、彻底销毁它，或换一个名称", "Restore that, purge it, or choose another name")
        found.append(Problem("TAKEN", "/name", text, mend))
    return found


def _taken(path: str, value: Any) -> Problem:
    text = T(f"{value} 已被使用", f"{value} is taken")
    return Problem("TAKEN", "/" + path.replace(".", "/"), text, T("换一个", "Choose another"))


def _holders(tx: Tx, new: Kind[Any, Any]) -> list[str]:
    """How each other row holds the name."""
    return [how for how, id_ in tx.execute(*name_question(type(new), new.place, new.name)) if id_ != new.id]


def name_question(kind: type[Kind[Any, Any]], place: str, name: str) -> Question:
    """Who holds a name where it must be unique: rows of how, and id."""
    anywhere = any(i.unique and i.path == "name" for i in kind.meta.indexes)
    within, params = ("", (name,)) if anywhere else (" AND place = ?", (name, place))
    live = f"SELECT '{LIVE_HOLDER}', id FROM {kind.meta.table} WHERE deleted IS NULL AND name = ?{within}"
    kept = f"SELECT 'bin', id FROM bin WHERE kind = ? AND name = ?{within}"
    return f"{live} UNION ALL {kept}", (*params, kind.meta.key, *params)


def unused_names(tx: Tx, kind: type[Kind[Any, Any]], names: Collection[str]) -> set[str]:
    """Which of some names no row of a kind has, live or in the bin: one look for many, instead of two for each.

    None where the kind declares other values that must be unique: each row is asked for itself then.
    """
    if not names or any(i.unique and i.path != "name" for i in kind.meta.indexes):
        return set()
    among = f"name IN ({', '.join('?' * len(names))})"
    live = tx.execute(f"SELECT name FROM {kind.meta.table} WHERE deleted IS NULL AND {among}", tuple(names))
    kept = tx.execute(f"SELECT name FROM bin WHERE kind = ? AND {among}", (kind.meta.key, *names))
    return set(names) - {name for (name,) in (*live, *kept)}


def limit_problems(kernel: "Kernel", tx: Tx, new: Kind[Any, Any]) -> list[Problem]:
    """Room under a quota that no kind has, or that this place was given already."""
    found = []
    for limit in type(new).meta.limits:
        key, pointer = value_at(new, limit.key_path), "/" + limit.key_path.replace(".", "/")
        if key not in kernel.registry.quotas:
            near = difflib.get_close_matches(key, kernel.registry.quotas, n=1) or sorted(kernel.registry.quotas)
            mend = T(f"可用：{'、'.join(near)}", f"Known: {', '.join(near)}")
            found.append(Problem("NO_SUCH", pointer, T(f"没有配额 {key}", f"There is no quota {key}"), mend))
        column = limit.key_path.replace(".", "_")
        others = Where(f"place = ? AND {column} = ? AND id <> ?", (new.place, key, new.id))
        if kernel.tables[type(new)].count(tx, others):
            text = T(f"此处已有 {key} 的额度", f"There is a limit of {key} here already")
            found.append(Problem("TAKEN", pointer, text, T("修改已有的额度", "Change the one that is there")))
    return found


def scope_problems(kernel: "Kernel", new: Kind[Any, Any]) -> list[Problem]:
    """Scopes that no operation falls under: misspelt, they would silently cover nothing."""
    known, found = kernel.registry.scopes, []
    for name, info in fields_of(type(new.spec)).items():
        for n, scope in enumerate(getattr(new.spec, name) if info.f.scopes else ()):
            if scope not in known:
                near = difflib.get_close_matches(scope, known, n=3) or ["*:read"]
                mend = T(f"例如 {'、'.join(near)}", f"Such as {', '.join(near)}")
                text = T(f"没有任何操作属于 {scope}", f"No operation falls under {scope}")
                found.append(Problem("NO_SUCH", f"/spec/{name}/{n}", text, mend))
    return found


def by_problems(spec: type[Spec], patch: Any, old: Spec | None = None) -> list[Problem]:
    """Fields that only an action may set."""
    found = []
    for name, info in fields_of(spec).items():
        if info.f.by and isinstance(patch, Mapping) and name in patch:
            before = getattr(old, name) if old is not None else info.default
            if msgspec.to_builtins(before) != patch[name]:
                verbs = ", ".join(info.f.by)
                text = T(
                    f"“{info.title.zh}”只能由操作 {verbs} 改变", f"{info.title.en} is set by the action {verbs} only"
                )
                found.append(Problem("BY_ACTION", f"/spec/{name}", text))
    return found


def immutable_problems(old: Spec, new: Spec) -> list[Problem]:
    """Fields that are what they are since creation."""
    return [
        Problem(
            "IMMUTABLE",
            f"/spec/{name}",
            T(f"“{info.title.zh}”创建后不能改", f"{info.title.en} cannot change after creation"),
        )
        for name, info in fields_of(type(old)).items()
        if info.f.immutable and getattr(old, name) != getattr(new, name)
    ]
