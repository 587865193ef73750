"""The watch stream over a real socket: in order, complete, only what one may see, resumable."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

import httpx2
import pytest

from cloudhall.api import watch
from tests.api.town import Town


class Event(NamedTuple):
    id: int
    type: str
    data: dict[str, Any]


class Stream:
    """Reads a stream event by event."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response, self.lines = response, response.iter_lines()
        self.bookmark = 0

    def __iter__(self) -> Iterator[Event]:
        fields: dict[str, str] = {}
        for line in self.lines:
            name, _, value = line.partition(": ")
            if line:
                fields[name] = value
                continue
            self.bookmark = int(fields.get("id", self.bookmark))
            if "data" in fields:
                yield Event(int(fields["id"]), fields["event"], json.loads(fields["data"]))
            fields = {}

    def take(self, n: int) -> list[Event]:
        return list(islice(self, n))


class Watcher:
    """A client of a served town."""

    def __init__(self, town: Town, address: str, name: str) -> None:
        headers = {"Authorization": f"Bearer {town.token(name)}"}
        self.http = httpx2.Client(base_url=address, headers=headers, timeout=20)

    @contextmanager
    def watching(self, query: str = "", **headers: str) -> Iterator[Stream]:
        with self.http.stream("GET", f"/watch{query}", headers=headers) as response:
            assert response.status_code == 200, response.read()
            assert response.headers["content-type"].startswith("text/event-stream")
            yield Stream(response)

    def box(self, name: str, project: str = "census") -> dict[str, Any]:
        body = {"name": name, "project": project, "spec": {"size_gib": 5, "note": "第一行\n第二行"}}
        answer = self.http.post("/boxes", json=body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def address(town: Town) -> Iterator[str]:
    with town.served() as address:
        yield address


@pytest.fixture
def dev_(town: Town, address: str) -> Iterator[Watcher]:
    watcher = Watcher(town, address, "dev")
    yield watcher
    watcher.http.close()


def test_changes_come_as_they_happen(town: Town, dev_: Watcher) -> None:
    with dev_.watching() as stream:
        box = dev_.box("a")
        (created,) = stream.take(1)
        dev_.http.patch("/boxes/a", json={"spec": {"note": "x"}})
        dev_.http.post("/boxes/a:seal")
        later = stream.take(2)
    assert (created.type, created.id) == ("town.box.created", box["revision"])
    assert (created.data["id"], created.data["place"], created.data["actor"]) == (
        box["id"],
        town.project,
        town.people["dev"],
    )
    assert created.data["spec"]["note"] == "第一行\n第二行"
    assert [(e.type, e.data["changed"]) for e in later] == [
        ("town.box.updated", ["spec.note"]),
        ("town.box.sealed", ["spec.sealed"]),
    ]


def test_a_list_and_a_watch_from_its_revision_miss_nothing(dev_: Watcher) -> None:
    dev_.box("a")
    revision = dev_.http.get("/boxes").json()["revision"]
    dev_.box("b")
    dev_.box("c")
    with dev_.watching(f"?after={revision}") as stream:
        assert [e.data["name"] for e in stream.take(2)] == ["b", "c"]


def test_whoever_comes_back_goes_on_where_it_was(dev_: Watcher) -> None:
    first = [dev_.box(name)["revision"] for name in ("a", "b", "c")]
    with dev_.watching("?after=0", **{"Last-Event-ID": str(first[0])}) as stream:
        seen = stream.take(2)
    assert [e.id for e in seen] == first[1:]
    dev_.box("d")
    with dev_.watching(**{"Last-Event-ID": str(seen[-1].id)}) as stream:
        assert [e.data["name"] for e in stream.take(1)] == ["d"]


def test_more_than_a_page_comes_whole_and_in_order(dev_: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PAGE", 7)
    made = [dev_.box(f"b{n}")["revision"] for n in range(30)]
    with dev_.watching("?after=0&kind=boxes") as stream:
        assert [e.id for e in stream.take(30)] == made


def test_only_what_one_may_see_comes_and_the_rest_moves_the_bookmark(town: Town, address: str, dev_: Watcher) -> None:
    stranger = Watcher(town, address, "stranger")
    with stranger.watching(f"?after={dev_.http.get('/boxes').json()['revision']}") as stream:
        hidden = dev_.box("hidden")
        while stream.bookmark < hidden["revision"]:
            stream.bookmark = int(next(line for line in stream.lines if line.startswith("id: "))[4:])
        stranger.box("theirs", "harbour")
        assert [e.data["name"] for e in stream.take(1)] == ["theirs"]
    stranger.http.close()


def test_a_stream_can_be_of_one_kind_one_place_or_one_resource(town: Town, dev_: Watcher) -> None:
    town.grant(town.people["dev"], "developer", town.other)
    box = dev_.box("a")
    dev_.box("b")
    dev_.box("c", "harbour")
    dev_.http.post("/lids", json={"name": "lid", "project": "census", "spec": {"box": "a"}})
    dev_.http.post("/boxes/a:seal")

    def seen(query: str, n: int) -> list[str]:
        with dev_.watching(f"?after=0&{query}") as stream:
            return [e.data["name"] for e in stream.take(n)]

    assert seen("kind=town.lid", 1) == ["lid"]
    assert seen("kind=boxes", 4) == ["a", "b", "c", "a"]
    assert seen("kind=boxes&place=harbour", 1) == ["c"]
    assert seen(f"id={box['id'].upper()}", 2) == ["a", "a"]


def test_the_end_of_a_resource_is_told_to_who_could_see_it(town: Town, dev_: Watcher) -> None:
    box = dev_.box("a")
    dev_.http.delete("/boxes/a")
    town.kernel.reconciler.run_due()
    with dev_.watching(f"?after={box['revision']}&kind=boxes") as stream:
        assert [e.type for e in stream.take(2)] == ["town.box.deleted", "town.box.removed"]


def test_a_revoked_credential_ends_its_stream(town: Town, dev_: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "HEARTBEAT_S", 0.2)
    with dev_.watching() as stream:
        town.kernel.store.write(lambda tx: tx.execute("DELETE FROM identity_login")).result()
        assert list(stream) == []


def test_a_server_that_stops_ends_its_streams(town: Town, dev_: Watcher) -> None:
    with dev_.watching() as stream:
        town.app.state.host.bell.close()
        assert list(stream) == []


def test_a_wrong_beginning_is_refused(dev_: Watcher) -> None:
    for query, pointer in (
        ("?after=999999", "?after"),
        ("?after=-1", "?after"),
        ("?kind=box", "?kind"),
        ("?form=x", "?form"),
    ):
        answer = dev_.http.get(f"/watch{query}")
        assert answer.status_code == 400
        assert answer.json()["problems"][0]["pointer"] == pointer
    assert dev_.http.get("/watch?place=harbour").status_code == 404


def test_streams_are_counted(town: Town, dev_: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "WATCHERS_MAX", 1)
    with dev_.watching() as stream:
        dev_.box("a")
        stream.take(1)
        answer = dev_.http.get("/watch")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
