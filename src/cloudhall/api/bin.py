"""The recycle bin: what was deleted and can be had back, who did it, until when, what it still holds and costs.

Restoring and purging are actions of each kind: `POST /<plural>/{id}:restore` and `:purge`.
"""

from typing import Any

from starlette.responses import Response

from cloudhall.api.answers import reply
from cloudhall.api.endpoints import Call, Endpoint
from cloudhall.api.params import Param
from cloudhall.api.sight import find_place, kind_named, names_of
from cloudhall.api.tokens import seal, unseal
from cloudhall.kernel import bin as bin_
from cloudhall.kernel import recovery
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.recoverable import held_by
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import rfc3339, safe_integers, state_of

PAGE_SIZE, PAGE_MAX = 100, 1_000


async def listed(call: Call) -> Response:
    """Answer one page, what was deleted last first."""
    return reply(await call.host.read(_page, call))


def _page(call: Call) -> dict[str, Any]:
    kernel, query = call.host.kernel, call.query
    kind = kind_named(kernel, query["kind"]) if "kind" in query else None
    place = find_place(kernel, call.caller, query["place"]).id if "place" in query else ""
    question, size = ["bin", query.get("kind", ""), place], query.get("page_size", PAGE_SIZE)
    after = unseal(kernel.keys, query["page_token"], question) if "page_token" in query else None
    behind = (int(after[0]), str(after[1])) if after else None
    rows = recovery.listing(kernel, call.caller, size + 1, after=behind, kind=kind, place=place)
    names = names_of(kernel, call.caller, {i for r in rows if r.kept for i in (r.kept.actor, r.place)})
    page: dict[str, Any] = {"items": [_item(kernel, r, names) for r in rows[:size]]}
    if len(rows) > size:
        page["next_page_token"] = seal(kernel.keys, recovery.position(rows[size - 1]), question)
    return page


def _item(kernel: Kernel, r: Kind[Any, Any], names: dict[str, str]) -> dict[str, Any]:
    """Say all that decides whether somebody wants it back; `cost` is that of this month so far, in fen."""
    kept, meta = r.kept, type(r).meta
    assert kept is not None
    with_it = bin_.with_owner(kernel.tables, kernel.store.read(), r.id)
    cost = kernel.costs(r) if kernel.costs else None
    item = {
        "kind": meta.key,
        "title": meta.title,
        "id": r.id,
        "name": r.name,
        "place": r.place,
        "place_name": names.get(r.place, ""),
        "state": state_of(r),
        "deleted_by": kept.actor,
        "deleted_by_name": names.get(kept.actor, ""),
        "deleted_at": rfc3339(kept.at_us),
        "kept_until": rfc3339(kept.until_us),
        "withdrawn": kept.withdrawn_us is not None,
        "holds": [content(c) for c in held_by(r)],
        "goes_with": [{"kind": type(o).meta.key, "id": o.id, "name": o.name} for o in with_it],
    }
    return item | ({"cost_fen": safe_integers(cost["total_fen"])} if cost else {})


def content(held: Any) -> dict[str, Any]:
    """Return what a resource holds of one sort: how many; `unit` is `B` for bytes."""
    return {"title": held.title, "amount": safe_integers(held.amount), "unit": held.unit}


ENDPOINTS = (
    Endpoint(
        path="/bin",
        name="bin",
        title=T("回收站里有什么", "What lies in the recycle bin"),
        run=listed,
        params=(
            Param(name="kind", title=T("只看一种资源", "One kind only"), example="storage.bucket"),
            Param(name="place", title=T("只看此项目或单位之内的", "Below a project or organisation")),
            Param(
                name="page_size",
                title=T("一页最多几条", "Items of a page"),
                shape="int",
                least=1,
                most=PAGE_MAX,
                example=PAGE_SIZE,
            ),
            Param(name="page_token", title=T("从上一页回答的位置继续", "Where the page before has ended")),
        ),
    ),
)
