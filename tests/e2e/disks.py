"""Small disks and disks that take no writes, for one server alone: in a mount namespace of its own, or of its database.

A namespace needs neither root nor a loop device where the machine lets users have some; the folder of a PostgreSQL is
mounted for real, since PostgreSQL refuses to be root in any namespace.
"""

import contextlib
import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

MIB = 1 << 20
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")


def inside(commands: str) -> tuple[str, ...]:
    """Words before a command that let it see what the mounts of a shell script have made of its disks."""
    return (*NAMESPACE, f'{commands} && exec "$@"', "sh")


def may_mount() -> bool:
    """Whether this machine lets us have file systems of our own."""
    try:
        trial = subprocess.run([*NAMESPACE[:-2], "true"], check=False)
    except FileNotFoundError:
        return False
    return trial.returncode == 0


@contextlib.contextmanager
def mounted(size_mib: int) -> Iterator[Path | None]:
    """A small disk that every user reaches, until the block ends; None where we may not mount one."""
    with tempfile.TemporaryDirectory(prefix="disk-") as name:
        Path(name).chmod(0o755)
        tried = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m,mode=1777", "tmpfs", name],
            capture_output=True,
            check=False,
        )
        if tried.returncode:
            yield None
            return
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", name], check=True)


def fill(file: Path) -> None:
    """Write a file until not a byte more fits."""
    with file.open("wb", buffering=0) as filler:
        for size in (MIB, 4_096):
            with contextlib.suppress(OSError):
                while filler.write(b"\0" * size):
                    pass


def is_full(folder: Path) -> bool:
    """Whether not even a page more fits."""
    try:
        (folder / "probe").write_bytes(os.urandom(4_096))
    except OSError as error:
        return error.errno == errno.ENOSPC
    (folder / "probe").unlink()
    return False
