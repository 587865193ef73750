"""One text for both dialects: what is rendered, and that the product says nothing that only one of them understands."""

import re
from pathlib import Path

import pytest

from cloudhall.kernel.store.dialect import numbered, rendered

SOURCES = Path(__file__).parents[3] / "src/cloudhall"
OPENS_ONE = re.compile(r"import sqlite3|store\.session import")
ONE_SIDED = re.compile(
    r"INSERT OR |REPLACE INTO|PRAGMA \w+ ?[=(]|sqlite_master|\browid\b|json_extract\(|json_set\(|IFNULL\(|\bGLOB\b"
    r"|::(?:text|bigint|json|regclass)|GREATEST\(|LEAST\(|ILIKE|last_insert_rowid|\bNOW\(\)|ANY\(\?"
)


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ("SELECT 1", "SELECT 1"),
        ("SELECT a FROM t WHERE b = ? AND c IN (?, ?)", "SELECT a FROM t WHERE b = $1 AND c IN ($2, $3)"),
        ("SELECT '?' || ? || 'it''s ?'", "SELECT '?' || $1 || 'it''s ?'"),
        ("a LIKE ? ESCAPE '\\' AND b = 'LIKE'", "a ILIKE $1 ESCAPE '\\' AND b = 'LIKE'"),
        ("SELECT unlike, 5 % ? FROM t", "SELECT unlike, 5 % $1 FROM t"),
    ],
)
def test_parameters_are_numbered_outside_of_texts(said: str, taken: str) -> None:
    assert numbered(said) == taken


@pytest.mark.parametrize(
    ("written", "made"),
    [
        (
            "CREATE TABLE t (a TEXT PRIMARY KEY, n INTEGER NOT NULL, b BLOB) STRICT, WITHOUT ROWID",
            'CREATE TABLE t (a TEXT COLLATE "C" PRIMARY KEY, n BIGINT NOT NULL, b BYTEA)',
        ),
        ("\nCREATE TABLE t (\n  a BLOB\n) STRICT", "\nCREATE TABLE t (\n  a BYTEA\n)"),
        ("ALTER TABLE t ADD COLUMN c TEXT", 'ALTER TABLE t ADD COLUMN c TEXT COLLATE "C"'),
        ("CREATE INDEX i ON t (a) WHERE b IS NULL", "CREATE INDEX i ON t (a) WHERE b IS NULL"),
        ("INSERT INTO t VALUES ('INTEGER')", "INSERT INTO t VALUES ('INTEGER')"),
    ],
)
def test_tables_are_rendered(written: str, made: str) -> None:
    assert rendered(written) == made


def test_the_product_says_nothing_that_only_one_database_understands() -> None:
    """Whoever opens a database of one kind of their own may: a SQLite file, a session of PostgreSQL."""
    said = [
        f"{path.relative_to(SOURCES)}:{number}: {found[0]}"
        for path in sorted(SOURCES.rglob("*.py"))
        if path.parent.name != "store" and not OPENS_ONE.search(path.read_text("utf-8"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if (found := ONE_SIDED.search(line))
    ]
    assert said == []
