"""Installs the programs that tests drive but no wheel carries: a browser, a font with Chinese, rclone, strace.

Only as root on Debian and its kin, and only what is missing. Elsewhere it says what is missing, and the tests that
need it skip by name.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

DPKG = Path("/var/lib/dpkg/info")


def missing() -> list[str]:
    """Debian's names of the packages that are not here."""
    programs = [name for name in ("chromium", "rclone", "strace") if shutil.which(name) is None]
    fonts = [name for name in ("fonts-noto-cjk",) if not (DPKG / f"{name}.list").exists()]
    return programs + fonts


def main() -> None:
    """Install what is missing, or say why not; never fails the run, since the tests themselves name what they lack."""
    packages = missing()
    if not packages:
        return
    names = " ".join(packages)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"Cloudhall: {names} not found, tests that need them skip; on Debian: sudo apt-get install {names}")
        return
    print(f"Cloudhall: installing Debian's {names} for the tests", flush=True)
    environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (("update",), ("install", "--yes", "--no-install-recommends", *packages)):
        run = subprocess.run(["apt-get", "-qq", *command], env=environ, stdout=subprocess.DEVNULL, check=False)
        if run.returncode:
            print(f"Cloudhall: apt-get {command[0]} failed, tests that need {names} skip", file=sys.stderr)
            return


if __name__ == "__main__":
    main()
