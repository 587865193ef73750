"""`cloudhall`: the root of the command line.

Only what a call needs is imported: a built-in command with its module, a kind's commands from the catalogue. Every
error ends here, in one line or a few, in the language of the locale; a traceback is a fault of ours.
"""

import importlib
import io
import re
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import click
from click.exceptions import NoArgsIsHelpError

from cloudhall import __version__
from cloudhall.cli import catalogue, parts
from cloudhall.cli.app import App
from cloudhall.cli.catalogue import Catalogue, Noun
from cloudhall.cli.errors import INTERRUPTED, OK, exit_code_of
from cloudhall.cli.parts import Group, Row, page
from cloudhall.cli.values import printable
from cloudhall.sdk import config
from cloudhall.sdk.errors import Failure
from cloudhall.sdk.language import T, say


class BuiltIn(NamedTuple):
    """A command that belongs to no kind: where it is, `module:attribute`, and what it is for."""

    where: str
    text: T


SECTIONS: dict[T, dict[str, BuiltIn]] = {
    T("登录与环境", "Log-in and context"): {
        "login": BuiltIn("session:LOGIN", T("登录", "Log in")),
        "logout": BuiltIn("session:LOGOUT", T("退出登录", "Log out")),
        "password": BuiltIn("password:PASSWORD", T("更改、设定或重设密码", "Change, choose or reset a password")),
        "security": BuiltIn("security:SECURITY", T("动态验证码、恢复码、通行密钥", "Codes, recovery codes, passkeys")),
        "session": BuiltIn("security:SESSION", T("打开的会话，以及结束它们", "Open sessions, and ending them")),
        "join": BuiltIn("joining:JOIN", T("凭邀请加入", "Join by an invitation")),
        "client-secret": BuiltIn(
            "providers:CLIENT_SECRET", T("身份提供方的客户端密钥", "Secret of our client at an identity provider")
        ),
        "sign-up": BuiltIn("joining:SIGN_UP", T("没有账号时申请加入", "Ask to join without an account")),
        "whoami": BuiltIn("session:WHOAMI", T("我是谁，有什么角色", "Who you are, with which roles")),
        "context": BuiltIn("session:CONTEXT", T("默认的项目和单位", "Default project and organisation")),
    },
    T("查看与核验", "Look and verify"): {
        "search": BuiltIn("search:SEARCH", T("搜索一切", "Search everything")),
        "bin": BuiltIn("bin:BIN", T("回收站：已删除、还能恢复的", "Recycle bin: deleted, can be restored")),
        "explain": BuiltIn(
            "explain:EXPLAIN", T("说明种类、字段、现状或权限", "Explain a kind, field, state or permission")
        ),
        "wait": BuiltIn("waiting:WAIT", T("等到就绪、被删除或条件成立", "Wait for ready, deleted or a condition")),
        "inbox": BuiltIn("inbox:INBOX", T("通知，以及是否发邮件", "Notices, and whether by mail too")),
        "attach": BuiltIn("documents:ATTACH", T("给资源附加文件", "Attach a file to a resource")),
        "document": BuiltIn("documents:DOCUMENT", T("资源的附件", "Documents of resources")),
        "object": BuiltIn("objects:OBJECT", T("存储桶中的对象", "Objects in buckets")),
        "deliveries": BuiltIn("inbox:DELIVERIES", T("事件回调投递了什么", "What a webhook was sent")),
        "rules": BuiltIn("rules:RULES", T("法规与价目的规定、工作日期限", "What the law says; when a period ends")),
        "usage": BuiltIn("usage:USAGE", T("用量、配额、读数、缺口", "Usage, quotas, readings, gaps")),
        "audit": BuiltIn("audit:AUDIT", T("谁做了什么，及其证明", "Who did what, with proofs")),
        "verify": BuiltIn("offline:VERIFY", T("离线核验证明文件", "Check a proof file offline")),
        "api": BuiltIn("raw:API", T("直接调用接口", "Call the interface directly")),
    },
    T("用文件管理", "Managing by files"): {
        "apply": BuiltIn("apply:APPLY", T("让资源成为文件所写的样子", "Make resources what files say")),
        "diff": BuiltIn("apply:DIFF", T("文件与现状的差别", "How files differ from what is")),
    },
    T("服务器", "Server"): {
        "run": BuiltIn("run:run", T("启动服务器", "Start the server")),
        "witness": BuiltIn("witness:WITNESS", T("为别人的审计日志会签", "Countersign other people's audit logs")),
        "found": BuiltIn("founding:FOUND", T("建立你自己的安装", "Found an installation of your own")),
        "reset-password": BuiltIn("founding:RESET_PASSWORD", T("在服务器上重设密码", "Reset a password on the server")),
        "reset-factors": BuiltIn(
            "founding:RESET_FACTORS", T("在服务器上重设第二因素", "Reset second factors on the server")
        ),
        "backup": BuiltIn("backup:BACKUP", T("备份整个安装，或核验备份", "Back up everything, or try a backup")),
        "restore": BuiltIn("backup:RESTORE", T("把备份恢复成新的安装", "Make a new installation of a backup")),
        "doctor": BuiltIn("doctor:DOCTOR", T("哪里不对，怎么办", "What is wrong, and what to do")),
        "certificate": BuiltIn("certificate:CERTIFICATE", T("自建机构的根证书", "Root certificate to trust here")),
        "move-database": BuiltIn(
            "moving:MOVE_DATABASE", T("把数据从 SQLite 迁到 PostgreSQL", "Move the rows from SQLite to PostgreSQL")
        ),
        "tour": BuiltIn("tour:tour", T("自动走一遍演示城市", "See it all once, by itself")),
    },
    T("其他", "Other"): {
        "placement": BuiltIn("placement:PLACEMENT", T("在虚拟时间里试放置", "Try placement in virtual time")),
        "storage": BuiltIn("storage:STORAGE", T("规划一个存储，直到 EB 级", "Plan a store, up to exabytes")),
        "help": BuiltIn("topics:HELP", T("命令和主题的说明", "Help on commands and topics")),
        "completion": BuiltIn("completion:COMPLETION", T("shell 补全", "Shell completion")),
    },
}
BUILT_IN = {name: command for section in SECTIONS.values() for name, command in section.items()}
TEXT = T("云厅：一个程序，运行一座公共部门的云。", "Cloudhall: one program that runs a public-sector cloud.")
EXAMPLES = (
    "login chen-xiaolan",
    "bucket create chongqing-stats --quota-gib 100 --grade open",
    "bucket list",
    "explain bucket",
)
USAGE = {
    "KIND VERB [NAME] …": T("对一种资源做一件事", "Do something with resources of a kind"),
    "KIND --help": T("这种资源能做什么", "What can be done with a kind"),
    "KIND VERB --help": T("怎样做，有哪些选项", "How, and with which options"),
}
TOPICS, STOPPED = T("主题", "Topics"), T("已中断", "Interrupted")


class Root(Group):
    """Every command. `load` gives the catalogue of kinds when one is needed."""

    def __init__(self, load: Callable[[], Catalogue]) -> None:
        """Nothing is read yet."""
        super().__init__("cloudhall", TEXT, {name: partial(_imported, b) for name, b in BUILT_IN.items()})
        self.app = App(load)
        self.context_settings = {"obj": self.app}
        self.params.append(
            click.Option(["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_tell_version)
        )

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Built-in commands, then the kinds."""
        return [*super().list_commands(ctx), *self.app.catalogue["nouns"]]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Make the command; the catalogue is asked only for what is not built in."""
        if cmd_name in BUILT_IN:
            return super().get_command(ctx, cmd_name)
        noun = self.app.catalogue["nouns"].get(cmd_name)
        if noun is None:
            return None
        from cloudhall.cli.commands import group_of

        return group_of(noun)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Ask for the catalogue only where the word may be a kind's."""
        return (
            click.Group.resolve_command(self, ctx, args) if args[0] in BUILT_IN else super().resolve_command(ctx, args)
        )

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples and how commands are put together, built-in ones, kinds by domain."""
        from cloudhall.cli import topics

        known = self.app.catalogue
        nouns = list(known["nouns"].values())
        kinds = {
            say(title): [Row(n["noun"], _in_short(n)) for n in nouns if n["domain"] == domain]
            for domain, title in known["domains"].items()
        }
        rest = {say(s): [Row(name, say(b.text)) for name, b in rows.items()] for s, rows in SECTIONS.items()}
        more = {say(TOPICS): [Row(f"help {topic}", say(title)) for topic, (title, _) in topics.TOPICS.items()]}
        examples = {say(parts.EXAMPLES): [Row(f"{ctx.info_name} {line}", "") for line in EXAMPLES]}
        usage = {say(parts.USAGE): [Row(f"{ctx.info_name} {form}", say(meaning)) for form, meaning in USAGE.items()]}
        formatter.write(page(say(TEXT), examples | usage | rest | kinds | more))

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run, and end with the exit code that the outcome deserves."""
        kwargs["standalone_mode"] = False
        sys.exit(_outcome(partial(super().main, *args, **kwargs)))


def main() -> None:
    """Run as a program. What the terminal's encoding cannot show is replaced rather than fatal."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    Root(_installed).main(prog_name="cloudhall")


def _tell_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:  # noqa: FBT001  Click's own order
    if wanted and not ctx.resilient_parsing:
        print(f"cloudhall {__version__}")
        ctx.exit()


def _in_short(noun: Noun) -> str:
    """Title and the first sentence of what the declaration says."""
    return f"{say(noun['title'])} – {re.split('。|[.:] ', say(noun['doc']))[0].rstrip('.')}"


def _installed() -> Catalogue:
    return catalogue.load(config.cache_file("catalogue.json"), frozenset(BUILT_IN))


def _imported(command: BuiltIn) -> click.Command:
    module, _, attribute = command.where.partition(":")
    found = getattr(importlib.import_module(f"cloudhall.cli.{module}"), attribute)
    assert isinstance(found, click.Command), command.where
    return found


def _outcome(run: Callable[[], Any]) -> int:
    """Run a command, tell what went wrong, and return the exit code."""
    try:
        result = run()
        sys.stdout.flush()
    except NoArgsIsHelpError as help_wanted:
        print(help_wanted.format_message())
        return OK
    except (click.ClickException, Failure) as error:
        from cloudhall.cli import report

        print(printable("\n".join(report.lines_of(error))), file=sys.stderr)
        return exit_code_of(error)
    except (click.Abort, KeyboardInterrupt):
        print(say(STOPPED), file=sys.stderr)
        return INTERRUPTED
    return result if isinstance(result, int) else OK
