"""The engine of an installation, whether a server runs on it or not."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from cloudhall.drivers.objects.seaweedfs import SeaweedFS
from cloudhall.drivers.objects.weed_copy import Contents, attached
from cloudhall.kernel.errors import Conflict


@contextlib.contextmanager
def contents_of(objects: Path) -> Iterator[Contents]:
    """What the engine in this folder holds: of the one that runs, else of one that runs for as long as the block."""
    engine = SeaweedFS(objects)
    with contextlib.ExitStack() as down:
        try:
            engine.start()
        except Conflict:  # a server's own holds the folder
            pass
        else:
            down.callback(engine.stop)
        yield down.enter_context(attached(objects))
