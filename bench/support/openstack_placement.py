"""OpenStack Placement on a fleet of equal hosts: a decision asks for candidates and takes one; runs in its own venv.

In-process WSGI, so no HTTP counts; SQLite without authentication. The providers are written into its tables, because
its API creates some 15 a second. Ends with one JSON object: decisions, what they took in CPU seconds and by the clock.
"""

import argparse
import json
import os
import random
import sqlite3
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

VERSION = {"OpenStack-API-Version": "placement 1.36", "X-Auth-Token": "admin"}
CLASSES = ("VCPU", "MEMORY_MB", "DISK_GB")
DISK_GB = 40
CANDIDATES = 1000
"""What Nova asks for by default."""
CONFIGURATION = """[DEFAULT]
log_file = {folder}/placement.log
[api]
auth_strategy = noauth2
[placement_database]
connection = sqlite:///{folder}/placement.db
sync_on_startup = true
"""


def fill(database: Path, hosts: int, vcpus: int, memory_mib: int) -> None:
    """Write `hosts` providers with their inventories, as the API would."""
    with sqlite3.connect(database) as store:
        numbers = dict(store.execute("SELECT name, id FROM resource_classes"))
        totals = dict(zip(CLASSES, (vcpus, memory_mib, 100 * DISK_GB), strict=True))
        providers = [(n, str(uuid.UUID(int=n)), f"host-{n}", 1, n) for n in range(1, hosts + 1)]
        store.executemany(
            "INSERT INTO resource_providers (id, uuid, name, generation, root_provider_id) VALUES (?, ?, ?, ?, ?)",
            providers,
        )
        store.executemany(
            "INSERT INTO inventories (resource_provider_id, resource_class_id, total, reserved, min_unit, max_unit,"
            " step_size, allocation_ratio) VALUES (?, ?, ?, 0, 1, ?, 1, 1.0)",
            [(n, numbers[name], total, total) for n in range(1, hosts + 1) for name, total in totals.items()],
        )


def decide(application: Any, vcpus: int, memory_mib: int) -> None:
    """Ask for candidates and take the first."""
    from webob import Request  # type: ignore[import-untyped]  # of the peer's environment

    amounts = f"VCPU:{vcpus},MEMORY_MB:{memory_mib},DISK_GB:{DISK_GB}"
    url = f"/allocation_candidates?resources={amounts}&limit={CANDIDATES}"
    answer = Request.blank(url, headers=VERSION).get_response(application)
    assert answer.status_int == 200, answer.text
    body = {
        "allocations": answer.json["allocation_requests"][0]["allocations"],
        "project_id": "bench",
        "user_id": "bench",
        "consumer_generation": None,
    }
    headers = VERSION | {"Content-Type": "application/json"}
    put = Request.blank(f"/allocations/{uuid.uuid4()}", method="PUT", headers=headers, json_body=body)
    answer = put.get_response(application)
    assert answer.status_int == 204, answer.text


def measure(given: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Start it on an empty database, fill that, decide."""
    (folder / "placement.conf").write_text(CONFIGURATION.format(folder=folder))
    os.environ["OS_PLACEMENT_CONFIG_DIR"] = str(folder)
    from placement.wsgi import init_application  # type: ignore[import-not-found]  # of the peer's environment

    application = init_application()
    fill(folder / "placement.db", given.hosts, *map(int, given.host.split("x")))
    chance = random.Random(7)  # noqa: S311  a mix of flavours, no secret
    flavours = [tuple(map(int, flavour.split("x"))) for flavour in given.flavours.split(",")]
    decide(application, *flavours[0])  # the first one fills its caches
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    for _ in range(given.decisions):
        decide(application, *chance.choice(flavours))
    return {
        "decisions": given.decisions,
        "clock_s": time.perf_counter() - began_s,
        "cpu_s": time.process_time() - began_cpu_s,
    }


def main() -> None:
    """Print the figures as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, required=True)
    parser.add_argument("--host", required=True, metavar="VCPUSxMIB")
    parser.add_argument("--flavours", required=True, metavar="VCPUSxMIB,…")
    parser.add_argument("--decisions", type=int, default=20)
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(parser.parse_args(), Path(folder))))


if __name__ == "__main__":
    main()
