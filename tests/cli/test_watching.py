"""`--watch` in a pipe and on a terminal."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.cli.shell import Shell
from tests.cli.test_terminal import Terminal

RUN = [sys.executable, "-u", "-c", "from cloudhall.cli.main import main; main()"]


@contextmanager
def piped(line: str) -> Iterator[Callable[[], str]]:
    """Watch in a pipe; gives what reads the next line."""
    with subprocess.Popen([*RUN, *line.split()], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline
        process.terminate()


def make(shell: Shell, name: str, purpose: str) -> None:
    shell.out(f"service-account create {name} --purpose", purpose)


def test_a_pipe_gets_what_there_is_and_then_what_changes(shell: Shell) -> None:
    make(shell, "watched", "one")
    with piped("service-account list --matching watched --watch --json=name,purpose") as line:
        assert json.loads(line()) == {"name": "watched", "purpose": "one"}
        make(shell, "elsewhere", "not looked for")
        shell.out("service-account update watched --purpose two")
        assert json.loads(line()) == {"name": "watched", "purpose": "two"}
        make(shell, "watched-too", "three")
        assert json.loads(line()) == {"name": "watched-too", "purpose": "three"}


def test_one_that_goes_ends_the_watch(shell: Shell) -> None:
    make(shell, "leaving", "soon")
    with piped("service-account get leaving --watch -o name") as line:
        assert line() == "leaving\n"
        shell.out("service-account delete leaving --yes")
        while said := line():  # once more while it is being deleted, perhaps
            assert said == "leaving\n"


def test_a_terminal_is_written_anew_in_place(shell: Shell) -> None:
    make(shell, "shown", "one")
    terminal = Terminal("service-account list --matching shown --watch")
    terminal.read_until("Ctrl-C ends this")
    make(shell, "shown-too", "two")
    assert "shown-too" in terminal.read_until("shown-too")
    assert "\x1b[3F\x1b[J" in terminal.text
    terminal.process.terminate()
    terminal.end()


def test_bare_json_on_a_terminal_says_which_fields_there_are(shell: Shell) -> None:
    make(shell, "fields", "none")
    terminal = Terminal("service-account get fields --json")
    assert terminal.end() == 0
    assert "--json=id,name" in terminal.text
