"""What a command costs before somebody sees its answer: user and system time of the whole process, median of 15.

    help_cpu_ms         `cloudhall --help`
    get_cpu_ms          `cloudhall bucket get NAME`, as a table with names for ids: two requests to a demonstration city
    list_cpu_ms         `cloudhall bucket list`, the same way
    get_json_cpu_ms     `… get NAME --json`, as a script asks: one request
    yaml_cpu_ms         `… get NAME -o yaml`, which brings a YAML library
    complete_cpu_ms     what a Tab in the shell costs after `cloudhall bucket `
    sdk_cpu_ms          `import cloudhall.sdk` in Python
    bare_python_cpu_ms  the limit below all of them: the same Python doing nothing

Bar: help, get and list at most 150. The city answers on the same machine; its own time is not in the figures.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from bench.start import cpu_ms
from cloudhall.domains.identity.demo import PASSWORD
from cloudhall.sdk import Cloudhall
from tests.e2e.server import PROGRAM, Server

BUCKET, PROJECT, LOGIN = "enterprise-energy", "economic-monitoring", "chen-xiaolan"
RUNS = 15


def measure(folder: Path, runs: int = RUNS) -> dict[str, float]:
    """Start a city, then each command in turn; the first call of all makes the catalogue and is not counted."""
    city = Server(folder / "home")
    city.start()
    try:
        become(city.url, folder)
        python, list_ = sys.executable, ("bucket", "list", "-o", "table")
        get = ("bucket", "get", BUCKET)
        cpu_ms(PROGRAM, "--help", runs=1)
        found = {
            "help_cpu_ms": cpu_ms(PROGRAM, "--help", runs=runs),
            "get_cpu_ms": cpu_ms(PROGRAM, *get, "-o", "table", runs=runs),
            "list_cpu_ms": cpu_ms(PROGRAM, *list_, runs=runs),
            "get_json_cpu_ms": cpu_ms(PROGRAM, *get, "--json", runs=runs),
            "yaml_cpu_ms": cpu_ms(PROGRAM, *get, "-o", "yaml", runs=runs),
            "sdk_cpu_ms": cpu_ms(python, "-c", "import cloudhall.sdk", runs=runs),
            "bare_python_cpu_ms": cpu_ms(python, "-c", "pass", runs=runs),
        }
        os.environ.update(_CLOUDHALL_COMPLETE="bash_complete", COMP_WORDS="cloudhall bucket ", COMP_CWORD="2")
        return found | {"complete_cpu_ms": cpu_ms(PROGRAM, runs=runs)}
    finally:
        os.environ.pop("_CLOUDHALL_COMPLETE", None)
        city.end()


def become(url: str, folder: Path) -> None:
    """Let the commands that follow speak to this city as its developer, with files of their own."""
    with Cloudhall(url) as nobody:
        token = nobody.send("POST", "login", body={"login": LOGIN, "password": PASSWORD})["token"]
    named = {"CLOUDHALL_URL": url, "CLOUDHALL_TOKEN": token, "CLOUDHALL_PROJECT": PROJECT, "CLOUDHALL_LANG": "zh"}
    os.environ.update(named | {"XDG_CONFIG_HOME": str(folder / "config"), "XDG_CACHE_HOME": str(folder / "cache")})


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory(prefix="cloudhall-cli-") as made:
        print(json.dumps(measure(Path(made))))
