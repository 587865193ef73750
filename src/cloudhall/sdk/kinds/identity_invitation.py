"""Invitation · 邀请. Written by `make docs` from the declaration of identity.invitation."""

from collections.abc import Sequence
from typing import ClassVar, Literal, NotRequired, TypedDict, Unpack, cast

from cloudhall.sdk.kind import Deletes, Makes, Reads
from cloudhall.sdk.resource import How, Resource


class InvitationSpec(TypedDict):
    """What people decided."""

    role: Literal["viewer", "developer", "data_officer", "org_admin"]
    """Role · 角色"""
    email: str
    """E-mail · 邮箱 · the link is mailed there; left out, hand it on yourself · 填写则把链接发到此处；不填则自己转交
    链接"""
    days: int
    """Good for (d) · 有效天数"""
    note: str
    """Note · 附言 · read by who is invited · 被邀请者会看到"""
    inviter: str
    """Invited by · 邀请人 · yourself · 就是你自己"""
    progress: Literal["open", "accepted", "withdrawn"]
    """Progress · 进展"""
    person: str
    """Accepted by · 接受者"""


class InvitationStatus(TypedDict):
    """What the program found out."""


class Invitation(Resource):
    """Invitation · 邀请."""

    organisation: str
    spec: InvitationSpec
    status: InvitationStatus


class InvitationWhere(TypedDict, total=False):
    """What a list of invitations is filtered by."""

    progress: Literal["open", "accepted", "withdrawn"] | Sequence[Literal["open", "accepted", "withdrawn"]]
    role: (
        Literal["viewer", "developer", "data_officer", "org_admin"]
        | Sequence[Literal["viewer", "developer", "data_officer", "org_admin"]]
    )
    person: str | Sequence[str]


class InvitationInput(TypedDict):
    """What a new one is made from."""

    role: Literal["viewer", "developer", "data_officer", "org_admin"]
    """Role · 角色"""
    email: NotRequired[str]
    """E-mail · 邮箱 · the link is mailed there; left out, hand it on yourself · 填写则把链接发到此处；不填则自己转交
    链接"""
    days: NotRequired[int]
    """Good for (d) · 有效天数"""
    note: NotRequired[str]
    """Note · 附言 · read by who is invited · 被邀请者会看到"""
    inviter: NotRequired[str]
    """Invited by · 邀请人 · yourself · 就是你自己"""


class InvitationAccept(TypedDict):
    """Arguments of invitation accept."""

    person: str
    """Accepted by · 接受者"""


class Invitations(Reads[Invitation, InvitationWhere], Makes[Invitation, InvitationInput], Deletes[Invitation]):
    """Invitation · 邀请.

    Asks somebody into an organisation or project, with a role. Its link is shown once and good once, until it
    ends or is withdrawn.
    请某人以某个角色加入单位或项目。链接只显示一次、只能用一次，到期或撤回后作废。
    """

    kind: ClassVar[str] = "identity.invitation"
    plural: ClassVar[str] = "invitations"
    scope: ClassVar[str] = "organisation"

    def withdraw(self, target: str, **how: Unpack[How]) -> Invitation:
        """Withdraw · 撤回."""
        return cast("Invitation", self._act(target, "withdraw", {}, how))

    def accept(self, target: str, args: InvitationAccept, **how: Unpack[How]) -> Invitation:
        """Accept · 接受."""
        return cast("Invitation", self._act(target, "accept", args, how))

    def retry(self, target: str, **how: Unpack[How]) -> Invitation:
        """Retry now · 立即重试."""
        return cast("Invitation", self._act(target, "retry", {}, how))
