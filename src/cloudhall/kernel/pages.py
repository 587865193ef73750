"""Pages that a domain writes by hand, because they say more than the generated ones.

A domain declares them in `pages.py`; the console renders them with its shared parts. They read and never write.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from cloudhall.kernel.caller import Caller
from cloudhall.kernel.text import T

View = Literal["detail", "list", "created", "home", "needs"]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Replaces the generic body of a view of a kind. `template` lies in the domain's `templates/`.

    `context(kernel, caller, resource, query)` answers what the template shows; `resource` is None for a list. The view
    `needs` has no template: its context answers `needs`, each a `Need`, which stand on the home page.
    """

    kind: str
    view: View
    template: str = ""
    context: Callable[[Any, Caller, Any, Mapping[str, str]], Mapping[str, Any]]
    figures: Callable[[Any, Caller, Any, Mapping[str, str]], Sequence[Sequence[str]]] | None = None


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """Something that waits for the visitor: what and why, since when, and the one verb that leads to it."""

    icon: str
    what: T
    why: T
    verb: T
    href: str
    since_us: int = 0
    tone: Literal["", "warn", "bad"] = ""


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A page of its own at `/path`, of no kind: arithmetic, so whoever is logged in may use it.

    `template` is named `<domain>/<file>`; `context(query)` answers what it shows. `group` is one of the sidebar's.
    """

    path: str
    title: T
    about: T
    icon: str
    group: str
    template: str
    context: Callable[[Mapping[str, str]], Mapping[str, Any]]
