"""One run of the command line: what it knows of server, places and kinds, each found out when first asked for."""

import functools
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote

import click

from cloudhall.cli.catalogue import Catalogue, Noun
from cloudhall.sdk import config
from cloudhall.sdk.client import TIMEOUT_S, Client, Wire
from cloudhall.sdk.errors import Misuse
from cloudhall.sdk.language import T, language

AGENT = "cloudhall-cli"
PATIENCE_S = 5.0  # somebody sits before the terminal


class App:
    """What every command works with."""

    def __init__(self, load: Callable[[], Catalogue]) -> None:
        """`load` gives the catalogue; it is not called for commands that need none."""
        self._load = load

    @functools.cached_property
    def catalogue(self) -> Catalogue:
        """Every kind there is."""
        return self._load()

    @functools.cached_property
    def settings(self) -> config.Settings:
        """Server, token and default places."""
        return config.settings()

    @functools.cached_property
    def client(self) -> Client:
        """Connection to the server in use."""
        return self.client_of(self.settings.url, self.settings.token)

    def client_of(self, url: str, token: str = "", *, within_s: float = TIMEOUT_S) -> Client:
        """Connection to a server that must answer within a time."""
        client = Client(
            url, token, language(), config.trusted(url), agent=AGENT, patience_s=PATIENCE_S, within_s=within_s
        )
        click.get_current_context().find_root().call_on_close(client.close)
        return client

    @functools.cached_property
    def words(self) -> dict[str, str]:
        """Noun of each kind, by the kind's full name."""
        return {noun["kind"]: word for word, noun in self.catalogue["nouns"].items()}

    def noun(self, word: str) -> Noun:
        """Kind that a word means; raises `Misuse` with the nearest word."""
        nouns = self.catalogue["nouns"]
        if word not in nouns:
            near = get_close_matches(word, nouns, n=1)
            mend = T(f"是否指 {near[0]}？", f"Did you mean {near[0]}?") if near else None
            raise Misuse(T(f"没有名为 {word} 的资源种类", f"There is no kind called {word}"), mend)
        return nouns[word]

    def place(self, noun: Noun, given: Mapping[str, Any], *, making: bool = False) -> dict[str, str]:
        """Place to look or make something in: as given, else the default one.

        Organisations nest, so the default one is where things are made, not a bound on what is found.
        """
        scope, default = noun["scope"], {"project": self.settings.project}
        if making:
            default["organisation"] = self.settings.organisation
        if given.get(scope):
            return {scope: given[scope]}
        found = "" if given.get("everywhere") else default.get(scope, "")
        return {scope: found} if found else {}

    def read(self, noun: Noun, target: str, given: Mapping[str, Any]) -> Wire:
        """Return one resource, by name or id."""
        return self.client.look(address(noun, target), self.place(noun, given))

    def id_of(self, text: str) -> str:
        """Id that is meant by `NOUN/NAME`; anything else is taken for an id."""
        word, slash, name = text.partition("/")
        return str(self.read(self.noun(word), name, {})["id"]) if slash else text


def address(noun: Noun, target: str, verb: str = "") -> str:
    """Where a resource lies below `/api/v1`, by name or id, or an action on it."""
    return f"{noun['plural']}/{quote(target, safe='')}" + (f":{verb}" if verb else "")


def current() -> App:
    """Return the app of the command that runs."""
    app = click.get_current_context().find_object(App)
    assert app is not None
    return app
