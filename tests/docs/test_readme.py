"""Both languages say the same: same headings, commands, tables and links; and what pages lead or point to exists."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHINESE = ".zh-CN"
ONE_LANGUAGE = ("docs/decisions/", "docs/reference/")  # records are in English, the reference has both in one
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("README.md")])
BOTH = [
    p for p in PAGES if "src" not in p.relative_to(ROOT).parts and (p.parent != ROOT or p.stem.startswith("README"))
]
ENGLISH = [p for p in BOTH if CHINESE not in p.name and not p.relative_to(ROOT).as_posix().startswith(ONE_LANGUAGE)]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


class Page(NamedTuple):
    """What the two must share."""

    levels: list[int]
    blocks: list[str]
    tables: list[tuple[int, int]]
    targets: list[str]


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def parse(text: str) -> Page:
    prose = without_code(text)
    tables = re.findall(r"(?:^\|.*\n)+", prose + "\n", re.MULTILINE)
    targets = [
        re.sub(r"\.zh-CN|(?<=\.)zh(?=\.png)|(?<=\.)en(?=\.png)", "", target.partition("#")[0])
        for target in LINK.findall(prose)
    ]
    return Page(
        levels=[len(marks) for marks in re.findall(r"^(#+) ", prose, re.MULTILINE)],
        blocks=[commands_of(*found) for found in re.findall(r"^```(.*?)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)],
        tables=[(len(t.splitlines()), t.splitlines()[0].count("|")) for t in tables],
        targets=sorted(filter(None, targets)),
    )


def commands_of(language: str, block: str) -> str:
    """A block without its comments and without what commands print: both are prose and may be in either language."""
    lines = [line for line in block.splitlines() if language != "console" or line.startswith(("$ ", "> "))]
    return "\n".join([language, *(re.sub(r"(^|\s+)#\s.*$", "", line).rstrip() for line in lines)])


@pytest.mark.parametrize("page", ENGLISH, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_both_languages_have_the_same_bones(page: Path) -> None:
    other = page.with_name(f"{page.stem}{CHINESE}.md")
    english, chinese = (parse(p.read_text("utf-8")) for p in (page, other))
    assert english._asdict() == chinese._asdict()
    assert english.levels[0] == 1
    assert other.name in page.read_text("utf-8")
    assert page.name in other.read_text("utf-8")


def test_no_page_is_in_chinese_alone() -> None:
    translated = {p.with_name(p.name.replace(CHINESE, "")) for p in BOTH if CHINESE in p.name}
    assert translated == set(ENGLISH)


def test_a_newcomer_is_told_to_run_and_to_test() -> None:
    blocks = "".join(parse((ROOT / "README.md").read_text("utf-8")).blocks)
    assert "make run" in blocks
    assert "make test" in blocks


def test_bones_see_what_differs() -> None:
    page = "# A\n\n## B\n\n```\nmake run  # starts\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[x](docs/x.md)\n"
    assert parse(page) == parse(page.replace("starts", "启动").replace("# A", "# 甲").replace("[x]", "[文]"))
    run = "```console\n$ ls\na\n```\n"
    assert parse(run) == parse(run.replace("a\n", "甲\n"))
    assert parse(run) != parse(run.replace("ls", "cd"))
    for left, right in (("## B", "### B"), ("make run", "make test"), ("| 1 | 2 |\n", ""), ("docs/x.md", "docs/y.md")):
        assert parse(page) != parse(page.replace(left, right)), left


def test_what_a_reader_is_told_to_type_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    benches = {path.stem.replace("_", "-") for path in (ROOT / "bench").glob("*.py")} | {"NAME"}
    for page in PAGES:
        text = page.read_text("utf-8")
        code = "\n".join(re.findall(r"`+[^`]+`+", text))
        told = set(re.findall(r"\bmake ([a-z][a-z-]*)", code))
        assert told <= targets, f"{page.name}: no make target {told - targets}"
        run = set(re.findall(r"bench/run ([A-Za-z0-9_-]+)", code))
        assert run <= benches, f"{page.name}: no measurement {run - benches}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = [link.partition("#") for link in LINK.findall(without_code(page.read_text("utf-8"))) if "://" not in link]
    dead = [target for target, _, _ in links if target and not (page.parent / target).exists()]
    assert dead == []
    for target, _, anchor in links:
        file = page.parent / target if target else page
        assert not anchor or file.suffix != ".md" or anchor in anchors(file), f"{target}#{anchor}"


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings as GitHub makes them: lower case, without punctuation, hyphens for blanks."""
    headings = re.findall(r"^#+ (.+)$", without_code(page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_pictures_are_small() -> None:
    pictures = list((ROOT / "docs/pictures").iterdir())
    assert {p.name for p in pictures} >= {"bucket.en.png", "bucket.zh.png"}
    assert sum(p.stat().st_size for p in pictures) <= 6 << 20


def test_every_make_target_says_what_it_does() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = re.findall(r"^([a-z-]+):.*$", makefile, re.MULTILINE)
    helped = re.findall(r"^([a-z-]+):.* ## \w", makefile, re.MULTILINE)
    assert targets == helped
    declared = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert declared
    assert set(declared[1].split()) == set(targets)
