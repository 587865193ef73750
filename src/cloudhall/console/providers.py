"""Log-in by an identity provider, as the browser walks it; linking an account there; the secret of our client.

A log-in begins by a link, because a form may not lead elsewhere (`form-action`). Linking changes what guards an
account: it begins by a form of this session, with proof of who sends it; the link stands on the page after.
"""

from typing import TYPE_CHECKING

from starlette.responses import Response

from cloudhall.console import doors, session
from cloudhall.console.equivalents import Call
from cloudhall.domains.identity import factors, letters, provider_log_in
from cloudhall.domains.identity.identity_provider import IdentityProvider, one_offered, title
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.provider_log_in import Browser
from cloudhall.kernel.errors import CloudhallError

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit


def begin(visit: "Visit", provider: str) -> Response:
    """Send the browser to log in there."""
    visit.greet()
    back = session.safe_return(visit.query.get("next", "/"))
    try:
        row = one_offered(visit.kernel, provider)
        return visit.go(provider_log_in.begin(visit.kernel, row, _browser(visit, row), back))
    except CloudhallError as error:
        return doors.login_page(visit, error)


def finish(visit: "Visit", provider: str) -> Response:
    """Take the answer, and go where the visitor wanted to be."""
    try:
        row = one_offered(visit.kernel, provider)
        arrival = provider_log_in.finish(visit.kernel, row, visit.query, _browser(visit, row))
    except CloudhallError as error:
        return doors.login_page(visit, error)
    if arrival.secret:
        visit.cookies[session.SESSION_COOKIE] = arrival.secret
    return visit.go(session.safe_return(arrival.back))


def link_form(visit: "Visit", provider: str, error: CloudhallError | None = None, address: str = "") -> Response:
    """Form to link an account there; with `address` where to go on."""
    row = one_offered(visit.kernel, provider)
    return visit.page(
        "link.html",
        status=error.status if error else 200,
        error=error,
        provider=row,
        provider_title=title(row),
        address=address,
    )


def link(visit: "Visit", provider: str) -> Response:
    """Begin to link, once it is proven who asks."""
    kernel = visit.kernel
    person = kernel.find(visit.caller, Person, visit.caller.id)
    try:
        row = one_offered(kernel, provider)
        factors.prove(kernel, person, visit.posted("proof"))
        address = provider_log_in.begin(kernel, row, _browser(visit, row), f"/people/{person.id}", person.id)
    except CloudhallError as error:
        return link_form(visit, provider, error)
    return link_form(visit, provider, address=address)


def secret_form(visit: "Visit", error: CloudhallError | None = None) -> Response:
    """Form for the client secret of a provider."""
    name = visit.posted("provider") or visit.query.get("provider", "")
    provider = visit.kernel.find(visit.caller, IdentityProvider, name)
    body = {"provider": provider.name, "secret": "…"}
    return visit.page(
        "client_secret.html",
        status=error.status if error else 200,
        call=Call("POST", "/client-secret", ("client-secret", provider.name), body),
        error=error,
        provider=provider,
    )


def entrust(visit: "Visit") -> Response:
    """Keep the client secret."""
    provider = visit.kernel.find(visit.caller, IdentityProvider, visit.posted("provider"))
    try:
        provider_log_in.entrust(visit.kernel, visit.caller, provider, visit.posted("secret"))
    except CloudhallError as error:
        return secret_form(visit, error)
    return visit.go(f"/{IdentityProvider.meta.plural}/{provider.id}")


def _browser(visit: "Visit", provider: IdentityProvider) -> Browser:
    return Browser(
        token=visit.token,
        callback=f"{letters.address(visit.origin)}/login/from/{provider.id}",
        person=visit.caller.id if visit.known else "",
        address=visit.address,
        agent=visit.agent,
        request=visit.id,
    )
