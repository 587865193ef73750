"""What the two dialects say differently, as pure functions over texts.

Statements are written once, in what both understand: `ON CONFLICT`, `RETURNING`, row values, `?` parameters, `CASE`
instead of a two-valued min or max, columns qualified where `excluded` is near. Tables are written as SQLite has them
and rendered here. PostgreSQL sorts every text under `COLLATE "C"`, so that pages agree; a number is 64 bits in both.
"""

import functools
import re
from collections.abc import Callable
from typing import NamedTuple

_SAID_ONLY_IN_SQLITE = re.compile(r"\)\s*STRICT(?:, WITHOUT ROWID)?\s*$")
_TYPES = {"INTEGER": "BIGINT", "BLOB": "BYTEA", "TEXT": 'TEXT COLLATE "C"'}
_TYPE = re.compile(rf"\b({'|'.join(_TYPES)})\b")
_TOKEN = re.compile(r"'(?:[^']|'')*'|\?|\bLIKE\b")


class Dialect(NamedTuple):
    """How one database says it. `tables`, `made` and `columns` are queries that answer names.

    `made` holds indexes as well, `columns` takes the name of a table. `version` answers the revision of the schema, 0
    where there is none, and `mark`, a number filled in, sets it. `member`, column and name filled in, is a text of a
    column of JSON.
    """

    name: str
    tables: str
    made: str
    columns: str
    version: str
    mark: str
    member: str
    render: Callable[[str], str]


def rendered(statement: str) -> str:
    """Render a statement that makes or changes a table for PostgreSQL; any other stays as it is."""
    if not statement.lstrip().startswith(("CREATE", "ALTER")):
        return statement
    return _TYPE.sub(lambda found: _TYPES[found[1]], _SAID_ONLY_IN_SQLITE.sub(")", statement))


@functools.lru_cache(maxsize=4_096)
def numbered(sql: str) -> str:
    """Say a statement as PostgreSQL takes it: `?` as `$1`, `$2` …, and `LIKE` blind to the case of ASCII letters."""
    parts, at, count = [], 0, 0
    for token in _TOKEN.finditer(sql):
        said = token[0]
        if said == "?":
            count += 1
            said = f"${count}"
        elif said == "LIKE":
            said = "ILIKE"
        parts += [sql[at : token.start()], said]
        at = token.end()
    return "".join([*parts, sql[at:]])


SQLITE = Dialect(
    name="sqlite",
    tables="SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
    made="SELECT name FROM sqlite_master",
    columns="SELECT name FROM pragma_table_info(?)",
    version="PRAGMA user_version",
    mark="PRAGMA user_version = {}",
    member="json_extract({}, '$.{}')",
    render=str,
)
POSTGRES = Dialect(
    name="postgres",
    tables="SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename",
    made="SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace",
    columns="SELECT attname FROM pg_attribute WHERE attrelid = ?::regclass AND attnum > 0 AND NOT attisdropped",
    version="SELECT coalesce(max(version), 0) FROM schema_version",
    mark="INSERT INTO schema_version VALUES ({}) ON CONFLICT DO NOTHING",
    member="(CAST({} AS jsonb) ->> '{}')",
    render=rendered,
)
