"""The ladder that installs: each rung taken away in turn, without a network."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bootstrap

ROOT = bootstrap.ROOT
LOCKS = ("requirements.lock", "dev.lock", "tools.lock")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the installer reads, in a folder of its own."""
    folder = tmp_path / "clone"
    (folder / "scripts").mkdir(parents=True)
    for name in ("pyproject.toml", *LOCKS, "scripts/bootstrap.py", "scripts/pip_settings.py"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


def broken_module(folder: Path, *names: str) -> Path:
    """Stand-ins on PYTHONPATH that shadow modules of the machine's Python."""
    for name in names:
        (folder / f"{name}.py").write_text(f"raise SystemExit('no {name} here')\n")
    return folder


def run(clone: Path, path: str, pythonpath: Path | None = None) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": path, "HOME": str(clone.parent)} | ({"PYTHONPATH": str(pythonpath)} if pythonpath else {})
    command = [sys.executable, str(clone / "scripts/bootstrap.py"), "run"]
    return subprocess.run(command, capture_output=True, text=True, env=environ, check=False)


def fake_uv(folder: Path, body: str) -> str:
    program = folder / "uv"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return str(folder)


RECORDS = 'echo "$@ [$UV_INDEX]" >> "$HOME/said"; case "$*" in *" venv "*) mkdir -p "$6" ;; esac'


def test_with_neither_pip_nor_venv_one_line_says_what_to_install(clone: Path, tmp_path: Path) -> None:
    done = run(clone, "/nowhere", broken_module(tmp_path, "pip", "venv"))
    assert done.returncode == 1
    assert done.stderr == bootstrap.NOTHING_TO_INSTALL_WITH + "\n"
    assert "apt-get install python3-venv" in done.stderr


def test_uv_on_path_installs_the_lock_hash_checked_then_the_project(clone: Path, tmp_path: Path) -> None:
    done = run(clone, fake_uv(tmp_path, RECORDS) + ":/usr/bin:/bin")
    assert done.returncode == 0, done.stderr
    said = (tmp_path / "said").read_text().splitlines()
    assert [line.split()[0] for line in said] == ["--version", "--quiet", "--quiet", "--quiet"]
    assert "venv --clear --python" in said[1]
    assert "pip sync --require-hashes" in said[2]
    assert said[2].split(" [")[0].endswith("requirements.lock")
    assert "--no-deps --no-build-isolation --editable" in said[3]


def test_index_settings_of_pip_reach_uv(clone: Path, tmp_path: Path) -> None:
    config = tmp_path / ".config/pip/pip.conf"
    config.parent.mkdir(parents=True)
    config.write_text("[global]\nextra-index-url = file:///srv/house\n")
    run(clone, fake_uv(tmp_path, RECORDS) + ":/usr/bin:/bin")
    assert (tmp_path / "said").read_text().count("[file:///srv/house]") == 3


def test_a_uv_that_fails_ends_with_its_words_and_leaves_no_stamp(clone: Path, tmp_path: Path) -> None:
    body = 'case "$*" in --version) ;; *sync*) echo "no such index" >&2; exit 2 ;; *" venv "*) mkdir -p "$6" ;; esac'
    done = run(clone, fake_uv(tmp_path, body) + ":/usr/bin:/bin")
    assert done.returncode == 2
    assert done.stderr.endswith("no such index\n")
    assert "Traceback" not in done.stderr
    assert not (clone / ".venv/.cloudhall").exists()


def test_a_uv_that_does_not_run_is_passed_over(clone: Path, tmp_path: Path) -> None:
    done = run(clone, fake_uv(tmp_path, "exit 1"), broken_module(tmp_path, "pip", "venv"))
    assert done.stderr == bootstrap.NOTHING_TO_INSTALL_WITH + "\n"


def test_pip_without_an_index_says_so(clone: Path, tmp_path: Path) -> None:
    pip = tmp_path / "pip.py"
    pip.write_text("import sys\nif '--version' not in sys.argv: sys.exit('ERROR: no route to the index')\n")
    broken_module(tmp_path, "venv")
    done = run(clone, "/nowhere", tmp_path)
    lines = done.stderr.splitlines()
    assert lines == [
        "Cloudhall: fetching uv with pip into .tools/",
        "ERROR: no route to the index",
        bootstrap.PIP_FAILED,
    ]


def test_this_environment_is_stamped_or_another_tool_made_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stamp = tmp_path / "stamp"
    monkeypatch.setattr(bootstrap, "STAMP", stamp)
    monkeypatch.setattr(bootstrap, "PYTHON", Path(sys.executable))
    assert not bootstrap._stamped("abc", "run")
    stamp.write_text("abc run\n")
    assert bootstrap._stamped("abc", "run")
    assert not bootstrap._stamped("abc", "test")
    stamp.write_text("abc test\n")
    assert bootstrap._stamped("abc", "run")
    assert not bootstrap._stamped("abd", "run")
    monkeypatch.setattr(bootstrap, "PYTHON", tmp_path / "gone")
    assert not bootstrap._stamped("abc", "run")


def test_an_old_python_is_told_in_one_line() -> None:
    """The interpreter is not here to try, so the check itself is run under another version number."""
    source = (ROOT / "scripts/bootstrap.py").read_text(encoding="utf-8")
    trial = source.replace("sys.version_info < (3, 11)", "sys.version_info < (99, 0)")
    done = subprocess.run([sys.executable, "-c", trial], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.fullmatch(r"Cloudhall needs Python 3\.11 or newer; \S+ is \d+\.\S+ Name another: .*\n", done.stderr)


@pytest.mark.parametrize("name", LOCKS)
def test_locks_hold_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    pins = re.findall(r"^[a-z0-9.-]+==\S+", text, re.MULTILINE)
    assert len(pins) == bootstrap.package_count(ROOT / name) > 0
    for block in re.split(r"\n(?=\S)", text.strip()):
        assert "--hash=sha256:" in block, block.splitlines()[0]
    options = set(re.findall(r"--[a-z-]+", text))
    assert options == {"--hash"}
    assert not re.search(r"://|file:|@ |/opt|/home|/root", text)


def test_the_program_and_its_tests_use_one_version_of_each_package() -> None:
    pins = [dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / n).read_text(), re.MULTILINE)) for n in LOCKS[:2]]
    run_pins, test_pins = pins
    assert run_pins.items() <= test_pins.items()
    assert not {"pytest", "ruff", "mypy", "awscli"} & run_pins.keys()


def test_the_environment_that_runs_these_tests_is_the_locked_one() -> None:
    from importlib.metadata import version

    pins = re.findall(r"^([a-z0-9.-]+)==(\S+) \\$", (ROOT / "dev.lock").read_text(), re.MULTILINE)
    assert {name: version(name) for name, _ in pins} == dict(pins)


def test_uv_downloads_no_python_and_touches_no_foreign_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", "/somewhere")
    environ = bootstrap.uv_environ()
    assert environ["UV_PYTHON_DOWNLOADS"] == "never"
    assert "VIRTUAL_ENV" not in environ
    assert environ["PATH"] == os.environ["PATH"]
