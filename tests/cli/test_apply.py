"""apply, diff and -o yaml: files against a town that is really served."""

import json
from pathlib import Path

import pytest

from cloudhall.cli import plan, yaml_text
from cloudhall.cli.app import App
from cloudhall.cli.manifests import manifest_of
from cloudhall.sdk.errors import Misuse, Stale
from tests.cli.shell import Shell

CITY = """
kind: lid
name: top
spec:
  box: crate   # written before what it needs
---
kind: town.box
name: crate
labels: {team: stats}
spec:
  size_gib: 20
  tags: {a: "1", b: "2"}
  opens_at: 2026-12-31T16:00:00+08:00
"""


@pytest.fixture
def city(tmp_path: Path) -> Path:
    file = tmp_path / "city/all.yaml"
    file.parent.mkdir()
    file.write_text(CITY, "utf-8")
    return file


def left(shell: Shell, noun: str) -> list[str]:
    return shell.out(f"{noun} list -o name").split()


def test_a_plan_is_shown_then_done_and_the_second_time_nothing(shell: Shell, city: Path) -> None:
    dry = shell.run(f"apply -f {city} --dry-run")
    assert [line for line in dry.stdout.splitlines() if line[0] != " "] == [
        "+ create box crate  (census)",
        "+ create lid top  (census)  (checked once what it needs is there)",
    ]
    assert "    spec.size_gib: 20 GiB" in dry.stdout
    assert "spec.note" not in dry.stdout  # a default
    assert "2 to create, 0 to change, 0 unchanged" in dry.stderr
    assert "crate" not in left(shell, "box")
    assert shell.run(f"diff -f {city.parent}", code=1).stdout == dry.stdout
    done = shell.run(f"apply -f {city.parent} --yes --wait 10s")
    assert "Created box crate\nCreated lid top" in done.stderr
    assert shell.json("lid get top")["state"] == "ready"
    assert "Nothing to do" in shell.err(f"apply -f {city}")
    assert shell.run(f"diff -f {city}").stdout == ""

    city.write_text(CITY.replace("20", "30", 1).replace(', b: "2"', ""), "utf-8")
    assert shell.run(f"diff -f {city}", code=1).stdout.splitlines() == [
        "~ change box crate  (census)",
        "    spec.size_gib: 20 GiB → 30 GiB",
        "    spec.tags: a=1, b=2 → a=1",
    ]
    assert "Changed box crate" in shell.err(f"apply -f {city} --yes")
    assert shell.json("box get crate")["spec"]["tags"] == {"a": "1"}
    assert [row["act"] for row in json.loads(shell.out(f"apply -f {city} --dry-run --json"))] == ["unchanged"] * 2


def test_one_mistake_and_nothing_is_done(shell: Shell, city: Path) -> None:
    city.write_text(
        "kind: box\nname: fine\nspec: {size_gib: 1}\n---\n"
        "kind: box\nname: wrong\nspec: {size_gib: 1, colour: red}\n---\n"
        "kind: badge\nname: not-mine\n",
        "utf-8",
    )
    told = shell.run(f"apply -f {city} --yes", code=2)
    assert "Not in red" in told.stdout
    assert "2 refused; nothing was done" in told.stderr
    assert "fine" not in left(shell, "box")


def test_nobody_to_ask_is_told(shell: Shell, city: Path) -> None:
    assert "Add --yes" in shell.err(f"apply -f {city.parent} --no-input", code=2)


def test_what_changed_since_the_plan_is_not_written_over(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.out("box create raced --size-gib 1")

    class Done(Exception):
        """Ends the command."""

    def do(app: App, step: plan.Step) -> None:
        with pytest.raises(Stale):
            real(app, step._replace(now={**step.now, "revision": 1} if step.now else None))
        raise Done

    real = plan.do
    monkeypatch.setattr(plan, "do", do)
    with pytest.raises(Done):
        shell.run("apply -f - --yes", typed='{"kind": "box", "name": "raced", "spec": {"size_gib": 2}}')


def test_a_resource_as_yaml_is_what_apply_takes(shell: Shell, city: Path) -> None:
    shell.out("box create written --size-gib 5 --label team=us --tags k=v --note", "two\nlines: here")
    shell.out("lid create written --box written")
    text = shell.out("box get written -o yaml")
    assert yaml_text.read(text, "it") == [
        {
            "kind": "box",
            "name": "written",
            "project": "census",
            "labels": {"team": "us"},
            "spec": {
                "size_gib": 5,
                "grade": "internal",
                "note": "two\nlines: here",
                "tags": {"k": "v"},
                "colour": "brown",
            },
        }
    ]
    assert "box: written" in shell.out("lid get written -o yaml")
    city.write_text(shell.out("box list -o yaml") + "---\n" + shell.out("lid list -o yaml"), "utf-8")
    assert shell.run(f"diff -f {city}").stdout == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: box\nname: x\nname: y\n", "line 3: 'name' stands there twice"),
        ("kind: box\n  name: x\n", "line 2"),
        ("- 1\n", "must be keys and values"),
        ("kind: box\n", "name is missing"),
        ("kind: bux\nname: x\n", "there is no kind bux"),
        ("kind: box\nname: x\nspecs: {}\n", "there is no specs; known: kind, name, labels, spec, project"),
        ("kind: box\nname: x\nlabels: [a]\n", "labels must be a mapping of text to text"),
        ("kind: box\nname: x\n---\nkind: town.box\nname: x\n", "box x is there twice"),
        ("", "There are no manifests in"),
    ],
)
def test_mistakes_of_form_are_told_with_their_place(shell: Shell, city: Path, text: str, said: str) -> None:
    city.write_text(text, "utf-8")
    assert said in shell.err(f"diff -f {city}", code=2)


def test_scalars_are_those_of_yaml_1_2() -> None:
    text = "a: no\nb: 2026-12-31\nc: 010\nd: true\ne: ~\nf: 7\ng: 1:30\nh: '7'\ni:\n"
    assert yaml_text.read(text, "it") == [
        {"a": "no", "b": "2026-12-31", "c": "010", "d": True, "e": None, "f": 7, "g": "1:30", "h": "7", "i": None}
    ]
    odd = {"no": "no", "number": "7", "long": "x " * 80, "中文": "是", "empty": ""}
    assert yaml_text.read(yaml_text.written(odd), "it") == [odd]
    with pytest.raises(Misuse):
        yaml_text.read("!!python/object/apply:os.getcwd []", "it")


def test_a_ring_is_named(shell: Shell) -> None:
    ring = "kind: lid\nname: a\nspec: {box: a}\n---\nkind: box\nname: a\nspec: {size_gib: 1}\n"
    app = App(lambda: shell.catalogue)
    made = manifest_of(app, {"kind": "organisation", "name": "x", "organisation": "y"}, "f#1")
    other = manifest_of(app, {"kind": "organisation", "name": "y", "organisation": "x"}, "f#2")
    from cloudhall.cli.manifests import ordered

    with pytest.raises(Misuse, match="organisation x"):
        ordered([made, other])
    assert "+ create box a" in shell.run("apply -f - --dry-run", typed=ring).stdout
