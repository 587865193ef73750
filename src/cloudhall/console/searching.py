"""Search everything that the visitor may see: resources, what can be done, rules and documentation. A plain GET page.

The palette of the top bar asks this very page. Cost: for each kind what `saying` costs, whatever the size of its table.
"""

import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from starlette.responses import Response

from cloudhall.api import shelf
from cloudhall.api.saying import saying
from cloudhall.console import equivalents, navigation
from cloudhall.console.names import display
from cloudhall.console.navigation import plural
from cloudhall.console.permissions import may_create, may_read_any
from cloudhall.kernel import office
from cloudhall.kernel.ids import is_id
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import state_of

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

HITS_MAX = 8  # of a kind; the link behind them leads to all
NOTHING = T("", "")
ACTIONS, TEXTS = T("操作", "Actions"), T("依据与文档", "Rules and documentation")
OPEN_LIST, RULE, DOC = T("打开列表", "open the list"), T("规则", "rule"), T("文档", "documentation")
OWN = (
    navigation.Link("", T("修改密码", "Change your password"), "key", "/password"),
    navigation.Link("", T("登录安全：会话与第二因素", "My security: sessions, second factors"), "shield", "/security"),
    navigation.Link("", navigation.HELP, "cmd", "/help"),
)


class Hit(NamedTuple):
    """One thing found. `text` may hold the match; `state` is empty for what is no resource, `word` says what it is."""

    icon: str
    text: str
    aside: str
    href: str
    state: str = ""
    word: T = NOTHING


class Group(NamedTuple):
    """Hits of one sort; `more` leads to the list where there may be others."""

    title: T
    hits: tuple[Hit, ...]
    more: str = ""

    @property
    def size(self) -> int:
        """How many are shown."""
        return len(self.hits)


def search(visit: "Visit") -> Response:
    """Page of the results; without a question only the form."""
    text, began = visit.query.get("q", "").strip(), time.perf_counter()
    groups = (
        [g for g in (*_resources(visit, text), _actions(visit, text), _texts(visit, text)) if g.hits] if text else []
    )
    took_ms = round((time.perf_counter() - began) * 1_000)
    return visit.page(
        "search.html", call=equivalents.search(text), q=text, groups=groups, took_ms=took_ms, marked=_marked
    )


def _resources(visit: "Visit", text: str) -> list[Group]:
    asked = [k for k in visit.kernel.registry if not is_id(text) or text.lower().startswith(f"{k.meta.prefix}-")]
    return [_group(visit, kind, text) for kind in asked if may_read_any(visit, kind)]


def _group(visit: "Visit", kind: AnyKind, text: str) -> Group:
    meta = kind.meta
    where = saying(visit.kernel, visit.caller, kind, text)
    rows = visit.kernel.page(visit.caller, kind, where, limit=HITS_MAX + 1)
    hits = tuple(_hit(visit, r) for r in rows[:HITS_MAX])
    more = f"/{meta.plural}?q={quote(text)}&in=" if len(rows) > HITS_MAX else ""
    return Group(plural(meta), hits, more)


def _hit(visit: "Visit", r: Kind[Any, Any]) -> Hit:
    meta, title = type(r).meta, display(r, visit.language)
    where = visit.names.of(r.place).text if meta.scope != "platform" else ""
    aside = ("、" if visit.language == "zh" else ", ").join(part for part in (r.name, where) if part not in {"", title})
    return Hit(meta.icon, title, aside, visit.names.resource(r).href, state_of(r), meta.title)


def _actions(visit: "Visit", text: str) -> Group:
    """Lists to open, kinds to create and pages, whose titles in either language hold every word."""
    words = text.lower().split()
    found = [hit for title, hit in _offered(visit) if any(all(w in said.lower() for w in words) for said in title)]
    return Group(ACTIONS, tuple(found))


def _offered(visit: "Visit") -> list[tuple[T, Hit]]:
    """Everything that the visitor could do or open, with the title that it is found by."""
    found = []
    for kind in visit.kernel.registry:
        meta, title = kind.meta, plural(kind.meta)
        if may_create(visit, kind):
            new = T(f"新建{meta.title.zh}", f"New {meta.title.en}")
            found.append((new, Hit("plus", _said(visit, new), "", f"/{meta.plural}:create")))
        if may_read_any(visit, kind):
            found.append((title, Hit(meta.icon, _said(visit, title), _said(visit, OPEN_LIST), f"/{meta.plural}")))
    pages = (link for link in (*navigation.LINKS, *OWN) if link.shown(visit))
    return found + [(p.title, Hit(p.icon, _said(visit, p.title), "", p.path)) for p in pages]


def _texts(visit: "Visit", text: str) -> Group:
    rules = shelf.rules(visit.kernel.registry, text, office.day_of(visit.now_us), HITS_MAX)
    docs = shelf.docs(text, visit.language, HITS_MAX)
    found = [("scale", RULE, f) for f in rules] + [("doc", DOC, f) for f in docs]
    hits = (Hit(icon, _said(visit, f.title), _said(visit, f.aside), f.href, word=word) for icon, word, f in found)
    return Group(TEXTS, tuple(hits))


def _said(visit: "Visit", text: T) -> str:
    return text.in_(visit.language)


def _marked(text: str, wanted: str) -> tuple[str, str, str]:
    """What stands before the match, the match, and what stands behind it; all of it before, where there is none."""
    at = text.lower().find(wanted.lower())
    return (text[:at], text[at : at + len(wanted)], text[at + len(wanted) :]) if at >= 0 else (text, "", "")
