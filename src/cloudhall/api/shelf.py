"""What can be found beside resources: pages of the documentation, and tables of rules with the clauses behind them.

Cost: the pages are read once a process, some 800 kB; a search walks them, and the tables, of which there are tens.
"""

import datetime
import functools
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from cloudhall.api.docs import DOCS
from cloudhall.kernel.registry import Registry
from cloudhall.kernel.rules import Table
from cloudhall.kernel.text import Language, T

CHINESE = ".zh-CN.md"
NOT_FOR_READERS = ("decisions", "images", "pictures")
HEADING = re.compile(r"^(#{1,3}) (.+)$", re.MULTILINE)


class Found(NamedTuple):
    """One thing that says the text; `aside` names the part that does."""

    title: T
    aside: T
    href: str


class Doc(NamedTuple):
    """One page: its address, title and headings, and all of it in lower case."""

    href: str
    title: str
    headings: tuple[str, ...]
    text: str


def docs(text: str, language: Language, most: int) -> list[Found]:
    """Pages that say a text: in their title first, then in a heading, then anywhere; none without a checkout."""
    wanted = text.lower()
    found = [(rank, _page(page, heading)) for page in _pages(DOCS, language) for rank, heading in _says(page, wanted)]
    return [page for _, page in sorted(found, key=lambda pair: pair[0])][:most]


def sections(language: Language) -> dict[str, list[Doc]]:
    """Pages by the folder that they lie in, without those of the folder itself; none without a checkout."""
    folders: dict[str, list[Doc]] = {}
    for page in _pages(DOCS, language):
        _, _, folder, *rest = page.href.split("/")
        if len(rest) == 1:
            folders.setdefault(folder, []).append(page)
    return folders


def rules(registry: Registry, text: str, day: datetime.date, most: int) -> list[Found]:
    """Rule tables whose title, values' titles or sources say a text, as they are in force on a day."""
    wanted = text.lower()
    found = [(table, _clause(table, day, wanted)) for table in registry.rules]
    return [Found(table.title, said, f"/rules/{table.id}") for table, said in found if said is not None][:most]


def kind_page(domain: str) -> str:
    """Address of the reference of a domain's kinds; empty without a checkout."""
    return f"/docs/reference/kinds/{domain}" if (DOCS / f"reference/kinds/{domain}.md").is_file() else ""


def _clause(table: Table, day: datetime.date, wanted: str) -> T | None:
    """What says the text: the source, or nothing besides the title; None where nothing does."""
    rule = table.find(day)
    sources = (
        [T(f"{s.title.zh} {s.edition}".rstrip(), f"{s.title.en} {s.edition}".rstrip()) for s in rule.sources]
        if rule
        else []
    )
    clauses = [s.clause for s in rule.sources if s.clause] if rule else []
    if _in(wanted, (*table.title, table.id)):
        return sources[0] if sources else T("", "")
    titles = [field.title for field in table.fields.values()]
    return next((t for t in (*titles, *sources, *clauses) if _in(wanted, t)), None)


def _in(wanted: str, texts: Iterable[str]) -> bool:
    return any(wanted in text.lower() for text in texts)


def _says(page: Doc, wanted: str) -> Sequence[tuple[int, str]]:
    if wanted in page.title.lower():
        return [(0, "")]
    if heading := next((h for h in page.headings if wanted in h.lower()), ""):
        return [(1, heading)]
    return [(2, "")] if wanted in page.text else []


def _page(page: Doc, heading: str) -> Found:
    return Found(T(page.title, page.title), T(heading, heading), page.href)


@functools.cache
def _pages(folder: Path, language: Language) -> tuple[Doc, ...]:
    """Every page in a language, in English where there is no other."""
    english = [file for file in sorted(folder.rglob("*.md")) if not file.name.endswith(CHINESE)]
    found = []
    for file in english:
        if file.relative_to(folder).parts[0] not in NOT_FOR_READERS:
            other = file.with_name(file.stem + CHINESE)
            found.append(_read(folder, other if language == "zh" and other.is_file() else file, language))
    return tuple(found)


def _read(folder: Path, file: Path, language: Language) -> Doc:
    text = file.read_text("utf-8")
    title, *headings = [_said(heading, language) for _, heading in HEADING.findall(text)] or [file.stem]
    href = f"/docs/{file.relative_to(folder).as_posix().removesuffix('.md')}"
    return Doc(href, title, tuple(headings), text.lower())


def _said(heading: str, language: Language) -> str:
    """A heading in a language; those of the reference say both, as `命令 · Commands`."""
    zh, both, en = heading.replace("`", "").partition(" · ")
    return en if both and language == "en" else zh
