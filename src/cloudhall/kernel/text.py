"""Text in both languages, at the place where it is said.

Titles, help and messages are `T(zh, en)`; templates alone use the catalogues in `locale/`.
"""

from typing import Literal, NamedTuple

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


class T(NamedTuple):
    """One text, Chinese first. `.format()` fills both; `.in_(language)` picks one."""

    zh: str
    en: str

    def in_(self, language: Language) -> str:
        """Return the text in one language."""
        return self.zh if language == "zh" else self.en

    def format(self, **values: object) -> "T":
        """Fill the same named values into both languages."""
        return T(self.zh.format(**values), self.en.format(**values))
