"""One log-in at one server: where the kinds hang, and what belongs to none of them."""

import importlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from cloudhall.sdk import config
from cloudhall.sdk.client import ALL, API, Client, Query, Wire
from cloudhall.sdk.kind import Changes, Deletes, Makes, Reads
from cloudhall.sdk.language import Language, language
from cloudhall.sdk.resource import Event, Resource


class AnyKind(
    Reads[Resource, Mapping[str, Any]],
    Makes[Resource, Mapping[str, Any]],
    Changes[Resource, Mapping[str, Any]],
    Deletes[Resource],
):
    """A kind that this release has no types for, such as one of a domain of your own."""

    def act(self, target: str, verb: str, args: Mapping[str, Any] = {}) -> Resource:
        """Run an action by its name."""
        return cast("Resource", self._act(target, verb, args, {}))


class Session:
    """A connection with the kinds as attributes; not for several threads at once: make one for each.

    As a context manager it closes itself.
    """

    modules: ClassVar[Mapping[str, str]] = {}
    """Where the class of each kind is, `module:class` below `cloudhall.sdk.kinds`, by the attribute's name."""

    def __init__(
        self,
        url: str = "",
        token: str = "",
        *,
        project: str = "",
        organisation: str = "",
        ca: str = "",
        lang: Language | None = None,
    ) -> None:
        """Without `url` and `token` those of `CLOUDHALL_URL` and `CLOUDHALL_TOKEN`, else of `cloudhall login`.

        The same goes for the default places, and for `ca`, certificates (PEM) that alone are trusted. `lang` is that of
        errors and texts, by the locale where it is not given. Raises `Misuse` where the address is none.
        """
        known = config.settings()
        here = url.rstrip("/") in {"", known.url}
        address = url.rstrip("/") or known.url
        self.client = Client(
            address, token or (known.token if here else ""), lang or language(), ca or config.trusted(address)
        )
        self.places = {"project": project or known.project, "organisation": organisation or known.organisation}

    if not TYPE_CHECKING:  # a checker shall know the kinds one by one, and no others

        def __getattr__(self, name: str) -> Any:
            """Import the module of a kind when it is first asked for."""
            if name not in self.modules:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
            module, _, class_ = self.modules[name].partition(":")
            made = getattr(importlib.import_module(f"cloudhall.sdk.kinds.{module}"), class_)
            found = self.__dict__[name] = made(self.client, self.places)
            return found

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.client.close()

    def kind(self, key: str, plural: str, scope: str = "project") -> AnyKind:
        """Return what a kind can do that this release has no types for: `kind("displays.display", "displays")`."""
        made: type[AnyKind] = type(plural, (AnyKind,), {"kind": key, "plural": plural, "scope": scope})
        return made(self.client, self.places)

    def whoami(self) -> Wire:
        """Whom the token makes one, and the roles held where."""
        return self.client.look("whoami")

    def search(self, text: str) -> list[Wire]:
        """Everything of any kind that fits a text, and that may be seen."""
        found: list[Wire] = self.client.look("search", {"q": text})["items"]
        return found

    def watch(self, *, after: int = 0, place: str = "") -> Iterator[Event]:
        """Events of every kind as they happen: from now on, or from after a revision; of one place by name or id."""
        query: Query = {"place": place, "after": str(after) if after else ""}
        return cast("Iterator[Event]", self.client.watch(query))

    def send(self, method: str, path: str, query: Query = ALL, body: Any = None) -> Any:
        """Ask for anything else below `/api/v1`; answers what came, decoded."""
        return self.client.send(method, f"{API}/{path}", query, body).body
