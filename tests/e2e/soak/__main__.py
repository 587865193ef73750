"""`python -m tests.e2e.soak --cycles 300 --dialect both --seed 1`: campaigns, one for each dialect.

What is wrong is told on lines of its own as it is found, the figures of a campaign on one line at its end. On
PostgreSQL the server of the database is killed once in ten cycles (`--blows` names another number), in turns one
connection's process, all of it at once, and its first process; and the worker beside the first one as often as each.
"""

import argparse
import contextlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.e2e.soak.campaign import Campaign
from tests.e2e.soak.grounds import ground_of

DIALECTS = ("sqlite", "postgres")


def main() -> int:
    """Run the command line; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--blows", type=int, help="on PostgreSQL; 2 in 15 cycles without it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dialect", choices=(*DIALECTS, "both"), default="both")
    options = parser.parse_args()
    blows = -(-options.cycles * 2 // 15) if options.blows is None else options.blows
    wrong = 0
    for dialect in DIALECTS if options.dialect == "both" else (options.dialect,):
        figures = run(dialect, options.cycles, blows if dialect == "postgres" else 0, options.seed)
        sys.stdout.write(json.dumps({"dialect": dialect, **figures}) + "\n")
        sys.stdout.flush()
        wrong += figures["wrong"]
    return 1 if wrong else 0


def run(dialect: str, cycles: int, blows: int, seed: int) -> dict[str, Any]:
    """Run a campaign in a folder of its own; its figures."""
    ground = ground_of(dialect)
    if ground is None:
        raise SystemExit("there is no PostgreSQL: name its `postgres` in CLOUDHALL_POSTGRES")
    with contextlib.closing(ground), tempfile.TemporaryDirectory(prefix="cloudhall-soak-") as folder:
        return Campaign(Path(folder), seed, ground).run(cycles, blows)


if __name__ == "__main__":
    sys.exit(main())
