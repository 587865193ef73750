"""What a dry run tells, where an installation sells."""

from typing import Any

import pytest

from cloudhall.cli.preview import lines_of

GIB = {"zh": "GiB·月", "en": "GiB-month"}
PLAN: dict[str, Any] = {
    "operation": "storage.bucket:create",
    "policies": ["storage.bucket:create/developer"],
    "quota": [
        {"title": {"zh": "存储容量", "en": "Storage"}, "unit": "GiB", "used": 70, "asked": 1_000, "room": 2_048},
        {"title": {"zh": "桶数", "en": "Buckets"}, "unit": "", "used": 9, "asked": -1, "room": 10},
    ],
    "price": {
        "month_fen": 200_050,
        "lines": [{"title": {"zh": "预留", "en": "Reserved"}, "unit": GIB, "quantity": 1_000, "amount_fen": 200_050}],
        "by_use": [{"title": {"zh": "存储量", "en": "Stored"}, "unit": GIB, "unit_nano": "120000001"}],
    },
    "preview": [{"zh": "任何人都能读取", "en": "Anybody can read it"}],
    "goes_too": [{"kind": "storage.access_key", "name": "key-1"}],
}


def test_verdict_quota_price_and_effects() -> None:
    assert list(lines_of(PLAN, {"storage.access_key": "access-key"})) == [
        "Allowed: storage.bucket:create (by storage.bucket:create/developer)",
        "Quota Storage: 70 used, +1,000 now, 2,048 GiB in all",
        "Quota Buckets: 9 used, -1 now, 10 in all",
        "Price a month: CNY 2,000.50",
        "  Reserved: 1,000 GiB-month, CNY 2,000.50 a month",
        "  Stored: by use, CNY 0.120000001 per GiB-month",
        "Anybody can read it",
        "Goes with it: access-key key-1",
    ]


def test_the_same_in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDHALL_LANG", "zh")
    told = list(lines_of(PLAN, {}))
    assert told[3:6] == [
        "价格 每月 2,000.50 元",
        "  预留：1,000 GiB·月，每月 2,000.50 元",
        "  存储量：按量，0.120000001 元/GiB·月",
    ]


def test_nothing_is_said_of_a_price_where_nothing_is_sold() -> None:
    told = list(lines_of({**PLAN, "quota": [], "goes_too": []} | {"price": {"lines": [], "by_use": []}}, {}))
    assert told == ["Allowed: storage.bucket:create (by storage.bucket:create/developer)", "Anybody can read it"]
