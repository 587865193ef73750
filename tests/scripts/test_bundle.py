"""A site without a network: what is packed, and that an installation asks no index when it has wheels."""

import base64
import hashlib
import itertools
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import bootstrap
import bundle

ROOT = bootstrap.ROOT
# A build backend of its own, so that the editable install of the trial needs nothing that is not in its wheelhouse.
BACKEND = """
import zipfile
def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "trial-1-py3-none-any.whl"
    with zipfile.ZipFile(folder + "/" + name, "w") as wheel:
        wheel.writestr("trial.pth", "")
        wheel.writestr("trial-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: trial\\nVersion: 1\\n")
        wheel.writestr("trial-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("trial-1.dist-info/RECORD", "")
    return name
"""
PROJECT = """
[project]
name = "trial"
version = "1"
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def wheel(folder: Path, name: str) -> str:
    """Make a wheel with one module; its SHA-256."""
    path = folder / f"{name}-1-py3-none-any.whl"
    content = f"NAME = {name!r}\n"
    digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
    info = f"{name}-1.dist-info"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(f"{name}.py", content)
        packed.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        packed.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr(f"{info}/RECORD", f"{name}.py,sha256={digest},{len(content)}\n{info}/RECORD,,\n")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A tree with our installer, one package in its lock, and that package's wheel beside it."""
    folder = tmp_path / "clone"
    (folder / "wheels").mkdir(parents=True)
    shutil.copytree(ROOT / "scripts", folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    sha256 = wheel(folder / "wheels", "onlyhere")
    (folder / "requirements.lock").write_text(f"onlyhere==1 \\\n    --hash=sha256:{sha256}\n")
    for name in ("dev.lock", "tools.lock"):
        (folder / name).write_text("")
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "backend.py").write_text(BACKEND)
    return folder


def install(clone: Path, index: str, wheelhouse: str) -> subprocess.CompletedProcess[str]:
    """Run the installer with the real uv, where each index that pip or uv could ask is `index`."""
    uv = Path(bootstrap.find_uv()).parent
    asked = dict.fromkeys(("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "PIP_EXTRA_INDEX_URL", "UV_INDEX"), index)
    environ = {"PATH": f"{uv}:/usr/bin:/bin", "HOME": str(clone.parent), "UV_CACHE_DIR": str(clone.parent / "cache")}
    environ |= asked | ({"WHEELHOUSE": wheelhouse} if wheelhouse else {})
    command = [sys.executable, str(clone / "scripts/bootstrap.py"), "run"]
    return subprocess.run(command, cwd=clone, env=environ, capture_output=True, text=True, timeout=60, check=False)


def test_wheels_install_where_no_index_can_be_reached(clone: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}/simple"
    assert install(clone, dead, "").returncode != 0
    done = install(clone, dead, "wheels")
    assert done.returncode == 0, done.stderr
    said = subprocess.run(
        [clone / ".venv/bin/python", "-c", "import onlyhere; print(onlyhere.NAME)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "onlyhere\n"


def test_a_wheel_that_is_not_the_locked_one_is_refused(clone: Path) -> None:
    with zipfile.ZipFile(clone / "wheels" / "onlyhere-1-py3-none-any.whl", "a") as packed:
        packed.writestr("more.py", "")
    done = install(clone, "http://127.0.0.1:9/simple", "wheels")
    assert (done.returncode != 0, "hash" in done.stderr.lower()) == (True, True), done.stderr
    assert not (clone / ".venv/.cloudhall").exists()


def test_a_folder_without_wheels_is_told_in_one_line(clone: Path) -> None:
    done = install(clone, "http://127.0.0.1:9/simple", "nowhere")
    assert (done.returncode, done.stderr.count("\n"), "nowhere" in done.stderr) == (1, 1, True)


def test_pip_is_told_to_take_wheels_alone_and_check_them(tmp_path: Path) -> None:
    for machine in bundle.MACHINES:
        words = bundle.download(machine, tmp_path)
        assert {"--require-hashes", "--no-deps"} <= set(words)
        options = list(itertools.pairwise(words))
        assert ("--only-binary", ":all:") in options
        assert [v for o, v in options if o == "--requirement"] == [str(ROOT / lock) for lock in bundle.LOCKS]
        platforms = [v for o, v in options if o == "--platform"]
        assert all(p.endswith(f"_{machine}") for p in platforms)
        assert platforms[0] == f"manylinux_2_28_{machine}"


def test_the_archive_holds_the_tree_the_wheels_and_one_script(tmp_path: Path) -> None:
    folder = tmp_path / "cloudhall-1"
    (folder / "wheelhouse").mkdir(parents=True)
    bundle.unpack_sources(folder)
    archive = bundle.packed(folder, "py311")
    with tarfile.open(archive) as tar:
        names = set(tar.getnames())
    tracked = subprocess.run(
        ["git", "ls-tree", "-r", "--name-only", "-z", "HEAD"], cwd=ROOT, capture_output=True, check=True
    )
    assert {f"cloudhall-1/{name}" for name in tracked.stdout.decode().split("\0") if name} <= names
    assert [p.name for p in tmp_path.iterdir()] == [archive.name]


def test_the_script_installs_from_beside_it_and_starts(tmp_path: Path) -> None:
    """Its Python and its program are stand-ins that say how they were called."""
    start, said = tmp_path / "start", tmp_path / "said"
    start.write_text(bundle.START)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    for program in (tmp_path / "python", tmp_path / ".venv/bin/cloudhall"):
        program.write_text(f'#!/bin/sh\necho "$WHEELHOUSE $*" >> {said}\n')
        program.chmod(0o755)
    environ = {"PATH": os.environ["PATH"], "PYTHON": str(tmp_path / "python")}
    subprocess.run(["sh", str(start), "--port", "9000"], cwd="/", env=environ, check=True)
    assert said.read_text() == f"{tmp_path}/wheelhouse scripts/bootstrap.py run\n run --port 9000\n"
