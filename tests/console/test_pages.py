"""Every page in both languages: whole, marked up soundly, nothing inline, no word left over from the other language."""

import gzip
import re
from collections.abc import Iterator

import pytest

from cloudhall.kernel.text import Language
from tests.console.markup import ALIEN, Markup
from tests.console.yard import Shed, Tool, Visitor, Yard

# What reads the same in Chinese: names of ours and of the field, and what people have named.
SAME = re.compile(
    r"zq-\w+|zzz|pe-root|devon|vera|stan|audra|admina|secura|bureau|north|south|Devon|North yard"
    r"|[Cc]loudhall\w*|Python|cryptography|JSON|SHA|CSV|XLSX|UTC|GiB|MiB|KiB|CNY|\bEN\b|[\w-]+\.(?:py|json)"
    r"|stats-2026|storage\.[\w.:*]+|\*:read|\b[a-z]{2}-[0-9a-z]{17}\b|执行 [a-z]+|\bPIN\b|testclient|CLOUDHALL_ADDRESS"
)
NAMES = re.compile(r"德文|薇拉|斯坦|奥德拉|阿德明|塞库拉|园林局|北苑|南苑")
OURS = {"zh": SAME, "en": NAMES}
PATHS = (
    *("/", "/login", "/search", "/search?q=zq-one", "/search?q=zq-nothing", "/zq-nowhere"),
    *("/password", "/security", "/security/others"),
    *("/sheds", "/sheds?colour=red", "/sheds?colour=blue", "/sheds?q=zzz", "/sheds?sort=name", "/tools", "/signs"),
    *("/organisations", "/projects", "/people", "/grants", "/tokens", "/quota-limits", "/service-accounts"),
    *("/operations", "/sheds:create", "/tools:create", "/signs:create", "/grants:create", "/tokens:create"),
    *("/sheds/{one}", "/sheds/{two}", "/sheds/{one}:update", "/sheds/{one}:delete", "/sheds/{one}:paint"),
    *(
        "/sheds/{one}:lock",
        "/sheds/zq-on",
        "/tools/{tool}",
        "/tools/{tool}:delete",
        "/people/{me}",
        "/projects/{north}",
    ),
    *("/audit", "/audit?resource=zq-one", "/audit?actor=nobody-there", "/audit/{entry}", "/audit/999999"),
)


@pytest.fixture
def full(yard: Yard) -> tuple[Yard, dict[str, str]]:
    """A yard in which every page has something to show, and the ids in its addresses."""
    one, two = yard.shed("zq-one", note="zq-note"), yard.shed("zq-two", colour="red", roofed=False)
    tool = yard.make(Tool, "zq-tool", "north", {"shed": one})
    yard.change(Shed, one, area_m2=30)
    yard.settle()
    (found,) = yard.kernel.audit.search(yard.kernel.store.read(), resource=one, limit=1)
    ids = {"one": one, "two": two, "tool": tool, "me": yard.people["devon"], "north": yard.north}
    return yard, ids | {"entry": str(found.idx)}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_page_has_a_word_of_the_other_language(full: tuple[Yard, dict[str, str]], language: Language) -> None:
    for path, visitor in visits(*full, language):
        page = Markup(visitor.html)
        assert page.lang == ("zh-CN" if language == "zh" else "en")
        assert visitor.headers["content-language"] == language
        for text in page.texts:
            left = OURS[language].sub("", text)
            assert not ALIEN[language].search(left), f"{path}: {text!r}"
            assert not re.search(r"\bNone\b(?! yet)", text), f"{path}: {text!r}"
            assert "T(zh=" not in text, f"{path}: {text!r}"


def test_every_page_is_sound(full: tuple[Yard, dict[str, str]]) -> None:
    for path, visitor in visits(*full, "en"):
        page = Markup(visitor.html)
        assert page.open == [], path
        ids = page.values("id")
        assert len(ids) == len(set(ids)), path
        assert sum(tag == "h1" for tag, _ in page.tags) == 1, path
        assert not page.values("style"), path
        assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")], path
        assert not [attrs for tag, attrs in page.tags if tag == "style"], path
        for target in (*page.values("href"), *page.values("src"), *page.values("action")):
            assert target.startswith(("/", "#")), f"{path}: {target}"
        labelled = set(page.values("for"))
        for tag, attrs in page.tags:
            if tag in {"input", "select", "textarea"} and attrs.get("type") not in {"hidden", "radio", "checkbox"}:
                assert attrs["id"] in labelled, f"{path}: {attrs}"
        for name in ("aria-describedby", "aria-labelledby"):
            assert set(page.values(name)) <= set(ids), path


def test_every_answer_carries_a_strict_policy(full: tuple[Yard, dict[str, str]]) -> None:
    for path, visitor in visits(*full, "en"):
        policy = visitor.headers["content-security-policy"]
        assert "default-src 'self'" in policy, path
        assert "unsafe" not in policy, path
        assert visitor.headers["x-content-type-options"] == "nosniff", path
        assert visitor.headers["cache-control"] == "no-store", path
        assert visitor.headers["request-id"] in visitor.html, path


def test_only_what_is_current_is_marked_so(full: tuple[Yard, dict[str, str]]) -> None:
    yard, ids = full
    visitor = yard.visitor("devon")
    for path in ("/sheds", f"/sheds/{ids['one']}", "/sheds:create"):
        visitor.open(path)
        side = visitor.html.partition('id="nav"')[2].partition("</nav>")[0]
        current = re.findall(r'<a href="([^"]+)" aria-current="page"', side)
        assert current == ["/sheds"], path


def test_a_hundred_rows_are_light(yard: Yard) -> None:
    for i in range(105):
        yard.make(
            Shed, f"zq-{i:03}", ("north", "south")[i % 2], {"area_m2": 1 + i % 7, "colour": ("red", "blue")[i % 2]}
        )
    yard.settle()
    visitor = yard.visitor("vera")
    html = visitor.open("/sheds")
    assert html.count('<td class="name">') == 100
    assert len(gzip.compress(html.encode())) <= 100_000


def visits(yard: Yard, ids: dict[str, str], language: Language) -> Iterator[tuple[str, Visitor]]:
    for login in ("devon", "vera", "audra", "secura"):
        visitor = yard.visitor(login, language)
        for path in PATHS:
            visitor.open(path.format(**ids))
            assert visitor.status in {200, 403, 404}, f"{login} {path}: {visitor.status}"
            yield f"{login} {path}", visitor
