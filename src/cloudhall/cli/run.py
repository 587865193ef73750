"""`cloudhall run`: the server in the foreground, with or without the demonstration city."""

import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cloudhall.cli.language import T, language, say
from cloudhall.cli.parts import Command, Option
from cloudhall.kernel.errors import CloudhallError

if TYPE_CHECKING:
    import socket

    from cloudhall.drivers.objects import Objects

PORT = 8800
WORKERS_MAX = 16
HOME = Option(
    "--home",
    type=click.Path(path_type=Path),
    envvar="CLOUDHALL_HOME",
    text=T("数据放在哪里（CLOUDHALL_HOME）", "Where the data lie (CLOUDHALL_HOME)"),
)
EMPTY = T(
    "这里还没有人能登录。停下它，用 cloudhall found 建立你的安装，或用 cloudhall run --demo 建立演示城市",
    "Nobody can log in here yet. Stop it and found your installation with cloudhall found, or the demonstration city "
    "with cloudhall run --demo",
)
LACKS = T("此 S3 有所不能：{}", "This S3 does not do everything: {}")


def start(*, demo: bool, home: Path | None, port: int, workers: int) -> None:
    """Start Cloudhall on loopback; Ctrl-C stops it and everything it started."""
    from cloudhall import server

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    folder = (home or default_home()).absolute()
    try:
        _refuse_workers(workers)
        sock = server.bind(port)
        with sock, server.running(folder) as kernel:
            if demo:
                server.seed_demo(kernel)
            port = sock.getsockname()[1]
            with _workers(folder, sock, workers - 1, demo=demo):
                server.serve(kernel, sock, lambda: _announce(kernel, port, demo=demo))
    except CloudhallError as error:
        click.echo(f"{error.code}: {error.text.in_(language())}", err=True)
        click.echo(error.how.in_(language()), err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(0)


def _refuse_workers(workers: int) -> None:
    """One process writes a SQLite file: others would not hear of its commits, and wait for it by polling."""
    from cloudhall.installation import DATABASE
    from cloudhall.kernel import errors, text

    if workers > 1 and not os.environ.get(DATABASE):
        raise errors.Conflict(
            text.T("多个进程需要 PostgreSQL", "Several workers need PostgreSQL"),
            mend=text.T(
                f"用 {DATABASE} 指定一个数据库；已有的安装先用 cloudhall move-database 迁移",
                f"Name a database in {DATABASE}; cloudhall move-database moves an installation there",
            ),
            reason="WORKERS",
        )


def _workers(folder: Path, sock: "socket.socket", count: int, *, demo: bool) -> contextlib.AbstractContextManager[None]:
    from cloudhall.workers import beside

    return beside(folder, sock, count, demo=demo)


def default_home() -> Path:
    """Return `~/.local/share/cloudhall`, or where XDG says."""
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local/share") / "cloudhall"


def _announce(kernel: object, port: int, *, demo: bool) -> None:
    """In one piece: whoever reads the first line finds the others behind it."""
    zh = language() == "zh"
    lines = [f"Cloudhall {'云厅 已启动' if zh else 'is up'}  http://127.0.0.1:{port}"]
    lines += _s3_lines(kernel.drivers["objects"])  # type: ignore[attr-defined]  # the kernel stays out of the CLI's imports
    if demo:
        lines.append("演示登录（仅本机）：" if zh else "Demonstration log-ins (loopback only):")
        for login, role, password in kernel.demo_logins:  # type: ignore[attr-defined]  # as above
            lines.append(f"  {login:<14} {password}  {role.zh} / {role.en}")
    elif not _founded(kernel):
        lines.append(say(EMPTY))
    click.echo("\n".join(lines))
    if demo:
        hint = "下一步：另开一个终端运行" if zh else "next: in another terminal"
        click.echo(f"{hint}  .venv/bin/cloudhall tour", err=True)


def _founded(kernel: Any) -> bool:
    from cloudhall.domains.identity.founding import founded

    return founded(kernel)


def _s3_lines(objects: "Objects") -> list[str]:
    from cloudhall.drivers.objects.trouble import lacked

    said = lacked(objects.lacks).in_(language())
    return [f"S3  {objects.endpoint}", *([f"    {say(LACKS, said)}"] if said else [])]


run = Command(
    "run",
    start,
    T("启动云厅（仅本机），Ctrl-C 停止。", "Start Cloudhall on loopback; Ctrl-C stops it and all it started."),
    examples=["run --demo", "run --home /srv/cloudhall --port 8800"],
    params=[
        Option(
            "--demo",
            is_flag=True,
            text=T(
                "还没有人时建立演示城市，并显示其登录",
                "Found the demonstration city if nobody is here yet; show its log-ins",
            ),
        ),
        HOME,
        Option(
            "--port",
            type=int,
            default=PORT,
            envvar="CLOUDHALL_PORT",
            text=T(f"本机端口（CLOUDHALL_PORT），默认 {PORT}", f"Loopback port (CLOUDHALL_PORT), {PORT} by default"),
        ),
        Option(
            "--workers",
            type=click.IntRange(1, WORKERS_MAX),
            default=1,
            envvar="CLOUDHALL_WORKERS",
            text=T(
                "几个进程应答请求（CLOUDHALL_WORKERS）；多于一个需要 PostgreSQL",
                "Processes that answer (CLOUDHALL_WORKERS); more than one needs PostgreSQL",
            ),
        ),
    ],
)
