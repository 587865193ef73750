"""What Tab offers beside commands and options: kinds, fields, and names of what is there.

Names are asked of the server that is logged in to, for two seconds at most; where it does not answer, nothing is
offered, and nothing is said: the line that is being typed must stay as it is.
"""

from typing import Any

import click
from click.shell_completion import CompletionItem

from cloudhall.cli.app import App
from cloudhall.cli.catalogue import Noun, paths_of
from cloudhall.sdk.errors import Failure

WITHIN_S = 2.0
NAMES_MAX = 100
PLACES = {"project": "projects", "organisation": "organisations"}


class ANoun(click.types.StringParamType):
    """A kind, and behind a dot its fields where `fields` is set."""

    name = "noun"

    def __init__(self, *, fields: bool = False) -> None:
        """Kinds alone, or fields too."""
        self.fields = fields

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer kinds, or the fields of the one that is there."""
        del param
        nouns, (word, dot, _) = _app(ctx).catalogue["nouns"], incomplete.partition(".")
        if self.fields and dot and word in nouns:
            return _fitting([f"{word}.{name}" for name in (*nouns[word]["spec"], *nouns[word]["status"])], incomplete)
        return _fitting(list(nouns), incomplete)


class AName(click.types.StringParamType):
    """A resource of a kind: of `noun`, or of the one that was typed before as the parameter `noun` or `what`."""

    name = "name"

    def __init__(self, noun: Noun | None = None) -> None:
        """Without `noun` the line says which."""
        self.noun = noun

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer names in the place that is meant."""
        del param
        app = _app(ctx)
        word = str(ctx.params.get("noun") or ctx.params.get("what"))
        noun = self.noun or app.catalogue["nouns"].get(word)
        return _fitting(_names(ctx, app, noun["plural"], app.place(noun, ctx.params)), incomplete) if noun else []


class APlace(click.types.StringParamType):
    """A project or an organisation."""

    name = "place"

    def __init__(self, scope: str) -> None:
        """Which of the two."""
        self.plural = PLACES[scope]

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer those that may be seen."""
        del param
        return _fitting(_names(ctx, _app(ctx), self.plural, {}), incomplete)


class Fields(click.types.StringParamType):
    """Fields of a kind, apart by commas."""

    name = "fields"

    def __init__(self, noun: Noun) -> None:
        """Of which kind."""
        self.noun = noun

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer the next one."""
        del ctx, param
        before, comma, _ = incomplete.rpartition(",")
        words = [path.rpartition(".")[2] for path in paths_of(self.noun)]
        return _fitting([f"{before}{comma}{word}" for word in words], incomplete)


def _names(ctx: click.Context, app: App, plural: str, place: dict[str, str]) -> list[str]:
    with ctx.scope(cleanup=False):
        try:
            client = app.client_of(app.settings.url, app.settings.token, within_s=WITHIN_S)
            found: list[dict[str, Any]] = client.look(plural, {**place, "page_size": str(NAMES_MAX)})["items"]
        except Failure:
            return []
    return [item["name"] for item in found]


def _fitting(words: list[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def _app(ctx: click.Context) -> App:
    app = ctx.find_object(App)
    assert app is not None
    return app
