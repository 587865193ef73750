"""Roles on one resource alone: what may be shared so, where such a grant lies, and that it goes with the resource.

A resource that is elsewhere, or lies where the caller may not look, is refused in the words for one that is not there.

Invariant: a grant on a resource lies in the resource's own place, so that whoever looks after the grants of a place
sees it; it is deleted in the transaction that deletes the resource.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cloudhall.kernel.errors import Invalid, Problem
from cloudhall.kernel.ids import is_id
from cloudhall.kernel.kinds import Grants, Kind, Meta, value_at
from cloudhall.kernel.look import Reader
from cloudhall.kernel.policy import PolicySet
from cloudhall.kernel.refusals import invalid
from cloudhall.kernel.roles import ROLES
from cloudhall.kernel.text import T

GRANTS_MAX = 100_000  # of one resource, that go with it in one transaction


def named_by(meta: Meta, spec: Any) -> str:
    """Id of the one resource that a grant to be made is on; empty where it is on its place."""
    if meta.grants is None or not isinstance(spec, Mapping):
        return ""
    target = spec.get(_field(meta.grants))
    return target if isinstance(target, str) else ""


def place_of(look: Reader, target: str) -> str:
    """Place that a resource lies in; empty for one that is not there."""
    row = _row(look, target)
    return row.place if row is not None else ""


def hidden(meta: Meta, target: str) -> Invalid:
    """Say that there is no such resource; the same for one that lies where the caller may not look."""
    assert meta.grants is not None
    return invalid([_no_such(meta.grants, target)])


def upon(look: Reader, resource: Kind[Any, Any]) -> Sequence[Kind[Any, Any]]:
    """Grants on this resource alone that are not on their way out."""
    found = ((t.kind, t.meta.grants.resource) for t in look.tables.by_kind.values() if t.meta.grants)
    rows = (r for kind, path in found for r in look.list(kind, {path: resource.id}, GRANTS_MAX))
    return [r for r in rows if r.deleting_us is None]


def problems(look: Reader, policies: PolicySet, new: Kind[Any, Any]) -> list[Problem]:
    """What is wrong with the resource that a new grant names: none there, a place, elsewhere, or a role without use."""
    grants = type(new).meta.grants
    target = value_at(new, grants.resource) if grants else None
    if grants is None or not target:
        return []
    row = _row(look, target)
    if row is None or row.deleting_us is not None or row.place != new.place:
        return [_no_such(grants, target)]
    if type(row).meta.place:
        text = T(f"{target} 是单位或项目，不是单个资源", f"{target} is an organisation or project, no single resource")
        mend = T("把授权建在该处，不填资源", "Make the grant there, and name no resource")
        return [Problem("PLACE", _pointer(grants), text, mend)]
    return _useless(_pointer(grants), policies, row, value_at(new, grants.role))


def _pointer(grants: Grants) -> str:
    return "/" + grants.resource.replace(".", "/")


def _field(grants: Grants) -> str:
    return grants.resource.partition(".")[2]


def _no_such(grants: Grants, target: str) -> Problem:
    text = T(f"此处没有资源 {target}，或你无权查看", f"There is no resource {target} here, or not yours to see")
    return Problem(
        "NO_SUCH", _pointer(grants), text, T("用编号写明，并省去所在处", "Give its id, and leave the place out")
    )


def _useless(pointer: str, policies: PolicySet, row: Kind[Any, Any], role: str) -> list[Problem]:
    meta = type(row).meta
    useful = policies.roles_on(meta.key)
    if role in useful:
        return []
    text = T(
        f"{ROLES[role].zh}在单个{meta.title.zh}上什么也做不了",
        f"A {ROLES[role].en} may do nothing with a single {meta.title.en.lower()}",
    )
    titles = [ROLES[r] for r in ROLES if r in useful]
    zh, en = "、".join(t.zh for t in titles) or "无", ", ".join(t.en for t in titles) or "none"
    return [Problem("NO_EFFECT", pointer, text, T(f"可用的角色：{zh}", f"Roles that do: {en}"))]


def _row(look: Reader, id_: str) -> Kind[Any, Any] | None:
    if not is_id(id_):
        return None
    table = next((t for t in look.tables.by_kind.values() if t.meta.prefix == id_[:2].lower()), None)
    return table.get(look.tx, id_.lower()) if table is not None else None
