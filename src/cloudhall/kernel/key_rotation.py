"""Rotations: a new key for what is wrapped, and everything wrapped anew behind it, as an operation that is seen.

The new key works at once; old ones only unwrap, until nothing is theirs and a destruction ends them.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

from cloudhall.kernel import wrapped
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
    Wait,
    check,
    controller,
    field,
)
from cloudhall.kernel.operations import Operation, OperationSpec, Progress, Step, register
from cloudhall.kernel.places import PLATFORM
from cloudhall.kernel.roles import AUDIT_ADMIN, SECURITY_ADMIN

if TYPE_CHECKING:
    from cloudhall.kernel.context import Context

REWRAP = "kernel.key_rotation.rewrap"


class KeyRotationSpec(Spec, frozen=True, kw_only=True):
    """Of which purpose."""

    purpose: Annotated[
        str,
        field(
            "用途",
            "Purpose",
            T("密钥环中的用途，例如 secrets", "a purpose of the keyring, such as secrets"),
            immutable=True,
            max_length=80,
            example="secrets",
        ),
    ]


class KeyRotationStatus(Status, kw_only=True):
    """How far it has come."""

    key: Annotated[str, field("新密钥", "New key")] = ""
    rewrapped: Annotated[int, field("已重新包裹", "Wrapped anew")] = 0
    left: Annotated[int, field("剩余", "Left")] = 0
    operation: Annotated[str, field("操作", "Operation")] = ""


class KeyRotation(
    Kind[KeyRotationSpec, KeyRotationStatus],
    title=T("密钥轮换", "Key rotation"),
    prefix="kr",
    doc=T(
        "为密钥环的一个用途换一把包裹密钥，并在后台把已有的密文全部用新密钥重新包裹，重启后继续。",
        "A new wrapping key for one purpose of the keyring; everything it keeps is wrapped anew in the background.",
    ),
    scope="platform",
    auto_name=True,
    clauses=("SYS-161",),
    allow={"read": (SECURITY_ADMIN, AUDIT_ADMIN), "create": (SECURITY_ADMIN,)},
    indexes=(Index("spec.purpose"),),
    columns=("name", "state", "spec.purpose", "status.rewrapped", "status.left"),
    icon="key",
    group="security",
    within_s=24 * 3_600,
    demo=({"name": "secrets-2026", "spec": {"purpose": "secrets"}},),
):
    """One row a rotation; it stays for the record."""


def purpose_problems(purpose: str) -> Iterable[Problem]:
    """Purposes whose secrets lie in tables that are known."""
    known = wrapped.purposes()
    if purpose not in known:
        text = T(f"没有用途 {purpose}", f"There is no purpose {purpose}")
        yield Problem("NO_SUCH", "/spec/purpose", text, T(f"可用：{'、'.join(known)}", f"Known: {', '.join(known)}"))


@check(KeyRotation)
def the_purpose_is_known(new: KeyRotation, old: KeyRotation | None, _look: Look) -> Iterable[Problem]:
    """A misspelt one would rotate nothing."""
    return purpose_problems(new.spec.purpose) if old is None else ()


@controller(KeyRotation)
def reconcile(r: KeyRotation, ctx: "Context") -> Outcome:
    """Make the key, once; then follow the operation that wraps anew."""
    if r.ready:
        return Ready()  # a later rotation is not this one's business
    keys, purpose = ctx.kernel.keys, r.spec.purpose
    known = keys.facts(purpose)
    if not known:
        return Ready()  # nothing was ever wrapped
    if known[-1].created_us < r.created_us:
        intent = ctx.record("intent", "kernel.key:rotate")
        keys.rotate(purpose)
        ctx.effects += 1
        ctx.record("outcome", "kernel.key:rotate", reason="ok", intent=intent)
        return Wait("Rotated", T("已有新密钥", "the new key is there"), 0)
    r.status.key = known[-1].key_id
    r.status.left = wrapped.others(ctx.tx, wrapped.stores(purpose), r.status.key)
    spec = OperationSpec(what=REWRAP, target=r.id)
    operation = ctx.get(Operation, ctx.create(Operation, name=f"rewrap-{r.id[3:]}", spec=spec, place=PLATFORM))
    if operation is None:
        return Wait("Starting", T("正在开始", "starting"), 1)
    r.status.operation = operation.id
    r.status.rewrapped = operation.status.steps[0].done if operation.status.steps else 0
    if not operation.status.ended:
        return Wait("Rewrapping", T("正在重新包裹", "wrapping anew"), 1, on=operation.id)
    if r.status.left:
        text = T(f"{r.status.left} 项仍由旧密钥包裹", f"{r.status.left} are still under old keys")
        return Blocked("Left", text, mend=T("再轮换一次", "Rotate once more"))
    return Ready()


def rewrap_piece(o: Operation, ctx: "Context", done: int) -> Progress:
    """Wrap the next piece; ended when no other key holds anything."""
    rotation = ctx.get(KeyRotation, o.spec.target)
    if rotation is None or not rotation.status.key:
        return Progress(done, None, retry_s=1)
    kernel, key = ctx.kernel, rotation.status.key
    where = wrapped.stores(rotation.spec.purpose)
    made: list[int] = []
    ctx.write(lambda tx: made.append(wrapped.rewrap(tx, kernel.keys, where, key)))
    left = wrapped.others(kernel.store.read(), where, key)
    done += made[0]
    return Progress(done, done + left, finished=not left or not made[0], log=f"{made[0]} wrapped anew, {left} left")


register(REWRAP, (Step("rewrap", T("用新密钥重新包裹", "Wrap with the new key"), rewrap_piece),))
