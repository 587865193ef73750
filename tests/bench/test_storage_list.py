"""`bench/storage_list.py`: what was put is listed whole, in order, page by page, from a real engine."""

import argparse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench import s3, storage_list


@pytest.fixture
def side(tmp_path: Path) -> Iterator[s3.Side]:
    with s3.bare(tmp_path) as running:
        yield running


def test_a_filled_bucket_is_listed_whole(side: s3.Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_list, "PAGE", 50)
    given = argparse.Namespace(objects=220, clients=2, repeats=2, settle=0.0)
    with ThreadPoolExecutor(2) as clients:
        told = storage_list.measure(side, clients, given)
    assert (told["sorted"], told["twice"], told["missing"]) == (True, 0, 0)
    assert told["idle_mib"] > 10
    assert 0 < told["first_page_ms"] <= told["first_page_p95_ms"]


def test_half_of_the_keys_lie_in_folders() -> None:
    keys = [storage_list.key_of(number) for number in range(1_000)]
    assert len(set(keys)) == 1_000
    assert sum(key.startswith("flat/") for key in keys) == 500
    assert len({key.rpartition("/")[0] for key in keys}) == storage_list.FOLDERS + 1


def test_chunks_are_put_together() -> None:
    assert storage_list.unchunked(b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n") == b"abc0123456789"
