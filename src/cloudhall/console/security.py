"""My security: password, codes, passkeys, recovery codes, sessions, tokens of oneself; sessions and factors of others.

What is shown once (secret, recovery codes) is the answer to a post and stands on no other page.
"""

from typing import TYPE_CHECKING

from markupsafe import Markup
from starlette.responses import Response

from cloudhall.console import devices, entering, session
from cloudhall.console.equivalents import Call
from cloudhall.domains.identity import ceremonies, factors, passwords, session_list, sessions, totp
from cloudhall.domains.identity.person import Person
from cloudhall.kernel.errors import CloudhallError, Unauthenticated
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

PAGE = "/security"
QR_SCALE = 5
DONE = {
    "removed": T("已移除", "Removed"),
    "ended": T("会话已结束", "The session has ended"),
    "others": T("其他会话已全部结束", "Every other session has ended"),
    "reset": T("第二因素已移除，会话已结束", "The second factors are taken away, and the sessions ended"),
}


def index(visit: "Visit", error: CloudhallError | None = None) -> Response:
    """Everything that guards one's own account."""
    person = _person(visit)
    return visit.page(
        "security.html",
        status=error.status if error else 200,
        call=Call("GET", "/factors", ("security", "show")),
        error=error,
        done=DONE.get(visit.query.get("done", "")),
        person=person,
        held=factors.held(visit.tx, person.id),
        must_enrol=factors.must_enrol(visit.tx, person.id, visit.now_us),
        has_password=passwords.there(visit.tx, person.id),
        ceremony=entering.ceremony_to_register(visit, person),
        elsewhere=entering.passkey_home(visit),
        found=session_list.of(visit.kernel, person.id, visit.request.cookies.get(session.SESSION_COOKIE, "")),
        how=sessions.HOW,
        device=devices.named,
    )


def change(visit: "Visit") -> Response:
    """Do what a button of the page says."""
    try:
        return CHANGES[visit.posted("do")](visit)
    except CloudhallError as error:
        return index(visit, error)


def _set_up(visit: "Visit") -> Response:
    """Make a secret and show it, once."""
    person = _proven(visit)
    return _secret_page(visit, totp.enrol(visit.kernel, person))


def _confirm(visit: "Visit") -> Response:
    """Put codes into force by a first one; the secret is not shown again when it was wrong."""
    try:
        kept = factors.confirm(visit.kernel, visit.caller, _person(visit), visit.posted("code"))
    except Unauthenticated as error:
        return _secret_page(visit, None, error)
    return _kept(visit, kept)


def _register(visit: "Visit") -> Response:
    """Keep a passkey that the browser has made."""
    person, site = _proven(visit), ceremonies.site_of(visit.origin)
    if site is None:
        raise ceremonies.no_site()
    given = visit.posted("ticket"), visit.posted("name"), visit.posted("credential")
    made = ceremonies.registered(visit.kernel, person, site, *given)
    return _kept(visit, factors.add_passkey(visit.kernel, visit.caller, person, made))


def _renew(visit: "Visit") -> Response:
    return _kept(visit, factors.renew(visit.kernel, visit.caller, _proven(visit)))


def _remove(visit: "Visit") -> Response:
    factors.remove(visit.kernel, visit.caller, _proven(visit), visit.posted("passkey"))
    return visit.go(f"{PAGE}?done=removed")


def _end(visit: "Visit") -> Response:
    session_list.end(visit.kernel, visit.caller, _person(visit), visit.posted("id"))
    return visit.go(f"{PAGE}?done=ended")


def _end_others(visit: "Visit") -> Response:
    keep = visit.request.cookies.get(session.SESSION_COOKIE, "")
    session_list.end_all(visit.kernel, visit.caller, _person(visit), keep=keep)
    return visit.go(f"{PAGE}?done=others")


CHANGES = {
    "set-up": _set_up,
    "confirm": _confirm,
    "register": _register,
    "renew": _renew,
    "remove": _remove,
    "end": _end,
    "end-others": _end_others,
}


def others(visit: "Visit", error: CloudhallError | None = None) -> Response:
    """Sessions and factors of somebody else, for a security administrator; first the question of whom."""
    name = (visit.posted("person") or visit.query.get("person", "")).strip().lower()
    found: list[session_list.Session] = []
    person = None
    if name and error is None:
        try:
            person = visit.kernel.find(visit.caller, Person, name)
            found = session_list.of_other(visit.kernel, visit.caller, person)
        except CloudhallError as refused:
            person, error = None, refused
    return visit.page(
        "security_others.html",
        status=error.status if error else 200,
        call=Call("GET", f"/sessions?person={name or '…'}", ("session", "list", "--person", name or "LOGIN")),
        error=error,
        done=DONE.get(visit.query.get("done", "")),
        name=name,
        person=person,
        found=found,
        held=factors.held(visit.tx, person.id) if person else None,
        how=sessions.HOW,
        device=devices.named,
    )


def change_others(visit: "Visit") -> Response:
    """End a session or all of somebody, or take their second factors away."""
    try:
        person = visit.kernel.find(visit.caller, Person, visit.posted("person"))
        done = _done_to(visit, person)
    except CloudhallError as error:
        return others(visit, error)
    return visit.go(f"{PAGE}/others?person={person.name}&done={done}")


def _done_to(visit: "Visit", person: Person) -> str:
    if visit.posted("do") == "reset":
        factors.reset(visit.kernel, visit.caller, person)
        return "reset"
    if visit.posted("do") == "end":
        session_list.end(visit.kernel, visit.caller, person, visit.posted("id"))
        return "ended"
    session_list.end_all(visit.kernel, visit.caller, person)
    return "others"


def _person(visit: "Visit") -> Person:
    """Whoever asks: a session is always a person's, and they may see themselves even before they have enrolled."""
    person = visit.kernel.tables[Person].get(visit.tx, visit.caller.id)
    assert person is not None
    return person


def _proven(visit: "Visit") -> Person:
    person = _person(visit)
    factors.prove(visit.kernel, person, visit.posted("proof"))
    return person


def _secret_page(visit: "Visit", made: totp.Enrolment | None, error: CloudhallError | None = None) -> Response:
    return visit.page(
        "security_codes.html",
        status=error.status if error else 200,
        error=error,
        made=made,
        square=made and _square(made),
    )


def _square(made: totp.Enrolment) -> Markup:
    """Square code of a secret, drawn here: black on white in every look, for that is what cameras read."""
    import segno

    code = segno.make(made.uri, error="m", micro=False)
    return Markup(code.svg_inline(scale=QR_SCALE, dark="black", light="white", svgclass="square"))  # noqa: S704  segno draws, nobody else's text is in it


def _kept(visit: "Visit", recovery_codes: tuple[str, ...]) -> Response:
    return visit.page("security_kept.html", recovery_codes=recovery_codes)
