"""`bench/s3.py`: its signatures are those of the library, its plain files keep bytes, its figures are medians."""

import datetime
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench import s3
from cloudhall.drivers.objects import REGION, Key


def test_addresses_are_signed_as_the_library_signs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    more = "&delimiter=%2F&list-type=2"
    address = s3.signed("PUT", "127.0.0.1:9", "/bench/4096/0/1", Key("some-key", "some-secret"), more)
    query = parse_qs(urlsplit(address).query)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: _at(query["X-Amz-Date"][0]))
    request = AWSRequest("PUT", "http://127.0.0.1:9/bench/4096/0/1?" + more[1:])
    S3SigV4QueryAuth(Credentials("some-key", "some-secret"), "s3", REGION, expires=3600).add_auth(request)
    assert parse_qs(urlsplit(request.url).query) == query


def _at(stamp: str) -> datetime.datetime:
    return datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)


def test_the_limit_takes_and_gives_whole_objects(tmp_path: Path) -> None:
    size = 300_000
    with s3.plain_files(tmp_path) as side:
        put = s3.work(s3.Job(side, "put", size, 0, 0.0))
        got = s3.work(s3.Job(side, "get", size, 0, 0.0))
    stored = [path.stat().st_size for path in (tmp_path / "files").iterdir()]
    assert stored == [size] * put.asked == [size] * got.asked


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    rates: s3.Rates = {
        (side, verb, "4k"): [s3.Rate(per_s, 1e6 / per_s) for per_s in values]
        for verb in ("put", "get")
        for side, values in {"ours": (90, 10, 100), "bare": (100, 100, 100), "files": (1, 2, 3)}.items()
    }
    figures = s3.report(rates, ["4k"])
    assert (figures["ratio_put_4k"], figures["cpu_ratio_get_4k"], figures["files_put_4k_per_s"]) == (0.9, 0.9, 2)
    assert {re.sub(r"(put|get)", "*", name) for name in figures} == {
        "ratio_*_4k",
        "cpu_ratio_*_4k",
        "ours_*_4k_per_s",
        "bare_*_4k_per_s",
        "files_*_4k_per_s",
    }


@pytest.mark.parametrize(("size", "expected"), [("512", 512), ("4k", 4096), ("64m", 64 << 20)])
def test_sizes(size: str, expected: int) -> None:
    assert s3.in_bytes(size) == expected
