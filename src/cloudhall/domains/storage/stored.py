"""What each bucket holds, as far as the engine's change stream has been read: a running total, exact to the byte."""

from cloudhall.kernel.store import Tx

SCHEMA = """
CREATE TABLE storage_stored (
  bucket TEXT PRIMARY KEY, bytes INTEGER NOT NULL, objects INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""


def of_bucket(tx: Tx, bucket: str) -> tuple[int, int]:
    """Bytes and objects of a bucket by its name."""
    row = tx.execute("SELECT bytes, objects FROM storage_stored WHERE bucket = ?", (bucket,)).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def add(tx: Tx, bucket: str, bytes_delta: int, objects_delta: int) -> int:
    """Add a change; answers the bytes there are now."""
    cursor = tx.execute(
        "INSERT INTO storage_stored VALUES (?, ?, ?) ON CONFLICT (bucket) DO UPDATE "
        "SET bytes = storage_stored.bytes + excluded.bytes, objects = storage_stored.objects + excluded.objects "
        "RETURNING bytes",
        (bucket, bytes_delta, objects_delta),
    )
    return int(cursor.fetchone()[0])


def put(tx: Tx, bucket: str, size: int, objects: int) -> None:
    """Set the total to what was counted."""
    tx.execute(
        "INSERT INTO storage_stored VALUES (?, ?, ?) ON CONFLICT (bucket) DO UPDATE "
        "SET bytes = excluded.bytes, objects = excluded.objects",
        (bucket, size, objects),
    )
