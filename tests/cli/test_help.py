"""Help pages as they are printed, in both languages. `CLOUDHALL_GOLDEN=write` writes the files anew."""

import os
from pathlib import Path

import pytest

from cloudhall.cli.declared import catalogue_of
from cloudhall.cli.main import BUILT_IN, EXAMPLES
from cloudhall.cli.width import width
from cloudhall.installation import build_registry
from cloudhall.kernel.registry import Registry
from tests.api.town import TOWN
from tests.cli.shell import Shell

GOLDEN = Path(__file__).parent / "golden"
PAGES = {
    "root": "--help",
    "noun": "box --help",
    "list": "box list --help",
    "create": "box create --help",
    "update": "box update --help",
    "delete": "box delete --help",
    "action": "box resize --help",
    "login": "login --help",
    "wait": "wait --help",
    "usage": "usage --help",
    "exit-codes": "help exit-codes",
    "kind": "explain box",
}


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Return a shell that no server stands behind: help needs none."""
    monkeypatch.setenv("CLOUDHALL_URL", "http://127.0.0.1:1")
    return Shell(Registry([TOWN]))


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", PAGES)
def test_help_is_as_it_was(shell: Shell, name: str, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDHALL_LANG", language)
    printed = shell.out(PAGES[name])
    file = GOLDEN / f"{name}.{language}.txt"
    if os.environ.get("CLOUDHALL_GOLDEN") == "write":
        file.write_text(printed, "utf-8")
    assert printed == file.read_text("utf-8")


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_keeps_within_the_terminal(
    shell: Shell, columns: int, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("CLOUDHALL_LANG", language)
    for line in ("--help", "login --help", "context --help", "audit --help"):
        page = shell.out(line)
        prose = [line for line in page.splitlines() if "cloudhall " not in line]
        assert max(map(width, prose)) <= columns


def test_chinese_pages_hold_no_english_of_click(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDHALL_LANG", "zh")
    for line in PAGES.values():
        page = shell.out(line)
        for word in ("Usage", "Options", "Commands", "Show this", "default", "required"):
            assert word not in page, (line, word)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_kind_and_every_verb_has_a_page(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDHALL_LANG", language)
    shell = Shell(build_registry())
    for noun in shell.catalogue["nouns"]:
        page = shell.out(f"{noun} --help")
        verbs = [line.split()[0] for line in page.splitlines() if line.startswith("  ")]
        assert "list" in verbs
        for verb in verbs:
            assert f"cloudhall {noun} {verb}" in shell.out(f"{noun} {verb} --help")
        assert noun in shell.out(f"explain {noun}")


def test_what_nobody_may_do_is_not_offered(shell: Shell) -> None:
    page = shell.out("badge --help")
    assert "create" in page
    assert "update" not in page
    assert "no such command delete" in shell.err("badge delete x", code=2)


def test_a_word_that_is_taken_gets_its_domain(shell: Shell) -> None:
    assert "town-box" in catalogue_of(Registry([TOWN]), reserved=frozenset({"box"}))["nouns"]
    assert not set(shell.catalogue["nouns"]) & set(BUILT_IN)


def test_the_examples_of_the_root_are_commands_of_this_release(tmp_path: Path) -> None:
    shell = Shell(build_registry())
    for example in EXAMPLES:
        words = example.split()
        shell.out(" ".join([*words[: 2 if words[0] in shell.catalogue["nouns"] else 1], "--help"]))
