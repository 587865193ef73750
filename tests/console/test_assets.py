"""What the console ships: vendored files with licence and hash, icons of our own, texts complete in both languages."""

import hashlib
import json
import re
import string
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

import cloudhall
from cloudhall import locale
from cloudhall.console import audit, timeline
from cloudhall.console.assets import STATIC
from cloudhall.console.render import TEMPLATES
from cloudhall.installation import build_registry

PACKAGE = Path(cloudhall.__file__).parent
DOMAIN_TEMPLATES = sorted((PACKAGE / "domains").glob("*/templates/*.html"))
HAN = re.compile(r"[\u3400-\u9fff]")
SYMBOL = "{http://www.w3.org/2000/svg}symbol"


@pytest.mark.parametrize("folder", [STATIC / "vendor", Path(__file__).parent / "data"], ids=["shipped", "tests"])
def test_vendored_files_are_those_of_the_manifest(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    there = {p.name for p in folder.iterdir()} - {"manifest.json"}
    assert there == set(manifest)
    for name, said in manifest.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == said["sha256"]
        assert said["licence"]
        assert said["version"]


def test_every_icon_that_is_named_is_drawn() -> None:
    drawn = {symbol.attrib["id"] for symbol in ET.parse(STATIC / "icons.svg").iter(SYMBOL)}  # noqa: S314  our own file
    named = {kind.meta.icon for kind in build_registry()} | set(audit.PHASE_ICONS.values())
    for template in [*TEMPLATES.glob("*.html"), *DOMAIN_TEMPLATES]:
        text = template.read_text("utf-8")
        named |= {*re.findall(r'(?:icon|sign)\("([a-z]+)"', text), *re.findall(r'"[a-z]+": \("([a-z]+)", "', text)}
    assert named <= drawn


def test_every_text_of_a_template_is_said_in_chinese_and_nothing_else_is() -> None:
    assert texts_of_templates() == set(locale.chinese())


def test_translations_keep_their_placeholders() -> None:
    for english, chinese in locale.chinese().items():
        assert fields(english) == fields(chinese), english
        assert not HAN.search(english), english
        assert not re.search(r"[a-z]", re.sub(r"\{\w+\}|cryptography|[A-Z]\w+", "", chinese)), chinese


def test_texts_in_python_are_in_both_languages() -> None:
    for text in [*timeline.VERBS.values(), *timeline.PARTS.values()]:
        assert HAN.search(text.zh)
        assert not HAN.search(text.en)


def test_no_template_has_anything_inline_or_from_elsewhere() -> None:
    for template in [*TEMPLATES.glob("*.html"), *DOMAIN_TEMPLATES]:
        text = template.read_text("utf-8")
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script(?! src=)|javascript:|https?://", text), template.name
        assert not re.search(r"\|\s*safe\b", text), template.name


def texts_of_templates() -> set[str]:
    environment, found = Environment(autoescape=True), set[str]()
    for template in [*TEMPLATES.glob("*.html"), *DOMAIN_TEMPLATES]:
        for call in environment.parse(template.read_text("utf-8")).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "_":
                (text,) = call.args
                assert isinstance(text, nodes.Const), f"{template.name}: a text that is put together cannot be found"
                found.add(text.value)
    return found


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}
