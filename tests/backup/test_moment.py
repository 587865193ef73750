"""Taken while clients write: what was acknowledged before the moment is there, what was asked for after it is not."""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from cloudhall.backup import manifest
from tests.backup.shell import KEY, restored, run
from tests.e2e.api import Api, until
from tests.e2e.clients import Door
from tests.e2e.server import Server

PROJECT = "economic-monitoring"
KEYS = 60
MIB = 1 << 20


class Did(NamedTuple):
    """What was done to a key: its content afterwards (None: deleted), when it was asked for and acknowledged (µs)."""

    key: str
    content: bytes | None
    asked_us: int
    done_us: int


def rent(developer: Api, name: str, **spec: object) -> Door:
    bucket = developer.make(
        "buckets", {"name": name, "project": PROJECT, "spec": {"quota_gib": 1, "grade": "open", **spec}}
    )
    return Door(bucket, developer.make("access-keys", {"project": PROJECT, "spec": {"bucket": bucket["id"]}}))


def now_us() -> int:
    return time.time_ns() // 1_000


def write(door: Door, stop: threading.Event, did: list[Did], seed: int) -> None:
    """Put, overwrite and delete at random until told to stop; some objects are larger than a chunk."""
    chance, s3 = random.Random(seed), door.s3()  # noqa: S311  a seed replays it
    while not stop.is_set():
        key = f"k{seed}/{chance.randrange(KEYS)}"
        asked = now_us()
        if chance.random() < 0.25:
            s3.delete_object(Bucket=door.bucket, Key=key)
            did.append(Did(key, None, asked, now_us()))
        else:
            content = chance.randbytes(5 * MIB if chance.random() < 0.03 else chance.randrange(3_000))
            s3.put_object(Bucket=door.bucket, Key=key, Body=content)
            did.append(Did(key, content, asked, now_us()))


def make_accounts(developer: Api, stop: threading.Event, did: list[Did]) -> None:
    while not stop.is_set():
        name, asked = f"account-{len(did)}", now_us()
        developer.post("service-accounts", {"name": name, "project": PROJECT, "spec": {"purpose": "x"}}).ok()
        did.append(Did(name, b"", asked, now_us()))


@contextlib.contextmanager
def busy(work: list[tuple[Callable[..., None], tuple[object, ...]]]) -> Iterator[None]:
    """Let each piece of work run in a thread of its own while the block runs."""
    stop = threading.Event()
    threads = [threading.Thread(target=run_, args=(first, stop, *rest)) for run_, (first, *rest) in work]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def possible(did: list[Did], at_us: int) -> dict[str, set[bytes | None]]:
    """What each key may hold at a moment: its last content of before, or of what was under way just then."""
    found: dict[str, set[bytes | None]] = {}
    for one in did:
        before = found.get(one.key, {None})
        if one.done_us <= at_us:
            found[one.key] = {one.content}
        elif one.asked_us <= at_us:
            found[one.key] = before | {one.content}
        else:
            found.setdefault(one.key, before)
    return found


def test_one_moment_of_rows_and_objects_while_clients_write(server: Callable[..., Server], tmp_path: Path) -> None:
    city = server("busy")
    city.start()
    (tmp_path / KEY).write_text("k" * 32)
    did: list[list[Did]] = [[], [], []]
    with contextlib.closing(Api.of(city.url, "chen-xiaolan")) as developer:
        doors = [rent(developer, "busy-plain"), rent(developer, "busy-kept", versioning=True)]
        with (
            contextlib.closing(Api.of(city.url, "chen-xiaolan")) as other,
            busy([(write, (doors[0], did[0], 0)), (write, (doors[1], did[1], 1)), (make_accounts, (other, did[2]))]),
        ):
            time.sleep(1)
            done = run("backup", "--home", city.home, "--to", tmp_path / "backup", "--key-file", tmp_path / KEY)
            time.sleep(0.3)
    assert done.returncode == 0, done.stderr
    city.end()
    at_us = manifest.read(tmp_path / "backup").at_us
    again = server("again", demo=False)
    restored(tmp_path, again.home)
    again.start()
    for door, its in zip(doors, did[:2], strict=True):
        assert {one.done_us > at_us for one in its} == {True, False}
        check_objects(again, door, possible(its, at_us))
    with contextlib.closing(Api.of(again.url, "chen-xiaolan")) as developer:
        names = {item["name"] for item in developer.items("service-accounts", project=PROJECT)}
        for one in did[2]:
            if one.done_us <= at_us or one.asked_us > at_us:
                assert (one.key in names) == (one.done_us <= at_us), one
    tried = run("backup", "verify", "--from", tmp_path / "backup", "--key-file", tmp_path / KEY)
    assert (tried.returncode, "8 checks, 0 failed" in tried.stdout) == (0, True), tried.stdout + tried.stderr


def check_objects(again: Server, door: Door, possible_: dict[str, set[bytes | None]]) -> None:
    """Look through the S3 door of the restored installation, and at what its rows say is stored."""
    with contextlib.closing(Api.of(again.url, "chen-xiaolan")) as developer:
        endpoint = developer.get(f"buckets/{door.bucket}")["status"]["endpoint"]
        door.endpoint = endpoint
        until(lambda: door.refused() == "", 10)  # keys are in force once the controllers have been by
        s3 = door.s3()
        pages = list(s3.get_paginator("list_object_versions").paginate(Bucket=door.bucket))
        versions = [v for page in pages for v in page.get("Versions", [])]
        seen = {v["Key"] for v in versions if v["IsLatest"]}
        for key, contents in possible_.items():
            content = s3.get_object(Bucket=door.bucket, Key=key)["Body"].read() if key in seen else None
            assert content in contents, key
        assert seen <= possible_.keys()
        size = sum(v["Size"] for v in versions)

        def told() -> bool:
            status = developer.get(f"buckets/{door.bucket}")["status"]
            return (int(status["stored_bytes"]), status["objects"]) == (size, len(versions))

        until(told, 20)
