"""What an object is, told by its bytes; and Parquet files, which are read where a hostile one hurts nobody."""

import ctypes
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from cloudhall.domains.storage import parquet_file, parquet_reader
from cloudhall.domains.storage.parquet_file import READER, TOO_LARGE, UNREADABLE, Found
from cloudhall.domains.storage.previews import decoded, sniffed, table_of
from cloudhall.kernel.text import T

ROWS, GROUP = 60_000, 20_000
_CHANCE = random.Random(7)  # noqa: S311  the same damage in every run


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"%PDF-1.7", "application/pdf"),
        (b"<svg onload=alert(1)>", ""),
        (b"<html>", ""),
        (b" \x89PNG\r\n\x1a\n", ""),
        (b"", ""),
    ],
)
def test_a_type_is_that_of_the_bytes(head: bytes, media_type: str) -> None:
    assert sniffed(head) == media_type


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("渝中区", "utf-8"),
        ("渝中区", "gb18030"),
        ("渝中区", "utf-8-sig"),
        ("渝中区", "utf-16"),
        ("plain", "ascii"),
    ],
)
def test_text_is_read_in_the_encodings_of_the_place(content: str, encoding: str) -> None:
    text, said = decoded(content.encode(encoding), cut=False)
    assert text == content
    assert said == {"utf-8-sig": "UTF-8", "ascii": "UTF-8"}.get(encoding, encoding.upper())


def test_a_text_may_be_cut_within_a_character() -> None:
    for encoding in ("utf-8", "gb18030"):
        assert decoded("渝中".encode(encoding)[:-1], cut=True)[0] == "渝"
    assert decoded("渝中".encode()[:-1], cut=False)[1] != "UTF-8"


@pytest.mark.parametrize("content", [bytes(range(256)), b"\0\0\0", b"\xff\xfe\xff\xff\x00"])
def test_what_is_no_text_is_none(content: bytes) -> None:
    assert decoded(content, cut=False) == ("", "")


def test_columns_have_the_types_of_their_values() -> None:
    text = "code,name,count,rate,day,none\n010,渝中,12,0.5,2026-01-31,\n020,江北,7,1,2026-02-01,\n"
    table = table_of(text, "a.CSV", cut=False)
    assert table is not None
    assert [(c.name, c.type.en, c.right) for c in table.columns] == [
        ("code", "text", False),
        ("name", "text", False),
        ("count", "whole number", True),
        ("rate", "number", True),
        ("day", "date", False),
        ("none", "empty", False),
    ]
    assert (table.number, table.rows[1][:2]) == (2, ("020", "江北"))
    assert table_of(text + "030,half a li", "a.csv", cut=True) == table._replace(number=None)


@pytest.mark.parametrize(
    ("text", "key"),
    [("a,b\n1,2", "a.txt"), ("one column\n1\n", "a.csv"), ("", "a.csv"), ("a,b\n" + "x" * 200_000, "a.csv")],
)
def test_what_is_no_table_stays_text(text: str, key: str) -> None:
    assert table_of(text, key, cut=False) is None


def test_other_separators_and_ragged_rows() -> None:
    table = table_of("a;b\n1;2;3\n4\n", "a.csv", cut=False)
    assert table is not None
    assert table.rows == (("1", "2"), ("4", ""))


@pytest.fixture(scope="module")
def parquet(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Three row groups, and names that would be SQL or HTML somewhere else."""
    path = tmp_path_factory.mktemp("parquet") / "a.parquet"
    named = 'i AS id, md5(i::VARCHAR) AS "na""me, <b>", [i, NULL] AS list, {\'a\': i} AS struct, NULL::DATE AS day'
    duckdb.execute(
        f"COPY (SELECT {named} FROM range({ROWS}) t(i)) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE {GROUP})"
    )
    return path.read_bytes()


def read(home: Path, content: bytes) -> tuple[Found | T, int]:
    """Preview of a file, and how many bytes of it were fetched."""
    fetched = []

    def fetch(first: int, count: int) -> bytes:
        fetched.append(count)
        return content[first : first + count]

    return parquet_file.read(home, len(content), fetch, rows=3, columns=4), sum(fetched)


def test_the_first_rows_are_read_and_the_rest_is_not_fetched(tmp_path: Path, parquet: bytes) -> None:
    found, fetched = read(tmp_path, parquet)
    assert isinstance(found, Found)
    assert [c.name for c in found.columns] == ["id", 'na"me, <b>', "list", "struct"]
    assert (found.width, found.count, len(found.rows)) == (5, ROWS, 3)
    assert found.rows[1] == ["1", "c4ca4238a0b923820dcc509a6f75849b", "[1, NULL]", "{'a': 1}"]
    assert fetched < len(parquet) / 2
    assert list(tmp_path.iterdir()) == []


def _garbage(content: bytes) -> bytes:
    return b"PAR1" + _CHANCE.randbytes(1_000) + (900).to_bytes(4, "little") + b"PAR1"


def _lying(content: bytes) -> bytes:
    return content[:-8] + (2**31).to_bytes(4, "little") + b"PAR1"


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _mutated(content: bytes) -> bytes:
    """Some bytes of the footer and of the first pages are others."""
    changed = bytearray(content)
    for at in (*_CHANCE.sample(range(4, 4_000), 40), *_CHANCE.sample(range(len(content) - 900, len(content) - 8), 12)):
        changed[at] ^= 1 << _CHANCE.randrange(8)
    return bytes(changed)


@pytest.mark.parametrize("spoil", [_garbage, _lying, _cut])
def test_a_hostile_file_is_unreadable_and_nothing_more(
    tmp_path: Path, parquet: bytes, spoil: Callable[[bytes], bytes]
) -> None:
    found, _ = read(tmp_path, spoil(parquet))
    assert found == UNREADABLE
    assert list(tmp_path.iterdir()) == []


def test_damage_costs_the_preview_at_most(tmp_path: Path, parquet: bytes) -> None:
    for _ in range(3):
        found, _ = read(tmp_path, _mutated(parquet))
        assert found == UNREADABLE or isinstance(found, Found)


def test_a_first_row_group_that_is_too_large_is_left(
    tmp_path: Path, parquet: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_file, "GROUP_BYTES_MAX", 1_000)
    assert read(tmp_path, parquet)[0] == TOO_LARGE


def test_the_reader_gives_up_all_that_it_does_not_need(tmp_path: Path) -> None:
    """What somebody could do who had found a hole in the reader."""
    attempts = """
import os, socket, sys
sys.path.insert(0, sys.argv[1])
import parquet_reader, pathlib
parquet_reader.confine(pathlib.Path(sys.argv[2]))
for name, attempt in {
    "connect": lambda: socket.socket(),
    "program": lambda: os.execv("/bin/true", ["true"]),
    "kill": lambda: os.kill(1, 0),
    "delete": lambda: os.unlink(sys.argv[2] + "/kept"),
    "memory": lambda: bytearray(2 << 30),
    "landlock": lambda: open(sys.argv[3]),
}.items():
    try:
        attempt()
        print(name)
    except (OSError, MemoryError):
        pass
"""
    kept, other = tmp_path / "below", tmp_path / "other"
    kept.mkdir()
    (kept / "kept").touch()
    other.touch()
    command = [sys.executable, "-c", attempts, str(READER.parent), str(kept), str(other)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True, timeout=60)
    allowed = set(done.stdout.split())
    landlock = ctypes.CDLL(None).syscall(parquet_reader.CREATE_RULESET, None, 0, 1) > 0  # asks for its version
    assert allowed == (set() if landlock else {"landlock"})
    assert (kept / "kept").exists()
