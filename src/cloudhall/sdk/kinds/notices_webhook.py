"""Webhook · 事件回调. Written by `make docs` from the declaration of notices.webhook."""

from collections.abc import Sequence
from typing import ClassVar, NotRequired, TypedDict, Unpack, cast

from cloudhall.sdk.kind import Changes, Deletes, Makes, Reads
from cloudhall.sdk.resource import How, Resource


class WebhookSpec(TypedDict):
    """What people decided."""

    address: str
    """Address · 地址 · https, unless the operator allows its network; no redirects · 公网须用 https；不跟随重定向"""
    kinds: list[str]
    """Kinds · 种类 · such as storage.bucket or storage.* · 例如 storage.bucket 或 storage.*；不填为全部"""
    verbs: list[str]
    """Verbs · 动作 · such as create; left out, all but observe · 例如 create、delete；不填为除 observe 外的全部"""
    owner: str
    """Acts for · 代表谁 · it is told what they may see; yourself if left out · 只投递此人能看到的；不填就是你自己"""
    suspended: bool
    """Suspended · 已暂停"""
    replay_first: int
    """Replay from · 重投自版本"""
    replay_last: int
    """Replay to · 重投至版本"""


class WebhookStatus(TypedDict):
    """What the program found out."""


class Webhook(Resource):
    """Webhook · 事件回调."""

    organisation: str
    spec: WebhookSpec
    status: WebhookStatus


class WebhookWhere(TypedDict, total=False):
    """What a list of webhooks is filtered by."""

    owner: str | Sequence[str]
    suspended: bool


class WebhookInput(TypedDict):
    """What a new one is made from."""

    address: str
    """Address · 地址 · https, unless the operator allows its network; no redirects · 公网须用 https；不跟随重定向"""
    kinds: NotRequired[list[str]]
    """Kinds · 种类 · such as storage.bucket or storage.* · 例如 storage.bucket 或 storage.*；不填为全部"""
    verbs: NotRequired[list[str]]
    """Verbs · 动作 · such as create; left out, all but observe · 例如 create、delete；不填为除 observe 外的全部"""
    owner: NotRequired[str]
    """Acts for · 代表谁 · it is told what they may see; yourself if left out · 只投递此人能看到的；不填就是你自己"""


class WebhookPatch(TypedDict, total=False):
    """What may be changed; None gives a field its default back."""

    address: str | None
    """Address · 地址 · https, unless the operator allows its network; no redirects · 公网须用 https；不跟随重定向"""
    kinds: list[str] | None
    """Kinds · 种类 · such as storage.bucket or storage.* · 例如 storage.bucket 或 storage.*；不填为全部"""
    verbs: list[str] | None
    """Verbs · 动作 · such as create; left out, all but observe · 例如 create、delete；不填为除 observe 外的全部"""


class WebhookReplay(TypedDict):
    """Arguments of webhook replay."""

    first: NotRequired[int]
    """From revision · 自版本"""
    last: NotRequired[int | None]
    """To revision · 至版本 · left out, up to now · 不填则到最新"""


class Webhooks(
    Reads[Webhook, WebhookWhere], Makes[Webhook, WebhookInput], Changes[Webhook, WebhookPatch], Deletes[Webhook]
):
    """Webhook · 事件回调.

    Posts the events of its organisation or project to an address, in order, signed, tried again where it fails.
    把所在单位或项目中的事件按顺序投递到一个地址，带签名，失败重试。密钥只显示一次。
    """

    kind: ClassVar[str] = "notices.webhook"
    plural: ClassVar[str] = "webhooks"
    scope: ClassVar[str] = "organisation"

    def restore(self, target: str, **how: Unpack[How]) -> Webhook:
        """Restore from the recycle bin · 从回收站恢复."""
        return cast("Webhook", self._act(target, "restore", {}, how))

    def purge(self, target: str, **how: Unpack[How]) -> Webhook:
        """Destroy for good · 彻底销毁."""
        return cast("Webhook", self._act(target, "purge", {}, how))

    def suspend(self, target: str, **how: Unpack[How]) -> Webhook:
        """Suspend · 暂停."""
        return cast("Webhook", self._act(target, "suspend", {}, how))

    def resume(self, target: str, **how: Unpack[How]) -> Webhook:
        """Resume · 恢复."""
        return cast("Webhook", self._act(target, "resume", {}, how))

    def ping(self, target: str, **how: Unpack[How]) -> Webhook:
        """Ping · 测试."""
        return cast("Webhook", self._act(target, "ping", {}, how))

    def replay(self, target: str, args: WebhookReplay, **how: Unpack[How]) -> Webhook:
        """Replay · 重投."""
        return cast("Webhook", self._act(target, "replay", args, how))

    def retry(self, target: str, **how: Unpack[How]) -> Webhook:
        """Retry now · 立即重试."""
        return cast("Webhook", self._act(target, "retry", {}, how))
