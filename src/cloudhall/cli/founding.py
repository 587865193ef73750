"""What is done to the data folder itself, on its machine and while no server runs: it is founded, people let in anew.

Whoever can write the folder may do all of it; there is no log-in that could be asked for. The log says that it was done
here.
"""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cloudhall.cli.here import folder_of, told
from cloudhall.cli.output import automatic, hint, note, show_rows
from cloudhall.cli.parts import Argument, Command, Option
from cloudhall.cli.run import HOME
from cloudhall.cli.tables import Column
from cloudhall.sdk.language import T, say

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

KEYS = "keys"  # the folder that every installation has
ROLES = {
    "system_admin": T("系统管理员", "System administrator"),
    "security_admin": T("安全管理员", "Security administrator"),
    "audit_admin": T("审计管理员", "Audit administrator"),
}
HEADS = {"login": T("登录名", "Log-in"), "role": T("角色", "Role"), "code": T("一次性代码", "One-time code")}
KEPT = T(
    "每个代码只显示这一次，24 小时内可用一次：在登录页代替密码填入，然后由本人设定密码",
    "Each code is shown this once and good once within 24 hours: given in place of a password at the log-in page, it "
    "lets its owner choose one",
)
TAKEN_AWAY = T(
    "{} 的第二因素已移除，会话已结束；密码不变",
    "The second factors of {} are taken away and their sessions ended; the password stays",
)
NAME_IT = T("用 --home 指定数据所在的文件夹", "Name the folder of its data with --home")


def found(*, organisation: str, title_zh: str, title_en: str, home: Path | None, **named: str | None) -> None:
    """Found an installation: one organisation, three administrators, and their codes."""
    from cloudhall.domains.identity import founding
    from cloudhall.kernel import text

    administrators = [
        founding.Administrator(role, named[role] or "", named[f"{role}_name"] or named[role] or "") for role in ROLES
    ]
    folder = folder_of(home)
    with _opened(folder) as kernel:
        codes = founding.found(kernel, organisation, text.T(title_zh, title_en), administrators)
    _show([{"login": a.login, "role": say(ROLES[a.role]), "code": codes[a.login].secret} for a in administrators])
    hint("run" if home is None else f"run --home {folder}")


def reset_password(*, name: str, home: Path | None) -> None:
    """Make a one-time code for anybody, an administrator too."""
    from cloudhall.domains.identity import resets

    with _opened(_existing(home)) as kernel:
        code = resets.reset_on_server(kernel, name)
    _show([{"login": name, "code": code.secret}])


def reset_factors(*, name: str, home: Path | None) -> None:
    """Take anybody's second factors away, an administrator's too."""
    from cloudhall.domains.identity import factors

    with _opened(_existing(home)) as kernel:
        factors.reset_on_server(kernel, name)
    note(say(TAKEN_AWAY, name))


def _existing(home: Path | None) -> Path:
    from cloudhall.kernel import errors, text

    folder = folder_of(home)
    with told():
        if not (folder / KEYS).is_dir():
            there = text.T(f"{folder} 里没有安装", f"There is no installation in {folder}")
            raise errors.NotFound(there, mend=text.T(*NAME_IT), reason="HOME")
    return folder


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator["Kernel"]:
    from cloudhall import server

    with told(), server.offline(folder) as kernel:
        yield kernel


def _show(rows: Sequence[dict[str, str]]) -> None:
    show_rows([Column(say(title), key) for key, title in HEADS.items() if key in rows[0]], rows, automatic())
    note(KEPT)


def _administrator(role: str, title: T) -> list[Option]:
    option = f"--{role.replace('_', '-')}"
    return [
        Option(
            option,
            role,
            text=T(f"{title.zh}的登录名", f"Log-in of the {title.en.lower()}"),
            metavar="LOGIN",
            required=True,
        ),
        Option(
            f"{option}-name", f"{role}_name", text=T("其姓名；默认同登录名", "Name; else the log-in"), metavar="NAME"
        ),
    ]


FOUND = Command(
    "found",
    found,
    T(
        "建立你自己的安装：一个单位，三位管理员。不带演示数据；服务器须停着。",
        "Found an installation of your own: one organisation and three administrators, no demonstration. No server may "
        "run on its folder.",
    ),
    examples=["found --organisation city --title-zh 某市 --system-admin zhou --security-admin liang --audit-admin he"],
    params=[
        Option(
            "--organisation",
            text=T("第一个单位的名称", "Name of the first organisation"),
            metavar="NAME",
            required=True,
        ),
        Option("--title-zh", text=T("其中文名称", "Its Chinese name"), metavar="TEXT", required=True),
        Option("--title-en", text=T("其英文名称", "Its English name"), metavar="TEXT", default=""),
        *(option for role, title in ROLES.items() for option in _administrator(role, title)),
        HOME,
    ],
)
RESET_PASSWORD = Command(
    "reset-password",
    reset_password,
    T(
        "在服务器上重设任何人的密码，包括管理员；服务器须停着。他人的密码通常用 password reset。",
        "Reset anybody's password on the server itself, an administrator's too. No server may run on its folder; for "
        "others there is: password reset.",
    ),
    examples=["reset-password liang-yu", "reset-password liang-yu --home /srv/cloudhall"],
    params=[Argument("name", metavar="LOGIN", text=T("登录名", "Log-in")), HOME],
)
RESET_FACTORS = Command(
    "reset-factors",
    reset_factors,
    T(
        "在服务器上移除任何人的第二因素，包括管理员；服务器须停着。他人的通常用 security reset。",
        "Take anybody's second factors away on the server itself, an administrator's too. No server may run on its "
        "folder; for others there is: security reset.",
    ),
    examples=["reset-factors liang-yu"],
    params=[Argument("name", metavar="LOGIN", text=T("登录名", "Log-in")), HOME],
)
