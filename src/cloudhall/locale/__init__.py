"""Texts of the templates. English stands in the template and is the key; `zh_CN.toml` says the same in Chinese.

A flat file instead of gettext: both languages are complete by a test that reads the templates, there is no compiled
file to forget, no plural but English's own, and a translator needs an editor only. Texts from declarations, errors
and Python are `T` and never stand here. Placeholders are `{name}` and the same in both.
"""

import functools
import tomllib
from pathlib import Path

from cloudhall.kernel.text import Language

FILE = Path(__file__).parent / "zh_CN.toml"


@functools.cache
def chinese() -> dict[str, str]:
    """English text to Chinese, over all sections of the file."""
    sections = tomllib.loads(FILE.read_text("utf-8"))
    return {english: text for section in sections.values() for english, text in section.items()}


def say(language: Language, text: str, /, **values: object) -> str:
    """Return a template's text in one language; KeyError names an English text that nobody has translated."""
    said = text if language == "en" else chinese()[text]
    return said.format(**values) if values else said
