"""`python -m tests.e2e.soak --cycles 100 --seed 1`: run a campaign; what is wrong on lines, figures on the last one."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.e2e.soak.campaign import Campaign


def main() -> int:
    """Run the command line; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cloudhall-soak-") as folder:
        figures = Campaign(Path(folder), options.seed).run(options.cycles)
    sys.stdout.write(json.dumps(figures) + "\n")
    return 1 if figures["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
