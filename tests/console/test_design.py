"""The sheet of parts in every look and both languages: whole, readable without a log-in, nothing left out."""

import re
from pathlib import Path

import pytest

import cloudhall
from cloudhall.console import tokens
from cloudhall.console.assets import STATIC
from cloudhall.kernel.text import LANGUAGES, Language
from tests.console.markup import ALIEN, Markup
from tests.console.yard import Yard

LOOKS = {
    "light": {"look": "light"},
    "dark": {"look": "dark"},
    "system": {},
    "contrast": {"look": "light", "contrast": "high"},
    "large": {"look": "dark", "type": "large"},
}
SAME = re.compile(r"\b(?:GiB|TiB|MiB|KiB|EN|UTC)\b")
DRAWN = ("line", "lines", "bars", "stack", "gauge", "spans", "state_strip", "share_strip", "sparkline", "tile_map")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sheet_is_whole_in_every_look(yard: Yard, language: Language) -> None:
    visitor = yard.visitor("", language)
    for look, cookies in LOOKS.items():
        visitor.client.cookies.update(cookies)
        page = Markup(visitor.open("/design"))
        assert (visitor.status, page.open) == (200, []), look
        (root,) = (attrs for tag, attrs in page.tags if tag == "html")
        assert root["data-look"] == cookies.get("look", "system")
        assert root.get("data-type", "") == cookies.get("type", "")
        ids = page.values("id")
        assert len(ids) == len(set(ids)), look
        assert not page.values("style")
        for text in page.texts:
            assert not ALIEN[language].search(SAME.sub("", text)), f"{look}: {text!r}"
        visitor.client.cookies.clear()
        visitor.client.cookies.set("lang", language)


def test_every_chart_of_the_sheet_has_a_table(yard: Yard) -> None:
    html = yard.visitor().open("/design")
    figures = re.findall(r"<figure.*?</figure>", html, re.DOTALL)
    assert len(figures) == 10
    for drawn in figures:
        assert "<table" in drawn
        assert "invented examples, as of 20 Nov 2026, 10:24" in drawn
    template = (Path(STATIC).parent / "templates/design_charts.html").read_text("utf-8")
    assert all(f"{name}(" in template for name in DRAWN)


def test_every_chart_of_a_page_says_whence_its_numbers_are() -> None:
    package = Path(cloudhall.__file__).parent
    calls = re.compile(rf"\{{\{{ (?:{'|'.join(set(DRAWN) - {'sparkline'})})\(.*?\) \}}\}}", re.DOTALL)
    found = [
        (t.name, call) for t in package.glob("**/templates/*.html") for call in calls.findall(t.read_text("utf-8"))
    ]
    assert len(found) > len(DRAWN)
    assert not [(name, call) for name, call in found if "origin=" not in call]


def test_the_sheet_shows_every_token_icon_and_kind(yard: Yard) -> None:
    html = yard.visitor().open("/design")
    names = set(re.findall(r"<code>([\w-]+)</code>", html))
    assert {*tokens.COLOURS, *tokens.TYPES, *tokens.SIZES, *tokens.FIXED} <= names
    for colour in tokens.COLOURS.values():
        assert all(f'fill="{value}"' in html for value in colour)
    drawn = set(re.findall(r'<symbol id="([a-z-]+)"', (STATIC / "icons.svg").read_text("utf-8")))
    assert drawn <= names | {"mark", "mark-small"}
    kinds = html.partition('id="kinds"')[2].partition("</ul>")[0]
    assert kinds.count("<li>") == len(list(yard.kernel.registry))
