"""Templates: one compiled environment a language, so that texts, numbers and dates in a macro need no context.

Invariants: everything is escaped unless it is `Markup`; a name that the view did not give is an error, never an empty
place; a `T` anywhere in a template comes out in the visitor's language. Templates of a domain lie in its `templates/`
and are named `<domain>/<file>`.
"""

import functools
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup

from cloudhall import locale
from cloudhall.console import charts, formats
from cloudhall.console.assets import icon, static
from cloudhall.console.equivalents import as_api, as_command
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.registry import Registry
from cloudhall.kernel.text import LANGUAGES, Language, T

TEMPLATES = Path(__file__).parent / "templates"


DRAWN: tuple[Callable[..., Markup], ...] = (
    charts.bars,
    charts.gauge,
    charts.line,
    charts.lines,
    charts.share_strip,
    charts.spans,
    charts.spots,
    charts.stack,
    charts.state_strip,
    charts.tile_map,
)
SHAPES = (charts.Origin, charts.Plane, charts.Point)


class Renderer:
    """Renders templates. Making one reads no template; each is compiled when first used and kept."""

    def __init__(self, kernel: Kernel) -> None:
        """`kernel` gives the domains' folders and the clock."""
        loader = ChoiceLoader([FileSystemLoader(TEMPLATES), PrefixLoader(_domain_loaders(kernel.registry))])
        self._environments = {x: _environment(loader, x, kernel.world.now_us) for x in LANGUAGES}

    def __call__(self, template: str, language: Language, context: Mapping[str, Any]) -> str:
        """HTML of a page."""
        return self._environments[language].get_template(template).render(context)


def noun(title: T) -> T:
    """Return a title as it stands inside a sentence: `Access key` → `access key`, `API token` stays."""
    en = title.en
    return title if en[1:2].isupper() else T(title.zh, en[:1].lower() + en[1:])


def _environment(loader: ChoiceLoader, language: Language, now_us: Callable[[], int]) -> Environment:
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: value.in_(language) if isinstance(value, T) else value,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals |= {
        "_": functools.partial(locale.say, language),
        "T": T,
        "language": language,
        "static": static,
        "icon": icon,
        "number": formats.number,
        "fen": formats.fen,
        "amount": functools.partial(_in, formats.amount, language),
        "unit_price": functools.partial(_in, formats.unit_price, language),
        "quantity": formats.quantity,
        "size": formats.size,
        "share": formats.share,
        "clock": functools.partial(_in, formats.clock, language),
        "precise": formats.precise,
        "day": functools.partial(_in, formats.day, language),
        "moment": lambda at_us: formats.moment(at_us, language, now_us()),
        **{draw.__name__: functools.partial(draw, language) for draw in DRAWN},
        **{shape.__name__: shape for shape in SHAPES},
        "sparkline": charts.sparkline,
        "meter": charts.meter,
        "tree": charts.tree,
        "as_api": as_api,
        "as_command": as_command,
    }
    environment.filters |= {"noun": noun, "say": lambda text: text.in_(language)}
    return environment


def _in(render: Callable[[int, Language], str], language: Language, value: int) -> str:
    return render(value, language)


def _domain_loaders(registry: Registry) -> dict[str, FileSystemLoader]:
    """Folder `templates/` beside the first kind of each domain that has pages; the kernel's pages are the console's."""
    own = {"kernel": FileSystemLoader(TEMPLATES)}
    return own | {
        name: FileSystemLoader(Path(str(sys.modules[domain.kinds[0].__module__].__file__)).parent / "templates")
        for name, domain in registry.domains.items()
        if domain.pages
    }
