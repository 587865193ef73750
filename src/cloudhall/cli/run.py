"""`cloudhall run`: the server in the foreground, with or without the demonstration city."""

import contextlib
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cloudhall.cli.parts import Command, Option
from cloudhall.kernel.errors import CloudhallError
from cloudhall.sdk.language import T, language, say

if TYPE_CHECKING:
    import socket

    from cloudhall.drivers.objects import Objects
    from cloudhall.tls.door import Door
    from cloudhall.tls.showing import Shown

PORT, LOOPBACK = 8800, "127.0.0.1"
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
TRUST = T("TLS  要信任的证书的 SHA-256：{}", "TLS  SHA-256 of the certificate to trust: {}")
LACKS = T("此 S3 有所不能：{}", "This S3 does not do everything: {}")


def start(*, demo: bool, home: Path | None, port: int, workers: int, **given: Any) -> None:
    """Start Cloudhall; Ctrl-C stops it and everything it started."""
    from cloudhall import server
    from cloudhall.tls import guard
    from cloudhall.tls.door import refuse
    from cloudhall.tls.showing import open_shown

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    folder, door = (home or default_home()).absolute(), _door(given)
    try:
        _refuse_workers(workers)
        refuse(door)
        sock = server.bind(port, door.host)
        with sock, server.running(folder, lambda kernel: guard.refuse(kernel, door, seeding=demo)) as kernel:
            shown, url = open_shown(door, folder), door.url(sock.getsockname()[1])
            if demo:
                server.seed_demo(kernel)
            with _workers(folder, sock, door, workers - 1, demo=demo):
                server.serve(kernel, sock, lambda: _announce(kernel, url, shown, demo=demo), door, shown)
    except CloudhallError as error:
        click.echo(f"{' '.join(filter(None, (error.code, error.reason)))}: {error.text.in_(language())}", err=True)
        click.echo(error.how.in_(language()), err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(0)


def _door(given: Mapping[str, Any]) -> "Door":
    from cloudhall.tls.door import Door

    return Door(
        host=given["host"],
        own=given["tls"],
        names=tuple(given["tls_name"]),
        certificate=given["tls_cert"],
        key=given["tls_key"],
        proxies=tuple(given["behind_proxy"]),
    )


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


def _workers(
    folder: Path, sock: "socket.socket", door: "Door", count: int, *, demo: bool
) -> contextlib.AbstractContextManager[None]:
    from cloudhall.workers import beside

    return beside(folder, sock, door, count, demo=demo)


def default_home() -> Path:
    """Return `~/.local/share/cloudhall`, or where XDG says."""
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local/share") / "cloudhall"


def _announce(kernel: object, url: str, shown: "Shown | None", *, demo: bool) -> None:
    """In one piece: whoever reads the first line finds the others behind it."""
    zh = language() == "zh"
    lines = [f"Cloudhall {'云厅 已启动' if zh else 'is up'}  {url}"]
    if shown:
        lines.append(say(TRUST, shown.anchor))
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
    from cloudhall.drivers.objects import told_address
    from cloudhall.drivers.objects.trouble import lacked

    said, address = lacked(objects.lacks).in_(language()), told_address(objects.endpoint)
    here = "" if address == objects.endpoint else f"  → {objects.endpoint}"
    return [f"S3  {address}{here}", *([f"    {say(LACKS, said)}"] if said else [])]


run = Command(
    "run",
    start,
    T(
        "启动云厅，Ctrl-C 停止。默认只在本机监听；对外须用 TLS 或在反向代理之后。",
        "Start Cloudhall; Ctrl-C stops it and all it started. It listens on loopback, and beyond it by TLS or behind a "
        "reverse proxy alone.",
    ),
    examples=[
        "run --demo",
        "run --home /srv/cloudhall --port 8800",
        "run --host 0.0.0.0 --tls --tls-name cloud.example.cn",
        "run --host 0.0.0.0 --tls-cert cloud.pem --tls-key cloud.key",
        "run --behind-proxy 127.0.0.1",
    ],
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
            text=T(f"端口（CLOUDHALL_PORT），默认 {PORT}", f"Port (CLOUDHALL_PORT), {PORT} by default"),
        ),
        Option(
            "--host",
            default=LOOPBACK,
            envvar="CLOUDHALL_HOST",
            text=T(
                "监听的地址（CLOUDHALL_HOST），默认仅本机；0.0.0.0 为全部",
                "Address to listen at (CLOUDHALL_HOST), loopback by default; 0.0.0.0 is all",
            ),
            metavar="ADDRESS",
        ),
        Option(
            "--tls",
            is_flag=True,
            envvar="CLOUDHALL_TLS",
            text=T(
                "TLS，证书由本安装自己的机构签发（CLOUDHALL_TLS=1）；见 cloudhall certificate",
                "TLS by an authority of the installation's own (CLOUDHALL_TLS=1); see cloudhall certificate",
            ),
        ),
        Option(
            "--tls-name",
            multiple=True,
            envvar="CLOUDHALL_TLS_NAMES",
            text=T(
                "证书上的主机名或地址，可多次（CLOUDHALL_TLS_NAMES，空格分开）",
                "Host or address in that certificate; repeat it for more (CLOUDHALL_TLS_NAMES, apart by spaces)",
            ),
            metavar="NAME",
        ),
        Option(
            "--tls-cert",
            default="",
            envvar="CLOUDHALL_TLS_CERT",
            text=T(
                "已有的证书，PEM（CLOUDHALL_TLS_CERT）；更换后自动读取",
                "A certificate that you have, PEM (CLOUDHALL_TLS_CERT); read anew when it is replaced",
            ),
            metavar="FILE",
        ),
        Option(
            "--tls-key",
            default="",
            envvar="CLOUDHALL_TLS_KEY",
            text=T("其私钥，PEM（CLOUDHALL_TLS_KEY）", "Its key, PEM (CLOUDHALL_TLS_KEY)"),
            metavar="FILE",
        ),
        Option(
            "--behind-proxy",
            multiple=True,
            envvar="CLOUDHALL_PROXIES",
            text=T(
                "前面的反向代理的地址或网段，可多次（CLOUDHALL_PROXIES）；只信它们的 X-Forwarded-*",
                "Address or network of reverse proxies before it; repeat it for more (CLOUDHALL_PROXIES). Their "
                "X-Forwarded-* are believed, nobody else's",
            ),
            metavar="ADDRESS",
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
