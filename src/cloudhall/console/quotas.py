"""Quotas of the place in use: how much room each has, how much is taken, who set it, and who may change it.

Rooms are those that commands are charged against; a room that nobody has set is the one that the kind declares.
Cost: a look-up a quota and project, for `PROJECTS_MAX` projects at most.
"""

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from starlette.responses import Response

from cloudhall.console import formats, permissions, timeline
from cloudhall.console.equivalents import Call
from cloudhall.console.names import Named
from cloudhall.console.places import projects_of
from cloudhall.kernel import quotas
from cloudhall.kernel.kinds import Kind, Quota
from cloudhall.kernel.look import equal
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.store.tables import LIVE
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

PROJECTS_MAX = 50
NEAR_TENTHS = 9  # from nine tenths on a quota is nearly taken


class Limited(NamedTuple):
    """One quota of one project. `limit` is the row that sets it, nothing where the default holds."""

    project: Named
    quota: Quota
    used: int
    room: int
    limit: Named | None
    by: Named | None
    at: formats.Moment | None
    change: str
    why_not: T | None
    draws: tuple[tuple[T, str], ...]

    @property
    def left(self) -> int:
        """What may still be taken."""
        return max(0, self.room - self.used)

    @property
    def near(self) -> bool:
        """Whether it will soon be in somebody's way."""
        return self.used * 10 >= self.room * NEAR_TENTHS


def index(visit: "Visit") -> Response:
    """Every quota of every project of the place in use, those nearest to their limit first."""
    projects = projects_of(visit, PROJECTS_MAX)
    declared = _declared(visit, "project")
    rows = [_limited(visit, p, quota, kinds) for p in projects for quota, kinds in declared.values()]
    rows.sort(key=lambda row: (-(row.used * 1_000 // max(row.room, 1)), row.project.text))
    return visit.page("quotas.html", call=_call(projects), rows=rows, more=len(projects) == PROJECTS_MAX)


def _limited(visit: "Visit", project: Kind[Any, Any], quota: Quota, kinds: list[AnyKind]) -> Limited:
    now = quotas.room(visit.tx, project.id, quota)
    kind = next((k for k in visit.kernel.registry if k.meta.limits), None)
    limit = _limit(visit, kind, project.id, quota) if kind else None
    last = next(iter(timeline.of_resource(visit, limit, 1)), None) if limit else None
    change, why_not = _change(visit, kind, project.id, quota, limit) if kind else ("", None)
    return Limited(
        project=visit.names.resource(project),
        quota=quota,
        used=now.used,
        room=now.room,
        limit=visit.names.resource(limit) if limit else None,
        by=last.actor if last else None,
        at=last.at if last else None,
        change=change,
        why_not=why_not,
        draws=tuple((k.meta.title, f"/{k.meta.plural}?in={project.id}") for k in kinds),
    )


def _limit(visit: "Visit", kind: AnyKind, project: str, quota: Quota) -> Kind[Any, Any] | None:
    """The row that sets a quota in a project."""
    (declared,) = kind.meta.limits
    where = LIVE & equal({"place": project, declared.key_path: quota.key})
    return next(iter(visit.kernel.page(visit.caller, kind, where, limit=1)), None)


def _change(
    visit: "Visit", kind: AnyKind, project: str, quota: Quota, limit: Kind[Any, Any] | None
) -> tuple[str, T | None]:
    """Where the room is changed, or why the visitor may not."""
    (declared,) = kind.meta.limits
    if limit is not None:
        may = visit.kernel.authority.may(visit.tx, visit.caller, "update", limit)
        href = f"/{kind.meta.plural}/{limit.id}:update"
    else:
        may = permissions.may_create(visit, kind, project)
        asked = {declared.key_path: quota.key, kind.meta.scope: project, "name": quota.key.replace("_", "-")}
        href = f"/{kind.meta.plural}:create?{urlencode(asked)}"
    return (href, None) if may else ("", permissions.needs_role(kind.meta.allow["update" if limit else "create"]))


def _declared(visit: "Visit", scope: str) -> dict[str, tuple[Quota, list[AnyKind]]]:
    """Quotas by key, each with the kinds that draw on it."""
    found: dict[str, tuple[Quota, list[AnyKind]]] = {}
    for kind in visit.kernel.registry:
        if kind.meta.scope == scope:
            for quota in kind.meta.quotas:
                found.setdefault(quota.key, (quota, []))[1].append(kind)
    return found


def _call(projects: list[Kind[Any, Any]]) -> Call | None:
    if len(projects) != 1:
        return None
    name = projects[0].name
    return Call("GET", f"/usage/quotas?{urlencode({'project': name})}", ("usage", "quotas", "--project", name))
