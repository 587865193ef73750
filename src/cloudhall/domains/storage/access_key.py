"""Access keys: what S3 clients sign with. The resource's id is the key id; the secret is shown once."""

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from cloudhall.domains.storage import rules, stored
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.drivers.objects import OBJECTS, Identity, Right, digest
from cloudhall.kernel.errors import Problem
from cloudhall.kernel.kinds import (
    Blocked,
    Kind,
    Look,
    Outcome,
    Ready,
    Secret,
    Spec,
    Status,
    T,
    Wait,
    check,
    controller,
    field,
    finalizer,
)
from cloudhall.kernel.outcomes import PORT
from cloudhall.kernel.recoverable import withdrawal
from cloudhall.kernel.roles import DATA_OFFICER, DEVELOPER, ORG_ADMIN, USERS

if TYPE_CHECKING:
    from cloudhall.kernel.collect import Collection
    from cloudhall.kernel.context import Context

Access = Literal["read-write", "read"]
ACCESS = {"read-write": T("读写", "Read and write"), "read": T("只读", "Read only")}
_RENDERING = threading.Lock()
IN_STEP_TEXT = T("正在更新引擎中的密钥", "bringing the engine's keys in step")


class AccessKeySpec(Spec, frozen=True, kw_only=True):
    """For which bucket, and what it may do."""

    bucket: Annotated[str, field("存储桶", "Bucket", ref="storage.bucket", on_delete="cascade", immutable=True)]
    access: Annotated[Access, field("权限", "Access", choices=ACCESS)] = "read-write"


class AccessKeyStatus(Status, kw_only=True):
    """What a probe with the key itself has shown."""

    in_force: Annotated[bool, field("已生效", "In force")] = False


class AccessKey(
    Kind[AccessKeySpec, AccessKeyStatus],
    title=T("访问密钥", "Access key"),
    prefix="ak",
    doc=T(
        "S3 客户端用它签名。编号就是密钥编号；密钥只显示一次，删除后一秒内失效。",
        "S3 clients sign with it. Its id is the key id; the secret is shown once and dies within a second of deletion.",
    ),
    auto_name=True,
    clauses=("SYS-001",),
    allow={
        "read": USERS,
        "create": (DEVELOPER, DATA_OFFICER),
        "update": (DEVELOPER, DATA_OFFICER),
        "delete": (DEVELOPER, DATA_OFFICER, ORG_ADMIN),
    },
    secret=Secret(prefix="", kept=True),
    columns=("name", "id", "state", "spec.bucket", "spec.access"),
    icon="key",
    group="use",
    demo=({"spec": {"bucket": "chongqing-stats"}},),
):
    """One row a key. A change renders all keys once: O(keys), 10,000 in 0.6 s (measured at the engine)."""


@check(AccessKey)
def graded_buckets_hand_out_no_keys(new: AccessKey, _old: AccessKey | None, look: Look) -> Iterable[Problem]:
    """Data above open are read through the gate, never with a key."""
    bucket = look.get(Bucket, new.spec.bucket)
    if bucket is not None and bucket.spec.grade != "open":
        text = T("该存储桶的数据级别高于“公开”，不发放密钥", "This bucket is graded above open; it hands out no keys")
        yield Problem("GRADE", "/spec/bucket", text)


@check(AccessKey)
def keys_lie_in_the_project_of_their_bucket(new: AccessKey, _old: AccessKey | None, look: Look) -> Iterable[Problem]:
    """Whoever may make keys in one project must not reach another's bucket."""
    bucket = look.get(Bucket, new.spec.bucket)
    if bucket is not None and bucket.place != new.place:
        yield Problem("NO_SUCH", "/spec/bucket", T("该项目中没有此存储桶", "There is no such bucket in this project"))


@check(Bucket)
def grade_rises_only_without_keys(new: Bucket, old: Bucket | None, look: Look) -> Iterable[Problem]:
    """Keys handed out while a bucket was open would outlive the decision."""
    raised = old is not None and old.spec.grade == "open" and new.spec.grade != "open"
    if raised and look.list(AccessKey, {"spec.bucket": new.id}, 1):
        text = T("先删除全部访问密钥，再提高级别", "Delete all access keys before raising the grade")
        yield Problem("GRADE", "/spec/grade", text)


@controller(AccessKey)
def reconcile(key: AccessKey, ctx: "Context") -> Outcome:
    """Bring the engine's keys in step with the rows, all at once, and believe only what its probes have shown."""
    bucket = ctx.get(Bucket, key.spec.bucket)
    if bucket is None or not bucket.ready:
        return Wait("BucketNotReady", T("等待存储桶就绪", "waiting for the bucket"), 5, on=key.spec.bucket)
    if "set_identities" in ctx.use(OBJECTS).lacks:
        return Blocked("EngineLacks", T("外部 S3 的密钥由其运营者发放", "Keys of this S3 come from whoever runs it"))
    key.status.in_force = _in_step(ctx)
    if key.status.in_force:
        return Ready(next_s=300)
    return _bring_in_step(ctx)


@withdrawal(AccessKey)
@finalizer(AccessKey)
def revoke(key: AccessKey, ctx: "Context") -> Outcome:
    """A key goes, and lies in the bin with its bucket, only after the engine was seen to refuse it."""
    if "set_identities" in ctx.use(OBJECTS).lacks or _in_step(ctx):
        key.status.in_force = False
        return Ready()
    return _bring_in_step(ctx)


def _bring_in_step(ctx: "Context") -> Outcome:
    """One at a time: keys that were looked up before a revocation must not be set after it."""
    with _RENDERING:
        ctx.use(OBJECTS).set_identities(identities(ctx))
    return Wait("KeysNotInStep", IN_STEP_TEXT, 0, on=f"{PORT}{OBJECTS.name}")


def _in_step(ctx: "Context") -> bool:
    return ctx.use(OBJECTS).identities_digest() == digest(identities(ctx))


def identities(ctx: "Context") -> list[Identity]:
    """Every key that shall work now, with its rights; one that goes while they are read is left out."""
    found = []
    for key, bucket, rights in entitled(ctx):
        try:
            found.append(Identity(key.id, key.id, ctx.secret(key), {bucket.name: rights}))
        except KeyError:
            if ctx.get(AccessKey, key.id) is not None:
                raise
    return found


class Entitled(NamedTuple):
    """A key that shall work, and what it may do with its bucket."""

    key: AccessKey
    bucket: Bucket
    rights: frozenset[Right]


def entitled(look: "Context | Collection") -> list[Entitled]:
    """Every key that shall work now; a bucket that is full or going away takes its share away."""
    buckets = {b.id: b for b in look.list(Bucket)}
    wanted = []
    for key in look.list(AccessKey):
        bucket = buckets.get(key.spec.bucket)
        if key.deleting_us is None and bucket is not None and bucket.spec.grade == "open":
            stored_bytes, _ = stored.of_bucket(look.tx, bucket.name)
            full = bucket.deleting_us is not None or rules.is_full(stored_bytes, bucket.spec.quota_gib)
            wanted.append(Entitled(key, bucket, rules.rights(read_only=key.spec.access == "read", full=full)))
    return wanted
