"""What may be shared: roles on one resource alone, and roles that a whole organisation's people hold.

Both are for users. An administrator's work is on places, and is one person's, who answers for it.
"""

from collections.abc import Iterable

from cloudhall.domains.identity.grant import Grant
from cloudhall.domains.identity.organisation import Organisation
from cloudhall.domains.identity.person import Person
from cloudhall.kernel import places
from cloudhall.kernel.errors import Problem
from cloudhall.kernel.kinds import Look, T, check, check_delete
from cloudhall.kernel.refusals import LIST_NAMES_MAX
from cloudhall.kernel.roles import DATA_OFFICER, DEVELOPER, ROLES, USERS, VIEWER

FOR_ORGANISATIONS = (VIEWER, DEVELOPER, DATA_OFFICER)
SHARED_MAX = 500
"""Single resources of one subject: each of its decisions and lists reads them all."""


@check(Grant)
def single_resources_are_for_users(new: Grant, old: Grant | None, _look: Look) -> Iterable[Problem]:
    """An administrator of one resource would be none of a place, and slip past the separation of the three."""
    if old is None and new.spec.resource and new.spec.role not in USERS:
        text = T(
            f"{ROLES[new.spec.role].zh}只能授在单位或项目上",
            f"The role {ROLES[new.spec.role].en} is for organisations and projects alone",
        )
        yield Problem("SEPARATION", "/spec/role", text, _one_of(USERS))


@check(Grant)
def nobody_holds_too_many_single_resources(new: Grant, old: Grant | None, look: Look) -> Iterable[Problem]:
    """Where so much is shared, a role on the project says it in one row."""
    if old is not None or not new.spec.resource:
        return
    held = look.list(Grant, {"spec.subject": new.spec.subject}, SHARED_MAX * 2)
    if sum(g.spec.resource is not None for g in held) >= SHARED_MAX:
        text = T(f"已在 {SHARED_MAX} 个单个资源上持有角色", f"Holds roles on {SHARED_MAX} single resources already")
        mend = T("改为在项目上授予角色", "Grant the role on the project instead")
        yield Problem("TOO_MANY", "/spec/resource", text, mend)


@check(Grant)
def organisations_hold_roles_of_everyday_work(new: Grant, old: Grant | None, look: Look) -> Iterable[Problem]:
    """What everybody in an organisation may do is work with things, not to look after places or people."""
    if old is not None or not new.spec.subject.startswith(Organisation.meta.prefix):
        return
    if look.get(Organisation, new.spec.subject) is None:
        text = T(f"没有单位 {new.spec.subject}", f"There is no organisation {new.spec.subject}")
        yield Problem("NO_SUCH", "/spec/subject", text)
    elif new.spec.role not in FOR_ORGANISATIONS:
        text = T(f"{ROLES[new.spec.role].zh}只能授予个人", f"The role {ROLES[new.spec.role].en} is for a person")
        yield Problem("SEPARATION", "/spec/role", text, _one_of(FOR_ORGANISATIONS))


@check(Grant)
def nobody_grants_to_their_own_organisation(new: Grant, _old: Grant | None, look: Look) -> Iterable[Problem]:
    """It would be a grant to themselves."""
    person = look.get(Person, look.actor)
    if person is not None and new.spec.subject in places.ancestors(look.tx, person.place):
        yield Problem(
            "SEPARATION", "/spec/subject", T("不能给自己所在的单位授权", "Nobody grants to their own organisation")
        )


@check_delete(Organisation)
def organisations_give_up_what_they_hold_elsewhere(organisation: Organisation, look: Look) -> Iterable[Problem]:
    """Grants that lie in the organisation go with it; those elsewhere would stand for nobody."""
    held = look.list(Grant, {"spec.subject": organisation.id})
    names = ", ".join([g.name for g in held if g.place != organisation.id][:LIST_NAMES_MAX])
    if names:
        text = T(f"还持有授权：{names}", f"Still holds the grants {names}")
        yield Problem("BLOCKED_BY", "", text, T("先撤销这些授权", "Revoke these first"))


def _one_of(roles: Iterable[str]) -> T:
    titles = [ROLES[role] for role in roles]
    return T("可用：" + "、".join(t.zh for t in titles), "Roles that do: " + ", ".join(t.en for t in titles))
