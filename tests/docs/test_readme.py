"""The two READMEs say the same: same headings, same commands; and what they tell a newcomer to type exists."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("README.md", "README.zh-CN.md")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("README.md")])
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
    return Page(
        levels=[len(marks) for marks in re.findall(r"^(#+) ", prose, re.MULTILINE)],
        blocks=[commands_of(block) for block in re.findall(r"^```.*?\n(.*?)^```", text, re.DOTALL | re.MULTILINE)],
        tables=[(len(t.splitlines()), t.splitlines()[0].count("|")) for t in tables],
        targets=sorted(t for t in LINK.findall(prose) if t not in NAMES),
    )


def commands_of(block: str) -> str:
    """A block without its comments, which are prose and may be in either language."""
    return "\n".join(re.sub(r"(^|\s+)#\s.*$", "", line).rstrip() for line in block.splitlines())


def test_both_languages_have_the_same_bones() -> None:
    english, chinese = (parse((ROOT / name).read_text("utf-8")) for name in NAMES)
    assert english._asdict() == chinese._asdict()
    assert english.levels[0] == 1
    assert "make run" in "".join(english.blocks)
    assert "make test" in "".join(english.blocks)


def test_bones_see_what_differs() -> None:
    page = "# A\n\n## B\n\n```\nmake run  # starts\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[x](docs/x.md)\n"
    assert parse(page) == parse(page.replace("starts", "启动").replace("# A", "# 甲").replace("[x]", "[文]"))
    for left, right in (("## B", "### B"), ("make run", "make test"), ("| 1 | 2 |\n", ""), ("docs/x.md", "docs/y.md")):
        assert parse(page) != parse(page.replace(left, right)), left


def test_what_a_reader_is_told_to_type_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    benches = {path.stem for path in (ROOT / "bench").glob("*.py")} | {"NAME"}
    for page in PAGES:
        text = page.read_text("utf-8")
        code = "\n".join(re.findall(r"`+[^`]+`+", text))
        told = set(re.findall(r"\bmake ([a-z][a-z-]*)", code))
        assert told <= targets, f"{page.name}: no make target {told - targets}"
        run = set(re.findall(r"bench/run ([A-Za-z0-9_]+)", code))
        assert run <= benches, f"{page.name}: no measurement {run - benches}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    targets = [t.partition("#")[0] for t in LINK.findall(without_code(page.read_text("utf-8")))]
    dead = [t for t in targets if t and "://" not in t and not (page.parent / t).exists()]
    assert dead == []


def test_every_make_target_says_what_it_does() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = re.findall(r"^([a-z-]+):.*$", makefile, re.MULTILINE)
    helped = re.findall(r"^([a-z-]+):.* ## \w", makefile, re.MULTILINE)
    assert targets == helped
    declared = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert declared
    assert set(declared[1].split()) == set(targets)
