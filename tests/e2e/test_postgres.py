"""The demonstration city moves to PostgreSQL and goes on there; no second server runs beside it."""

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.api import Api
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


def seen(developer: Api) -> dict[str, Any]:
    """What a developer finds."""
    return {
        "buckets": sorted(b["name"] for b in developer.get("buckets")["items"]),
        "projects": sorted(p["name"] for p in developer.get("projects")["items"]),
    }
