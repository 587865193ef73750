"""The founding of an installation: the one time when nobody is there yet to grant anything.

The founding account holds two administrators' roles for the length of one function, and the log says so. Everything it
does is an ordinary command. It founds once: where people are, it refuses, unless the log says that the founding was
interrupted; then it is done again, and `ensure` makes only what is missing.
"""

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from cloudhall.domains.identity import resets
from cloudhall.domains.identity.grant import Grant
from cloudhall.domains.identity.organisation import Organisation
from cloudhall.domains.identity.person import Person, PersonSpec
from cloudhall.kernel import places
from cloudhall.kernel.audit import Entry
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import NAME_PATTERN, Command
from cloudhall.kernel.errors import Conflict, Invalid, NotFound, Problem
from cloudhall.kernel.fields import problems
from cloudhall.kernel.roles import DATA_OFFICER, SECURITY_ADMIN, SYSTEM_ADMIN
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.tables import LIVE
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

FOUNDER = Caller(id="founding", type="ServiceAccount", name="founding", request="founding")
ROLES = (SYSTEM_ADMIN, SECURITY_ADMIN, DATA_OFFICER)


class Administrator(NamedTuple):
    """One of the three that an installation begins with."""

    role: str
    login: str
    display_name: str


def found(
    kernel: "Kernel", organisation: str, title: T, administrators: Sequence[Administrator]
) -> dict[str, resets.Code]:
    """Make the first organisation, and in it three administrators of the platform; their one-time codes by log-in.

    Raises `Conflict` where it is founded already, and `Invalid` before anything is made.
    """
    _refuse_names(organisation, administrators)
    with founding(kernel) as founder:
        spec = {"title_zh": title.zh, "title_en": title.en}
        ensure(kernel, founder, Organisation, organisation, "platform", spec)
        for role, login, display_name in administrators:
            id_ = ensure(kernel, founder, Person, login, organisation, {"display_name": display_name})
            grant = {"subject": id_, "role": role, "reason": "founding"}
            ensure(kernel, founder, Grant, f"first-{role.replace('_', '-')}", "platform", grant)
        return {a.login: resets.reset_on_server(kernel, a.login) for a in administrators}


def founded(kernel: "Kernel") -> bool:
    """Whether people are there, and their founding was finished. Cost: one look-up in the log."""
    tx = kernel.store.read()
    newest = kernel.audit.search(tx, actor=FOUNDER.id, limit=1)
    finished = not newest or (newest[0].leaf.phase, newest[0].leaf.reason) == ("outcome", "ok")
    return finished and bool(kernel.tables[Person].count(tx, LIVE))


def ensure(kernel: "Kernel", founder: Caller, kind: Any, name: str, place: str, spec: dict[str, Any]) -> str:
    """Id of a resource that belongs to the founding: made, unless an interrupted one has made it already."""
    with contextlib.suppress(NotFound):
        return str(kernel.find(founder, kind, name, place).id)
    command = Command(kind=kind, verb="create", name=name, place=place, spec=spec)
    return str(kernel.execute(founder, command).result().body["id"])


@contextlib.contextmanager
def founding(kernel: "Kernel") -> Iterator[Caller]:
    """Give the founding account its roles on the platform, and take them away whatever happens."""
    if founded(kernel):
        raise Conflict(
            T("已经初始化过", "This installation is founded already"),
            mend=T(
                "另选一个文件夹；若只是进不去，用 cloudhall reset-password",
                "Take another folder; if nobody gets in, there is: cloudhall reset-password",
            ),
            reason="FOUNDED",
        )
    kernel.store.write(lambda tx: _begin(kernel, tx)).result()
    outcome = "interrupted"
    try:
        yield FOUNDER
        outcome = "ok"
    finally:
        kernel.store.write(lambda tx: _end(kernel, tx, outcome)).result()


def _begin(kernel: "Kernel", tx: Tx) -> None:
    for role in ROLES:
        places.set_grant(tx, f"founding-{role}", FOUNDER.id, role, places.PLATFORM, None)
    kernel.audit.append(tx, Entry(actor=FOUNDER.id, action="installation:founding", phase="intent"))


def _end(kernel: "Kernel", tx: Tx, outcome: str) -> None:
    for role in ROLES:
        places.remove_grant(tx, f"founding-{role}")
    kernel.audit.append(tx, Entry(actor=FOUNDER.id, action="installation:founding", phase="outcome", reason=outcome))


def _refuse_names(organisation: str, administrators: Sequence[Administrator]) -> None:
    """Refuse before anything is made: an administrator who was made by mistake would stay one."""
    found = [] if re.fullmatch(NAME_PATTERN, organisation) else [_no_name("/organisation")]
    logins = [a.login for a in administrators]
    for role, login, display_name in administrators:
        wrong = problems(PersonSpec, {"display_name": display_name})
        found += [msgspec.structs.replace(p, pointer=f"/{role}_name") for p in wrong]
        if not re.fullmatch(NAME_PATTERN, login):
            found.append(_no_name(f"/{role}"))
        elif logins.count(login) > 1:
            text = T("三员必须是三个不同的人", "The three administrators are three different people")
            found.append(Problem("SEPARATION", f"/{role}", text))
    if found:
        raise Invalid(T("名称需要修改", "The names need a change"), problems=tuple(found))


def _no_name(pointer: str) -> Problem:
    text = T("只用小写字母、数字、点和连字符", "Lower-case letters, digits, dots and hyphens only")
    return Problem("PATTERN", pointer, text, T("例如 zhou-hang", "For example zhou-hang"))
