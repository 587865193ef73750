"""Passwords on the command line: one's own changed, somebody else's reset, a code used."""

from pathlib import Path

import pytest

from cloudhall.domains.identity import passwords
from cloudhall.sdk import config
from tests.api.town import Town
from tests.cli.shell import Shell

PASSWORD, OWN = "correct horse", "my own horse"


@pytest.fixture
def known(shell: Shell, town: Town, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Return the shell of the developer, logged in with a password."""
    hashed, person = passwords.hash_password(PASSWORD), town.people["dev"]
    town.kernel.store.write(lambda tx: passwords.store(tx, person, hashed, town.kernel.world.now_us())).result()
    for name in ("CLOUDHALL_TOKEN", "CLOUDHALL_PROJECT"):
        monkeypatch.delenv(name)
    shell.run("login dev --password-stdin", typed=PASSWORD)
    return shell


def test_ones_own_is_changed_with_the_old_one_and_the_log_in_ends(known: Shell) -> None:
    told = known.run("password change --stdin", typed=f"wrong horse\n{OWN}\n", code=4).stderr
    assert "Wrong log-in or password" in told
    told = known.run("password change --stdin", typed=f"{PASSWORD}\n{OWN}\n").stderr
    assert "next: cloudhall login" in told
    assert config.settings().token == ""
    known.run("login dev --password-stdin", typed=OWN)


def test_the_rule_is_said_at_the_option(known: Shell) -> None:
    told = known.run("password change --stdin", typed=f"{PASSWORD}\nshort\n", code=2).stderr
    assert "A password has 8 to 256 characters" in told


def test_a_code_opens_once_and_is_told_from_a_password(known: Shell, town: Town) -> None:
    town.grant(town.people["stranger"], "security_admin", "platform")
    security = {"CLOUDHALL_TOKEN": town.token("stranger")}
    given = dict(line.split("\t") for line in known.run("password reset dev", env=security).stdout.splitlines())
    assert given["person"] == "dev"
    assert "UNAUTHENTICATED" in known.err("whoami", code=4)  # every session ended
    told = known.run("login dev --password-stdin", typed=given["code"], code=4).stderr
    assert "cloudhall password choose" in told
    known.run("password choose --stdin", typed=f"{given['code']}\n{OWN}\n")
    known.run("password choose --stdin", typed=f"{given['code']}\n{OWN}\n", code=4)
    known.run("login dev --password-stdin", typed=OWN)


def test_an_administrators_is_refused_with_the_command_that_does_it(shell: Shell, town: Town) -> None:
    town.grant(town.people["viewer"], "security_admin", "platform")
    told = shell.run("password reset auditor", env={"CLOUDHALL_TOKEN": town.token("viewer")}, code=5).stderr
    assert "cloudhall reset-password auditor" in told


def test_nobody_is_asked_where_there_is_no_terminal(shell: Shell, tmp_path: Path) -> None:
    for verb in ("change", "choose"):
        assert "--stdin" in shell.err(f"password {verb}", code=2)
