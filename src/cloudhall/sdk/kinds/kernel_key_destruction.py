"""Key destruction · 密钥销毁. Written by `make docs` from the declaration of kernel.key_destruction."""

from collections.abc import Sequence
from typing import ClassVar, NotRequired, TypedDict, Unpack, cast

from cloudhall.sdk.kind import Makes, Reads
from cloudhall.sdk.resource import How, Resource


class KeyDestructionSpec(TypedDict):
    """What people decided."""

    purpose: str
    """Purpose · 用途 · such as secrets · 例如 secrets"""
    key: str
    """Key · 密钥 · left out, every key of the purpose that another has replaced · 不填为该用途所有已被替换的密钥"""
    lose: bool
    """With what it wraps · 连同内容 · what it still wraps can never be read again · 仍由它包裹的内容从此无法读取"""
    reason: str
    """Reason · 理由"""
    asker: str
    """Asked by · 提出者"""


class KeyDestructionDestroyed(TypedDict):
    """One key, what it wrapped when it was destroyed, and the index of its entry in the audit log."""

    key: str
    """Key · 密钥"""
    created_us: int
    """Made · 生成"""
    wrapped: int
    """Wrapped then · 当时包裹"""
    detail: str
    """Detail · 明细"""
    entry: int | None
    """Audit entry · 审计条目"""


class KeyDestructionStatus(TypedDict):
    """What the program found out."""

    destroyed: list[KeyDestructionDestroyed]
    """Destroyed · 已销毁"""


class KeyDestruction(Resource):
    """Key destruction · 密钥销毁."""

    spec: KeyDestructionSpec
    status: KeyDestructionStatus


class KeyDestructionWhere(TypedDict, total=False):
    """What a list of key-destructions is filtered by."""

    purpose: str | Sequence[str]


class KeyDestructionInput(TypedDict):
    """What a new one is made from."""

    purpose: str
    """Purpose · 用途 · such as secrets · 例如 secrets"""
    key: NotRequired[str]
    """Key · 密钥 · left out, every key of the purpose that another has replaced · 不填为该用途所有已被替换的密钥"""
    lose: NotRequired[bool]
    """With what it wraps · 连同内容 · what it still wraps can never be read again · 仍由它包裹的内容从此无法读取"""
    reason: NotRequired[str]
    """Reason · 理由"""
    asker: NotRequired[str]
    """Asked by · 提出者"""


class KeyDestructions(Reads[KeyDestruction, KeyDestructionWhere], Makes[KeyDestruction, KeyDestructionInput]):
    """Key destruction · 密钥销毁.

    Destroys wrapping keys. The proof of its audit entry is the certificate; backups from before are exempt.
    销毁密钥环中的包裹密钥。每把密钥有一条审计记录，其证明文件就是销毁证明，可离线核验；此前的备份除外。
    """

    kind: ClassVar[str] = "kernel.key_destruction"
    plural: ClassVar[str] = "key-destructions"
    scope: ClassVar[str] = "platform"

    def retry(self, target: str, **how: Unpack[How]) -> KeyDestruction:
        """Retry now · 立即重试."""
        return cast("KeyDestruction", self._act(target, "retry", {}, how))
