"""What guards one's own account: second factors and sessions; and what an administrator may end or take away.

Factors and sessions are changed in a session alone: a token that leaked must not be able to lock its owner out. Whoever
must enrol first reaches this and nothing else.
"""

from typing import Annotated, Any

from starlette.responses import Response

from cloudhall.api.answers import empty, reply
from cloudhall.api.auth import address_of, agent_of, credential_of
from cloudhall.api.endpoints import Call, Endpoint
from cloudhall.api.params import Param
from cloudhall.domains.identity import factors, second, session_list, sessions, totp
from cloudhall.domains.identity.person import Person
from cloudhall.kernel.errors import Forbidden, Invalid, Problem
from cloudhall.kernel.kinds import Spec, field
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import rfc3339, to_wire

Proof = Annotated[
    str,
    field(
        "密码或验证码",
        "Password or code",
        T("证明是你本人；还没有密码的账号不必填", "that it is you; an account without a password needs none"),
        max_length=256,
    ),
]
Whose = Annotated[
    str, field("人员", "Person", T("登录名或编号；不填就是自己", "log-in or id; oneself if left out"), max_length=63)
]


class SecondStep(Spec, frozen=True, kw_only=True):
    """What the first step gave, and what proves the second."""

    ticket: Annotated[str, field("凭据", "Ticket", T("登录第一步给出", "given by the first step"), max_length=512)]
    code: Annotated[str, field("验证码或恢复码", "Code or recovery code", max_length=64)]


class Proven(Spec, frozen=True, kw_only=True):
    """Who asks, proven anew."""

    proof: Proof = ""


class FirstCode(Spec, frozen=True, kw_only=True):
    """First code of an app that has been shown the secret."""

    code: Annotated[str, field("验证码", "Code", max_length=16)]


class Removal(Spec, frozen=True, kw_only=True):
    """Which factor goes: a passkey by its id, else the codes."""

    proof: Proof = ""
    passkey: Annotated[
        str, field("通行密钥", "Passkey", T("编号；不填则移除动态验证码", "id; the codes without it"), max_length=1_400)
    ] = ""


class Reset(Spec, frozen=True, kw_only=True):
    """Whose second factors are to be taken away."""

    person: Annotated[str, field("人员", "Person", T("登录名或编号", "log-in or id"), example="wu-min", max_length=63)]


class Ending(Spec, frozen=True, kw_only=True):
    """Which session ends: one by its id, or every one; one's own but the one in use."""

    id: Annotated[str, field("会话", "Session", max_length=16)] = ""
    all: Annotated[bool, field("全部", "All", T("自己的：除当前外全部", "of one's own: all but the one in use"))] = (
        False
    )
    person: Whose = ""


async def log_in_second(call: Call) -> Response:
    """Open a session by the second factor."""
    door = second.Door(address_of(call.request), agent_of(call.request))
    kernel, body = call.host.kernel, call.body
    token, person = await call.host.read(second.with_code, kernel, body["ticket"], body["code"], door)
    return reply({"token": token, "expires_in_s": sessions.SESSION_US // 1_000_000, "person": to_wire(person)})


async def show(call: Call) -> Response:
    """Tell which second factors one holds."""
    kernel, person = call.host.kernel, _own(call)
    tx = kernel.store.read()
    held = factors.held(tx, person.id)
    body = {
        "codes": held.codes,
        "passkeys": [
            {"id": p.id, "name": p.name, "created_at": rfc3339(p.created_us), "used_at": _moment(p.used_us)}
            for p in held.passkeys
        ],
        "recovery_codes": held.recovery_codes,
        "must_enrol": factors.must_enrol(tx, person.id, kernel.world.now_us()),
    }
    return reply(body)


async def enrol(call: Call) -> Response:
    """Make the secret of an app's codes; it is shown this once."""
    person = await _proven(call)
    made = await call.host.read(totp.enrol, call.host.kernel, person)
    return reply({"secret": made.secret, "uri": made.uri})


async def confirm(call: Call) -> Response:
    """Put codes into force by a first right one; recovery codes are shown this once."""
    person = _own(call)
    made = await call.host.read(factors.confirm, call.host.kernel, call.caller, person, call.body["code"])
    return reply({"recovery_codes": made})


async def renew(call: Call) -> Response:
    """Make new recovery codes; they are shown this once."""
    person = await _proven(call)
    return reply({"recovery_codes": await call.host.read(factors.renew, call.host.kernel, call.caller, person)})


async def remove(call: Call) -> Response:
    """Take a second factor away."""
    person = await _proven(call)
    await call.host.read(factors.remove, call.host.kernel, call.caller, person, call.body.get("passkey", ""))
    return empty()


async def reset(call: Call) -> Response:
    """Take somebody's second factors away as security administrator, and end their sessions."""
    kernel = call.host.kernel
    person = kernel.find(call.caller, Person, call.body["person"])
    await call.host.read(factors.reset, kernel, call.caller, person)
    return empty()


async def list_sessions(call: Call) -> Response:
    """Tell the sessions of oneself, or of somebody as security administrator."""
    kernel, asked = call.host.kernel, call.query.get("person", "")
    if asked:
        found = await call.host.read(
            session_list.of_other, kernel, call.caller, kernel.find(call.caller, Person, asked)
        )
    else:
        found = session_list.of(kernel, _own(call).id, credential_of(call.request))
    return reply({"items": [_session(s) for s in found]})


async def end_sessions(call: Call) -> Response:
    """End a session, or all of them; answers how many."""
    kernel, body = call.host.kernel, call.body
    if bool(body.get("id")) == bool(body.get("all")):
        text = T("给出 id 或 all 之一", "Give either id or all")
        raise Invalid(text, problems=(Problem("MISSING", "/id", text),))
    own = not body.get("person")
    person = _own(call) if own else kernel.find(call.caller, Person, body["person"])
    if body.get("all"):
        keep = credential_of(call.request) if own else ""
        ended = await call.host.read(session_list.end_all, kernel, call.caller, person, keep=keep)
    else:
        await call.host.read(session_list.end, kernel, call.caller, person, body["id"])
        ended = 1
    return reply({"ended": ended})


def _own(call: Call) -> Person:
    """Whoever asks; raises `Forbidden` for a token."""
    person = call.host.kernel.tables[Person].get(call.host.kernel.store.read(), call.caller.id)
    if call.caller.scopes is not None or person is None:
        raise Forbidden(
            T("访问令牌不能查看或更改登录方式", "An API token cannot see or change how its owner logs in"),
            mend=T("登录后再做：cloudhall login", "Log in for that: cloudhall login"),
            reason="SESSION_ONLY",
        )
    return person


async def _proven(call: Call) -> Person:
    """Whoever asks, proven anew; where log-ins are hashed, a few at a time."""
    person = _own(call)
    await call.host.log_in(factors.prove, call.host.kernel, person, call.body.get("proof", ""))
    return person


def _session(s: session_list.Session) -> dict[str, Any]:
    return {
        "id": s.id,
        "this": s.this,
        "how": s.how,
        "how_title": sessions.HOW[s.how],
        "address": s.address,
        "agent": s.agent,
        "since": rfc3339(s.since_us),
        "used_at": rfc3339(s.used_us),
        "expires_at": rfc3339(s.expires_us),
    }


def _moment(at_us: int) -> str | None:
    return rfc3339(at_us) if at_us else None


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/login/second",
        name="login_second",
        title=T("登录第二步：验证码或恢复码", "Log in, second step: a code or recovery code"),
        run=log_in_second,
        body=SecondStep,
        public=True,
    ),
    Endpoint(
        path="/factors", name="factors", title=T("自己的第二因素", "One's own second factors"), run=show, enrolling=True
    ),
    Endpoint(
        method="POST",
        path="/factors/codes",
        name="enrol_codes",
        title=T("设置动态验证码", "Set up codes of an app"),
        run=enrol,
        body=Proven,
        enrolling=True,
    ),
    Endpoint(
        method="POST",
        path="/factors/codes/confirm",
        name="confirm_codes",
        title=T("用第一个验证码启用", "Confirm codes by the first one"),
        run=confirm,
        body=FirstCode,
        enrolling=True,
    ),
    Endpoint(
        method="POST",
        path="/factors/recovery",
        name="make_recovery_codes",
        title=T("生成新的恢复码", "Make new recovery codes"),
        run=renew,
        body=Proven,
    ),
    Endpoint(
        method="POST",
        path="/factors/remove",
        name="remove_factor",
        title=T("移除一个第二因素", "Remove a second factor"),
        run=remove,
        body=Removal,
        status=204,
    ),
    Endpoint(
        method="POST",
        path="/factors/reset",
        name="reset_factors",
        title=T("重设他人的第二因素", "Reset somebody's second factors"),
        run=reset,
        body=Reset,
        status=204,
    ),
    Endpoint(
        path="/sessions",
        name="sessions",
        title=T("打开的会话", "Open sessions"),
        run=list_sessions,
        params=(Param(name="person", title=T("谁的；不填就是自己", "Whose; oneself if left out")),),
    ),
    Endpoint(
        method="POST",
        path="/sessions/end",
        name="end_sessions",
        title=T("结束会话", "End sessions"),
        run=end_sessions,
        body=Ending,
    ),
)
