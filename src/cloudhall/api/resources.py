"""Every kind under `/api/v1/<plural>`: list, create, read, edit, delete and the actions, from the registry alone."""

import asyncio
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloudhall.api import batch, bulk, mutations, params
from cloudhall.api.answers import empty, etag, reply
from cloudhall.api.auth import caller_of
from cloudhall.api.dry_run import to_preview
from cloudhall.api.filters import PAGE_SIZE, PLACE, Filters, facet_value
from cloudhall.api.host import Host
from cloudhall.api.mutations import MANY, Mutation
from cloudhall.api.params import Query
from cloudhall.api.problems import MethodNotAllowed, nearest, refuse
from cloudhall.api.standing import EXPLAIN, standing
from cloudhall.api.tokens import seal, unseal
from cloudhall.api.waiting import settled
from cloudhall.kernel import events
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Planner
from cloudhall.kernel.errors import Invalid, NotFound, Problem
from cloudhall.kernel.kernel import Answer
from cloudhall.kernel.kinds import Kind, Meta
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import to_wire

STATUS = {"create": 201, "delete": 202}


class Resources:
    """The handlers of all kinds."""

    def __init__(self, host: Host) -> None:
        """Prepare what is asked of each kind once."""
        self.host, self.kernel = host, host.kernel
        self.filters = {kind: Filters(kind) for kind in self.kernel.registry}

    def routes(self) -> Sequence[Route]:
        """Two addresses serve all kinds: the collection and the resource."""
        return (
            Route("/{plural}", self.collection, methods=["GET", "POST"]),
            Route("/{plural}/{target}", self.resource, methods=["GET", "PATCH", "DELETE", "POST"]),
        )

    async def collection(self, request: Request) -> Response:
        """`GET` lists, `POST` creates, `POST …:verb` changes many."""
        caller = caller_of(self.kernel, request)
        plural, _, verb = request.path_params["plural"].partition(":")
        kind = self._kind(plural)
        if verb:
            return await self._many(caller, request, kind, verb)
        if request.method == "POST":
            return await self._change(caller, request, kind, "create", "")
        return await self._list(caller, request, kind)

    async def resource(self, request: Request) -> Response:
        """`GET` reads, `GET …:explain` says why, `PATCH` edits, `DELETE` deletes, `POST …:verb` acts."""
        caller = caller_of(self.kernel, request)
        kind, target = self._kind(request.path_params["plural"]), request.path_params["target"]
        match request.method:
            case "PATCH":
                return await self._change(caller, request, kind, "update", target)
            case "DELETE":
                return await self._change(caller, request, kind, "delete", target)
            case "POST":
                target, _, verb = target.rpartition(":")
                return await self._change(caller, request, kind, _action(kind.meta, target, verb), target)
        if target.endswith(f":{EXPLAIN}"):
            row = self._found(caller, request, kind, target.removesuffix(f":{EXPLAIN}"))
            return reply(await self.host.read(standing, self.kernel, caller, row))
        row = self._found(caller, request, kind, target)
        return reply(to_wire(row), headers=etag(row.revision))

    def _kind(self, plural: str) -> AnyKind:
        kind = self.kernel.registry.by_plural.get(plural)
        if kind is None:
            text = T(f"没有名为 {plural} 的资源种类", f"There is no kind of resource called {plural}")
            raise NotFound(text, mend=nearest(plural, self.kernel.registry.by_plural))
        return kind

    def _found(self, caller: Caller, request: Request, kind: AnyKind, target: str) -> Kind[Any, Any]:
        found: list[Problem] = []
        scope = kind.meta.scope
        query = params.read(request, [PLACE[scope]] if scope in PLACE else [], found)
        refuse(found)
        return self.kernel.find(caller, kind, target, query.get(scope, ""))

    async def _list(self, caller: Caller, request: Request, kind: AnyKind) -> Response:
        found: list[Problem] = []
        query = self.filters[kind].read(request, found)
        facets = self.filters[kind].facet_names(query, found)
        refuse(found)
        return reply(await self.host.read(self._page, caller, kind, query, facets))

    def _page(self, caller: Caller, kind: AnyKind, query: Query, facets: list[str]) -> dict[str, Any]:
        """One page; `revision` is where a watch goes on from that wants to miss nothing."""
        kernel, filters = self.kernel, self.filters[kind]
        found: list[Problem] = []
        where = filters.where(Planner(kernel, kernel.store.read(), caller), query, found)
        refuse(found)
        sort, path = filters.sort(query)
        question = [kind.meta.key, sort, where]
        after = unseal(kernel.keys, query["page_token"], question) if "page_token" in query else None
        size = query.get("page_size", PAGE_SIZE)
        revision = events.head(kernel.store.read())
        rows = kernel.page(caller, kind, where, sort, after, size + 1)
        page: dict[str, Any] = {"items": [to_wire(r) for r in rows[:size]], "revision": revision}
        if len(rows) > size:
            page["next_page_token"] = seal(kernel.keys, filters.position(rows[size - 1], path), question)
        for name in facets:
            index, info = filters.indexes[name]
            counts = kernel.facet(caller, kind, index.column, where)
            values = [{"value": facet_value(info, value), "count": count} for value, count in counts]
            page.setdefault("facets", {})[name] = values
        return page

    async def _many(self, caller: Caller, request: Request, kind: AnyKind, verb: str) -> Response:
        if verb not in MANY:
            text = T(f"没有操作 {verb}", f"There is no operation {verb}")
            raise NotFound(text, mend=nearest(verb, MANY), reason="NO_SUCH_ACTION")
        if request.method != "POST":
            raise MethodNotAllowed(T(f"{verb} 只支持 POST", f"{verb} takes POST only"), allow=["POST"])
        if MANY[verb] not in kind.meta.verbs:
            raise _no_such_verb(kind.meta, MANY[verb])
        if verb == "batch_create":
            return await batch.create(self.kernel, caller, request, kind)
        return await bulk.change(self.kernel, self.filters[kind], caller, request, verb)

    async def _change(self, caller: Caller, request: Request, kind: AnyKind, verb: str, target: str) -> Response:
        if verb not in kind.meta.verbs:
            raise _no_such_verb(kind.meta, verb)
        asked = await mutations.read(self.kernel, caller, request, kind, verb, target)
        try:
            if asked.validate_only:
                return reply(to_preview(self.kernel, self.kernel.plan(caller, asked.command)))
            answer = await asyncio.wrap_future(self.kernel.execute(caller, asked.command))
        except Invalid as error:
            raise mutations.named_as_sent(error) from None
        return await self._answered(asked, answer)

    async def _answered(self, asked: Mutation, answer: Answer) -> Response:
        kind, body = asked.command.kind, answer.body
        if asked.wait_s:
            row = await settled(self.host, kind, body["id"], asked.wait_s)
            if row is None:
                return empty()
            body = to_wire(row) | ({"secret": body["secret"]} if "secret" in body else {})
        headers = etag(body["revision"])
        if asked.command.verb == "create":
            headers["Location"] = f"/api/v1/{kind.meta.plural}/{body['id']}"
        if answer.replayed:
            headers["Idempotency-Replayed"] = "true"
        return reply(body, STATUS.get(asked.command.verb, 200), headers)


def _action(meta: Meta, target: str, verb: str) -> str:
    """Name of an action, checked: `create`, `update` and `delete` have methods of their own and are none."""
    if not target:
        raise MethodNotAllowed(
            T("对单个资源的 POST 须写明操作", "A POST to one resource names an action"),
            mend=T(
                f"例如 POST /api/v1/{meta.plural}/{verb}:<操作>", f"Such as POST /api/v1/{meta.plural}/{verb}:<verb>"
            ),
            allow=_methods(meta),
        )
    if verb not in meta.actions:
        text = T(f"{meta.title.zh}没有操作 {verb}", f"{meta.title.en} has no action {verb}")
        mend = nearest(verb, meta.actions) if meta.actions else T("此类资源没有操作", "This kind has no actions")
        raise NotFound(text, mend=mend, reason="NO_SUCH_ACTION")
    return verb


def _no_such_verb(meta: Meta, verb: str) -> MethodNotAllowed:
    text = T(f"{meta.title.zh}不能由接口执行 {verb}", f"No interface can {verb} a {meta.title.en.lower()}")
    verbs = ", ".join(meta.verbs)
    methods = ["GET"] if verb == "create" else _methods(meta)
    return MethodNotAllowed(text, mend=T(f"可用：{verbs}", f"What there is: {verbs}"), allow=methods)


def _methods(meta: Meta) -> list[str]:
    """Methods that one resource of a kind takes."""
    verbs = {"update": "PATCH", "delete": "DELETE"}
    return ["GET", *(m for v, m in verbs.items() if v in meta.verbs), *(["POST"] if meta.actions else [])]
