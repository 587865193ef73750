"""Search, usage, audit with the verifier, explain, help, completion, and the bare interface."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.town import Town
from tests.cli.shell import Shell


def test_search_names_the_kind_as_it_is_typed(shell: Shell) -> None:
    shell.out("box create findable --size-gib 1")
    kind, name, id_, state = shell.out("search findab").strip().split("\t")
    assert (kind, name, state) == ("box", "findable", "ready")
    assert id_.startswith("bx-")
    assert shell.err("search nowhere-at-all -o table") == "Nothing to show\n"


def test_usage_tables(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.out("box create metered --size-gib 20")
    key, used, room, left, unit = shell.out("usage quotas").strip().split("\t")
    assert (key, unit) == ("box_gib", "GiB")
    assert int(used) + int(left) == int(room) == 100_000
    assert shell.out("usage quotas -o table").splitlines()[1].split()[-3] == "100,000"
    assert shell.out("usage --from -1d") == ""
    assert json.loads(shell.out("usage gaps --json"))["items"] == []
    read = shell.json("usage readings --meter town.box_gib --resource box/metered")
    assert read["items"] == []
    monkeypatch.delenv("CLOUDHALL_PROJECT")
    assert "cloudhall context project NAME" in shell.err("usage", code=2)


def test_a_proof_is_written_and_checked_offline(shell: Shell, tmp_path: Path) -> None:
    shell.out("box create proven --size-gib 1")
    shell.out("box seal proven")
    entries = [line.split("\t") for line in shell.out("audit list --resource box/proven").splitlines()]
    assert [e[3] for e in entries] == ["town.box:seal", "town.box:create"]
    proof, key = tmp_path / "proof.json", tmp_path / "key"
    key.write_text(shell.out("audit verify-key"))
    assert f"next: cloudhall verify {proof}" in shell.err(f"audit prove --resource box/proven --out {proof}")
    verify = [sys.executable, "-m", "cloudhall.verify", str(proof), "--key", str(key), "--lang", "en"]
    assert "0 failed" in subprocess.run(verify, capture_output=True, text=True, check=True).stdout
    one = json.loads(shell.out(f"audit prove {entries[0][0]}"))
    assert len(one["entries"]) == 1
    assert "Give a number or --resource" in shell.err("audit prove", code=2)


def test_the_verifier_answers_through_the_command_line(shell: Shell, tmp_path: Path) -> None:
    broken = tmp_path / "proof.json"
    broken.write_text("{}")
    shell.run(f"verify {broken} --lang en", code=1)
    shell.run("verify --no-such-option", code=2)


def test_audit_tables_have_names_and_pages(shell: Shell) -> None:
    for n in range(3):
        shell.out(f"box create audited-{n} --size-gib 1")
    found = shell.run("audit list --limit 2 -o table")
    lines = found.stdout.splitlines()
    assert lines[0].split() == ["No.", "When", "Who", "Action", "Resource", "Outcome"]
    assert "dev" in lines[1].split()
    assert "audited-2" in lines[1]
    assert "the newest 2; --limit shows more" in found.stderr
    assert "--all" not in found.stderr


def test_explaining_a_kind_a_field_and_a_permission(shell: Shell, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    told = shell.out("explain box")
    assert "Kind town.box, API /api/v1/boxes" in told
    assert "set by the action seal alone" in told
    assert shell.out("explain box.size_gib").startswith("box.size_gib – Size (1 to 1,000 GiB")
    assert "it has size_gib, grade" in shell.err("explain box.nothing", code=2)
    assert "developer" in shell.out("explain box --may create")
    monkeypatch.setenv("CLOUDHALL_TOKEN", town.token("viewer"))
    told = shell.run("explain box --may create", code=5).stdout
    assert "Who may" in told
    assert "dev" in told


def test_explaining_how_a_resource_stands(shell: Shell) -> None:
    shell.out("box create stand --size-gib 1")
    shell.out("lid create loose --box stand --no-fits")
    shell.err("wait lid loose --timeout 5s", code=3)
    told = shell.run("explain lid loose")
    assert told.stdout.splitlines()[0] == "lid loose  Needs attention"
    assert "does not fit (DoesNotFit)" in told.stdout
    assert "somebody to act: developer" in told.stdout
    assert "when something changes or somebody acts" in told.stdout
    assert "lid retry loose" in told.stderr
    shell.out("lid retry loose")
    assert "Everything is as it was decided" in shell.out("explain box stand")


def test_help_on_topics_and_commands(shell: Shell) -> None:
    codes = shell.out("help exit-codes")
    assert [line.split()[0] for line in codes.splitlines()[1:]] == list("01234567")
    assert "CLOUDHALL_TOKEN" in shell.out("help environment")
    assert shell.out("help box create") == shell.out("box create --help")
    assert shell.out("help") == shell.out("--help") == shell.out("")
    assert "topics are exit-codes" in shell.err("help nothing", code=2)


def test_the_bare_interface(shell: Shell, tmp_path: Path) -> None:
    body = tmp_path / "box.json"
    body.write_text(json.dumps({"name": "bare", "project": "census", "spec": {"size_gib": 2}}))
    assert json.loads(shell.out(f"api POST boxes --data @{body}"))["name"] == "bare"
    assert json.loads(shell.out("api GET /api/v1/boxes/bare?project=census"))["spec"]["size_gib"] == 2
    assert "cloudhall/" in shell.out("api GET audit/checkpoint")
    assert "METHOD: 'PUT' is none of" in shell.err("api PUT boxes", code=2)


def test_a_shell_completes_nouns_verbs_options_and_choices(shell: Shell) -> None:
    def completed(line: str) -> list[str]:
        env = {"_CLOUDHALL_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
        return [item.partition(",")[2] for item in shell.run("", env=env).stdout.split()]

    assert completed("cloudhall bo") == ["box"]
    assert completed("cloudhall box re") == ["resize"]
    assert completed("cloudhall box create --gr") == ["--grade"]
    assert completed("cloudhall box create --grade in") == ["internal"]


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion_scripts_are_accepted_by_their_shells(shell: Shell, name: str, tmp_path: Path) -> None:
    script = tmp_path / "completion"
    script.write_text(shell.out(f"completion {name}"))
    assert "_CLOUDHALL_COMPLETE" in script.read_text()
    if program := shutil.which(name):
        subprocess.run([program, "-n", script], check=True, env={"PATH": os.environ["PATH"]})


def test_a_decision_is_made_again_from_the_command_line(shell: Shell) -> None:
    shell.out("box create decided --size-gib 1")
    (idx, *_), *_ = (line.split("\t") for line in shell.out("audit list --resource box/decided").splitlines())
    told = shell.out(f"audit redecide {idx}").splitlines()
    assert told[0] == "Decided again from what was known then: allowed, as recorded"
    assert any(line.split()[-1] == "(town.box:create/developer)" for line in told)
    assert json.loads(shell.out(f"audit redecide {idx} --json"))["agrees"] is True
    assert shell.run("audit redecide 999999", code=6).stderr


def test_who_can_do_what_is_told_of_one_resource(shell: Shell) -> None:
    shell.out("box create shown --size-gib 1")
    told = shell.out("explain box shown --who")
    assert re.search(r"update +allowed", told)
    assert "A suspended account may do nothing" in told
    assert "Name one" in shell.err("explain box --who", code=2)
