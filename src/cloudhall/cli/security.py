"""What guards one's own account: codes of an app, recovery codes, sessions. Passkeys are made in a browser alone."""

import sys
from typing import Any

from cloudhall.cli.app import current
from cloudhall.cli.common import output_of, output_options
from cloudhall.cli.output import automatic, hint, note, print_json, print_lines, show_pairs, show_rows
from cloudhall.cli.parts import Argument, Command, Group, Option
from cloudhall.cli.session import PLAIN, is_open_wire, typed_in_secret
from cloudhall.cli.tables import Column
from cloudhall.cli.values import moment
from cloudhall.sdk.client import API
from cloudhall.sdk.errors import Misuse
from cloudhall.sdk.language import T, say

PROOF = T("密码，或验证码：", "Password, or a code: ")
NO_TERMINAL = T("没有终端可询问；用 --stdin", "There is no terminal to ask on; use --stdin")
SCAN = T(
    "把密钥输入验证器应用（只显示这一次），再用它给出的码启用",
    "Type the secret into an authenticator app (it is shown this once), then confirm with the code that it gives",
)
KEEP = T(
    "恢复码只显示这一次，每个可用一次；请离线保存",
    "Recovery codes are shown this once and each is good once; keep them off this machine",
)
CONFIRMED = T("已启用：登录时除密码外还要验证码", "In force: a log-in asks for a code beside the password")
REMOVED = T("已移除", "Removed")
TAKEN_AWAY = T("{} 的第二因素已移除，会话已结束", "The second factors of {} are taken away and their sessions ended")
ENDED = T("已结束会话：{} 个", "Sessions ended: {}")
WHICH = T("结束哪个？给出编号，或 --all", "Which one? Give its id, or --all")
HELD = {"codes": T("动态验证码", "Codes"), "recovery_codes": T("恢复码", "Recovery codes left")}
YES, NO = T("有", "yes"), T("无", "no")
PASSKEY_HEADS = {"id": T("编号", "Id"), "name": T("通行密钥", "Passkey"), "created_at": T("登记于", "Since")}
SESSION_HEADS = {
    "id": T("编号", "Id"),
    "how": T("登录方式", "How"),
    "address": T("地址", "Address"),
    "since": T("开始于", "Since"),
    "used_at": T("最近使用", "Last used"),
    "this": T("当前", "This one"),
    "agent": T("程序", "Program"),
}
MONTH_TO_MINUTE = slice(5, 16)  # of 2026-11-23 03:40:10 +08
STDIN = Option("--stdin", text=T("从标准输入读密码或验证码", "Read password or code from standard input"), is_flag=True)


def show(**given: Any) -> None:
    """Print which second factors one holds."""
    output, held = output_of(given), current().client.look("factors")
    if output.style == "json":
        print_json(held)
        return
    shown = {"codes": say(YES if held["codes"] else NO), "recovery_codes": str(held["recovery_codes"])}
    show_pairs({say(HELD[key]): text for key, text in shown.items()}, output.style)
    if held["passkeys"]:
        show_rows(_columns(PASSKEY_HEADS), _local(held["passkeys"], output.style), output.style)
    if not (held["codes"] or held["passkeys"]):
        hint("security codes")


def codes(*, stdin: bool) -> None:
    """Make a secret for an app, print it, and put it into force with a first code."""
    made = _send("factors/codes", {"proof": _proof(stdin=stdin)})
    show_pairs({"secret": made["secret"], "uri": made["uri"]}, automatic())
    note(SCAN)
    if stdin:
        hint("security confirm CODE")
    else:
        confirm(code=typed_in_secret(T("验证码：", "Code: ")))


def confirm(*, code: str) -> None:
    """Put codes into force, and print the recovery codes that come with the first second factor."""
    _print_codes(_send("factors/codes/confirm", {"code": code})["recovery_codes"])
    note(CONFIRMED)


def renew(*, stdin: bool) -> None:
    """Print ten new recovery codes."""
    _print_codes(_send("factors/recovery", {"proof": _proof(stdin=stdin)})["recovery_codes"])


def remove(*, passkey: str | None, stdin: bool) -> None:
    """Take codes, or one passkey, away."""
    _send("factors/remove", {"passkey": passkey or "", "proof": _proof(stdin=stdin)})
    note(REMOVED)


def reset(*, name: str) -> None:
    """Take somebody's second factors away."""
    _send("factors/reset", {"person": name})
    note(say(TAKEN_AWAY, name))


def list_sessions(*, person: str | None, **given: Any) -> None:
    """Print open sessions."""
    output, found = output_of(given), current().client.look("sessions", {"person": person or ""})["items"]
    if output.style == "json":
        print_json(found)
        return
    rows = [row | {"how": say(row["how_title"]), "this": say(YES) if row["this"] else ""} for row in found]
    show_rows(_columns(SESSION_HEADS), _local(rows, output.style), output.style)


def end(*, id_: str | None, all_: bool, person: str | None) -> None:
    """End one session or all."""
    if bool(id_) == all_:
        raise Misuse(WHICH)
    ended = _send("sessions/end", {"id": id_ or "", "all": all_, "person": person or ""})["ended"]
    note(say(ENDED, ended))


def _send(path: str, body: dict[str, Any]) -> Any:
    app = current()
    if is_open_wire(app.settings.url):
        note(say(PLAIN, app.settings.url))
    return app.client.send("POST", f"{API}/{path}", body=body).body


def _proof(*, stdin: bool) -> str:
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Misuse(NO_TERMINAL)
    return typed_in_secret(PROOF)


def _print_codes(made: list[str]) -> None:
    if made:
        print_lines(made)
        note(KEEP)


def _columns(heads: dict[str, T]) -> list[Column]:
    return [Column(say(title), key) for key, title in heads.items()]


def _local(rows: list[dict[str, Any]], style: str) -> list[dict[str, Any]]:
    """Times as people read them, on a terminal; the day of a session needs no year, for it lasts for hours."""
    if style != "table":
        return rows
    times = {"created_at": slice(None), "since": MONTH_TO_MINUTE, "used_at": MONTH_TO_MINUTE}
    return [row | {name: moment(row[name])[part] for name, part in times.items() if row.get(name)} for row in rows]


PERSON = Option(
    "--person",
    text=T("他人的（安全管理员）：登录名或编号", "Somebody else's, as security administrator: log-in or id"),
    metavar="LOGIN",
)
SECURITY = Group(
    "security",
    T(
        "第二因素：验证器应用的动态验证码、恢复码、通行密钥（在控制台登记）。",
        "Second factors: codes of an authenticator app, recovery codes, and passkeys, which are registered on the "
        "console.",
    ),
    {
        "show": lambda: Command(
            "show",
            show,
            T("你有哪些第二因素。", "Which second factors you hold."),
            examples=["security show"],
            params=output_options(),
        ),
        "codes": lambda: Command(
            "codes",
            codes,
            T("设置验证器应用的动态验证码。", "Set up codes of an authenticator app."),
            examples=["security codes"],
            params=[STDIN],
        ),
        "confirm": lambda: Command(
            "confirm",
            confirm,
            T("用第一个验证码启用。", "Turn codes on by entering a first one."),
            examples=["security confirm 123456"],
            params=[Argument("code", metavar="CODE", text=T("应用给出的码", "Code that the app gives"))],
        ),
        "recovery-codes": lambda: Command(
            "recovery-codes",
            renew,
            T("生成十个新的恢复码，旧的作废。", "Make ten new recovery codes; the old ones end."),
            examples=["security recovery-codes"],
            params=[STDIN],
        ),
        "remove": lambda: Command(
            "remove",
            remove,
            T("移除动态验证码，或一个通行密钥。", "Remove the codes, or one passkey."),
            examples=["security remove"],
            params=[
                Argument(
                    "passkey",
                    metavar="[PASSKEY]",
                    text=T("通行密钥的编号；不填则移除动态验证码", "Id of a passkey; the codes without it"),
                    required=False,
                ),
                STDIN,
            ],
        ),
        "reset": lambda: Command(
            "reset",
            reset,
            T(
                "移除他人的全部第二因素并结束其会话（安全管理员）。管理员的用 cloudhall reset-factors。",
                "Take somebody's second factors away and end their sessions, as security administrator. For an "
                "administrator's there is: reset-factors.",
            ),
            examples=["security reset wu-min"],
            params=[Argument("name", metavar="LOGIN", text=T("登录名或编号", "Log-in or id"))],
        ),
    },
)
SESSION = Group(
    "session",
    T("打开的会话。", "Open sessions."),
    {
        "list": lambda: Command(
            "list",
            list_sessions,
            T("列出会话：从哪里、怎样、何时登录。", "List sessions: from where, how, since when."),
            examples=["session list", "session list --person wu-min"],
            params=[PERSON, *output_options()],
        ),
        "end": lambda: Command(
            "end",
            end,
            T("结束一个会话，或除当前外的全部。", "End one session, or all but the one in use."),
            examples=["session end 3f9c2a7b51", "session end --all", "session end --all --person wu-min"],
            params=[
                Argument("id_", metavar="[SESSION]", text=T("会话的编号", "Id of the session"), required=False),
                Option("--all", "all_", text=T("全部", "All of them"), is_flag=True),
                PERSON,
            ],
        ),
    },
)
