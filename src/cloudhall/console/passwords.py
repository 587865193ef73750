"""Pages about passwords: one's own changed, one chosen with a one-time code, somebody else's reset.

Whoever changes or chooses is logged in with the new one at once; every other session has ended.
"""

from typing import TYPE_CHECKING

from starlette.responses import Response

from cloudhall.console import entering, session
from cloudhall.console.equivalents import Call
from cloudhall.domains.identity import passwords, resets
from cloudhall.domains.identity.person import Person
from cloudhall.kernel.errors import CloudhallError, Invalid, Problem
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

CHANGE = Call("POST", "/password", ("password", "change"), {"old": "…", "password": "…"})


def change_form(visit: "Visit", error: CloudhallError | None = None) -> Response:
    """Form for one's own password."""
    return visit.page(
        "password.html",
        status=error.status if error else 200,
        call=CHANGE,
        error=error,
        rule=passwords.RULE,
        done="done" in visit.query,
    )


def change(visit: "Visit") -> Response:
    """Change one's own password and stay logged in."""
    kernel = visit.kernel
    try:
        password = typed_twice(visit)
        person = kernel.find(visit.caller, Person, visit.caller.id)
        passwords.change(kernel, visit.caller, person, visit.posted("old"), password)
    except CloudhallError as error:
        return change_form(visit, error)
    return log_in(visit, person, password, "/password?done=1")


def choose_form(visit: "Visit", code: str, error: Invalid | None = None) -> Response:
    """Form of whoever has a code; raises `Unauthenticated` for one that is worth nothing."""
    person = resets.owner(visit.kernel, code)
    return visit.page(
        "choose.html",
        status=error.status if error else 200,
        error=error,
        rule=passwords.RULE,
        code=code,
        person=person,
        back=session.safe_return(visit.posted("next")),
    )


def choose(visit: "Visit") -> Response:
    """Use a code up and log its owner in; raises `Unauthenticated` for one that is worth nothing."""
    code = visit.posted("code")
    try:
        password = typed_twice(visit)
        person = resets.choose(visit.kernel, code, password, request=visit.id)
    except Invalid as error:
        return choose_form(visit, code, error)
    return log_in(visit, person, password, session.safe_return(visit.posted("next")))


def reset_form(visit: "Visit", error: CloudhallError | None = None, code: resets.Code | None = None) -> Response:
    """Form to reset somebody's password; with `code` what came of it, shown this once."""
    name = visit.posted("person") or visit.query.get("person", "")
    return visit.page(
        "reset.html",
        status=error.status if error else 200,
        call=Call("POST", "/password/reset", ("password", "reset", name or "LOGIN"), {"person": name or "…"}),
        error=error,
        person=name,
        code=code,
    )


def reset(visit: "Visit") -> Response:
    """Reset somebody's password."""
    try:
        person = visit.kernel.find(visit.caller, Person, visit.posted("person").strip().lower())
        code = resets.reset(visit.kernel, visit.caller, person)
    except CloudhallError as error:
        return reset_form(visit, error)
    return reset_form(visit, code=code)


def typed_twice(visit: "Visit") -> str:
    """A new password, typed the same twice; raises `Invalid`."""
    password = visit.posted("password")
    if password != visit.posted("again"):
        text = T("两次输入的密码不一样", "The two passwords are not the same")
        raise Invalid(text, mend=T("再输入一次", "Type both again"), problems=(Problem("AGAIN", "/again", text),))
    return password


def log_in(visit: "Visit", person: Person, password: str, path: str) -> Response:
    """Log in whoever has just chosen a password, and go on."""
    return entering.with_password(visit, person.name, password, path)
