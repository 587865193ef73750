"""`make new-domain`: what it writes passes every check that the house makes, as it stands."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import new_domain
from tests.layout import rules

ROOT = new_domain.ROOT
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is committed and worked on, with two new domains in it."""
    copy = tmp_path_factory.mktemp("house")
    for name in ("src", "scripts", "tests/conftest.py", "tests/layout", "pyproject.toml"):
        source = ROOT / name
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
    subprocess.run(["git", "init", "--quiet", copy], check=True)
    for name in ("weather", "public_libraries_abc"):
        subprocess.run([sys.executable, copy / "scripts/new_domain.py", name], check=True, capture_output=True)
    return copy


def check(house: Path, *command: str) -> None:
    environ = {"PYTHONPATH": str(house / "src"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=house, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["weather", "public_libraries_abc"])
def test_style_types_and_its_own_tests_pass(house: Path, name: str) -> None:
    folders = (f"src/cloudhall/domains/{name}", f"tests/domains/{name}")
    check(house, "ruff", "check", *folders)
    check(house, "ruff", "format", "--check", *folders)
    check(house, "mypy", *folders)
    check(house, "pytest", "-q", f"tests/domains/{name}")


def test_the_layout_rules_hold(house: Path) -> None:
    new = ("domains/weather", "domains/public_libraries_abc")
    for rule in (rules.strange_domain_files, rules.wrong_quality_files, rules.long_code, rules.undeclared_dependencies):
        assert [breach for breach in rule(house) if any(name in breach for name in new)] == []


def test_two_new_domains_do_not_share_a_prefix(house: Path) -> None:
    records = house.glob("src/cloudhall/domains/*/*_record.py")
    prefixes = [line for path in records for line in path.read_text("utf-8").splitlines() if "prefix=" in line]
    assert len(prefixes) == len(set(prefixes)) == 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "is no name"),
        ("Weather", "is no name"),
        ("../x", "is no name"),
        ("class", "is no name"),
        ("identity", "already"),
    ],
)
def test_names_that_cannot_be_are_refused_in_one_line(name: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/new_domain.py", name], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_prefix_is_made_of_the_name_where_it_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_domain, "DOMAINS", tmp_path)
    (tmp_path / "one").mkdir()
    (tmp_path / "one/kind.py").write_text('prefix="we", prefix="wa"')
    assert new_domain.free_prefix("weather") == "wt"
    assert new_domain.free_prefix("wwe") == "ww"
    (tmp_path / "one/kind.py").write_text('prefix="zz"')
    assert new_domain.free_prefix("zzz") == "aa"
