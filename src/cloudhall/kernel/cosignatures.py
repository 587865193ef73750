"""What witnesses have signed, beside the checkpoints: kept for good, a line a witness and checkpoint.

A line counts only once its signature has been checked (`witnesses`); who verifies a proof checks it again.
"""

from cloudhall.kernel.store import Tx

SCHEMA = """
CREATE TABLE IF NOT EXISTS audit_cosignature (
    size INTEGER NOT NULL, witness TEXT NOT NULL, at_us INTEGER NOT NULL, line TEXT NOT NULL,
    PRIMARY KEY (size, witness)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audit_witness (
    witness TEXT PRIMARY KEY, state TEXT NOT NULL, detail TEXT NOT NULL, since_us INTEGER NOT NULL,
    size INTEGER NOT NULL, signed_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""
NEWEST_LOOKED_AT = 64
_MOST = """
SELECT size FROM (
    SELECT size, witness FROM audit_cosignature WHERE size > ? ORDER BY size DESC LIMIT ?
) AS newest GROUP BY size ORDER BY count(*) DESC, size DESC LIMIT 1
"""


def add(tx: Tx, size: int, witness: str, at_us: int, line: str) -> None:
    """Keep one; a newer one of the same witness over the same tree takes its place."""
    tx.execute(
        "INSERT INTO audit_cosignature (size, witness, at_us, line) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (size, witness) DO UPDATE SET at_us = excluded.at_us, line = excluded.line",
        (size, witness, at_us, line),
    )


def lines(tx: Tx, size: int) -> str:
    """Signature lines to put under the checkpoint of this size."""
    rows = tx.execute("SELECT line FROM audit_cosignature WHERE size = ? ORDER BY witness", (size,))
    return "".join(line for (line,) in rows)


def best(tx: Tx, idx: int) -> int | None:
    """Size of the checkpoint beyond entry `idx` that most witnesses have signed, the newest of such.

    Looks at the newest cosignatures alone; None where none of them covers the entry.
    """
    row = tx.execute(_MOST, (idx, NEWEST_LOOKED_AT)).fetchone()
    return int(row[0]) if row else None
