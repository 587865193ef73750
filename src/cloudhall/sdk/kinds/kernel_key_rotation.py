"""Key rotation · 密钥轮换. Written by `make docs` from the declaration of kernel.key_rotation."""

from collections.abc import Sequence
from typing import ClassVar, TypedDict, Unpack, cast

from cloudhall.sdk.kind import Makes, Reads
from cloudhall.sdk.resource import How, Resource


class KeyRotationSpec(TypedDict):
    """What people decided."""

    purpose: str
    """Purpose · 用途 · a purpose of the keyring, such as secrets · 密钥环中的用途，例如 secrets"""


class KeyRotationStatus(TypedDict):
    """What the program found out."""

    key: str
    """New key · 新密钥"""
    rewrapped: int
    """Wrapped anew · 已重新包裹"""
    left: int
    """Left · 剩余"""
    operation: str
    """Operation · 操作"""


class KeyRotation(Resource):
    """Key rotation · 密钥轮换."""

    spec: KeyRotationSpec
    status: KeyRotationStatus


class KeyRotationWhere(TypedDict, total=False):
    """What a list of key-rotations is filtered by."""

    purpose: str | Sequence[str]


class KeyRotationInput(TypedDict):
    """What a new one is made from."""

    purpose: str
    """Purpose · 用途 · a purpose of the keyring, such as secrets · 密钥环中的用途，例如 secrets"""


class KeyRotations(Reads[KeyRotation, KeyRotationWhere], Makes[KeyRotation, KeyRotationInput]):
    """Key rotation · 密钥轮换.

    A new wrapping key for one purpose of the keyring; everything it keeps is wrapped anew in the background.
    为密钥环的一个用途换一把包裹密钥，并在后台把已有的密文全部用新密钥重新包裹，重启后继续。
    """

    kind: ClassVar[str] = "kernel.key_rotation"
    plural: ClassVar[str] = "key-rotations"
    scope: ClassVar[str] = "platform"

    def retry(self, target: str, **how: Unpack[How]) -> KeyRotation:
        """Retry now · 立即重试."""
        return cast("KeyRotation", self._act(target, "retry", {}, how))
