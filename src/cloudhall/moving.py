"""An installation moves from SQLite to PostgreSQL, offline. Keys and objects stay where they are.

Afterwards the old file has another name: whoever starts without CLOUDHALL_DATABASE is refused by the kept head of the
log, instead of going on with a copy that nobody writes any more.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

from cloudhall.kernel import tlog
from cloudhall.kernel.audit import AuditBroken, AuditLog
from cloudhall.kernel.errors import NotFound
from cloudhall.kernel.keys import Keyring
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.moving import PAGE, Copied, move
from cloudhall.kernel.store.opening import FILE, open_postgres, open_store
from cloudhall.kernel.text import T
from cloudhall.kernel.world import World
from cloudhall.server import only_one

MOVED = f"{FILE}.moved"


def move_database(home: Path, to: str, done: Callable[[Copied], None]) -> None:
    """Move the rows of the installation in `home`; `done` hears of each table when its copy is proven.

    Raises `NotFound` where there is no file to move, `Conflict` where a server runs or the target is not empty, and
    `AuditBroken` where the log that arrived is not the one that was signed; then nothing is kept.
    """
    world = World()
    with only_one(home):
        if not (home / FILE).is_file():
            raise NotFound(
                T(f"{home} 里没有 {FILE}", f"There is no {FILE} in {home}"),
                mend=T("用 --home 指定数据所在的文件夹", "Name the folder of its data with --home"),
                reason="HOME",
            )
        copy_rows(home, to, done, world)
        (home / FILE).rename(home / MOVED)


def copy_rows(home: Path, to: str, done: Callable[[Copied], None], world: World) -> None:
    """Copy the rows of `home` into an empty database and prove the log that arrived; all of it or nothing."""
    log = AuditLog.open(Keyring.open(home / "keys", world), world)
    with contextlib.ExitStack() as open_:
        target = open_.enter_context(contextlib.closing(open_postgres(to, world)))
        source = open_.enter_context(contextlib.closing(open_store(home, "", world)))
        move(source, target, done, lambda tx: _prove(log, tx))


def _prove(log: AuditLog, tx: Tx) -> None:
    """Build the tree of the log that arrived from its leaves: its root is the one that was signed last."""
    log.verify_on_start(tx)
    last, tree = log.latest(tx), tlog.CompactRange()
    sql = "SELECT leaf FROM audit_leaf WHERE idx >= ? AND idx < ? ORDER BY idx"
    size = last.size if last else 0
    for start in range(0, size, PAGE):
        for (leaf,) in tx.execute(sql, (start, min(start + PAGE, size))):
            tree.push(tlog.leaf_hash(leaf))
    if last and tree.root() != last.root:
        raise AuditBroken(
            T("审计日志的条目与已签名的树根不符", "The entries of the log do not lead to the root that was signed")
        )
