"""Access key · 访问密钥. Written by `make docs` from the declaration of storage.access_key."""

from collections.abc import Sequence
from typing import ClassVar, Literal, NotRequired, TypedDict, Unpack, cast

from cloudhall.sdk.kind import Changes, Deletes, Makes, Reads
from cloudhall.sdk.resource import How, Resource


class AccessKeySpec(TypedDict):
    """What people decided."""

    bucket: str
    """Bucket · 存储桶"""
    access: Literal["read-write", "read"]
    """Access · 权限"""


class AccessKeyStatus(TypedDict):
    """What the program found out."""

    in_force: bool
    """In force · 已生效"""


class AccessKey(Resource):
    """Access key · 访问密钥."""

    project: str
    spec: AccessKeySpec
    status: AccessKeyStatus


class AccessKeyWhere(TypedDict, total=False):
    """What a list of access-keys is filtered by."""

    bucket: str | Sequence[str]


class AccessKeyInput(TypedDict):
    """What a new one is made from."""

    bucket: str
    """Bucket · 存储桶"""
    access: NotRequired[Literal["read-write", "read"]]
    """Access · 权限"""


class AccessKeyPatch(TypedDict, total=False):
    """What may be changed; None gives a field its default back."""

    access: Literal["read-write", "read"] | None
    """Access · 权限"""


class AccessKeys(
    Reads[AccessKey, AccessKeyWhere],
    Makes[AccessKey, AccessKeyInput],
    Changes[AccessKey, AccessKeyPatch],
    Deletes[AccessKey],
):
    """Access key · 访问密钥.

    S3 clients sign with it. Its id is the key id; the secret is shown once and dies within a second of deletion.
    S3 客户端用它签名。编号就是密钥编号；密钥只显示一次，删除后一秒内失效。
    """

    kind: ClassVar[str] = "storage.access_key"
    plural: ClassVar[str] = "access-keys"
    scope: ClassVar[str] = "project"

    def retry(self, target: str, **how: Unpack[How]) -> AccessKey:
        """Retry now · 立即重试."""
        return cast("AccessKey", self._act(target, "retry", {}, how))
