"""Coming in by a code, and asking for one: `join` and `sign-up`. Codes and passwords are read, never arguments."""

import sys

from cloudhall.cli.app import current
from cloudhall.cli.common import output_of, output_options
from cloudhall.cli.output import automatic, hint, note, print_json, show_pairs, show_rows
from cloudhall.cli.parts import Argument, Command, Group, Option
from cloudhall.cli.password import NO_TERMINAL, asked, send
from cloudhall.cli.session import typed_in_secret
from cloudhall.cli.tables import Column, Wire
from cloudhall.sdk.errors import Misuse
from cloudhall.sdk.language import T, say

CODE = T("代码：", "Code: ")
OPENED = T("账号 {} 已开立", "The account {} is open")
ACCEPTED = T("已接受", "Accepted")
KEEP = T(
    "代码只显示这一次；凭它查看审批结果，同意后用它加入",
    "The code is shown this once; it shows what was decided, and with it one joins",
)
NAME, IN_ENGLISH = T("姓名", "Name"), T("英文姓名", "Name in English")


def look(*, stdin: bool) -> None:
    """Print what a code opens."""
    found = send("join/look", {"code": _code(stdin=stdin)})
    shown = {"place": say(found["place"]), "progress": found["progress"]}
    if found["good"]:
        shown |= {"role": say(found["role_title"]), "expires_at": found["expires_at"]}
    if found.get("decision"):
        shown["decision"] = found["decision"]
    show_pairs(shown, automatic())


def new(*, login: str, name: str, name_en: str, stdin: bool) -> None:
    """Open an account with a code."""
    code, password = asked(CODE, stdin=stdin)
    body = {"code": code.strip(), "login": login, "display_name": name, "display_name_en": name_en}
    person = send("join", body | {"password": password})
    note(say(OPENED, person["name"]))
    hint(f"login {person['name']}")


def accept(*, stdin: bool) -> None:
    """Take the role of a code to one's own account."""
    send("join/accept", {"code": _code(stdin=stdin)})
    note(ACCEPTED)
    hint("whoami")


def organisations(**given: bool) -> None:
    """Print the organisations that may be asked."""
    found, output = current().client.look("sign-up"), output_of(given)
    if output.style == "json":
        print_json(found)
        return
    rows: list[Wire] = [row | {"title": say(row["title"])} for row in found["items"]]
    show_rows(
        [Column(say(T("名称", "Name")), "name"), Column(say(T("单位", "Organisation")), "title")], rows, output.style
    )


def ask(*, organisation: str, name: str, reason: str, email: str) -> None:
    """Ask to join, and print the code."""
    body = {"organisation": organisation, "display_name": name, "reason": reason, "email": email}
    show_pairs(send("sign-up", body), automatic())
    note(KEEP)


def _code(*, stdin: bool) -> str:
    """The code: a line of standard input, or asked for."""
    if stdin:
        return sys.stdin.readline().strip()
    if not sys.stdin.isatty():
        raise Misuse(NO_TERMINAL)
    return typed_in_secret(CODE).strip()


def _stdin(text: T) -> Option:
    return Option("--stdin", text=text, is_flag=True)


ONE_LINE = T("从标准输入读一行：代码", "Read one line: the code")
LOOK = Command(
    "show", look, T("显示代码能做什么。", "Show what a code opens."), examples=["join show"], params=[_stdin(ONE_LINE)]
)
NEW = Command(
    "new",
    new,
    T("凭代码开立账号；不必登录。", "Open an account with a code; no log-in is needed."),
    examples=["join new wu-min --name 吴敏"],
    params=[
        Argument("login", metavar="LOGIN", text=T("想用的登录名", "Log-in that you want")),
        Option("--name", text=NAME, metavar="NAME", required=True),
        Option("--name-en", text=IN_ENGLISH, metavar="NAME", default=""),
        _stdin(T("从标准输入读两行：代码、密码", "Read two lines: the code, the password")),
    ],
)
ACCEPT = Command(
    "accept",
    accept,
    T("用自己已有的账号接受。", "Accept with the account that you have."),
    examples=["join accept"],
    params=[_stdin(ONE_LINE)],
)
JOIN = Group(
    "join",
    T("凭邀请或获准的申请加入。", "Join by an invitation, or a request that was approved."),
    {"show": lambda: LOOK, "new": lambda: NEW, "accept": lambda: ACCEPT},
)
LIST = Command(
    "list",
    organisations,
    T("可申请加入的单位。", "Organisations that you may ask to join."),
    examples=["sign-up list"],
    params=output_options(),
)
ASK = Command(
    "ask",
    ask,
    T("申请加入单位，说明姓名和理由；不必登录。", "Ask to join, with name and reason; no log-in is needed."),
    examples=['sign-up ask weather --name 吴敏 --reason "forecasts"'],
    params=[
        Argument("organisation", metavar="ORGANISATION", text=T("单位名称", "Name of the organisation")),
        Option("--name", text=NAME, metavar="NAME", required=True),
        Option("--reason", text=T("申请理由", "Why you ask"), metavar="TEXT", required=True),
        Option("--email", text=T("邮箱", "E-mail"), metavar="ADDRESS", default=""),
    ],
)
SIGN_UP = Group(
    "sign-up", T("没有账号时申请加入。", "Ask to join without an account."), {"list": lambda: LIST, "ask": lambda: ASK}
)
