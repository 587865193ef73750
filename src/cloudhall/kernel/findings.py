"""Findings: what the auditor of conservation has seen, as a row that people see, with since and remedy.

The auditor makes one, once, under a name that follows from what it is about; its controller says whether it still
stands. Nobody repairs through it: people mend the world or the rows, and the finding ends by itself.
"""

import hashlib
from typing import TYPE_CHECKING, Annotated, Literal

from cloudhall.kernel import work
from cloudhall.kernel.caller import service
from cloudhall.kernel.commands import Command
from cloudhall.kernel.kinds import (
    Blocked,
    Index,
    Kind,
    Look,
    NoArgs,
    Outcome,
    Ready,
    Spec,
    Status,
    T,
    action,
    controller,
    edit,
    field,
)
from cloudhall.kernel.places import PLATFORM
from cloudhall.kernel.roles import EVERYBODY, SECURITY_ADMIN
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.tables import Where

if TYPE_CHECKING:
    from cloudhall.kernel.conservation import Discrepancy
    from cloudhall.kernel.context import Context
    from cloudhall.kernel.kernel import Kernel

What = Literal["stray", "lost", "excess", "contradiction"]
WHATS: dict[str, T] = {
    "stray": T("引擎中有，没有资源与之对应", "The engine holds what no resource speaks of"),
    "lost": T("资源已就绪，引擎中却没有", "A ready resource is not at the engine"),
    "excess": T("引擎中有效的权限，没有资源授予", "Rights are in force that no resource gives"),
    "contradiction": T("同一读数有两种说法，先到的计量", "One reading was told in two ways; the first one counts"),
}


MENDS: dict[str, T] = {
    "contradiction": T(
        "比较两者（cloudhall usage conflicts），再决定哪个计量：cloudhall correction create",
        "Compare the two (cloudhall usage conflicts), then decide which counts: cloudhall correction create",
    ),
}


class FindingSpec(Spec, frozen=True, kw_only=True):
    """What is wrong with which thing, and whether somebody has decided to leave it so."""

    what: Annotated[What, field("问题", "What", choices=WHATS, immutable=True, example="stray")]
    account: Annotated[str, field("账目", "Account", immutable=True, example="storage.buckets")]
    thing: Annotated[str, field("对象", "Thing", immutable=True, example="old-stats")]
    target: Annotated[str, field("资源", "Resource", immutable=True)] = ""
    accepted: Annotated[bool, field("已接受", "Accepted", by=("accept",))] = False


class FindingStatus(Status, kw_only=True):
    """How long it has stood."""

    since_us: Annotated[int, field("发现于", "Since")] = 0
    ended_us: Annotated[int, field("消除于", "Ended")] = 0
    detail: Annotated[str, field("详情", "Detail")] = ""


class Finding(
    Kind[FindingSpec, FindingStatus],
    title=T("核对发现", "Finding"),
    prefix="fd",
    doc=T(
        "引擎所持与资源所载不符（泄漏、丢失或多余的权限），或同一读数有两种说法。由人处理，程序不会自行修复。",
        "What an engine holds is not what the resources say (a leak, a loss or rights too many), or a reading was told "
        "in two ways. People mend it; the program repairs nothing by itself.",
    ),
    clauses=("SYS-003",),
    allow={"read": EVERYBODY, "create": ()},
    indexes=(Index("spec.what"), Index("spec.target")),
    columns=("name", "state", "spec.what", "spec.account", "spec.thing", "status.since_us"),
    icon="task",
    on_place_delete="keep",
    demo=({"name": "stray-old-stats", "spec": {"what": "stray", "account": "storage.buckets", "thing": "old-stats"}},),
):
    """One row an error, whenever it comes again."""


POLICIES = """
@id("the-auditor-tells")
@zh("审计核对可以记录发现")
@en("The auditor of conservation may record what it found")
permit (principal is ServiceAccount, action == Action::"kernel.finding:create", resource)
when { principal.id == "service:kernel.finding" };
"""
AUDITOR = service(Finding.meta.key)


@action(
    Finding,
    T("接受", "Accept"),
    allow=(SECURITY_ADMIN,),
    when=lambda f: not f.spec.accepted and not f.status.ended_us,
    why_not=T("已经接受或消除", "Accepted or ended already"),
)
def accept(f: Finding, _args: NoArgs, _look: Look) -> FindingSpec:
    """Leave it as it is: somebody knows why."""
    return edit(f.spec, accepted=True)


@controller(Finding, retry=(SECURITY_ADMIN,))
def reconcile(f: Finding, ctx: "Context") -> Outcome:
    """Say whether the last look has seen it."""
    sql = "SELECT since_us, detail FROM discrepancy WHERE account = ? AND thing = ? AND what = ?"
    row = ctx.tx.execute(sql, (f.spec.account, f.spec.thing, f.spec.what)).fetchone()
    if row is None:
        f.status.ended_us = f.status.ended_us or ctx.now_us
        return Ready()
    (f.status.since_us, f.status.detail), f.status.ended_us = row, 0
    if f.spec.accepted:
        return Ready()
    account = next((a for a in ctx.kernel.registry.accounts if a.name == f.spec.account), None)
    mend = dict(account.mends).get(f.spec.what) if account else MENDS.get(f.spec.what)
    return Blocked(f.spec.what.title(), WHATS[f.spec.what], mend=mend)


def name_of(d: "Discrepancy") -> str:
    """Name of the one finding about a thing."""
    digest = hashlib.sha256(repr((d.account, d.thing, d.what)).encode()).hexdigest()
    return f"{d.what}-{digest[:16]}"


def tell(kernel: "Kernel", d: "Discrepancy") -> None:
    """Make the finding about a thing."""
    spec = {"what": d.what, "account": d.account, "thing": d.thing, "target": d.resource}
    place = d.place or PLATFORM
    kernel.execute(AUDITOR, Command(kind=Finding, verb="create", place=place, name=name_of(d), spec=spec)).result()


def exists(kernel: "Kernel", tx: Tx, d: "Discrepancy") -> bool:
    """Whether there is a finding about a thing."""
    return bool(_named(kernel, tx, d))


def wake(kernel: "Kernel", tx: Tx, d: "Discrepancy") -> None:
    """Let the finding about a thing look again, if there is one."""
    for finding in _named(kernel, tx, d):
        work.due_now(tx, Finding.meta.key, finding.id, kernel.world.now_us())


def _named(kernel: "Kernel", tx: Tx, d: "Discrepancy") -> list[Finding]:
    return kernel.tables[Finding].named(tx, name_of(d), Where("place = ?", (d.place or PLATFORM,)), 1)
