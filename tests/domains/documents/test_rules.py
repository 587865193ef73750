"""A document is what its bytes are, whatever its name and its sender say."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from cloudhall.domains.documents import rules
from cloudhall.kernel.errors import Invalid

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
JPEG = b"\xff\xd8\xff\xe0" + bytes(20)
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"


def zipped(names: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in names.items():
            archive.writestr(name, data)
    return made.getvalue()


def office(part: str, **more: bytes) -> bytes:
    return zipped({"[Content_Types].xml": b"<Types/>", f"{part}document.xml": b"<a/>", **more})


def type_of(folder: Path, data: bytes, name: str = "file", declared: str = "") -> str:
    path = folder / "some"
    path.write_bytes(data)
    return rules.type_of(path, name, declared)


@pytest.mark.parametrize(
    ("data", "name", "declared", "type_"),
    [
        (PDF, "a.pdf", "application/pdf", rules.PDF),
        (PDF, "a.pdf", "", rules.PDF),
        (PDF, "a.txt", "application/octet-stream", rules.PDF),
        (PNG, "a.png", "image/png", rules.PNG),
        (JPEG, "a.jpg", "image/jpg", rules.JPEG),
        (b"hello\n", "a.txt", "text/plain; charset=utf-8", rules.TEXT),
        ("你好\n".encode(), "a.md", "", rules.TEXT),
        ("编号,金额\n1,2\n".encode("gb18030"), "a.csv", "text/csv", rules.CSV),
        (b"\xef\xbb\xbfa,b\n", "a.csv", "", rules.CSV),
        (b"a,b\n", "table.txt", "text/csv", rules.CSV),
        (b'{"a": [1, 2]}', "a.json", "application/json", rules.JSON),
        (b'{"a": [1, 2]}', "a.json", "", rules.JSON),
        (b'{"a": [1, 2', "a.json", "", rules.TEXT),
        (zipped({"a.txt": b"a"}), "a.zip", "application/x-zip-compressed", rules.ZIP),
        (office("word/"), "a.docx", rules.OFFICE["word/"], rules.OFFICE["word/"]),
        (office("xl/"), "a.xlsx", "application/zip", rules.OFFICE["xl/"]),
        (office("ppt/"), "a.pptx", "", rules.OFFICE["ppt/"]),
    ],
)
def test_what_is_taken(tmp_path: Path, data: bytes, name: str, declared: str, type_: str) -> None:
    assert type_of(tmp_path, data, name, declared) == type_


@pytest.mark.parametrize(
    ("data", "declared", "said"),
    [
        (b"", "", "empty"),
        (b"<!DOCTYPE html><p>hi", "text/plain", "Web pages"),
        (b"\n\t <HTML >hi", "", "Web pages"),
        (b"<script>alert(1)</script>", "text/plain", "Web pages"),
        (b"\xef\xbb\xbf<html>", "", "Web pages"),
        (b"<!-- hello --><p>", "", "Web pages"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>', "image/png", "Web pages"),
        (b'<?xml version="1.0"?><svg/>', "", "Web pages"),
        (b"MZ\x90\x00", "application/pdf", "Programs"),
        (b"\x7fELF\x02", "", "Programs"),
        (b"#!/bin/sh\nrm -rf /\n", "text/plain", "Programs"),
        (b"GIF89a" + bytes(10), "image/gif", "none of those"),
        (b"text with \x00 in it", "text/plain", "none of those"),
        (b"\xff\xff\xff\xff", "", "none of those"),
        (PNG, "application/pdf", "declared as PDF, but is PNG"),
        (b"hello", "text/html", "declared as text/html, but is text"),
        (PDF, "text/plain", "declared as text, but is PDF"),
        (zipped({"META-INF/MANIFEST.MF": b"x"}), "", "macros or programs"),
        (office("word/", **{"word/vbaProject.bin": b"x"}), "", "macros or programs"),
        (b"PK\x03\x04 and no directory", "", "ZIP is broken"),
    ],
)
def test_what_is_refused_and_why(tmp_path: Path, data: bytes, declared: str, said: str) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        type_of(tmp_path, data, declared=declared)
    assert "PDF, PNG, JPEG" in refused.value.how.en


def test_a_directory_that_would_fill_the_memory_is_not_read(tmp_path: Path) -> None:
    data = bytearray(zipped({"a": b"a"}))
    at = data.rfind(b"PK\x05\x06")
    data[at + 12 : at + 16] = (1 << 30).to_bytes(4, "little")
    with pytest.raises(Invalid, match="too large"):
        type_of(tmp_path, bytes(data))


@pytest.mark.parametrize("name", ["合同 (终稿).pdf", "a", "x" * 200, "minutes 2026-11.txt"])
def test_names_that_are_taken(name: str) -> None:
    assert rules.name_problem(name) is None


@pytest.mark.parametrize(
    "name", ["", "x" * 201, "../a", "a/b", "a\\b", "a\nb", "con:1", " a", "a.", "a\u202efdp.exe", 'a"b', "a\x00"]
)
def test_names_that_are_not(name: str) -> None:
    assert rules.name_problem(name) is not None
