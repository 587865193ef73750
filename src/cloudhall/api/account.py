"""Log in, log out, passwords, and who one is."""

from typing import Annotated

from starlette.responses import Response

from cloudhall.api.answers import empty, reply
from cloudhall.api.auth import address_of, agent_of, credential_of
from cloudhall.api.endpoints import Call, Endpoint
from cloudhall.domains.identity import passwords, resets, sessions
from cloudhall.domains.identity.person import Person
from cloudhall.kernel import places
from cloudhall.kernel.errors import Conflict
from cloudhall.kernel.kinds import Spec, field
from cloudhall.kernel.roles import ROLES
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import rfc3339, to_wire


class Login(Spec, frozen=True, kw_only=True):
    """What a person knows."""

    login: Annotated[str, field("登录名", "Log-in", example="chen-xiaolan", max_length=63)]
    password: Annotated[str, field("密码", "Password", max_length=256)]


async def login(call: Call) -> Response:
    """Open a session; whoever holds a second factor gets a ticket for the second step with the refusal."""
    token, person = await call.host.log_in(
        sessions.login,
        call.host.kernel,
        call.body["login"],
        call.body["password"],
        address=address_of(call.request),
        agent=agent_of(call.request),
    )
    return reply({"token": token, "expires_in_s": sessions.SESSION_US // 1_000_000, "person": to_wire(person)})


class NewPassword(Spec, frozen=True, kw_only=True):
    """One's own password: the one in force, and the next."""

    old: Annotated[str, field("旧密码", "Old password", max_length=256)]
    password: Annotated[str, field("新密码", "New password", passwords.RULE, max_length=256)]


async def change_password(call: Call) -> Response:
    """Set one's own password and end all one's sessions. Hashing runs where log-ins do, a few at a time."""
    kernel, body = call.host.kernel, call.body
    person = kernel.find(call.caller, Person, call.caller.id)
    await call.host.log_in(passwords.change, kernel, call.caller, person, body["old"], body["password"])
    return empty()


class ChosenPassword(Spec, frozen=True, kw_only=True):
    """A one-time code, and the password that its owner wants."""

    code: Annotated[str, field("一次性代码", "One-time code", max_length=64)]
    password: Annotated[str, field("新密码", "New password", passwords.RULE, max_length=256)]


async def choose_password(call: Call) -> Response:
    """Set the password of whoever holds the code; the code is the credential."""
    kernel, body, request = call.host.kernel, call.body, call.request.state.request_id
    await call.host.log_in(resets.choose, kernel, body["code"], body["password"], request=request)
    return empty()


class Reset(Spec, frozen=True, kw_only=True):
    """Whose password is to be reset."""

    person: Annotated[str, field("人员", "Person", T("登录名或编号", "log-in or id"), example="wu-min", max_length=63)]


async def reset_password(call: Call) -> Response:
    """Reset somebody's password as security administrator; the code is shown this once."""
    kernel = call.host.kernel
    person = kernel.find(call.caller, Person, call.body["person"])
    code = await call.host.read(resets.reset, kernel, call.caller, person)
    return reply({"person": person.name, "code": code.secret, "expires_at": rfc3339(code.expires_us)})


async def logout(call: Call) -> Response:
    """End the session in use. An API token is no session: it lives until it is deleted."""
    if call.caller.scopes is not None:
        raise Conflict(
            T("这是访问令牌，不是会话", "This is an API token, not a session"),
            mend=T("删除该令牌即可吊销", "Delete the token to revoke it"),
            reason="NOT_A_SESSION",
        )
    await call.host.read(sessions.logout, call.host.kernel, credential_of(call.request))
    return empty()


async def whoami(call: Call) -> Response:
    """Say who the token makes one, with the roles held now and where."""
    caller, kernel = call.caller, call.host.kernel
    held = places.granted(kernel.store.read(), caller.id, kernel.world.now_us())
    roles = [{"role": role, "title": ROLES[role], "places": sorted(where)} for role, where in sorted(held.items())]
    body = {
        "id": caller.id,
        "type": caller.type,
        "name": caller.name,
        "attributes": caller.attrs,
        "scopes": caller.scopes,
        "roles": roles,
        "language": caller.language,
    }
    return reply(body)


ENDPOINTS = (
    Endpoint(method="POST", path="/login", name="login", title=T("登录", "Log in"), run=login, body=Login, public=True),
    Endpoint(
        method="POST",
        path="/logout",
        name="logout",
        title=T("退出登录", "Log out"),
        run=logout,
        status=204,
        enrolling=True,
    ),
    Endpoint(
        method="POST",
        path="/password",
        name="change_password",
        title=T("更改自己的密码", "Change one's own password"),
        run=change_password,
        body=NewPassword,
        status=204,
    ),
    Endpoint(
        method="POST",
        path="/password/choose",
        name="choose_password",
        title=T("凭一次性代码设定密码", "Choose a password with a one-time code"),
        run=choose_password,
        body=ChosenPassword,
        status=204,
        public=True,
    ),
    Endpoint(
        method="POST",
        path="/password/reset",
        name="reset_password",
        title=T("重设他人的密码", "Reset somebody's password"),
        run=reset_password,
        body=Reset,
    ),
    Endpoint(path="/whoami", name="whoami", title=T("我是谁", "Who am I"), run=whoami, enrolling=True),
)
