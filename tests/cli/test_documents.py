"""Documents from the command line, before a served installation."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudhall.domains.storage.bucket import Bucket
from tests.cli.shell import Shell
from tests.kit.faces import Faces
from tests.kit.hall import Hall, opened

PDF = b"%PDF-1.7\nhello\n"


@pytest.fixture
def hall() -> Iterator[Hall]:
    with opened() as built:
        spec = {"quota_gib": 1, "grade": "open"}
        built.do(built.staff["developer"], Bucket, "create", place=built.project(), name="stats", spec=spec)
        yield built


@pytest.fixture
def shell(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    faces = Faces(hall)
    with faces.served() as address:
        monkeypatch.setenv("CLOUDHALL_URL", address)
        monkeypatch.setenv("CLOUDHALL_TOKEN", faces.secret(hall.staff["developer"]))
        monkeypatch.setenv("CLOUDHALL_PROJECT", "monitoring")
        yield Shell(hall.kernel.registry)


def test_a_file_goes_there_and_comes_back(shell: Shell, tmp_path: Path) -> None:
    path, back = tmp_path / "合同.pdf", tmp_path / "back.pdf"
    path.write_bytes(PDF)
    id_ = shell.out("attach bucket stats", str(path)).strip()
    row = shell.out("document list bucket stats").strip().split("\t")
    assert (row[:4], row[5]) == ([id_, "合同.pdf", "application/pdf", "15"], hashlib.sha256(PDF).hexdigest())
    assert "15 B" in shell.out("document list bucket stats -o table")
    assert shell.json("document list bucket stats")["items"][0]["id"] == id_
    shell.out(f"document get {id_} --out", str(back))
    assert back.read_bytes() == PDF
    assert shell.err(f"document delete {id_}") == "Taken away\n"
    assert shell.out("document list bucket stats") == ""


def test_what_is_refused_says_why(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(b"<html>")
    assert "Web pages, SVG and XML are not taken" in shell.err("attach bucket stats", str(path), code=2)
    assert "cannot be read" in shell.err("attach bucket stats", str(tmp_path / "none"), code=2)
