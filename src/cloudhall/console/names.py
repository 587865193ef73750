"""Names behind ids: what a person reads where the log and the references hold an id.

Convention: a spec that has `title_zh` and `title_en`, or `display_name` and `display_name_en`, is shown by these;
any other resource by its name. What the caller may not see stays an id.
"""

from typing import Any, NamedTuple

from cloudhall.api.saying import TITLES
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.ids import is_id
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.store.tables import Where
from cloudhall.kernel.text import Language, T

NO_RESOURCE = {
    "platform": T("平台", "Platform"),
    "nobody": T("未登录者", "nobody"),
    "founding": T("初始化", "installation"),
}


class Named(NamedTuple):
    """One resource as a link; `href` is empty where there is nothing to open."""

    text: str
    href: str = ""
    title: T = T("", "")


class Names:
    """Looks names up once a visit. Cost: two reads by primary key an id."""

    def __init__(self, kernel: Kernel, caller: Caller, language: Language) -> None:
        """What is found depends on who asks."""
        self._kernel, self._caller, self._language = kernel, caller, language
        self._known: dict[str, Named] = {}

    def of(self, id_: str) -> Named:
        """Name behind an id; service accounts of the program by the kind they serve."""
        if id_ not in self._known:
            self._known[id_] = self._look_up(id_)
        return self._known[id_]

    def resource(self, r: Kind[Any, Any]) -> Named:
        """Name of a row in hand."""
        return Named(display(r, self._language), href(r), type(r).meta.title)

    def contact(self, id_: str) -> str:
        """Name of somebody whom the kernel names to everybody it refuses, seen or not."""
        kind = self._kernel.registry.by_prefix.get(id_[:2])
        row = self._kernel.tables[kind].get(self._kernel.store.read(), id_) if kind else None
        return display(row, self._language) if row else id_

    def _look_up(self, id_: str) -> Named:
        if id_.startswith("service:"):
            kind = self._kernel.registry.kinds.get(id_.removeprefix("service:"))
            controller = T("{}控制器", "{} controller").in_(self._language)
            return Named(controller.format(kind.meta.title.in_(self._language))) if kind else Named(id_)
        if id_ in NO_RESOURCE:
            return Named(NO_RESOURCE[id_].in_(self._language))
        kind = self._kernel.registry.by_prefix.get(id_[:2]) if is_id(id_) else None
        if kind is None:
            return Named(id_)
        found = self._kernel.page(self._caller, kind, Where("id = ?", (id_,)), limit=1)
        return self.resource(found[0]) if found else Named(id_)


def display(r: Kind[Any, Any], language: Language) -> str:
    """What people call a resource."""
    for zh, en in TITLES:
        texts = (getattr(r.spec, zh, ""), getattr(r.spec, en, ""))
        if any(texts):
            first, second = texts if language == "zh" else reversed(texts)
            return str(first or second)
    return r.name


def href(r: Kind[Any, Any]) -> str:
    """Address of a resource's page."""
    return f"/{type(r).meta.plural}/{r.id}"
