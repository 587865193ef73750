"""The tutorial of the first domain, done as it says in a copy of the house: its files, its changes, its commands."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.docs import test_pages as pages
from tests.docs.terminal import Terminal, alike, steps_of
from tests.e2e.server import Server

ROOT = Path(__file__).resolve().parents[2]
WHOLE = os.environ.get("CLOUDHALL_CAMPAIGN") == "whole"
PAGES = sorted((ROOT / "docs/tutorials").glob("your-first-domain*.md"))[: None if WHOLE else 1]  # the English one
PART = re.compile(
    r"(?:^`([\w/.]+)`\n\n)?^(?:<!-- repeat -->\n)?```(python|diff|console)\n(.*?)^```", re.DOTALL | re.MULTILINE
)
pytestmark = pytest.mark.timeout(240)


class Part(NamedTuple):
    """A block of the page: a file, a change of one, or what is typed."""

    path: str
    form: str
    text: str
    whole: str


def parts_of(text: str) -> list[Part]:
    """Blocks in their order; a change without a path is one of the file before."""
    found: list[Part] = []
    for match in PART.finditer(text):
        path = match[1] or (found[-1].path if found and match[2] == "diff" else "")
        found.append(Part(path, match[2], match[3], match[0]))
    return found


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of what a checkout holds, with the environment of this one."""
    copy = tmp_path / "house"
    for name in ("src", "scripts", "tests", "pyproject.toml"):
        source = ROOT / name
        copy.mkdir(exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
    (copy / ".venv").symlink_to(Path(sys.prefix))
    return copy


def changed(text: str, diff: str) -> str:
    """Apply a change; what it stands beside must be there once."""
    old = "".join(line[1:] for line in diff.splitlines(keepends=True) if line[0] != "+")
    new = "".join(line[1:] for line in diff.splitlines(keepends=True) if line[0] != "-")
    assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
    return text.replace(old, new)


def do(part: Part, house: Path, terminal: Terminal, city: Server) -> list[str]:
    """Do what a block says; what came out otherwise."""
    if part.form == "console":
        return pages.follow(lambda command: typed(command, house, terminal, city), steps_of(part.whole))
    file = house / part.path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(changed(file.read_text("utf-8"), part.text) if part.form == "diff" else part.text, "utf-8")
    return []


def typed(command: str, house: Path, terminal: Terminal, city: Server) -> tuple[str, int]:
    """Type a command. What `make` would first bring up to date is up to date, and not this copy's to change."""
    if command == "make run":
        city.start()
        terminal.run(f"export CLOUDHALL_PORT={city.port}")
        return f"…\n{city.said()}", 0
    if command.startswith("make new-domain NAME="):
        script = [sys.executable, str(house / "scripts/new_domain.py"), command.rpartition("=")[2]]
        done = subprocess.run(script, capture_output=True, text=True, check=False, cwd=house)
        return done.stdout + done.stderr, done.returncode
    return terminal.run(command)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_first_domain_comes_out_as_the_page_says(page: Path, house: Path, tmp_path: Path) -> None:
    lang, home = pages.lang_of(page), tmp_path / "home"
    environ = {"CLOUDHALL_LANG": lang, "PYTHONPATH": str(house / "src")}
    city = Server(home / ".local/share/cloudhall", environ=environ)
    city.home.parent.mkdir(parents=True)
    terminal = Terminal(house, pages.environ_of(home, city.port, lang) | environ)
    try:
        for part in parts_of(page.read_text("utf-8")):
            assert do(part, house, terminal, city) == []
    finally:
        terminal.close()
        city.end()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_it_writes_passes_lint(page: Path, house: Path) -> None:
    for part in parts_of(page.read_text("utf-8")):
        if part.form != "console":
            do(part, house, None, None)  # type: ignore[arg-type]  # nothing is typed
    folders = ["src/cloudhall/installation.py", "src/cloudhall/drivers/screens", "src/cloudhall/domains/displays"]
    for command in (("ruff", "check"), ("ruff", "format", "--check"), ("mypy",)):
        program = Path(sys.executable).with_name(command[0])
        done = subprocess.run([program, *command[1:], *folders], cwd=house, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_a_change_that_does_not_fit_is_refused() -> None:
    assert changed("a\nb\n", " a\n+c\n") == "a\nc\nb\n"
    with pytest.raises(AssertionError):
        changed("b\n", " a\n+c\n")
    assert alike("…", "anything")
