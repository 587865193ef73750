"""The server process: engines, kernel, HTTP, in this order up and in the reverse order down.

Nothing here decides; it starts, stops and says clearly what is in the way (a port that is taken, a second server on the
same data, an engine that is missing).
"""

import contextlib
import errno
import fcntl
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from cloudhall import installation, settings
from cloudhall.drivers.objects import Objects
from cloudhall.kernel.errors import Conflict, Unavailable
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.text import T
from cloudhall.tls.door import LOOPBACK, Door
from cloudhall.tls.showing import Shown, kept_fresh

GRACE_S = 1  # of the five that a stop may take; the engine needs two
HSTS = ("Strict-Transport-Security", "max-age=31536000")
"""RFC 6797: for a year a browser that has come by TLS comes by TLS alone, and takes no wrong certificate."""


@contextlib.contextmanager
def running(home: Path, admit: Callable[[Kernel], object]) -> Iterator[Kernel]:
    """Open the installation in `home` with its engines and run its loops until the block ends.

    `admit` looks at it before anything runs, and raises what keeps it from being served.
    """
    with contextlib.ExitStack() as down:
        down.enter_context(only_one(home))
        drivers = installation.drivers(home)
        objects: Objects = drivers["objects"]
        down.callback(objects.stop)
        # Before the engine runs: a database that cannot be opened is said at once, and an engine that has just begun to
        # start takes long to stop.
        kernel = installation.open_kernel(home, drivers)
        down.callback(kernel.stop)
        admit(kernel)
        objects.start()
        kernel.start()
        down.callback(_end_if_silent, objects)
        yield kernel


@contextlib.contextmanager
def offline(home: Path) -> Iterator[Kernel]:
    """Open the installation in `home` without engines, for one change, while no server runs on it.

    Work that the change makes is taken up by the next server.
    """
    with only_one(home):
        kernel = installation.open_kernel(home, {})
        try:
            yield kernel
        finally:
            kernel.stop()


def _end_if_silent(objects: Objects) -> None:
    """End an engine that no longer answers before the kernel asks it for the last time, and waits."""
    if not objects.healthy():
        objects.stop()


def seed_demo(kernel: Kernel) -> bool:
    """Found the demonstration city, if nobody is here yet; answers whether it did."""
    from cloudhall.domains.identity import demo as identity_demo
    from cloudhall.domains.identity.founding import founded, founding
    from cloudhall.domains.market import demo as market_demo
    from cloudhall.domains.storage import demo as storage_demo

    kernel.demo_logins = identity_demo.logins()
    if founded(kernel):
        return False
    with founding(kernel) as founder:
        identity_demo.seed(kernel, founder)
        market_demo.seed(kernel, founder)
        storage_demo.seed(kernel, founder)
    return True


def bind(port: int, host: str = LOOPBACK) -> socket.socket:
    """Take the port before anything else starts; raises `Conflict` when another has it."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise (_port_taken(port) if error.errno == errno.EADDRINUSE else _no_listening(host, port, error)) from error
    return sock


def _port_taken(port: int) -> Conflict:
    return Conflict(
        T(f"端口 {port} 已被占用", f"Port {port} is taken"),
        mend=T(
            f"停掉占用它的程序，或换一个：CLOUDHALL_PORT={port + 1} make run",
            f"Stop what uses it, or take another: CLOUDHALL_PORT={port + 1} make run",
        ),
        reason="PORT_TAKEN",
    )


def _no_listening(host: str, port: int, error: OSError) -> Unavailable:
    return Unavailable(
        T(
            f"不能在 {host} 的端口 {port} 监听：{error.strerror}",
            f"Cannot listen at {host}, port {port}: {error.strerror}",
        ),
        mend=T(
            "--host 须是本机的地址；1024 以下的端口需要权限，或由反向代理承担",
            "--host must be an address of this machine; ports below 1024 need a permission, or a reverse proxy",
        ),
        reason="LISTEN",
    )


def serve(
    kernel: Kernel,
    sock: socket.socket,
    ready: Callable[[], None],
    door: Door = Door(),  # noqa: B008  immutable
    shown: Shown | None = None,
) -> None:
    """Answer HTTP until SIGINT or SIGTERM; `ready()` is called when the first request can come.

    With `shown` it is HTTPS alone: who speaks plain HTTP to the port is hung up on.
    """
    import uvicorn

    from cloudhall.api.app import create_app
    from cloudhall.api.docs import DOCS_ROUTE
    from cloudhall.console.app import console_routes

    kernel.served = settings.serving(kernel.home, door, sock.getsockname()[1])
    app = create_app(kernel, routes=[DOCS_ROUTE, *console_routes(kernel)])

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            app.state.host.bell.close()  # streams and waits end of themselves instead of being cut off after the grace
            await super().shutdown(sockets)

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        proxy_headers=bool(door.proxies),  # else anybody on this machine could say where a request came from
        forwarded_allow_ips=list(door.proxies),
        headers=[HSTS] if shown else [],
        ssl_context_factory=(lambda *_: shown.context) if shown else None,
    )
    # uvicorn raises the signal that ended it once more after a clean stop; as an interrupt it ends here, and the
    # engines behind us are still stopped in order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with kept_fresh(shown), contextlib.suppress(KeyboardInterrupt):
        Server(config).run(sockets=[sock])


@contextlib.contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Keep other processes off a folder until the block ends; raises `Conflict` where one is on it."""
    with _lock_file(home) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Conflict(
                T(f"{home} 已有一个云厅在运行", f"Another Cloudhall runs on {home}"),
                mend=T("停掉它，或用 CLOUDHALL_HOME 指定别处", "Stop it, or name another place in CLOUDHALL_HOME"),
                reason="ALREADY_RUNNING",
            ) from error
        yield


def _lock_file(home: Path) -> TextIO:
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return (home / "lock").open("w", encoding="ascii")
    except OSError as error:
        raise Unavailable(
            T(f"不能在 {home} 存放数据：{error.strerror}", f"No data can be kept in {home}: {error.strerror}"),
            mend=T(
                "检查目录与权限，或用 CLOUDHALL_HOME 指定别处",
                "Check the folder and its permissions, or name another place in CLOUDHALL_HOME",
            ),
            reason="HOME",
        ) from error
