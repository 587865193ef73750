"""What stands around every page: groups of the sidebar, switchers, and the same request for other hands.

The sidebar follows from the registry: a kind stands under its `meta.group`, in the order of the declarations, and only
where policy lets the visitor read any of its rows. A kind without a group has no entry; its parent's page leads to it.
"""

from typing import TYPE_CHECKING, NamedTuple

from cloudhall.console import formats, inbox
from cloudhall.console.equivalents import Call, as_api, as_command
from cloudhall.console.permissions import may_read_any, may_reset
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
HOME, AUDIT, SEARCH = T("首页", "Home"), T("审计", "Audit"), T("搜索", "Search")
RULES, BIN = T("规则", "Rules"), T("回收站", "Recycle bin")
ROW_GROUPS = ("use", "market")  # whose first kind has a place in the phone's bottom bar


class Entry(NamedTuple):
    """One link of the sidebar."""

    title: T
    icon: str
    href: str
    current: bool
    number: int | None = None


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


def check_groups(registry: Registry) -> None:
    """Refuse a group that the console does not know, at start."""
    for kind in registry:
        if kind.meta.group and kind.meta.group not in GROUPS:
            raise DeclarationError(f"{kind.meta.key}: no group {kind.meta.group!r}; known: {', '.join(GROUPS)}")


def shell_of(visit: "Visit", call: Call | None) -> Shell:
    """Shell of a page. Cost: a count an entry, over the place in use."""
    groups = _groups(visit) if visit.known else ()
    return Shell(
        groups=groups,
        switches=switches(visit) if visit.known else (),
        bottom=_bottom(groups),
        as_api=as_api(call, visit.origin) if call else "",
        as_command=as_command(call) if call else "",
        as_of=formats.clock(visit.now_us, visit.language),
        zone=formats.ZONE_NAME,
        may_reset=visit.known and may_reset(visit),
        inbox=inbox.there(visit),
        unread=inbox.unread(visit),
    )


def plural(meta: Meta) -> T:
    """Title of a list: `存储桶`, `Buckets`."""
    regular = meta.plural == meta.name.replace("_", "-") + "s"
    words = meta.plural.replace("-", " ")
    return T(meta.title.zh, meta.title.en + "s" if regular else words[:1].upper() + words[1:])


def _groups(visit: "Visit") -> tuple[Group, ...]:
    path = visit.request.url.path
    home = Group("", T("", ""), (Entry(HOME, "home", "/", path == "/"),))
    if any(k.meta.recoverable_days and may_read_any(visit, k) for k in visit.kernel.registry):
        home = home._replace(entries=(*home.entries, Entry(BIN, "bin", "/bin", path == "/bin")))
    found = [home]
    for key, title in GROUPS.items():
        entries = [_entry(visit, k) for k in visit.kernel.registry if k.meta.group == key and may_read_any(visit, k)]
        if key == "security":
            entries.append(Entry(AUDIT, "audit", "/audit", path.startswith("/audit")))
        if key == "programme":
            entries.append(Entry(RULES, "scale", "/rules", path.startswith("/rules")))
        if entries:
            found.append(Group(key, title, tuple(entries)))
    return tuple(found)


def _entry(visit: "Visit", kind: AnyKind) -> Entry:
    meta = kind.meta
    first = visit.request.url.path.removeprefix("/").partition("/")[0].partition(":")[0]
    count = visit.kernel.count(visit.caller, kind, visit.place.where(meta))
    return Entry(plural(meta), meta.icon, f"/{meta.plural}", first == meta.plural, count)


def _bottom(groups: tuple[Group, ...]) -> tuple[Entry, ...]:
    """Links of the phone's bottom bar: home, the first kind of two groups, search."""
    if not groups:
        return ()
    firsts = [g.entries[0] for g in groups if g.key in ROW_GROUPS]
    return (groups[0].entries[0], *firsts, Entry(SEARCH, "search", "/search", current=False))
