"""Room is charged in the statement that checks it: nobody overshoots, and what is used is what is there."""

import contextlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudhall.domains.identity.quota_limit import QuotaLimit
from cloudhall.kernel import quotas
from cloudhall.kernel.commands import Command
from cloudhall.kernel.errors import Conflict, Invalid, NotFound, QuotaExceeded
from cloudhall.kernel.kinds import Quota, T
from cloudhall.kernel.store import IntegrityError
from tests.kernel.workshop import Engine, Shop, working
from tests.kit.databases import BOTH

pytestmark = BOTH

SPEED = "speed"


@pytest.fixture
def shop() -> Iterator[Shop]:
    with working() as built:
        yield built


def used(shop: Shop) -> int:
    return int(shop.hall.one("SELECT coalesce(sum(used), 0) FROM quota WHERE key = ?", SPEED))


def held(shop: Shop) -> int:
    """What the live rows add up to, asked of the rows themselves."""
    rows = shop.hall.read().execute("SELECT spec FROM kernel_engine WHERE deleted IS NULL")
    return sum(json.loads(spec)["speed"] for (spec,) in rows)


def test_thirty_two_threads_never_overshoot(shop: Shop) -> None:
    """10,000 rpm of room; each asks for 700, so 14 of 32 fit."""

    def take(n: int) -> bool:
        command = Command(
            kind=Engine, verb="create", place=shop.project, name=f"e-{n}", spec={"speed": 700, "serial": f"e-{n}"}
        )
        try:
            shop.kernel.execute(shop.developer, command).result(10)
        except QuotaExceeded:
            return False
        return True

    with ThreadPoolExecutor(32) as pool:
        got = list(pool.map(take, range(32)))
    assert sum(got) == 14
    assert used(shop) == held(shop) == 9_800


def test_a_refusal_says_what_was_asked_used_and_left(shop: Shop) -> None:
    shop.engine("one", speed=9_000)
    with pytest.raises(QuotaExceeded) as refused:
        shop.engine("two", speed=1_001)
    assert (refused.value.reason, refused.value.details) == (SPEED, {"used": 9_000, "room": 10_000, "asked": 1_001})
    assert refused.value.text == T(
        "转速：需要 1001 rpm，剩余 1000 rpm（共 10000，已用 9000）",
        "Speed: 1001 rpm asked, 1000 rpm left (10000 in all, 9000 used)",
    )
    assert used(shop) == held(shop) == 9_000


def test_each_place_has_room_of_its_own(shop: Shop) -> None:
    shop.engine("one", speed=9_000)
    other = shop.hall.project("other", "traffic")
    shop.do(Engine, "create", place=other, name="two", spec={"speed": 9_000, "serial": "two"})
    assert used(shop) == 18_000


def test_a_limit_gives_room_and_one_cut_below_the_use_keeps_all_but_adds_nothing(shop: Shop) -> None:
    admin = shop.hall.staff["system_admin"]
    limit = shop.hall.do(
        admin, QuotaLimit, "create", place=shop.project, name="speed", spec={"quota": SPEED, "room": 12_000}
    )["id"]
    engine = shop.engine("one", speed=9_000)
    shop.engine("two", speed=3_000)
    shop.hall.do(admin, QuotaLimit, "update", target=limit, spec={"room": 5_000})
    with pytest.raises(QuotaExceeded) as refused:
        shop.engine("three", speed=1)
    assert refused.value.details == {"used": 12_000, "room": 5_000, "asked": 1}
    assert "0 rpm left" in refused.value.text.en
    shop.do(Engine, "update", target=engine, spec={"speed": 8_000})  # less is always allowed
    assert used(shop) == held(shop) == 11_000


def test_room_is_given_once_and_under_a_quota_that_there_is(shop: Shop) -> None:
    admin = shop.hall.staff["system_admin"]

    def give(name: str, quota: str, place: str) -> list[tuple[str, str]]:
        command = Command(kind=QuotaLimit, verb="create", place=place, name=name, spec={"quota": quota, "room": 5})
        try:
            shop.kernel.execute(admin, command).result(10)
        except Invalid as refused:
            return [(p.code, p.mend.en if p.mend else "") for p in refused.problems]
        return []

    other = shop.hall.project("other", "traffic")
    assert give("one", "sped", shop.project) == [("NO_SUCH", "Known: speed")]
    assert give("one", SPEED, shop.project) == []
    assert give("two", SPEED, shop.project) == [("TAKEN", "Change the one that is there")]
    assert give("two", "storage_gib", shop.project) == []
    assert give("one", SPEED, other) == []


edits = st.tuples(
    st.sampled_from(["create", "update", "brake", "delete", "settle"]), st.integers(0, 4), st.integers(0, 9_000)
)


@given(st.lists(edits, max_size=25))
@settings(max_examples=12, deadline=None)
def test_what_is_used_is_always_the_sum_over_the_rows(steps: list[tuple[str, int, int]]) -> None:
    with working() as shop:
        for verb, n, speed in steps:
            what: dict[str, Any] = {"target": f"e-{n}"}
            if verb == "settle":
                shop.hall.settle()
                continue
            if verb == "create":
                what = {"name": f"e-{n}", "place": shop.project, "spec": {"speed": speed, "serial": f"e-{n}"}}
            if verb == "update":
                what["spec"] = {"speed": speed}
            command = Command(kind=Engine, verb=verb, **what)
            with contextlib.suppress(Conflict, Invalid, NotFound):  # a refusal changes nothing either
                shop.kernel.execute(shop.developer, command).result(10)
            assert used(shop) == held(shop) <= 10_000


def test_giving_back_more_than_was_taken_is_a_fault_not_a_number_below_nothing(shop: Shop) -> None:
    quota = Quota(SPEED, "spec.speed", T("转速", "Speed"), "rpm", default=10_000)
    with pytest.raises(IntegrityError):
        shop.hall.write(lambda tx: quotas.charge(tx, shop.project, quota, -1))
    assert quotas.room(shop.hall.read(), shop.project, quota) == (0, 10_000)
