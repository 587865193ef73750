"""What happened, newest first: events as sentences, as far as the visitor may see the resources that they are about.

What a controller observed is no news; conditions say since when something holds.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from cloudhall.console import formats
from cloudhall.console.names import Named
from cloudhall.kernel import events
from cloudhall.kernel.events import Event
from cloudhall.kernel.kinds import Kind, Meta, field_at
from cloudhall.kernel.sight import visible_ids
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

VERBS = {
    "create": T("创建", "Created"),
    "update": T("修改", "Changed"),
    "delete": T("开始删除", "Deletion began"),
    "remove": T("删除完成", "Deletion finished"),
    "attach_document": T("附加文件", "Document attached"),
    "detach_document": T("移除附件", "Document taken away"),
}
MARKS = {"create": "ok", "delete": "off", "remove": "off"}
PARTS = {"name": T("名称", "Name"), "labels": T("标签", "Labels")}
LOOKED_AT = 8  # events read for each one shown: some are about what the visitor may not see
_NEWS = "verb != 'observe'"
_BELOW = "place IN (SELECT descendant FROM place WHERE ancestor = ?)"


class Happening(NamedTuple):
    """One event as a sentence: when, what was done to what, which fields, by whom."""

    at: formats.Moment
    mark: str
    verb: T
    kind: T
    what: Named
    changed: tuple[T, ...]
    actor: Named
    place: Named


def of_resource(visit: "Visit", r: Kind[Any, Any], limit: int = 8) -> list[Happening]:
    """History of one resource, from the archive where it is older."""
    found = visit.kernel.history.of_resource(visit.tx, r.id, limit)
    return [_happening(visit, e) for e in found]


def latest(visit: "Visit", limit: int = 8) -> list[Happening]:
    """Newest events of the place in use, without those that are archived.

    Cost: `limit` x `LOOKED_AT` events, and a look-up by key for each.
    """
    place = visit.place.id
    where, given = (f"{_BELOW} AND {_NEWS}", (place,)) if place else (_NEWS, ())
    found = events.latest(visit.tx, where, given, limit * LOOKED_AT)
    seen = visible_ids(visit.kernel, visit.caller, ((e.kind, e.id) for e in found))
    return [_happening(visit, e) for e in found if e.id in seen][:limit]


def _happening(visit: "Visit", event: Event) -> Happening:
    """Say an event; a resource that has gone keeps the name that it had."""
    meta = visit.kernel.registry.kind(event.kind).meta
    action, what = meta.actions.get(event.verb), visit.names.of(event.id)
    return Happening(
        at=formats.moment(event.at_us, visit.language, visit.now_us),
        mark=MARKS.get(event.verb, "warn" if action and action.danger else "note"),
        verb=action.title if action else VERBS.get(event.verb, T(event.verb, event.verb)),
        kind=meta.title,
        what=what if what.href else Named(event.name),
        changed=tuple(_field_title(meta, path) for path in event.changed),
        actor=visit.names.of(event.actor),
        place=visit.names.of(event.place),
    )


def _field_title(meta: Meta, path: str) -> T:
    info = field_at(meta, path)
    return info.title if info else PARTS.get(path, T(path, path))
