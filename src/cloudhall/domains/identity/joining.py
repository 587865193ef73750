"""Coming in by a code: that of an invitation, or that of a request to join which was approved.

Invariants: a code is good once; account, password, role and the use of the code are one transaction or none; nothing
about anybody is told to whoever has no good code. A role comes in only as long as whoever opened the way may still do
so, and never to themselves.
Must never happen: an administrator who came in this way and holds the role by it. Whoever opened the way may have seen
the code, so such a password counts as made by another (`resets.made_by_another`) until it is reset on the server.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from cloudhall.domains.identity import invitation as invitations
from cloudhall.domains.identity import join_request as requests
from cloudhall.domains.identity import passwords, resets, sessions
from cloudhall.domains.identity.grant import Grant
from cloudhall.domains.identity.invitation import Invitation
from cloudhall.domains.identity.join_request import JoinRequest
from cloudhall.domains.identity.organisation import Organisation
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.project import Project
from cloudhall.kernel import credentials
from cloudhall.kernel.audit import Entry
from cloudhall.kernel.caller import Caller, service
from cloudhall.kernel.commands import Command, Planner
from cloudhall.kernel.commit import commit
from cloudhall.kernel.errors import Forbidden, Unauthenticated
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

PREFIXES = (invitations.CODE_PREFIX, requests.CODE_PREFIX)


class Way(NamedTuple):
    """What a code opens: a role on a place, by whom, until when in microseconds. `good` once nothing is in its way."""

    row: Invitation | JoinRequest
    role: str
    by: str
    ends_us: int
    good: bool


class Newcomer(NamedTuple):
    """What somebody without an account chooses."""

    login: str
    display_name: str
    password: str
    display_name_en: str = ""


def look(kernel: "Kernel", code: str) -> Way:
    """What a code opens; of a request that is not decided, or refused, too. Raises `Unauthenticated`."""
    return _way(kernel, kernel.store.read(), code)


def join(kernel: "Kernel", code: str, newcomer: Newcomer, *, request: str = "") -> Person:
    """Open an account with a code, and use it up; raises `Invalid` or `Unauthenticated`."""
    passwords.check_length(newcomer.password)
    _good(kernel, kernel.store.read(), code)  # whoever has none costs no hash
    hashed = passwords.hash_password(newcomer.password)

    def write(tx: Tx) -> str:
        way = _good(kernel, tx, code)
        person = _make_person(kernel, tx, way, newcomer, request)
        now_us = kernel.world.now_us()
        passwords.store(tx, person, hashed, now_us)
        resets.remember(tx, person, way.by, now_us)
        _take(kernel, tx, way, person, request)
        return person

    id_ = kernel.store.write(write).result()
    person = kernel.tables[Person].get(kernel.store.read(), id_)
    assert person is not None
    return person


def accept(kernel: "Kernel", code: str, caller: Caller) -> Way:
    """Take the role of a code to the account that one has; raises `Forbidden` or `Unauthenticated`."""
    if caller.type != "Person" or caller.scopes is not None:
        raise Forbidden(
            T("只有登录的人可以接受", "Only somebody who has logged in accepts"),
            mend=T("登录后再打开链接", "Log in, then open the link"),
            reason="NOT_A_SESSION",
        )

    def write(tx: Tx) -> Way:
        way = _good(kernel, tx, code)
        if caller.id == way.by:
            raise Forbidden(
                T("不能接受自己发出的邀请", "Nobody accepts what they opened themselves"),
                mend=T("请另一位管理员邀请你", "Ask another administrator to invite you"),
                reason="SEPARATION",
            )
        _take(kernel, tx, way, caller.id, caller.request)
        return way

    return kernel.store.write(write).result()


def is_code(text: str) -> bool:
    """Whether a text has the form of a code; costs no look-up."""
    return any(credentials.well_formed(text.strip(), prefix) for prefix in PREFIXES)


def _make_person(kernel: "Kernel", tx: Tx, way: Way, newcomer: Newcomer, request: str) -> str:
    """An account with no mail address: nobody has verified the one in the row, and a provider may know people by it."""
    spec = {"display_name": newcomer.display_name, "display_name_en": newcomer.display_name_en}
    command = Command(
        kind=Person,
        verb="create",
        place=_organisation(kernel, tx, way.row.place),
        name=newcomer.login.strip().lower(),
        spec=spec,
    )
    return str(carry_out(kernel, tx, _servant(way, request), command)["id"])


def _take(kernel: "Kernel", tx: Tx, way: Way, person: str, request: str) -> None:
    """Use the code up and give its role."""
    row, servant = way.row, _servant(way, request)
    spec = {"subject": person, "role": way.role, "reason": f"{type(row).meta.name} {row.id}"}
    carry_out(kernel, tx, servant, Command(kind=Grant, verb="create", place=row.place, spec=spec))
    used = Command(kind=type(row), verb="accept", target=row.id, args={"person": person})
    carry_out(kernel, tx, servant, used)
    entry = Entry(
        actor=person,
        action=f"{type(row).meta.key}:join",
        kind=type(row).meta.key,
        resource=row.id,
        project=row.place,
        request=request,
    )
    kernel.audit.append(tx, entry)


def carry_out(kernel: "Kernel", tx: Tx, caller: Caller, command: Command) -> dict[str, Any]:
    """Plan and write a command within a transaction that does more; answers its body."""
    return commit(kernel, tx, Planner(kernel, tx, caller).plan(command))


def _servant(way: Way, request: str) -> Caller:
    return service(type(way.row).meta.key, request)


def _good(kernel: "Kernel", tx: Tx, code: str) -> Way:
    way = _way(kernel, tx, code)
    if not way.good:
        raise _worthless()
    return way


def _way(kernel: "Kernel", tx: Tx, code: str) -> Way:
    """Way of a code; raises `Unauthenticated` for one that is unknown, used up, withdrawn or too old."""
    id_ = credentials.owner_of(tx, code.strip()) if is_code(code) else None
    now_us = kernel.world.now_us()
    if id_ and id_.startswith(Invitation.meta.prefix):
        invitation = kernel.tables[Invitation].get(tx, id_)
        if invitation and invitations.is_open(invitation, now_us) and _may_still(kernel, tx, invitation):
            spec = invitation.spec
            return Way(invitation, spec.role, spec.inviter, invitations.ends_us(invitation), good=True)
    elif id_ and id_.startswith(JoinRequest.meta.prefix):
        request = kernel.tables[JoinRequest].get(tx, id_)
        if request and request.deleting_us is None and request.spec.progress != "joined":
            good = requests.is_good(request, now_us)
            return Way(request, request.spec.role, request.spec.decided_by, requests.ends_us(request), good)
    raise _worthless()


def _may_still(kernel: "Kernel", tx: Tx, invitation: Invitation) -> bool:
    """Whether whoever has invited could do so now."""
    try:
        inviter = sessions.acting_as(kernel, tx, invitation.spec.inviter)
    except Unauthenticated:
        return False
    return kernel.authority.decide(tx, inviter, "create", invitation).allowed


def _organisation(kernel: "Kernel", tx: Tx, place: str) -> str:
    """Organisation in which somebody lives who comes into a place."""
    if place.startswith(Organisation.meta.prefix):
        return place
    project = kernel.tables[Project].get(tx, place)
    return project.place if project else place


def _worthless() -> Unauthenticated:
    return Unauthenticated(
        T("链接不对、已用过、已撤回或已过期", "The link is wrong, used, withdrawn or too old"),
        mend=T("请邀请你的人再邀请一次", "Ask whoever invited you to invite you again"),
        reason="CODE",
    )
