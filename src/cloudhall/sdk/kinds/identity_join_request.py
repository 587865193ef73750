"""Join request · 加入申请. Written by `make docs` from the declaration of identity.join_request."""

from collections.abc import Sequence
from typing import ClassVar, Literal, NotRequired, TypedDict, Unpack, cast

from cloudhall.sdk.kind import Deletes, Makes, Reads
from cloudhall.sdk.resource import How, Resource


class JoinRequestSpec(TypedDict):
    """What people decided."""

    display_name: str
    """Name · 姓名"""
    email: str
    """E-mail · 邮箱 · to be reached at; not verified, so not the account's · 供单位联系；未经核实，不写入账号"""
    reason: str
    """Why · 申请理由"""
    progress: Literal["asked", "approved", "refused", "joined"]
    """Progress · 进展"""
    role: Literal["viewer", "developer", "data_officer", "org_admin"]
    """Role · 角色"""
    decision: str
    """Decision · 审批意见"""
    decided_by: str
    """Decided by · 审批人"""
    decided_at: str | None
    """Decided at · 审批时间"""
    person: str
    """Joined as · 加入者"""


class JoinRequestStatus(TypedDict):
    """What the program found out."""


class JoinRequest(Resource):
    """Join request · 加入申请."""

    organisation: str
    spec: JoinRequestSpec
    status: JoinRequestStatus


class JoinRequestWhere(TypedDict, total=False):
    """What a list of join-requests is filtered by."""

    progress: (
        Literal["asked", "approved", "refused", "joined"] | Sequence[Literal["asked", "approved", "refused", "joined"]]
    )
    person: str | Sequence[str]


class JoinRequestInput(TypedDict):
    """What a new one is made from."""

    display_name: str
    """Name · 姓名"""
    email: NotRequired[str]
    """E-mail · 邮箱 · to be reached at; not verified, so not the account's · 供单位联系；未经核实，不写入账号"""
    reason: str
    """Why · 申请理由"""


class JoinRequestApprove(TypedDict):
    """Arguments of join_request approve."""

    role: Literal["viewer", "developer", "data_officer", "org_admin"]
    """Role · 角色"""
    decision: NotRequired[str]
    """Decision · 审批意见"""


class JoinRequestRefuse(TypedDict):
    """Arguments of join_request refuse."""

    decision: str
    """Reason · 理由 · read by who asked · 申请人会看到"""


class JoinRequestAccept(TypedDict):
    """Arguments of join_request accept."""

    person: str
    """Accepted by · 接受者"""


class JoinRequests(Reads[JoinRequest, JoinRequestWhere], Makes[JoinRequest, JoinRequestInput], Deletes[JoinRequest]):
    """Join request · 加入申请.

    Somebody without an account asks to join an organisation. Nothing can be done until somebody there approves.
    没有账号的人申请加入单位，说明姓名和理由。单位管理员同意之前，什么也做不了。
    """

    kind: ClassVar[str] = "identity.join_request"
    plural: ClassVar[str] = "join-requests"
    scope: ClassVar[str] = "organisation"

    def approve(self, target: str, args: JoinRequestApprove, **how: Unpack[How]) -> JoinRequest:
        """Approve · 同意."""
        return cast("JoinRequest", self._act(target, "approve", args, how))

    def refuse(self, target: str, args: JoinRequestRefuse, **how: Unpack[How]) -> JoinRequest:
        """Refuse · 拒绝."""
        return cast("JoinRequest", self._act(target, "refuse", args, how))

    def accept(self, target: str, args: JoinRequestAccept, **how: Unpack[How]) -> JoinRequest:
        """Accept · 加入."""
        return cast("JoinRequest", self._act(target, "accept", args, how))
