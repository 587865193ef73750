"""Documents of resources: attached as a stream of bytes, listed, handed out, taken away.

What is handed out is never shown by a browser as part of this site: always a download, under the type that its content
has, never guessed at, and in a sandbox should a browser open it all the same.
"""

from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from cloudhall.api.answers import PRIVATE, empty, reply
from cloudhall.api.endpoints import Call, Endpoint
from cloudhall.api.host import Host
from cloudhall.api.params import Param
from cloudhall.api.sight import kind_named
from cloudhall.domains.documents import DOMAIN, attaching, attachments, files
from cloudhall.domains.documents.attachments import Attachment
from cloudhall.domains.documents.files import Incoming, Received
from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.registry import Registry
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import rfc3339

SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'none'"


async def documents(call: Call) -> Response:
    """Documents of one resource, by name."""
    return reply(await call.host.read(_list, call))


async def attach(call: Call) -> Response:
    """Attach the body as a document."""
    kind = kind_named(call.host.kernel, call.query["kind"])
    resource = await call.host.read(
        attaching.require, call.host.kernel, call.caller, kind, call.query["resource"], call.query.get("place", "")
    )
    received = await receive(call.host, call.request)
    declared = call.request.headers.get("content-type", "")
    made = await call.host.read(
        attaching.attach, call.host.kernel, call.caller, resource, call.query["name"], declared, received
    )
    return reply(to_wire(made), 201)


async def document(call: Call) -> Response:
    """One document, without its bytes."""
    return reply(to_wire(await call.host.read(attaching.find, call.host.kernel, call.caller, call.path("id"))))


async def content(call: Call) -> Response:
    """The bytes."""
    found = await call.host.read(attaching.find, call.host.kernel, call.caller, call.path("id"))
    return download(call.host.kernel, found)


async def detach(call: Call) -> Response:
    """Take a document away."""
    found = await call.host.read(attaching.find, call.host.kernel, call.caller, call.path("id"))
    await call.host.read(attaching.detach, call.host.kernel, call.caller, found)
    return empty()


async def receive(host: Host, request: Request) -> Received:
    """Write a body to disk as it comes; raises `Invalid` beyond the limit."""
    incoming = Incoming(attaching.folder_of(host.kernel), files.limit_bytes())
    try:
        async for block in request.stream():
            incoming.write(block)
        return await host.read(incoming.received)
    except BaseException:
        incoming.discard()
        raise


def download(kernel: Kernel, found: Attachment) -> Response:
    """Answer a document's bytes; ranges are served, as RFC 9110 14 has them."""
    path = files.path_of(attaching.folder_of(kernel), found.sha256)
    if not path.is_file():
        text = T(f"附件 {found.name} 的文件不见了", f"The file of the document {found.name} is gone")
        raise Unavailable(text, mend=T("请管理员从备份取回", "Ask an administrator to bring it back from a backup"))
    headers = {
        **PRIVATE,
        "Content-Security-Policy": SANDBOX,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.name, safe='')}",
        "Content-Type": found.media_type,
        "ETag": f'"{found.sha256}"',
    }
    return FileResponse(path, headers=headers)


def to_wire(one: Attachment) -> dict[str, Any]:
    """An attachment as it goes on the wire."""
    return {
        "id": one.id,
        "kind": one.kind,
        "resource": one.resource,
        "name": one.name,
        "media_type": one.media_type,
        "bytes": one.bytes,
        "sha256": one.sha256,
        "attached_at": rfc3339(one.at_us),
        "attached_by": one.actor,
    }


def _list(call: Call) -> dict[str, Any]:
    kernel, query = call.host.kernel, call.query
    resource = kernel.find(call.caller, kind_named(kernel, query["kind"]), query["resource"], query.get("place", ""))
    found = attachments.of_resource(kernel.store.read(), resource.id)
    return {"resource": resource.id, "items": [to_wire(one) for one in found]}


_KIND = Param(name="kind", title=T("资源种类，例如 buckets", "Kind of the resource, such as buckets"), required=True)
_RESOURCE = Param(name="resource", title=T("资源，名称或编号", "Resource, by name or id"), required=True)
_PLACE = Param(name="place", title=T("它所在的项目或单位", "Project or organisation that it lies in"))
_NAME = Param(
    name="name", title=T("附件的名称，例如 合同.pdf", "Name of the document, such as contract.pdf"), required=True
)
_ENDPOINTS = (
    Endpoint(
        path="/attachments",
        name="attachments",
        title=T("一个资源的附件", "Documents of a resource"),
        run=documents,
        params=(_KIND, _RESOURCE, _PLACE),
    ),
    Endpoint(
        method="POST",
        path="/attachments",
        name="attach",
        title=T("附加文件，请求体即文件", "Attach a document; the body is the file"),
        run=attach,
        params=(_KIND, _RESOURCE, _NAME, _PLACE),
        takes_file=True,
        status=201,
    ),
    Endpoint(path="/attachments/{id}", name="attachment", title=T("一个附件", "One document"), run=document),
    Endpoint(
        path="/attachments/{id}/content",
        name="attachment_content",
        title=T("附件的内容，总是下载", "Bytes of a document, always a download"),
        run=content,
        media_type="application/octet-stream",
    ),
    Endpoint(
        method="DELETE",
        path="/attachments/{id}",
        name="detach",
        title=T("移除附件", "Take a document away"),
        run=detach,
        status=204,
    ),
)


def endpoints(registry: Registry) -> tuple[Endpoint, ...]:
    """Return the endpoints, where this installation has documents at all."""
    return _ENDPOINTS if DOMAIN.name in registry.domains else ()
