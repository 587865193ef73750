"""Destructions: wrapping keys erased for good, each with an entry in the audit log that is its certificate.

The proof file of that entry verifies offline: which key, what it still wrapped, when, at whose wish. Whatever such a
key wrapped cannot be read by anybody afterwards, but from a backup made before that holds the key.
"""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import msgspec

from cloudhall.kernel import wrapped
from cloudhall.kernel.audit import Entry
from cloudhall.kernel.errors import Problem
from cloudhall.kernel.key_rotation import purpose_problems
from cloudhall.kernel.keys import KeyFacts
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
    preview,
)
from cloudhall.kernel.places import PLATFORM
from cloudhall.kernel.roles import AUDIT_ADMIN, SECURITY_ADMIN
from cloudhall.kernel.wire import rfc3339

if TYPE_CHECKING:
    from cloudhall.kernel.context import Context

CERTIFY = "kernel.key:destroy"


class KeyDestructionSpec(Spec, frozen=True, kw_only=True):
    """Which keys, and why."""

    purpose: Annotated[
        str,
        field(
            "用途", "Purpose", T("例如 secrets", "such as secrets"), immutable=True, max_length=80, example="secrets"
        ),
    ]
    key: Annotated[
        str,
        field(
            "密钥",
            "Key",
            T("不填为该用途所有已被替换的密钥", "left out, every key of the purpose that another has replaced"),
            immutable=True,
            pattern="|[0-9a-f]{16}",
        ),
    ] = ""
    lose: Annotated[
        bool,
        field(
            "连同内容",
            "With what it wraps",
            T("仍由它包裹的内容从此无法读取", "what it still wraps can never be read again"),
            immutable=True,
        ),
    ] = False
    reason: Annotated[str, field("理由", "Reason", immutable=True, max_length=500)] = ""
    asker: Annotated[str, field("提出者", "Asked by", immutable=True, asker=True, max_length=80)] = ""


class Destroyed(msgspec.Struct):
    """One key, what it wrapped when it was destroyed, and the index of its entry in the audit log."""

    key: Annotated[str, field("密钥", "Key")]
    created_us: Annotated[int, field("生成", "Made")]
    wrapped: Annotated[int, field("当时包裹", "Wrapped then")]
    detail: Annotated[str, field("明细", "Detail")] = ""
    entry: Annotated[int | None, field("审计条目", "Audit entry")] = None


class KeyDestructionStatus(Status, kw_only=True):
    """What was destroyed; the proof of each entry is its certificate."""

    destroyed: Annotated[list[Destroyed], field("已销毁", "Destroyed")] = []  # noqa: RUF012  msgspec gives each instance its own


class KeyDestruction(
    Kind[KeyDestructionSpec, KeyDestructionStatus],
    title=T("密钥销毁", "Key destruction"),
    prefix="kd",
    doc=T(
        "销毁密钥环中的包裹密钥。每把密钥有一条审计记录，其证明文件就是销毁证明，可离线核验；此前的备份除外。",
        "Destroys wrapping keys. The proof of its audit entry is the certificate; backups from before are exempt.",
    ),
    scope="platform",
    auto_name=True,
    clauses=("SYS-161",),
    allow={"read": (SECURITY_ADMIN, AUDIT_ADMIN), "create": (SECURITY_ADMIN,)},
    indexes=(Index("spec.purpose"),),
    columns=("name", "state", "spec.purpose", "spec.key", "created_at"),
    icon="key",
    group="security",
    demo=({"name": "secrets-2025", "spec": {"purpose": "secrets"}},),
):
    """One row a destruction; it stays for the record."""


@check(KeyDestruction)
def what_is_destroyed_is_known(new: KeyDestruction, old: KeyDestruction | None, look: Look) -> Iterable[Problem]:
    """Whoever asks is who is named; a purpose that is misspelt would destroy nothing."""
    if old is None:
        yield from purpose_problems(new.spec.purpose)
        if new.spec.asker != look.actor:
            yield Problem("ASKER", "/spec/asker", T("只能以自己的名义提出", "It is asked in one's own name alone"))


@preview(KeyDestruction)
def what_a_destruction_means(_new: KeyDestruction, _look: Look) -> T:
    """Say it before it is done."""
    return T(
        "销毁后无法恢复；此前的备份如含该密钥，仍能读取",
        "Nothing brings a key back; a backup from before that holds it can still read what it wrapped",
    )


@controller(KeyDestruction)
def reconcile(d: KeyDestruction, ctx: "Context") -> Outcome:
    """Note what each key wraps; destroy; then enter each in the log. Each step is written before the next."""
    keys, purpose = ctx.kernel.keys, d.spec.purpose
    keys.refresh()
    doomed = _doomed(keys.facts(purpose), d)
    if doomed:
        noted = [_noted(d, ctx, k) for k in doomed]
        still = sum(n.wrapped for n in noted)
        if still and not d.spec.lose:
            text = T(f"仍包裹着 {still} 项内容", f"{still} secrets are still under it")
            mend = T("先轮换：cloudhall key-rotation create", "Rotate first: cloudhall key-rotation create")
            return Blocked("StillWraps", text, mend=mend)
        if [n.key for n in d.status.destroyed] != [n.key for n in noted]:
            d.status.destroyed = noted
            return Wait("Noted", T("已清点", "counted"), 0)
        intent = ctx.record("intent", "kernel.key:erase")
        for k in doomed:
            keys.destroy(purpose, k.key_id)
        ctx.effects += 1
        ctx.record("outcome", "kernel.key:erase", reason="ok", intent=intent)
        return Wait("Destroyed", T("已销毁，正在记录", "destroyed; being entered in the log"), 0)
    for n in d.status.destroyed:
        if n.entry is None:
            n.entry = _entered(d, ctx, n)
            return Wait("Entered", T("已记入审计日志", "entered in the log"), 0)
    return Ready()


def _doomed(known: tuple[KeyFacts, ...], d: KeyDestruction) -> list[KeyFacts]:
    """Living keys that are meant; of all, those that another had replaced when it was asked."""
    if d.spec.key:
        return [k for k in known if k.key_id == d.spec.key and k.living]
    made = [k for k in known if k.created_us < d.created_us]
    newest = {k.use: k.key_id for k in made}
    return [k for k in made if k.living and k.key_id != newest[k.use]]


def _noted(d: KeyDestruction, ctx: "Context", k: KeyFacts) -> Destroyed:
    found = wrapped.count(ctx.tx, wrapped.stores(d.spec.purpose), k.key_id)
    detail = ", ".join(f"{table} {n}" for table, n in found.items())
    return Destroyed(k.key_id, k.created_us, sum(found.values()), detail)


def _entered(d: KeyDestruction, ctx: "Context", n: Destroyed) -> int:
    """Write the entry that is the certificate, in the name of who asked; answers its index."""
    told = f"purpose {d.spec.purpose}; made {rfc3339(n.created_us)}; wrapped then: {n.detail}; order {d.id}"
    entry = Entry(
        actor=d.spec.asker,
        action=CERTIFY,
        kind=KeyDestruction.meta.key,
        resource=n.key,
        project=PLATFORM,
        content=hashlib.sha256(msgspec.json.encode(d.spec)).hexdigest(),
        reason=told,
    )
    found: list[int] = []
    ctx.write(lambda tx: found.append(ctx.kernel.audit.append(tx, entry)))
    return found[0]
