"""Watching: server-sent events of every change that the caller may see, from any point of the log on.

The id of an event is its revision. A reader that comes back sends it as `Last-Event-ID` or `?after=` and misses
nothing; old events are read from the archive, so no revision is ever too old. Ids without an event come in between as
bookmarks, so that who may see little does not read the same stretch again.
Cost: a watcher reads the log at most four times a second, and only after a commit; credentials are asked again every
15 s, so that a revoked token ends its stream.
"""

import asyncio
from collections.abc import AsyncIterator

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cloudhall.api.answers import PRIVATE
from cloudhall.api.auth import caller_of
from cloudhall.api.endpoints import Call, Endpoint
from cloudhall.api.host import Host, heard
from cloudhall.api.params import Param
from cloudhall.api.problems import refuse
from cloudhall.api.sight import find_place, kind_named
from cloudhall.kernel import events
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Problem, TooMany, Unauthenticated
from cloudhall.kernel.events import Event
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.sight import visible_ids
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import event_to_wire

PAUSE_S = 0.25
HEARTBEAT_S = 15.0
PAGE = 500
WATCHERS_MAX = 1_000


class Wanted(msgspec.Struct, frozen=True):
    """Which events a watcher asked for; empty means all."""

    kind: str = ""
    id: str = ""
    place: str = ""


class Batch(msgspec.Struct, frozen=True):
    """Events to send, and how far the log was read for them."""

    events: list[Event]
    read_to: int
    more: bool


class Watchers:
    """Counts the open streams of one host, so that they stay bounded."""

    def __init__(self) -> None:
        """None yet."""
        self.open = 0

    async def watch(self, call: Call) -> Response:
        """Open a stream."""
        if self.open >= WATCHERS_MAX:
            raise TooMany(T(f"已有 {self.open} 个监视", f"{self.open} streams are open already"), retry_after_s=30)
        after, wanted = _after(call), _wanted(call)
        headers = {**PRIVATE, "X-Accel-Buffering": "no"}  # a proxy in between must not collect a stream
        return StreamingResponse(self._counted(call, wanted, after), headers=headers, media_type="text/event-stream")

    async def _counted(self, call: Call, wanted: Wanted, after: int) -> AsyncIterator[bytes]:
        self.open += 1
        try:
            async for chunk in _stream(call.host, call.request, call.caller, wanted, after):
                yield chunk
        finally:
            self.open -= 1


async def _stream(host: Host, request: Request, caller: Caller, wanted: Wanted, after: int) -> AsyncIterator[bytes]:
    yield f"retry: 1000\nid: {after}\n\n".encode()
    loop = asyncio.get_running_loop()
    beat = loop.time() + HEARTBEAT_S
    while not host.bell.closed:
        bell = host.bell.listen()
        batch = await host.read(_read_on, host.kernel, caller, wanted, after)
        if batch.read_to > after:
            after = batch.read_to
            yield b"".join(map(_frame, batch.events)) + f"id: {after}\n\n".encode()
        if loop.time() >= beat:
            try:
                caller = caller_of(host.kernel, request)
            except Unauthenticated:
                return
            beat = loop.time() + HEARTBEAT_S
            yield b": still here\n\n"
        if not batch.more:
            await asyncio.sleep(PAUSE_S)
            await heard(bell, beat - loop.time())


def _read_on(kernel: Kernel, caller: Caller, wanted: Wanted, after: int) -> Batch:
    tx = kernel.store.read()
    head = events.head(tx)
    found = kernel.history.after(tx, after, PAGE, wanted.kind, wanted.id)
    more = len(found) == PAGE
    kept = [e for e in found if wanted.place in {"", e.place}]
    seen = visible_ids(kernel, caller, ((e.kind, e.id) for e in kept))
    read_to = found[-1].revision if more else max(head, after, *(e.revision for e in found))
    return Batch([e for e in kept if e.id in seen], read_to, more)


def _frame(event: Event) -> bytes:
    data = msgspec.json.encode(event_to_wire(event))
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.revision, event.type.encode(), data)


def _after(call: Call) -> int:
    """Where to begin: the header that browsers send when they come back, else the query, else now."""
    head = events.head(call.host.kernel.store.read())
    last = call.request.headers.get("last-event-id", "")
    after = int(last) if last.isdecimal() and last.isascii() else call.query.get("after", head)
    if after > head:
        text = T(f"日志只到 {head}，没有 {after}", f"The log ends at {head}; there is no {after}")
        refuse([Problem("RANGE", "?after", text, T("重新列出后再监视", "List again, then watch from there"))])
    return int(after)


def _wanted(call: Call) -> Wanted:
    kernel, query = call.host.kernel, call.query
    kind = kind_named(kernel, query["kind"]).meta.key if "kind" in query else ""
    place = find_place(kernel, call.caller, query["place"]).id if "place" in query else ""
    return Wanted(kind, query.get("id", "").lower(), place)


def endpoints() -> tuple[Endpoint, ...]:
    """Return the stream, with a counter of its own."""
    return (
        Endpoint(
            path="/watch",
            name="watch",
            title=T("监视变更", "Watch changes"),
            run=Watchers().watch,
            media_type="text/event-stream",
            params=(
                Param(
                    name="after",
                    title=T("从此版本之后开始；不填则从现在开始", "Begin after this revision; from now on without it"),
                    shape="int",
                ),
                Param(
                    name="kind", title=T("只看一种资源，例如 storage.bucket", "One kind only, such as storage.bucket")
                ),
                Param(name="id", title=T("只看一个资源的编号", "One resource only, by its id")),
                Param(name="place", title=T("只看一个项目或单位", "One project or organisation only, by name or id")),
            ),
        ),
    )
