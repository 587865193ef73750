"""Where numba comes in, and where it stays away.

`shared` marks a function that is plain Python and may be called from compiled code too; `compiled` compiles one of them
as an entry from Python. Nothing is compiled before it is called. `CLOUDHALL_PLACEMENT_JIT=off` does without numba
although it is there.

Compiled code is kept below the user's cache folder, in a folder named after the source: numba itself notices a change
of the function's own file only, not of those that it calls. Where that folder cannot be written, nothing is kept and
each process compiles anew.
"""

import contextlib
import functools
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
SWITCH = "CLOUDHALL_PLACEMENT_JIT"


def _numba() -> Any:
    if os.environ.get(SWITCH) == "off":
        return None
    try:
        import numba
    except ImportError:
        return None
    return numba


NRT = False
"""No run time of numba's own: compiled code can then make no array, which no inner loop here should, and counts no
references to those it is given, which is a third of what a call costs."""
_NUMBA = _numba()
HAVE_NUMBA = _NUMBA is not None


def shared(function: F) -> F:
    """Leave `function` as it is, and let compiled code call it."""
    if not HAVE_NUMBA:
        return function
    from numba.extending import register_jitable

    known: F = register_jitable(_nrt=NRT)(function)
    return known


@functools.cache
def compiled(function: F) -> F:
    """Make an entry of `function`; the machine code is made, or read from the cache, at its first call."""
    folder = _cache_folder()
    with _caching_in(folder):
        entry: F = _NUMBA.njit(cache=folder is not None, _nrt=NRT, error_model="numpy", nogil=True)(function)
    return entry


@functools.cache
def _cache_folder() -> Path | None:
    """Folder of this source's compiled code, made; nothing where it cannot be made or is somebody else's."""
    texts = [path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*.py"))]
    digest = hashlib.blake2b(b"".join(text for text in texts if b"placement.jit import" in text), digest_size=8)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "cloudhall" / f"placement-{digest.hexdigest()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) and folder.stat().st_uid == os.geteuid() else None


@contextlib.contextmanager
def _caching_in(folder: Path | None) -> Iterator[None]:
    """Numba takes the folder from a setting of the whole process: set it for our functions alone."""
    config = _NUMBA.config
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder or "")
    try:
        yield
    finally:
        config.CACHE_DIR = before
