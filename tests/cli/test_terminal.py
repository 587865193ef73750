"""On a real terminal: questions, colours, interruption."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest

from cloudhall.domains.identity import passwords
from cloudhall.sdk import config
from tests.api.town import Town
from tests.cli.shell import Shell

WITHIN_S = 20.0


class Terminal:
    """One command on a terminal of its own."""

    def __init__(self, line: str) -> None:
        self.fd, theirs = pty.openpty()
        command = [sys.executable, "-c", "from cloudhall.cli.main import main; main()", *line.split()]
        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
        os.close(theirs)
        self.text = ""

    def read_until(self, text: str) -> str:
        """Read on until a text was seen or nothing more can come."""
        until = time.monotonic() + WITHIN_S
        while text not in self.text and time.monotonic() < until and self._read():
            pass
        return self.text

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self.fd, line.encode() + b"\n")

    def end(self) -> int:
        """Read what is left and return the exit code."""
        self.read_until("\0")
        os.close(self.fd)
        return self.process.wait(WITHIN_S)

    def _read(self) -> bool:
        if not select.select([self.fd], [], [], 0.1)[0]:
            return True
        try:
            self.text += os.read(self.fd, 4096).decode()
        except OSError:  # EIO: nobody has the other side open any more
            return False
        return True


@pytest.fixture
def account(shell: Shell) -> str:
    """Return the name of a service account."""
    name = f"sa{time.monotonic_ns()}"
    shell.out(f"service-account create {name} --purpose import")
    return name


def test_deleting_asks_for_the_name(shell: Shell, account: str) -> None:
    shy = Terminal(f"service-account delete {account}")
    assert "Allowed: identity.service_account:delete" in shy.read_until("to confirm:")
    shy.type(account[:-1])
    assert shy.end() == 2
    assert "nothing changed" in shy.text
    sure = Terminal(f"service-account delete {account}")
    sure.read_until("to confirm:")
    sure.type(account)
    assert sure.end() == 0
    shell.run(f"wait service-account {account} --for deleted --timeout 20s")


def test_tables_are_coloured_unless_that_is_not_wanted(account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    coloured = Terminal(f"search {account}")
    assert coloured.end() == 0
    assert "\x1b[32mReady" in coloured.text
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        monkeypatch.setenv(name, value)
        plain = Terminal(f"service-account get {account}")
        assert plain.end() == 0
        assert "\x1b[" not in plain.text
        assert "Purpose   import" in plain.text
        monkeypatch.delenv(name)


def test_ctrl_c_ends_without_noise(account: str) -> None:
    waiting = Terminal(f"wait service-account {account} --for deleted")
    time.sleep(1)  # until it waits
    waiting.process.send_signal(signal.SIGINT)
    assert waiting.end() == 130
    assert re.sub(r"[^\n]*\r(?!\n)", "", waiting.text).split() == ["Interrupted"]  # the line that it showed is gone


def test_a_log_in_asks_and_does_not_echo(shell: Shell, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed, person = passwords.hash_password("correct horse"), town.people["viewer"]
    town.kernel.store.write(lambda tx: passwords.store(tx, person, hashed, town.kernel.world.now_us())).result()
    monkeypatch.delenv("CLOUDHALL_TOKEN")
    asked = Terminal("login")
    asked.read_until("Log-in:")
    asked.type("viewer")
    asked.read_until("Password:")
    asked.type("correct horse")
    assert asked.end() == 0
    assert "correct horse" not in asked.text
    assert config.settings().token.startswith("chs_")
