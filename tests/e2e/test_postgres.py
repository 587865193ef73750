"""The demonstration city moves to PostgreSQL and goes on there; no second server runs beside it."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bench.start import command, descendants
from tests.e2e.api import Api, Unanswered
from tests.e2e.server import PROGRAM, Server, environment, refusal
from tests.kit.postgres import Server as Postgres


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    name = postgres.make()
    yield postgres.url(name)
    postgres.drop(name)


def test_the_city_moves_and_goes_on(server: Callable[..., Server], database: str, tmp_path: Path) -> None:
    city = server()
    city.start()
    with contextlib.closing(Api.of(city.url, "chen-xiaolan")) as developer:
        before = seen(developer)
    city.stop()
    moved = subprocess.run(
        [PROGRAM, "move-database", "--to", database, "--home", city.home],
        env=environment(city.home, city.port),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    rows = dict(line.split("\t")[:2] for line in moved.stdout.splitlines()[1:])
    assert int(rows["storage_bucket"]) >= len(before["buckets"]) > 0
    assert int(rows["audit_leaf"].replace(",", "")) > 20
    city.environ["CLOUDHALL_DATABASE"] = database
    city.start()
    with contextlib.closing(Api.of(city.url, "chen-xiaolan")) as developer:
        assert seen(developer) == before
        developer.post(
            "buckets", {"name": "moved-in", "project": "economic-monitoring", "spec": {"quota_gib": 1, "grade": "open"}}
        )
        assert "moved-in" in seen(developer)["buckets"]
    said = "\n".join(refusal(city.home, CLOUDHALL_DATABASE=database))
    assert "Another Cloudhall runs" in said


def test_several_workers_share_the_load_and_one_killed_costs_seconds(
    server: Callable[..., Server], database: str
) -> None:
    city = server(environ={"CLOUDHALL_DATABASE": database, "CLOUDHALL_WORKERS": "2"})
    city.start()
    eventually(lambda: worker_of(city))
    admin = Api.of(city.url, "chen-xiaolan")
    with contextlib.closing(admin):
        killed = worker_of(city)
        eventually(lambda: answered_by(killed, admin, connections=24))  # it takes a while to come up
        made = [bucket(admin, n) for n in range(10)]
        os.kill(killed, signal.SIGKILL)
        began = time.monotonic()
        made += [bucket(admin, n) for n in range(10, 20)]
        eventually(lambda: worker_of(city) not in (0, killed))
        assert time.monotonic() - began < 10
        revisions = [r for r in made if r]
        assert len(set(revisions)) == len(revisions) == 20
        assert len([n for n in seen(admin)["buckets"] if n.startswith("w-")]) == 20
    code, took_s = city.stop()
    assert code == 0
    assert took_s < 8


def test_several_workers_on_sqlite_are_refused(tmp_path: Path) -> None:
    said = "\n".join(refusal(tmp_path, CLOUDHALL_WORKERS="2"))
    assert "need PostgreSQL" in said
    assert "move-database" in said


def bucket(admin: Api, n: int) -> int:
    """Create a bucket, under a key that makes it one however often it is asked for; answers its revision."""
    body = {"name": f"w-{n}", "project": "economic-monitoring", "spec": {"quota_gib": 1, "grade": "open"}}
    for _ in range(5):
        with contextlib.suppress(*Unanswered):
            answer = admin.send("POST", "buckets", body, {"Idempotency-Key": f"w-{n}"})
            if answer.status < 300:
                return int(answer.body["revision"])
        admin.close()
        time.sleep(0.2)
    raise AssertionError(f"bucket {n} was not made")


def answered_by(pid: int, caller: Api, connections: int) -> int:
    """Open connections and ask on each, several at once; how many of them a process answered."""
    before = sockets(pid)
    with contextlib.ExitStack() as opened, ThreadPoolExecutor(8) as pool:
        several = [opened.enter_context(contextlib.closing(caller.again())) for _ in range(connections)]
        list(pool.map(lambda one: one.get("buckets"), several))
        return sockets(pid) - before


def sockets(pid: int) -> int:
    listed = subprocess.run(["ls", "-l", f"/proc/{pid}/fd"], capture_output=True, encoding="utf-8", check=False)
    return listed.stdout.count("socket:")


def worker_of(city: Server) -> int:
    """Process of the worker beside the first one; 0 while there is none."""
    return next((p for p in descendants(city.pid) if " cloudhall.workers " in command(p)), 0)


def eventually(holds: Callable[[], object]) -> None:
    until = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def seen(developer: Api) -> dict[str, Any]:
    """What a developer finds."""
    return {
        "buckets": sorted(b["name"] for b in developer.get("buckets")["items"]),
        "projects": sorted(p["name"] for p in developer.get("projects")["items"]),
    }
