"""Engines and health: what runs and what does not, the queues, what is parked and why, and what the auditor found.

For the installation's administrators alone. It looks as `doctor` does where that is quick, and names the command for
the rest. Cost: a pass over the rows of work, and a look at each engine.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.responses import Response

from cloudhall.console import formats, permissions
from cloudhall.console.names import Named
from cloudhall.kernel import work
from cloudhall.kernel.errors import Forbidden
from cloudhall.kernel.findings import WHATS, Finding
from cloudhall.kernel.look import equal
from cloudhall.kernel.roles import ADMINISTRATORS
from cloudhall.kernel.store.tables import LIVE
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

PARKED_SHOWN = 20
FINDINGS_SHOWN = 20
SIGNS = {"ok": ("ok", T("正常", "Well")), "note": ("warn", T("注意", "To note")), "wrong": ("bad", T("有误", "Wrong"))}
WORST_FIRST = ("wrong", "note", "ok")


class Queue(NamedTuple):
    """The queue of one kind."""

    title: T
    backlog: work.Backlog
    oldest: formats.Moment | None


class Parked(NamedTuple):
    """A resource that is tried no more, and why."""

    resource: Named
    kind: T
    reason: str
    tries: int


def index(visit: "Visit") -> Response:
    """Everything about how the installation runs."""
    if not permissions.operates(visit):
        raise Forbidden(permissions.needs_role(ADMINISTRATORS))
    from cloudhall.doctor.running import running  # drivers with it, where they are needed alone

    certificate = visit.kernel.served.get("CLOUDHALL_TLS_CERT", "")
    found = sorted(running(visit.kernel, certificate), key=lambda f: WORST_FIRST.index(f.state))
    return visit.page(
        "health.html",
        checks=found,
        worst=found[0].state if found else "ok",
        counts={state: sum(f.state == state for f in found) for state in WORST_FIRST},
        signs=SIGNS,
        queues=_queues(visit),
        parked=_parked(visit),
        findings=_findings(visit),
        whats=WHATS,
    )


def _queues(visit: "Visit") -> list[Queue]:
    kinds = visit.kernel.registry.kinds
    return [
        Queue(
            kinds[b.kind].meta.title if b.kind in kinds else T(b.kind, b.kind),
            b,
            formats.moment(b.oldest_us, visit.language, visit.now_us) if b.oldest_us else None,
        )
        for b in work.backlog(visit.tx, visit.now_us)
    ]


def _parked(visit: "Visit") -> list[Parked]:
    kinds = visit.kernel.registry.kinds
    return [
        Parked(
            visit.names.of(p.id), kinds[p.kind].meta.title if p.kind in kinds else T(p.kind, p.kind), p.reason, p.tries
        )
        for p in work.parked(visit.tx, PARKED_SHOWN)
    ]


def _findings(visit: "Visit") -> list[Any]:
    """What the auditor of conservation sees now, as far as the visitor may see it."""
    rows = visit.kernel.page(visit.caller, Finding, LIVE & equal({}), limit=FINDINGS_SHOWN * 5)
    return [f for f in rows if not f.status.ended_us][:FINDINGS_SHOWN]
