"""`edit` with editors that are scripts."""

import json
import sys
from pathlib import Path

import pytest

from tests.cli.shell import Shell


class Editor:
    """An editor that replaces texts, one list of them a visit, and keeps what it saw."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        script = folder / "editor.py"
        script.write_text(
            "import json, pathlib, sys\n"
            f"plan = pathlib.Path({str(folder / 'plan.json')!r})\n"
            "visits = json.loads(plan.read_text())\n"
            "file = pathlib.Path(sys.argv[1])\n"
            "text = file.read_text('utf-8')\n"
            f"seen = pathlib.Path({str(folder)!r})\n"
            "(seen / f'seen-{len(visits)}').write_text(text, 'utf-8')\n"
            "for old, new in visits.pop(0): text = text.replace(old, new)\n"
            "file.write_text(text, 'utf-8')\n"
            "plan.write_text(json.dumps(visits))\n",
            "utf-8",
        )
        monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")
        monkeypatch.delenv("VISUAL", raising=False)

    def will(self, *visits: list[tuple[str, str]]) -> None:
        """Say what to replace at each visit."""
        (self.folder / "plan.json").write_text(json.dumps(visits))

    def saw(self, visits_left: int) -> str:
        """Text as it was opened with so many visits to go, that one counted."""
        return (self.folder / f"seen-{visits_left}").read_text("utf-8")


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Editor:
    return Editor(tmp_path, monkeypatch)


def test_what_was_changed_is_sent_and_nothing_else(shell: Shell, editor: Editor) -> None:
    shell.out("box create edited --size-gib 5 --label team=us --label gone=soon --note old --tags a=1 --tags b=2")
    editor.will([("size_gib: 5", "size_gib: 6"), ("  note: old\n", ""), ("  gone: soon\n", ""), ("    b: '2'\n", "")])
    shell.out("box edit edited")
    assert editor.saw(1).startswith("# Change, save and leave")
    after = shell.json("box get edited")
    assert after["labels"] == {"team": "us"}
    assert (after["spec"]["size_gib"], after["spec"]["note"], after["spec"]["tags"]) == (6, "", {"a": "1"})


def test_left_as_it_is_nothing_is_sent(shell: Shell, editor: Editor) -> None:
    revision = json.loads(shell.out("box create same --size-gib 5 --json"))["revision"]
    editor.will([])
    assert "Nothing was changed" in shell.err("box edit same")
    assert shell.json("box get same")["revision"] == revision


def test_a_mistake_comes_back_with_what_was_typed(shell: Shell, editor: Editor) -> None:
    shell.out("box create mended --size-gib 5")
    editor.will(
        [("size_gib: 5", "size_gib: 5000")], [("size_gib: 5000", "size_gib: [")], [("size_gib: [", "size_gib: 7")]
    )
    shell.out("box edit mended")
    assert "/spec/size_gib" in editor.saw(2)
    assert "size_gib: 5000" in editor.saw(2)
    assert "line " in editor.saw(1)
    assert shell.json("box get mended")["spec"]["size_gib"] == 7


def test_giving_up_keeps_what_was_typed(shell: Shell, editor: Editor) -> None:
    shell.out("box create given-up --size-gib 5")
    editor.will([("size_gib: 5", "size_gib: 5000")], [])
    told = shell.err("box edit given-up", code=2)
    kept = Path(told.partition("kept in ")[2].splitlines()[0])
    assert "size_gib: 5000" in kept.read_text("utf-8")
    kept.unlink()


def test_somebody_elses_change_is_told_before_it_is_written_over(
    shell: Shell, editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.out("box create shared --size-gib 5")
    visits: list[str] = []

    def run(command: list[str | Path], *, check: bool) -> None:
        assert check
        file = Path(command[-1])
        visits.append(file.read_text("utf-8"))
        if len(visits) == 1:
            shell.out("box resize shared --size-gib 9")
        old, new = [("grade: internal", "grade: open"), ("size_gib: 5", "size_gib: 6")][len(visits) - 1]
        file.write_text(visits[-1].replace(old, new), "utf-8")

    monkeypatch.setattr("cloudhall.cli.editing.subprocess.run", run)
    shell.out("box edit shared")
    assert "# changed meanwhile: spec.size_gib: 5 → 9" in visits[1]
    after = shell.json("box get shared")["spec"]
    assert (after["grade"], after["size_gib"]) == ("open", 6)


def test_an_editor_that_is_not_there_is_told(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.out("box create alone --size-gib 5")
    monkeypatch.setenv("EDITOR", "no-such-editor")
    assert "The editor no-such-editor cannot be started" in shell.err("box edit alone", code=1)
