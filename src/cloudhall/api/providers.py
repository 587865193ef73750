"""Identity providers over HTTP: which ones log people in, and the secret of our client at one.

The log-in itself is a browser's and walks over the console; programs use tokens.
"""

from typing import Annotated

from starlette.responses import Response

from cloudhall.api.answers import empty, reply
from cloudhall.api.endpoints import Call, Endpoint
from cloudhall.domains.identity.identity_provider import IdentityProvider, offered, title
from cloudhall.kernel.kinds import Spec, field
from cloudhall.kernel.text import T


class ClientSecret(Spec, frozen=True, kw_only=True):
    """The secret that a provider knows our client by; an empty one takes away what is kept."""

    provider: Annotated[str, field("身份提供方", "Identity provider", T("名称或编号", "name or id"), max_length=63)]
    secret: Annotated[str, field("客户端密钥", "Client secret", max_length=1_000)]


async def providers(call: Call) -> Response:
    """Providers that the log-in page offers, and where a browser begins."""
    found = offered(call.host.kernel)
    return reply({"items": [{"id": p.id, "title": title(p), "begin": f"/login/with/{p.id}"} for p in found]})


async def entrust(call: Call) -> Response:
    """Keep the secret of our client."""
    from cloudhall.domains.identity import provider_log_in

    kernel, body = call.host.kernel, call.body
    provider = kernel.find(call.caller, IdentityProvider, body["provider"])
    await call.host.read(provider_log_in.entrust, kernel, call.caller, provider, body["secret"])
    return empty()


ENDPOINTS = (
    Endpoint(
        path="/login/providers",
        name="login_providers",
        title=T("可用来登录的身份提供方", "Identity providers to log in by"),
        run=providers,
        public=True,
    ),
    Endpoint(
        method="POST",
        path="/client-secret",
        name="keep_client_secret",
        title=T("保存身份提供方的客户端密钥", "Keep the client secret of an identity provider"),
        run=entrust,
        body=ClientSecret,
        status=204,
    ),
)
