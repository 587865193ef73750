"""Help on what is no command: exit codes, environment, output."""

import click

from cloudhall.cli import errors
from cloudhall.cli.output import print_lines
from cloudhall.cli.parts import Argument, Command, Row, page
from cloudhall.sdk.errors import Misuse
from cloudhall.sdk.language import T, say

CODES = {
    errors.OK: T("成功", "Done"),
    errors.FAILED: T("失败：服务器出错或连不上", "Failed: an error of the server, or no server"),
    errors.USAGE: T("用法或输入不对", "Wrong use or wrong input"),
    errors.NOT_READY: T("没有在限定时间内就绪（wait）", "Not ready in time (wait)"),
    errors.LOG_IN: T("需要登录", "Log in first"),
    errors.FORBIDDEN: T("没有权限", "Forbidden"),
    errors.NOT_FOUND: T("没有找到，或无权查看", "Not found, or not yours to see"),
    errors.CONFLICT: T(
        "与现状冲突：名称已用、超出配额、已被他人修改", "Conflict: name taken, over the quota, changed by somebody else"
    ),
}
VARIABLES = {
    "CLOUDHALL_URL": T("服务器地址，优先于登录时记住的", "Address of the server; goes before the one remembered"),
    "CLOUDHALL_TOKEN": T("访问令牌，优先于登录", "API token; goes before the log-in"),
    "CLOUDHALL_PROJECT": T("默认项目", "Default project"),
    "CLOUDHALL_ORGANISATION": T("默认单位", "Default organisation"),
    "CLOUDHALL_CA": T(
        "只信任此文件中的证书，优先于登录时记住的",
        "File of certificates that alone are trusted; goes before the one remembered",
    ),
    "CLOUDHALL_PORT": T("本机服务器的端口（默认 8800）", "Port of the server on this machine (default 8800)"),
    "CLOUDHALL_LANG": T(
        "zh 或 en；不设则按 LC_ALL、LC_MESSAGES、LANG", "zh or en; else LC_ALL, LC_MESSAGES and LANG decide"
    ),
    "NO_COLOR": T("不用颜色", "No colours"),
    "TZ": T("显示时间所用的时区", "Time zone in which times are shown"),
    "XDG_CONFIG_HOME": T(
        "登录和默认值存放处（默认 ~/.config）", "Where log-in and defaults are kept (default ~/.config)"
    ),
    "XDG_CACHE_HOME": T(
        "可再生的数据存放处（默认 ~/.cache）", "Where what can be made again is kept (default ~/.cache)"
    ),
}
FORMS = {
    "-o table": T(
        "给人看：标题、单位、本地时间；终端上的默认",
        "For people: titles, units, local times; the default on a terminal",
    ),
    "-o tsv": T(
        "给程序：制表符分隔，无标题行，原值；管道中的默认",
        "For programs: tabs, no head line, plain values; the default in a pipe",
    ),
    "-o json": T("全部内容", "Everything"),
    "-o name": T("只有名称，一行一个", "Names alone, one a line"),
    "-o yaml": T("由人决定的部分，可交给 apply -f", "What people decide, as apply -f takes it"),
    "--json=a,b": T(
        "只要这些字段，例如 --json=name,state,quota_gib", "These fields alone, such as --json=name,state,quota_gib"
    ),
}
TOPICS = {
    "exit-codes": (T("退出码", "Exit codes"), {str(code): text for code, text in CODES.items()}),
    "environment": (T("环境变量", "Environment variables"), VARIABLES),
    "formatting": (T("输出格式", "Forms of output"), FORMS),
}
NONE = T("没有名为 {} 的命令或主题；主题有 {}", "There is no command or topic {}; topics are {}")


def help_(*, words: tuple[str, ...]) -> None:
    """Print a topic, or the help of a command; without words that of the whole."""
    if len(words) == 1 and words[0] in TOPICS:
        title, rows = TOPICS[words[0]]
        print_lines([page("", {say(title): [Row(name, say(text)) for name, text in rows.items()]})])
        return
    ctx = click.get_current_context().find_root()
    for word in words:
        command = ctx.command.get_command(ctx, word) if isinstance(ctx.command, click.Group) else None
        if command is None:
            raise Misuse(say(NONE, " ".join(words), ", ".join(TOPICS)))
        ctx = click.Context(command, info_name=word, parent=ctx)
    print_lines([ctx.get_help()])


HELP = Command(
    "help",
    help_,
    T("显示命令或主题的说明。", "Show the help of a command or topic."),
    examples=["help bucket create", *(f"help {topic}" for topic in TOPICS)],
    params=[Argument("words", metavar="[COMMAND|TOPIC]...", text=T("命令，或主题", "Command, or topic"), nargs=-1)],
)
