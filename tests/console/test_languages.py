"""Every page template of the installation, in both languages: no word of the other, no link that leads nowhere.

What people have written is taken out of a text first; what remains is judged by its script. A template that no page
of the gallery shows is a failure too, so a new one cannot stay unread.
"""

import re
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from cloudhall.kernel.text import LANGUAGES, Language
from tests.console import gallery
from tests.console.gallery import Gallery, Shot
from tests.console.markup import HAN, LATIN, Markup

# What stands alone in a Chinese page and is no English: ours, units, programs, files, operations, addresses.
ALONE = re.compile(
    r"https?://\S+|[\w.-]+@[\w.-]+|/[\w/{}.:-]+|\b[a-z]{2}-[0-9a-z]{17}\b|\b[a-z]+(?:[._:][a-z_]+)+\b|\b[A-Z_]{3,}\b"
    r"|\b[\w-]+\.(?:json|py)\b|\b(?:zq|proof)[\w-]*|[Cc]loudhall\w*|[KMGT]iB|Gbit/s|Python|testclient|webhook|stats-2026|\*:read"
)
# What a Chinese sentence may say besides: names, which begin with a capital, and words that are typed as they are.
INSIDE = re.compile(
    r"\b[A-Z][\w.]*|storage\.\*|--[a-z]+|\bhttps?\b|资源的 [a-z_]+|numba|rclone|cryptography|boto/botocore#|boto3"
    r"|filer\.maxMB|volumeSizeLimitMB|\b(?:create|delete|observe)\b"
)
# Numbers of official documents, which stand as they were issued.
ISSUED = re.compile(r"\S+〔\d{4}〕\d+号|国务院令第\d+号|主席令第\S+号")
WORDS = {"zh": "zh-CN", "en": "en"}


@pytest.fixture(scope="module")
def hung() -> Iterator[Gallery]:
    with gallery.hung() as built:
        yield built


@pytest.fixture(scope="module")
def shots(hung: Gallery) -> dict[Language, list[Shot]]:
    return {language: list(hung.shots(language)) for language in LANGUAGES}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_template_is_shown(shots: dict[Language, list[Shot]], language: Language) -> None:
    shown = {template for shot in shots[language] for template in shot.templates}
    unseen = sorted({t.name for t in set(gallery.ALL) - shown} - gallery.ENGINE)
    assert not unseen, f"no page shows {unseen}: link to it, or add a scene to tests/console/gallery.py"


def test_every_link_of_every_page_leads_to_a_page(shots: dict[Language, list[Shot]]) -> None:
    """For each person: what is offered is there, and allowed."""
    lost = [f"{x.who} {x.address}: {x.status}" for x in shots["en"] if x.linked and x.status != HTTPStatus.OK]
    assert not lost, "\n".join(lost)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_has_a_word_of_the_other_language(
    hung: Gallery, shots: dict[Language, list[Shot]], language: Language
) -> None:
    names = re.compile("|".join(map(re.escape, gallery.data(hung))))
    found: dict[str, str] = {}
    for shot in shots[language]:
        html = re.sub("</?b>", "", shot.html) if shot.pattern == "/search?q" else shot.html  # it cuts names in pieces
        page = Markup(html)
        assert page.lang == WORDS[language], shot.address
        for text in page.texts:
            assert "T(zh=" not in text, f"{shot.address}: {text!r}"
            if alien(names.sub("", text), language):
                found.setdefault(text, f"{shot.who} {shot.address}: {text!r}")
    assert not found, "\n".join(found.values())


def alien(text: str, language: Language) -> bool:
    """Whether a text, freed of what people have written, has a word of the other language."""
    if language == "en":
        return bool(HAN.search(ISSUED.sub("", text)))
    return bool(LATIN.search(ALONE.sub("", INSIDE.sub("", text) if HAN.search(text) else text)))


@pytest.mark.parametrize(
    ("text", "language"),
    [("Audit", "zh"), ("删除 bucket", "zh"), ("needs attention，1 个", "zh"), ("Delete 存储桶", "en"), ("审计", "en")],
)
def test_a_word_that_is_left_over_is_found(text: str, language: Language) -> None:
    assert alien(text, language)


@pytest.mark.parametrize("text", ["storage.bucket:read", "12 GiB", "名称：zq-one", "任何 S3 客户端，例如 rclone"])
def test_names_are_no_words(text: str) -> None:
    assert not alien(text, "zh")
