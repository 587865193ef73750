"""The SDK against a town that is really served."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cloudhall.sdk import Cloudhall, config, errors
from cloudhall.sdk.client import Query, Wire
from cloudhall.sdk.session import AnyKind
from tests.api.town import Town


@pytest.fixture
def boxes(cloud: Cloudhall) -> AnyKind:
    return cloud.kind("town.box", "boxes")


def test_a_resource_is_made_read_changed_and_deleted(boxes: AnyKind) -> None:
    made = boxes.create("whole", {"size_gib": 3}, labels={"team": "stats"})
    assert (made["name"], made["spec"]["size_gib"]) == ("whole", 3)  # type: ignore[typeddict-item]  # of a kind unknown
    changed = boxes.update("whole", {"note": "new"}, labels={"team": None, "of": "us"}, if_match=made["revision"])
    assert changed["labels"] == {"of": "us"}
    assert boxes.get(made["id"])["revision"] == changed["revision"]
    assert boxes.act("whole", "resize", {"size_gib": 5})["generation"] == 3
    boxes.delete("whole")
    assert boxes.wait(made["id"], "deleted") is None
    with pytest.raises(errors.NotFound):
        boxes.get("whole")


def test_a_preview_changes_nothing(boxes: AnyKind) -> None:
    assert boxes.preview_create("dry", {"size_gib": 7})["preview"] == [{"zh": "将占 7 GiB", "en": "Will take 7 GiB"}]
    assert list(boxes.list(matching="dry")) == []


def test_a_list_is_read_as_far_as_it_is_taken(boxes: AnyKind, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(5):
        boxes.create(f"paged-{n}", {"size_gib": 1, "grade": "secret"})
    asked: list[str] = []
    look = boxes._client.look

    def counted(path: str, query: Query) -> Wire:
        asked.append(path)
        return look(path, query)

    monkeypatch.setattr(boxes._client, "look", counted)
    found = boxes.list(where={"grade": ["secret"]}, sort="name", page_size=2)
    assert asked == []
    assert [next(found)["name"] for _ in range(3)] == ["paged-0", "paged-1", "paged-2"]
    assert len(asked) == 2
    assert len(list(found)) == 2


def test_an_own_key_makes_a_change_once(boxes: AnyKind) -> None:
    first = boxes.create("keyed", {"size_gib": 1}, key="run-17")
    assert boxes.create("keyed", {"size_gib": 1}, key="run-17")["id"] == first["id"]
    with pytest.raises(errors.Invalid, match="keyed"):
        boxes.create("keyed", {"size_gib": 1})


def test_errors_are_told_apart_and_say_everything(served: tuple[Town, str], cloud: Cloudhall, boxes: AnyKind) -> None:
    with pytest.raises(errors.Invalid) as wrong:
        boxes.create("Wrong Name", {"size_gib": "x", "colur": "blue"})
    assert {p["pointer"] for p in wrong.value.problems} == {"/name", "/spec/size_gib", "/spec/colur"}
    assert wrong.value.code == "INVALID"
    assert wrong.value.request_id
    assert "INVALID" in str(wrong.value)
    made = boxes.create("stale", {"size_gib": 1})
    with pytest.raises(errors.Stale):
        boxes.update("stale", {"note": "mine"}, if_match=made["revision"] - 1)
    with Cloudhall(served[1], served[0].token("viewer"), project="census") as viewer, pytest.raises(errors.Forbidden):
        viewer.kind("town.box", "boxes").create("no", {"size_gib": 1})
    with Cloudhall(served[1], "cht_nobody") as nobody, pytest.raises(errors.Unauthenticated):
        nobody.whoami()
    assert cloud.whoami()["name"] == "Dev"


def test_waiting_ends_with_what_was_seen(cloud: Cloudhall, boxes: AnyKind) -> None:
    boxes.create("under", {"size_gib": 1})
    lids = cloud.kind("town.lid", "lids")
    seen: list[str] = []
    assert lids.create("good", {"box": "under"}, wait_s=5)["state"] == "ready"
    lids.create("bad", {"box": "under", "fits": False})
    with pytest.raises(errors.NotReady) as late:
        lids.wait("bad", timeout_s=0.3, told=lambda lid: seen.append(lid["name"]))
    assert late.value.seen
    assert late.value.seen["name"] == "bad"
    assert set(seen) == {"bad"}
    assert lids.explain("bad")["reason"] == "DoesNotFit"


def test_a_watch_tells_what_happens_and_misses_nothing(cloud: Cloudhall, boxes: AnyKind, served: Any) -> None:
    revision = next(boxes.pages())["revision"]
    boxes.create("before", {"size_gib": 1})
    events = boxes.watch(after=revision)
    assert next(events)["name"] == "before"
    with Cloudhall(served[1], served[0].token("dev"), project="census") as other:
        timer = threading.Timer(0.1, other.kind("town.box", "boxes").create, ("during", {"size_gib": 1}))
        timer.start()
        assert _named(events, "during")["verb"] == "create"
        timer.join()
    events.close()  # type: ignore[attr-defined]  # a generator


def _named(events: Iterator[Any], name: str) -> Any:
    end = time.monotonic() + 10
    for event in events:
        assert time.monotonic() < end
        if event["name"] == name:
            return event
    raise AssertionError


def test_the_log_in_of_the_command_line_serves_its_own_server_alone(served: tuple[Town, str]) -> None:
    config.remember(served[1], {"token": served[0].token("dev"), "project": "census"})
    with Cloudhall() as cloud:
        assert cloud.whoami()["name"] == "Dev"
        assert cloud.places["project"] == "census"
    assert "Authorization" not in Cloudhall("http://127.0.0.1:1").client._headers


def test_a_kind_that_there_is_not_is_no_attribute(cloud: Cloudhall) -> None:
    assert [project["name"] for project in cloud.projects.list()] == ["census"]
    with pytest.raises(AttributeError, match="bukets"):
        _ = cloud.bukets  # type: ignore[attr-defined]
