"""Coming in by a code, and asking for one: for people who have no account yet, and for those who take a role to theirs.

Public but for `accept`; a code is the credential, and whoever has none is told nothing.
"""

from typing import Annotated, Any

from starlette.responses import Response

from cloudhall.api.answers import reply
from cloudhall.api.auth import address_of
from cloudhall.api.endpoints import Call, Endpoint
from cloudhall.domains.identity import joining, letters, passwords, signing_up
from cloudhall.domains.identity.join_request import JoinRequest
from cloudhall.domains.identity.joining import Newcomer, Way
from cloudhall.domains.identity.signing_up import Asking
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.kinds import Spec, field
from cloudhall.kernel.roles import ROLES
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import rfc3339, to_wire

CODE = field("代码", "Code", T("邀请或申请链接中的代码", "as it stands in the link"), max_length=64)


class Shown(Spec, frozen=True, kw_only=True):
    """The code of an invitation or of a request to join."""

    code: Annotated[str, CODE]


class Joining(Shown, frozen=True, kw_only=True):
    """What somebody without an account chooses."""

    login: Annotated[str, field("登录名", "Log-in", example="wu-min", max_length=63)]
    display_name: Annotated[str, field("姓名", "Name", max_length=80, example="吴敏")]
    display_name_en: Annotated[str, field("英文姓名", "Name in English", max_length=80)] = ""
    password: Annotated[str, field("密码", "Password", passwords.RULE, max_length=256)]


class SignUp(Spec, frozen=True, kw_only=True):
    """Who asks to join which organisation, and why."""

    organisation: Annotated[str, field("单位", "Organisation", example="weather", max_length=63)]
    display_name: Annotated[str, field("姓名", "Name", max_length=80, example="吴敏")]
    reason: Annotated[str, field("申请理由", "Why", max_length=500)]
    email: Annotated[str, field("邮箱", "E-mail", max_length=254)] = ""


async def look(call: Call) -> Response:
    """Say what a code opens."""
    kernel = call.host.kernel
    return reply(told(kernel, joining.look(kernel, call.body["code"])))


async def join(call: Call) -> Response:
    """Open an account with a code."""
    body = dict(call.body)
    code = body.pop("code")
    run, request = joining.join, call.request.state.request_id
    person = await call.host.log_in(run, call.host.kernel, code, Newcomer(**body), request=request)
    return reply(to_wire(person), 201)


async def accept(call: Call) -> Response:
    """Take the role of a code to one's own account."""
    kernel = call.host.kernel
    return reply(told(kernel, await call.host.read(joining.accept, kernel, call.body["code"], call.caller)))


async def organisations(call: Call) -> Response:
    """Organisations that may be asked."""
    found = signing_up.organisations(call.host.kernel)
    return reply({"items": [{"id": o.id, "name": o.name, "title": letters.title_of(o)} for o in found]})


async def sign_up(call: Call) -> Response:
    """Ask to join; the code is shown this once."""
    body = dict(call.body)
    organisation = body.pop("organisation")
    code = await call.host.read(
        signing_up.ask,
        call.host.kernel,
        organisation,
        Asking(**body),
        address=address_of(call.request),
        request=call.request.state.request_id,
    )
    return reply({"code": code}, 201)


def told(kernel: Kernel, way: Way) -> dict[str, Any]:
    """A way in as it goes on the wire."""
    body: dict[str, Any] = {"place": letters.place_title(kernel, way.row.place), "good": way.good}
    body["progress"] = way.row.spec.progress
    if isinstance(way.row, JoinRequest):
        body["decision"] = way.row.spec.decision
    if way.good:
        body |= {"role": way.role, "role_title": ROLES[way.role], "expires_at": rfc3339(way.ends_us)}
    return body


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/join/look",
        name="look_at_code",
        title=T("代码能做什么", "What a code opens"),
        run=look,
        body=Shown,
        public=True,
    ),
    Endpoint(
        method="POST",
        path="/join",
        name="join",
        title=T("凭代码开立账号", "Open an account with a code"),
        run=join,
        body=Joining,
        status=201,
        public=True,
    ),
    Endpoint(
        method="POST",
        path="/join/accept",
        name="accept_code",
        title=T("用已有账号接受", "Accept with the account one has"),
        run=accept,
        body=Shown,
    ),
    Endpoint(
        path="/sign-up",
        name="organisations_to_join",
        title=T("可申请加入的单位", "Organisations that may be asked"),
        run=organisations,
        public=True,
    ),
    Endpoint(
        method="POST",
        path="/sign-up",
        name="sign_up",
        title=T("申请加入", "Ask to join"),
        run=sign_up,
        body=SignUp,
        status=201,
        public=True,
    ),
)
