"""Errors as pages: what happened, why, and the next step. What one may not see looks like what is not there."""

import difflib
import logging
import shlex
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.responses import Response

from cloudhall.console import security
from cloudhall.console.navigation import plural
from cloudhall.console.visit import NOBODY
from cloudhall.domains.identity import factors
from cloudhall.kernel.errors import CloudhallError, Forbidden, NotFound, Unauthenticated
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.roles import ROLES
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

NEAREST_AMONG = 500
log = logging.getLogger(__name__)


def answer(visit: "Visit", error: Exception) -> Response:
    """Page for any exception; what is not one of ours is logged with the request id and said to be our fault."""
    if isinstance(error, Unauthenticated):
        return visit.go(f"/login?next={quote(visit.path, safe='')}")
    if isinstance(error, Forbidden) and error.reason == factors.REQUIRED:
        return visit.go(security.PAGE)
    if not isinstance(error, CloudhallError):
        log.error("request %s failed", visit.id, exc_info=error)
        visit.caller = NOBODY  # a page without navigation needs nothing of what may be broken
        error = CloudhallError(T("程序出了意外的错误，已记入日志", "Something unexpected went wrong; it is in the log"))
    return visit.page(
        "error.html",
        status=error.status,
        error=error,
        roles=[ROLES[r] for r in error.details.get("roles", ()) if r in ROLES],
        ask=[visit.names.contact(id_) for id_ in error.details.get("ask", ())],
        **_nearby(visit, error),
    )


def no_page(_visit: "Visit", path: str) -> Response:
    """Raise for an address that is no page."""
    text = T(f"没有这个页面：/{path}", f"There is no page /{path}")
    raise NotFound(text, mend=T("从首页或搜索开始", "Begin at the home page, or search"))


def _nearby(visit: "Visit", error: CloudhallError) -> dict[str, Any]:
    """Nearest name that the visitor may see, the list to go back to, and the command that tells more."""
    first, *rest = visit.request.url.path.strip("/").split("/")
    kind = visit.kernel.registry.by_plural.get(first.partition(":")[0])
    if kind is None:
        return {"nearest": None, "back": None, "command": ""}
    noun, target = visit.console.equivalents.noun(kind.meta), rest[0].partition(":")[0] if rest else ""
    why = f"cloudhall explain {noun} {shlex.quote(target)} --who"
    return {
        "nearest": _nearest(visit, kind, target) if isinstance(error, NotFound) else None,
        "back": (plural(kind.meta), f"/{kind.meta.plural}"),
        "command": why if target and isinstance(error, Forbidden) else f"cloudhall {noun} list",
    }


def _nearest(visit: "Visit", kind: AnyKind, target: str) -> Any:
    """Cost: the names of `NEAREST_AMONG` rows."""
    rows = {r.name: r for r in visit.kernel.page(visit.caller, kind, limit=NEAREST_AMONG)}
    found = difflib.get_close_matches(target, rows, n=1)
    return visit.names.resource(rows[found[0]]) if found else None
