"""What stands around every page: groups of the sidebar, switchers, and the same request for other hands.

The sidebar follows from the registry: a kind stands under its `meta.group`, in the order of the declarations, and only
where policy lets the visitor read any of its rows. A kind without a group has no entry; its parent's page leads to it.
Pages that are no list of a kind are `LINKS`. Cost: for each entry at most `COUNTED_MAX` entries of an index.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from cloudhall.console import formats, inbox
from cloudhall.console.equivalents import Call, as_api, as_command
from cloudhall.console.permissions import may_read_any, may_reset, operates
from cloudhall.console.places import Switch, switches
from cloudhall.kernel.kinds import Meta
from cloudhall.kernel.registry import AnyKind, DeclarationError, Registry
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

GROUPS: dict[str, T] = {
    "operate": T("运营", "Operate"),
    "use": T("使用", "Use"),
    "data": T("数据", "Data"),
    "market": T("市场", "Market"),
    "services": T("服务", "Services"),
    "security": T("安全", "Security"),
    "energy": T("能效", "Energy"),
    "programme": T("规划", "Programme"),
    "organisation": T("组织", "Organisation"),
}
HOME, INBOX, AUDIT, SEARCH = T("首页", "Home"), T("收件箱", "Inbox"), T("审计", "Audit"), T("搜索", "Search")
RULES, BIN, HELP = T("规则", "Rules"), T("回收站", "Recycle bin"), T("帮助与快捷键", "Help and keys")
HEALTH, SETTINGS = T("引擎与健康", "Engines and health"), T("系统设置", "System settings")
USAGE, QUOTAS = T("用量", "Usage"), T("配额", "Quotas")
COUNTED_MAX = 10_000


class Link(NamedTuple):
    """A page that is no list of a kind: in which group it stands, and before whom."""

    group: str
    title: T
    icon: str
    path: str
    shown: Callable[["Visit"], bool] = lambda _visit: True


class Entry(NamedTuple):
    """One link of the sidebar; `number` is empty for none, and ends in + where nobody counts further."""

    title: T
    icon: str
    href: str
    current: bool
    number: str = ""


class Group(NamedTuple):
    """One job of the sidebar; the first has no title."""

    key: str
    title: T
    entries: tuple[Entry, ...]


class Shell(NamedTuple):
    """Everything around a page's content. Empty groups and switches where nobody is logged in; `unread` as text."""

    groups: tuple[Group, ...]
    switches: tuple[tuple[str, Switch], ...]
    bottom: tuple[Entry, ...]
    as_api: str
    as_command: str
    as_of: str
    zone: T
    may_reset: bool
    inbox: bool
    unread: str


def _bins(visit: "Visit") -> bool:
    return any(k.meta.recoverable_days and may_read_any(visit, k) for k in visit.kernel.registry)


LINKS = (
    Link("", HOME, "home", "/"),
    Link("", BIN, "bin", "/bin", _bins),
    Link("operate", HEALTH, "pulse", "/health", operates),
    Link("operate", SETTINGS, "sliders", "/settings", operates),
    Link("market", USAGE, "chart", "/usage"),
    Link("security", AUDIT, "audit", "/audit"),
    Link("programme", RULES, "scale", "/rules"),
    Link("organisation", QUOTAS, "quota", "/quotas"),
)


def check_groups(registry: Registry) -> None:
    """Refuse a group that the console does not know, at start."""
    for kind in registry:
        if kind.meta.group and kind.meta.group not in GROUPS:
            raise DeclarationError(f"{kind.meta.key}: no group {kind.meta.group!r}; known: {', '.join(GROUPS)}")
    for tool in registry.tools:
        if tool.group not in GROUPS:
            raise DeclarationError(f"/{tool.path}: no group {tool.group!r}; known: {', '.join(GROUPS)}")


def shell_of(visit: "Visit", call: Call | None) -> Shell:
    """Shell of a page."""
    unread = inbox.unread(visit)
    groups = _groups(visit) if visit.known else ()
    return Shell(
        groups=groups,
        switches=switches(visit) if visit.known else (),
        bottom=_bottom(visit, groups, unread),
        as_api=as_api(call, visit.origin) if call else "",
        as_command=as_command(call) if call else "",
        as_of=formats.clock(visit.now_us, visit.language),
        zone=formats.ZONE_NAME,
        may_reset=visit.known and may_reset(visit),
        inbox=inbox.there(visit),
        unread=unread,
    )


def plural(meta: Meta) -> T:
    """Title of a list: `存储桶`, `Buckets`."""
    regular = meta.plural == meta.name.replace("_", "-") + "s"
    words = meta.plural.replace("-", " ")
    return T(meta.title.zh, meta.title.en + "s" if regular else words[:1].upper() + words[1:])


def _groups(visit: "Visit") -> tuple[Group, ...]:
    found = []
    for key, title in {"": T("", ""), **GROUPS}.items():
        mine = (k for k in visit.kernel.registry if key and k.meta.group == key)
        kinds = [_entry(visit, k) for k in mine if may_read_any(visit, k)]
        tools = (Link(t.group, t.title, t.icon, f"/{t.path}") for t in visit.kernel.registry.tools)
        links = [_linked(visit, link) for link in (*LINKS, *tools) if link.group == key and link.shown(visit)]
        if kinds or links:
            found.append(Group(key, title, (*kinds, *links)))
    return tuple(found)


def _linked(visit: "Visit", link: Link) -> Entry:
    path = visit.request.url.path
    current = path == link.path or (link.path != "/" and path.startswith(f"{link.path}/"))
    return Entry(link.title, link.icon, link.path, current)


def _entry(visit: "Visit", kind: AnyKind) -> Entry:
    meta = kind.meta
    first = visit.request.url.path.removeprefix("/").partition("/")[0].partition(":")[0]
    count = visit.kernel.count(visit.caller, kind, visit.place.where(meta), COUNTED_MAX)
    shown = formats.counted(count, COUNTED_MAX) if count else ""
    return Entry(plural(meta), meta.icon, f"/{meta.plural}", first == meta.plural, shown)


def _bottom(visit: "Visit", groups: tuple[Group, ...], unread: str) -> tuple[Entry, ...]:
    """Links of the phone's bottom bar: home, inbox, search, usage with its cost."""
    if not groups:
        return ()
    path = visit.request.url.path
    inboxes = (Entry(INBOX, "bell", "/inbox", path == "/inbox", unread),) if inbox.there(visit) else ()
    search = Entry(SEARCH, "search", "/search", path == "/search")
    return (groups[0].entries[0], *inboxes, search, Entry(USAGE, "chart", "/usage", path == "/usage"))
