"""Buckets: where objects are kept. S3 clients use them directly, with access keys; no proxy stands in the way."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Literal

from cloudhall.domains.storage import rules, stored
from cloudhall.drivers.objects import OBJECTS, told_address
from cloudhall.kernel.errors import Conflict, Problem
from cloudhall.kernel.kinds import (
    Blocked,
    Index,
    Kind,
    Look,
    Meter,
    NoArgs,
    Outcome,
    Quota,
    Ready,
    Spec,
    Status,
    T,
    Wait,
    action,
    check,
    controller,
    edit,
    field,
    finalizer,
    preview,
)
from cloudhall.kernel.operations import Operation, OperationSpec
from cloudhall.kernel.recoverable import Content, check_purge, contents, withdrawal
from cloudhall.kernel.roles import DATA_OFFICER, DEVELOPER, ORG_ADMIN, SYSTEM_ADMIN, USERS

if TYPE_CHECKING:
    from cloudhall.kernel.context import Context

Grade = Literal["open", "internal", "sensitive", "core"]
GRADES = {
    "open": T("公开", "Open"),
    "internal": T("内部", "Internal"),
    "sensitive": T("敏感", "Sensitive"),
    "core": T("核心", "Core"),
}
EMPTY = "storage.bucket.empty"
LOOK_AGAIN_S = 300
COUNTED = T("在回收站中清点", "counted in the recycle bin")
LOST = T("引擎中已没有这个存储桶，其中的对象也随之丢失", "The engine no longer holds this bucket, nor its objects")
RESTORE = T(
    "从备份恢复引擎的数据后重试；或删除后重新创建",
    "Restore the engine's data from a backup and retry; or delete the bucket and create it anew",
)


class BucketSpec(Spec, frozen=True, kw_only=True):
    """What people decided about a bucket."""

    quota_gib: Annotated[
        int,
        field(
            "容量配额",
            "Quota",
            T("写满后收回写入权", "when full, the right to write is withdrawn"),
            unit="GiB",
            ge=1,
            le=1_048_576,
            example=100,
            required=True,
        ),
    ] = 10
    grade: Annotated[
        Grade,
        field(
            "数据级别",
            "Data grade",
            T(
                "高于“公开”的存储桶不发放密钥，数据经数据共享的关口读取",
                "above “open” a bucket hands out no keys: its data are read through the data gate",
            ),
            choices=GRADES,
            example="open",
            required=True,
        ),
    ] = "open"
    versioning: Annotated[bool, field("保留历史版本", "Keep versions")] = False
    public_read: Annotated[
        bool,
        field(
            "允许匿名读取",
            "Public read",
            T("任何人知道对象名即可读取", "anybody who knows an object's name may read it"),
        ),
    ] = False
    tags: Annotated[dict[str, str], field("标签", "Tags", T("随 S3 一起可见", "visible through S3"))] = {}  # noqa: RUF012  msgspec gives each instance its own
    emptied: Annotated[int, field("清空次数", "Times emptied", by=("empty",))] = 0


class BucketStatus(Status, kw_only=True):
    """What was seen at the engine."""

    stored_bytes: Annotated[int, field("已用", "Stored", unit="B")] = 0
    objects: Annotated[int, field("对象数", "Objects")] = 0
    writable: Annotated[bool, field("可写", "Writable")] = False
    endpoint: Annotated[str, field("S3 地址", "S3 endpoint")] = ""
    region: Annotated[str, field("签名区域", "Signing region")] = ""
    made: Annotated[bool, field("已建立", "Made")] = False
    old_versions: Annotated[int | None, field("历史版本数", "Old versions", COUNTED)] = None
    retained: Annotated[int | None, field("受保留的版本", "Retained", COUNTED)] = None
    operation: Annotated[str, field("进行中的操作", "Running operation")] = ""


class Bucket(
    Kind[BucketSpec, BucketStatus],
    title=T("存储桶", "Bucket"),
    prefix="bk",
    doc=T(
        "存放对象。S3 客户端用访问密钥直接读写；容量、请求和流量计入账单。",
        "Keeps objects. S3 clients read and write directly with access keys; volume, requests and traffic are metered.",
    ),
    clauses=("SYS-001",),
    allow={
        "read": (*USERS, SYSTEM_ADMIN),
        "create": (DEVELOPER, DATA_OFFICER),
        "update": (DEVELOPER, DATA_OFFICER),
        "delete": (DEVELOPER, DATA_OFFICER, ORG_ADMIN),
        "list_objects": USERS,
        "read_object": USERS,
        "write_object": (DEVELOPER, DATA_OFFICER),
        "delete_object": (DEVELOPER, DATA_OFFICER),
    },
    uses={
        "list_objects": T("列出对象", "List objects"),
        "read_object": T("读取对象", "Read objects"),
        "write_object": T("写入对象", "Write objects"),
        "delete_object": T("删除对象", "Delete objects"),
    },
    indexes=(Index("name", unique=True), Index("spec.grade"), Index("spec.public_read"), Index("spec.versioning")),
    quotas=(Quota("storage_gib", "spec.quota_gib", T("存储容量", "Storage"), "GiB", default=1024),),
    meters=(Meter("storage.reserved_gib", "spec.quota_gib"),),
    recoverable_days=30,
    columns=("name", "state", "spec.grade", "spec.quota_gib", "status.stored_bytes", "status.objects"),
    icon="bucket",
    group="use",
    demo=({"name": "chongqing-stats", "spec": {"quota_gib": 100, "grade": "open"}},),
):
    """One bucket at the engine under the same name; names are unique over the installation, as S3 wants it.

    Cost: settled buckets are looked at every 300 s (3,000,000 buckets: 10,000 looks a second; then raise it).
    """


@check(Bucket)
def names_suit_s3(new: Bucket, _old: Bucket | None, _look: Look) -> Iterable[Problem]:
    """S3 clients refuse other names."""
    return rules.name_problems(new.name)


@check(Bucket)
def buckets_keep_their_name(new: Bucket, old: Bucket | None, _look: Look) -> Iterable[Problem]:
    """Clients know a bucket by its name; the engine cannot rename."""
    if old is not None and new.name != old.name:
        yield Problem("IMMUTABLE", "/name", T("存储桶不能改名", "A bucket cannot be renamed"))


@check(Bucket)
def only_open_data_is_read_by_anybody(new: Bucket, _old: Bucket | None, _look: Look) -> Iterable[Problem]:
    """Public reading of graded data would pass every gate."""
    if new.spec.public_read and new.spec.grade != "open":
        text = T("只有“公开”级别的数据可以匿名读取", "Only data graded open may be read by anybody")
        yield Problem("GRADE", "/spec/public_read", text)


@contents(Bucket)
def what_a_bucket_holds(bucket: Bucket) -> Iterable[Content]:
    """Exactly what is there, counted when nobody could write any more; until then as the change stream has it."""
    status = bucket.status
    yield Content(T("对象和历史版本", "Objects and versions"), status.objects)
    yield Content(T("其中历史版本", "Of these old versions"), status.old_versions or 0)
    yield Content(T("数据", "Data"), status.stored_bytes, "B")


@check_purge(Bucket)
def what_is_retained_is_not_destroyed(bucket: Bucket, _look: Look) -> Iterable[Problem]:
    """An object lock is a promise to somebody else."""
    if n := bucket.status.retained:
        text = T(f"{n} 个版本处于保留期或依法保全", f"{n} version{'s are' if n > 1 else ' is'} under retention or hold")
        yield Problem("RETAINED", "", text, T("保留期满或解除保全后再销毁", "Purge it once the retention has ended"))


@preview(Bucket)
def what_a_bucket_will_be(bucket: Bucket, _look: Look) -> T:
    """Say who will be able to read it."""
    if bucket.spec.public_read:
        return T("任何人都能读取其中的对象", "Anybody will be able to read its objects")
    if bucket.spec.grade == "open":
        return T("只有持访问密钥者能读写", "Only holders of its access keys will read and write it")
    return T("不发放访问密钥，数据经关口读取", "It hands out no access keys; data are read through the gate")


@action(
    Bucket,
    T("清空", "Empty"),
    allow=(DEVELOPER, DATA_OFFICER),
    when=lambda b: b.status.objects > 0 and not b.status.operation,
    why_not=T("已经是空的，或正在清空", "It is empty, or being emptied"),
    danger=True,
)
def empty(bucket: Bucket, _args: NoArgs, _look: Look) -> BucketSpec:
    """Delete all objects, all versions and unfinished uploads, as an operation."""
    return edit(bucket.spec, emptied=bucket.spec.emptied + 1)


@controller(Bucket)
def reconcile(b: Bucket, ctx: "Context") -> Outcome:
    """Make the engine's bucket as wanted; withdraw the right to write when it is full."""
    objects = ctx.use(OBJECTS)
    seen = objects.seen(b.name)
    b.status.stored_bytes, b.status.objects = _held(b, ctx) if seen else (0, 0)
    b.status.endpoint, b.status.region = told_address(objects.endpoint), objects.region
    full = rules.is_full(b.status.stored_bytes, b.spec.quota_gib)
    full_text = T("容量用完，已收回写入权", "the quota is used up; the right to write is withdrawn")
    mend = T("删除对象，或提高容量配额", "Delete objects, or raise the quota")
    ctx.condition("WithinQuota", not full, "QuotaFull", full_text, mend)
    if seen is None and b.status.made:
        return Blocked("Lost", LOST, mend=RESTORE)  # making it anew would hide that its objects are gone
    if seen is None:
        objects.ensure_bucket(b.name)
        return Wait("Creating", T("正在创建", "creating"), 0)
    b.status.made, b.status.old_versions, b.status.retained = True, None, None
    if seen.versioning != b.spec.versioning:
        objects.set_versioning(b.name, b.spec.versioning)
    elif seen.public_read != b.spec.public_read:
        objects.set_public_read(b.name, b.spec.public_read)
    elif seen.tags != b.spec.tags:
        objects.set_tags(b.name, b.spec.tags)
    elif "set_quota_bytes" not in objects.lacks and seen.quota_bytes != rules.net_bytes(b.spec.quota_gib):
        objects.set_quota_bytes(b.name, rules.net_bytes(b.spec.quota_gib))
    else:
        return _settle(b, ctx, full=full)
    return Wait("Configuring", T("正在设置", "configuring"), 0)


def _held(b: Bucket, ctx: "Context") -> tuple[int, int]:
    """Bytes and objects: the running total of the change stream, or a count where the engine has no stream."""
    objects = ctx.use(OBJECTS)
    if "changes" not in objects.lacks:
        return stored.of_bucket(ctx.tx, b.name)
    counted = objects.stored(b.name)
    return counted.bytes, counted.objects


def _settle(b: Bucket, ctx: "Context", *, full: bool) -> Outcome:
    """Nothing to change at the engine: keys follow when the bucket has filled up or has room again; then operations."""
    if b.status.writable == full:
        b.status.writable = not full
        ctx.wake_children()
    return Ready(next_s=1 if _emptying(b, ctx) else LOOK_AGAIN_S)


def _emptying(b: Bucket, ctx: "Context") -> bool:
    """Start the operation that was asked for last, once; answers whether it runs."""
    if not b.spec.emptied:
        return False
    spec = OperationSpec(what=EMPTY, target=b.id)
    operation = ctx.get(Operation, ctx.create(Operation, name=f"empty-{b.id[3:]}-{b.spec.emptied}", spec=spec))
    running = operation is not None and not operation.status.ended
    b.status.operation = operation.id if operation is not None and running else ""
    return running


@withdrawal(Bucket)
def withdraw(b: Bucket, ctx: "Context") -> Outcome:
    """End public reading, then count what is kept: O(versions). Keys lose their rights, and get them back, alone."""
    objects = ctx.use(OBJECTS)
    seen = objects.seen(b.name)
    if seen is not None and seen.public_read:
        objects.set_public_read(b.name, on=False)
        return Wait("Withdrawing", T("正在收回访问", "ending access"), 0)
    b.status.writable = False
    if seen is not None:
        counted, held = objects.stored(b.name), objects.held(b.name)
        b.status.made, b.status.stored_bytes, b.status.objects = True, counted.bytes, counted.objects
        b.status.old_versions, b.status.retained = held.old_versions, held.retained
    return Ready()


@finalizer(Bucket)
def remove(b: Bucket, ctx: "Context") -> Outcome:
    """Destroy what it holds, then remove the engine's bucket."""
    objects = ctx.use(OBJECTS)
    if objects.seen(b.name) is None:
        return Ready()
    b.status.stored_bytes, b.status.objects = _held(b, ctx)
    holds = b.status.stored_bytes or b.status.objects
    if holds and (destroying := _destroying(b, ctx)):
        return destroying
    try:
        objects.remove_bucket(b.name)
    except Conflict as error:
        return _destroying(b, ctx) or Blocked("NotEmpty", error.text, mend=error.how)
    return Wait("Removing", T("正在删除", "removing"), 0)


def _destroying(b: Bucket, ctx: "Context") -> Wait | None:
    """Destroy what it holds, by an operation that is started once; None when that has ended."""
    spec = OperationSpec(what=EMPTY, target=b.id)
    operation = ctx.get(Operation, ctx.create(Operation, name=f"purge-{b.id[3:]}", spec=spec))
    if operation is None or operation.status.ended:
        return None
    return Wait("Emptying", T("正在销毁对象", "destroying its objects"), 1, on=operation.id)
