"""Endpoints that are no kind's: declared once with their parameters; route, checks and OpenAPI follow from that."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloudhall.api import bodies, params
from cloudhall.api.auth import caller_of
from cloudhall.api.host import Host
from cloudhall.api.params import Param, Query
from cloudhall.api.problems import refuse
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Problem
from cloudhall.kernel.fields import problems
from cloudhall.kernel.kinds import Spec
from cloudhall.kernel.text import T

NOBODY = Caller(id="nobody")


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request, checked. `caller` is `NOBODY` at a public endpoint; `body` is empty where none is declared."""

    host: Host
    request: Request
    caller: Caller
    query: Query
    body: Mapping[str, Any]

    def path(self, name: str) -> str:
        """Part of the address, as declared in braces."""
        return str(self.request.path_params[name])


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One operation. `path` is below `/api/v1`; `name` is its operationId; `public` asks for no credential.

    `enrolling` lets in whoever must set up a second factor first.
    """

    method: Literal["GET", "POST", "DELETE"] = "GET"
    path: str
    name: str
    title: T
    run: Callable[[Call], Awaitable[Response]]
    params: tuple[Param, ...] = ()
    body: type[Spec] | None = None
    media_type: str = "application/json"
    status: int = 200
    takes_file: bool = False
    public: bool = False
    enrolling: bool = False


def route(host: Host, endpoint: Endpoint) -> Route:
    """Make the route of an endpoint: authenticate, check the query and the body, run."""

    async def run(request: Request) -> Response:
        caller = NOBODY if endpoint.public else caller_of(host.kernel, request, enrolling=endpoint.enrolling)
        found: list[Problem] = []
        query = params.read(request, endpoint.params, found)
        body = await bodies.read_object(request) if endpoint.body else {}
        if endpoint.body:
            found += problems(endpoint.body, body)
        refuse(found)
        return await endpoint.run(Call(host=host, request=request, caller=caller, query=query, body=body))

    return Route(endpoint.path, run, methods=[endpoint.method], name=endpoint.name)
