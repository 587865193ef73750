"""`move-database`: the rows of an installation from SQLite to PostgreSQL, on its machine, while no server runs."""

from pathlib import Path
from typing import TYPE_CHECKING

from cloudhall.cli.here import folder_of, told
from cloudhall.cli.output import automatic, note, show_rows
from cloudhall.cli.parts import Command, Option
from cloudhall.cli.run import HOME
from cloudhall.cli.tables import Column
from cloudhall.sdk.language import T, say

if TYPE_CHECKING:
    from cloudhall.kernel.store.moving import Copied

HEADS = {"table": T("表", "Table"), "rows": T("行数", "Rows"), "digest": T("各行散列之和", "Sum of row hashes")}
MOVED = T(
    "每张表的副本都逐行比对过，审计日志的树根相同；原文件改名为 {}",
    "Every table was compared row by row with its copy, and the root of the log is the same; the old file is now {}",
)
THEN = T("今后启动时设 {} 为这个地址", "From now on, start with {} set to this address")


def move_database(*, to: str, home: Path | None) -> None:
    """Move, and show what was copied."""
    from cloudhall import installation, moving

    copied: list[Copied] = []
    folder = folder_of(home)
    with told():
        moving.move_database(folder, to, copied.append)
    rows = [{"table": c.table, "rows": f"{c.rows:,}", "digest": c.digest} for c in copied]
    show_rows([Column(say(title), key) for key, title in HEADS.items()], rows, automatic())
    note(say(MOVED, folder / moving.MOVED))
    note(say(THEN, installation.DATABASE))


MOVE_DATABASE = Command(
    "move-database",
    move_database,
    T(
        "把安装的数据从 SQLite 迁到 PostgreSQL 的空数据库，逐行核验；服务器须停着。密钥和对象留在原处。",
        "Move an installation's rows from SQLite to an empty PostgreSQL database, compared row by row. No server may "
        "run on its folder; keys and objects stay there.",
    ),
    examples=["move-database --to postgresql://cloudhall@db.example/cloudhall"],
    params=[
        Option("--to", text=T("空数据库的地址", "Address of an empty database"), metavar="URL", required=True),
        HOME,
    ],
)
