"""Each thing that can be wrong is put wrong, and found, with a remedy; what is well is not called wrong."""

import contextlib
import datetime
import json
import os
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.start import free_port
from cloudhall.doctor import machine
from cloudhall.doctor.examine import Site, examine
from cloudhall.doctor.findings import Finding, State
from cloudhall.drivers.objects import weed_process
from cloudhall.kernel.keys import MASTER_FILE
from tests.backup.shell import run
from tests.e2e.server import Server

CODES = {
    "program",
    "server",
    "disk",
    "home",
    "keys",
    "certificate",
    "engine_binary",
    "engine",
    "database",
    "audit",
    "archive",
    "documents",
    "clock",
}
FUTURE_US = 4_000_000_000_000_000


@pytest.fixture(scope="session")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The demonstration city, examined once while it ran, and stopped in order."""
    server = Server(tmp_path_factory.mktemp("doctor") / "home")
    try:
        server.start()
        up = run("doctor", "--home", server.home, "--port", server.port, "--json")
        (server.home.parent / "up.json").write_text(up.stdout)
        assert up.returncode == 0, up.stdout
        wrong_port = run("doctor", "--home", server.home, "--port", free_port())
        assert (wrong_port.returncode, "does not answer" in wrong_port.stdout) == (1, True)
        server.stop()
        yield server
    finally:
        server.end()


@pytest.fixture
def home(stopped: Server, tmp_path: Path) -> Path:
    """A copy of it that a test may spoil."""
    shutil.copytree(stopped.home, tmp_path / "home", ignore=shutil.ignore_patterns("*.sock"))
    (tmp_path / "home").chmod(0o700)
    return tmp_path / "home"


def wrong(home: Path, port: int | None = None, state: State = State.WRONG) -> list[Finding]:
    """Findings that are not well; each says what to do, in both languages."""
    found = [f for f in examine(Site(home, port or free_port())) if f.state is not State.OK]
    assert all(f.remedy and f.remedy.zh and f.remedy.en for f in found)
    return [f for f in found if f.state is state]


def sql(home: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(home / "cloudhall.db")) as database, database:
        database.execute(statement)


def test_a_server_that_runs_and_one_that_is_stopped_are_well(stopped: Server, home: Path) -> None:
    up = json.loads((stopped.home.parent / "up.json").read_text())
    assert {f["code"] for f in up} == CODES
    assert {f["state"] for f in up} == {"ok"}
    down = list(examine(Site(home, free_port())))
    assert {f.code for f in down} == CODES | {"port"}
    assert [f for f in down if f.state is not State.OK] == []
    told = run("doctor", "--home", home, "--port", free_port())
    assert (told.returncode, told.stdout.splitlines()[-1]) == (0, "15 findings, 0 wrong, 0 to note")


def test_examining_changes_nothing(home: Path) -> None:
    before = {
        p: p.stat().st_mtime_ns for p in home.rglob("*") if p.is_file() and not p.name.startswith("cloudhall.db-")
    }
    list(examine(Site(home, free_port())))
    assert {p: p.stat().st_mtime_ns for p in before} == before


def open_to_others(home: Path) -> None:
    home.chmod(0o755)


def readable_key(home: Path) -> None:
    (home / "keys" / MASTER_FILE).chmod(0o644)


def lost_keys(home: Path) -> None:
    (home / "keys" / "keys.json").unlink()


def newer(home: Path) -> None:
    sql(home, "PRAGMA user_version = 99")


def torn_page(home: Path) -> None:
    with (home / "cloudhall.db").open("r+b") as file:
        file.seek(4096 * 3)
        file.write(os.urandom(4096))


def lost_database(home: Path) -> None:
    (home / "cloudhall.db").unlink()


def changed_entry(home: Path) -> None:
    sql(home, "UPDATE audit_leaf SET leaf = CAST(replace(leaf, 'identity', 'identitz') AS BLOB) WHERE idx = 3")


def lost_entry(home: Path) -> None:
    sql(home, "DELETE FROM audit_leaf WHERE idx = 3")


def cut_log(home: Path) -> None:
    sql(home, "DELETE FROM audit_leaf WHERE idx > 5")


def forged_checkpoint(home: Path) -> None:
    sql(home, "UPDATE audit_checkpoint SET note = replace(note, 'cloudhall/', 'cloudhalL/')")


def lost_document(home: Path) -> None:
    sql(home, f"INSERT INTO attachment VALUES ('do-1', 'k', 'r', 'n', 't', 1, '{'a' * 64}', 1, 'p')")


def lost_archive(home: Path) -> None:
    sql(home, "INSERT INTO event_archive (first, last, bytes, sha256, at_us) VALUES (1, 10, 1, 'x', 1)")


def lost_events(home: Path) -> None:
    sql(home, "DELETE FROM event WHERE revision < 5")


def future_row(home: Path) -> None:
    sql(home, f"UPDATE audit_leaf SET at_us = {FUTURE_US} WHERE idx = 3")


def expired_certificate(home: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    name, key = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")]), ec.generate_private_key(ec.SECP256R1())
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    draft = x509.CertificateBuilder(name, name, key.public_key(), 1, now - 9 * day, now - 2 * day)
    (home / "tls").mkdir()
    pem = draft.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (home / "tls" / "site.pem").write_bytes(pem)


SPOILT: list[tuple[Callable[[Path], None], set[str]]] = [
    (open_to_others, {"home"}),
    (readable_key, {"keys", "audit"}),
    (lost_keys, {"keys", "audit"}),
    (newer, {"database"}),
    (torn_page, {"database"}),
    (lost_database, {"database"}),
    (changed_entry, {"audit"}),
    (lost_entry, {"audit"}),
    (cut_log, {"audit"}),
    (forged_checkpoint, {"audit"}),
    (future_row, {"audit", "clock"}),  # the row says another time than its leaf
    (expired_certificate, {"certificate"}),
    (lost_document, {"documents"}),
    (lost_archive, {"archive"}),
    (lost_events, {"archive"}),
]


@pytest.mark.parametrize(("spoil", "codes"), SPOILT, ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_spoilt_is_found(home: Path, spoil: Callable[[Path], None], codes: set[str]) -> None:
    spoil(home)
    assert {f.code for f in wrong(home)} == codes


def test_no_installation(tmp_path: Path) -> None:
    (found,) = wrong(tmp_path / "nowhere")
    assert (found.code, "nowhere" in found.detail.en) == ("home", True)


def test_a_port_that_another_program_has(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert [f.code for f in wrong(home, taken.getsockname()[1])] == ["port"]


def test_a_disk_that_fills(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "FREE_NOTE_BYTES", 1 << 60)
    assert [f.code for f in wrong(home, state=State.NOTE)] == ["disk"]
    monkeypatch.setattr(machine, "FREE_WRONG_BYTES", 1 << 60)
    assert [f.code for f in wrong(home)] == ["disk"]


def test_another_engine_binary_and_none(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "weed"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("CLOUDHALL_WEED", str(other))
    assert [f.code for f in wrong(home, state=State.NOTE)] == ["engine_binary"]
    monkeypatch.setenv("CLOUDHALL_WEED", str(tmp_path / "none"))
    assert [f.code for f in wrong(home)] == ["engine_binary"]


def test_an_engine_that_was_killed_and_one_that_was_left_behind(home: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as left:
        weed_process._remember(home / "objects" / weed_process.PID_FILE, left.pid)
        (found,) = wrong(home)
        assert (found.code, str(left.pid) in found.detail.en) == ("engine", True)
        left.kill()
    assert [f.code for f in wrong(home, state=State.NOTE)] == ["engine"]
