"""Requests to join: somebody without an account asks an organisation to be let in, and says why.

Off unless the operator names organisations (`CLOUDHALL_SIGN_UP`). Whoever asks gets a code, which opens nothing until
somebody of the organisation has approved; then it is good like that of an invitation.
Must never be here: a log-in that is wished for. Whether it is taken is told to nobody who was not approved.
"""

import datetime
from typing import Annotated, Literal

from cloudhall.domains.identity.invitation import DAY_US, MEMBER_ROLES, Accepted, MemberRole
from cloudhall.kernel.kinds import Index, Kind, Look, Secret, Spec, Status, T, action, edit, field
from cloudhall.kernel.office import ZONE
from cloudhall.kernel.roles import AUDIT_ADMIN, ORG_ADMIN
from cloudhall.kernel.wire import to_us

SERVICE = "service:identity.join_request"
CODE_PREFIX, CODE_LENGTH = "chj", 24
DAYS = 30  # after the approval
Progress = Literal["asked", "approved", "refused", "joined"]
PROGRESS = {
    "asked": T("待审批", "Asked"),
    "approved": T("已同意", "Approved"),
    "refused": T("已拒绝", "Refused"),
    "joined": T("已加入", "Joined"),
}
DECIDED = T("已经作出决定", "Decided already")
BY = ("approve", "refuse")


class JoinRequestSpec(Spec, frozen=True, kw_only=True):
    """Who asks and why; what was decided, by whom, when and with which reason."""

    display_name: Annotated[str, field("姓名", "Name", max_length=80, example="吴敏", immutable=True)]
    email: Annotated[
        str,
        field(
            "邮箱",
            "E-mail",
            T("供单位联系；未经核实，不写入账号", "to be reached at; not verified, so not the account's"),
            pattern=r"|[^@\s]+@[^@\s]+",
            max_length=254,
            immutable=True,
        ),
    ] = ""
    reason: Annotated[str, field("申请理由", "Why", max_length=500, example="参与天气预报项目", immutable=True)]
    progress: Annotated[Progress, field("进展", "Progress", choices=PROGRESS, by=(*BY, "accept"))] = "asked"
    role: Annotated[MemberRole, field("角色", "Role", choices=MEMBER_ROLES, by=("approve",))] = "viewer"
    decision: Annotated[str, field("审批意见", "Decision", max_length=300, by=BY)] = ""
    decided_by: Annotated[str, field("审批人", "Decided by", by=BY)] = ""
    decided_at: Annotated[datetime.datetime | None, field("审批时间", "Decided at", by=BY)] = None
    person: Annotated[str, field("加入者", "Joined as", by=("accept",))] = ""


class JoinRequest(
    Kind[JoinRequestSpec, Status],
    title=T("加入申请", "Join request"),
    prefix="jr",
    doc=T(
        "没有账号的人申请加入单位，说明姓名和理由。单位管理员同意之前，什么也做不了。",
        "Somebody without an account asks to join an organisation. Nothing can be done until somebody there approves.",
    ),
    scope="organisation",
    on_place_delete="cascade",
    auto_name=True,
    clauses=("SYS-029",),
    allow={"read": (ORG_ADMIN, AUDIT_ADMIN), "create": (SERVICE,), "delete": (ORG_ADMIN,)},
    indexes=(Index("spec.progress"), Index("spec.person")),
    secret=Secret(prefix=CODE_PREFIX, length=CODE_LENGTH),
    columns=("name", "spec.progress", "spec.display_name", "place", "spec.reason", "created_at"),
    icon="people",
    group="organisation",
    demo=({"spec": {"display_name": "吴敏", "reason": "参与天气预报项目"}},),
):
    """One row a request; whoever deletes it removes what is known of the person."""


class Approval(Spec, frozen=True, kw_only=True):
    """As what somebody is let in."""

    role: Annotated[MemberRole, field("角色", "Role", choices=MEMBER_ROLES)]
    decision: Annotated[str, field("审批意见", "Decision", max_length=300)] = ""


class Refusal(Spec, frozen=True, kw_only=True):
    """Why somebody is not let in; they read it."""

    decision: Annotated[str, field("理由", "Reason", T("申请人会看到", "read by who asked"), max_length=300)]


def is_good(request: JoinRequest, now_us: int) -> bool:
    """Whether its code lets somebody in now, as far as the row says."""
    at = request.spec.decided_at
    approved = request.spec.progress == "approved" and request.deleting_us is None
    return approved and at is not None and now_us < ends_us(request)


def ends_us(request: JoinRequest) -> int:
    """When an approved one stops being good; 0 for one that was not approved."""
    at = request.spec.decided_at
    return to_us(at) + DAYS * DAY_US if at and request.spec.progress == "approved" else 0


@action(
    JoinRequest, T("同意", "Approve"), allow=(ORG_ADMIN,), when=lambda r: r.spec.progress == "asked", why_not=DECIDED
)
def approve(request: JoinRequest, args: Approval, look: Look) -> JoinRequestSpec:
    """Let whoever asked choose log-in and password, and have a role here."""
    decided = _decided(request, args.decision, look)
    return edit(decided, progress="approved", role=args.role)


@action(
    JoinRequest,
    T("拒绝", "Refuse"),
    allow=(ORG_ADMIN,),
    when=lambda r: r.spec.progress in {"asked", "approved"},
    why_not=T("已经加入或拒绝", "Joined or refused already"),
)
def refuse(request: JoinRequest, args: Refusal, look: Look) -> JoinRequestSpec:
    """Turn a request down, or take back an approval that nobody has used yet."""
    return edit(_decided(request, args.decision, look), progress="refused")


@action(
    JoinRequest,
    T("加入", "Accept"),
    allow=(SERVICE,),
    when=lambda r: r.spec.progress == "approved",
    why_not=T("没有同意，或已用过", "Not approved, or used already"),
)
def accept(request: JoinRequest, args: Accepted, _look: Look) -> JoinRequestSpec:
    """Use the code up; whoever shows it at the door has this done for them."""
    return edit(request.spec, progress="joined", person=args.person)


def _decided(request: JoinRequest, decision: str, look: Look) -> JoinRequestSpec:
    at = datetime.datetime.fromtimestamp(look.now_us // 1_000_000, tz=ZONE)
    return edit(request.spec, decision=decision, decided_by=look.actor, decided_at=at)
