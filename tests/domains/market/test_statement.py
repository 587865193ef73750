"""Statements against an independent calculation with fractions: versions of prices, open levels, late readings."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from cloudhall import installation
from cloudhall.domains.identity.founding import founding
from cloudhall.domains.identity.organisation import Organisation
from cloudhall.domains.identity.project import Project
from cloudhall.domains.market import costs, rules
from cloudhall.domains.market.demo import COMPONENTS
from cloudhall.domains.market.opening import open_statements
from cloudhall.domains.market.price_plan import PricePlan
from cloudhall.domains.market.statement import Statement
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.kernel import levels, metering
from cloudhall.kernel.commands import Command
from cloudhall.kernel.errors import Invalid
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.metering import Reading
from cloudhall.kernel.world import SECOND_US, Simulated

PERIOD = rules.period_of("2026-11")
DAY_US = 86_400 * SECOND_US
START_US = PERIOD.from_us + 9 * DAY_US
GIB = 1024**3
TIER = Fraction(1024)  # GiB-months at the first price


class Market:
    """A project with prices, on a clock that only moves when told."""

    def __init__(self, kernel: Kernel, world: Simulated, founder: Any) -> None:
        self.kernel, self.world, self.founder = kernel, world, founder
        self.create(Organisation, "finance", "platform", {"title_zh": "市财政局"})
        self.project = self.create(Project, "statistics", "finance", {"title_zh": "财政统计"})["id"]
        self.plan("prices-1", "2026-01-01T00:00:00+08:00", COMPONENTS)

    def create(self, kind: Any, name: str, place: str, spec: dict[str, Any]) -> dict[str, Any]:
        command = Command(kind=kind, verb="create", name=name, place=place, spec=spec)
        return self.kernel.execute(self.founder, command).result().body

    def plan(self, name: str, effective_from: str, components: Any) -> None:
        spec = {"series": "object-storage", "effective_from": effective_from, "components": components}
        self.create(PricePlan, name, "", spec)

    def read(self, meter: str, resource: str, from_us: int, to_us: int, quantity_micro: int) -> None:
        reading = Reading(
            source="test",
            source_id=f"{meter}/{resource}/{from_us}",
            meter=meter,
            resource=resource,
            project=self.project,
            from_us=from_us,
            to_us=to_us,
            quantity_micro=quantity_micro,
        )
        self.kernel.store.write(lambda tx: metering.record(tx, [reading], now_us=self.world.now_us())).result()

    def statement(self) -> Statement:
        open_statements(self.kernel)
        self.world.advance(31)
        self.kernel.reconciler.run_due()
        found = costs.statement_of(self.kernel, self.project)
        assert found is not None
        return found


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    world = Simulated(start_us=START_US)
    kernel = installation.open_kernel(tmp_path, {}, world)
    with founding(kernel) as founder:
        yield Market(kernel, world, founder)
    kernel.store.close()


def fen(amount_yuan: Fraction) -> int:
    return int(amount_yuan * 100 + Fraction(1, 2))


def test_a_line_is_quantity_times_price_times_time_to_the_fen(market: Market) -> None:
    for day in range(5):
        begin = PERIOD.from_us + day * DAY_US
        market.read("storage.stored_bytes", "bk-a", begin, begin + DAY_US, 300 * GIB)
        market.read("storage.stored_bytes", "bk-b", begin, begin + DAY_US, 40_000 * GIB)
    market.read("storage.requests_a", "bk-a", PERIOD.from_us, PERIOD.from_us + DAY_US, 123_456 * 1_000_000)
    lines = {line.meter: line for line in market.statement().status.lines}
    gib_months = Fraction(40_300 * 5, 30)
    first, rest = min(gib_months, TIER), max(gib_months - TIER, Fraction(0))
    stored = lines["storage.stored_bytes"]
    assert stored.amount_fen == fen(first * Fraction(12, 100) + rest * Fraction(9, 100))
    assert [(p.unit_nano, p.quantity_micro) for p in stored.pieces] == [
        (120_000_000, 1024 * 1_000_000),
        (90_000_000, round(rest * 1_000_000)),
    ]
    assert sum(row.amount_fen for row in stored.rows) == stored.amount_fen
    requests = lines["storage.requests_a"]
    assert requests.amount_fen == fen(Fraction(123_456, 1_000) * Fraction(1, 100))
    assert requests.reckoning.both() == {
        "zh": "123,456 次 × 0.01 元/千次",
        "en": "123,456 requests × CNY 0.01 per 1,000 requests",
    }
    assert stored.reckoning.en.startswith(
        "1,024 GiB-month × CNY 0.12 per GiB-month + 5,692.666667 GiB-month × CNY 0.09"
    )


def test_what_holds_now_is_owed_without_being_cut_and_costs_the_same_when_it_is(market: Market) -> None:
    write = market.kernel.store.write
    begin, key = START_US - 5 * DAY_US, "storage.stored_bytes"
    write(lambda tx: levels.set_level(tx, "test", "bk-a", key, market.project, 9_000 * GIB, begin)).result()
    before = market.statement().status
    until = before.as_of_us
    gib_months = Fraction(9_000 * (until - begin), 30 * DAY_US)
    first, rest = min(gib_months, TIER), max(gib_months - TIER, Fraction(0))
    assert before.lines[0].amount_fen == fen(first * Fraction(12, 100) + rest * Fraction(9, 100))
    write(lambda tx: levels.cut(tx, until)).result()
    after = market.statement().status
    assert after.total_fen >= before.total_fen
    assert after.total_fen - before.total_fen <= 2  # half a minute of 9,000 GiB


def test_a_late_reading_is_a_statement_from_scratch_and_a_repeated_one_is_nothing(market: Market) -> None:
    market.read("storage.requests_a", "bk-a", PERIOD.from_us + DAY_US, PERIOD.from_us + 2 * DAY_US, 10**12)
    first = market.statement().status.total_fen
    market.read("storage.requests_a", "bk-a", PERIOD.from_us, PERIOD.from_us + DAY_US, 10**12)
    assert market.statement().status.total_fen == 2 * first == 2_000
    market.read("storage.requests_a", "bk-a", PERIOD.from_us, PERIOD.from_us + DAY_US, 10**12)
    assert market.statement().status.total_fen == 2 * first


def test_a_new_price_touches_nothing_before_its_date(market: Market) -> None:
    dearer = [c | {"tiers": [{"unit_nano": 5 * 10**9}]} for c in COMPONENTS]
    market.plan("prices-2", "2026-11-06T00:00:00+08:00", dearer)
    market.read("storage.requests_a", "bk-a", PERIOD.from_us, PERIOD.from_us + DAY_US, 10**9)
    market.read("storage.requests_a", "bk-a", PERIOD.from_us + 6 * DAY_US, PERIOD.from_us + 7 * DAY_US, 10**9)
    lines = [x for x in market.statement().status.lines if x.meter == "storage.requests_a"]
    assert [(x.plan, x.amount_fen) for x in lines] == [("prices-1", 1), ("prices-2", 500)]


def test_one_statement_a_month_and_project(market: Market) -> None:
    market.read("storage.requests_a", "bk-a", PERIOD.from_us, PERIOD.from_us + DAY_US, 10**9)
    assert market.statement().id == market.statement().id
    assert open_statements(market.kernel) == 0


def test_the_dry_run_shows_the_price_of_a_full_month(market: Market) -> None:
    command = Command(
        kind=Bucket, verb="create", name="priced", place=market.project, spec={"quota_gib": 100, "grade": "open"}
    )
    assert market.kernel.pricing is not None
    price = market.kernel.pricing(market.kernel.plan(market.founder, command))
    assert price["month_fen"] == 200
    assert {u["meter"] for u in price["by_use"]} == {c["meter"] for c in COMPONENTS} - {"storage.reserved_gib"}


def test_prices_that_cannot_be_rated_are_refused_with_every_reason(market: Market) -> None:
    broken = [
        {**COMPONENTS[2], "meter": "storage.request"},
        {**COMPONENTS[1], "per": "none"},
        {**COMPONENTS[1], "tiers": [{"unit_nano": 1, "upto_micro": 5}]},
    ]
    with pytest.raises(Invalid) as refused:
        market.plan("prices-x", "2026-02-01T00:00:00+08:00", broken)
    assert [p.pointer for p in refused.value.problems] == [
        "/spec/components/0/meter",
        "/spec/components/1/per",
        "/spec/components/2/tiers/0/upto_micro",
    ]


def test_nobody_but_the_market_opens_statements(market: Market) -> None:
    from cloudhall.kernel.errors import Forbidden

    command = Command(kind=Statement, verb="create", name="x", place=market.project, spec={"period": "2026-11"})
    with pytest.raises(Forbidden):
        market.kernel.execute(market.founder, command).result()
