"""Pages that say more than the generated ones: a webhook with its deliveries."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cloudhall.domains.notices import deliveries
from cloudhall.domains.notices.webhook import Webhook
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.pages import Page
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

SHOWN = 20
SIGNS = {
    "waiting": ("wait", "run", T("等待", "Waiting")),
    "delivered": ("ok", "ok", T("已投递", "Delivered")),
    "parked": ("bad", "bad", T("已搁置", "Parked")),
}


def webhook(kernel: "Kernel", _caller: Caller, hook: Webhook, _query: Mapping[str, str]) -> dict[str, Any]:
    """Its newest deliveries."""
    return {"log": deliveries.log(kernel.store.read(), hook.id, limit=SHOWN), "signs": SIGNS}


PAGES = (Page(kind="notices.webhook", view="detail", template="webhook.html", context=webhook),)
