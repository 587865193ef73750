"""Inbox and delivery logs: what somebody has been told, and what became of the deliveries of a webhook.

An inbox is its person's alone; a token reads it where its scopes cover `notices.inbox:read`. A delivery log is for
whoever may see the webhook.
"""

import asyncio
from typing import Annotated, Any, get_args

from starlette.responses import Response

from cloudhall.api.answers import reply
from cloudhall.api.endpoints import Call, Endpoint
from cloudhall.api.params import Param
from cloudhall.api.sight import names_of
from cloudhall.domains.identity.person import Person
from cloudhall.domains.notices import DOMAIN, deliveries, inbox, outbox, rules
from cloudhall.domains.notices.deliveries import Delivery
from cloudhall.domains.notices.inbox import NEWEST, Notice
from cloudhall.domains.notices.webhook import Webhook
from cloudhall.kernel.authority import out_of_scope
from cloudhall.kernel.errors import Forbidden
from cloudhall.kernel.fields import JSON_SAFE_INTEGER
from cloudhall.kernel.kinds import Spec, field
from cloudhall.kernel.registry import Registry
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import rfc3339

SCOPE = "notices.inbox:read"
PAGE_MAX = 200


Number = Annotated[int, field("编号", "Number", ge=1, le=JSON_SAFE_INTEGER)]


class Marks(Spec, frozen=True, kw_only=True):
    """Which notices, and how they are marked."""

    ids: Annotated[list[Number], field("编号", "Numbers", T("通知的编号", "of notices"))] = []  # noqa: RUF012  msgspec gives each instance its own
    up_to: Annotated[
        int, field("至编号", "Up to", T("连同更早的全部", "and all before it"), ge=0, le=JSON_SAFE_INTEGER)
    ] = 0
    read: Annotated[bool, field("已读", "Read")] = True


class Choice(Spec, frozen=True, kw_only=True):
    """How one wants to be told."""

    mail: Annotated[bool, field("也发邮件", "By mail too")]


async def notices(call: Call) -> Response:
    """One page of one's own inbox, newest first."""
    return reply(await call.host.read(_page, call))


async def mark(call: Call) -> Response:
    """Mark notices as read or unread."""
    person, body, kernel = _person(call), call.body, call.host.kernel
    read, ids, up_to = body.get("read", True), body.get("ids", []), body.get("up_to", 0)
    now_us = kernel.world.now_us()

    def write(tx: Any) -> None:
        inbox.mark(tx, person, ids, now_us if read else None)
        if up_to and read:
            inbox.mark_all(tx, person, up_to, now_us)

    await asyncio.wrap_future(kernel.store.write(write))
    return reply({"unread": inbox.unread(kernel.store.read(), person)})


async def choice(call: Call) -> Response:
    """How one is told, and to which address mails go."""
    return reply(_choice(call))


async def choose(call: Call) -> Response:
    """Say how one wants to be told."""
    person, mail = _person(call), bool(call.body["mail"])
    await asyncio.wrap_future(call.host.kernel.store.write(lambda tx: outbox.choose(tx, person, mail=mail)))
    return reply(_choice(call))


async def delivery_log(call: Call) -> Response:
    """One page of a webhook's deliveries, newest first."""
    return reply(await call.host.read(_log, call))


def _page(call: Call) -> dict[str, Any]:
    kernel, person, limit = call.host.kernel, _person(call), call.query.get("page_size", 50)
    tx = kernel.store.read()
    found = inbox.page(
        tx, person, unread=call.query.get("unread", False), before=call.query.get("before", NEWEST), limit=limit
    )
    names = names_of(kernel, call.caller, (n.about.id for n in found))
    page = {"items": [_told(n, names) for n in found], "unread": inbox.unread(tx, person)}
    return page | ({"next_before": found[-1].id} if len(found) == limit else {})


def _told(notice: Notice, names: dict[str, str]) -> dict[str, Any]:
    about = {"kind": notice.about.kind, "id": notice.about.id}
    if notice.about.id in names:
        about["name"] = names[notice.about.id]
    read_at = {} if notice.read_us is None else {"read_at": rfc3339(notice.read_us)}
    return {"id": notice.id, "at": rfc3339(notice.at_us), "text": notice.text, "about": about} | read_at


def _choice(call: Call) -> dict[str, Any]:
    kernel, person = call.host.kernel, _person(call)
    tx = kernel.store.read()
    row = kernel.tables[Person].get(tx, person)
    relay = kernel.drivers.get("mail") is not None
    return {"mail": outbox.wanted(tx, person), "address": row.spec.email if row else "", "relay": relay}


def _person(call: Call) -> str:
    """Whose inbox it is; raises `Forbidden` for programs, and for tokens whose scopes do not cover it."""
    if not call.caller.within_scopes(SCOPE):
        raise out_of_scope(SCOPE)
    if call.caller.type != "Person":
        raise Forbidden(
            T("只有人员有收件箱", "Only people have an inbox"),
            mend=T("程序用事件回调", "Programs use webhooks"),
            reason="NO_INBOX",
        )
    return call.caller.id


def _log(call: Call) -> dict[str, Any]:
    kernel, query = call.host.kernel, call.query
    webhook = kernel.find(call.caller, Webhook, query["webhook"])
    limit = query.get("page_size", 50)
    found = deliveries.log(kernel.store.read(), webhook.id, query.get("before", NEWEST), query.get("state", ""), limit)
    page: dict[str, Any] = {"webhook": webhook.id, "items": [_delivery(webhook, d) for d in found]}
    return page | ({"next_before": found[-1].revision} if len(found) == limit else {})


def _delivery(webhook: Webhook, d: Delivery) -> dict[str, Any]:
    wire = {
        "id": rules.message_id(webhook.id, d.revision),
        "revision": d.revision,
        "state": d.state,
        "queued_at": rfc3339(d.queued_us),
        "tries": d.tries,
    }
    if d.tries:
        wire |= {"tried_at": rfc3339(d.tried_us), "took_ms": d.took_ms, "status": d.status}
    return wire | ({"reason": d.reason} if d.reason else {})


_BEFORE = Param(name="before", title=T("只要更早的", "Only those before this one"), shape="int", least=1)
_SIZE = Param(name="page_size", title=T("每页条数", "How many"), shape="int", least=1, most=PAGE_MAX)
_ENDPOINTS = (
    Endpoint(
        path="/inbox",
        name="inbox",
        title=T("收件箱", "Inbox"),
        run=notices,
        params=(Param(name="unread", title=T("只要未读的", "Unread ones only"), shape="bool"), _BEFORE, _SIZE),
    ),
    Endpoint(
        method="POST",
        path="/inbox/mark",
        name="mark_notices",
        title=T("标为已读或未读", "Mark as read or unread"),
        run=mark,
        body=Marks,
    ),
    Endpoint(path="/inbox/choice", name="notice_choice", title=T("怎样得知", "How one is told"), run=choice),
    Endpoint(
        method="POST",
        path="/inbox/choice",
        name="choose_notices",
        title=T("选择怎样得知", "Choose how to be told"),
        run=choose,
        body=Choice,
    ),
    Endpoint(
        path="/deliveries",
        name="deliveries",
        title=T("事件回调的投递记录", "Deliveries of a webhook"),
        run=delivery_log,
        params=(
            Param(name="webhook", title=T("事件回调，名称或编号", "Webhook, by name or id"), required=True),
            Param(
                name="state",
                title=T("只要这种状态的", "Of this state only"),
                shape="choice",
                choices=get_args(deliveries.State),
            ),
            _BEFORE,
            _SIZE,
        ),
    ),
)


def endpoints(registry: Registry) -> tuple[Endpoint, ...]:
    """Return the endpoints, where this installation has notices at all."""
    return _ENDPOINTS if DOMAIN.name in registry.domains else ()
