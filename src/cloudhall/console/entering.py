"""Coming in: the second step after a password, and a passkey instead of both. Nothing here opens a session by itself.

A passkey works where the browser knows this server by a name of ours (`ceremonies.site_of`); elsewhere the pages say
where that is. The script only asks the device and fills the form, so that the answer is posted like any other form.
"""

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
from starlette.responses import Response

from cloudhall.console import session
from cloudhall.domains.identity import ceremonies, factors, second, sessions, tickets
from cloudhall.kernel.errors import CloudhallError, Unauthenticated

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit


class Ceremony(NamedTuple):
    """What a page needs to ask a device: the ticket that comes back with the answer, and the options as JSON."""

    ticket: str
    options: str


def with_password(visit: "Visit", login: str, password: str, path: str) -> Response:
    """Open a session and go to `path`, or ask for the second factor. Raises `Unauthenticated` or `TooMany`."""
    try:
        secret, _ = sessions.login(visit.kernel, login, password, address=visit.address, agent=visit.agent)
    except Unauthenticated as error:
        if error.reason != sessions.SECOND_FACTOR:
            raise
        return second_form(visit, error.details["ticket"], path)
    return opened(visit, secret, path)


def opened(visit: "Visit", secret: str, path: str) -> Response:
    """Give the browser its session, and go on."""
    visit.cookies[session.SESSION_COOKIE] = secret
    return visit.go(session.safe_return(path))


def second_form(visit: "Visit", ticket: str, path: str, error: CloudhallError | None = None) -> Response:
    """Form for the second factor of whoever has given the right password; raises `Unauthenticated` when it is late."""
    visit.greet()
    _, person = second.asked(visit.kernel, ticket)
    held, site = factors.held(visit.tx, person.id), ceremonies.site_of(visit.origin)
    options = ceremonies.options_to_show(visit.kernel, site, ticket, person.id) if held.passkeys and site else None
    return visit.page(
        "second.html",
        status=error.status if error else 200,
        error=error,
        held=held,
        ceremony=_ceremony(ticket, options) if options else None,
        elsewhere=passkey_home(visit),
        ticket=ticket,
        back=session.safe_return(path),
    )


def with_code(visit: "Visit") -> Response:
    """Take the second step by a code; raises `Unauthenticated` when it is late."""
    ticket, path = visit.posted("ticket"), visit.posted("next")
    try:
        secret, _ = second.with_code(visit.kernel, ticket, visit.posted("code"), _door(visit))
    except CloudhallError as error:
        return second_form(visit, ticket, path, error)
    return opened(visit, secret, path)


def with_passkey(visit: "Visit") -> Response:
    """Take the second step by a passkey; raises `Unauthenticated` when it is late."""
    ticket, path, site = visit.posted("ticket"), visit.posted("next"), _site(visit)
    try:
        secret, _ = second.with_passkey(visit.kernel, ticket, site, visit.posted("credential"), _door(visit))
    except CloudhallError as error:
        return second_form(visit, ticket, path, error)
    return opened(visit, secret, path)


def alone(visit: "Visit") -> Response:
    """Come in with a passkey and nothing else; raises `Unauthenticated`."""
    given = visit.posted("ticket"), _site(visit), visit.posted("credential")
    secret, _ = second.alone(visit.kernel, *given, _door(visit))
    return opened(visit, secret, visit.posted("next"))


def ceremony_alone(visit: "Visit") -> Ceremony | None:
    """What the log-in page needs, where passkeys work."""
    site = ceremonies.site_of(visit.origin)
    if site is None:
        return None
    ticket = tickets.issue(visit.kernel, ceremonies.ALONE)
    return _ceremony(ticket, ceremonies.options_to_show(visit.kernel, site, ticket))


def ceremony_to_register(visit: "Visit", person: Any) -> Ceremony | None:
    """What one's own page needs to make a passkey, where passkeys work."""
    site = ceremonies.site_of(visit.origin)
    return _ceremony(*ceremonies.options_to_register(visit.kernel, person, site)) if site else None


def passkey_home(visit: "Visit") -> str:
    """Address at which passkeys work, for whoever came by another; empty where there is none."""
    here = urlsplit(visit.origin)
    if ceremonies.site_of(visit.origin):
        return ""
    if here.hostname in ("127.0.0.1", "::1"):
        return f"{here.scheme}://{ceremonies.LOOPBACK}" + (f":{here.port}" if here.port else "")
    return ceremonies.own_address()


def _site(visit: "Visit") -> ceremonies.Site:
    site = ceremonies.site_of(visit.origin)
    if site is None:
        raise ceremonies.no_site()
    return site


def _door(visit: "Visit") -> second.Door:
    return second.Door(visit.address, visit.agent)


def _ceremony(ticket: str, options: Any) -> Ceremony:
    return Ceremony(ticket, msgspec.json.encode(options).decode())
