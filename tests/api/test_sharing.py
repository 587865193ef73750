"""A role on one resource alone: every way of looking shows that one row, and nothing once it is taken back."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from cloudhall.domains.identity.person import Person
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.ids import new_id
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.roles import SECURITY_ADMIN
from cloudhall.kernel.sight import visible_ids
from tests.api.town import Box, Town


class Sharing:
    """Boxes in `census`, somebody outside it, and a security administrator who shares."""

    def __init__(self, town: Town) -> None:
        self.town, self.kernel = town, town.kernel
        self.guest = town.people["guest"] = town.make(Person, "guest", "bureau", {"display_name": "Guest"})
        guard = town.people["guard"] = town.make(Person, "guard", "bureau", {"display_name": "Guard"})
        town.grant(guard, SECURITY_ADMIN, "platform")
        self.guard, self.client, self.dev = town.client("guard"), town.client("guest"), town.client("dev")
        self.boxes = {name: self.box(name) for name in ("red", "green", "blue")}

    def box(self, name: str) -> str:
        body = {"name": name, "project": "census", "spec": {"size_gib": 5, "grade": "open", "note": f"note {name}"}}
        return str(self.dev.post("/boxes", json=body).json()["id"])

    def share(self, name: str, role: str = "viewer", subject: str = "") -> Any:
        spec = {"subject": subject or self.guest, "role": role, "resource": self.boxes[name]}
        return self.guard.post("/grants", json={"spec": spec})

    def shared(self, *what: str) -> str:
        answer = self.share(*what)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def refused(self, **spec: Any) -> list[tuple[str, str]]:
        place = spec.pop("place", None)
        asked = {"subject": self.guest, "role": "viewer"} | spec
        answer = self.guard.post("/grants", json={"spec": asked} | ({"organisation": place} if place else {}))
        assert answer.status_code == 400, answer.text
        return [(p["code"], p["pointer"]) for p in answer.json()["problems"]]


@pytest.fixture
def sharing(town: Town) -> Sharing:
    return Sharing(town)


def names(client: TestClient, query: str = "") -> list[str]:
    answer = client.get(f"/boxes{query}")
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["items"]]


def seen_events(kernel: Kernel, sharing: Sharing) -> set[str]:
    caller = Caller(id=sharing.guest)
    return visible_ids(kernel, caller, ((Box.meta.key, id_) for id_ in sharing.boxes.values()))


def test_one_shared_row_is_what_every_view_shows(sharing: Sharing) -> None:
    assert names(sharing.client) == []
    sharing.shared("green")
    for query in ("", "?project=census", f"?project={sharing.town.project}", "?grade=open", "?q=note", "?sort=name"):
        assert names(sharing.client, query) == ["green"], query
    assert sharing.client.get("/boxes?facets=grade").json()["facets"]["grade"] == [{"value": "open", "count": 1}]
    assert sharing.kernel.count(Caller(id=sharing.guest), Box) == 1
    hits = sharing.client.get("/search?q=note").json()["items"]
    assert [hit["name"] for hit in hits] == ["green"]
    assert seen_events(sharing.kernel, sharing) == {sharing.boxes["green"]}
    assert sharing.client.get("/boxes/green").status_code == 200
    assert sharing.client.get(f"/boxes/{sharing.boxes['green']}").status_code == 200
    assert sharing.client.get("/boxes/green?project=census").status_code == 200
    for hidden in ("red", sharing.boxes["blue"]):
        assert sharing.client.get(f"/boxes/{hidden}").status_code == 404
    assert sharing.client.get("/projects/census").status_code == 404
    assert sharing.client.get("/boxes?project=harbour").status_code == 404


def test_a_role_on_one_row_does_there_what_it_does_in_the_project_and_nothing_beside(sharing: Sharing) -> None:
    sharing.shared("green", "developer")
    assert sharing.client.patch("/boxes/green", json={"spec": {"note": "mine"}}).status_code == 200
    assert sharing.client.post("/boxes/green:seal").status_code == 200
    made = {"name": "new", "project": "census", "spec": {"size_gib": 5}}
    assert sharing.client.post("/boxes", json=made).status_code == 403
    assert sharing.client.patch("/boxes/red", json={"spec": {"note": "x"}}).status_code == 404
    lid = {"name": "lid", "project": "census", "spec": {"box": sharing.boxes["green"]}}
    assert sharing.client.post("/lids", json=lid).status_code == 404  # nothing of that kind is theirs to see there
    assert sharing.client.get("/boxes").json()["items"][0]["spec"]["note"] == "mine"


def test_taken_back_it_is_gone_with_the_answer(sharing: Sharing) -> None:
    grant = sharing.shared("green")
    assert names(sharing.client) == ["green"]
    assert sharing.guard.delete(f"/grants/{grant}").status_code == 202
    assert names(sharing.client) == []
    assert sharing.client.get("/boxes/green").status_code == 404


def test_a_grant_goes_with_its_resource_and_the_plan_says_so(sharing: Sharing) -> None:
    grant = sharing.shared("green")
    plan = sharing.dev.delete("/boxes/green?validate_only=true").json()
    assert grant in str(plan)
    assert sharing.dev.delete("/boxes/green").status_code == 202
    body = sharing.guard.get(f"/grants/{grant}")
    assert body.status_code == 404 or body.json()["deleting_at"]
    held = sharing.kernel.store.read().execute("SELECT count(*) FROM role_grant WHERE id = ?", (grant,))
    assert held.fetchone() == (0,)


def test_the_grant_lies_where_its_resource_lies(sharing: Sharing) -> None:
    grant = sharing.guard.get(f"/grants/{sharing.shared('green')}").json()
    assert sharing.town.project in {grant.get("project"), grant.get("organisation")}
    assert grant["spec"]["resource"] == sharing.boxes["green"]


def test_what_makes_no_sense_is_refused_with_how_to_mend_it(sharing: Sharing) -> None:
    box, pointer = sharing.boxes["green"], "/spec/resource"
    gone = new_id("bx", sharing.kernel.world)
    assert sharing.refused(resource=gone) == sharing.refused(resource=gone, place="census") == [("NO_SUCH", pointer)]
    assert sharing.refused(resource=box, place="harbour") == [("NO_SUCH", pointer)]
    assert sharing.refused(resource=sharing.town.project) == [("PLACE", pointer)]
    assert sharing.refused(resource=box, role="org_admin") == [("NO_EFFECT", pointer)]
    assert sharing.refused(resource=box, role="data_officer") == [("NO_EFFECT", pointer)]
    assert sharing.refused(resource=box, role="system_admin")[0][0] in {"SEPARATION", "NO_EFFECT"}
    assert sharing.refused(resource="green") == [("PATTERN", pointer)]


def test_whoever_may_not_look_there_learns_nothing_of_what_is_shared(sharing: Sharing) -> None:
    local = sharing.town.people["local"] = sharing.town.make(Person, "local", "bureau", {"display_name": "Local"})
    sharing.town.grant(local, SECURITY_ADMIN, sharing.town.other)
    gone = new_id("bx", sharing.kernel.world)
    for client in (sharing.town.client("local"), sharing.town.client("stranger"), sharing.client):
        for place in ({}, {"organisation": "harbour"}):
            bodies = []
            for target in (sharing.boxes["green"], gone):
                spec = {"subject": sharing.guest, "role": "viewer", "resource": target}
                answer = client.post("/grants", json={"name": "one", "spec": spec, **place})
                assert answer.status_code in {400, 403, 404}
                told = answer.json()
                told.pop("request_id")
                bodies.append(str(told).replace(target, "x"))
            assert bodies[0] == bodies[1]


def test_an_organisation_stands_for_its_people_here_and_below(sharing: Sharing) -> None:
    sharing.share("green", "viewer", sharing.town.bureau)
    assert names(sharing.client) == []  # the guard is of the bureau, and would have granted to themselves
    assert sharing.share("green", "viewer", sharing.town.bureau).status_code == 400
    town = sharing.town
    people = town.people["outside"] = town.make(Person, "outside", "platform", {"display_name": "Outside"})
    town.grant(people, SECURITY_ADMIN, "platform")
    spec = {"subject": town.bureau, "role": "viewer", "resource": sharing.boxes["green"]}
    answer = town.client("outside").post("/grants", json={"spec": spec})
    assert answer.status_code == 201, answer.text
    assert names(sharing.client) == ["green"]
    assert names(town.client("stranger")) == ["green"]
    assert names(town.client("outside")) == []
    for role, code in (("org_admin", "SEPARATION"), ("security_admin", "SEPARATION")):
        refused = town.client("outside").post(
            "/grants", json={"organisation": "census", "spec": {"subject": town.bureau, "role": role}}
        )
        assert [p["code"] for p in refused.json()["problems"]] == [code]
    assert sharing.dev.delete("/boxes/green").status_code == 202
    assert names(sharing.client) == []


def test_explaining_says_that_it_is_held_on_the_resource(sharing: Sharing) -> None:
    sharing.shared("green", "developer")
    body = sharing.client.get("/explain?operation=town.box:update&target=green").json()
    assert body["allowed"]
    assert body["places"][0] == sharing.boxes["green"]
    developers = next(who for who in body["who"] if who["role"] == "developer")
    assert sharing.guest in {holder["id"] for holder in developers["holders"]}


def test_who_can_do_what_and_why_is_told_as_far_as_one_may_know(sharing: Sharing) -> None:
    grant = sharing.shared("green", "developer")
    query = "/access?kind=boxes&target=green"
    assert sharing.guard.get(query).status_code == 404  # who grants sees the grants, not what lies in the place
    body = sharing.client.get(query).json()
    assert [(h["subject"]["id"], h["role"], h["on"]["id"], h["grant"]) for h in body["held"]] == [
        (sharing.guest, "developer", sharing.boxes["green"], grant)
    ]
    assert body["held"][0]["may"][:3] == ["read", "update", "delete"]
    mine = {m["verb"]: m for m in body["mine"]}
    assert mine["update"]["allowed"]
    assert [p["policy"] for p in mine["update"]["why"]] == ["town.box:update/developer"]
    assert "suspended" in {p["policy"] for p in body["besides"]}
    viewer = sharing.town.client("viewer").get(query).json()
    assert {h["subject"]["id"] for h in viewer["held"]} <= {sharing.town.people["viewer"]}
    assert not {m["verb"]: m for m in viewer["mine"]}["update"]["allowed"]
