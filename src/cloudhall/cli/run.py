"""`cloudhall run`: the server in the foreground, with or without the demonstration city."""

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
    from cloudhall.drivers.objects import Objects

PORT = 8800
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


def start(*, demo: bool, home: Path | None, port: int) -> None:
    """Start Cloudhall on loopback; Ctrl-C stops it and everything it started."""
    from cloudhall import server

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        sock = server.bind(port)
        with sock, server.running((home or default_home()).absolute()) as kernel:
            if demo:
                server.seed_demo(kernel)
            port = sock.getsockname()[1]
            server.serve(kernel, sock, lambda: _announce(kernel, port, demo=demo))
    except CloudhallError as error:
        click.echo(f"{error.code}: {error.text.in_(language())}", err=True)
        click.echo(error.how.in_(language()), err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(0)


def default_home() -> Path:
    """Return `~/.local/share/cloudhall`, or where XDG says."""
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local/share") / "cloudhall"


def _announce(kernel: object, port: int, *, demo: bool) -> None:
    zh = language() == "zh"
    url = f"http://127.0.0.1:{port}"
    click.echo(f"Cloudhall {'云厅 已启动' if zh else 'is up'}  {url}")
    _announce_s3(kernel.drivers["objects"])  # type: ignore[attr-defined]  # the kernel stays out of the CLI's imports
    if demo:
        click.echo("演示登录（仅本机）：" if zh else "Demonstration log-ins (loopback only):")
        for login, role, password in kernel.demo_logins:  # type: ignore[attr-defined]  # as above
            click.echo(f"  {login:<14} {password}  {role.zh} / {role.en}")
        hint = "下一步：另开一个终端运行" if zh else "next: in another terminal"
        click.echo(f"{hint}  .venv/bin/cloudhall tour", err=True)
    elif not _founded(kernel):
        click.echo(say(EMPTY), err=True)
    sys.stdout.flush()


def _founded(kernel: Any) -> bool:
    from cloudhall.domains.identity.founding import founded

    return founded(kernel)


def _announce_s3(objects: "Objects") -> None:
    from cloudhall.drivers.objects.trouble import lacked

    click.echo(f"S3  {objects.endpoint}")
    if said := lacked(objects.lacks).in_(language()):
        click.echo(f"    {say(LACKS, said)}")


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
    ],
)
