"""The HTTP application: the interface under `/api/v1`, health, and whatever other faces hang their routes beside it.

Plain ASGI all the way: a middleware that buffers would break streams and cost each request a task.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloudhall.api import (
    account,
    attachments,
    audit,
    endpoints,
    explain,
    joining,
    names,
    notices,
    objects,
    providers,
    rules,
    search,
    security,
    usage,
    watch,
)
from cloudhall.api import bin as recycled
from cloudhall.api.answers import PRIVATE, raw, reply
from cloudhall.api.bodies import language_of, request_id_of
from cloudhall.api.endpoints import Call, Endpoint
from cloudhall.api.host import Host
from cloudhall.api.openapi import PREFIX, document
from cloudhall.api.problems import answer
from cloudhall.api.resources import Resources
from cloudhall.kernel import events
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.registry import DeclarationError
from cloudhall.kernel.text import T
from cloudhall.kernel.world import World


def create_app(kernel: Kernel, *, routes: Sequence[BaseRoute] = ()) -> Starlette:
    """Put the interface of a kernel together; `routes` are those of other faces.

    `app.state.host.close()` ends open streams and waits, so that a server that wants to stop need not wait for them.
    """
    host = Host(kernel)
    resources = Resources(host)
    declared: list[Endpoint] = [
        *account.ENDPOINTS,
        *security.ENDPOINTS,
        *joining.ENDPOINTS,
        *providers.ENDPOINTS,
        *audit.ENDPOINTS,
        *usage.ENDPOINTS,
        *search.ENDPOINTS,
        *recycled.ENDPOINTS,
        *names.ENDPOINTS,
        *explain.ENDPOINTS,
        *rules.ENDPOINTS,
        *notices.endpoints(kernel.registry),
        *attachments.endpoints(kernel.registry),
        *objects.endpoints(kernel.registry),
        *watch.endpoints(),
    ]
    declared.append(_description(resources, declared))
    _refuse_hidden_kinds(kernel, declared)
    of_kinds = [e for e in declared if _below_a_kind(kernel, e)]
    own = [e for e in declared if e not in of_kinds]
    interface = Interface(
        [endpoints.route(host, e) for e in own], resources.routes(), [endpoints.route(host, e) for e in of_kinds]
    )

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        host.close()

    app = Starlette(
        routes=[Mount(PREFIX, Problems(interface)), Route("/healthz", _health(kernel)), *routes],
        middleware=[Middleware(RequestId, world=kernel.world)],
        lifespan=lifespan,
        exception_handlers={404: _no_address},
    )
    app.state.host = host
    return app


class Interface:
    """Chooses by the first word of an address: an endpoint of its own, else a kind. Kinds are many and asked most."""

    def __init__(self, own: Sequence[Route], kinds: Sequence[Route], below: Sequence[Route]) -> None:
        """`own` are the endpoints that are no kind's, `below` those about what one resource holds."""
        self.words = {route.path.split("/")[1] for route in own}
        self.own = Router(own, redirect_slashes=False)
        self.kinds = Router(kinds, redirect_slashes=False)
        self.below = Router(below, redirect_slashes=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        word, _, rest = scope["path"].partition(f"{PREFIX}/")[2].partition("/")
        of_kind = self.below if "/" in rest else self.kinds
        await (self.own if word in self.words else of_kind)(scope, receive, send)


class RequestId:
    """Gives each request an id, the caller's own where it is sane, and says it in the answer."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        """`world` gives time and chance for new ids."""
        self.app, self.world = app, world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = next((v.decode("latin-1") for k, v in scope["headers"] if k == b"request-id"), None)
        request_id = request_id_of(given) or f"rq-{self.world.random_bytes(10).hex()}"
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("Request-Id", request_id)
            await send(message)

        await self.app(scope, receive, send_with_id)


class Problems:
    """Answers whatever an endpoint raises as a problem, unless the answer has begun."""

    def __init__(self, app: ASGIApp) -> None:
        """`app` is the interface."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except ClientDisconnect:
            return
        except Exception as error:
            if begun:
                raise
            request = Request(scope, receive)
            response = answer(error, language_of(request), request.state.request_id)
            await response(scope, receive, send)


async def _no_address(request: Request, error: Exception) -> Response:
    """Say so of an address that not even `Mount` can read, for it holds a line break."""
    return answer(error, language_of(request), request.state.request_id)


def _description(resources: Resources, declared: list[Endpoint]) -> Endpoint:
    """Endpoint of the OpenAPI document, made when it is first asked for."""
    kept: list[bytes] = []

    async def describe(_call: Call) -> Response:
        if not kept:
            kept.append(msgspec.json.encode(document(resources.kernel.registry, resources.filters, declared)))
        return raw(kept[0], "application/json")

    title = T("接口说明（OpenAPI 3.1）", "This interface (OpenAPI 3.1)")
    return Endpoint(path="/openapi.json", name="openapi", title=title, run=describe, public=True)


def _refuse_hidden_kinds(kernel: Kernel, declared: Sequence[Endpoint]) -> None:
    """A kind whose plural is an endpoint's first word could not be reached."""
    taken = {e.path.split("/")[1] for e in declared if not _below_a_kind(kernel, e)}
    for plural in taken.intersection(kernel.registry.by_plural):
        raise DeclarationError(f"the plural {plural!r} is an address of the interface itself; give the kind another")


def _below_a_kind(kernel: Kernel, endpoint: Endpoint) -> bool:
    """Whether an endpoint is about what one resource of a kind holds: `/<plural>/{id}/…`."""
    _, word, *rest = endpoint.path.split("/")
    return word in kernel.registry.by_plural and len(rest) > 1


def _health(kernel: Kernel) -> Callable[[Request], Awaitable[Response]]:
    async def health(_request: Request) -> Response:
        """Say whether the store answers; for load balancers and process managers, without a credential."""
        try:
            revision = events.head(kernel.store.read())
        except Exception:  # noqa: BLE001  whatever it is, this server cannot serve
            return Response(b'{"status":"failing"}', 503, dict(PRIVATE), "application/json")
        return reply({"status": "ok", "revision": revision})

    return health
