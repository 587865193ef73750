"""Which database an installation has: a file in its home folder, or PostgreSQL where a URL is given."""

from pathlib import Path

from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.store import Store
from cloudhall.kernel.store.sqlite import SQLiteStore
from cloudhall.kernel.text import T
from cloudhall.kernel.world import World

FILE = "cloudhall.db"
SCHEMES = ("postgresql://", "postgres://")


def open_store(home: Path, database: str, world: World) -> Store:
    """Open `cloudhall.db` in `home`, or the PostgreSQL database of a URL as libpq takes it."""
    if not database:
        return SQLiteStore(home / FILE, world)
    if not database.startswith(SCHEMES):
        raise Unavailable(
            T("CLOUDHALL_DATABASE 不是 PostgreSQL 的地址", "CLOUDHALL_DATABASE is no address of a PostgreSQL"),
            mend=T(
                "例如 postgresql://cloudhall@db.example/cloudhall；不设则用内置的 SQLite",
                "For example postgresql://cloudhall@db.example/cloudhall; without it the embedded SQLite is used",
            ),
        )
    from cloudhall.kernel.store.postgres import PostgresStore

    return PostgresStore(database, world)
