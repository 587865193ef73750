"""Who one is and where one works: login, logout, whoami, context."""

import contextlib
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from cloudhall.cli.app import App, current
from cloudhall.cli.common import output_of, output_options
from cloudhall.cli.output import automatic, hint, note, print_json, show_pairs, show_rows
from cloudhall.cli.parts import Argument, Command, Option
from cloudhall.cli.tables import Column
from cloudhall.cli.typed import OneOf
from cloudhall.sdk import config
from cloudhall.sdk.client import API
from cloudhall.sdk.errors import Misuse, Refused, Unauthenticated
from cloudhall.sdk.language import T, say

LOOPBACK = ("localhost", "127.0.0.1", "::1")
PLACES = ("project", "organisation")
CA = "ca"
SECOND_FACTOR = "SECOND_FACTOR"
PROJECTS_TOLD = 5
NAME, PASSWORD = T("登录名：", "Log-in: "), T("密码：", "Password: ")
LOGGED_IN = T("已作为 {}（{}）登录 {}", "Logged in to {2} as {0} ({1})")
LOGGED_OUT, NOT_LOGGED_IN = T("已退出 {}", "Logged out of {}"), T("没有登录 {}", "Not logged in to {}")
PLAIN = T("注意：{} 未加密，密码可能被途中读取", "Note: {} is not encrypted; the password can be read on its way")
ONLY_PROJECT, PROJECTS = T("默认项目：{}", "Default project: {}"), T("你的项目：{}", "Your projects: {}")
CODE = T("验证码或恢复码：", "Code, or a recovery code: ")
NO_CODE = T(
    "这个账号有第二因素：加 --code，或在标准输入的第二行给出",
    "This account has a second factor: give it by --code, or as a second line of standard input",
)
NO_TERMINAL = T("没有终端可询问；用 --password-stdin", "There is no terminal to ask on; use --password-stdin")
PLATFORM = T("平台", "the platform")
VARIABLE = T("CLOUDHALL_TOKEN 已设置，优先于登录", "CLOUDHALL_TOKEN is set and goes before this log-in")


def log_in(*, name: str | None, url: str | None, password_stdin: bool, code: str | None, ca: Path | None) -> None:
    """Open a session and remember it for this server."""
    app, address = current(), (url or config.url_in_use()).rstrip("/")
    if ca is not None:
        config.remember(address, {"ca": config.certificates(ca)})
    client = app.client_of(address)
    if is_open_wire(address):
        note(say(PLAIN, address))
    login, password = _credentials(name, from_stdin=password_stdin)
    try:
        body: dict[str, Any] = client.send("POST", f"{API}/login", body={"login": login, "password": password}).body
    except Refused as refused:
        if refused.reason != SECOND_FACTOR:
            raise
        step = {"ticket": refused.body["ticket"], "code": code or _code(from_stdin=password_stdin)}
        body = client.send("POST", f"{API}/login/second", body=step).body
    person = body["person"]
    config.remember(address, {"token": body["token"], "person": person["name"]})
    note(say(LOGGED_IN, person["name"], person["spec"]["display_name"], address))
    if config.settings().token != body["token"]:
        note(VARIABLE)
    _settle_project(app, address, body["token"])


def is_open_wire(url: str) -> bool:
    """Whether what is sent can be read on its way."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in LOOPBACK


def _credentials(name: str | None, *, from_stdin: bool) -> tuple[str, str]:
    if not from_stdin and not sys.stdin.isatty():
        raise Misuse(NO_TERMINAL)
    if name is None:
        print(say(NAME), end="", file=sys.stderr, flush=True)
        name = sys.stdin.readline().strip()
    if from_stdin:
        return name, sys.stdin.readline().rstrip("\r\n")
    return name, typed_in_secret(PASSWORD)


def _code(*, from_stdin: bool) -> str:
    if not from_stdin:
        return typed_in_secret(CODE)
    typed = sys.stdin.readline().strip()
    if not typed:
        raise Misuse(NO_CODE)
    return typed


def typed_in_secret(prompt: T) -> str:
    """Ask on the terminal for what nobody shall read there."""
    from getpass import getpass  # brings termios, for few commands

    return getpass(say(prompt))


def _settle_project(app: App, url: str, token: str) -> None:
    """Take the one project there is for the default one; of several, ask for a choice."""
    projects = app.client_of(url, token).look("projects", {"page_size": str(PROJECTS_TOLD)})["items"]
    names = [project["name"] for project in projects]
    if len(names) == 1:
        config.remember(url, {"project": names[0]})
        note(say(ONLY_PROJECT, names[0]))
        hint("whoami")
    elif names:
        note(say(PROJECTS, ", ".join(names)))
        hint(f"context project {names[0]}")


def log_out() -> None:
    """End the session at the server and forget it here."""
    app, settings = current(), config.settings()
    if not settings.token:
        note(say(NOT_LOGGED_IN, settings.url))
        return
    with contextlib.suppress(Unauthenticated):  # a session that has ended already is as good as ended now
        app.client.send("POST", "/api/v1/logout")
    config.remember(settings.url, {"token": "", "person": ""})
    note(say(LOGGED_OUT, settings.url))


def who_am_i(**given: Any) -> None:
    """Print whom the token makes one, and the roles held where."""
    output, me = output_of(given), current().client.look("whoami")
    if output.style == "json":
        print_json(me)
        return
    note(f"{me['name']} ({me['id']})  {current().settings.url}")
    rows = [{"role": say(r["title"]), "place": place} for r in me["roles"] for place in r["places"]]
    if output.style == "table":
        from cloudhall.cli import names  # as in `verbs`

        rows = [row | {"place": say(PLATFORM) if row["place"] == "platform" else row["place"]} for row in rows]
        rows = names.told(current(), rows)
    columns = [Column(say(T("角色", "Role")), "role"), Column(say(T("所在", "In")), "place")]
    show_rows(columns, rows, output.style)


def context(*, what: str | None, name: str | None, clear: bool) -> None:
    """Print the server and the default places in use, or change one of them."""
    app = current()
    if what is None:
        settings = app.settings
        show_pairs(
            {
                "url": settings.url,
                "ca": _digests(config.trusted(settings.url)),
                "project": settings.project,
                "organisation": settings.organisation,
            },
            automatic(),
        )
        return
    if not (name or clear):
        raise Misuse(T("写明名称，或用 --clear", "Name it, or use --clear"))
    if what == CA:
        config.remember(app.settings.url, {"ca": "" if clear else config.certificates(Path(name or ""))})
        hint("context")
        return
    found = "" if clear else app.read(app.noun(what), name or "", {})["name"]
    config.remember(app.settings.url, _place(what, found))
    hint("context")


def _digests(pem: str) -> str:
    """SHA-256 of each certificate, as a server says it when it starts."""
    if not pem:
        return ""
    import ssl
    from hashlib import sha256

    ends = "-----END CERTIFICATE-----"
    found = [ssl.PEM_cert_to_DER_cert(part + ends) for part in pem.split(ends)[:-1]]
    return " ".join(sha256(der).digest().hex(":").upper() for der in found)


def _place(what: str, name: str) -> config.Remembered:
    return {"project": name} if what == "project" else {"organisation": name}


LOGIN = Command(
    "login",
    log_in,
    T("登录一台服务器，并记住这次登录。", "Log in to a server and remember it."),
    examples=[
        "login chen-xiaolan",
        "login chen-xiaolan --url https://cloud.example.cn",
        "login chen-xiaolan --url https://10.0.3.7:8800 --ca root.pem",
    ],
    params=[
        Argument(
            "name",
            metavar="[NAME]",
            text=T("登录名；不填则询问", "Log-in; asked for where it is not given"),
            required=False,
        ),
        Option(
            "--url", text=T("服务器地址（或 CLOUDHALL_URL）", "Address of the server (or CLOUDHALL_URL)"), metavar="URL"
        ),
        Option(
            "--ca",
            type=click.Path(path_type=Path),
            text=T(
                "今后对这台服务器只信任此文件中的证书（或 CLOUDHALL_CA）",
                "Trust the certificates in this file alone for this server, from now on (or CLOUDHALL_CA)",
            ),
            metavar="FILE",
        ),
        Option("--password-stdin", text=T("从标准输入读密码", "Read the password from standard input"), is_flag=True),
        Option(
            "--code",
            text=T("验证码或恢复码；需要时会询问", "Code or recovery code; asked for where it is needed"),
            metavar="CODE",
        ),
    ],
)
LOGOUT = Command("logout", log_out, T("退出登录。", "End the session."), examples=["logout"])
WHOAMI = Command(
    "whoami",
    who_am_i,
    T("显示我是谁，在哪里有什么角色。", "Show who you are and which roles you hold where."),
    examples=["whoami", "whoami --json"],
    params=output_options(),
)
CONTEXT = Command(
    "context",
    context,
    T(
        "查看或设定默认的项目和单位，以及信任哪个证书机构。",
        "Show or set the default project and organisation, and the authority that is trusted.",
    ),
    examples=["context", "context project economic-monitoring", "context project --clear", "context ca root.pem"],
    params=[
        Argument(
            "what",
            metavar="[project|organisation|ca]",
            text=T("要设定哪一个", "Which one to set"),
            type=OneOf((*PLACES, CA)),
            required=False,
        ),
        Argument("name", metavar="[NAME]", text=T("名称或编号，或证书文件", "Name or id, or a file"), required=False),
        Option("--clear", text=T("不再有默认值", "Have no default any more"), is_flag=True),
    ],
)
