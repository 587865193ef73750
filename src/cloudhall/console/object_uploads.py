"""Objects uploaded on the console: by a plain form, or by the page's script in parts that survive a reload.

Nothing is taken from anybody before their session, the form's token and their right are known. A script is answered in
JSON: what was made, or `error` and `how` in the visitor's language.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from cloudhall.api import objects as api
from cloudhall.api.answers import reply
from cloudhall.console import objects, session, uploads
from cloudhall.console.objects import reach_for
from cloudhall.console.uploads import FIELDS_BYTES_MAX, UNREADABLE, Part, Reader
from cloudhall.domains.storage import writing
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.domains.storage.objects import WRITE, Reached, check_folder
from cloudhall.domains.storage.writing import Writer
from cloudhall.kernel.errors import CloudhallError, Invalid
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

TOKEN_HEADER = "csrf-token"  # noqa: S105  the name of a header
NO_FILE = Invalid(T("请选择文件", "Choose files"))
Handler = Callable[["Visit", Reached], Awaitable[Any]]


async def form(visit: "Visit", target: str) -> Response:
    """Upload the files of a form, one after the other, as they come."""
    reader, incoming = Reader(uploads.boundary_of(visit.request)), Incoming(visit, target)
    try:
        async with api.refusing(visit.request):
            with api.ARRIVALS.one():
                async for block in api.patient(visit.request.stream()):
                    for of, data in reader.feed(block):
                        await incoming.take(of, data)
            bucket = await incoming.end(whole=reader.ended)
    except BaseException:
        await incoming.discard()
        raise
    return visit.go(objects.address(bucket, prefix=incoming.prefix, done="upload"))


class Incoming:
    """The files of one form, each written as it comes. Fields stand before them, as a form of ours has them."""

    def __init__(self, visit: "Visit", target: str) -> None:
        """Nothing has come yet."""
        self.prefix = ""
        self._visit, self._target = visit, target
        self._fields: dict[str, bytes] = {}
        self._part: Part | None = None
        self._reached: Reached | None = None
        self._writer: Writer | None = None

    async def take(self, part: Part, data: bytes) -> None:
        """Take a piece of a field or of a file; the first file is let in, or is not."""
        if part.filename is None:
            self._fields[part.name] = self._fields.get(part.name, b"") + data
            if sum(map(len, self._fields.values())) > FIELDS_BYTES_MAX:
                raise UNREADABLE
            return
        if part is not self._part:
            await self._finish()
            await self._begin(part, part.filename)
        if self._writer is not None:
            self._writer.take(data)
            if self._writer.full:
                await run_in_threadpool(self._writer.flush)

    async def end(self, *, whole: bool) -> Bucket:
        """Finish the last file; raises `Invalid` where there was none, or the form broke off."""
        if not whole:
            raise UNREADABLE
        if self._writer is None or self._reached is None:
            raise NO_FILE
        await self._finish()
        return self._reached.bucket

    async def discard(self) -> None:
        """Let go of the file that has begun."""
        if self._writer is not None:
            await asyncio.shield(run_in_threadpool(self._writer.discard))

    async def _begin(self, part: Part, name: str) -> None:
        text = {name: value.decode("utf-8", "replace") for name, value in self._fields.items()}
        if self._reached is None:
            session.require_token(self._visit.request.cookies, text.get(session.TOKEN_FIELD, ""))
            self._reached = await run_in_threadpool(reach_for, self._visit, WRITE, self._target)
            self.prefix = check_folder(text.get("prefix", ""))
        self._part = part
        if name:  # a browser sends a part without a name where nothing was chosen
            self._writer = await run_in_threadpool(Writer, self._reached, self.prefix + name, part.declared)

    async def _finish(self) -> None:
        if self._writer is not None:
            await run_in_threadpool(self._writer.finish)


async def whole(visit: "Visit", target: str) -> Response:
    """Write the body as one object."""

    async def run(visit: "Visit", reached: Reached) -> Any:
        key, md5 = visit.query.get("key", ""), visit.query.get("md5", "")
        return api.to_wire(await api.received(reached, key, md5, visit.request))

    return await _scripted(visit, target, run)


async def begin(visit: "Visit", target: str) -> Response:
    """Begin an upload in parts, or find the unfinished one."""

    async def run(visit: "Visit", reached: Reached) -> Any:
        query = visit.query
        key, size = query.get("key", ""), _number(query.get("bytes", ""))
        begun = await run_in_threadpool(writing.begin, reached, key, size, query.get("type", ""))
        return api.begun_to_wire(begun)

    return await _scripted(visit, target, run)


async def part(visit: "Visit", target: str) -> Response:
    """Write the body as one part."""

    async def run(visit: "Visit", reached: Reached) -> Any:
        key, upload, md5 = (visit.query.get(name, "") for name in ("key", "upload", "md5"))
        number = _number(visit.query.get("number", ""))
        await api.put_part(reached, key, upload, number, md5, visit.request)
        return {"number": number}

    return await _scripted(visit, target, run)


async def complete(visit: "Visit", target: str) -> Response:
    """Make the object of its parts."""

    async def run(visit: "Visit", reached: Reached) -> Any:
        key, upload = visit.query.get("key", ""), visit.query.get("upload", "")
        size = _number(visit.query.get("bytes", ""))
        return api.to_wire(await run_in_threadpool(writing.complete, reached, key, upload, size))

    return await _scripted(visit, target, run)


async def _scripted(visit: "Visit", target: str, run: Handler) -> Response:
    """Answer the page's script."""
    try:
        async with api.refusing(visit.request):
            session.require_token(visit.request.cookies, visit.request.headers.get(TOKEN_HEADER, ""))
            reached = await run_in_threadpool(reach_for, visit, WRITE, target)
            return reply(await run(visit, reached))
    except CloudhallError as error:
        said = {"error": error.text.in_(visit.language), "how": error.how.in_(visit.language), "reason": error.reason}
        return reply(said, error.status)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise Invalid(T("应为整数", "A whole number is expected"))
    return int(text)
