"""Objects in buckets: listed, read as a stream, written as one or in parts that survive a lost connection, deleted.

Clients that have an access key talk S3 to the engine, which is faster; this is for people and programs with a log-in.
A name stands in the query, never in the path: browsers and proxies rewrite `..` and `%2F` there.

What is handed out is never shown by a browser as part of this site: always a download, in a sandbox all the same.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, NamedTuple
from urllib.parse import quote

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from cloudhall.api.answers import PRIVATE, empty, reply
from cloudhall.api.endpoints import Call, Endpoint
from cloudhall.api.params import Param
from cloudhall.api.problems import TooLarge
from cloudhall.api.tokens import seal, unseal
from cloudhall.domains.storage import DOMAIN, browsing, writing
from cloudhall.domains.storage.objects import (
    DELETE,
    LIST,
    READ,
    WRITE,
    Reached,
    check_key,
    check_token,
    reach,
    told_read,
)
from cloudhall.domains.storage.writing import PART_BYTES, Writer
from cloudhall.drivers.objects.contents import Body, Item
from cloudhall.kernel.errors import CloudhallError, Invalid, TooMany
from cloudhall.kernel.kinds import Spec, field
from cloudhall.kernel.registry import Registry
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import rfc3339

PAGE_SIZE, PAGE_MAX = 100, 1_000
BLOCK_BYTES = 256 << 10
ARRIVING_MAX = 12
"""Bodies that are received at a time, each with a part in memory and a copy of it on its way: some 200 MB."""
QUIET_S = 60
DROPPED_BYTES_MAX = 64 << 20
SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'none'"
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class Range(NamedTuple):
    """Part of an object that is asked for; `last` is in it, None is the end."""

    first: int
    last: int | None


class Arrivals:
    """How many bodies are being received; on the event loop alone."""

    def __init__(self) -> None:
        """Nothing arrives yet."""
        self.now = 0

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """Count one body; raises `TooMany` where it must wait."""
        if self.now >= ARRIVING_MAX:
            raise TooMany(T("正在上传的太多", "Too many uploads at once"), retry_after_s=2)
        self.now += 1
        try:
            yield
        finally:
            self.now -= 1


ARRIVALS = Arrivals()


async def listed(call: Call) -> Response:
    """One page of a folder, or of everything that begins with a prefix."""
    return reply(await run_in_threadpool(_page, call))


async def one(call: Call) -> Response:
    """One object without its bytes, and its versions."""
    return reply(await run_in_threadpool(_one, call))


async def content(call: Call) -> Response:
    """The bytes; ranges are served, as RFC 9110 14 has them."""
    reached = await run_in_threadpool(_reach, call, READ)
    return await download(reached, call.query["key"], call.query.get("version", ""), call.request)


async def put(call: Call) -> Response:
    """Write the body as an object, replacing one of that name; any length, no more than a part of it in memory."""
    async with refusing(call.request):
        reached = await run_in_threadpool(_reach, call, WRITE)
        made = await received(reached, call.query["key"], call.query.get("md5", ""), call.request)
    return reply(to_wire(made), 201)


async def delete(call: Call) -> Response:
    """Delete an object, or one version of it for good."""
    reached = await run_in_threadpool(_reach, call, DELETE)
    if version := call.query.get("version"):
        await run_in_threadpool(browsing.delete_version, reached, call.query["key"], version)
    else:
        await run_in_threadpool(browsing.delete, reached, [call.query["key"]], [])
    return empty()


async def begin(call: Call) -> Response:
    """Begin an upload in parts, or find the unfinished one of that name with the parts that have arrived."""
    reached = await run_in_threadpool(_reach, call, WRITE)
    asked = call.body
    begun = await run_in_threadpool(writing.begin, reached, asked["key"], asked["bytes"], asked.get("media_type", ""))
    return reply(begun_to_wire(begun), 201)


async def part(call: Call) -> Response:
    """Write the body as one part; the same number again replaces it."""
    query = call.query
    async with refusing(call.request):
        reached = await run_in_threadpool(_reach, call, WRITE)
        await put_part(reached, query["key"], query["upload"], query["number"], query["md5"], call.request)
    return reply({"number": query["number"]})


async def complete(call: Call) -> Response:
    """Make the object of its parts."""
    reached, asked = await run_in_threadpool(_reach, call, WRITE), call.body
    made = await run_in_threadpool(writing.complete, reached, asked["key"], asked["upload"], asked["bytes"])
    return reply(to_wire(made), 201)


async def give_up(call: Call) -> Response:
    """Let go of an unfinished upload and of what has arrived of it."""
    reached = await run_in_threadpool(_reach, call, WRITE)
    await run_in_threadpool(writing.give_up, reached, call.query["key"], call.query["upload"])
    return empty()


async def received(reached: Reached, key: str, md5: str, request: Request) -> Item:
    """Write a body as an object as it comes; it must have the sum `md5` (hex) where that is said."""
    size, declared = int(request.headers.get("content-length") or 0), request.headers.get("content-type", "")
    writer = await run_in_threadpool(lambda: Writer(reached, key, declared, size=size, md5=md5))
    return await written(writer, request.stream())


async def written(writer: Writer, blocks: AsyncIterator[bytes]) -> Item:
    """Let a writer take what comes; whatever breaks it off leaves nothing behind."""
    try:
        with ARRIVALS.one():
            async for block in patient(blocks):
                writer.take(block)
                if writer.full:
                    await run_in_threadpool(writer.flush)
            return await run_in_threadpool(writer.finish)
    except BaseException:
        await asyncio.shield(run_in_threadpool(writer.discard))
        raise


async def put_part(reached: Reached, key: str, upload: str, number: int, md5: str, request: Request) -> None:
    """Receive one part and write it; raises `TooLarge` for more than a part."""
    check_key(key)
    with ARRIVALS.one():
        body = bytearray()
        async for block in patient(request.stream()):
            body += block
            if len(body) > PART_BYTES:
                raise TooLarge(T("一片最多 8 MiB", "A part has 8 MiB at most"))
        await run_in_threadpool(writing.put_part, reached, key, upload, number, bytes(body), md5)


@contextlib.asynccontextmanager
async def refusing(request: Request) -> AsyncIterator[None]:
    """Read on behind a refusal and drop what comes, as far as that is reasonable.

    Else whoever sends is told by the system that the connection broke, and never hears why.
    """
    try:
        yield
    except CloudhallError:
        dropped = 0
        with contextlib.suppress(RuntimeError, ClientDisconnect):  # nothing is left to read, or nobody to tell
            async for block in request.stream():
                dropped += len(block)
                if dropped > DROPPED_BYTES_MAX:
                    break
        raise


async def patient(blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Blocks as they come; raises `Invalid` where nothing comes for `QUIET_S`."""
    while True:
        try:
            async with asyncio.timeout(QUIET_S):
                block = await anext(blocks)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise Invalid(T("数据中断了", "The data stopped coming"), reason="QUIET") from None
        yield block


async def download(reached: Reached, key: str, version: str, request: Request) -> Response:
    """Answer an object's bytes as a download. What it is called decides nothing."""
    wanted = asked_range(request.headers.get("range", ""))
    body = await run_in_threadpool(_opened, reached, key, version, wanted)
    name = key.rpartition("/")[2]
    headers = {
        **PRIVATE,
        "Content-Security-Policy": SANDBOX,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Type": "application/octet-stream",
        **_lengths(body, wanted),
    }
    return StreamingResponse(blocks_of(body), 206 if wanted else 200, headers)


async def blocks_of(body: Body) -> AsyncIterator[bytes]:
    """Bytes as the other side takes them; the engine's connection is let go of however it ends."""
    try:
        while block := await run_in_threadpool(body.read, BLOCK_BYTES):
            yield block
    finally:
        body.close()


def asked_range(header: str) -> Range | None:
    """Read `Range`; None for none, and for several or a suffix, which a server may answer with the whole (RFC 9110)."""
    match = _RANGE.fullmatch(header.strip())
    if match is None or not match[1]:
        return None
    first, last = int(match[1]), int(match[2]) if match[2] else None
    return None if last is not None and last < first else Range(first, last)


def to_wire(item: Item) -> dict[str, Any]:
    """An object as it goes on the wire."""
    wire = {
        "key": item.key,
        "bytes": item.bytes,
        "modified_at": rfc3339(item.modified_us),
        "etag": item.etag,
        "version": item.version,
        "media_type": item.media_type,
    }
    return {name: value for name, value in wire.items() if value != ""}


def begun_to_wire(begun: writing.Begun) -> dict[str, Any]:
    """An upload in parts, as whoever sends them needs it."""
    parts = [{"number": p.number, "bytes": p.bytes, "md5": p.md5} for p in begun.parts]
    return {"upload": begun.upload, "part_bytes": PART_BYTES, "parts": parts, "found": begun.found}


def _reach(call: Call, verb: str) -> Reached:
    return reach(call.host.kernel, call.caller, verb, call.path("id"), call.query.get("project", ""))


def _page(call: Call) -> dict[str, Any]:
    reached, query, keys = _reach(call, LIST), call.query, call.host.kernel.keys
    prefix, flat = query.get("prefix", ""), query.get("flat", False)
    question = ["objects", reached.bucket.id, prefix, flat]
    after = str(unseal(keys, query["page_token"], question)[0]) if "page_token" in query else ""
    size = query.get("page_size", PAGE_SIZE)
    found = browsing.listing(reached, prefix, after=after, limit=size, flat=flat)
    page: dict[str, Any] = {"folders": found.folders, "items": [to_wire(item) for item in found.items]}
    return page | ({"next_page_token": seal(keys, [found.more], question)} if found.more else {})


def _one(call: Call) -> dict[str, Any]:
    reached, key = _reach(call, LIST), check_key(call.query["key"])
    versions = browsing.versions(reached, key)
    told = [to_wire(v) | {"newest": v.newest, "deleted": v.deleted} for v in versions]
    return {**to_wire(reached.contents.head(reached.bucket.name, key)), "versions": told}


def _opened(reached: Reached, key: str, version: str, wanted: Range | None) -> Body:
    bucket, contents = reached.bucket.name, reached.contents
    if version:
        check_token(version)
    told_read(reached, check_key(key))
    if wanted is None:
        return contents.open(bucket, key, version=version)
    return contents.open(bucket, key, version=version, first=wanted.first, last=wanted.last)


def _lengths(body: Body, wanted: Range | None) -> dict[str, str]:
    told = {"Accept-Ranges": "bytes", "ETag": f'"{body.item.etag}"', "Content-Length": str(body.count)}
    if wanted is None:
        return told
    return told | {"Content-Range": f"bytes {body.first}-{body.first + body.count - 1}/{body.item.bytes}"}


class Upload(Spec, frozen=True, kw_only=True):
    """What is about to be uploaded in parts."""

    key: Annotated[str, field("对象名", "Name of the object", example="reports/2026.csv", max_length=1_024)]
    bytes: Annotated[int, field("字节数", "Bytes", ge=1, le=writing.OBJECT_BYTES_MAX, example=20_000_000)]
    media_type: Annotated[str, field("媒体类型", "Media type", max_length=160)] = ""


class Completed(Spec, frozen=True, kw_only=True):
    """An upload of which every part has arrived."""

    key: Annotated[str, field("对象名", "Name of the object", example="reports/2026.csv", max_length=1_024)]
    upload: Annotated[str, field("上传编号", "Id of the upload", max_length=512)]
    bytes: Annotated[int, field("字节数", "Bytes", ge=1, le=writing.OBJECT_BYTES_MAX, example=20_000_000)]


_PROJECT = Param(name="project", title=T("存储桶所在的项目", "Project of the bucket"))
_KEY = Param(
    name="key", title=T("对象名，例如 reports/2026.csv", "Name of the object, such as reports/2026.csv"), required=True
)
_VERSION = Param(name="version", title=T("版本号", "Version"))
_MD5 = Param(name="md5", title=T("请求体的 MD5，32 位十六进制", "MD5 of the body in 32 hex digits"))
_UPLOAD = Param(name="upload", title=T("上传编号", "Id of the upload"), required=True)
_NUMBER = Param(
    name="number", title=T("第几片", "Number of the part"), shape="int", least=1, most=writing.PARTS_MAX, required=True
)
_ENDPOINTS = (
    Endpoint(
        path="/buckets/{id}/objects",
        name="objects",
        title=T("列出对象和文件夹", "Objects and folders of a bucket"),
        run=listed,
        params=(
            Param(name="prefix", title=T("名称的开头，例如 reports/", "What names begin with, such as reports/")),
            Param(name="flat", title=T("不按文件夹折叠", "Do not fold into folders"), shape="bool"),
            Param(
                name="page_size",
                title=T("一页最多几条", "Items of a page"),
                shape="int",
                least=1,
                most=PAGE_MAX,
                example=PAGE_SIZE,
            ),
            Param(name="page_token", title=T("从上一页回答的位置继续", "Where the page before has ended")),
            _PROJECT,
        ),
    ),
    Endpoint(
        path="/buckets/{id}/objects/one",
        name="object",
        title=T("一个对象及其版本", "One object with its versions"),
        run=one,
        params=(_KEY, _PROJECT),
    ),
    Endpoint(
        path="/buckets/{id}/objects/content",
        name="object_content",
        title=T("对象的内容，总是下载", "Bytes of an object, always a download"),
        run=content,
        params=(_KEY, _VERSION, _PROJECT),
        media_type="application/octet-stream",
    ),
    Endpoint(
        method="POST",
        path="/buckets/{id}/objects/content",
        name="put_object",
        title=T("写入对象，请求体即内容", "Write an object; the body is its content"),
        run=put,
        params=(_KEY, _MD5, _PROJECT),
        takes_file=True,
        status=201,
    ),
    Endpoint(
        method="DELETE",
        path="/buckets/{id}/objects/one",
        name="delete_object",
        title=T("删除对象，或它的一个版本", "Delete an object, or one version of it"),
        run=delete,
        params=(_KEY, _VERSION, _PROJECT),
        status=204,
    ),
    Endpoint(
        method="POST",
        path="/buckets/{id}/objects/uploads",
        name="begin_upload",
        title=T("开始或继续分片上传", "Begin an upload in parts, or go on with it"),
        run=begin,
        params=(_PROJECT,),
        body=Upload,
        status=201,
    ),
    Endpoint(
        method="POST",
        path="/buckets/{id}/objects/parts",
        name="put_part",
        title=T("写入一片，请求体即内容", "Write one part; the body is its content"),
        run=part,
        params=(_KEY, _UPLOAD, _NUMBER, msgspec.structs.replace(_MD5, required=True), _PROJECT),
        takes_file=True,
    ),
    Endpoint(
        method="POST",
        path="/buckets/{id}/objects/completed",
        name="complete_upload",
        title=T("各片到齐，成为对象", "Make the object of its parts"),
        run=complete,
        params=(_PROJECT,),
        body=Completed,
        status=201,
    ),
    Endpoint(
        method="DELETE",
        path="/buckets/{id}/objects/uploads",
        name="give_up_upload",
        title=T("放弃未完成的上传", "Give up an unfinished upload"),
        run=give_up,
        params=(_KEY, _UPLOAD, _PROJECT),
        status=204,
    ),
)


def endpoints(registry: Registry) -> tuple[Endpoint, ...]:
    """Return the endpoints, where this installation has storage at all."""
    return _ENDPOINTS if DOMAIN.name in registry.domains else ()
