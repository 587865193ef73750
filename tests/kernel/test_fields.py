"""Everything wrong with an input is named at once; what passes converts without a word."""

import datetime
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloudhall.kernel.errors import Problem
from cloudhall.kernel.fields import JSON_SAFE_INTEGER, LIST_LENGTH_MAX, TEXT_LENGTH_MAX, fields_of, problems
from cloudhall.kernel.kinds import Spec, T, field


class Inner(Spec, frozen=True, kw_only=True):
    count: Annotated[int, field("数量", "Count", ge=1, le=9)]


class Everything(Spec, frozen=True, kw_only=True):
    number: Annotated[int, field("数", "Number", ge=0, le=100, unit="GiB", example=7)]
    name: Annotated[str, field("名", "Name", pattern="[a-z]*", max_length=10)] = ""
    wide: Annotated[int, field("宽", "Wide")] = 0
    on: Annotated[bool, field("开", "On")] = False
    colour: Annotated[Literal["red", "blue"], field("色", "Colour")] = "red"
    day: Annotated[datetime.date | None, field("日", "Day")] = None
    at: Annotated[datetime.datetime | None, field("时", "At")] = None
    texts: Annotated[list[str], field("文", "Texts")] = []  # noqa: RUF012  msgspec gives each instance its own
    tags: Annotated[dict[str, str], field("签", "Tags")] = {}  # noqa: RUF012  as above
    inner: Annotated[Inner | None, field("内", "Inner")] = None
    inners: Annotated[list[Inner], field("内们", "Inners")] = []  # noqa: RUF012  as above
    must: Annotated[str, field("必", "Must", required=True)] = "x"


GOOD = {"number": 5, "must": "y"}
TIMES = st.one_of(
    st.datetimes(timezones=st.timezones()).map(lambda d: d.isoformat()),
    st.dates().map(lambda d: d.isoformat()),
    st.from_regex(r"[0-9]{4}-?(W[0-9]{2}-?[0-9]|[0-9]{2}-?[0-9]{2})([T ][0-9:.,]{2,15}(Z|[+-][0-9:]{2,9})?)?"),
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), TIMES),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=5), inside, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from([*Everything.__struct_fields__, "numbr", "zzz"])


def codes(found: list[Problem]) -> dict[str, str]:
    return {p.pointer: p.code for p in found}


@given(st.dictionaries(NAMES, JSON, max_size=6))
@example({"day": "20260101"})
@example({"day": "2026-W01-1"})
@example({"at": "2026-01-01T24:00:00Z"})
@example({"at": "20260101T000000Z"})
@example({"at": "2026-01-01T00:00:00,5Z"})
@example({"at": "2026-01-01T00:00:00+08:00:01"})
@example({"at": "0001-01-01T00:00:00+08:00"})
@example({"at": "9999-12-31T23:59:59-08:00"})
@example({"tags": {"a": "\ud800"}})
@example({"tags": {"\udfff": ""}})
@example({"name": "\ud800"})
@settings(max_examples=300)
def test_what_passes_converts_and_goes_to_disk_and_wire(patch: dict[str, Any]) -> None:
    data = GOOD | patch
    if problems(Everything, data):
        return
    made = msgspec.convert(data, Everything)
    encoded = msgspec.json.encode(made)
    assert msgspec.json.decode(encoded, type=Everything) == made


def test_everything_is_named_at_once() -> None:
    data = {
        "number": 101,
        "name": "A" * 11,
        "on": 1,
        "colour": "green",
        "day": "tomorrow",
        "at": "2026-01-01T00:00:00",
        "texts": ["a", 1],
        "tags": {"a/b~c": 2},
        "inner": {"count": 0, "conut": 1},
        "inners": [{"count": 1}, {}, 3],
        "nmae": "x",
    }
    assert codes(problems(Everything, data, "/spec")) == {
        "/spec/number": "RANGE",
        "/spec/name": "PATTERN",
        "/spec/on": "TYPE",
        "/spec/colour": "CHOICE",
        "/spec/day": "TYPE",
        "/spec/at": "TYPE",
        "/spec/texts/1": "TYPE",
        "/spec/tags/a~1b~0c": "TYPE",
        "/spec/inner/count": "RANGE",
        "/spec/inner/conut": "UNKNOWN",
        "/spec/inners/1/count": "MISSING",
        "/spec/inners/2": "TYPE",
        "/spec/nmae": "UNKNOWN",
        "/spec/must": "MISSING",
    }


def test_a_text_can_be_wrong_in_two_ways() -> None:
    found = [p.code for p in problems(Everything, GOOD | {"name": "A" * 11})]
    assert sorted(found) == ["PATTERN", "TOO_LONG"]


@pytest.mark.parametrize(("given_", "nearest"), [("nmae", "name"), ("numbers", "number"), ("color", "colour")])
def test_the_nearest_name_is_offered_in_both_languages(given_: str, nearest: str) -> None:
    (unknown,) = problems(Everything, GOOD | {given_: 1})
    assert unknown.mend == T(f"是否指 {nearest}？", f"Did you mean {nearest}?")


def test_a_name_like_none_gets_all_that_are_known() -> None:
    (unknown,) = problems(Everything, GOOD | {"zzzzzz": 1})
    assert unknown.mend is not None
    assert all(name in unknown.mend.zh for name in Everything.__struct_fields__)


def test_a_patch_may_leave_out_what_is_required_but_not_name_it_null() -> None:
    assert problems(Everything, {"on": True}, partial=True) == []
    assert codes(problems(Everything, {"number": None, "inner": None}, partial=True)) == {"/number": "TYPE"}


@pytest.mark.parametrize("value", [JSON_SAFE_INTEGER + 1, -JSON_SAFE_INTEGER - 1, 10**30, 1.0, True, "1", None])
def test_an_integer_is_whole_and_safe_for_every_client(value: object) -> None:
    assert set(codes(problems(Everything, GOOD | {"wide": value}))) == {"/wide"}


@pytest.mark.parametrize("data", [None, [], "x", 3, True])
def test_what_is_no_object_is_said_to_be_none(data: object) -> None:
    assert codes(problems(Everything, data, "/spec")) == {"/spec": "TYPE"}


def test_too_large_is_said_of_texts_lists_and_maps() -> None:
    many = LIST_LENGTH_MAX + 1
    large = {"texts": ["a"] * many, "tags": {str(n): "" for n in range(many)}, "must": "x" * (TEXT_LENGTH_MAX + 1)}
    assert codes(problems(Everything, GOOD | large)) == {
        "/texts": "TOO_LONG",
        "/tags": "TOO_LONG",
        "/must": "TOO_LONG",
    }
    key = "k" * (TEXT_LENGTH_MAX + 1)
    assert codes(problems(Everything, GOOD | {"tags": {key: ""}, "texts": [key]})) == {
        "/tags": "TOO_LONG",
        "/texts/0": "TOO_LONG",
    }


def test_a_range_says_both_ends_the_unit_and_an_example() -> None:
    (wrong,) = problems(Everything, {"number": -1, "must": ""})
    assert wrong.text == T("应在 0 到 100 GiB 之间", "Must be from 0 to 100 GiB")
    assert wrong.mend == T("例如 7", "For example 7")


def test_fields_come_in_the_order_written_with_shape_and_default() -> None:
    known = fields_of(Everything)
    assert list(known) == list(Everything.__struct_fields__)
    assert [i.shape for i in known.values()] == [
        *("int", "str", "int", "bool", "enum", "date", "datetime", "list", "map", "struct", "list", "str")
    ]
    assert (known["number"].required, known["name"].required, known["must"].required) == (True, False, True)
    assert (known["day"].nullable, known["on"].default, known["texts"].default) == (True, False, [])
    assert known["colour"].choices == ("red", "blue")
