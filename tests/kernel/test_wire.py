"""What goes on the wire loses nothing on the way through any client."""

import datetime
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhall.kernel.fields import JSON_SAFE_INTEGER
from cloudhall.kernel.kinds import Kind, Spec, Status, T, field
from cloudhall.kernel.outcomes import Condition
from cloudhall.kernel.wire import STATES, rfc3339, safe_integers, state_of, to_us, to_wire

TITLE = T("大", "Big")


class BigSpec(Spec, frozen=True, kw_only=True):
    amount_fen: Annotated[int, field("金额", "Amount", unit="fen", le=2**63 - 1)] = 0
    parts: Annotated[list[int], field("部分", "Parts")] = []  # noqa: RUF012  msgspec gives each instance its own


class BigStatus(Status, kw_only=True):
    total: Annotated[int, field("合计", "Total")] = 0


class Big(Kind[BigSpec, BigStatus], title=TITLE, prefix="zb", doc=TITLE):
    """Holds large numbers."""


class Plain(Kind[BigSpec, Status], title=TITLE, prefix="zc", doc=TITLE, scope="platform"):
    """Lies on the platform."""


def big(**more: Any) -> Big:
    return Big(**{"id": "zb-1", "place": "pj-1", "name": "n", "spec": BigSpec(), "status": BigStatus(), **more})


@given(st.integers(-(2**70), 2**70))
def test_an_integer_is_a_number_where_every_client_keeps_it_and_a_string_beyond(value: int) -> None:
    sent = safe_integers({"a": [value]})["a"][0]
    assert int(sent) == value
    assert isinstance(sent, str) is (abs(value) > JSON_SAFE_INTEGER)
    if not isinstance(sent, str):
        assert int(float(sent)) == value


def test_truth_is_no_integer() -> None:
    assert safe_integers({"a": True, "b": [False]}) == {"a": True, "b": [False]}


def test_spec_and_status_keep_their_large_numbers() -> None:
    wire = to_wire(big(spec=BigSpec(amount_fen=2**60, parts=[1, 2**53]), status=BigStatus(total=2**55)))
    assert wire["spec"] == {"amount_fen": str(2**60), "parts": [1, str(2**53)]}
    assert wire["status"] == {"total": str(2**55)}


def test_the_place_stands_under_its_scope_and_the_platform_is_not_named() -> None:
    assert to_wire(big())["project"] == "pj-1"
    plain = Plain(id="zc-1", place="platform", name="n", spec=BigSpec(), status=Status())
    assert not {"project", "organisation", "platform", "place"} & to_wire(plain).keys()


@given(st.integers(0, 253_402_300_799_999_999))
def test_times_come_back_to_the_microsecond(at_us: int) -> None:
    said = rfc3339(at_us)
    assert said.endswith("Z")
    assert to_us(datetime.datetime.fromisoformat(said)) == at_us


@given(st.datetimes(timezones=st.timezones()))
def test_any_zone_is_the_same_moment(moment: datetime.datetime) -> None:
    exact = (moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) / datetime.timedelta(microseconds=1)
    assert to_us(moment) == pytest.approx(exact, rel=1e-15)


def condition(type_: str, status: bool, **more: Any) -> Condition:
    return Condition(type=type_, status=status, observed_generation=1, **more)


@pytest.mark.parametrize(
    ("conditions", "deleting", "word"),
    [
        ([], None, "working"),
        ([condition("Ready", False, reason="Creating")], None, "working"),
        ([condition("Ready", True)], None, "ready"),
        ([condition("Ready", True), condition("WithinQuota", False)], None, "attention"),
        ([condition("Ready", True), condition("WithinQuota", True)], None, "ready"),
        ([condition("Ready", False, blocked=True)], None, "attention"),
        ([condition("Ready", False, blocked=True)], 5, "attention"),
        ([condition("Ready", False), condition("Stalled", True)], None, "failed"),
        ([condition("Ready", True)], 5, "deleting"),
        ([condition("Ready", False), condition("Stalled", True)], 5, "failed"),
    ],
)
def test_one_word_says_how_it_is(conditions: list[Condition], deleting: int | None, word: str) -> None:
    Big.meta.controller = lambda _r, _ctx: None  # type: ignore[assignment]  # is never run
    try:
        assert state_of(big(status=BigStatus(conditions=conditions), deleting_us=deleting)) == word
        assert word in STATES
    finally:
        Big.meta.controller = None


def test_what_was_ready_before_an_edit_is_working_now() -> None:
    Big.meta.controller = lambda _r, _ctx: None  # type: ignore[assignment]  # is never run
    try:
        assert state_of(big(status=BigStatus(conditions=[condition("Ready", True)]), generation=2)) == "working"
        blocked = condition("Ready", False, blocked=True)
        assert state_of(big(status=BigStatus(conditions=[blocked]), generation=2)) == "working"
    finally:
        Big.meta.controller = None


def test_what_has_no_controller_is_ready() -> None:
    assert state_of(big()) == "ready"


def test_a_condition_says_why_only_where_it_does_not_hold() -> None:
    why = T("满了", "full")
    conditions = [condition("Ready", True), condition("WithinQuota", False, reason="QuotaFull", text=why, since_us=1)]
    ready, quota = to_wire(big(status=BigStatus(conditions=conditions)))["conditions"]
    assert "reason" not in ready
    assert (quota["reason"], quota["message"]) == ("QuotaFull", {"zh": "满了", "en": "full"})
    assert quota["since"] == "1970-01-01T00:00:00.000001Z"
