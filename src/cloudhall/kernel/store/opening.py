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
    """Open `cloudhall.db` in `home`, or the PostgreSQL database of a URL."""
    return open_postgres(database, world) if database else SQLiteStore(home / FILE, world)


def open_postgres(url: str, world: World) -> Store:
    """Open the database of a URL as libpq takes it; raises `Unavailable`."""
    if not url.startswith(SCHEMES):
        raise Unavailable(
            T("这不是 PostgreSQL 数据库的地址", "This is no address of a PostgreSQL database"),
            mend=T(
                "例如 postgresql://cloudhall@db.example/cloudhall；不设 CLOUDHALL_DATABASE 则用内置的 SQLite",
                "For example postgresql://cloudhall@db.example/cloudhall; the embedded SQLite is used where "
                "CLOUDHALL_DATABASE is not set",
            ),
            reason="DATABASE",
        )
    from cloudhall.kernel.store.postgres import PostgresStore

    return PostgresStore(url, world)
