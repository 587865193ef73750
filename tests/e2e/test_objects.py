"""Objects through the server itself: what is large takes no memory, and a kill in the middle costs one part."""

import contextlib
import hashlib
import http.client
import json
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from tests.e2e.api import Api
from tests.e2e.server import Server

AT = "buckets/economic-tables/objects"
MIB = 1 << 20
PART = 8 * MIB
LARGE_MIB, GROWTH_MIB_MAX = 100, 60
"""A part, its copies on the way to the engine, and what a library keeps; all of the object would be 100 and more."""


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "home")
    try:
        server.start()
        yield server
    finally:
        server.end()


def test_what_is_large_takes_no_memory_and_a_kill_costs_one_part(city: Server) -> None:
    block = os.urandom(MIB)
    with contextlib.closing(Api.of(city.url, "chen-xiaolan")) as developer:
        send(developer, "content", block, key="warm-up")
        Path(f"/proc/{city.pid}/clear_refs").write_text("5", encoding="ascii")  # proc(5): the peak begins anew
        before = peak_mib(city.pid)
        made = send(developer, "content", block * LARGE_MIB, key="large.bin")
        assert made["bytes"] == LARGE_MIB * MIB
        assert received(developer, "large.bin") == hashlib.sha256(block * LARGE_MIB).hexdigest()
        grown = peak_mib(city.pid) - before
        assert grown < GROWTH_MIB_MAX

        parts = [os.urandom(PART), os.urandom(PART), b"the rest"]
        asked = {"key": "killed.bin", "bytes": sum(map(len, parts))}
        upload = developer.post(f"{AT}/uploads", asked).ok()["upload"]
        put_part(developer, upload, 1, parts[0])
        city.kill()
    city.start()
    with contextlib.closing(Api.of(city.url, "chen-xiaolan")) as developer:
        found = developer.post(f"{AT}/uploads", asked).ok()
        assert (found["upload"], found["found"]) == (upload, True)
        assert [(p["number"], p["md5"]) for p in found["parts"]] == [(1, md5(parts[0]))]
        for number in (2, 3):
            put_part(developer, upload, number, parts[number - 1])
        developer.post(f"{AT}/completed", {**asked, "upload": upload}).ok()
        assert received(developer, "killed.bin") == hashlib.sha256(b"".join(parts)).hexdigest()


def send(api: Api, path: str, content: bytes, **query: object) -> dict[str, int]:
    """POST a body as it is."""
    connection = http.client.HTTPConnection(urlsplit(api.url).netloc, timeout=60)
    headers = {"Authorization": f"Bearer {api.token}", "Content-Type": "application/octet-stream"}
    connection.request("POST", f"/api/v1/{AT}/{path}?{urlencode(query)}", content, headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status < 300, body
    made: dict[str, int] = json.loads(body)
    return made


def put_part(api: Api, upload: str, number: int, content: bytes) -> None:
    send(api, "parts", content, key="killed.bin", upload=upload, number=number, md5=md5(content))


def received(api: Api, key: str) -> str:
    """SHA-256 of an object."""
    return hashlib.sha256(api.send("GET", f"{AT}/content", key=key).ok()).hexdigest()


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def peak_mib(pid: int) -> int:
    """Most memory that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024
