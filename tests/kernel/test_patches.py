"""Edits as RFC 7396 patches."""

from pathlib import Path
from typing import Any

import pytest

from cloudhall.kernel.errors import Invalid
from cloudhall.kernel.patches import merge_patch
from tests.kernel.shelf import KEEPER, create, opened, update


@pytest.mark.parametrize(
    ("old", "patch", "new"),
    [  # RFC 7396, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_the_standard(old: Any, patch: Any, new: Any) -> None:
    assert merge_patch(old, patch) == new


def test_a_merging_edit_merges_maps_and_gives_defaults_back(tmp_path: Path) -> None:
    kernel = opened(tmp_path)
    first = create(colour="red", sender="chen", stamps={"dragon": 2, "horse": 1})
    kernel.execute(KEEPER, first).result()
    kernel.execute(KEEPER, update(labels={"a": "1", "b": "2"})).result()
    patch = {"colour": None, "sender": None, "stamps": {"dragon": None, "snake": 4}}
    body = kernel.execute(KEEPER, update(patch, labels={"a": None, "c": "3"}, merge=True)).result().body
    assert body["spec"] == {"weight_kg": 2, "colour": "brown", "stamps": {"horse": 1, "snake": 4}, "sender": None}
    assert body["labels"] == {"b": "2", "c": "3"}
    body = kernel.execute(KEEPER, update({"stamps": {"dog": 1}}, labels={"d": "4"})).result().body
    assert (body["spec"]["stamps"], body["labels"]) == ({"dog": 1}, {"d": "4"})
    kernel.stop()


def test_what_has_no_default_is_not_taken_away(tmp_path: Path) -> None:
    kernel = opened(tmp_path)
    kernel.execute(KEEPER, create()).result()
    with pytest.raises(Invalid) as error:
        kernel.execute(KEEPER, update({"weight_kg": None, "color": None}, merge=True)).result()
    assert {(p.code, p.pointer) for p in error.value.problems} == {
        ("TYPE", "/spec/weight_kg"),
        ("UNKNOWN", "/spec/color"),
    }
    kernel.stop()
