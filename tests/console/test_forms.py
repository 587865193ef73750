"""Controls from fields, and values from what was typed: every value survives the way through a form."""

import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhall.console import forms
from cloudhall.console.formats import ZONE
from cloudhall.kernel.errors import Problem
from cloudhall.kernel.fields import fields_of, problems
from cloudhall.kernel.text import T
from tests.console.yard import ShedSpec

LINE = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12)
SHEDS = st.builds(
    ShedSpec,
    area_m2=st.integers(1, 9_000),
    colour=st.sampled_from(["red", "green", "blue"]),
    roofed=st.booleans(),
    note=LINE | st.just(""),
    tags=st.dictionaries(LINE.filter(lambda k: "=" not in k), LINE, max_size=3),
    keepers=st.lists(LINE, max_size=3),
    uses=st.lists(st.sampled_from(["red", "green", "blue"]), max_size=3, unique=True),
    opens_at=st.none()
    | st.datetimes(datetime.datetime(2000, 1, 1)).map(lambda t: t.replace(second=0, microsecond=0, tzinfo=ZONE)),  # noqa: DTZ001  the zone follows
    built=st.none() | st.dates(),
    grade=LINE,
)


@given(SHEDS)
def test_what_a_form_shows_is_what_it_gives_back(spec: ShedSpec) -> None:
    texts = forms.texts_of(ShedSpec, "spec", msgspec.to_builtins(spec))
    posted = [
        (name, text) for name, text in texts.items() if name != "spec.uses" and (name, text) != ("spec.roofed", "false")
    ]
    posted += [("spec.uses", use) for use in spec.uses]
    found = forms.read(ShedSpec, "spec", posted)
    assert not problems(ShedSpec, found)
    assert msgspec.convert(found, ShedSpec) == spec


@pytest.mark.parametrize(
    ("name", "widget"),
    [
        ("area_m2", "number"),
        ("colour", "radio"),
        ("roofed", "flag"),
        ("note", "area"),
        ("tags", "pairs"),
        ("keepers", "lines"),
        ("uses", "checks"),
        ("opens_at", "datetime"),
        ("built", "date"),
        ("grade", "text"),
    ],
)
def test_each_shape_has_its_control(name: str, widget: str) -> None:
    by_name = {c.name: c for c in forms.controls(ShedSpec, "spec", {}, {})}
    assert by_name[f"spec.{name}"].widget == widget
    assert "spec.locked" not in by_name  # only an action sets it


@pytest.mark.parametrize(
    ("typed", "value"),
    [("1,024", 1024), (" 20 ", 20), ("２０", 20), ("4.5 TiB", "4.5 TiB"), ("", None)],
)
def test_numbers_are_read_generously_and_nonsense_stays_text(typed: str, value: Any) -> None:
    assert forms.read(ShedSpec, "spec", [("spec.area_m2", typed)]).get("area_m2") == value


def test_an_unticked_box_is_false_only_in_a_form_that_was_sent() -> None:
    assert forms.read(ShedSpec, "spec", [])["roofed"] is False
    assert "roofed" not in forms.read(ShedSpec, "spec", [], sent=False)


def test_a_problem_leads_to_its_control_and_says_how_to_mend_it() -> None:
    info = fields_of(ShedSpec)["area_m2"]
    wrong = Problem("TYPE", "/spec/area_m2", T("应填整数", "Must be a whole number"), T("收到的是 str", "Got str"))
    assert forms.control_of(wrong) == "spec.area_m2"
    assert forms.worded(wrong, info) == T("“面积”填整数 m²，例如 20", "Area takes a whole number m², such as 20")
    assert forms.control_of(Problem("X", "/spec/keepers/3", T("", ""))) == "spec.keepers"
    assert forms.control_of(Problem("X", "/project", T("", ""))) == "project"
