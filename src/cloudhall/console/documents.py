"""Documents on the page of their resource: listed, attached by a form that needs no scripts, downloaded, taken away."""

from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.responses import Response

from cloudhall.api import attachments as api
from cloudhall.console.names import Named
from cloudhall.domains.documents import DOMAIN, attaching, attachments, files, rules
from cloudhall.domains.documents.attaching import ATTACH
from cloudhall.domains.documents.attachments import Attachment
from cloudhall.kernel.errors import Invalid
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

ACCEPTED = ",".join((*rules.TITLES, ".csv", ".txt", ".md", ".json"))
NO_FILE = T("请选择一个文件", "Choose a file")
__all__ = ["ATTACH", "attach", "detach", "download", "of_resource"]


class Row(NamedTuple):
    """A document as it is shown."""

    one: Attachment
    type: str
    by: Named


class Section(NamedTuple):
    """The part of a page about documents; `limit_mib` and `accepted` are for the form."""

    rows: tuple[Row, ...]
    may_change: bool
    action: str
    limit_mib: int
    accepted: str


def of_resource(visit: "Visit", r: Kind[Any, Any]) -> Section | None:
    """Documents of a resource; nothing where there are none and the visitor may attach none."""
    if DOMAIN.name not in visit.kernel.registry.domains:
        return None
    found = attachments.of_resource(visit.tx, r.id)
    may_change = attaching.may_change(visit.kernel, visit.tx, visit.caller, r)
    if not found and not may_change:
        return None
    rows = tuple(Row(one, rules.TITLES[one.media_type], visit.names.of(one.actor)) for one in found)
    action = f"/{type(r).meta.plural}/{r.id}:{ATTACH}"
    return Section(rows, may_change, action, files.limit_bytes() // files.MIB, ACCEPTED)


def attach(visit: "Visit", kind: AnyKind, target: str) -> Response:
    """Attach the file of the form."""
    resource = attaching.require(visit.kernel, visit.caller, kind, target)
    upload = visit.upload
    if upload is None or not upload.name:
        raise Invalid(NO_FILE)
    name = visit.posted("name").strip() or upload.name
    attaching.attach(visit.kernel, visit.caller, resource, name, upload.declared, upload.received)
    return visit.go(f"/{kind.meta.plural}/{resource.id}?done=1#documents")


def detach(visit: "Visit", id: str) -> Response:
    """Take a document away."""
    found = attaching.find(visit.kernel, visit.caller, id)
    attaching.detach(visit.kernel, visit.caller, found)
    plural = visit.kernel.registry.kind(found.kind).meta.plural
    return visit.go(f"/{plural}/{found.resource}?done=1#documents")


def download(visit: "Visit", id: str) -> Response:
    """Hand out the bytes, as the interface does."""
    return api.download(visit.kernel, attaching.find(visit.kernel, visit.caller, id))
