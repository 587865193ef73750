"""Pages for coming in: behind the link of an invitation, and asking to join where the operator lets people ask.

A link only shows what it opens; nothing is used up before a form is sent. Whoever opens an account is logged in.
"""

from typing import TYPE_CHECKING

from starlette.responses import Response

from cloudhall.console.passwords import log_in, typed_twice
from cloudhall.domains.identity import joining, letters, passwords, signing_up
from cloudhall.domains.identity.invitation import Invitation
from cloudhall.domains.identity.join_request import JoinRequest
from cloudhall.domains.identity.joining import Newcomer
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.signing_up import Asking
from cloudhall.kernel.errors import CloudhallError, NotFound, Unauthenticated
from cloudhall.kernel.roles import ROLES
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit


def page(visit: "Visit", error: CloudhallError | None = None) -> Response:
    """What a code opens, and the form to take it; a code that is worth nothing is said as such."""
    visit.greet()
    code = visit.posted("code") or visit.query.get("code", "")
    try:
        way = joining.look(visit.kernel, code)
    except Unauthenticated as worthless:
        return visit.page("join_not.html", status=worthless.status, error=worthless)
    return visit.page(
        "join.html",
        status=error.status if error else 200,
        error=error,
        code=code,
        way=way,
        place=letters.place_title(visit.kernel, way.row.place),
        role=ROLES[way.role],
        by=visit.kernel.tables[Person].get(visit.tx, way.by),
        asked=way.row if isinstance(way.row, JoinRequest) else None,
        note=way.row.spec.note if isinstance(way.row, Invitation) else "",
        rule=passwords.RULE,
    )


def join(visit: "Visit") -> Response:
    """Open an account and log its owner in."""
    try:
        password = typed_twice(visit)
        newcomer = Newcomer(visit.posted("login"), visit.posted("display_name").strip(), password)
        person = joining.join(visit.kernel, visit.posted("code"), newcomer, request=visit.id)
    except CloudhallError as error:
        return page(visit, error)
    return log_in(visit, person, password, "/")


def accept(visit: "Visit") -> Response:
    """Take the role to the account in use."""
    try:
        joining.accept(visit.kernel, visit.posted("code"), visit.caller)
    except CloudhallError as error:
        return page(visit, error)
    return visit.go("/")


def sign_up_form(visit: "Visit", error: CloudhallError | None = None, code: str = "") -> Response:
    """Form to ask; with `code` the link that whoever asked comes back with, shown this once."""
    visit.greet()
    found = signing_up.organisations(visit.kernel)
    if not found:
        raise NotFound(
            T("这里不接受加入申请", "Nobody is asked to be let in here"),
            mend=T("请单位管理员邀请你", "Ask an administrator to invite you"),
        )
    return visit.page(
        "sign_up.html",
        status=error.status if error else 200,
        error=error,
        organisations=[(o.name, letters.title_of(o)) for o in found],
        link=letters.link(code, visit.origin) if code else "",
    )


def sign_up(visit: "Visit") -> Response:
    """Ask to join."""
    asking = Asking(visit.posted("display_name").strip(), visit.posted("reason").strip(), visit.posted("email").strip())
    try:
        code = signing_up.ask(
            visit.kernel, visit.posted("organisation"), asking, address=visit.address, request=visit.id
        )
    except CloudhallError as error:
        return sign_up_form(visit, error)
    return sign_up_form(visit, code=code)


def may_ask(visit: "Visit") -> bool:
    """Whether the log-in page offers to ask."""
    return bool(signing_up.organisations(visit.kernel))
