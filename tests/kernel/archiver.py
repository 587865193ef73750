"""A process that archives whatever may go, for a test that kills it: arguments are home and database."""

import sys
from pathlib import Path

import duckdb  # noqa: F401  loading it takes longer than archiving a file

from cloudhall import installation
from cloudhall.kernel.archive import Limits
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.registry import Registry
from tests.kernel.workshop import WORKSHOP

WIDTH, KEPT_ROWS = 10, 5


def main(home: Path, database: str) -> None:
    """Say when it begins."""
    registry = Registry((*installation.DOMAINS, WORKSHOP))
    kernel = Kernel(registry, home, database=database, schemas=installation.SCHEMAS)
    kernel.history.width, kernel.history.limits = WIDTH, Limits(kept_rows=KEPT_ROWS)
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    kernel.history.turn()
    kernel.store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
