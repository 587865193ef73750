"""`make new-domain`: what it writes passes every check that the house makes, and the kernel serves it, as it stands."""

import importlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cloudhall.domains
import new_domain
from cloudhall.domains import identity
from cloudhall.domains.identity.organisation import Organisation
from cloudhall.domains.identity.project import Project
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.errors import Conflict
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.registry import AnyKind, Registry
from tests.layout import rules

ROOT = new_domain.ROOT
NAMES = ("weather", "public_libraries_abc")
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is committed and worked on, with two new domains in it."""
    copy = tmp_path_factory.mktemp("house")
    for name in ("src", "scripts", "tests/conftest.py", "tests/kit", "tests/layout", "pyproject.toml"):
        source = ROOT / name
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
    subprocess.run(["git", "init", "--quiet", copy], check=True)
    for name in NAMES:
        subprocess.run([sys.executable, copy / "scripts/new_domain.py", name], check=True, capture_output=True)
    return copy


def check(house: Path, *command: str) -> None:
    environ = {"PYTHONPATH": str(house / "src"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=house, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_style_types_and_its_own_tests_pass(house: Path, name: str) -> None:
    folders = (f"src/cloudhall/domains/{name}", f"tests/domains/{name}")
    check(house, "ruff", "check", *folders)
    check(house, "ruff", "format", "--check", *folders)
    check(house, "mypy", *folders)
    check(house, "pytest", "-q", f"tests/domains/{name}")


def test_the_layout_rules_hold(house: Path) -> None:
    for rule in (rules.strange_domain_files, rules.wrong_quality_files, rules.long_code, rules.undeclared_dependencies):
        assert [breach for breach in rule(house) if any(f"domains/{name}" in breach for name in NAMES)] == []


def test_the_kernel_serves_both_beside_the_others(house: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloudhall.domains, "__path__", [*cloudhall.domains.__path__, f"{house}/src/cloudhall/domains"])
    weather, libraries = (importlib.import_module(f"cloudhall.domains.{name}").DOMAIN for name in NAMES)
    kernel = Kernel(Registry((identity.DOMAIN, weather, libraries)), tmp_path / "home")
    assert [d.kinds[0].meta.plural for d in (weather, libraries)] == ["weather-records", "public-libraries-abc-records"]
    grants = [("g1", "pe-me", "system_admin", "platform"), ("g2", "pe-me", "developer", "platform")]
    kernel.store.write(lambda tx: tx.executemany("INSERT INTO role_grant VALUES (?, ?, ?, ?, NULL)", grants)).result()

    def do(kind: AnyKind, verb: str, place: str, **what: Any) -> dict[str, Any]:
        command = Command(kind=kind, verb=verb, place=place, **what)
        return kernel.execute(Caller(id="pe-me"), command).result(timeout=10).body

    organisation = do(Organisation, "create", "", **Organisation.meta.demo[0])
    project = do(Project, "create", organisation["id"], **Project.meta.demo[0])["id"]
    for record in (weather.kinds[0], libraries.kinds[0]):
        made = do(record, "create", project, **record.meta.demo[0])
        assert made["kind"] == record.meta.key
        assert do(record, "close", project, target="first", args={})["spec"]["closed"] is True
        with pytest.raises(Conflict, match="closed already"):
            do(record, "close", project, target="first", args={})
    kernel.stop()


def test_two_new_domains_do_not_share_a_prefix(house: Path) -> None:
    records = house.glob("src/cloudhall/domains/*/record.py")
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
    monkeypatch.setattr(new_domain, "DOMAINS", tmp_path / "domains")
    (tmp_path / "kind.py").write_text('prefix="we", prefix="wa"')
    assert new_domain.free_prefix("weather") == "wt"
    assert new_domain.free_prefix("wwe") == "ww"
    (tmp_path / "kind.py").write_text('prefix="zz"')
    assert new_domain.free_prefix("zzz") == "aa"
