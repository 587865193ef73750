"""Passwords: one's own, with the old one or with a one-time code; somebody else's is reset and never set."""

import sys
from typing import Any

from cloudhall.cli.app import current
from cloudhall.cli.output import automatic, hint, note, show_pairs
from cloudhall.cli.parts import Argument, Command, Group, Option
from cloudhall.cli.session import PLAIN, is_open_wire, typed_in_secret
from cloudhall.sdk import config
from cloudhall.sdk.client import API
from cloudhall.sdk.errors import Misuse
from cloudhall.sdk.language import T, say

OLD, CODE = T("旧密码：", "Old password: "), T("一次性代码：", "One-time code: ")
NEW, AGAIN = T("新密码（8 到 256 个字符）：", "New password (8 to 256 characters): "), T("再输一次：", "Once more: ")
DIFFERENT = T("两次输入的不一样", "The two are not the same")
NO_TERMINAL = T("没有终端可询问；用 --stdin", "There is no terminal to ask on; use --stdin")
CHANGED = T("密码已更改，所有会话已结束", "The password is changed, and every session has ended")
CHOSEN = T("密码已设定", "The password is set")
GIVEN = T(
    "代码只显示这一次，24 小时内可用一次；请交给本人",
    "The code is shown this once and good once within 24 hours; hand it on",
)


def change(*, stdin: bool) -> None:
    """Change one's own password; the log-in that is remembered here has ended with it."""
    old, password = asked(OLD, stdin=stdin)
    send("password", {"old": old, "password": password})
    config.remember(current().settings.url, {"token": "", "person": ""})
    note(CHANGED)
    hint("login")


def choose(*, stdin: bool) -> None:
    """Choose a password with a one-time code."""
    code, password = asked(CODE, stdin=stdin)
    send("password/choose", {"code": code.strip(), "password": password})
    note(CHOSEN)
    hint("login")


def reset(*, name: str) -> None:
    """Reset somebody's password and print the code."""
    made = send("password/reset", {"person": name})
    show_pairs({key: made[key] for key in ("person", "code", "expires_at")}, automatic())
    note(GIVEN)


def send(path: str, body: dict[str, str]) -> Any:
    """Post what holds a secret, with a word of warning where it can be read on its way; answers the body."""
    app = current()
    if is_open_wire(app.settings.url):
        note(say(PLAIN, app.settings.url))
    return app.client.send("POST", f"{API}/{path}", body=body).body


def asked(first: T, *, stdin: bool) -> tuple[str, str]:
    """What lets one in, and the new password: two lines of standard input, or asked for."""
    if stdin:
        return sys.stdin.readline().rstrip("\r\n"), sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Misuse(NO_TERMINAL)
    known, password = typed_in_secret(first), typed_in_secret(NEW)
    if typed_in_secret(AGAIN) != password:
        raise Misuse(DIFFERENT)
    return known, password


CHANGE = Command(
    "change",
    change,
    T("更改自己的密码。", "Change your own password."),
    examples=["password change"],
    params=[
        Option(
            "--stdin",
            text=T("从标准输入读两行：旧密码、新密码", "Read two lines: the old one, the new one"),
            is_flag=True,
        )
    ],
)
CHOOSE = Command(
    "choose",
    choose,
    T("凭一次性代码设定密码；不必登录。", "Choose a password with a one-time code; no log-in is needed."),
    examples=["password choose"],
    params=[
        Option(
            "--stdin", text=T("从标准输入读两行：代码、新密码", "Read two lines: the code, the password"), is_flag=True
        )
    ],
)
RESET = Command(
    "reset",
    reset,
    T(
        "重设他人的密码：结束其会话，得到一次性代码（安全管理员）。管理员的密码用 cloudhall reset-password。",
        "Reset somebody's password as security administrator: ends their sessions and gives a one-time code. For an "
        "administrator's there is: reset-password.",
    ),
    examples=["password reset wu-min"],
    params=[Argument("name", metavar="LOGIN", text=T("登录名或编号", "Log-in or id"))],
)
PASSWORD = Group(
    "password",
    T("更改、设定或重设密码。", "Change, choose or reset a password."),
    {"change": lambda: CHANGE, "choose": lambda: CHOOSE, "reset": lambda: RESET},
)
