"""A closed statement never changes; what its month comes to later goes to the next one, once, with its cause."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from cloudhall import installation
from cloudhall.domains.identity.founding import founding
from cloudhall.domains.market import rules
from cloudhall.domains.market.closing import of_project
from cloudhall.domains.market.demo import COMPONENTS
from cloudhall.domains.market.opening import open_statements
from cloudhall.domains.market.statement import Statement, digest
from cloudhall.kernel import metering, places
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.corrections import Correction
from cloudhall.kernel.errors import Conflict, Invalid
from cloudhall.kernel.ids import new_id
from cloudhall.kernel.look import Reader
from cloudhall.kernel.metering import DAY_US
from cloudhall.kernel.roles import SYSTEM_ADMIN
from cloudhall.kernel.world import SECOND_US, Simulated
from tests.domains.market.test_statement import Market
from tests.kit.faces import Faces

OCTOBER, NOVEMBER = rules.period_of("2026-10"), rules.period_of("2026-11")
REQUESTS = "storage.requests_a"
THOUSAND = 1_000 * 1_000_000
HOUR_US = 3_600 * SECOND_US
DEARER = [c | {"tiers": [{"unit_nano": 3 * 10**7}]} if c["meter"] == REQUESTS else c for c in COMPONENTS]
"""Three fen a thousand instead of one."""


class Books(Market):
    """A market whose months pass."""

    def use(self, begin_us: int, thousands: int, name: str = "bk-a") -> str:
        """A day's requests; answers the reading's name."""
        self.world.advance(1)
        self.read(REQUESTS, name, begin_us, begin_us + DAY_US, thousands * THOUSAND)
        return f"test/{REQUESTS}/{name}/{begin_us}"

    def settle(self) -> None:
        open_statements(self.kernel)
        for _ in range(4):
            self.world.advance(3_601)
            self.kernel.reconciler.run_due()

    def of(self, period: str) -> Statement:
        return next(s for s in self.statements() if s.spec.period == period)

    def statements(self) -> list[Statement]:
        return of_project(self.look(), self.project)

    def look(self) -> Reader:
        return Reader(self.kernel.store.read(), self.kernel.tables, "test", self.world.now_us())

    def act(self, period: str, verb: str, **args: Any) -> None:
        self.world.advance(1)
        command = Command(kind=Statement, verb=verb, target=self.of(period).id, args=args)
        self.kernel.execute(self.founder, command).result()
        self.settle()

    def correct(self, reading: str, **spec: Any) -> str:
        self.world.advance(1)
        made = self.create_in(Correction, self.project, {"reading": reading, "reason": "miscounted", **spec})
        self.settle()
        return str(made["id"])

    def create_in(self, kind: Any, place: str, spec: dict[str, Any]) -> dict[str, Any]:
        command = Command(kind=kind, verb="create", place=place, spec=spec)
        return self.kernel.execute(self.founder, command).result().body

    def to(self, at_us: int) -> None:
        self.world.advance((at_us - self.world.now_us()) / SECOND_US)


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    world = Simulated(start_us=OCTOBER.from_us + HOUR_US)
    kernel = installation.open_kernel(tmp_path, {}, world)
    with founding(kernel) as founder:
        yield Books(kernel, world, founder)
    kernel.store.close()


@pytest.fixture
def october(books: Books) -> Books:
    """October closed with 100,000 requests, a yuan; November runs."""
    books.use(OCTOBER.from_us, 100)
    books.settle()
    books.to(NOVEMBER.from_us + HOUR_US)
    books.use(NOVEMBER.from_us, 50)
    books.settle()
    books.act("2026-10", "close")
    return books


FIRST = f"test/{REQUESTS}/bk-a/{OCTOBER.from_us}"


def content(s: Statement) -> bytes:
    return msgspec.json.encode((s.spec.period, s.status.lines, s.status.adjustments, s.status.total_fen))


def test_late_usage_goes_to_the_next_statement_and_leads_back(october: Books) -> None:
    closed = october.of("2026-10")
    assert (closed.status.total_fen, closed.status.digest) == (100, digest(closed))
    late = october.use(OCTOBER.from_us + DAY_US, 20)
    october.settle()
    november = october.of("2026-11")
    (line,) = november.status.adjustments
    assert (line.period, line.statement, line.amount_fen) == ("2026-10", closed.id, 20)
    assert (line.was.en, line.becomes.en) == (
        "100,000 requests × CNY 0.01 per 1,000 requests",
        "120,000 requests × CNY 0.01 per 1,000 requests",
    )
    assert [(c.why, c.ref) for c in line.causes] == [("late", late)]
    assert november.status.total_fen == 50 + 20
    assert content(october.of("2026-10")) == content(closed)


def test_a_repeated_late_reading_is_nothing_and_nothing_is_billed_twice(october: Books) -> None:
    for _ in range(2):
        october.use(OCTOBER.from_us + DAY_US, 20)
        october.settle()
        assert october.of("2026-11").status.total_fen == 70
    october.to(NOVEMBER.to_us + HOUR_US)
    october.use(NOVEMBER.to_us, 1)
    october.settle()
    assert october.of("2026-12").status.adjustments == []
    october.act("2026-11", "close")
    october.use(OCTOBER.from_us + 2 * DAY_US, 7)
    october.use(NOVEMBER.from_us + 2 * DAY_US, 5)
    october.settle()
    found = october.of("2026-12").status.adjustments
    assert [(a.period, a.before.amount_fen, a.after.amount_fen, a.amount_fen) for a in found] == [
        ("2026-10", 120, 127, 7),
        ("2026-11", 50, 55, 5),
    ]
    assert october.of("2026-11").status.total_fen == 70


def test_a_correction_after_closing_is_a_line_that_names_it(october: Books) -> None:
    id_ = october.correct(FIRST, quantity_micro=90 * THOUSAND)
    correction = october.kernel.tables[Correction].get(october.kernel.store.read(), id_)
    assert correction is not None
    assert (correction.status.old_micro, correction.status.new_micro) == (100 * THOUSAND, 90 * THOUSAND)
    assert correction.status.by == october.founder.id
    (line,) = october.of("2026-11").status.adjustments
    assert (line.amount_fen, [(c.why, c.ref) for c in line.causes]) == (-10, [("correction", id_)])
    assert october.of("2026-11").status.total_fen == 50 - 10
    october.correct(FIRST, quantity_micro=100 * THOUSAND)
    assert october.of("2026-11").status.adjustments == []


def test_a_corrected_price_waits_for_a_decision_and_is_shown_before(october: Books) -> None:
    october.world.advance(1)
    october.plan("prices-2", "2026-01-01T00:00:00+08:00", DEARER)
    october.settle()
    closed = october.of("2026-10")
    assert october.of("2026-11").status.adjustments == []
    assert october.of("2026-11").status.total_fen == 150
    plan = october.kernel.plan(
        october.founder, Command(kind=Statement, verb="rerate", target=closed.id, args={"reason": "wrong price"})
    )
    assert october.kernel.pricing is not None
    told = october.kernel.pricing(plan)
    assert (told["difference_fen"], told["changes"][0]["before"]["amount_fen"]) == (200, 100)
    line, whole = plan.previews[0].en.splitlines()
    was, now = (f"100,000 requests × CNY 0.0{n} per 1,000 requests = CNY {n}.00" for n in (1, 3))
    assert line == f"Write and list requests: {was} → {now} (+2.00; price plan prices-2)"
    assert whole == "Difference CNY +2.00, on 2026-11; the statement of 2026-10 stays"
    october.act("2026-10", "rerate", reason="wrong price")
    (booked,) = october.of("2026-11").status.adjustments
    assert (booked.amount_fen, [(c.why, c.ref) for c in booked.causes]) == (200, [("price", "prices-2")])
    assert content(october.of("2026-10")) == content(closed)
    assert october.of("2026-10").spec.reason == "wrong price"


def test_months_are_closed_in_order_and_when_they_are_over(books: Books) -> None:
    books.use(OCTOBER.from_us, 1)
    books.settle()
    with pytest.raises(Conflict) as early:
        books.act("2026-10", "close")
    assert early.value.reason == "NOT_OVER"
    books.to(NOVEMBER.from_us + HOUR_US)
    books.use(NOVEMBER.from_us, 1)
    books.settle()
    books.to(NOVEMBER.to_us + HOUR_US)
    with pytest.raises(Conflict) as skipped:
        books.act("2026-11", "close")
    assert skipped.value.reason == "EARLIER_OPEN"
    with pytest.raises(Conflict):
        books.act("2026-10", "rerate", reason="not closed yet")
    books.act("2026-10", "close")
    with pytest.raises(Conflict):
        books.act("2026-10", "close")


def test_a_correction_without_sense_is_refused(october: Books) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"reading": "test/none", "quantity_micro": 1}, "NO_SUCH"),
        ({}, "ONE_OF"),
        ({"quantity_micro": 1, "refused": "0" * 32}, "ONE_OF"),
        ({"refused": "0" * 32}, "NO_SUCH"),
        ({"quantity_micro": 100 * THOUSAND}, "NO_CHANGE"),
        ({"quantity_micro": 1, "reason": " "}, "MISSING"),
    ]
    for spec, code in wrong:
        with pytest.raises(Invalid) as refused:
            october.correct(**{"reading": FIRST, **spec})
        assert code in [p.code for p in refused.value.problems], spec


WHATS = ("late", "correct", "plan", "rerate", "close", "close")
steps = st.lists(
    st.tuples(st.sampled_from(WHATS), st.integers(1, 30), st.sampled_from((0, 0, 1, 2))), min_size=4, max_size=9
)


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_whatever_comes_each_month_is_billed_what_it_comes_to(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    world = Simulated(start_us=OCTOBER.from_us + HOUR_US)
    kernel = installation.open_kernel(tmp_path_factory.mktemp("books"), {}, world)
    with founding(kernel) as founder:
        books = Books(kernel, world, founder)
        months = ["2026-10", "2026-11", "2026-12"]
        begins = [rules.period_of(month).from_us for month in months]
        counted = {begin: {begin: 10} for begin in begins}
        price = dict.fromkeys(begins, 1)
        for begin in begins:
            books.to(begin + HOUR_US)
            books.use(begin, 10)
            books.settle()
        closed: dict[str, bytes] = {}
        newest = 1
        for n, (step, amount, month) in enumerate(steps):
            begin, name = begins[month], months[month]
            if step == "late":
                at_us = begin + (n + 1) * DAY_US
                books.use(at_us, amount)
                counted[begin][at_us] = amount
            elif step == "correct" and counted[begin][begin] != amount:
                books.correct(f"test/{REQUESTS}/bk-a/{begin}", quantity_micro=amount * THOUSAND)
                counted[begin][begin] = amount
            elif step == "plan":
                newest = amount
                tier = [{"unit_nano": amount * 10**7}]
                components = [c | {"tiers": tier} if c["meter"] == REQUESTS else c for c in COMPONENTS]
                books.world.advance(1)
                books.plan(f"plan-{n}", "2026-01-01T00:00:00+08:00", components)
            elif step == "rerate" and name in closed:
                books.act(name, "rerate", reason="again")
                price[begin] = newest
            elif step == "close" and len(closed) < 2:
                begin, name = begins[len(closed)], months[len(closed)]
                books.act(name, "close")
                closed[name] = content(books.of(name))
                price[begin] = newest
            books.settle()
        billed = sum(s.status.total_fen for s in books.statements())
        owed = sum(
            sum(counted[begin].values()) * (price[begin] if month in closed else newest)
            for begin, month in zip(begins, months, strict=True)
        )
        assert billed == owed
        assert {name: content(books.of(name)) for name in closed} == closed
    kernel.store.close()


def browser(books: Books, language: str) -> TestClient:
    """Console before the books, for a system administrator."""
    store = books.kernel.store
    reader = Caller(id=new_id("pe", books.world), name="reader")
    store.write(lambda tx: places.set_grant(tx, "gr-1", reader.id, SYSTEM_ADMIN, places.PLATFORM, None)).result()
    hall = SimpleNamespace(
        kernel=books.kernel, world=books.world, read=store.read, write=lambda run: store.write(run).result()
    )
    return Faces(hall).console(reader, language)  # type: ignore[arg-type]  # what it needs of a hall


@pytest.mark.parametrize(
    ("language", "was", "since"), [("zh", "100,000 次", "结账以来"), ("en", "100,000 requests", "Since it was closed")]
)
def test_both_statements_show_the_difference(october: Books, language: str, was: str, since: str) -> None:
    october.use(OCTOBER.from_us + DAY_US, 20)
    october.settle()
    with closing(browser(october, language)) as pages:
        for period, shown in (("2026-10", (since, was)), ("2026-11", ('id="adjustments"', was, "0.20"))):
            page = pages.get(f"/statements/{october.of(period).id}")
            assert page.status_code == 200
            assert all(text in page.text for text in shown)


@pytest.mark.parametrize(
    ("language", "foreseen"), [("zh", "差额合计 +2.00 元，计入2026-11"), ("en", "Difference CNY +2.00, on 2026-11")]
)
def test_rating_again_says_what_would_change_before_it_is_done(october: Books, language: str, foreseen: str) -> None:
    october.world.advance(1)
    october.plan("prices-2", "2026-10-01T00:00:00+08:00", DEARER)
    closed = october.of("2026-10")
    with closing(browser(october, language)) as pages:
        asked = f"/statements/{closed.id}:rerate"
        form = pages.get(asked)
        assert foreseen not in form.text  # a reason is missing still
        (token,) = re.findall(r'name="csrf" value="([^"]+)"', form.text.partition("<main")[2])
        shown = pages.post(asked, data={"csrf": token, "args.reason": "zq-dearer", "step": "check"})
        assert foreseen in shown.text
        assert "zq-dearer" in shown.text  # what was typed stays
    assert october.of("2026-10").spec.reason == ""


def test_a_line_opens_down_to_its_readings_and_gaps_and_all_of_it_is_a_file(october: Books) -> None:
    begin = NOVEMBER.from_us - 2 * DAY_US
    body = {"source": "test", "meter": REQUESTS, "resource": "bk-a", "project": october.project}
    gap = metering.Gap(source_id="zq-gap", from_us=begin, to_us=begin + HOUR_US, cause="engine_killed", **body)
    now_us = october.world.now_us()
    store, cursor = october.kernel.store, metering.MeterCursor("test", "")
    store.write(lambda tx: metering.record(tx, [], [gap], cursor, now_us=now_us)).result()
    address = f"/statements/{october.of('2026-10').id}"
    with closing(browser(october, "en")) as pages:
        (opens,) = re.findall(r'href="(\?line=0[^"]+)#readings"', pages.get(address).text)
        readings = pages.get(address + opens.replace("&amp;", "&")).text.partition('id="readings"')[2]
        assert "× ¥0.01 / 1,000 requests" in readings
        assert FIRST in readings
        assert readings.index("Not measured") < readings.index(FIRST)
        file = pages.get(f"{address}:csv")
        assert file.headers["content-type"].startswith("text/csv")
        assert "2026-10,storage.requests_a,prices-1,bk-a,bk-a,100000000,1000,10000000,100" in file.text
