"""The objects of a bucket on the console: folders and pages of a list, one object with its preview, and its bytes.

An object's name stands in the query of an address, never in its path: browsers rewrite `..` and `%2F` there. Nothing
that somebody stored is ever a page of this site: bytes are downloads, or pictures in a sandbox.
"""

import functools
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from cloudhall.api.answers import PRIVATE
from cloudhall.api.objects import blocks_of, download
from cloudhall.console.details import crumbs
from cloudhall.console.equivalents import Call
from cloudhall.console.navigation import plural
from cloudhall.domains.storage import DOMAIN, browsing, previews, writing
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.domains.storage.objects import DELETE, LIST, READ, WRITE, Reached, check_key, check_token, may, reach
from cloudhall.drivers.objects.contents import Item, Listing
from cloudhall.kernel.errors import NotFound
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

PAGE = 100
TYPE_LENGTH_MAX = 8
FRAMED = "sandbox; default-src 'none'; frame-ancestors 'self'"


class Row(NamedTuple):
    """One object in a list."""

    item: Item
    name: str
    type: str
    href: str


class Folder(NamedTuple):
    """One folder in a list, or above it."""

    prefix: str
    name: str
    href: str


class Rights(NamedTuple):
    """What the visitor may do with objects of this bucket, for links and buttons."""

    read: bool
    write: bool
    delete: bool


def index(visit: "Visit", target: str) -> Response:
    """One page of a folder, narrowed by how names begin."""
    reached = reach_for(visit, LIST, target)
    folder, asked, after = visit.query.get("prefix", ""), visit.query.get("q", ""), visit.query.get("after", "")
    found = browsing.listing(reached, folder + asked, after=after, limit=PAGE)
    bucket, rights = reached.bucket, rights_of(visit, reached.bucket)
    call = Call(
        "GET",
        f"/buckets/{bucket.id}/objects" + (f"?{urlencode({'prefix': folder + asked})}" if folder + asked else ""),
        ("object", "list", bucket.name, *((folder + asked,) if folder + asked else ())),
    )
    return visit.page(
        "storage/objects.html",
        call=call,
        **frame(visit, bucket, folder),
        rows=[_row(bucket, item, folder) for item in found.items],
        folders=[_folder(bucket, prefix, folder) for prefix in found.folders],
        asked=asked,
        after=after,
        more=_more(bucket, folder, asked, found),
        rights=rights,
        unfinished=browsing.unfinished(reached, folder) if rights.write else (),
        part_bytes=writing.PART_BYTES,
        most=writing.OBJECT_BYTES_MAX,
        done=visit.query.get("done", ""),
    )


def one(visit: "Visit", target: str) -> Response:
    """One object: its preview, what is known of it, its versions."""
    key, version = asked_for(visit)
    reached = reach_for(visit, READ, target)
    bucket = reached.bucket
    found = previews.preview(reached, key, version)
    query = {"key": key, **({"version": version} if version else {})}
    kept = bucket.spec.versioning
    return visit.page(
        "storage/object.html",
        call=Call(
            "GET", f"/buckets/{bucket.id}/objects/one?{urlencode({'key': key})}", ("object", "get", bucket.name, key)
        ),
        **frame(visit, bucket, key),
        found=found,
        key=key,
        version=version,
        content=f"/buckets/{bucket.id}/objects/content?{urlencode(query)}",
        shown=f"/buckets/{bucket.id}/objects/shown?{urlencode(query)}",
        versions=browsing.versions(reached, key) if kept else (),
        rights=rights_of(visit, bucket),
        done=visit.query.get("done", ""),
    )


async def content(visit: "Visit", target: str) -> Response:
    """Hand out the bytes, as the interface does."""
    key, version = asked_for(visit)
    reached = await run_in_threadpool(reach_for, visit, READ, target)
    return await download(reached, key, version, visit.request)


async def shown(visit: "Visit", target: str) -> Response:
    """A picture or a PDF for a page of ours, under the type that its bytes say, in a sandbox without our address."""
    key, version = asked_for(visit)
    reached = await run_in_threadpool(reach_for, visit, READ, target)
    found = await run_in_threadpool(previews.shown, reached, key, version)
    if found is None:
        raise NotFound(T(f"{key} 不能在页面里显示", f"{key} cannot be shown on a page"))
    headers = {
        **PRIVATE,
        "Content-Security-Policy": FRAMED,
        "Content-Type": found.media_type,
        "Content-Length": str(found.body.count),
    }
    return StreamingResponse(blocks_of(found.body), 200, headers)


def reach_for(visit: "Visit", verb: str, target: str) -> Reached:
    """Bucket that the visitor may use so."""
    if DOMAIN.name not in visit.kernel.registry.domains:
        raise NotFound(T(f"没有这个页面：{visit.request.url.path}", f"There is no page {visit.request.url.path}"))
    return reach(visit.kernel, visit.caller, verb, target)


def asked_for(visit: "Visit") -> tuple[str, str]:
    """Name and version in the address, checked."""
    version = visit.query.get("version", "")
    return check_key(visit.query.get("key", "")), check_token(version) if version else ""


def rights_of(visit: "Visit", bucket: Bucket) -> Rights:
    """What may be offered."""
    return Rights(*(may(visit.kernel, visit.caller, verb, bucket) for verb in (READ, WRITE, DELETE)))


def frame(visit: "Visit", bucket: Bucket, path: str) -> dict[str, Any]:
    """What every page about objects shows at its head: the path to a folder or an object."""
    *above, name = path.removesuffix("/").split("/")
    parents = [_folder(bucket, "/".join(above[: n + 1]) + "/", "") for n in range(len(above))]
    return {
        "r": bucket,
        "crumbs": [
            *crumbs(visit, bucket),
            (plural(Bucket.meta).in_(visit.language), f"/{Bucket.meta.plural}"),
            (bucket.name, f"/{Bucket.meta.plural}/{bucket.id}"),
            *([(T("对象", "Objects").in_(visit.language), address(bucket))] if path else []),
            *((folder.name, folder.href) for folder in parents),
        ],
        "title": name,
        "path": path,
        "parent": "/".join(above) + "/" if above else "",
        "base": address(bucket),
        "address": functools.partial(address, bucket),
    }


def address(bucket: Bucket, at: str = "", **query: str) -> str:
    """Address of a folder, or of a page `at` below; what is empty is left out."""
    given = urlencode({name: value for name, value in query.items() if value})
    return f"/{Bucket.meta.plural}/{bucket.id}/objects{at}" + (f"?{given}" if given else "")


def _more(bucket: Bucket, folder: str, asked: str, found: Listing) -> str:
    return address(bucket, prefix=folder, q=asked, after=found.more) if found.more else ""


def _row(bucket: Bucket, item: Item, folder: str) -> Row:
    name = item.key.removeprefix(folder)
    suffix = name.rpartition(".")[2] if "." in name[1:] else ""
    shown = suffix.upper() if suffix.isalnum() and len(suffix) <= TYPE_LENGTH_MAX else ""
    return Row(item, name, shown, address(bucket, "/one", key=item.key))


def _folder(bucket: Bucket, prefix: str, within: str) -> Folder:
    name = prefix.removeprefix(within).removesuffix("/")
    return Folder(
        prefix, name if within or "/" not in name else name.rpartition("/")[2], address(bucket, prefix=prefix)
    )
