"""Markdown that reads well unrendered: headings, tables, and texts in both languages in one line."""

from collections.abc import Iterable, Sequence

from cloudhall.kernel.text import T

GENERATED = "<!-- Written by `make docs` from the declarations; a change by hand is lost. -->\n"


def page(title: T, about: T, *blocks: str) -> str:
    """Lay out a page: title, what it holds in both languages, then blocks with a blank line between."""
    return "\n".join([GENERATED, f"# {both(title)}\n", f"{about.zh}\n", f"{about.en}\n", *blocks])


def both(text: T) -> str:
    """Both languages in one line; once where they are the same."""
    return text.zh if text.zh == text.en else " · ".join(filter(None, text))


def code(text: object) -> str:
    """Text as code; nothing for nothing."""
    return f"`{text}`" if str(text) else ""


def codes(words: Iterable[object]) -> str:
    """Several words as code."""
    return ", ".join(map(code, words))


def heading(level: int, text: str) -> str:
    """A heading with the blank line that follows it."""
    return f"{'#' * level} {text}\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, or nothing where there are no rows."""
    lines = [_row(row) for row in rows]
    return "\n".join([_row(head), "|---" * len(head) + "|", *lines, ""]) if lines else ""


def section(level: int, title: str, body: str) -> str:
    """A heading with what stands below it, or nothing where that is empty."""
    return f"{heading(level, title)}\n{body}" if body else ""


def join(blocks: Iterable[str]) -> str:
    """Blocks that are there, apart from each other."""
    return "\n".join(filter(None, blocks))


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
