"""Searching: names, ids, labels and indexed text of every kind, among what the caller may see.

Cost: an id is one look-up; a word reads the visible rows of each kind until it has found enough, so that a word that
occurs nowhere reads them all. Few enough to walk until the search engine takes over.
"""

from typing import Any

from starlette.responses import Response

from cloudhall.api.answers import reply
from cloudhall.api.endpoints import Call, Endpoint
from cloudhall.api.filters import containing
from cloudhall.api.params import Param
from cloudhall.api.sight import kind_named
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.ids import is_id
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import state_of

MOST = 100
HITS = 20


async def search(call: Call) -> Response:
    """Answer `items`, kind by kind in the order of the registry, newest first; `more` names kinds with further hits."""
    kernel, query = call.host.kernel, call.query
    kinds = _kinds(kernel, query.get("kind", ""), query["q"])
    found = await call.host.read(_found, kernel, call.caller, kinds, query["q"], query.get("page_size", HITS))
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
        rows = kernel.page(caller, kind, containing(kind, text), limit=size + 1)
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
