"""Reads a Parquet file of somebody unknown with DuckDB. Runs by itself: `python -I parquet_reader.py FILE STEP C R`.

`schema` answers columns, counts and where the first row group lies; `rows` answers the first R rows of the first C
columns, each value as text. JSON on stdout; any trouble ends it with a status.

What a hostile file could do if it found a hole in DuckDB: use 1 GiB and 5 s of a core, read FILE, and write its answer.
Before the file is opened the process gives up memory beyond that, new files, programs and connections (seccomp), and
every other file (Landlock, where the kernel has it). Nothing of cloudhall is imported.
"""

import ctypes
import json
import os
import platform
import resource
import struct
import sys
from pathlib import Path

import duckdb

MEMORY_BYTES, CPU_S, FILES_MAX = 1 << 30, 5, 32
CELL_LENGTH_MAX, TYPE_LENGTH_MAX = 256, 40
FIRST_GROUP = """
SELECT min(first), max(first + size) FROM (
  SELECT least(data_page_offset, coalesce(nullif(dictionary_page_offset, 0), data_page_offset)) AS first,
         total_compressed_size AS size
  FROM parquet_metadata($1) WHERE row_group_id = 0)
"""
NO_NEW_PRIVS, SET_SECCOMP, FILTER = 38, 22, 2  # prctl(2)
CREATE_RULESET, ADD_RULE, RESTRICT_SELF, PATH_BENEATH, READ_FILE, ALL_ACCESS = 444, 445, 446, 1, 1 << 2, (1 << 13) - 1
DENIED = {  # socket connect execve execveat fork vfork ptrace kill unlink rename unlinkat renameat renameat2
    "x86_64": (0xC000003E, (41, 42, 59, 322, 57, 58, 101, 62, 87, 82, 263, 264, 316)),
    "aarch64": (0xC00000B7, (198, 203, 221, 281, 117, 129, 35, 38, 276)),
}
"""Architecture and calls by machine (linux/audit.h, asm/unistd.h)."""
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06  # linux/bpf_common.h
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050001, 0x80000000  # linux/seccomp.h; refused calls fail with EPERM
X32 = 0x40000000  # the same calls by other numbers


def confine(folder: Path) -> None:
    """Give up everything that reading files of one folder does not need."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES_MAX, FILES_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")
    _see_only(libc, folder)
    _call_only(libc)


def _see_only(libc: ctypes.CDLL, folder: Path) -> None:
    """Landlock: open for reading what lies in a folder, and nothing else. An older kernel has it not."""
    ruleset = libc.syscall(CREATE_RULESET, struct.pack("=Q", ALL_ACCESS), 8, 0)
    if ruleset < 0:
        return
    below = os.open(folder, os.O_PATH)
    if libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, struct.pack("=Qi", READ_FILE, below), 0):
        raise OSError(ctypes.get_errno(), "landlock")
    if libc.syscall(RESTRICT_SELF, ruleset, 0):
        raise OSError(ctypes.get_errno(), "landlock")
    os.close(below)
    os.close(ruleset)


def _call_only(libc: ctypes.CDLL) -> None:
    """Seccomp: no connection, no program, no other process, nothing deleted or renamed."""
    if platform.machine() not in DENIED:
        return
    architecture, calls = DENIED[platform.machine()]
    lines = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, architecture), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    lines += [(AT_LEAST, len(calls) + 1, 0, X32)]
    lines += [(EQUAL, len(calls) - n, 0, call) for n, call in enumerate(calls)]
    lines += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in lines))
    program = struct.pack("@HP", len(lines), ctypes.addressof(code))
    if libc.prctl(SET_SECCOMP, FILTER, program, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


def opened() -> duckdb.DuckDBPyConnection:
    """Return a database in memory that loads nothing and remembers nothing."""
    return duckdb.connect(
        ":memory:",
        config={
            "threads": 1,
            "memory_limit": "512MB",
            "temp_directory": "",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )


def schema(db: duckdb.DuckDBPyConnection, file: str, columns: int) -> object:
    """Columns, how many there are and how many rows, and where the first row group lies."""
    table = db.read_parquet(file)
    (count,) = db.execute("SELECT num_rows FROM parquet_file_metadata($1)", [file]).fetchall()[0]
    ((first, end),) = db.execute(FIRST_GROUP, [file]).fetchall()
    named = [
        {"name": name[:CELL_LENGTH_MAX], "type": str(type_)[:TYPE_LENGTH_MAX]}
        for name, type_ in zip(table.columns[:columns], table.types, strict=False)
    ]
    return {"columns": named, "width": len(table.columns), "count": count, "first": first or 0, "end": end or 0}


def rows(db: duckdb.DuckDBPyConnection, file: str, columns: int, limit: int) -> object:
    """First rows as text."""
    table = db.read_parquet(file)
    names = ['"' + name.replace('"', '""') + '"' for name in table.columns[:columns]]
    shown = ", ".join(f"coalesce(left(CAST({name} AS VARCHAR), {CELL_LENGTH_MAX}), '')" for name in names)
    return [list(row) for row in table.limit(limit).project(shown).fetchall()]


def main(file: str, step: str, columns: str, limit: str) -> None:
    """Answer one step."""
    db = opened()
    confine(Path(file).parent)
    answer = schema(db, file, int(columns)) if step == "schema" else rows(db, file, int(columns), int(limit))
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
