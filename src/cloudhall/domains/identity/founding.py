"""The founding of an installation: the one time when nobody is there yet to grant anything.

The founding account holds two administrators' roles for the length of one function, and the log says so. Everything it
does is an ordinary command. It founds once: where people are, it refuses, unless the log says that the founding was
interrupted; then it is done again, and `ensure` makes only what is missing.
"""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cloudhall.domains.identity.person import Person
from cloudhall.kernel import places
from cloudhall.kernel.audit import Entry
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.errors import Conflict, NotFound
from cloudhall.kernel.roles import DATA_OFFICER, SECURITY_ADMIN, SYSTEM_ADMIN
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.tables import LIVE
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

FOUNDER = Caller(id="founding", type="ServiceAccount", name="founding", request="founding")
ROLES = (SYSTEM_ADMIN, SECURITY_ADMIN, DATA_OFFICER)


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
        raise Conflict(T("已经初始化过", "This installation is founded already"), reason="FOUNDED")
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
