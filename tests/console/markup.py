"""What tests ask of a page's HTML: its texts, its attributes by tag, whether every element is closed, its script."""

import re
from html.parser import HTMLParser

HAN = re.compile(r"[\u3400-\u9fff]")
LATIN = re.compile(r"[A-Za-z]{3,}")
ALIEN = {"zh": LATIN, "en": HAN}
"""What a text of a language has no word in, once names are taken out of it."""
VOID = {"meta", "link", "input", "br"}


class Markup(HTMLParser):
    """What tests ask of a page: texts, attributes by tag, and whether every element is closed."""

    def __init__(self, html: str) -> None:
        """Read a page."""
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.lang = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if tag == "html":
            self.lang = given["lang"]
        if tag not in VOID:
            self.open.append("other" if given.get("lang") and tag != "html" else tag)
        self.texts += [given[name] for name in ("title", "placeholder", "aria-label") if name in given]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        last = self.open.pop()
        assert last in {tag, "other"}, f"<{last}> is closed by </{tag}>"

    def handle_data(self, data: str) -> None:
        # Code is for machines, and whatever names its own language is meant to be in it.
        if data.strip() and not {"code", "pre", "script", "other", "kbd", "text"} & set(self.open):
            self.texts.append(data.strip())

    def values(self, name: str) -> list[str]:
        return [attrs[name] for _, attrs in self.tags if name in attrs]
