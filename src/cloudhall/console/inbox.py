"""The inbox: what concerns the visitor, newest first, and how they want to be told. Its count stands in the header."""

from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import Response

from cloudhall.console.equivalents import Call
from cloudhall.console.names import Named
from cloudhall.domains.identity.person import Person
from cloudhall.domains.notices import DOMAIN, inbox, outbox
from cloudhall.domains.notices.inbox import COUNTED_MAX, NEWEST, Notice
from cloudhall.kernel.errors import NotFound
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

PAGE = 50
NUMBER_DIGITS_MAX = 15
NOTHING = T("", "")


class Row(NamedTuple):
    """A notice, of which kind of thing it speaks, and where it leads as far as the visitor may see that."""

    notice: Notice
    icon: str
    kind: T
    about: Named


def there(visit: "Visit") -> bool:
    """Whether the visitor has an inbox: somebody is logged in, and this installation has inboxes at all."""
    return visit.known and DOMAIN.name in visit.kernel.registry.domains


def unread(visit: "Visit") -> str:
    """Count for the header: empty for none, "100+" from there on. Cost: at most 100 entries of one index."""
    count = inbox.unread(visit.tx, visit.caller.id) if there(visit) else 0
    return f"{COUNTED_MAX}+" if count == COUNTED_MAX else str(count or "")


def index(visit: "Visit") -> Response:
    """One page of the inbox."""
    _require(visit)
    only, before = "unread" in visit.query, _number(visit.query.get("before", "")) or NEWEST
    found = inbox.page(visit.tx, visit.caller.id, unread=only, before=before, limit=PAGE)
    person = visit.kernel.tables[Person].get(visit.tx, visit.caller.id)
    return visit.page(
        "inbox.html",
        call=Call("GET", "/inbox" + "?unread=true" * only, ("inbox", "list", *["--unread"] * only)),
        rows=[_row(visit, n) for n in found],
        only=only,
        older=found[-1].id if len(found) == PAGE else 0,
        mail=outbox.wanted(visit.tx, visit.caller.id),
        address=person.spec.email if person else "",
    )


def change(visit: "Visit") -> Response:
    """Mark one notice or all that were shown, open one, or choose whether mails come."""
    _require(visit)
    person, now_us, store = visit.caller.id, visit.now_us, visit.kernel.store
    if (up_to := _number(visit.posted("up_to"))) is not None:
        store.write(lambda tx: inbox.mark_all(tx, person, up_to, now_us)).result()
    if (read := _number(visit.posted("read"))) is not None:
        store.write(lambda tx: inbox.mark(tx, person, [read], now_us)).result()
    if (put_back := _number(visit.posted("unread"))) is not None:
        store.write(lambda tx: inbox.mark(tx, person, [put_back], None)).result()
    if mail := visit.posted("mail"):
        store.write(lambda tx: outbox.choose(tx, person, mail=mail == "on")).result()
    return visit.go(_leads(visit, read) if read is not None and visit.posted("open") else "/inbox")


def _row(visit: "Visit", n: Notice) -> Row:
    kind = visit.kernel.registry.kinds.get(n.about.kind)
    return Row(n, kind.meta.icon if kind else "bell", kind.meta.title if kind else NOTHING, visit.names.of(n.about.id))


def _leads(visit: "Visit", id_: int) -> str:
    """Address of what a notice is about; the inbox where the visitor may not see that."""
    found = inbox.page(visit.tx, visit.caller.id, before=id_ + 1, limit=1)
    return (visit.names.of(found[0].about.id).href if found and found[0].id == id_ else "") or "/inbox"


def _require(visit: "Visit") -> None:
    if not there(visit):
        raise NotFound(T("这里没有收件箱", "There are no inboxes here"))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= NUMBER_DIGITS_MAX else None
