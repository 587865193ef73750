"""People. What the log holds of them is their id; name and address can be removed without breaking a proof."""

from typing import Annotated

from cloudhall.kernel.kinds import Index, Kind, Look, NoArgs, Spec, Status, T, action, edit, field
from cloudhall.kernel.roles import EVERYBODY, SECURITY_ADMIN, SYSTEM_ADMIN

# Whoever comes in by an invitation, an approved request or another provider's log-in is given an account by these.
DOORS = ("service:identity.invitation", "service:identity.join_request", "service:identity.identity_provider")


class PersonSpec(Spec, frozen=True, kw_only=True):
    """Who it is. The resource's name is the log-in."""

    display_name: Annotated[str, field("姓名", "Name", max_length=80, example="陈晓岚")]
    display_name_en: Annotated[str, field("英文姓名", "Name in English", max_length=80)] = ""
    email: Annotated[str, field("邮箱", "E-mail", pattern=r"|[^@\s]+@[^@\s]+", max_length=254)] = ""
    suspended: Annotated[bool, field("已停用", "Suspended", by=("suspend", "resume"))] = False


class Person(
    Kind[PersonSpec, Status],
    title=T("人员", "Person"),
    prefix="pe",
    plural="people",
    doc=T(
        "一个能登录的人。系统管理员建账号，安全管理员授权和停用，审计管理员只看记录。",
        "Somebody who can log in. System administrators open accounts, security administrators grant and suspend, "
        "audit administrators read the log.",
    ),
    scope="organisation",
    name_title=T("登录名", "Log-in"),
    clauses=("SYS-161",),
    allow={"read": EVERYBODY, "create": (SYSTEM_ADMIN, *DOORS), "update": (SYSTEM_ADMIN,), "delete": (SYSTEM_ADMIN,)},
    indexes=(Index("name", unique=True), Index("spec.suspended"), Index("spec.email")),
    columns=("name", "spec.display_name", "place", "spec.suspended"),
    icon="people",
    group="organisation",
    demo=({"name": "chen-xiaolan", "spec": {"display_name": "陈晓岚"}},),
):
    """A person. Log-ins are unique over the whole installation."""


@action(
    Person,
    T("停用", "Suspend"),
    allow=(SECURITY_ADMIN,),
    when=lambda p: not p.spec.suspended,
    why_not=T("已经停用", "Suspended already"),
    danger=True,
)
def suspend(person: Person, _args: NoArgs, _look: Look) -> PersonSpec:
    """Stop every session and token of a person at once."""
    return edit(person.spec, suspended=True)


@action(
    Person,
    T("恢复", "Resume"),
    allow=(SECURITY_ADMIN,),
    when=lambda p: p.spec.suspended,
    why_not=T("没有停用", "Not suspended"),
)
def resume(person: Person, _args: NoArgs, _look: Look) -> PersonSpec:
    """Let a person log in again."""
    return edit(person.spec, suspended=False)
