"""Programs of others that are measured beside ours: each in an environment of its own, from a lock with hashes.

The environment stays in `.tools/peers/` and is made anew when the lock changes.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import bootstrap  # noqa: E402  no package; the line above says where it lies


def python_of(name: str) -> Path:
    """Python with all that `bench/peers/NAME.lock` names. `SystemExit` where it cannot be fetched."""
    lock, home = ROOT / f"bench/peers/{name}.lock", ROOT / ".tools/peers" / name
    python, stamp = home / "bin/python", home / ".lock"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not (stamp.is_file() and stamp.read_text("ascii") == digest and bootstrap.works(python, "--version")):
        uv, environ = bootstrap.find_uv(), bootstrap.uv_environ()
        print(f"fetching {bootstrap.package_count(lock)} packages of {lock.name}", file=sys.stderr)
        for arguments in (
            ("venv", "--clear", "--python", sys.executable, home),
            ("pip", "sync", "--require-hashes", "--python", python, lock),
        ):
            done = subprocess.run([uv, "--quiet", *arguments], env=environ, check=False)
            if done.returncode:
                sys.exit(done.returncode)
        stamp.write_text(digest, "ascii")
    return python
