"""Every check, in the order in which a person would look."""

import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cloudhall import __version__
from cloudhall.doctor import engines, machine, records, secrets
from cloudhall.doctor.findings import Finding, State
from cloudhall.kernel.text import T

PROGRAM, HOME = T("程序", "program"), T("数据文件夹", "data folder")


class Site(NamedTuple):
    """Where an installation is: its folder, where it listens, the certificate and the PostgreSQL database it was given.

    Empty texts where it was given none.
    """

    home: Path
    port: int
    host: str = machine.LOOPBACK
    certificate: str = ""
    database: str = ""


def examine(site: Site) -> Iterator[Finding]:
    """Look at an installation; nothing is changed."""
    home = site.home
    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding(
        "program", PROGRAM, T(f"云厅 {__version__}，Python {python}", f"Cloudhall {__version__}, Python {python}")
    )
    if not home.is_dir():
        detail = T(f"{home} 里没有安装", f"there is no installation in {home}")
        remedy = T("用 --home 指定数据所在的文件夹", "Name the folder of its data with --home")
        yield Finding("home", HOME, detail, State.WRONG, remedy)
        return
    up = machine.runs(home)
    yield from machine.server(site.port, up=up, host=site.host)
    yield from machine.disk(home)
    yield from secrets.keys(home)
    yield from secrets.certificates(home, site.certificate)
    yield from engines.engine(home, up=up)
    yield from records.kept_copies(home)
    yield from _elsewhere(site) if site.database else _records(home)


def _elsewhere(site: Site) -> Iterator[Finding]:
    from cloudhall.doctor.postgres import postgres  # psycopg with it, where it is needed alone

    yield from postgres(site.database, site.home)


def _records(home: Path) -> Iterator[Finding]:
    """Look at the rows, and at the clock that they were written by."""
    if not (home / "cloudhall.db").is_file():
        yield records.broken("cloudhall.db")
        return
    try:
        with records.reader(home) as tx:
            yield from records.database(tx)
            yield from records.log(tx, home)
            yield from records.kept(tx, home)
            yield from machine.clock(records.newest_us(tx))
    except sqlite3.DatabaseError as error:
        yield records.broken(error)
