"""The machine under it: disk, clock, ports, and whether a server runs."""

import fcntl
import http.client
import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

from cloudhall.doctor.findings import Finding, State
from cloudhall.kernel.text import T

LOOPBACK = "127.0.0.1"
ASKED = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104  who listens on all addresses answers on this one
ASK_S = 5.0
GIB = 1 << 30
FREE_WRONG_BYTES, FREE_NOTE_BYTES = GIB, 10 * GIB
"""The engine takes a volume of some hundred MB at a time and stops at 1 % (`minFreeSpacePercent`)."""
WATCHED_S = 0.2
DRIFT_S = 0.02
"""What the wall clock may gain or lose against one that nobody sets while both are watched: 10 %."""
DISK, CLOCK, PORT, SERVER = T("磁盘", "disk"), T("时钟", "clock"), T("端口", "port"), T("服务器", "server")


def runs(home: Path) -> bool:
    """Whether a server holds the data folder."""
    try:
        with (home / "lock").open("r", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def disk(home: Path) -> Iterator[Finding]:
    """Room on the file system of the data folder."""
    usage = shutil.disk_usage(home)
    detail = T(f"剩余 {usage.free / GIB:.1f} GiB", f"{usage.free / GIB:.1f} GiB free")
    if usage.free >= FREE_NOTE_BYTES:
        yield Finding("disk", DISK, detail)
        return
    state = State.WRONG if usage.free < FREE_WRONG_BYTES else State.NOTE
    remedy = T("清理磁盘，或把数据文件夹移到更大的磁盘", "Free some room, or move the data folder to a larger disk")
    yield Finding("disk", DISK, detail, state, remedy)


def clock(newest_us: int) -> Iterator[Finding]:
    """Whether the wall clock goes evenly and is not behind the newest row (µs; 0: there is none)."""
    wall, ticks = time.time(), time.monotonic()
    time.sleep(WATCHED_S)
    drift = (time.time() - wall) - (time.monotonic() - ticks)
    ahead_s = newest_us / 1e6 - time.time()
    remedy = T("用 NTP 校时（例如 systemd-timesyncd、chrony）", "Let NTP keep the time (systemd-timesyncd, chrony)")
    if ahead_s > 1:
        detail = T(
            f"最新的数据行在未来 {ahead_s:.0f} 秒：时钟被拨回过",
            f"the newest row is {ahead_s:.0f} s ahead: it was set back",
        )
        yield Finding("clock", CLOCK, detail, State.WRONG, remedy)
    elif abs(drift) > DRIFT_S:
        detail = T(f"{WATCHED_S} 秒内偏移 {drift:+.3f} 秒", f"{drift:+.3f} s off within {WATCHED_S} s")
        yield Finding("clock", CLOCK, detail, State.NOTE, remedy)
    else:
        yield Finding("clock", CLOCK, T("走时均匀，没有未来的数据行", "even, and no row is of the future"))


def server(port: int, *, up: bool, host: str = LOOPBACK) -> Iterator[Finding]:
    """Whether HTTP answers where a server runs, and whether its port is free where none does."""
    asked = ASKED.get(host, host)
    if up:
        yield _answering(asked, port)
        return
    yield Finding("server", SERVER, T("未运行", "not running"))
    if _taken(asked, port):
        detail = T(f"{port} 被另一个程序占用", f"another program has {port}")
        remedy = T("停掉那个程序，或用 CLOUDHALL_PORT 换端口", "Stop that program, or take another with CLOUDHALL_PORT")
        yield Finding("port", PORT, detail, State.WRONG, remedy)
    else:
        yield Finding("port", PORT, T(f"{port} 空闲", f"{port} is free"))


def answers(port: int, path: str, host: str = LOOPBACK) -> bool:
    """Whether a GET is answered with 200, in clear or by TLS; whose certificate it is, is looked at elsewhere."""
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    return _ok(http.client.HTTPConnection(host, port, timeout=ASK_S), path) or _ok(
        http.client.HTTPSConnection(host, port, timeout=ASK_S, context=anybody), path
    )


def _ok(connection: http.client.HTTPConnection, path: str) -> bool:
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _answering(host: str, port: int) -> Finding:
    if answers(port, "/healthz", host):
        return Finding("server", SERVER, T(f"运行中，{port} 有应答", f"running, {port} answers"))
    detail = T(f"运行中，但 {port} 没有应答", f"running, but {port} does not answer")
    remedy = T(
        "若地址或端口不是这个，用 --host、--port 指定；否则重启服务器",
        "Name its address and port with --host and --port if they are others; else start it anew",
    )
    return Finding("server", SERVER, detail, State.WRONG, remedy)


def _taken(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        return probe.connect_ex((host, port)) == 0
