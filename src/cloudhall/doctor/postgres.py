"""A PostgreSQL database under an installation: reachable, fit, durable, roomy, and how its clock goes.

Everything is asked in one transaction that only reads, as the installation's own user, who need not be a superuser:
what such a user may not see is left out.
"""

import contextlib
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cloudhall.doctor import machine
from cloudhall.doctor.findings import Finding, State, refused
from cloudhall.doctor.records import DATABASE, kept, log, newest_us, older
from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.store import Cursor, revisions
from cloudhall.kernel.store.dialect import POSTGRES
from cloudhall.kernel.store.moving import OWN, walked
from cloudhall.kernel.store.postgres import READERS_MAX, refuse_unfit
from cloudhall.kernel.store.rows import Rows
from cloudhall.kernel.store.session import Lost, Refused, Session
from cloudhall.kernel.text import T

READ = "SET statement_timeout = 0; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
CONNECTIONS = READERS_MAX + 3  # of one process: it writes, reads, listens, and backs up
APART_S = 1.0
SETTINGS, ROOM, DISK = (
    T("数据库设置", "database settings"),
    T("数据库连接", "database connections"),
    T("数据库磁盘", "database disk"),
)
CLOCK = T("数据库时钟", "database clock")
_SETTINGS = "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')"
_STANDBY = "SELECT pg_is_in_recovery(), current_setting('synchronous_standby_names') <> ''"
_CONNECTIONS = """
SELECT current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint,
       (SELECT sum(numbackends) FROM pg_stat_database)::bigint
"""


def postgres(url: str, home: Path) -> Iterator[Finding]:
    """Look at the database of a URL and at the rows in it; the last finding is on this machine's clock."""
    newest = 0
    try:
        with contextlib.closing(Session(url, READ)) as session:
            yield from _database(session)
            yield from _durable(session)
            yield from _connections(session)
            yield _disk(session)
            yield _clock(session)
            if _schema(session):
                walking = Walking(session)
                yield from log(walking, home)
                yield from kept(walking, home, POSTGRES)
                newest = newest_us(walking)
    except (Lost, Refused) as error:
        yield _away(error)
    yield from machine.clock(newest)


class Walking:
    """A `Tx` that reads what is asked without parameters a page at a time: the log may be larger than memory."""

    def __init__(self, session: Session) -> None:
        """`session` is in a transaction."""
        self._session = session

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Cursor:
        """Run one query."""
        return self._session.execute(sql, parameters) if parameters else Rows(walked(self._session, sql), 0)

    def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> Cursor:
        """Never of use: what examines writes nothing."""
        return self._session.executemany(sql, parameters)


def _away(error: Exception) -> Finding:
    detail = T(f"连不上或不应答：{error}", f"does not answer: {error}")
    remedy = T(
        "检查 PostgreSQL 是否在运行、网络和 CLOUDHALL_DATABASE 中的地址、用户、密码",
        "See that PostgreSQL runs, and look at the network and at address, user and password in CLOUDHALL_DATABASE",
    )
    return Finding("database", DATABASE, detail, State.WRONG, remedy)


def _schema(session: Session) -> int:
    """Version of the tables; 0 where there are none."""
    (there,) = session.execute("SELECT to_regclass(?) IS NOT NULL", (OWN,)).fetchone()
    return int(session.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchone()[0]) if there else 0


def _database(session: Session) -> Iterator[Finding]:
    """Whether the server will do, and whether this release knows what is in it."""
    version = _schema(session)
    name, release = session.execute("SELECT current_database(), current_setting('server_version')").fetchone()
    try:
        refuse_unfit(session)
        if version:
            revisions.refuse_newer(session, POSTGRES, name)
    except CloudhallError as error:
        yield refused("database", DATABASE, error)
        return
    if 0 < version < revisions.SCHEMA_VERSION:
        yield older(version)
    elif version:
        detail = T(
            f"有应答；PostgreSQL {release}，{name}，结构 {version}",
            f"answers; PostgreSQL {release}, {name}, schema {version}",
        )
        yield Finding("database", DATABASE, detail)
    else:
        yield _no_installation(name)


def _no_installation(name: str) -> Finding:
    remedy = T(
        "检查 CLOUDHALL_DATABASE；新安装先用 cloudhall found", "Check CLOUDHALL_DATABASE; or found it: cloudhall found"
    )
    detail = T(f"{name} 里没有安装", f"there is no installation in {name}")
    return Finding("database", DATABASE, detail, State.WRONG, remedy)


def _durable(session: Session) -> Iterator[Finding]:
    """Whether what is acknowledged is on disk, and whether anything is acknowledged at all."""
    seen = dict(session.execute(_SETTINGS).fetchall())
    standby, waits = session.execute(_STANDBY).fetchone()
    (followers,) = session.execute("SELECT count(*) FROM pg_stat_replication").fetchone()
    lossy = [name for name in ("fsync", "full_page_writes") if seen[name] == "off"]
    if lossy:
        named = ", ".join(lossy)
        detail = T(f"{named} 已关闭：断电会损坏数据库", f"{named} is off: a power cut breaks the database")
        yield Finding("database_settings", SETTINGS, detail, State.WRONG, _set_on(*lossy))
    elif standby:
        detail = T("这是备机，不接受写入", "this is a standby and takes no writes")
        remedy = T(
            "在 CLOUDHALL_DATABASE 中写主库，或把它提升为主库",
            "Name the primary in CLOUDHALL_DATABASE, or promote this one",
        )
        yield Finding("database_settings", SETTINGS, detail, State.WRONG, remedy)
    elif waits and not followers:
        detail = T(
            "要求同步备机，却没有备机相连：写入会一直等待",
            "a synchronous standby is demanded and none is there: writes wait",
        )
        remedy = T("接回备机，或清空 synchronous_standby_names", "Bring one back, or empty synchronous_standby_names")
        yield Finding("database_settings", SETTINGS, detail, State.WRONG, remedy)
    elif seen["synchronous_commit"] in ("off", "local"):
        said = seen["synchronous_commit"]
        detail = T(
            f"synchronous_commit 为 {said}；云厅自己的写入不受影响",
            f"synchronous_commit is {said}; Cloudhall sets it on for its own writes",
        )
        yield Finding("database_settings", SETTINGS, detail, State.NOTE, _set_on("synchronous_commit"))
    else:
        detail = T(f"确认即落盘；{followers} 个备机", f"what is acknowledged is on disk; {followers} standbys")
        yield Finding("database_settings", SETTINGS, detail)


def _set_on(*names: str) -> T:
    said = "; ".join(f"ALTER SYSTEM SET {name} = on" for name in names)
    return T(f"执行 {said}; SELECT pg_reload_conf()", f"Run: {said}; SELECT pg_reload_conf()")


def _connections(session: Session) -> Iterator[Finding]:
    most, used = session.execute(_CONNECTIONS).fetchone()
    detail = T(f"{most} 个连接，已用 {used} 个", f"{used} of {most} in use")
    if most - used >= CONNECTIONS:
        yield Finding("database_connections", ROOM, detail)
        return
    remedy = T(
        f"提高 max_connections：每个进程最多用 {CONNECTIONS} 个",
        f"Raise max_connections: a process takes up to {CONNECTIONS}",
    )
    yield Finding("database_connections", ROOM, detail, State.NOTE, remedy)


def _disk(session: Session) -> Finding:
    """Its size, and the room around it where its folder is on this machine and ours to see."""
    (size,) = session.execute("SELECT pg_database_size(current_database())").fetchone()
    folder = _folder(session)
    told_size = f"{size / machine.GIB:.1f} GiB"
    if folder is None:
        detail = T(f"占 {told_size}；其磁盘从这里看不到", f"{told_size}; its disk is not seen from here")
        return Finding("database_disk", DISK, detail)
    free = shutil.disk_usage(folder).free
    free_size = f"{free / machine.GIB:.1f} GiB"
    detail = T(f"占 {told_size}，剩余 {free_size}", f"{told_size}, {free_size} free")
    if free >= machine.FREE_NOTE_BYTES:
        return Finding("database_disk", DISK, detail)
    state = State.WRONG if free < machine.FREE_WRONG_BYTES else State.NOTE
    return Finding(
        "database_disk", DISK, detail, state, T(f"清理 {folder} 所在的磁盘", f"Free some room around {folder}")
    )


def _folder(session: Session) -> Path | None:
    may, is_local = session.execute(
        "SELECT pg_has_role(current_user, 'pg_read_all_settings', 'MEMBER'), inet_server_addr() IS NULL"
    ).fetchone()
    if not (may and is_local):
        return None
    folder = Path(session.execute("SELECT current_setting('data_directory')").fetchone()[0])
    return folder if folder.is_dir() else None


def _clock(session: Session) -> Finding:
    before = time.time()
    (seen_us,) = session.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").fetchone()
    apart = seen_us / 1e6 - (before + time.time()) / 2
    detail = T(f"与本机相差 {apart:+.3f} 秒", f"{apart:+.3f} s from this machine's")
    if abs(apart) <= APART_S:
        return Finding("database_clock", CLOCK, detail)
    remedy = T("两台机器都用 NTP 校时", "Let NTP keep the time on both machines")
    return Finding("database_clock", CLOCK, detail, State.NOTE, remedy)
