"""The tree of places and who holds what where, held against a plain calculation."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudhall.domains.identity.grant import Grant
from cloudhall.domains.identity.organisation import Organisation
from cloudhall.kernel import places
from cloudhall.kernel.errors import NotFound
from cloudhall.kernel.world import SECOND_US
from tests.kit.hall import Hall


def connect() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    db.executescript(places.SCHEMA)
    return db


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with closing(connect()) as opened:
        yield opened


@given(st.lists(st.integers(0, 30), max_size=30))
@settings(max_examples=50)
def test_ancestors_are_the_way_up_in_any_tree(parents: list[int]) -> None:
    with closing(connect()) as db:
        above = {"platform": ""}
        for n, p in enumerate(parents):
            parent = f"p{p % n}" if n and p % (n + 1) else "platform"
            above[f"p{n}"] = parent
            places.add_place(db, f"p{n}", parent)
        for place in above:
            way = [place]
            while above[way[-1]]:
                way.append(above[way[-1]])
            assert places.ancestors(db, place) == tuple(way)


def test_an_unknown_place_has_no_way_up_and_holds_itself(db: sqlite3.Connection) -> None:
    assert places.ancestors(db, "nowhere") == ()
    assert places.within(db, "nowhere") == ("nowhere",)


def test_what_is_within_a_place_is_itself_and_all_below(db: sqlite3.Connection) -> None:
    for place, parent in (("o", "platform"), ("u", "o"), ("p", "u"), ("other", "platform")):
        places.add_place(db, place, parent)
    assert places.within(db, "o") == ("o", "u", "p")
    assert places.within(db, "p") == ("p",)
    assert places.within(db, "platform") == ("platform", "o", "other", "u", "p")


def test_a_grant_counts_until_its_end_and_not_a_moment_longer(db: sqlite3.Connection) -> None:
    places.set_grant(db, "g1", "pe", "developer", "a", 100)
    places.set_grant(db, "g2", "pe", "developer", "b", None)
    places.set_grant(db, "g3", "pe", "viewer", "a", None)
    assert places.granted(db, "pe", 99) == {"developer": {"a", "b"}, "viewer": {"a"}}
    assert places.granted(db, "pe", 100) == {"developer": {"b"}, "viewer": {"a"}}
    places.remove_grant(db, "g2")
    assert places.granted(db, "pe", 100) == {"viewer": {"a"}}
    assert places.granted(db, "other", 0) == {}


def test_holders_are_who_could_be_asked(db: sqlite3.Connection) -> None:
    for n in range(7):
        places.set_grant(db, f"g{n}", f"pe{n}", "viewer", "a" if n % 2 else "b", 100 if n == 1 else None)
    assert sorted(places.holders(db, "viewer", ("a", "c"), 100)) == ["pe3", "pe5"]
    assert len(places.holders(db, "viewer", ("a", "b"), 0)) == 5


def test_a_role_reaches_down_the_tree_and_nowhere_else(hall: Hall) -> None:
    admin = hall.staff["system_admin"]
    city = hall.do(admin, Organisation, "create", name="city", spec={"title_zh": "市"})["id"]
    bureau = hall.do(admin, Organisation, "create", name="bureau", place=city, spec={"title_zh": "局"})["id"]
    other = hall.do(admin, Organisation, "create", name="other", spec={"title_zh": "另一"})["id"]
    someone = hall.person("viewer", place=city)
    seen = {o.id for o in hall.kernel.page(someone, Organisation)}
    assert seen == {city, bureau}
    for place, sees in ((city, True), (bureau, True), (other, False)):
        if sees:
            assert hall.kernel.find(someone, Organisation, place).id == place
        else:
            with pytest.raises(NotFound):
                hall.kernel.find(someone, Organisation, place)


def test_a_revoked_or_ended_grant_is_gone_with_the_answer(hall: Hall) -> None:
    project, security = hall.project(), hall.staff["security_admin"]
    someone = hall.person()
    assert hall.kernel.count(someone, Organisation) == 0
    spec = {"subject": someone.id, "role": "viewer"}
    grant = hall.do(security, Grant, "create", place="economy", spec=spec)["id"]
    assert hall.kernel.count(someone, Organisation) == 1
    hall.do(security, Grant, "delete", target=grant)
    assert hall.kernel.count(someone, Organisation) == 0
    soon = "2026-01-01T01:00:00Z"
    hall.do(security, Grant, "create", place=project, spec=spec | {"expires_at": soon})
    assert places.granted(hall.read(), someone.id, hall.world.now_us()) == {"viewer": {project}}
    hall.world.advance(3_600)
    assert places.granted(hall.read(), someone.id, hall.world.now_us()) == {}
    assert hall.world.now_us() > 3_600 * SECOND_US
