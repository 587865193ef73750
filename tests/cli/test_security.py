"""Second factors and sessions on the command line: set up, log in with a code, end what is open."""

from pathlib import Path

import pyotp
import pytest

from cloudhall.domains.identity import factors, passwords
from cloudhall.sdk import config
from tests.api.town import Town
from tests.cli.shell import Shell

PASSWORD = "correct horse"


@pytest.fixture
def known(shell: Shell, town: Town, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Return the shell of the developer, logged in with a password and without a second factor."""
    factors.reset_on_server(town.kernel, "dev")
    hashed, person = passwords.hash_password(PASSWORD), town.people["dev"]
    town.kernel.store.write(lambda tx: passwords.store(tx, person, hashed, town.kernel.world.now_us())).result()
    for name in ("CLOUDHALL_TOKEN", "CLOUDHALL_PROJECT"):
        monkeypatch.delenv(name)
    shell.run("login dev --password-stdin", typed=PASSWORD)
    return shell


def enrolled(shell: Shell) -> list[str]:
    """Recovery codes of somebody who has just set up codes of an app."""
    made = dict(line.split("\t") for line in shell.run("security codes --stdin", typed=PASSWORD).stdout.splitlines())
    assert made["uri"].startswith("otpauth://totp/Cloudhall:dev?secret=" + made["secret"])
    return shell.out(f"security confirm {pyotp.TOTP(made['secret']).now()}").split()


def test_codes_are_set_up_and_asked_for(known: Shell) -> None:
    assert "next: cloudhall security codes" in known.err("security show")
    first, second, *rest = enrolled(known)
    assert len(rest) == 8
    assert known.out("security show").splitlines() == ["Codes\tyes", "Recovery codes left\t10"]
    assert known.json("security show")["codes"] is True
    known.run("logout")
    told = known.run("login dev --password-stdin", typed=PASSWORD, code=2).stderr
    assert "--code" in told
    assert "The code is wrong" in known.run("login dev --password-stdin --code 000000", typed=PASSWORD, code=4).stderr
    assert config.settings().token == ""
    known.run(f"login dev --password-stdin --code {first}", typed=PASSWORD)
    known.run("login dev --password-stdin", typed=f"{PASSWORD}\n{second}\n")
    assert config.settings().token.startswith("chs_")


def test_recovery_codes_are_made_anew_and_codes_removed(known: Shell) -> None:
    old = enrolled(known)
    new = known.run("security recovery-codes --stdin", typed=old[0]).stdout.split()
    assert len(new) == 10
    assert "UNAUTHENTICATED" in known.run("security remove --stdin", typed=old[1], code=4).stderr
    known.run("security remove no-such-passkey --stdin", typed=PASSWORD, code=6)
    known.run("security remove --stdin", typed=PASSWORD)
    known.run("login dev --password-stdin", typed=PASSWORD)


def test_sessions_are_listed_and_ended(known: Shell) -> None:
    known.run("login dev --password-stdin", typed=PASSWORD)
    rows = [line.split("\t") for line in known.out("session list").splitlines()]
    assert {row[1] for row in rows} == {"password"}
    other = next(row[0] for row in rows if not row[5])
    assert "This one" in known.out("session list -o table")
    known.run("session end", code=2)
    known.run(f"session end {other}")
    known.run(f"session end {other}", code=6)
    assert "Sessions ended: 0" in known.err("session end --all")
    assert len(known.json("session list")) == 1


def test_a_security_administrator_ends_and_resets(known: Shell, town: Town) -> None:
    enrolled(known)
    town.grant(town.people["stranger"], "security_admin", "platform")
    security = {"CLOUDHALL_TOKEN": town.token("stranger")}
    assert known.run("session list --person dev", env=security).stdout
    known.run("session end --all --person dev", env=security)
    assert "UNAUTHENTICATED" in known.err("whoami", code=4)
    known.run("security reset dev", env=security)
    known.run("login dev --password-stdin", typed=PASSWORD)


def test_an_administrators_are_reset_on_the_server(shell: Shell, town: Town, tmp_path: Path) -> None:
    town.grant(town.people["viewer"], "security_admin", "platform")
    told = shell.run("security reset auditor", env={"CLOUDHALL_TOKEN": town.token("viewer")}, code=5).stderr
    assert "cloudhall reset-factors auditor" in told
    assert "There is no installation" in shell.run(f"reset-factors auditor --home {tmp_path}/none", code=6).stderr


def test_on_the_server_anybodys_are_taken_away(shell: Shell, tmp_path: Path) -> None:
    from cloudhall import server

    three = "--system-admin a1 --security-admin a2 --audit-admin a3"
    shell.run(f"found --organisation city --title-zh 市 {three} --home {tmp_path}")
    assert "second factors of a2" in shell.run(f"reset-factors a2 --home {tmp_path}").stderr
    shell.run(f"reset-factors nobody --home {tmp_path}", code=6)
    with server.offline(tmp_path) as kernel:
        found = kernel.audit.search(kernel.store.read(), limit=20)
        assert [f.leaf.actor for f in found if f.leaf.action == "identity.person:reset_factors"] == ["server"]


def test_an_administrator_is_told_what_to_set_up(shell: Shell, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(factors.RULE, factors.FOR_ADMINISTRATORS)
    monkeypatch.setenv("CLOUDHALL_TOKEN", town.token("admin"))
    told = shell.err("person list", code=5)
    assert "cloudhall security codes" in told


def test_nobody_is_asked_where_there_is_no_terminal(known: Shell) -> None:
    for verb in ("codes", "recovery-codes", "remove"):
        assert "--stdin" in known.run(f"security {verb}", code=2).stderr
