"""Packs Cloudhall for a site without a network: `make bundle`.

In `dist/`, one archive: the tree of the last commit, a wheelhouse for x86-64 and ARM with all that `make run` installs,
and `start`, which installs from it alone and starts. Every wheel is checked against its hash in a lock, here and there.

pip fetches, since uv cannot fetch for another machine; it reads its own settings. The wheels are for the Python that
runs this, and for glibc 2.28 or newer (2018); `make bundle PYTHON=python3.12` packs for another Python.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import bootstrap

MACHINES = ("x86_64", "aarch64")
GLIBC_MINORS = range(28, 4, -1)  # the newest first, as pip takes the first that fits
LEGACY = ("manylinux2014", "manylinux2010", "manylinux1", "linux")
LOCKS = ("requirements.lock", "tools.lock")
START = """#!/bin/sh
# Installs Cloudhall from the wheels beside it, without a network, and starts it. Words after it go to `cloudhall run`.
set -e
cd "$(dirname "$0")"
WHEELHOUSE="$PWD/wheelhouse" "${PYTHON:-python3}" scripts/bootstrap.py run
exec .venv/bin/cloudhall run "$@"
"""
NO_PIP = "Cloudhall packs its packages with pip or venv, and this Python has neither: apt-get install python3-venv"


def main() -> None:
    """Make the archive anew; the first step that fails ends the program with its words."""
    with (bootstrap.ROOT / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    folder = bootstrap.ROOT / "dist" / f"cloudhall-{version}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    unpack_sources(folder)
    pip = find_pip()
    for machine in MACHINES:
        print(f"fetching wheels for {machine}")
        if code := subprocess.run([*pip, *download(machine, folder / "wheelhouse")], check=False).returncode:
            sys.exit(code)
    start = folder / "start"
    start.write_text(START, encoding="ascii")
    start.chmod(0o755)
    archive = packed(folder, f"py{sys.version_info.major}{sys.version_info.minor}")
    with archive.open("rb") as file:
        print(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {archive.relative_to(bootstrap.ROOT)}")


def unpack_sources(folder: Path) -> None:
    """Lay out the tree of the last commit; what is not committed is in nobody's release."""
    archive = folder.with_name("sources.tar")
    command = ["git", "archive", "--output", str(archive), "HEAD"]
    if code := subprocess.run(command, cwd=bootstrap.ROOT, check=False).returncode:
        sys.exit(code)
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    archive.unlink()


def find_pip() -> list[str]:
    """Command of this Python's pip, else of one in `.tools/venv`."""
    own = bootstrap.TOOLS / "venv"
    for python in (Path(sys.executable), own / "bin" / "python"):
        if python == own / "bin" / "python":
            bootstrap.works(sys.executable, "-m", "venv", own)
        if bootstrap.works(python, "-m", "pip", "--version"):
            return [str(python), "-m", "pip"]
    sys.exit(NO_PIP)


def download(machine: str, folder: Path) -> list[str]:
    """Arguments for pip: all wheels of the locks for one family of processors, and nothing that would be built."""
    minor = sys.version_info.minor
    modern = [f"manylinux_2_{n}_{machine}" for n in GLIBC_MINORS]
    platforms = [*modern, *(f"{legacy}_{machine}" for legacy in LEGACY)]
    given = {
        "--platform": platforms,
        "--abi": [f"cp3{minor}", "abi3", "none"],
        "--implementation": ["cp"],
        "--python-version": [f"3.{minor}"],
        "--requirement": [str(bootstrap.ROOT / lock) for lock in LOCKS],
        "--dest": [str(folder)],
        "--only-binary": [":all:"],
    }
    quiet = ["--quiet", "--disable-pip-version-check"]
    pairs = [word for option, values in given.items() for value in values for word in (option, value)]
    return ["download", *quiet, "--require-hashes", "--no-deps", *pairs]


def packed(folder: Path, python: str) -> Path:
    """Archive of the folder beside it, which goes. Not compressed: wheels are already."""
    archive = folder.with_name(f"{folder.name}-{python}.tar")
    with tarfile.open(archive, "w") as tar:
        tar.add(folder, folder.name)
    shutil.rmtree(folder)
    return archive


if __name__ == "__main__":
    main()
