"""What can be done with the resources of one kind; the modules in `kinds/` say which of it, and put the types in.

Names and ids are taken alike. Where no place is given, a project's resources are those of the default project, if there
is one; what lies in organisations is looked for in all of them, and made in the default one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, NotRequired, TypedDict, TypeVar, Unpack, cast
from urllib.parse import quote

from cloudhall.sdk.client import Client, Wire
from cloudhall.sdk.resource import Event, How, Preview, Resource
from cloudhall.sdk.waiting import READY, until

Found = TypeVar("Found", bound=Resource)
Where = TypeVar("Where", bound=Mapping[str, Any])
Input = TypeVar("Input", bound=Mapping[str, Any])
Patch = TypeVar("Patch", bound=Mapping[str, Any])
WAIT_S = 300.0
PAGE_SIZE = 100


class Page(TypedDict, Generic[Found]):
    """One page of a list. A watch that begins after `revision` misses nothing that came after the page."""

    items: list[Found]
    revision: int
    next_page_token: NotRequired[str]


class Collection:
    """The resources of one kind on one server, in the places that its user may see."""

    kind: ClassVar[str]
    plural: ClassVar[str]
    scope: ClassVar[str]

    def __init__(self, client: Client, defaults: Mapping[str, str]) -> None:
        """`defaults` are the places, by scope, that are meant where none is given."""
        self._client, self._defaults = client, defaults

    def _place(self, place: str, *, making: bool = False) -> dict[str, str]:
        default = self._defaults.get(self.scope, "") if making or self.scope == "project" else ""
        found = place or default
        return {self.scope: found} if found and self.scope != "platform" else {}

    def _address(self, target: str, verb: str = "") -> str:
        return f"{self.plural}/{quote(target, safe='')}" + (f":{verb}" if verb else "")

    def _change(self, method: str, path: str, body: Any, how: How, *, dry: bool = False) -> Any:
        """Send a change; the place of one that makes something is in its body already."""
        query = {} if path == self.plural else self._place(how.get("place", ""))
        asked = {"wait": f"{how['wait_s']:g}s"} if how.get("wait_s") else {}
        only = {"validate_only": "true"} if dry else {}
        return self._client.change(method, path, query | asked | only, body, how.get("if_match"), how.get("key", ""))

    def _act(self, target: str, verb: str, args: Mapping[str, Any], how: How) -> Any:
        return self._change("POST", self._address(target, verb), dict(args), how)

    def preview_action(self, target: str, verb: str, args: Mapping[str, Any], **how: Unpack[How]) -> Preview:
        """Say what an action would do, and do nothing."""
        return cast("Preview", self._change("POST", self._address(target, verb), dict(args), how, dry=True))


class Reads(Collection, Generic[Found, Where]):
    """Looking; every kind has this."""

    def get(self, target: str, *, place: str = "") -> Found:
        """Return one resource; raises `NotFound`."""
        return cast("Found", self._client.look(self._address(target), self._place(place)))

    def pages(
        self,
        *,
        where: Where | None = None,
        labels: Sequence[str] = (),
        matching: str = "",
        sort: str = "",
        place: str = "",
        page_size: int = PAGE_SIZE,
    ) -> Iterator[Page[Found]]:
        """Pages of a list, each asked for when it is wanted; parameters as in `list`."""
        narrowed = {"label": labels, "q": matching, "sort": sort, "page_size": str(page_size)}
        query = {**_asked(where or {}), **narrowed, **self._place(place)}
        return cast("Iterator[Page[Found]]", self._client.pages(self.plural, query))

    def list(
        self,
        *,
        where: Where | None = None,
        labels: Sequence[str] = (),
        matching: str = "",
        sort: str = "",
        place: str = "",
        page_size: int = PAGE_SIZE,
    ) -> Iterator[Found]:
        """Every resource that fits, asked for page by page as they are taken.

        `where` names indexed fields, each with one value or several of which any will do; `labels` are `key:value` or
        `key`; `matching` is part of a name, label or indexed text; `sort` is a field, with `-` before it turned round.
        """
        pages = self.pages(where=where, labels=labels, matching=matching, sort=sort, place=place, page_size=page_size)
        for page in pages:
            yield from page["items"]

    def wait(
        self,
        target: str,
        wanted: str = READY,
        *,
        timeout_s: float = WAIT_S,
        place: str = "",
        told: Callable[[Found], None] | None = None,
    ) -> Found | None:
        """Wait until it is `ready` or `deleted`, or until the condition `wanted` holds; None where it is gone.

        `told` hears of every look in between. Raises `NotReady`, with the resource as it was last seen.
        """
        return until(lambda: self.get(target, place=place), f"{self.kind} {target}", wanted, timeout_s, told)

    def watch(self, *, after: int = 0, target_id: str = "", place: str = "") -> Iterator[Event]:
        """Events of this kind as they happen: from now on, or from after a revision; of one resource by its id."""
        query = {"kind": self.kind, "id": target_id, "place": place, "after": str(after) if after else ""}
        return cast("Iterator[Event]", self._client.watch(query))

    def explain(self, target: str, *, place: str = "") -> Wire:
        """Say for what a resource waits, since when, on whom, what was tried, and what frees it."""
        return self._client.look(self._address(target, "explain"), self._place(place))


class Makes(Collection, Generic[Found, Input]):
    """Making new ones."""

    def create(self, name: str, spec: Input, *, labels: Mapping[str, str] | None = None, **how: Unpack[How]) -> Found:
        """Make one; where names are made for it, `name` may be empty. A `secret` in the answer is shown this once."""
        return cast("Found", self._change("POST", self.plural, self._body(name, spec, labels, how), how))

    def preview_create(
        self, name: str, spec: Input, *, labels: Mapping[str, str] | None = None, **how: Unpack[How]
    ) -> Preview:
        """Say what `create` would do, and do nothing; raises what it would raise."""
        return cast("Preview", self._change("POST", self.plural, self._body(name, spec, labels, how), how, dry=True))

    def _body(self, name: str, spec: Input, labels: Mapping[str, str] | None, how: How) -> Wire:
        named = ({"name": name} if name else {}) | ({"labels": dict(labels)} if labels else {})
        return {**named, "spec": dict(spec), **self._place(how.get("place", ""), making=True)}


class Changes(Collection, Generic[Found, Patch]):
    """Changing what is there."""

    def update(
        self,
        target: str,
        spec: Patch | None = None,
        *,
        rename: str = "",
        labels: Mapping[str, str | None] | None = None,
        **how: Unpack[How],
    ) -> Found:
        """Change what is named and nothing else; None gives a field its default back, or takes a label off."""
        return cast("Found", self._change("PATCH", self._address(target), _patch(spec, rename, labels), how))

    def preview_update(
        self,
        target: str,
        spec: Patch | None = None,
        *,
        rename: str = "",
        labels: Mapping[str, str | None] | None = None,
        **how: Unpack[How],
    ) -> Preview:
        """Say what `update` would do, and do nothing; raises what it would raise."""
        body = _patch(spec, rename, labels)
        return cast("Preview", self._change("PATCH", self._address(target), body, how, dry=True))


class Deletes(Collection, Generic[Found]):
    """Deleting; kinds with a recycle bin keep it there for a while."""

    def delete(self, target: str, **how: Unpack[How]) -> Found:
        """Delete one; answers it as it stands then. `wait(id, "deleted")` returns when it is gone."""
        return cast("Found", self._change("DELETE", self._address(target), None, how))

    def preview_delete(self, target: str, **how: Unpack[How]) -> Preview:
        """Say what `delete` would do, what goes along included, and do nothing."""
        return cast("Preview", self._change("DELETE", self._address(target), None, how, dry=True))


def _patch(spec: Mapping[str, Any] | None, rename: str, labels: Mapping[str, str | None] | None) -> Wire:
    body: Wire = {"spec": dict(spec)} if spec is not None else {}
    body |= {"name": rename} if rename else {}
    return body | ({"labels": dict(labels)} if labels is not None else {})


def _asked(where: Mapping[str, Any]) -> dict[str, list[str]]:
    several = {name: value if isinstance(value, list | tuple) else [value] for name, value in where.items()}
    return {name: [_word(one) for one in values] for name, values in several.items()}


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
