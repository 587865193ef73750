"""What waits for a decision of the visitor's, for the home page: requests to join that nobody has answered."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cloudhall.domains.identity.join_request import JoinRequest
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.look import equal
from cloudhall.kernel.pages import Need, Page
from cloudhall.kernel.store.tables import LIVE
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

WAITING_MAX = 20


def requests(kernel: "Kernel", caller: Caller, _resource: None, _query: Mapping[str, str]) -> dict[str, Any]:
    """Requests to join, as far as the visitor may answer them, newest first."""
    rows = kernel.page(caller, JoinRequest, LIVE & equal({"spec.progress": "asked"}), limit=WAITING_MAX)
    tx = kernel.store.read()
    mine = [r for r in rows if isinstance(r, JoinRequest) and kernel.authority.may(tx, caller, "approve", r)]
    return {"needs": [_need(r) for r in mine]}


def _need(r: JoinRequest) -> Need:
    name, reason = r.spec.display_name, r.spec.reason
    return Need(
        icon=r.meta.icon,
        what=T(f"{name} 申请加入", f"{name} asks to join"),
        why=T(reason, reason),
        verb=T("审批", "Decide"),
        href=f"/{r.meta.plural}/{r.id}",
        since_us=r.created_us,
    )


NEEDS = (Page(kind="identity.join_request", view="needs", context=requests),)
