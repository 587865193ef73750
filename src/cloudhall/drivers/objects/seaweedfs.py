"""SeaweedFS behind the port `objects`: one supervised `weed mini` on loopback, nothing in the way of its clients.

The S3 port is the only door to data: the engine's other ports want our certificate or a token, or serve nothing
(`weed_command`). Keys are rendered to one file and proven (`weed_identities`), usage comes from the engine's counters
(`weed_counters`), stored bytes from its metadata stream (`weed_changes`), both exact to the byte.

Not here: who may have which key, what anything costs, when a quota is reached. That is decided above.
Backup: `data/.mini_sse_kek` is the key of every SSE-S3 object; it belongs with the data.
"""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cloudhall.drivers.objects import (
    REGION,
    Counters,
    weed_binary,
    weed_command,
    weed_counters,
    weed_home,
    weed_ports,
    weed_process,
)
from cloudhall.drivers.objects.buckets import Buckets
from cloudhall.drivers.objects.contents import Contents
from cloudhall.drivers.objects.trouble import not_answering
from cloudhall.drivers.objects.weed_changes import ChangeLog
from cloudhall.drivers.objects.weed_identities import IdentityFile
from cloudhall.drivers.objects.weed_process import Command, Supervised
from cloudhall.drivers.objects.weed_requests import Door, get
from cloudhall.drivers.objects.weed_rpc import Filer
from cloudhall.drivers.objects.weed_tls import write_certificates
from cloudhall.drivers.objects.weed_verbs import Verbs
from cloudhall.kernel.errors import Unavailable

log = logging.getLogger("cloudhall.objects.weed")

HEALTH_S, SCRAPE_S = 1.0, 10.0
REGISTERED = 'SeaweedFS_master_received_heartbeats{type="total"}'
"""In the metrics once the volume server is known: without it writes wait and the metadata log is passed over."""


@dataclass(frozen=True)
class _Parts:
    """A running engine and what talks to it."""

    lock: int
    engine: weed_binary.Engine
    ports: weed_ports.Ports
    ledger: weed_counters.Ledger
    door: Door
    filer: Filer
    child: Supervised
    keys: IdentityFile
    log: ChangeLog
    buckets: Buckets
    contents: Contents

    def counters(self) -> Counters:
        """See `Up.counters`."""
        with self.ledger:
            return weed_counters.read(self._scraped(), self.ledger)

    def making(self, bucket: str) -> None:
        """See `Up.making`."""
        self.ledger.making(bucket, lambda: weed_counters.raw(self._scraped()))

    def removed(self, bucket: str) -> None:
        """See `Up.removed`."""
        self.ledger.removed(bucket)

    def _scraped(self) -> str:
        try:
            return get(self.ports.metrics, "/metrics", SCRAPE_S)
        except OSError as error:
            raise not_answering(error) from error


class SeaweedFS(Verbs):
    """The embedded object store in `home`."""

    def __init__(self, home: Path) -> None:
        self._home = home.absolute()
        self._parts: _Parts | None = None

    @property
    def endpoint(self) -> str:
        """`http://127.0.0.1:<port>`; the same port over restarts while it stays free."""
        return f"http://127.0.0.1:{self._up.ports.s3}"

    @property
    def contents(self) -> Contents:
        """See `Objects.contents`."""
        return self._up.contents

    @property
    def engine(self) -> weed_binary.Engine:
        """Version and SHA-256 of the binary that runs."""
        return self._up.engine

    def start(self) -> None:
        """See `Objects.start`. Nothing happens when it runs already."""
        if self._parts:
            return
        weed = weed_binary.locate()
        weed_home.prepare(self._home)
        lock = weed_home.lock(self._home)
        try:
            lost = weed_process.end_stale(self._home)  # before ports are chosen: it may hold them
            while (parts := _started(_assemble(self._home, weed, lock), lost=lost)) is None:
                log.warning("somebody has taken a port that was free; others are chosen")
        except BaseException:
            os.close(lock)
            raise
        self._parts = parts
        log.info("weed %s (SHA-256 %s) serves at %s", parts.engine.version, parts.engine.sha256, self.endpoint)

    def stop(self) -> None:
        """See `Objects.stop`. Read `counters` before: they end with the process."""
        if parts := self._parts:
            self._parts = None
            parts.child.stop()  # first: a hung engine lets go of nothing that waits for it
            parts.filer.close()
            weed_command.remove_sockets(msgspec.structs.astuple(parts.ports))
            os.close(parts.lock)

    def healthy(self) -> bool:
        """See `Objects.healthy`."""
        return self._parts is not None and _serves(self._parts.ports)

    @property
    def _up(self) -> _Parts:
        if self._parts is None:
            raise not_answering("stopped")
        return self._parts


def _started(parts: _Parts, *, lost: bool) -> _Parts | None:
    """Start an engine; None where a port that was free when it was chosen is somebody else's by now."""
    if lost:
        parts.log.mark_lost()
    try:
        parts.child.start()
    except Unavailable:
        parts.filer.close()
        if weed_ports.are_free(parts.ports):
            raise
        return None
    return parts


def _assemble(home: Path, weed: Path, lock: int) -> _Parts:
    """Everything about an engine that is about to start; files are written, no process runs yet."""
    engine = weed_binary.identify(weed, home / "engine.json")
    ports = weed_ports.choose(home / "ports.json")
    ledger = weed_counters.Ledger()
    door = Door(ports.s3, ledger)
    filer = Filer(ports.filer + weed_ports.GRPC_OFFSET, write_certificates(home))
    change_log = ChangeLog(filer, home / "lost")

    def before() -> None:
        weed_command.forget_options(home)
        ledger.forget()

    child = Supervised(
        Command(weed_command.arguments(weed, home, ports), weed_command.environment(home), home),
        ready=lambda: _serves(ports) and REGISTERED in get(ports.metrics, "/metrics", SCRAPE_S),
        before=before,
        crashed=change_log.mark_lost,
    )
    keys = IdentityFile(home / "s3.json", ask=door.ask, signal=child.reload)
    address = f"http://127.0.0.1:{ports.s3}"
    buckets = Buckets(address, keys.admin, answered=ledger.note)
    contents = Contents(address, keys.admin, REGION)
    return _Parts(lock, engine, ports, ledger, door, filer, child, keys, change_log, buckets, contents)


def _serves(ports: weed_ports.Ports) -> bool:
    try:
        get(ports.s3, "/healthz", HEALTH_S)
    except OSError:
        return False
    return True
