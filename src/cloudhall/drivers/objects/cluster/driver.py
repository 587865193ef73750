"""A SeaweedFS cluster behind the port `objects`.

Verbs go to the first gateway and the first filer that run. Clients are told the first gateway's address; `endpoints`
names all of them.

Names lie in PostgreSQL (`database`), which several filers share. Without one there is a single filer with a store of
its own: the names then lie on one machine, whatever their bytes do (`durability`).
"""

import contextlib
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from cloudhall.drivers.objects import Counters, Key, weed_binary, weed_command
from cloudhall.drivers.objects.buckets import Buckets
from cloudhall.drivers.objects.cluster import commands, fleet, parts
from cloudhall.drivers.objects.cluster.fleet import Fleet
from cloudhall.drivers.objects.cluster.following import Followed
from cloudhall.drivers.objects.cluster.gateways import Gateway, Gateways, KeyFiles
from cloudhall.drivers.objects.cluster.parts import Part, Shape
from cloudhall.drivers.objects.cluster.shell import Shell
from cloudhall.drivers.objects.cluster.steward import Steward
from cloudhall.drivers.objects.contents import Contents
from cloudhall.drivers.objects.trouble import not_answering
from cloudhall.drivers.objects.weed_counters import Ledger
from cloudhall.drivers.objects.weed_identities import IdentityFile, new_admin
from cloudhall.drivers.objects.weed_requests import Door
from cloudhall.drivers.objects.weed_rpc import Filer, Master
from cloudhall.drivers.objects.weed_tls import write_certificates
from cloudhall.drivers.objects.weed_verbs import Verbs
from cloudhall.kernel.errors import Unavailable

log = logging.getLogger("cloudhall.objects.weed")

READY_S, POLL_S = 30.0, 0.05
ESTATE = "estate.json"
One = TypeVar("One")


@dataclass(frozen=True)
class _Running:
    """Everything about a cluster that runs; `steward` knows the parts that there are now."""

    lock: int
    engine: weed_binary.Engine
    fleet: Fleet
    gateways: Gateways
    keys: KeyFiles
    filers: dict[str, Filer]
    log: Followed
    steward: Steward


@dataclass(frozen=True)
class _Serving:
    """A gateway and a filer that serve now; see `weed_verbs.Up`."""

    gateways: Gateways
    gateway: Gateway
    filer: Filer
    log: Followed
    keys: KeyFiles

    @property
    def ledger(self) -> Ledger:
        return self.gateway.ledger

    @property
    def buckets(self) -> Buckets:
        return self.gateway.buckets

    @property
    def door(self) -> Door:
        return self.gateway.door

    def counters(self) -> Counters:
        return self.gateways.counters()

    def making(self, bucket: str) -> None:
        self.gateways.making(bucket)

    def removed(self, bucket: str) -> None:
        self.gateways.removed(bucket)


class SeaweedCluster(Verbs):
    """The object store of several processes in `home`. `shape` is what a new one begins with."""

    def __init__(self, home: Path, *, database: str = "", shape: Shape | None = None) -> None:
        self._home = home.absolute()
        self._database = database
        self._shape = shape or Shape()
        self._running: _Running | None = None

    @property
    def endpoint(self) -> str:
        """The first gateway's address; the same over restarts while its port stays free."""
        return self.endpoints[0]

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Addresses of all gateways: any of them serves everything."""
        return tuple(gateway.endpoint for gateway in self._all.gateways.all)

    @property
    def contents(self) -> Contents:
        """See `Objects.contents`."""
        return self._up.gateway.contents

    @property
    def engine(self) -> weed_binary.Engine:
        """Version and SHA-256 of the binary that runs."""
        return self._all.engine

    @property
    def steward(self) -> Steward:
        """Its parts, their health, and what mends it."""
        return self._all.steward

    def start(self) -> None:
        """See `Objects.start`. Nothing happens when it runs already."""
        if self._running:
            return
        weed = weed_binary.locate()
        lock = fleet.prepare(self._home)
        try:
            lost = fleet.end_stale(self._home)  # before ports are chosen: it may hold them
            running = self._assembled(weed, lock)
            if lost:
                running.log.mark_lost()
            self._come_up(running)
        except BaseException:
            os.close(lock)
            raise
        self._running = running
        log.info("weed %s serves at %s", running.engine.version, ", ".join(self.endpoints))

    def stop(self) -> None:
        """See `Objects.stop`. Read `counters` before: they end with the processes."""
        if running := self._running:
            self._running = None
            estate = running.steward.estate
            running.log.close()
            running.fleet.stop(estate.parts)
            for filer in running.filers.values():
                filer.close()
            running.steward.close()
            weed_command.remove_sockets(part.port for part in estate.parts)
            os.close(running.lock)

    def healthy(self) -> bool:
        """See `Objects.healthy`: a gateway serves, and a master leads."""
        if not self._running:
            return False
        up = any(fleet.serves(gateway.part) for gateway in self._running.gateways.all)
        return up and bool(self._running.steward.leader())

    @property
    def _all(self) -> _Running:
        if self._running is None:
            raise not_answering("stopped")
        return self._running

    @property
    def _up(self) -> _Serving:
        running = self._all
        gateway = _first(running, {gateway.part.name: gateway for gateway in running.gateways.all})
        return _Serving(running.gateways, gateway, _first(running, running.filers), running.log, running.keys)

    def _come_up(self, running: _Running) -> None:
        """Masters first, and a leader among them: whoever asks before that asks again seconds later."""
        steward = running.steward
        try:
            running.fleet.start(steward.estate.of("master"))
            wait(lambda: bool(steward.leader()), "masters")
            running.fleet.start(steward.estate.parts)
            running.log.begin()
            wait(lambda: not steward.missing(), "volume servers")
        except BaseException:
            running.log.close()
            running.fleet.stop(steward.estate.parts)
            raise

    def _assembled(self, weed: Path, lock: int) -> _Running:
        """Everything about a cluster that is about to start; files are written, no process runs yet."""
        home = self._home
        estate = (parts.recorded(home / ESTATE) or parts.founded(self._founding())).with_ports(())
        parts.record(home / ESTATE, estate)
        environment = weed_command.environment(home)
        tls = write_certificates(commands.configure(home, self._database))
        admin = new_admin()
        gateways = Gateways(estate.of("gateway"), admin)
        filers = {part.name: Filer(part.grpc, tls) for part in estate.of("filer")}

        def before(part: Part) -> None:
            if part.role == "gateway":
                gateways.named(part.name).begin_anew()

        def crashed(part: Part) -> None:
            if part.role == "filer":
                followed.mark_lost()

        running = Fleet(
            home,
            environment,
            command=lambda part: commands.arguments(weed, home, part, steward.estate),
            before=before,
            crashed=crashed,
        )
        followed = Followed(filers, home / "lost", running.runs)
        steward = Steward(
            home,
            estate,
            running,
            Shell(weed, home, environment, estate.of("master")),
            [Master(part.grpc, tls) for part in estate.of("master")],
            lambda: self._up.buckets.names(),  # noqa: PLW0108  nothing runs yet
        )
        keys = KeyFiles([_key_file(home, gateway, running, admin) for gateway in gateways.all])
        engine = weed_binary.identify(weed, home / "engine.json")
        return _Running(lock, engine, running, gateways, keys, filers, followed, steward)

    def _founding(self) -> Shape:
        """The shape of a new cluster: without a database, names in one place, and so one filer."""
        return self._shape if self._database else msgspec.structs.replace(self._shape, filers=1)


def wait(true: Callable[[], bool], what: str, patience_s: float = READY_S) -> None:
    """Wait until something is so. `Unavailable` when it takes too long."""
    deadline = time.monotonic() + patience_s
    while True:
        with contextlib.suppress(Unavailable):
            if true():
                return
        if time.monotonic() > deadline:
            raise not_answering(what)
        time.sleep(POLL_S)


def _key_file(home: Path, gateway: Gateway, running: Fleet, admin: Key) -> IdentityFile:
    name = gateway.part.name
    folder = home / name
    folder.mkdir(mode=0o700, exist_ok=True)
    return IdentityFile(
        folder / commands.IDENTITIES,
        ask=gateway.door.ask,
        signal=lambda: running.reload(name),
        admin=admin,
        runs=lambda: running.runs(name),
    )


def _first(running: _Running, parts: Mapping[str, One]) -> One:
    """The first part whose process runs; the first one when none does."""
    return next((part for name, part in parts.items() if running.fleet.runs(name)), next(iter(parts.values())))
