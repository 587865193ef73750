"""Language and looks of a visit: what the cookies say, and the two doors that change them without scripts.

Nothing here is secret or personal; the cookies are readable by nobody's script all the same.
"""

from collections.abc import Mapping
from typing import NamedTuple

from cloudhall.kernel.text import LANGUAGES, Language

LANGUAGE_COOKIE = "lang"
LOOK_COOKIE = "look"
CONTRAST_COOKIE = "contrast"
TYPE_COOKIE = "type"
LOOKS = ("system", "light", "dark")


class Looks(NamedTuple):
    """`look` is one of `LOOKS`; high contrast and large type stand apart from it."""

    look: str = "system"
    high_contrast: bool = False
    large_type: bool = False


def looks_of(cookies: Mapping[str, str]) -> Looks:
    """Looks that the cookies ask for; what they do not know is the default."""
    look = cookies.get(LOOK_COOKIE, "")
    return Looks(
        look if look in LOOKS else LOOKS[0],
        cookies.get(CONTRAST_COOKIE) == "high",
        cookies.get(TYPE_COOKIE) == "large",
    )


def looks_asked(form: Mapping[str, str]) -> dict[str, str]:
    """Cookies to set for one press of a button of the looks menu; each button changes one thing."""
    choices = {LOOK_COOKIE: LOOKS, CONTRAST_COOKIE: ("normal", "high"), TYPE_COOKIE: ("normal", "large")}
    return {cookie: form[cookie] for cookie, known in choices.items() if form.get(cookie) in known}


def language_of(asked: str | None, cookies: Mapping[str, str], accept: str) -> Language:
    """`?lang=`, else the cookie, else the browser's first language of ours, else Chinese."""
    for text in (asked, cookies.get(LANGUAGE_COOKIE)):
        for language in LANGUAGES:
            if text == language:
                return language
    return _accepted(accept)


def _accepted(header: str) -> Language:
    """Order in the header decides; browsers write their preference so."""
    for item in header.split(","):
        primary = item.strip().lower().partition(";")[0].partition("-")[0]
        for language in LANGUAGES:
            if primary == language:
                return language
    return LANGUAGES[0]
