"""Who calls: the bearer of an API token or of a session.

A cookie is never a credential here; the console has its own door, so that no page elsewhere can make a browser call
the interface.
"""

import msgspec
from starlette.requests import Request

from cloudhall.api.bodies import language_of
from cloudhall.domains.identity import sessions
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Unauthenticated
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.text import T

AGENT_LENGTH_MAX = 200


def caller_of(kernel: Kernel, request: Request, *, enrolling: bool = False) -> Caller:
    """Authenticate a request; raises `Unauthenticated`. Cost: that of `sessions.authenticate`."""
    found = sessions.authenticate(
        kernel,
        credential_of(request),
        request=request.state.request_id,
        address=address_of(request),
        agent=agent_of(request),
        enrolling=enrolling,
    )
    return msgspec.structs.replace(found, language=language_of(request))


def credential_of(request: Request) -> str:
    """Return the secret behind `Authorization: Bearer`."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not credential.strip():
        raise Unauthenticated(
            T("请求没有带令牌", "The request carries no token"),
            mend=T(
                "在请求头中带上 Authorization: Bearer <令牌>；令牌由 POST /api/v1/login 或访问令牌页面得到",
                "Send Authorization: Bearer <token>; POST /api/v1/login or the page of API tokens gives one",
            ),
            reason="NO_CREDENTIAL",
        )
    return credential.strip()


def address_of(request: Request) -> str:
    """Network address of the other side; empty behind a Unix socket."""
    return request.client.host if request.client else ""


def agent_of(request: Request) -> str:
    """What the client says it is."""
    return request.headers.get("user-agent", "")[:AGENT_LENGTH_MAX]
