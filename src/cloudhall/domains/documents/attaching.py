"""Attaching documents to resources and taking them away: who may, what is logged, when a file goes.

Who may read a resource reads its documents; who may change it (or may make its like, where such things are never
changed) attaches and takes away. Both are an event of the resource and a leaf of the audit log with the document's
hash, in the transaction that writes the row. A reader of the log lets documents go with their resource.
"""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from cloudhall.domains.documents import attachments, files, rules
from cloudhall.domains.documents.attachments import Attachment
from cloudhall.domains.documents.files import Received
from cloudhall.kernel import events
from cloudhall.kernel.audit import Entry
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command, Planner
from cloudhall.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from cloudhall.kernel.ids import new_id
from cloudhall.kernel.kernel import denied
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.refusals import going
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

PREFIX = "do"
READER = "documents"
ATTACH, DETACH = "attach_document", "detach_document"
OF_A_RESOURCE_MAX = 100
EVERY_S, SWEEP_EVERY_S = 5.0, 3_600.0
PAGE = 500


def folder_of(kernel: "Kernel") -> Path:
    """Where the files lie."""
    return kernel.home / files.FOLDER


def find(kernel: "Kernel", caller: Caller, id_: str) -> Attachment:
    """One attachment; `NotFound` also for one of a resource that the caller may not see."""
    found = attachments.get(kernel.store.read(), id_)
    if found is not None and found.kind in kernel.registry.kinds:
        with contextlib.suppress(NotFound):
            kernel.find(caller, kernel.registry.kind(found.kind), found.resource)
            return found
    raise NotFound(T(f"没有附件 {id_}，或你无权查看", f"No document {id_}, or not yours to see"))


def changing_verb(kind: AnyKind) -> str:
    """The right that attaching asks for."""
    return "update" if "update" in kind.meta.allow else "create"


def may_change(kernel: "Kernel", tx: Tx, caller: Caller, resource: Kind[Any, Any]) -> bool:
    """Whether the caller may attach documents; for buttons, and before a large file is received."""
    return resource.deleting_us is None and kernel.authority.may(tx, caller, changing_verb(type(resource)), resource)


def require(
    kernel: "Kernel", caller: Caller, kind: AnyKind, target: str, place: str = "", verb: str = ATTACH
) -> Kind[Any, Any]:
    """Resource that the caller may attach to; raises `NotFound`, `Forbidden` (which goes into the log), `Conflict`."""
    resource = kernel.find(caller, kind, target, place)
    try:
        _allowed(kernel, kernel.store.read(), caller, resource)
    except Forbidden as error:
        _deny(kernel, caller, resource, verb, error)
    return resource


def attach(
    kernel: "Kernel", caller: Caller, resource: Kind[Any, Any], name: str, declared: str, received: Received
) -> Attachment:
    """Attach what has arrived; the same name with the same bytes answers what is there already.

    Raises `Invalid` for a name or content that is not taken, `Conflict` where another document has the name. Whatever
    comes, nothing is left in `incoming`.
    """
    try:
        if problem := rules.name_problem(name):
            raise Invalid(problem, problems=(Problem("PATTERN", "?name", problem),))
        media_type = rules.type_of(received.path, name, declared)
        made = _Made(name, media_type, received)
        return kernel.store.write(lambda tx: _attach(kernel, tx, caller, resource, made)).result()
    except Forbidden as error:
        _deny(kernel, caller, resource, ATTACH, error)
    finally:
        received.discard()


def detach(kernel: "Kernel", caller: Caller, found: Attachment) -> None:
    """Take a document away from its resource; its bytes go when nothing else has them."""
    kind = kernel.registry.kind(found.kind)
    resource = require(kernel, caller, kind, found.resource, verb=DETACH)

    def write(tx: Tx) -> None:
        live = Planner(kernel, tx, caller).find(kind, found.resource)
        policies = _allowed(kernel, tx, caller, live)
        if attachments.remove(tx, found.id):
            _let_go(kernel, [found.sha256])
            _log(kernel, tx, caller, live, DETACH, found, policies)

    try:
        kernel.store.write(write).result()
    except Forbidden as error:
        _deny(kernel, caller, resource, DETACH, error)


def follow(kernel: "Kernel") -> None:
    """Read on in the log: the documents of a resource that is gone go with it."""
    while _read_on(kernel) == PAGE:
        pass


def sweep(kernel: "Kernel") -> int:
    """Delete files that nothing has needed for a day; answers how many."""
    return sum(_swept(kernel, path) for path in files.unneeded(folder_of(kernel)))


class _Made(NamedTuple):
    name: str
    media_type: str
    received: Received


def _attach(kernel: "Kernel", tx: Tx, caller: Caller, seen: Kind[Any, Any], made: _Made) -> Attachment:
    resource = Planner(kernel, tx, caller).find(type(seen), seen.id)
    policies = _allowed(kernel, tx, caller, resource)
    there = attachments.of_resource(tx, resource.id)
    for one in there:
        if one.name == made.name and one.sha256 == made.received.sha256:
            return one
        if one.name == made.name:
            raise Conflict(
                T(f"已有名为“{made.name}”的附件", f"There is a document {made.name} already"),
                mend=T("换一个名称，或先移除原有的", "Take another name, or remove that one first"),
                reason="NAME_TAKEN",
            )
    if len(there) >= OF_A_RESOURCE_MAX:
        most = OF_A_RESOURCE_MAX
        raise Conflict(T(f"一个资源最多 {most} 个附件", f"A resource has at most {most} documents"), reason="DOCUMENTS")
    files.publish(folder_of(kernel), made.received)
    kernel.world.fault("documents.publish:after")
    attached = Attachment(
        id=new_id(PREFIX, kernel.world),
        kind=type(resource).meta.key,
        resource=resource.id,
        name=made.name,
        media_type=made.media_type,
        bytes=made.received.bytes,
        sha256=made.received.sha256,
        at_us=kernel.world.now_us(),
        actor=caller.id,
    )
    attachments.add(tx, attached)
    _log(kernel, tx, caller, resource, ATTACH, attached, policies)
    return attached


def _allowed(kernel: "Kernel", tx: Tx, caller: Caller, resource: Kind[Any, Any]) -> tuple[str, ...]:
    if resource.deleting_us is not None:
        raise going(resource)
    return kernel.authority.require(tx, caller, changing_verb(type(resource)), resource)


def _deny(kernel: "Kernel", caller: Caller, resource: Kind[Any, Any], verb: str, error: Forbidden) -> NoReturn:
    kernel.note(denied(caller, Command(kind=type(resource), verb=verb, target=resource.id), error)).result()
    raise error


def _log(
    kernel: "Kernel",
    tx: Tx,
    caller: Caller,
    resource: Kind[Any, Any],
    verb: str,
    document: Attachment,
    policies: tuple[str, ...],
) -> None:
    """Event and audit leaf; the name of a file may name a person, so it is no part of the leaf."""
    key, now_us = type(resource).meta.key, kernel.world.now_us()
    event = events.Event(
        at_us=now_us,
        kind=key,
        id=resource.id,
        place=resource.place,
        name=resource.name,
        verb=verb,
        actor=caller.id,
        request=caller.request,
        generation=resource.generation,
    )
    resource.revision, resource.updated_us = events.append(tx, event), now_us
    kernel.tables[type(resource)].update(tx, resource)
    private = {k: v for k, v in (("name", caller.name), ("address", caller.address), ("document", document.name)) if v}
    entry = Entry(
        actor=caller.id,
        action=f"{key}:{verb}",
        phase="done",
        kind=key,
        resource=resource.id,
        project=resource.place,
        revision=resource.revision,
        request=caller.request,
        content=document.sha256,
        policy_digest=kernel.authority.policies.digest,
        policies=policies,
        private=private,
    )
    kernel.audit.append(tx, entry)


def _read_on(kernel: "Kernel") -> int:
    tx = kernel.store.read()
    since = events.cursor_of(tx, READER)
    found = kernel.history.after(tx, since, PAGE)
    gone = [e.id for e in found if e.verb == "remove"]

    def write(tx: Tx) -> None:
        if events.cursor_of(tx, READER) == since:  # else another process has read this
            for id_ in gone:
                _end_with(kernel, tx, id_)
            events.move_cursor(tx, READER, found[-1].revision)

    if found:
        kernel.store.write(write).result()
    return len(found)


def _end_with(kernel: "Kernel", tx: Tx, resource: str) -> None:
    found = attachments.of_resource(tx, resource)
    for one in found:
        attachments.remove(tx, one.id)
    _let_go(kernel, [one.sha256 for one in found])


def _let_go(kernel: "Kernel", hashes: list[str]) -> None:
    """Say of files that they were needed until now: their day begins."""
    for sha256 in hashes:
        files.touch(folder_of(kernel), sha256)


def _swept(kernel: "Kernel", path: Path) -> bool:
    """Delete a file under the writer's lock, where no transaction can begin to refer to it."""

    def write(tx: Tx) -> bool:
        if attachments.needed(tx, path.name):
            return False
        path.unlink(missing_ok=True)
        return True

    return not attachments.needed(kernel.store.read(), path.name) and kernel.store.write(write).result()
