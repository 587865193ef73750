"""The founding of an installation: the one time when nobody is there yet to grant anything.

The founding account holds two administrators' roles for the length of one function, and the log says so. Everything it
does is an ordinary command. It founds once: where people are, it refuses.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from cloudhall.domains.identity.person import Person
from cloudhall.kernel import places
from cloudhall.kernel.audit import Entry
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Conflict
from cloudhall.kernel.roles import DATA_OFFICER, SECURITY_ADMIN, SYSTEM_ADMIN
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.tables import LIVE
from cloudhall.kernel.text import T

FOUNDER = Caller(id="founding", type="ServiceAccount", name="founding", request="founding")
ROLES = (SYSTEM_ADMIN, SECURITY_ADMIN, DATA_OFFICER)


def founded(kernel: Any) -> bool:
    """Whether people are there."""
    return bool(kernel.tables[Person].count(kernel.store.read(), LIVE))


@contextlib.contextmanager
def founding(kernel: Any) -> Iterator[Caller]:
    """Give the founding account its roles on the platform, and take them away whatever happens."""
    if founded(kernel):
        raise Conflict(T("已经初始化过", "This installation is founded already"), reason="FOUNDED")
    kernel.store.write(lambda tx: _begin(kernel, tx)).result()
    try:
        yield FOUNDER
    finally:
        kernel.store.write(lambda tx: _end(kernel, tx)).result()


def _begin(kernel: Any, tx: Tx) -> None:
    for role in ROLES:
        places.set_grant(tx, f"founding-{role}", FOUNDER.id, role, places.PLATFORM, None)
    kernel.audit.append(tx, Entry(actor=FOUNDER.id, action="installation:founding", phase="intent"))


def _end(kernel: Any, tx: Tx) -> None:
    for role in ROLES:
        places.remove_grant(tx, f"founding-{role}")
    kernel.audit.append(tx, Entry(actor=FOUNDER.id, action="installation:founding", phase="outcome", reason="ok"))
