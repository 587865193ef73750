"""Installs what a lock names into `.venv/`: `run` what the program needs, `test` also what its tests need.

Needs Python 3.11 with pip or venv, or uv, and nothing installed. The ladder: uv on PATH; else pip brings it into
`.tools/`; else a venv there brings pip that brings it; else one line says what to install. Every file is checked
against a hash in a lock. A stamp in `.venv/` lets the next start skip all of this.

`WHEELHOUSE=folder` names wheels that `make bundle` has packed: everything comes from there, and no index is asked.

The first lines must be readable by old Pythons, so that they can say that they are too old.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  the one place that an older Python reaches
    sys.exit(
        f"Cloudhall needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}. "
        "Name another: make run PYTHON=/path/to/python3.11"
    )

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pip_settings

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {"run": "requirements.lock", "test": "dev.lock"}
TOOLS = ROOT / ".tools"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".cloudhall"
NOTHING_TO_INSTALL_WITH = (
    "Cloudhall installs its packages with pip or venv, and this Python has neither: apt-get install python3-venv"
)
INDEXES = ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL")
PIP_FAILED = "pip could not fetch uv (its words are above): check the network or pip's index settings"


def main(profile: str) -> None:
    """Bring `.venv/` in line with the profile's lock; nothing to do when the stamp says so."""
    wanted = _digest()
    if _stamped(wanted, profile):
        return
    uv = find_uv()
    environ = uv_environ()
    if not _usable(VENV):
        _run(uv, "venv", "--clear", "--python", sys.executable, VENV, environ=environ)
    lock = ROOT / LOCKS[profile]
    _say(f"installing {package_count(lock)} packages of {lock.name} into .venv/, each checked against its hash")
    _run(uv, "pip", "sync", "--require-hashes", "--python", PYTHON, lock, environ=environ)
    # The build backend is in the lock, so the build fetches nothing of its own.
    editable = ("--no-deps", "--no-build-isolation", "--editable", ROOT)
    _run(uv, "pip", "install", "--python", PYTHON, *editable, environ=environ)
    STAMP.write_text(f"{wanted} {profile}\n", encoding="ascii")


def find_uv() -> str:
    """Path of a uv that runs; climbs the ladder, and ends the program with one line when no rung holds."""
    for candidate in (shutil.which("uv"), TOOLS / "bin" / "uv", TOOLS / "venv" / "bin" / "uv"):
        if candidate and works(candidate, "--version"):
            return str(candidate)
    has_pip = works(sys.executable, "-m", "pip", "--version")
    if has_pip:
        _say("fetching uv with pip into .tools/")
        if _pip_install(Path(sys.executable), "--no-user", "--upgrade", "--target", TOOLS):
            return str(TOOLS / "bin" / "uv")
    own = TOOLS / "venv"
    if works(sys.executable, "-m", "venv", own):
        _say("fetching uv with a pip of its own into .tools/venv/")
        if _pip_install(own / "bin" / "python"):
            return str(own / "bin" / "uv")
        has_pip = True
    sys.exit(PIP_FAILED if has_pip else NOTHING_TO_INSTALL_WITH)


def uv_environ() -> dict[str, str]:
    """Environment for uv: pip's index settings passed on, no Python fetched, no foreign environment touched.

    With a wheelhouse no index is passed on, and none is asked.
    """
    kept = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "CONDA_PREFIX")}
    wheels = wheelhouse()
    if wheels:
        found = {"UV_NO_INDEX": "true", "UV_OFFLINE": "true", "UV_FIND_LINKS": str(wheels)}
        kept = {key: value for key, value in kept.items() if key not in INDEXES}
    else:
        found = pip_settings.for_uv(os.environ, sys.prefix)
    return kept | found | {"UV_PYTHON_DOWNLOADS": "never"}


def wheelhouse() -> Path | None:
    """Folder of wheels that everything shall come from; ends the program with one line where there is none."""
    named = os.environ.get("WHEELHOUSE")
    if not named:
        return None
    folder = Path(named).absolute()
    if not any(folder.glob("*.whl")):
        sys.exit(f"Cloudhall: there are no wheels in {folder} (WHEELHOUSE); make bundle packs them")
    return folder


def package_count(lock: Path) -> int:
    """Count the packages that a lock names."""
    return sum("==" in line for line in lock.read_text(encoding="utf-8").splitlines())


def _digest() -> str:
    """Everything that an installed `.venv/` depends on: the locks, the project's declaration and where it lies."""
    files = (*LOCKS.values(), "pyproject.toml")
    return hashlib.sha256(b"\0".join([str(ROOT).encode(), *((ROOT / name).read_bytes() for name in files)])).hexdigest()


def _stamped(wanted: str, profile: str) -> bool:
    """`test` holds all that `run` needs."""
    found = STAMP.read_text(encoding="ascii").split() if STAMP.is_file() else []
    return found in ([wanted, profile], [wanted, "test"]) and os.access(PYTHON, os.X_OK)


def _usable(venv: Path) -> bool:
    """A venv that was moved or whose Python is gone or too old is made anew; one in use is never cleared."""
    where = f"import sys; sys.exit(sys.version_info < (3, 11) or sys.prefix != {str(venv)!r})"
    activate = venv / "bin" / "activate"
    return works(venv / "bin" / "python", "-c", where) and str(venv) in activate.read_text(encoding="utf-8")


def _pip_install(python: Path, *options: str | Path) -> bool:
    wheels = wheelhouse()
    source = ("--no-index", "--find-links", wheels) if wheels else ()
    plain = ("-qq", "--disable-pip-version-check", "--require-hashes")
    command = (python, "-m", "pip", "install", *plain, *source, *options)
    environ = os.environ | {"PIP_ROOT_USER_ACTION": "ignore"}
    return subprocess.run([*command, "-r", ROOT / "tools.lock"], env=environ, check=False).returncode == 0


def works(*command: str | Path) -> bool:
    """Whether a command runs and ends well."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _run(uv: str, *arguments: str | Path, environ: dict[str, str]) -> None:
    """Run uv; its own words explain a failure. A terminal sees its progress, a log only what goes wrong."""
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    code = subprocess.run([uv, *quiet, *arguments], env=environ, check=False).returncode
    if code:
        sys.exit(code)


def _say(text: str) -> None:
    print(f"Cloudhall: {text}", file=sys.stderr)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        sys.exit(130)
