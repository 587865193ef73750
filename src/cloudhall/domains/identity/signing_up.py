"""Asking to join without an account: only organisations that the operator names, and only so often.

Invariants: what is answered is the same whoever has an account already; an address asks a few times an hour, and an
organisation has a bounded pile of requests that nobody has looked at.
"""

import os
from typing import TYPE_CHECKING, NamedTuple

from cloudhall.domains.identity.join_request import JoinRequest
from cloudhall.domains.identity.joining import carry_out
from cloudhall.domains.identity.organisation import Organisation
from cloudhall.kernel.caller import service
from cloudhall.kernel.commands import Command
from cloudhall.kernel.errors import NotFound, TooMany
from cloudhall.kernel.look import equal
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.tables import LIVE
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

VARIABLE = "CLOUDHALL_SIGN_UP"
HOUR_US = 3_600 * SECOND_US
PER_ADDRESS_MAX = 5  # an hour; many people of one house share an address
WAITING_MAX = 200  # an organisation
SCHEMA = """
CREATE TABLE identity_sign_up (address TEXT NOT NULL, at_us INTEGER NOT NULL) STRICT;
CREATE INDEX identity_sign_up_address ON identity_sign_up (address, at_us);
"""


class Asking(NamedTuple):
    """Who asks, and why."""

    display_name: str
    reason: str
    email: str = ""


def organisations(kernel: "Kernel") -> list[Organisation]:
    """Organisations that people may ask to join, as the operator has named them; none without the setting."""
    tx = kernel.store.read()
    names = os.environ.get(VARIABLE, "").replace(",", " ").split()
    return [row for name in names for row in kernel.tables[Organisation].named(tx, name, LIVE)]


def ask(kernel: "Kernel", organisation: str, asking: Asking, *, address: str, request: str = "") -> str:
    """Leave a request; answers its code, shown this once. Raises `Invalid`, `NotFound` or `TooMany`."""
    where = next((o for o in organisations(kernel) if organisation in {o.id, o.name}), None)
    if where is None:
        raise NotFound(
            T("没有可申请加入的这个单位", "There is no such organisation to ask"),
            mend=T("请该单位的管理员邀请你", "Ask its administrator to invite you"),
        )
    command = Command(kind=JoinRequest, verb="create", place=where.id, spec=asking._asdict())

    def write(tx: Tx) -> str:
        _count(kernel, tx, address, where.id)
        return str(carry_out(kernel, tx, service(JoinRequest.meta.key, request), command)["secret"])

    return kernel.store.write(write).result()


def _count(kernel: "Kernel", tx: Tx, address: str, place: str) -> None:
    """Count a request of an address; raises `TooMany`. An address is forgotten after an hour."""
    now_us = kernel.world.now_us()
    tx.execute("DELETE FROM identity_sign_up WHERE at_us <= ?", (now_us - HOUR_US,))
    (asked,) = tx.execute("SELECT count(*) FROM identity_sign_up WHERE address = ?", (address,)).fetchone()
    waiting = kernel.tables[JoinRequest].count(tx, LIVE & equal({"place": place, "spec.progress": "asked"}))
    if asked >= PER_ADDRESS_MAX or waiting >= WAITING_MAX:
        text = T("近来的申请太多", "There have been too many requests lately")
        raise TooMany(text, retry_after_s=HOUR_US // SECOND_US)
    tx.execute("INSERT INTO identity_sign_up VALUES (?, ?)", (address, now_us))
