"""Everything that an engine holds, out of one and into another: entries as they are, with the bytes of their chunks.

Past the S3 door, so nothing here is counted as a tenant's request, and versions, ETags, times, policies and unfinished
uploads come over as they are. Whoever may read the engine's folder may use it: that is where its certificate lies.
The folder may belong to another process's engine; `attached` finds the one that runs.

A chunk that no entry names any more can be read until its volume is compacted (`?readDeleted`); after that it is gone.
"""

import contextlib
import heapq
import http.client
import json
import operator
import secrets
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from cloudhall.drivers.objects.trouble import not_answering
from cloudhall.drivers.objects.weed_copy_pb2 import (
    AssignVolumeRequest,
    AssignVolumeResponse,
    CreateEntryRequest,
    CreateEntryResponse,
    Entry,
    FileChunk,
    FileChunkManifest,
    FileId,
    Listed,
    SubscribeMetadataRequest,
    Told,
    TraverseBfsMetadataRequest,
)
from cloudhall.drivers.objects.weed_count import ROOT, Added, added
from cloudhall.drivers.objects.weed_ports import GRPC_OFFSET
from cloudhall.drivers.objects.weed_rpc import Connection, Filer, RpcError
from cloudhall.drivers.objects.weed_tls import client_context
from cloudhall.drivers.objects.weed_wire import listed

SLACK_NS = 50_000_000
"""The filer may log two events of the same moment in the other order; so it is read on this much longer."""
SILENCE_S = 30.0
KEYS = (".mini_sse_kek", ".mini_kek_passphrase")
"""Below `data`: the key of every object that a client had encrypted (SSE-S3), and what opens it."""


class Change(NamedTuple):
    """What lay at `old` is no longer there, with all below it (empty: nothing went); `new` is there now."""

    old: str
    new: tuple[str, Entry] | None


class Contents:
    """What one running engine holds. One thread at a time. All methods raise `Unavailable` when it falls silent."""

    def __init__(self, home: Path) -> None:
        """Reach the engine of `home`; nothing is asked yet."""
        ports = json.loads((home / "ports.json").read_bytes())
        self._filer = Filer(ports["filer"] + GRPC_OFFSET, client_context(home))
        self._volume = http.client.HTTPConnection("127.0.0.1", ports["volume"], timeout=SILENCE_S)

    def close(self) -> None:
        """Let go of the connections."""
        self._filer.close()
        self._volume.close()

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Every entry below the buckets' root with its directory, parents first; changes meanwhile may be in it."""
        request = TraverseBfsMetadataRequest(directory=ROOT).SerializeToString()
        for message in self._stream("TraverseBfsMetadata", request):
            found = Listed.FromString(message)
            yield found.directory, found.entry

    def changes(self, since_ns: int, until_ns: int) -> Iterator[Change]:
        """What happened in `(since, until]`, in order. Call it `SLACK_NS` after `until_ns`, when all of it is told."""
        request = SubscribeMetadataRequest(
            client_name="cloudhall-copy",
            path_prefix=ROOT + "/",
            since_ns=since_ns,
            until_ns=until_ns + SLACK_NS,
            client_id=secrets.randbits(30),
            client_supports_batching=True,
            client_supports_idle_heartbeat=True,
        )
        events = _until(self._stream("SubscribeMetadata", request.SerializeToString()), until_ns + SLACK_NS)
        for told in _in_order(events):
            if since_ns < told.ts_ns <= until_ns:
                yield _change(told)

    def content(self, fid: str) -> bytes | None:
        """Bytes of a chunk, a few MiB at most; None when it was deleted and compacted away."""
        status, body = self._asked("GET", f"/{fid}?readDeleted=true")
        if status == HTTPStatus.NOT_FOUND:
            return None
        if status != HTTPStatus.OK:
            raise not_answering(f"chunk {fid}: HTTP {status}")
        return body

    def chunks(self, entry: Entry) -> list[FileChunk] | None:
        """Chunks that hold an entry's bytes, lists of lists resolved; None when such a list is gone by now."""
        found = list[FileChunk]()
        for chunk in entry.chunks:
            if not chunk.is_chunk_manifest:
                found.append(chunk)
                continue
            content = self.content(fid_of(chunk))
            inside = None if content is None else self.chunks(Entry(chunks=_listed_in(content)))
            if inside is None:
                return None
            found += inside
        return found

    def put(self, path: str, content: bytes) -> str:
        """Keep bytes for the entry at `path`; answers their new fid. The entry itself is `create`d afterwards."""
        request = AssignVolumeRequest(count=1, path=path).SerializeToString()
        place = AssignVolumeResponse.FromString(self._unary("AssignVolume", request))
        if place.error:
            raise not_answering(place.error)
        status, _ = self._asked("PUT", f"/{place.file_id}", content, {"Authorization": f"BEARER {place.auth}"})
        if status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            raise not_answering(f"chunk {place.file_id}: HTTP {status}")
        return place.file_id

    def create(self, directory: str, entry: Entry) -> None:
        """Make an entry, or replace it; its chunks must be there."""
        request = CreateEntryRequest(directory=directory, entry=entry).SerializeToString()
        if error := CreateEntryResponse.FromString(self._unary("CreateEntry", request)).error:
            raise not_answering(error)

    def _stream(self, method: str, request: bytes) -> Iterator[bytes]:
        try:
            with contextlib.closing(Connection(self._filer, SILENCE_S)) as line:
                yield from line.ask(method, request)
        except (OSError, RpcError) as error:
            raise not_answering(error) from error

    def _unary(self, method: str, request: bytes) -> bytes:
        try:
            return self._filer.unary(method, request)
        except (OSError, RpcError) as error:
            raise not_answering(error) from error

    def _asked(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Ask the volume server; what it compressed it answers in clear, since we accept nothing else."""
        try:
            self._volume.request(method, path, body, headers or {})
            response = self._volume.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self._volume.close()
            raise not_answering(error) from error


@contextlib.contextmanager
def attached(home: Path) -> Iterator[Contents]:
    """Contents of the engine that runs on `home`, whoever started it; `Unavailable` when none was ever there."""
    try:
        contents = Contents(home)
    except (OSError, ValueError, KeyError) as error:
        raise not_answering(error) from error
    with contextlib.closing(contents):
        yield contents


def fid_of(chunk: FileChunk) -> str:
    """Where a chunk lies: `volume,key and cookie in hex`, as the volume server reads it."""
    return chunk.file_id or _spelled(chunk.fid)


def with_chunks(entry: Entry, chunks: Iterable[FileChunk]) -> Entry:
    """Return the same entry over these chunks; fields that are not named in `weed_copy.proto` are kept."""
    changed = Entry()
    changed.CopyFrom(entry)
    del changed.chunks[:]
    changed.chunks.extend(chunks)
    return changed


def moved(chunk: FileChunk, fid: str) -> FileChunk:
    """Return the same chunk at another place."""
    changed = FileChunk()
    changed.CopyFrom(chunk)
    for name in ("fid", "source_fid", "source_file_id"):
        changed.ClearField(name)
    changed.file_id = fid
    return changed


def path_of(directory: str, name: str) -> str:
    """Full path of an entry."""
    return f"{directory}/{name}"


def _spelled(fid: FileId) -> str:
    key = fid.file_key.to_bytes(8).lstrip(b"\0").hex()
    return f"{fid.volume_id},{key}{fid.cookie:08x}"


def _listed_in(content: bytes) -> Iterable[FileChunk]:
    return FileChunkManifest.FromString(content).chunks


def _until(messages: Iterable[bytes], until_ns: int) -> Iterator[Told]:
    """Events one by one, until a later one, or a time alone, which says that there is no more by now."""
    for message in messages:
        first = Told.FromString(message)
        for told in (first, *first.events):
            if told.HasField("event_notification"):
                yield told
        if first.ts_ns > until_ns or (first.ts_ns > 0 and not first.HasField("event_notification")):
            return


def _in_order(events: Iterable[Told]) -> Iterator[Told]:
    """Sort by stamp, holding each back until one comes that is `SLACK_NS` later."""
    held = list[tuple[int, int, Told]]()
    for number, told in enumerate(events):
        heapq.heappush(held, (told.ts_ns, number, told))
        while held[0][0] < told.ts_ns - SLACK_NS:
            yield heapq.heappop(held)[2]
    for _, _, told in sorted(held, key=operator.itemgetter(0, 1)):
        yield told


def _change(told: Told) -> Change:
    event = told.event_notification
    new = (event.new_parent_path or told.directory, event.new_entry) if event.HasField("new_entry") else None
    old = path_of(told.directory, event.old_entry.name) if event.HasField("old_entry") else ""
    stays = new is not None and old == path_of(new[0], new[1].name)
    return Change("" if stays else old, new)


def counted(directory: str, entry: Entry) -> Added | None:
    """What an entry adds to its bucket, by the rule of the meter."""
    return added(*listed(Listed(directory=directory, entry=entry).SerializeToString()))
