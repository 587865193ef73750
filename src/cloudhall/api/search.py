"""Searching: names, titles, ids, labels and indexed text of every kind, among what the caller may see; docs and rules.

Cost: an id is one look-up; a word reads the rows of each kind of which there are few, and the indexes of the others
(`saying`), so that it costs as much at 1,000,000 rows as at 10,000.
"""

from typing import Any

from starlette.responses import Response

from cloudhall.api import shelf
from cloudhall.api.answers import reply
from cloudhall.api.endpoints import Call, Endpoint
from cloudhall.api.params import Param
from cloudhall.api.saying import saying
from cloudhall.api.sight import kind_named
from cloudhall.kernel import office
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.ids import is_id
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import state_of

MOST = 100
HITS = 20


async def search(call: Call) -> Response:
    """Answer `items`, kind by kind in the order of the registry, newest first; `more` names kinds with further hits.

    `pages` are rule tables and pages of the documentation; a search of one kind has none.
    """
    kernel, query = call.host.kernel, call.query
    kinds = _kinds(kernel, query.get("kind", ""), query["q"])
    size = query.get("page_size", HITS)
    found = await call.host.read(_found, kernel, call.caller, kinds, query["q"], size)
    if "kind" not in query:
        found["pages"] = await call.host.read(_pages, kernel, call.caller, query["q"], size)
    return reply(found)


def _kinds(kernel: Kernel, key: str, text: str) -> list[AnyKind]:
    if key:
        return [kind_named(kernel, key)]
    if is_id(text):
        return [k for k in kernel.registry if k.meta.prefix == text[:2].lower()]
    return list(kernel.registry)


def _found(kernel: Kernel, caller: Caller, kinds: list[AnyKind], text: str, size: int) -> dict[str, Any]:
    items, more = [], []
    for kind in kinds:
        rows = kernel.page(caller, kind, saying(kernel, caller, kind, text), limit=size + 1)
        if len(rows) > size:
            more.append(kind.meta.plural)
        items += [
            {
                "kind": kind.meta.key,
                "title": kind.meta.title,
                "id": row.id,
                "name": row.name,
                "place": row.place,
                "labels": row.labels,
                "state": state_of(row),
            }
            for row in rows[:size]
        ]
    return {"items": items, "more": more}


def _pages(kernel: Kernel, caller: Caller, text: str, size: int) -> list[dict[str, Any]]:
    day = office.day_of(kernel.world.now_us())
    rules = shelf.rules(kernel.registry, text, day, size)
    docs = shelf.docs(text, caller.language, size)
    sorted_ = [("rules", found) for found in rules] + [("docs", found) for found in docs]
    return [{"sort": sort, "title": f.title, "part": f.aside, "path": f.href} for sort, f in sorted_]


ENDPOINTS = (
    Endpoint(
        path="/search",
        name="search",
        title=T("搜索全部资源", "Search everything"),
        run=search,
        params=(
            Param(name="q", title=T("要找的字或编号", "Word or id to look for"), required=True, example="stats"),
            Param(name="kind", title=T("只找一种资源", "One kind only")),
            Param(
                name="page_size",
                title=T("每种最多几条", "Hits of a kind"),
                shape="int",
                least=1,
                most=MOST,
                example=HITS,
            ),
        ),
    ),
)
