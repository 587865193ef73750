"""Grants: a role, for a person, a service account or an organisation's people, on a place or resource, until a time."""

import datetime
from collections.abc import Iterable
from typing import Annotated, Literal

from cloudhall.domains.identity import resets
from cloudhall.domains.identity.person import DOORS, Person
from cloudhall.domains.identity.service_account import ServiceAccount
from cloudhall.kernel.errors import Problem
from cloudhall.kernel.kinds import Grants, Index, Kind, Look, Spec, Status, T, check, check_delete, field
from cloudhall.kernel.roles import ADMINISTRATORS, AUDIT_ADMIN, ORG_ADMIN, ROLES, SECURITY_ADMIN
from cloudhall.kernel.wire import to_us

Role = Literal["viewer", "developer", "data_officer", "org_admin", "system_admin", "security_admin", "audit_admin"]


class GrantSpec(Spec, frozen=True, kw_only=True):
    """Who, which role, until when. The place is where the grant lies."""

    subject: Annotated[
        str,
        field(
            "被授权者",
            "Subject",
            T(
                "人员、服务账号或单位（其全体人员）的编号",
                "id of a person, a service account or an organisation's people",
            ),
            immutable=True,
            pattern=r"(pe|sa|or)-[0-9a-z]{17}",
            example="pe-01j9x4c7m2q8k3v57",
        ),
    ]
    role: Annotated[Role, field("角色", "Role", choices=ROLES, immutable=True)]
    resource: Annotated[
        str | None,
        field(
            "单个资源",
            "Single resource",
            T("资源的编号；不填则对所在处及其下的一切有效", "id of a resource; without it, all in the place and below"),
            immutable=True,
            pattern=r"[a-z]{2}-[0-9a-z]{17}",
            example="bk-01j9x4c7m2q8k3v53",
        ),
    ] = None
    expires_at: Annotated[datetime.datetime | None, field("到期时间", "Expires")] = None
    reason: Annotated[str, field("理由", "Reason", max_length=300)] = ""


class Grant(
    Kind[GrantSpec, Status],
    title=T("授权", "Grant"),
    prefix="gr",
    doc=T(
        "把角色授予某人、服务账号或一个单位的全体人员，对所在单位或项目及其下的一切有效，或只对一个资源有效，可设到期时间。",
        "Gives a role to a person, a service account or an organisation's people, on an organisation or project and "
        "all below it, or on one resource alone.",
    ),
    scope="organisation",
    on_place_delete="cascade",
    auto_name=True,
    clauses=("SYS-161",),
    allow={
        "read": (SECURITY_ADMIN, AUDIT_ADMIN, ORG_ADMIN),
        "create": (SECURITY_ADMIN, *DOORS),
        "update": (SECURITY_ADMIN,),
        "delete": (SECURITY_ADMIN,),
    },
    indexes=(Index("spec.subject"), Index("spec.role"), Index("spec.resource")),
    grants=Grants(subject="spec.subject", role="spec.role", expires_at="spec.expires_at", resource="spec.resource"),
    columns=("name", "spec.subject", "spec.role", "place", "spec.resource", "spec.expires_at"),
    icon="role",
    group="organisation",
    demo=({"spec": {"subject": "pe-01j9x4c7m2q8k3v57", "role": "developer", "reason": "经济运行监测项目"}},),
):
    """One row a role a subject a place."""


@check(Grant)
def administrators_stay_separated(new: Grant, old: Grant | None, look: Look) -> Iterable[Problem]:
    """GB/T 22239 8.1.5: the system, security and audit administrators are three different people."""
    if old is not None or new.spec.role not in ADMINISTRATORS:
        return
    held = {g.spec.role for g in look.list(Grant, {"spec.subject": new.spec.subject})}
    for role in sorted(held.intersection(ADMINISTRATORS) - {new.spec.role}):
        text = T(
            f"此人已是{ROLES[role].zh}；三员必须分设",
            f"Already {ROLES[role].en}; the three administrators are three different people",
        )
        yield Problem("SEPARATION", "/spec/role", text)


@check(Grant)
def administrators_are_people(new: Grant, old: Grant | None, look: Look) -> Iterable[Problem]:
    """Whoever issues a service account's tokens would hold its role too, unseen beside their own."""
    if old is None and new.spec.role in ADMINISTRATORS and look.get(ServiceAccount, new.spec.subject):
        text = T("管理员角色只授予人员", "An administrator's role is for a person")
        yield Problem("SEPARATION", "/spec/subject", text)


@check(Grant)
def administrators_come_in_by_the_server(new: Grant, _old: Grant | None, look: Look) -> Iterable[Problem]:
    """Whoever made the code of somebody's password may know it, and would hold the role as well."""
    if new.spec.role in ADMINISTRATORS and resets.made_by_another(look.tx, new.spec.subject):
        person = look.get(Person, new.spec.subject)
        text = T(
            "此人的密码由他人重设过；管理员的密码只能在服务器上重设",
            "Somebody else has reset this password; an administrator's is reset on the server alone",
        )
        name = person.name if person else new.spec.subject
        yield Problem("SEPARATION", "/spec/subject", text, resets.ON_SERVER.format(name=name))


@check(Grant)
def grants_end_in_the_future(new: Grant, _old: Grant | None, look: Look) -> Iterable[Problem]:
    """A grant that has ended already gives nothing."""
    if new.spec.expires_at and to_us(new.spec.expires_at) <= look.now_us:
        yield Problem("RANGE", "/spec/expires_at", T("到期时间已过", "This time has passed"))


@check(Grant)
def nobody_grants_to_themselves(new: Grant, _old: Grant | None, look: Look) -> Iterable[Problem]:
    """Whoever grants, or lets a grant last longer, is somebody else than who receives."""
    if new.spec.subject == look.actor:
        yield Problem("SEPARATION", "/spec/subject", T("不能给自己授权", "Nobody grants to themselves"))


@check_delete(Person)
@check_delete(ServiceAccount)
def holders_give_up_their_roles_first(holder: Person | ServiceAccount, look: Look) -> Iterable[Grant]:
    """A role of somebody who is gone would stand in every list of who may do what."""
    yield from look.list(Grant, {"spec.subject": holder.id})
