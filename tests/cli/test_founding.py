"""Founding and resetting on the data folder itself, and what the server says of a folder that nobody founded."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudhall.cli.declared import catalogue_of
from cloudhall.cli.main import BUILT_IN
from cloudhall.domains.identity.founding import founded
from cloudhall.domains.identity.organisation import Organisation
from cloudhall.domains.identity.person import Person
from cloudhall.installation import build_registry
from cloudhall.kernel import places
from cloudhall.kernel.kernel import Kernel
from cloudhall.server import offline
from tests.cli.shell import Shell
from tests.e2e.server import PROGRAM, environment

NAMES = "--organisation city --title-zh 某市 --title-en City"
THREE = "--system-admin zhou --security-admin liang --audit-admin he"
ROLE = {"zhou": "system_admin", "liang": "security_admin", "he": "audit_admin"}


@pytest.fixture
def shell() -> Shell:
    return Shell(build_registry())


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("CLOUDHALL_HOME", str(home))
    return home


def codes(printed: str) -> dict[str, str]:
    """Code by log-in, as a pipe gets them."""
    return {
        row[0]: next(word for word in row if word.startswith("chc_")) for row in map(str.split, printed.splitlines())
    }


def roles(kernel: Kernel, login: str) -> dict[str, frozenset[str]]:
    tx = kernel.store.read()
    (person,) = kernel.tables[Person].named(tx, login)
    return dict(places.granted(tx, person.id, kernel.world.now_us()))


def test_it_makes_an_organisation_and_three_administrators(shell: Shell, home: Path) -> None:
    done = shell.run(f"found {NAMES} {THREE} --system-admin-name 周航")
    assert set(codes(done.stdout)) == set(ROLE)
    assert "next: cloudhall run" in done.stderr
    with offline(home) as kernel:
        tx = kernel.store.read()
        assert founded(kernel)
        (city,) = kernel.tables[Organisation].named(tx, "city")
        assert (city.spec.title_zh, city.spec.title_en) == ("某市", "City")
        for login, role in ROLE.items():
            assert roles(kernel, login) == {role: frozenset({places.PLATFORM})}
        assert kernel.tables[Person].named(tx, "zhou")[0].spec.display_name == "周航"
        assert kernel.tables[Person].named(tx, "he")[0].spec.display_name == "he"


def test_it_founds_once(shell: Shell, home: Path) -> None:
    shell.out(f"found {NAMES} {THREE}")
    again = shell.err(f"found {NAMES} --system-admin a --security-admin b --audit-admin c", code=7)
    assert "founded already (CONFLICT)" in again
    with offline(home) as kernel:
        assert not kernel.tables[Person].named(kernel.store.read(), "a")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"{NAMES} --system-admin zhou --security-admin zhou --audit-admin he", "--security-admin"),
        (f"{NAMES} --system-admin Zhou --security-admin liang --audit-admin he", "--system-admin"),
        (f"--organisation City --title-zh 某市 {THREE}", "--organisation"),
        (f"{NAMES} --system-admin zhou --security-admin liang", "--audit-admin"),
        (f"{NAMES} {THREE} --audit-admin-name {'x' * 81}", "--audit-admin-name"),
    ],
)
def test_what_is_wrong_is_said_by_its_option_and_nothing_is_made(
    shell: Shell, home: Path, line: str, said: str
) -> None:
    assert said in shell.err(f"found {line}", code=2)
    with offline(home) as kernel:
        assert not kernel.store.read().execute("SELECT 1 FROM identity_organisation").fetchone()


def test_a_code_is_made_anew_on_the_server(shell: Shell, home: Path) -> None:
    first = codes(shell.out(f"found {NAMES} {THREE}"))
    second = codes(shell.out("reset-password he"))
    assert second["he"] != first["he"]
    assert "There is no log-in nobody (NOT_FOUND)" in shell.err("reset-password nobody", code=6)


def test_where_no_installation_is_none_is_made(shell: Shell, home: Path) -> None:
    assert "There is no installation in" in shell.err("reset-password he", code=6)
    assert not home.exists()


@pytest.fixture
def held(home: Path) -> Iterator[None]:
    """Somebody works on the folder."""
    with offline(home):
        yield


@pytest.mark.parametrize("line", [f"found {NAMES} {THREE}", "reset-password he"])
def test_while_a_server_holds_the_folder_it_is_refused(shell: Shell, held: None, line: str) -> None:
    told = shell.err(line, code=7)
    assert "Another Cloudhall runs on" in told
    assert "(CONFLICT)" in told


@pytest.mark.parametrize("line", ["found --help", "reset-password --help", "password --help", "password reset --help"])
def test_help_brings_nothing_heavy(line: str) -> None:
    script = f"import sys; sys.argv[1:] = {line.split()!r}\nfrom cloudhall.cli.main import main\ntry: main()\n"
    script += "except SystemExit: print(sorted({'argon2', 'cryptography', 'starlette', 'sqlite3'} & set(sys.modules)))"
    done = subprocess.run([PROGRAM.with_name("python"), "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_program_itself_does_it(tmp_path: Path) -> None:
    words = [str(PROGRAM), "found", *f"{NAMES} {THREE}".split(), "--home", str(tmp_path / "own")]
    done = subprocess.run(words, env=environment(tmp_path, 1), capture_output=True, text=True, check=True)
    assert set(codes(done.stdout)) == set(ROLE)
    assert f"next: cloudhall run --home {tmp_path / 'own'}" in done.stderr


def test_both_are_commands_of_their_own() -> None:
    assert {"found", "reset-password", "password"} <= set(BUILT_IN)
    assert not {"found", "password"} & set(catalogue_of(build_registry(), reserved=frozenset())["nouns"])
