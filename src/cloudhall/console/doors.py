"""Log in, log out, and the switch of looks: the views that need no kind and change no resource."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import Response

from cloudhall.console import entering, joining, looks, passwords, session
from cloudhall.domains.identity import resets, sessions
from cloudhall.domains.identity.identity_provider import offered, title
from cloudhall.kernel.errors import CloudhallError, Invalid, TooMany, Unauthenticated, Unavailable
from cloudhall.kernel.roles import ROLES
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit


class DemoLogin(NamedTuple):
    """A log-in of the demonstration city: who, in which role, with which password."""

    login: str
    role: T
    password: str


def login_page(visit: "Visit", error: CloudhallError | None = None) -> Response:
    """Form to log in; on this machine also the demonstration log-ins, each with a button."""
    visit.greet()
    status = error.status if isinstance(error, TooMany | Unavailable) else 401 if error else 200
    return visit.page(
        "login.html",
        status=status,
        error=error,
        back=session.safe_return(visit.posted("next") or visit.query.get("next", "/")),
        login=visit.posted("login"),
        demo=demo_logins(visit),
        ceremony=entering.ceremony_alone(visit),
        elsewhere=entering.passkey_home(visit),
        may_ask=joining.may_ask(visit),
        providers=[(p.id, title(p)) for p in offered(visit.kernel)],
    )


def login(visit: "Visit") -> Response:
    """Open a session and go to where the visitor wanted to be; with a one-time code first choose a password."""
    try:
        if resets.is_code(visit.posted("password")):
            return passwords.choose_form(visit, visit.posted("password"))
        return entering.with_password(visit, visit.posted("login"), visit.posted("password"), visit.posted("next"))
    except (Unauthenticated, TooMany) as error:
        return login_page(visit, error)


def second(visit: "Visit") -> Response:
    """Take the second step by a code; whoever is late begins again."""
    return _or_back(visit, entering.with_code)


def second_passkey(visit: "Visit") -> Response:
    """Take the second step by a passkey; whoever is late begins again."""
    return _or_back(visit, entering.with_passkey)


def passkey(visit: "Visit") -> Response:
    """Open a session by a passkey alone."""
    return _or_back(visit, entering.alone)


def _or_back(visit: "Visit", enter: Callable[["Visit"], Response]) -> Response:
    try:
        return enter(visit)
    except (Unauthenticated, Invalid) as error:
        return login_page(visit, error)


def choose(visit: "Visit") -> Response:
    """Choose a password with a one-time code; one that is worth nothing leads back to the door."""
    try:
        return passwords.choose(visit)
    except Unauthenticated as error:
        return login_page(visit, error)


def logout(visit: "Visit") -> Response:
    """End the session, here and in the store."""
    sessions.logout(visit.kernel, visit.request.cookies[session.SESSION_COOKIE])
    visit.cookies[session.SESSION_COOKIE] = ""
    return visit.go("/login")


def change_looks(visit: "Visit") -> Response:
    """Remember one choice of the looks menu and go back."""
    visit.cookies |= looks.looks_asked(dict(visit.form))
    return visit.go(session.safe_return(visit.posted("next")))


def demo_logins(visit: "Visit") -> list[DemoLogin]:
    """Log-ins of the demonstration city; on loopback only."""
    known = getattr(visit.kernel, "demo_logins", ()) if session.is_loopback(visit.request) else ()
    return [DemoLogin(login_name, _role(role), password) for login_name, role, password in known]


def _role(role: T | str) -> T:
    return role if isinstance(role, T) else ROLES.get(role, T(role, role))
