"""A city and a witness as processes of their own: signed, unreachable, put back to an older state, rewritten."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.start import free_port
from cloudhall import verify
from tests.e2e.api import Api, until
from tests.e2e.server import PROGRAM, STOP_S, Server, answers, environment

pytestmark = pytest.mark.timeout(180)
AUDITOR = "he-chuan"


class WitnessProcess:
    """`cloudhall witness` on a folder of its own."""

    def __init__(self, home: Path, log_key: str) -> None:
        self.home, self.port, self.log_key = home, free_port(), log_key
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> str:
        """Start it; its public key."""
        command = [str(PROGRAM), "witness", "--home", str(self.home), "--port", str(self.port), "--log", self.log_key]
        environ = environment(self.home, self.port)
        self._process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        up, key = self._process.stdout.readline(), self._process.stdout.readline()
        assert f"http://127.0.0.1:{self.port}" in up
        return key.split()[1]

    def kill(self) -> None:
        if self._process and self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait(STOP_S)
        if self._process and self._process.stdout:
            self._process.stdout.close()


def state(city: Server) -> dict[str, Any]:
    """What the interface says of the one witness, once it was asked now."""
    with contextlib.closing(Api.of(city.url, AUDITOR)) as api:
        said = api.post("audit/witnesses:ask", None).ok()
        (witness,) = said["witnesses"]
        return {"alarm": said["alarm"], **witness}


def proof_of(city: Server, idx: int) -> bytes:
    with contextlib.closing(Api.of(city.url, AUDITOR)) as api:
        return json.dumps(api.get(f"audit/entries/{idx}/proof")).encode()


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "home")
    try:
        server.start()
        yield server
    finally:
        server.end()


@pytest.fixture
def witness(city: Server, tmp_path: Path) -> Iterator[WitnessProcess]:
    with contextlib.closing(Api(city.url)) as api:
        key = api.get("audit/verifier-key").decode().strip()
    made = WitnessProcess(tmp_path / "witness", key)
    try:
        yield made
    finally:
        made.kill()


def copy_of(city: Server, to: Path) -> None:
    """Rows, keys and head as they are: all that an operator could put back."""
    to.mkdir()
    shutil.copy(city.home / "cloudhall.db", to)
    shutil.copytree(city.home / "keys", to / "keys")


def put_back(city: Server, kept: Path) -> None:
    for name in ("cloudhall.db", "cloudhall.db-wal", "cloudhall.db-shm"):
        (city.home / name).unlink(missing_ok=True)
    shutil.rmtree(city.home / "keys")
    shutil.copy(kept / "cloudhall.db", city.home)
    shutil.copytree(kept / "keys", city.home / "keys")


def test_a_witness_signs_and_finds_a_database_that_was_put_back(
    city: Server, witness: WitnessProcess, tmp_path: Path
) -> None:
    key = witness.start()
    city.stop()
    copy_of(city, tmp_path / "old")
    city.environ["CLOUDHALL_WITNESSES"] = f"http://127.0.0.1:{witness.port} {key}"
    city.start()
    signed = state(city)
    assert (signed["state"], signed["alarm"]) == ("signed", False)
    assert signed["size"] > 0

    proof = proof_of(city, 1)
    findings = verify.check(proof, [witness.log_key], None, [key])
    assert [f.detail.en for f in findings if not f.ok] == []
    assert any(re.fullmatch(r"1 have signed: cloudhall-witness/\w+ .*", f.detail.en) for f in findings)

    witness.kill()
    assert state(city)["state"] == "unreachable"
    assert not answers(witness.port)
    assert witness.start() == key
    assert state(city)["state"] == "signed"

    city.stop()
    put_back(city, tmp_path / "old")
    city.start()  # nothing here knows better: rows, keys and head are of one moment
    until(lambda: "ALARM" in city.said(), 20)
    found = state(city)
    assert (found["state"], found["alarm"]) == ("ahead", True)

    for _ in range(signed["size"]):
        with contextlib.closing(Api(city.url)) as api:
            api.post("login", {"login": "nobody", "password": "wrong"})
        if state(city)["state"] != "ahead":
            break
    found = state(city)
    assert (found["state"], found["alarm"]) == ("contradicted", True)
    told = subprocess.run(
        [PROGRAM, "audit", "status"],
        env=environment(city.home, city.port) | logged_in(city, tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1, told
    assert "ALARM" in told.stdout + told.stderr


def logged_in(city: Server, tmp_path: Path) -> dict[str, str]:
    """Environment of a command line that has logged in as the auditor."""
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run(
        [PROGRAM, "login", AUDITOR, "--password-stdin", "--url", city.url],
        env=environment(city.home, city.port) | environ,
        input="yunting-demo",
        text=True,
        check=True,
        capture_output=True,
    )
    return environ


def test_the_whole_log_is_exported_and_computed_anew_by_one_file(city: Server, tmp_path: Path) -> None:
    from cloudhall import verify_log

    environ = environment(city.home, city.port) | logged_in(city, tmp_path)
    subprocess.run(
        [PROGRAM, "audit", "export", "--out", tmp_path / "log"], env=environ, check=True, capture_output=True
    )
    (tmp_path / "proof.json").write_bytes(proof_of(city, 1))
    shutil.copy(verify_log.__file__, tmp_path / "judge.py")
    command = [sys.executable, "-I", str(tmp_path / "judge.py"), str(tmp_path / "log")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    bundles = sorted((tmp_path / "log/tile/entries").rglob("*"))
    (bundle,) = [path for path in bundles if path.is_file()]
    content = bytearray(bundle.read_bytes())
    content[100] ^= 1
    bundle.write_bytes(content)
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
