"""One pass of a controller over one resource, from look to verdict; nothing is written here.

Invariant: `Ready` is believed only of a pass that had no effect.
"""

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from cloudhall.kernel import bin as bin_
from cloudhall.kernel.context import Context
from cloudhall.kernel.errors import CloudhallError, Unavailable
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.outcomes import PORT, Outcome, Ready, Wait
from cloudhall.kernel.text import T
from cloudhall.kernel.work import Claim

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

log = logging.getLogger(__name__)
SETTLING = Wait("Settling", T("正在核对", "checking what was done"), 0)


class Pass(NamedTuple):
    """What a pass came to. `seen` is the row with the status that was seen, None where the row is gone.

    `gone`: a deleted resource of which nothing is left; `changed`: whether the status is another than before.
    """

    claim: Claim
    seen: Kind[Any, Any] | None
    outcome: Outcome = SETTLING
    effects: int = 0
    failed: bool = False
    gone: bool = False
    changed: bool = True


def run(kernel: "Kernel", claim: Claim) -> Pass:
    """Look at one resource and let its controller act; a controller's fault is an outcome like any other."""
    resource = _found(kernel, claim)
    if resource is None:
        return Pass(claim, None)
    context, before = Context(kernel, resource, claim.fence), msgspec.json.encode(resource.status)
    try:
        outcome = _outcome(kernel, resource, context)
    except Exception as error:  # noqa: BLE001  a controller's fault must not stop the loop
        return failed(claim, resource, error, context.asking)
    ready = isinstance(outcome, Ready) and not context.effects
    return Pass(
        claim,
        resource,
        SETTLING if isinstance(outcome, Ready) and context.effects else outcome,
        context.effects,
        gone=ready and resource.deleting_us is not None,
        changed=msgspec.json.encode(resource.status) != before,
    )


def failed(claim: Claim, resource: Kind[Any, Any], error: Exception, asking: str = "") -> Pass:
    """Say why a pass failed, in the words of people; `asking` is the port that it was at."""
    known = isinstance(error, CloudhallError)
    log.warning("pass of %s %s failed (try %d): %s", claim.kind, claim.id, claim.tries, error, exc_info=not known)
    on = f"{PORT}{asking}" if asking else ""
    if isinstance(error, CloudhallError):
        return Pass(claim, resource, Wait(error.code, error.text, on=on, mend=error.how), failed=True)
    text = T(f"内部错误：{error}", f"internal error: {error}")
    return Pass(claim, resource, Wait(type(error).__name__, text, on=on), failed=True)


def hung(kernel: "Kernel", claim: Claim, after_s: int) -> Pass:
    """Say of a pass that it has no end."""
    resource = _found(kernel, claim)
    text = T(f"{after_s} 秒没有应答", f"No answer within {after_s} s")
    return Pass(claim, None) if resource is None else failed(claim, resource, Unavailable(text))


def _found(kernel: "Kernel", claim: Claim) -> Kind[Any, Any] | None:
    """Row to look at, be it in the recycle bin."""
    tx = kernel.store.read()
    return kernel.tables[claim.kind].get(tx, claim.id) or bin_.row(kernel.tables, tx, claim.kind, claim.id)


def _outcome(kernel: "Kernel", r: Kind[Any, Any], context: Context) -> Outcome:
    meta = type(r).meta
    if r.deleting_us is None and r.kept is not None:
        return meta.withdrawal(r, context) if meta.withdrawal else Ready()
    if r.deleting_us is None:
        assert meta.controller is not None
        return meta.controller(r, context)
    waiting = [c for kind, _path in kernel.registry.children(meta.key) for c in context.children(kind)]
    waiting += bin_.with_owner(kernel.tables, context.tx, r.id)
    if waiting:
        names = ", ".join(c.name for c in waiting[:10])
        text = T(f"等待先删除：{names}", f"waiting for these to go first: {names}")
        return Wait("Children", text, 5, on=waiting[0].id)
    return meta.finalizer(r, context) if meta.finalizer else Ready()
