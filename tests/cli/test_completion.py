"""What Tab offers, in shells that really run, and how little is said where there is nothing to offer."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.cli.shell import Shell

PROGRAMS = str(Path(sys.executable).parent)
ASK = """
source <(cloudhall completion bash)
COMP_WORDS=({words}); COMP_CWORD={at}; COMPREPLY=()
_cloudhall_completion cloudhall 2>&1 || true
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def environ(**more: str) -> dict[str, str]:
    return {**os.environ, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}", **more}


def offered(line: str, env: Mapping[str, str] = {}) -> list[str]:
    """What bash offers after a line; one that ends in a space asks for the next word."""
    words = line.split()
    at = len(words) if line.endswith(" ") else len(words) - 1
    quoted = " ".join([*words, *(["''"] if line.endswith(" ") else [])])
    script = ASK.format(words=quoted, at=at)
    done = subprocess.run(
        ["bash", "--norc", "-c", script], capture_output=True, text=True, check=True, env=environ(**env)
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_offers_commands_options_values_and_names(shell: Shell) -> None:
    shell.run("service-account create offered --purpose import")
    assert {"get", "edit", "list"} <= set(offered("cloudhall bucket "))
    assert offered("cloudhall bucket list --gr") == ["--grade"]
    assert offered("cloudhall bucket list --grade se") == ["sensitive"]
    assert offered("cloudhall wait service-") == ["service-account"]
    assert offered("cloudhall explain bucket.gr") == ["bucket.grade"]
    assert offered("cloudhall service-account get off") == ["offered"]
    assert offered("cloudhall wait service-account off") == ["offered"]
    assert offered("cloudhall bucket list --project ce") == ["census"]
    assert offered("cloudhall bucket get x --json name,quo") == ["name,quota_gib"]


def test_without_a_server_nothing_is_said(shell: Shell) -> None:
    assert offered("cloudhall bucket get x", {"CLOUDHALL_URL": "http://127.0.0.1:1"}) == []


def test_zsh_and_fish_are_answered_in_their_own_ways(shell: Shell) -> None:
    def answer(form: str, words: str, at: str) -> str:
        asked = {"_CLOUDHALL_COMPLETE": form, "COMP_WORDS": words, "COMP_CWORD": at}
        return subprocess.run(
            ["cloudhall"], capture_output=True, text=True, check=True, env=environ(**asked, CLOUDHALL_LANG="zh")
        ).stdout

    assert "plain\nedit\n在编辑器中修改存储桶\n" in answer("zsh_complete", "cloudhall bucket ", "2")
    assert "edit" in answer("fish_complete", "cloudhall bucket ed", "ed")
