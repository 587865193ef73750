"""Bucket · 存储桶. Written by `make docs` from the declaration of storage.bucket."""

from collections.abc import Sequence
from typing import ClassVar, Literal, NotRequired, TypedDict, Unpack, cast

from cloudhall.sdk.kind import Changes, Deletes, Makes, Reads
from cloudhall.sdk.resource import How, Resource


class BucketSpec(TypedDict):
    """What people decided."""

    quota_gib: int
    """Quota (GiB) · 容量配额 · when full, the right to write is withdrawn · 写满后收回写入权"""
    grade: Literal["open", "internal", "sensitive", "core"]
    """Data grade · 数据级别 · above “open” a bucket hands out no keys: its data are read through the data gate · 高
    于“公开”的存储桶不发放密钥，数据经数据共享的关口读取"""
    versioning: bool
    """Keep versions · 保留历史版本"""
    public_read: bool
    """Public read · 允许匿名读取 · anybody who knows an object's name may read it · 任何人知道对象名即可读取"""
    tags: dict[str, str]
    """Tags · 标签 · visible through S3 · 随 S3 一起可见"""
    emptied: int
    """Times emptied · 清空次数"""


class BucketStatus(TypedDict):
    """What the program found out."""

    stored_bytes: int
    """Stored (B) · 已用"""
    objects: int
    """Objects · 对象数"""
    writable: bool
    """Writable · 可写"""
    endpoint: str
    """S3 endpoint · S3 地址"""
    region: str
    """Signing region · 签名区域"""
    made: bool
    """Made · 已建立"""
    old_versions: int | None
    """Old versions · 历史版本数 · counted in the recycle bin · 在回收站中清点"""
    retained: int | None
    """Retained · 受保留的版本 · counted in the recycle bin · 在回收站中清点"""
    operation: str
    """Running operation · 进行中的操作"""


class Bucket(Resource):
    """Bucket · 存储桶."""

    project: str
    spec: BucketSpec
    status: BucketStatus


class BucketWhere(TypedDict, total=False):
    """What a list of buckets is filtered by."""

    grade: Literal["open", "internal", "sensitive", "core"] | Sequence[Literal["open", "internal", "sensitive", "core"]]
    public_read: bool
    versioning: bool


class BucketInput(TypedDict):
    """What a new one is made from."""

    quota_gib: int
    """Quota (GiB) · 容量配额 · when full, the right to write is withdrawn · 写满后收回写入权"""
    grade: Literal["open", "internal", "sensitive", "core"]
    """Data grade · 数据级别 · above “open” a bucket hands out no keys: its data are read through the data gate · 高
    于“公开”的存储桶不发放密钥，数据经数据共享的关口读取"""
    versioning: NotRequired[bool]
    """Keep versions · 保留历史版本"""
    public_read: NotRequired[bool]
    """Public read · 允许匿名读取 · anybody who knows an object's name may read it · 任何人知道对象名即可读取"""
    tags: NotRequired[dict[str, str]]
    """Tags · 标签 · visible through S3 · 随 S3 一起可见"""


class BucketPatch(TypedDict, total=False):
    """What may be changed; None gives a field its default back."""

    quota_gib: int | None
    """Quota (GiB) · 容量配额 · when full, the right to write is withdrawn · 写满后收回写入权"""
    grade: Literal["open", "internal", "sensitive", "core"] | None
    """Data grade · 数据级别 · above “open” a bucket hands out no keys: its data are read through the data gate · 高
    于“公开”的存储桶不发放密钥，数据经数据共享的关口读取"""
    versioning: bool | None
    """Keep versions · 保留历史版本"""
    public_read: bool | None
    """Public read · 允许匿名读取 · anybody who knows an object's name may read it · 任何人知道对象名即可读取"""
    tags: dict[str, str] | None
    """Tags · 标签 · visible through S3 · 随 S3 一起可见"""


class Buckets(Reads[Bucket, BucketWhere], Makes[Bucket, BucketInput], Changes[Bucket, BucketPatch], Deletes[Bucket]):
    """Bucket · 存储桶.

    Keeps objects. S3 clients read and write directly with access keys; volume, requests and traffic are metered.
    存放对象。S3 客户端用访问密钥直接读写；容量、请求和流量计入账单。
    """

    kind: ClassVar[str] = "storage.bucket"
    plural: ClassVar[str] = "buckets"
    scope: ClassVar[str] = "project"

    def restore(self, target: str, **how: Unpack[How]) -> Bucket:
        """Restore from the recycle bin · 从回收站恢复."""
        return cast("Bucket", self._act(target, "restore", {}, how))

    def purge(self, target: str, **how: Unpack[How]) -> Bucket:
        """Destroy for good · 彻底销毁."""
        return cast("Bucket", self._act(target, "purge", {}, how))

    def empty(self, target: str, **how: Unpack[How]) -> Bucket:
        """Empty · 清空."""
        return cast("Bucket", self._act(target, "empty", {}, how))

    def retry(self, target: str, **how: Unpack[How]) -> Bucket:
        """Retry now · 立即重试."""
        return cast("Bucket", self._act(target, "retry", {}, how))
