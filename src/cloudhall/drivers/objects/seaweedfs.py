"""SeaweedFS behind the port `objects`: one supervised `weed mini` on loopback, nothing in the way of its clients.

The S3 port is the only door to data: the engine's other ports want our certificate or a token, or serve nothing
(`weed_command`). Keys are rendered to one file and proven (`weed_identities`), usage comes from the engine's counters
(`weed_counters`), stored bytes from its metadata stream (`weed_changes`), both exact to the byte.

Not here: who may have which key, what anything costs, when a quota is reached. That is decided above.
Backup: `data/.mini_sse_kek` is the key of every SSE-S3 object; it belongs with the data.
"""

import contextlib
import http.client
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from cloudhall.drivers.objects import (
    REGION,
    BucketSeen,
    Changes,
    Counters,
    Held,
    IdentitiesSet,
    Identity,
    Stored,
    weed_binary,
    weed_command,
    weed_count,
    weed_counters,
    weed_home,
    weed_ports,
    weed_process,
)
from cloudhall.drivers.objects.buckets import Buckets, Marker, counted, opens
from cloudhall.drivers.objects.trouble import no_bucket, not_answering, not_empty
from cloudhall.drivers.objects.weed_changes import ChangeLog
from cloudhall.drivers.objects.weed_identities import IdentityFile
from cloudhall.drivers.objects.weed_pb2 import Entry, LookupDirectoryEntryRequest, TraverseBfsMetadataRequest
from cloudhall.drivers.objects.weed_process import Command, Supervised
from cloudhall.drivers.objects.weed_requests import Door
from cloudhall.drivers.objects.weed_rpc import Connection, Filer, RpcError
from cloudhall.drivers.objects.weed_tls import write_certificates
from cloudhall.drivers.objects.weed_wire import listed, looked_up, tags
from cloudhall.kernel.errors import NotFound

log = logging.getLogger("cloudhall.objects.weed")

HEALTH_S, SCRAPE_S, WALK_SILENCE_S = 1.0, 10.0, 30.0
REMOVED_AT_ONCE = 100
GIVE_WAY_S = 0.001  # a lock goes to whoever asks first after its release, and that would be us again
REGISTERED = 'SeaweedFS_master_received_heartbeats{type="total"}'
"""In the metrics once the volume server is known: without it writes wait and the metadata log is passed over."""
POLICY, VERSIONING = "s3-bucket-policy", "Seaweed-X-Amz-Versioning"
"""Where the engine keeps them in a bucket's entry."""


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


class SeaweedFS:
    """The embedded object store in `home`."""

    lacks: frozenset[str] = frozenset()
    region = REGION

    def __init__(self, home: Path) -> None:
        self._home = home.absolute()
        self._parts: _Parts | None = None

    @property
    def endpoint(self) -> str:
        """`http://127.0.0.1:<port>`; the same port over restarts while it stays free."""
        return f"http://127.0.0.1:{self._up.ports.s3}"

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
            parts = _assemble(self._home, weed, lock)
            if lost:
                parts.log.mark_lost()
            parts.child.start()
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
            weed_command.remove_sockets(parts.ports)
            os.close(parts.lock)

    def healthy(self) -> bool:
        """See `Objects.healthy`."""
        return self._parts is not None and _serves(self._parts.ports)

    def seen(self, bucket: str) -> BucketSeen | None:
        """See `Objects.seen`. One look at the bucket's entry, past the S3 door: it counts as nobody's request."""
        try:
            asked = LookupDirectoryEntryRequest(directory=weed_count.ROOT, name=bucket).SerializeToString()
            entry = looked_up(self._up.filer.unary("LookupDirectoryEntry", asked))
        except RpcError as error:
            if error.missing:
                return None
            raise not_answering(error) from error
        except OSError as error:
            raise not_answering(error) from error
        return BucketSeen(
            versioning=entry.extended.get(VERSIONING) == b"Enabled",
            public_read=opens(bucket, entry.extended.get(POLICY, b"")),
            tags=tags(entry),
            quota_bytes=entry.quota if entry.quota > 0 else None,
            strange_policy=POLICY in entry.extended and not opens(bucket, entry.extended[POLICY]),
        )

    def ensure_bucket(self, bucket: str) -> None:
        """See `Objects.ensure_bucket`."""
        with self._up.ledger:
            self._up.ledger.making(bucket, lambda: weed_counters.raw(self._scrape()))
            self._up.buckets.ensure(bucket)

    def set_versioning(self, bucket: str, on: bool) -> None:  # noqa: FBT001  as the port has it
        """See `Objects.set_versioning`."""
        with self._up.ledger:
            self._up.buckets.set_versioning(bucket, on=on)

    def set_public_read(self, bucket: str, on: bool) -> None:  # noqa: FBT001  as the port has it
        """See `Objects.set_public_read`. In force within 4 ms (measured)."""
        with self._up.ledger:
            self._up.buckets.set_public_read(bucket, on=on)

    def set_tags(self, bucket: str, tags: Mapping[str, str]) -> None:
        """See `Objects.set_tags`."""
        with self._up.ledger:
            self._up.buckets.set_tags(bucket, tags)

    def set_quota_bytes(self, bucket: str, quota_bytes: int | None) -> None:
        """See `Objects.set_quota_bytes`. The engine looks once a minute, at compressed bytes, and answers 500."""
        if self.seen(bucket) is None:
            raise no_bucket(bucket)
        order = {"quota_size": quota_bytes or 0, "quota_unit": "B", "quota_enabled": quota_bytes is not None}
        answer = self._up.door.ask(self._up.keys.admin, "PUT", f"/{bucket}?seaweedfs-quota", json.dumps(order).encode())
        if answer.status != HTTPStatus.NO_CONTENT:
            raise not_answering(f"quota: {answer.status} {answer.code}")

    def remove_objects(self, bucket: str, limit: int) -> int:
        """See `Objects.remove_objects`. A few at a time: every other call of ours waits for the ledger meanwhile."""
        removed = 0
        while removed < limit:
            with self._up.ledger:
                gone = self._up.buckets.remove_objects(bucket, min(limit - removed, REMOVED_AT_ONCE))
            if not gone:
                break
            removed += gone
            time.sleep(GIVE_WAY_S)
        return removed

    def remove_bucket(self, bucket: str) -> None:
        """See `Objects.remove_bucket`. Its counters stay, though the engine forgets them."""
        if self._holds_something(bucket):
            raise not_empty(bucket)
        with self._up.ledger:
            self.counters()
            self._up.buckets.remove(bucket)
            self._up.ledger.removed(bucket)

    def set_identities(self, identities: Sequence[Identity]) -> IdentitiesSet:
        """See `Objects.set_identities`. 4-25 ms, 0.6 s with 10,000 keys (measured)."""
        return self._up.keys.set(identities)

    def identities_digest(self) -> str:
        """See `Objects.identities_digest`."""
        return self._up.keys.digest()

    def buckets(self) -> Mapping[str, BucketSeen]:
        """See `Objects.buckets`. One look a bucket, about a millisecond each."""
        with self._up.ledger:
            names = self._up.buckets.names()
        return {name: seen for name in names if (seen := self.seen(name)) is not None}

    def keys(self) -> Mapping[str, frozenset[str]]:
        """See `Objects.keys`. Read from the file that the engine reads."""
        return self._up.keys.in_force()

    def counters(self) -> Counters:
        """See `Objects.counters`."""
        with self._up.ledger:
            return weed_counters.read(self._scrape(), self._up.ledger)

    def changes(self, after: int) -> Changes:
        """See `Objects.changes`. An event is handed out 0.2 s after it happened."""
        return self._up.log.after(after)

    def held(self, bucket: str) -> Held:
        """See `Objects.held`. A page at a time: every other call of ours waits for the ledger meanwhile."""

        def page(after: Marker) -> tuple[Held, Marker | None]:
            time.sleep(GIVE_WAY_S)
            with self._up.ledger:
                return self._up.buckets.held(bucket, after)

        return counted(page)

    def stored(self, bucket: str) -> Stored:
        """See `Objects.stored`. 20,000 objects take 0.5 s."""
        began_us = time.time_ns() // 1_000
        with self._entries(bucket) as entries:
            size, objects = weed_count.total(entries)
        return Stored(size, objects, began_us, time.time_ns() // 1_000)

    def _scrape(self) -> str:
        try:
            return _get(self._up.ports.metrics, "/metrics", SCRAPE_S)
        except OSError as error:
            raise not_answering(error) from error

    def _holds_something(self, bucket: str) -> bool:
        """Whether anything counts in it: the engine would remove kept versions and unfinished uploads unasked."""
        try:
            with self._entries(bucket) as entries:
                return any(weed_count.added(directory, entry) for directory, entry in entries)
        except NotFound:
            return False

    @contextlib.contextmanager
    def _entries(self, bucket: str) -> Iterator[Iterator[tuple[str, Entry]]]:
        """Every entry below a bucket, with its directory."""
        root = TraverseBfsMetadataRequest(directory=f"{weed_count.ROOT}/{bucket}").SerializeToString()
        try:
            with contextlib.closing(Connection(self._up.filer, WALK_SILENCE_S)) as line:
                yield map(listed, line.ask("TraverseBfsMetadata", root))
        except RpcError as error:
            raise (no_bucket(bucket) if error.missing else not_answering(error)) from error
        except OSError as error:
            raise not_answering(error) from error

    @property
    def _up(self) -> _Parts:
        if self._parts is None:
            raise not_answering("stopped")
        return self._parts


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
        ready=lambda: _serves(ports) and REGISTERED in _get(ports.metrics, "/metrics", SCRAPE_S),
        before=before,
        crashed=change_log.mark_lost,
    )
    keys = IdentityFile(home / "s3.json", ask=door.ask, signal=child.reload)
    buckets = Buckets(f"http://127.0.0.1:{ports.s3}", keys.admin, answered=ledger.note)
    return _Parts(lock, engine, ports, ledger, door, filer, child, keys, change_log, buckets)


def _serves(ports: weed_ports.Ports) -> bool:
    try:
        _get(ports.s3, "/healthz", HEALTH_S)
    except OSError:
        return False
    return True


def _get(port: int, path: str, timeout_s: float) -> str:
    """Body of a GET on loopback; `OSError` for anything but 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read().decode()
    except http.client.HTTPException as error:
        raise OSError(error) from error
    finally:
        connection.close()
    if response.status != HTTPStatus.OK:
        raise OSError(f"{path}: HTTP {response.status}")
    return body
