"""`cloudhall run`: the server in the foreground, with or without the demonstration city."""

import logging
import os
import sys
from pathlib import Path

import click

from cloudhall.cli.language import language
from cloudhall.kernel.errors import CloudhallError

PORT = 8800


@click.command()
@click.option("--demo", is_flag=True, help="Found the demonstration city if nobody is here yet; show its log-ins.")
@click.option("--home", type=click.Path(path_type=Path), envvar="CLOUDHALL_HOME", help="Where the data lie.")
@click.option("--port", type=click.IntRange(0, 65_535), default=PORT, show_default=True, envvar="CLOUDHALL_PORT", help="Loopback port.")
def run(*, demo: bool, home: Path | None, port: int) -> None:
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
    click.echo(f"S3  {kernel.drivers['objects'].endpoint}")  # type: ignore[attr-defined]  # the kernel stays out of the CLI's imports
    if demo:
        click.echo("演示登录（仅本机）：" if zh else "Demonstration log-ins (loopback only):")
        for login, role, password in kernel.demo_logins:  # type: ignore[attr-defined]  # as above
            click.echo(f"  {login:<14} {password}  {role.zh} / {role.en}")
    hint = "下一步：另开一个终端运行" if zh else "next: in another terminal"
    click.echo(f"{hint}  .venv/bin/cloudhall tour", err=True)
    sys.stdout.flush()
