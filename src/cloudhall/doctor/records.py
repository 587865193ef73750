"""Database and audit log: sound, known to this release, and what was signed."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from cloudhall import verify
from cloudhall.doctor.findings import Finding, State, refused
from cloudhall.domains.documents import attachments
from cloudhall.kernel import archive
from cloudhall.kernel.audit import AuditBroken, AuditLog, Checkpoint
from cloudhall.kernel.audit_check import wrong_rows
from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.keys import Keyring
from cloudhall.kernel.store import Tx, troubles
from cloudhall.kernel.store.dialect import SQLITE, Dialect
from cloudhall.kernel.store.opening import FILE
from cloudhall.kernel.store.revisions import SCHEMA_VERSION
from cloudhall.kernel.text import T
from cloudhall.kernel.world import World

DATABASE, LOG = T("数据库", "database"), T("审计日志", "audit log")
ARCHIVE, DOCUMENTS = T("归档的事件", "archived events"), T("附件", "documents")
FROM_BACKUP = T(
    "停下服务器，从备份恢复；先保留现有文件夹", "Stop the server and restore a backup; keep this folder first"
)
WAITS_S = 5.0


@contextlib.contextmanager
def reader(home: Path) -> Iterator[sqlite3.Connection]:
    """A connection that only reads."""
    with contextlib.closing(sqlite3.connect(home / "cloudhall.db", timeout=WAITS_S, isolation_level=None)) as tx:
        tx.execute("PRAGMA query_only = ON")
        yield tx


def database(tx: sqlite3.Connection) -> Iterator[Finding]:
    """Whether SQLite finds it whole, and whether this release knows it. Reads every page: some 500 MB a second."""
    (version,) = tx.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        yield refused("database", DATABASE, troubles.newer("cloudhall.db", version, SCHEMA_VERSION))
        return
    if version < SCHEMA_VERSION:
        yield older(version)
    said = [row[0] for row in tx.execute("PRAGMA quick_check(3)")]
    if said == ["ok"]:
        detail = T(
            f"完整；SQLite {sqlite3.sqlite_version}，结构 {version}",
            f"whole; SQLite {sqlite3.sqlite_version}, schema {version}",
        )
        yield Finding("database", DATABASE, detail)
    else:
        yield broken("; ".join(said))


def older(version: int) -> Finding:
    """An older release has written it last."""
    detail = T(
        f"由较旧的版本写成（结构 {version}，本程序为 {SCHEMA_VERSION}）",
        f"written by an older release (schema {version}, this is {SCHEMA_VERSION})",
    )
    remedy = T(
        "先做备份（cloudhall backup）；下次启动时升级，升级前的数据行会保留一份",
        "Take a backup first (cloudhall backup); the next start upgrades it, and keeps a copy of the rows from before",
    )
    return Finding("database", DATABASE, detail, State.NOTE, remedy)


def kept_copies(home: Path) -> Iterator[Finding]:
    """Rows that an upgrade has kept from before."""
    for path in sorted(home.glob(f"{FILE}.before-*")):
        detail = T(f"{path.name} 是升级前的数据行", f"{path.name} holds the rows from before an upgrade")
        remedy = T(
            f"确认升级无误后删除：其中还有此后销毁的内容：rm {path}",
            f"Delete it when the upgrade has proven itself, for it still holds what was destroyed since: rm {path}",
        )
        yield Finding("before_upgrade", DATABASE, detail, State.NOTE, remedy)


def broken(why: object) -> Finding:
    """The file is not a sound database."""
    return Finding("database", DATABASE, T(f"损坏：{why}", f"broken: {why}"), State.WRONG, FROM_BACKUP)


def newest_us(tx: Tx) -> int:
    """Time of the newest entry of the log; 0 before the first."""
    (at_us,) = tx.execute("SELECT coalesce(max(at_us), 0) FROM audit_leaf").fetchone()
    return int(at_us)


def log(tx: Tx, home: Path) -> Iterator[Finding]:
    """Whether the log is what was signed: each entry hashed anew, the root compared, the signature judged."""
    try:
        audit = AuditLog.open(Keyring.open(home / "keys", World()), World())
        last = audit.latest(tx)
        wrong = _wrong(tx, audit, last) if last else None
    except CloudhallError as error:
        yield refused("audit", LOG, error)
        return
    if wrong:
        yield Finding("audit", LOG, wrong, State.WRONG, FROM_BACKUP)
        return
    size = last.size if last else 0
    yield Finding(
        "audit", LOG, T(f"{size:,} 条，与签名的检查点一致", f"{size:,} entries, as the signed checkpoint has them")
    )


def kept(tx: Tx, home: Path, dialect: Dialect = SQLITE) -> Iterator[Finding]:
    """Whether archived events and documents are what the rows have of them. Reads each file."""
    if ("event_archive",) not in tx.execute(dialect.tables).fetchall():
        return  # rows of an older release that has not been started since
    yield _whole("archive", ARCHIVE, [*archive.wrong(tx, home)], archive.archived(tx))
    lost = [T(f"{s[:16]}… 缺失或被改动", f"{s[:16]}… is missing or was changed") for s in attachments.wrong(tx, home)]
    yield _whole("documents", DOCUMENTS, lost, len(attachments.hashes(tx)))


def _whole(code: str, about: T, wrong: Sequence[T], count: int) -> Finding:
    if wrong:
        return Finding(code, about, wrong[0], State.WRONG, FROM_BACKUP)
    return Finding(code, about, T(f"{count:,} 条，内容与记录一致", f"{count:,}, each as it is recorded"))


def _compare_with_kept_head(audit: AuditLog, tx: Tx) -> None:
    """Look a second time before it is called broken: a server may keep a newer head between our two reads."""
    try:
        audit.verify_on_start(tx)
    except AuditBroken:
        audit.verify_on_start(tx)


def _wrong(tx: Tx, audit: AuditLog, last: Checkpoint) -> T | None:
    """What is wrong, None when nothing is. Reads every entry, as `wrong_rows` says."""
    _compare_with_kept_head(audit, tx)
    found = next(wrong_rows(audit, tx), None)
    if found:
        return found
    head = audit.prove_all(tx, (), last.size).to_json()
    bad = next((f.detail for f in verify.check(head, [audit.verifier_key()]) if not f.ok), None)
    return T(*bad) if bad else None
