"""Invitations: whoever runs an organisation lets somebody in, with a role there, by a code that is good once.

Invariants: the code is shown once and kept as its hash; a wrapped copy stays beside it only until the mail that carries
it was handed over. An invitation is worth what its maker may do when it is accepted, not what they could do before.
Must never be here: a role of an administrator (those are granted, GB/T 22239 8.1.5).
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Literal

from cloudhall.domains.identity import letters
from cloudhall.drivers.mail import MAIL, Rejected
from cloudhall.kernel import credentials
from cloudhall.kernel.errors import Problem
from cloudhall.kernel.kinds import (
    Index,
    Kind,
    Look,
    NoArgs,
    Outcome,
    Ready,
    Secret,
    Spec,
    Status,
    T,
    Wait,
    action,
    check,
    controller,
    edit,
    field,
)
from cloudhall.kernel.roles import AUDIT_ADMIN, ORG_ADMIN, ROLES, SECURITY_ADMIN, USERS
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from cloudhall.kernel.context import Context

SERVICE = "service:identity.invitation"
CODE_PREFIX, CODE_LENGTH = "chi", 24  # 143 bits: no guess at it need be counted
DAYS_MAX = 30
DAY_US = 86_400 * SECOND_US
MemberRole = Literal["viewer", "developer", "data_officer", "org_admin"]
MEMBER_ROLES = {role: ROLES[role] for role in USERS}
Progress = Literal["open", "accepted", "withdrawn"]
PROGRESS = {
    "open": T("待接受", "Open"),
    "accepted": T("已接受", "Accepted"),
    "withdrawn": T("已撤回", "Withdrawn"),
}
PERSON = r"|pe-[0-9a-z]{17}"


class InvitationSpec(Spec, frozen=True, kw_only=True):
    """Who is to come, as what, and until when. The place of the role is where the invitation lies."""

    role: Annotated[MemberRole, field("角色", "Role", choices=MEMBER_ROLES, immutable=True)]
    email: Annotated[
        str,
        field(
            "邮箱",
            "E-mail",
            T("填写则把链接发到此处；不填则自己转交链接", "the link is mailed there; left out, hand it on yourself"),
            pattern=r"|[^@\s]+@[^@\s]+",
            max_length=254,
            immutable=True,
        ),
    ] = ""
    days: Annotated[int, field("有效天数", "Good for", unit="d", ge=1, le=DAYS_MAX, immutable=True)] = 7
    note: Annotated[str, field("附言", "Note", T("被邀请者会看到", "read by who is invited"), max_length=300)] = ""
    inviter: Annotated[
        str, field("邀请人", "Invited by", T("就是你自己", "yourself"), pattern=PERSON, immutable=True, asker=True)
    ] = ""
    progress: Annotated[Progress, field("进展", "Progress", choices=PROGRESS, by=("accept", "withdraw"))] = "open"
    person: Annotated[str, field("接受者", "Accepted by", by=("accept",))] = ""


class Invitation(
    Kind[InvitationSpec, Status],
    title=T("邀请", "Invitation"),
    prefix="iv",
    doc=T(
        "请某人以某个角色加入单位或项目。链接只显示一次、只能用一次，到期或撤回后作废。",
        "Asks somebody into an organisation or project, with a role. Its link is shown once and good once, until it "
        "ends or is withdrawn.",
    ),
    scope="organisation",
    on_place_delete="cascade",
    auto_name=True,
    clauses=("SYS-029",),
    allow={
        "read": (ORG_ADMIN, SECURITY_ADMIN, AUDIT_ADMIN),
        "create": (ORG_ADMIN,),
        "delete": (ORG_ADMIN,),
    },
    indexes=(Index("spec.progress"), Index("spec.role"), Index("spec.person")),
    secret=Secret(prefix=CODE_PREFIX, length=CODE_LENGTH, kept=True),
    columns=("name", "spec.progress", "spec.role", "place", "spec.email"),
    icon="letter",
    group="organisation",
    demo=({"spec": {"role": "developer", "note": "经济运行监测项目"}},),
):
    """One row an invitation. Whether it has ended follows from its days, and is stored nowhere."""


class Accepted(Spec, frozen=True, kw_only=True):
    """Who has come."""

    person: Annotated[str, field("接受者", "Accepted by", pattern=PERSON, example="pe-01j9x4c7m2q8k3v57")]


def ends_us(invitation: Invitation) -> int:
    """When its code stops being good."""
    return invitation.created_us + invitation.spec.days * DAY_US


def is_open(invitation: Invitation, now_us: int) -> bool:
    """Whether its code is good now, as far as the row says."""
    return invitation.spec.progress == "open" and invitation.deleting_us is None and now_us < ends_us(invitation)


@check(Invitation)
def people_invite_in_their_own_name(new: Invitation, old: Invitation | None, look: Look) -> Iterable[Problem]:
    """What an invitation is worth depends on what its maker may do, so its maker is who asks."""
    if old is None and new.spec.inviter != look.actor:
        yield Problem("OWN_NAME", "/spec/inviter", T("只能以自己的名义邀请", "Invite in your own name"))


@action(
    Invitation,
    T("撤回", "Withdraw"),
    allow=(ORG_ADMIN,),
    when=lambda i: i.spec.progress == "open",
    why_not=T("已被接受或撤回", "Accepted or withdrawn already"),
    danger=True,
)
def withdraw(invitation: Invitation, _args: NoArgs, _look: Look) -> InvitationSpec:
    """Make the code worthless."""
    return edit(invitation.spec, progress="withdrawn")


@action(
    Invitation,
    T("接受", "Accept"),
    allow=(SERVICE,),
    when=lambda i: i.spec.progress == "open",
    why_not=T("已被接受或撤回", "Accepted or withdrawn already"),
)
def accept(invitation: Invitation, args: Accepted, _look: Look) -> InvitationSpec:
    """Use the code up; whoever shows it at the door has this done for them."""
    return edit(invitation.spec, progress="accepted", person=args.person)


@controller(Invitation)
def reconcile(invitation: Invitation, ctx: "Context") -> Outcome:
    """Mail the link where a relay is set up, then keep nothing of the code but its hash."""
    if not credentials.is_kept(ctx.tx, invitation.id):
        return Ready()
    relay = ctx.kernel.drivers.get(MAIL.name)
    if relay is not None and invitation.spec.email and is_open(invitation, ctx.now_us):
        _mail(invitation, ctx)
    ctx.write(lambda tx: credentials.forget_copy(tx, invitation.id))
    return Wait("Mailing", T("正在发出邀请", "sending the invitation"), 0)


def _mail(invitation: Invitation, ctx: "Context") -> None:
    """Hand the mail over; raises `Unavailable`, and the pass is tried again. A refused address is for people to see."""
    subject, text = letters.invitation(ctx.kernel, invitation, ctx.secret(invitation), ends_us(invitation))
    refusal = T("", "")
    try:
        ctx.use(MAIL).send(invitation.spec.email, subject, text, invitation.id)
    except Rejected as error:
        refusal = error.text
    mend = T("撤回，换个邮箱再邀请", "Withdraw it and invite another address")
    ctx.condition("Mailed", not refusal.en, "Rejected", refusal, mend)
