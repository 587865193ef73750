"""What the command line knows of the kinds, and when it finds out."""

import json
import stat
from pathlib import Path

import pytest

from cloudhall.cli import catalogue
from cloudhall.cli.catalogue import path_of
from cloudhall.cli.declared import catalogue_of
from cloudhall.cli.main import BUILT_IN
from cloudhall.installation import build_registry

RESERVED = frozenset(BUILT_IN)


def test_the_catalogue_is_made_once_and_then_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache/catalogue.json"
    made = catalogue.load(cache, RESERVED)
    assert stat.S_IMODE(cache.stat().st_mode) == 0o600
    assert made["nouns"] == catalogue_of(build_registry(), reserved=RESERVED)["nouns"]
    monkeypatch.setattr("cloudhall.installation.build_registry", lambda: pytest.fail("read the declarations again"))
    assert catalogue.load(cache, RESERVED) == made


def test_a_changed_declaration_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "cloudhall"
    (package / "domains/storage").mkdir(parents=True)
    bucket = package / "domains/storage/bucket.py"
    bucket.write_text("one")
    monkeypatch.setattr(catalogue, "PACKAGE", package)
    monkeypatch.setattr(catalogue, "SOURCES", ("domains",))
    cache = tmp_path / "catalogue.json"
    first = catalogue.load(cache, RESERVED)["made_from"]
    assert catalogue.load(cache, RESERVED)["made_from"] == first
    bucket.write_text("two!")
    second = catalogue.load(cache, RESERVED)["made_from"]
    (package / "domains/storage/new.py").write_text("")
    assert len({first, second, catalogue.load(cache, RESERVED)["made_from"]}) == 3


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"made_from": "another release", "nouns": {}}'])
def test_a_spoilt_cache_is_made_anew(tmp_path: Path, content: str) -> None:
    cache = tmp_path / "catalogue.json"
    cache.write_text(content)
    assert "bucket" in catalogue.load(cache, RESERVED)["nouns"]
    assert "bucket" in json.loads(cache.read_text("utf-8"))["nouns"]


def test_a_home_that_cannot_be_written_only_costs_time() -> None:
    assert "bucket" in catalogue.load(Path("/proc/nowhere/catalogue.json"), RESERVED)["nouns"]


def test_a_field_is_found_by_path_and_by_name() -> None:
    bucket = catalogue_of(build_registry())["nouns"]["bucket"]
    assert path_of(bucket, "quota_gib") == path_of(bucket, "spec.quota_gib") == "spec.quota_gib"
    assert path_of(bucket, "stored_bytes") == "status.stored_bytes"
    assert (path_of(bucket, "name"), path_of(bucket, "nothing")) == ("name", None)
