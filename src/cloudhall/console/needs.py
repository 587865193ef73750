"""What waits for the visitor: decisions that domains tell of, trouble that they can mend, room that runs out, news.

Cost: the rows that the home page has read for their states anyway, a look-up a quota and project, a page of the inbox.
"""

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from cloudhall.console import formats, inbox, permissions
from cloudhall.console.names import display
from cloudhall.console.places import place_kind
from cloudhall.console.values import WORST_FIRST
from cloudhall.domains.notices import inbox as notices
from cloudhall.kernel import quotas
from cloudhall.kernel.kinds import Kind, Quota
from cloudhall.kernel.pages import Need
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import STATES, deciding, state_of

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

SHOWN_MAX = 8
NOTICES_MAX = 5
PLACES_MAX = 20  # projects whose room is looked at, where none is chosen
NEAR_PERCENT = 90
TROUBLE = WORST_FIRST[:2]  # failed, attention
LOOK, MEND, READ = T("查看", "Look"), T("处理", "Mend"), T("查看", "Read")
MORE_ROOM = T("调整配额", "Change the quota")


class Shown(NamedTuple):
    """One thing that waits; `notice` is its number in the inbox, 0 where it stands in none."""

    need: Need
    since: formats.Moment | None
    notice: int


class Needs(NamedTuple):
    """What is shown of it, and how much there is."""

    shown: tuple[Shown, ...]
    number: int


def of(visit: "Visit", seen: Iterable[Kind[Any, Any]]) -> Needs:
    """What waits for the visitor, decisions first; `seen` are the resources of the place."""
    told = [(need, 0) for need in (*_decisions(visit), *_troubles(visit, seen), *_full(visit))]
    found = [*told, *((_notice(visit, n), n.id) for n in _news(visit))]
    return Needs(tuple(_shown(visit, need, notice) for need, notice in found[:SHOWN_MAX]), len(found))


def _shown(visit: "Visit", need: Need, notice: int) -> Shown:
    since = formats.moment(need.since_us, visit.language, visit.now_us) if need.since_us else None
    return Shown(need, since, notice)


def _decisions(visit: "Visit") -> list[Need]:
    pages = [page for (_, view), page in visit.console.pages.items() if view == "needs"]
    return [need for page in pages for need in page.context(visit.kernel, visit.caller, None, visit.query)["needs"]]


def _troubles(visit: "Visit", seen: Iterable[Kind[Any, Any]]) -> list[Need]:
    """Resources that are not well and that the visitor can do something about, failed ones first."""
    rows = [r for r in seen if state_of(r) in TROUBLE]
    rows.sort(key=lambda r: TROUBLE.index(state_of(r)))
    return [_trouble(visit, r) for r in rows[:SHOWN_MAX] if any(o.reason is None for o in permissions.offers(visit, r))]


def _trouble(visit: "Visit", r: Kind[Any, Any]) -> Need:
    state, meta, said = state_of(r), type(r).meta, deciding(r)
    name = display(r, visit.language)
    return Need(
        icon=meta.icon,
        what=T(f"{meta.title.zh} {name}：{STATES[state].zh}", f"{meta.title.en} {name}: {STATES[state].en.lower()}"),
        why=said.text if said and said.reason else meta.doc,
        verb=MEND,
        href=f"/{meta.plural}/{r.id}",
        since_us=said.since_us if said else 0,
        tone="bad" if state == "failed" else "warn",
    )


def _full(visit: "Visit") -> list[Need]:
    """Projects in which little of a quota is left that the visitor draws on, or may change."""
    kind = place_kind(visit.kernel.registry, "project")
    if kind is None:
        return []
    mine = [visit.place.project] if visit.place.project else []
    rows = mine or visit.kernel.page(visit.caller, kind, visit.place.where(kind.meta), limit=PLACES_MAX)
    limits = next((k for k in visit.kernel.registry if k.meta.limits), None)
    found = []
    for r, (drawing, quota) in itertools.product(rows, _quotas(visit)):
        room = quotas.room(visit.tx, r.id, quota)
        if room.used * 100 >= room.room * NEAR_PERCENT > 0:
            raises = limits if limits and permissions.may_create(visit, limits, r.id) else None
            if raises or permissions.may_create(visit, drawing, r.id):
                found.append(_near(visit, r, quota, room, raises))
    return found


def _quotas(visit: "Visit") -> list[tuple[AnyKind, Quota]]:
    return [(k, quota) for k in visit.kernel.registry for quota in k.meta.quotas]


def _near(visit: "Visit", r: Kind[Any, Any], quota: Quota, room: quotas.Room, raises: AnyKind | None) -> Need:
    name, used, whole = display(r, visit.language), formats.number(room.used), formats.number(room.room)
    percent = formats.share(room.used, room.room)
    return Need(
        icon="quota",
        what=T(f"{name}：{quota.title.zh}已用 {percent}", f"{name}: {percent} of the {quota.title.en.lower()} is used"),
        why=T(f"{used} / {whole} {quota.unit}", f"{used} of {whole} {quota.unit}"),
        verb=MORE_ROOM if raises else LOOK,
        href=f"/{raises.meta.plural}:create" if raises else f"/{type(r).meta.plural}/{r.id}",
        tone="warn",
    )


def _news(visit: "Visit") -> list[notices.Notice]:
    """Newest unread notices; the inbox has the others."""
    if not inbox.there(visit):
        return []
    return notices.page(visit.tx, visit.caller.id, unread=True, limit=NOTICES_MAX)


def _notice(visit: "Visit", n: notices.Notice) -> Need:
    about, kind = visit.names.of(n.about.id), visit.kernel.registry.kinds.get(n.about.kind)
    return Need(
        icon=kind.meta.icon if kind else "bell",
        what=n.text,
        why=kind.meta.title if kind else T("", ""),
        verb=READ,
        href=about.href or "/inbox?unread",
        since_us=n.at_us,
    )
