"""The one path of a change: what is refused, what goes along, and that a dry run and the real one agree."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cloudhall.domains.identity.grant import Grant
from cloudhall.domains.identity.organisation import Organisation
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.project import Project
from cloudhall.domains.identity.quota_limit import QuotaLimit
from cloudhall.domains.identity.service_account import ServiceAccount
from cloudhall.domains.market.statement import Statement
from cloudhall.domains.storage.access_key import AccessKey
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.kernel.caller import Caller, service
from cloudhall.kernel.commands import Command
from cloudhall.kernel.errors import CloudhallError, Conflict, Invalid, NotFound, Stale
from cloudhall.kernel.kinds import Kind
from tests.kernel.workshop import Engine, Part, Permit, Screw, Shop, working
from tests.kit.databases import BOTH
from tests.kit.hall import Hall
from tests.kit.writer import held

pytestmark = BOTH

OPEN = {"quota_gib": 1, "grade": "open"}


@pytest.fixture
def shop() -> Iterator[Shop]:
    with working() as built:
        yield built


def refusal(hall: Hall, caller: Caller, kind: type[Kind[Any, Any]], verb: str, **what: Any) -> CloudhallError:
    """What a command is refused with; the dry run must say the same."""
    command = Command(kind=kind, verb=verb, **what)
    with pytest.raises(CloudhallError) as dry:
        hall.kernel.plan(caller, command)
    with pytest.raises(CloudhallError) as real:
        hall.kernel.execute(caller, command).result()
    said = [(type(e.value), e.value.text, e.value.reason, e.value.problems) for e in (dry, real)]
    assert said[0] == said[1]
    return real.value


def pointers(error: CloudhallError) -> list[str]:
    return [p.pointer for p in error.problems]


def test_all_problems_are_named_at_once_with_the_nearest_name(shop: Shop) -> None:
    spec = {"sped": 3, "serial": 7, "speed": 10_000}
    labels: Any = {"a": 1}
    error = refusal(
        shop.hall, shop.developer, Engine, "create", place=shop.project, name="Not a name", labels=labels, spec=spec
    )
    assert set(pointers(error)) == {"/labels", "/name", "/spec/sped", "/spec/serial", "/spec/speed"}
    unknown = next(p for p in error.problems if p.code == "UNKNOWN")
    assert unknown.mend is not None
    assert "speed" in unknown.mend.en


@pytest.mark.parametrize("name", ["", None, "A", "a b", "-a", "a" * 64, "zg-0123456789abcdefg", "ünder", "a/b"])
def test_names_that_are_none(shop: Shop, name: str | None) -> None:
    error = refusal(shop.hall, shop.developer, Engine, "create", place=shop.project, name=name, spec={})
    assert pointers(error) == ["/name"]


def test_a_name_is_taken_within_its_place_and_free_elsewhere(shop: Shop) -> None:
    shop.engine("one")
    other = shop.hall.project("other", "traffic")
    error = refusal(shop.hall, shop.developer, Engine, "create", place=shop.project, name="one", spec={"serial": "two"})
    assert [(p.code, p.pointer) for p in error.problems] == [("TAKEN", "/name")]
    assert shop.do(Engine, "create", place=other, name="one", spec={"serial": "two"})["name"] == "one"


def test_a_name_that_is_unique_everywhere_is_taken_everywhere(hall: Hall) -> None:
    here, there = hall.project(), hall.project("other", "traffic")
    developer = hall.staff["developer"]
    hall.do(developer, Bucket, "create", place=here, name="stats", spec=OPEN)
    error = refusal(hall, developer, Bucket, "create", place=there, name="stats", spec=OPEN)
    assert [(p.code, p.pointer) for p in error.problems] == [("TAKEN", "/name")]


def test_a_unique_field_says_that_it_is_that_field(shop: Shop) -> None:
    shop.engine("one", serial="x")
    shop.engine("two", serial="y")
    error = refusal(shop.hall, shop.developer, Engine, "update", target="two", spec={"serial": "x"})
    assert [(p.code, p.pointer) for p in error.problems] == [("TAKEN", "/spec/serial")]


def test_a_rename_to_a_taken_name_is_refused_and_to_a_free_one_kept(shop: Shop) -> None:
    one = shop.engine("one")
    shop.engine("two")
    error = refusal(shop.hall, shop.developer, Engine, "update", target="one", name="two")
    assert pointers(error) == ["/name"]
    assert shop.do(Engine, "update", target="one", name="three")["id"] == one
    assert shop.do(Engine, "update", target="three", name="three")["name"] == "three"


def test_the_name_of_a_removed_resource_is_free_again(shop: Shop) -> None:
    first = shop.engine("one")
    shop.do(Engine, "delete", target=first)
    shop.hall.settle()
    assert shop.engine("one") != first


def test_an_action_neither_renames_nor_labels(shop: Shop) -> None:
    shop.engine("one")
    body = shop.do(Engine, "brake", target="one", name="Anything", labels={"a": "b"}, args={})
    assert (body["name"], body["labels"], body["spec"]["braked"]) == ("one", {}, True)
    error = refusal(shop.hall, shop.developer, Engine, "brake", target="one", args={})
    assert (type(error), error.reason) == (Conflict, "NOT_NOW")


def test_an_unknown_verb_is_not_found(shop: Shop) -> None:
    shop.engine("one")
    assert isinstance(refusal(shop.hall, shop.developer, Engine, "fly", target="one"), NotFound)


@pytest.mark.parametrize(("count", "named"), [(1, 1), (10, 10), (11, 10)])
def test_a_blocked_deletion_names_at_most_ten(shop: Shop, count: int, named: int) -> None:
    engine = shop.engine()
    permits = [shop.do(Permit, "create", name=f"permit-{n:02}", spec={"engine": engine})["id"] for n in range(count)]
    error = refusal(shop.hall, shop.developer, Engine, "delete", target=engine)
    assert error.reason == "BLOCKED_BY"
    assert [b["id"] for b in error.details["blocking"]] == sorted(permits)[:named]
    assert {(b["kind"], b["name"][:7]) for b in error.details["blocking"]} == {(Permit.meta.key, "permit-")}
    assert error.details["blocking_count"] == count
    assert error.text.en.count("permit-") == error.text.zh.count("permit-") == named
    assert error.text.en.startswith(f"{count} still there")
    assert ("and 1 more" in error.text.en) is (count > named)
    assert "cloudhall permit delete permit-" in error.how.en


def test_everything_that_hangs_on_an_owner_goes_with_it_the_deepest_first(shop: Shop) -> None:
    engine = shop.engine()
    parts = [shop.part(engine) for _ in range(15)]
    screws = [shop.do(Screw, "create", spec={"part": part})["id"] for part in parts]
    head = shop.hall.one("SELECT max(revision) FROM event")
    shop.do(Engine, "delete", target=engine)
    shop.hall.settle()
    for verb in ("delete", "remove"):
        sql = "SELECT id FROM event WHERE revision > ? AND verb = ? ORDER BY revision"
        order = [id_ for (id_,) in shop.hall.read().execute(sql, (head, verb))]
        assert sorted(order) == sorted([*parts, *screws, engine])
        assert order[-1] == engine
        assert all(order.index(screw) < order.index(part) for part, screw in zip(parts, screws, strict=True))


def test_what_belongs_to_a_place_goes_with_it_and_what_is_a_record_stays(hall: Hall) -> None:
    project, admin = hall.project(), hall.staff["system_admin"]
    limit = hall.do(admin, QuotaLimit, "create", place=project, name="room", spec={"quota": "storage_gib", "room": 9})
    who = hall.do(admin, Person, "create", place="economy", name="wu", spec={"display_name": "吴"})["id"]
    spec = {"subject": who, "role": "developer"}
    grant = hall.do(hall.staff["security_admin"], Grant, "create", place=project, spec=spec)
    month = {"place": project, "spec": {"period": "2026-11"}}
    bill = hall.do(service("market.statement"), Statement, "create", name="2026-11", **month)

    gone = ((Project, project), (QuotaLimit, limit["id"]), (Grant, grant["id"]))
    plan = hall.kernel.plan(admin, Command(kind=Project, verb="delete", target=project))
    assert {r.id for r in plan.goes_too} == {limit["id"], grant["id"]}
    hall.do(admin, Project, "delete", target=project)
    hall.settle()

    assert hall.one("SELECT count(*) FROM role_grant WHERE id = ?", grant["id"]) == 0
    assert [hall.kernel.tables[kind].get(hall.read(), id_) for kind, id_ in gone] == [None] * len(gone)
    kept = hall.kernel.find(hall.person("viewer"), Statement, bill["id"])
    assert (kept.place, kept.ready) == (project, True)
    assert isinstance(refusal(hall, service("market.statement"), Statement, "create", name="later", **month), NotFound)


def test_a_limit_that_is_deleted_gives_the_default_room_back(hall: Hall) -> None:
    project, admin = hall.project(), hall.staff["system_admin"]
    sql = "SELECT room FROM quota WHERE place = ? AND key = 'storage_gib'"
    hall.do(admin, QuotaLimit, "create", place=project, name="room", spec={"quota": "storage_gib", "room": 9})
    assert hall.one(sql, project) == 9
    hall.do(admin, QuotaLimit, "delete", target="room", place=project)
    assert hall.one(sql, project) == hall.kernel.registry.quotas["storage_gib"].default
    hall.settle()
    hall.do(admin, QuotaLimit, "create", place=project, name="room", spec={"quota": "storage_gib", "room": 7})
    assert hall.one(sql, project) == 7


def test_a_place_that_holds_anything_stays(hall: Hall) -> None:
    project = hall.project()
    hall.do(hall.staff["developer"], Bucket, "create", place=project, name="stats", spec=OPEN)
    error = refusal(hall, hall.staff["system_admin"], Project, "delete", target=project)
    assert "stats" in error.text.en
    error = refusal(hall, hall.staff["system_admin"], Organisation, "delete", target="economy")
    assert "monitoring" in error.text.en


def test_a_place_that_holds_many_things_names_them_all_at_once(hall: Hall) -> None:
    project = hall.project()
    for name in ("one", "two"):
        hall.do(hall.staff["developer"], Bucket, "create", place=project, name=name, spec=OPEN)
    hall.do(hall.staff["developer"], Bucket, "delete", target="two")
    hall.do(hall.staff["developer"], ServiceAccount, "create", place=project, name="robot", spec={"purpose": "x"})
    error = refusal(hall, hall.staff["system_admin"], Project, "delete", target=project)
    assert error.details["blocking_count"] == 3
    assert {(b["name"], b.get("in_bin", False)) for b in error.details["blocking"]} == {
        ("robot", False),
        ("one", False),
        ("two", True),
    }
    assert "cloudhall bucket purge two" in error.how.en


def test_what_is_going_is_edited_by_its_actions_alone(shop: Shop) -> None:
    engine = shop.engine(speed=5)
    shop.do(Engine, "delete", target=engine)
    error = refusal(shop.hall, shop.developer, Engine, "update", target=engine, spec={"speed": 3})
    assert (type(error), error.reason) == (Conflict, "DELETING")
    assert shop.do(Engine, "brake", target=engine, args={})["spec"]["speed"] == 0
    assert "deleting_at" in shop.do(Engine, "delete", target=engine)  # asked twice, deleted once
    shop.hall.settle()
    assert shop.hall.one("SELECT used FROM quota WHERE key = 'speed'") == 0
    assert shop.hall.one("SELECT count(*) FROM event WHERE verb = 'remove'") == 1


def test_nothing_is_put_into_a_project_that_is_going(hall: Hall) -> None:
    project = hall.project()
    hall.do(hall.staff["system_admin"], Project, "delete", target=project)
    error = refusal(hall, hall.staff["developer"], Bucket, "create", place=project, name="stats", spec=OPEN)
    assert (type(error), error.reason) == (NotFound, "BINNED")
    hall.do(hall.staff["system_admin"], Project, "purge", target=project)
    error = refusal(hall, hall.staff["developer"], Bucket, "create", place=project, name="stats", spec=OPEN)
    assert isinstance(error, NotFound)
    hall.settle()
    error = refusal(hall, hall.staff["developer"], Bucket, "create", place=project, name="stats", spec=OPEN)
    assert (type(error), error.reason) == (NotFound, "")


def test_references_are_given_by_name_or_id_and_kept_as_id(shop: Shop) -> None:
    one, two = shop.engine("one"), shop.engine("two")
    part = shop.do(Part, "create", spec={"engine": "one"})
    assert part["spec"]["engine"] == one
    assert shop.do(Part, "update", target=part["id"], spec={"engine": "two"})["spec"]["engine"] == two
    error = refusal(shop.hall, shop.developer, Part, "update", target=part["id"], spec={"engine": "three"})
    assert [(p.code, p.pointer) for p in error.problems] == [("NO_SUCH", "/spec/engine")]


def test_a_reference_to_what_one_may_not_see_says_what_a_wrong_one_says(shop: Shop) -> None:
    engine, other = shop.engine(), shop.hall.project("other", "traffic")
    stranger = shop.hall.person("developer", place=other)
    hidden = refusal(shop.hall, stranger, Part, "create", place=other, spec={"engine": engine})
    wrong = refusal(shop.hall, stranger, Part, "create", place=other, spec={"engine": other})
    assert hidden.problems[0].text.en.replace(engine, "x") == wrong.problems[0].text.en.replace(other, "x")


def test_a_name_in_two_places_asks_which(shop: Shop) -> None:
    other = shop.hall.project("other", "traffic")
    ids = [shop.engine("one"), shop.do(Engine, "create", place=other, name="one", spec={"serial": "x"})["id"]]
    error = refusal(shop.hall, shop.developer, Engine, "brake", target="one", args={})
    assert sorted(error.details["candidates"]) == sorted(ids)
    assert shop.do(Engine, "brake", target="one", place="other", args={})["id"] == ids[1]
    assert shop.do(Engine, "brake", target=ids[0].upper(), args={})["id"] == ids[0]


class TestIfMatch:
    def test_a_change_by_somebody_else_is_stale_and_shows_the_difference(self, shop: Shop) -> None:
        engine = shop.engine()
        revision = shop.do(Engine, "update", target=engine, spec={"speed": 5})["revision"]
        shop.do(Engine, "update", target=engine, spec={"speed": 6})
        error = refusal(
            shop.hall, shop.developer, Engine, "update", target=engine, spec={"speed": 7}, if_match=revision
        )
        assert isinstance(error, Stale)
        assert error.details["difference"] == {"speed": {"now": 6, "yours": 7}}
        assert error.details["current"]["spec"]["speed"] == 6

    def test_what_the_controller_saw_meanwhile_is_in_nobodys_way(self, shop: Shop) -> None:
        engine = shop.engine(speed=5)
        revision = shop.row(engine).revision
        shop.hall.settle()
        assert shop.row(engine).revision > revision
        assert shop.do(Engine, "update", target=engine, spec={"speed": 6}, if_match=revision)["spec"]["speed"] == 6

    @pytest.mark.parametrize("revision", [0, 10**9])
    def test_a_revision_that_never_was_is_stale_whatever_the_input(self, shop: Shop, revision: int) -> None:
        engine = shop.engine()
        error = refusal(shop.hall, shop.developer, Engine, "update", target=engine, spec=["speed"], if_match=revision)
        assert isinstance(error, Stale)


class TestAtOnce:
    """Two commands planned on the same state: the second is decided again once the first is written."""

    def test_thirty_two_edits_of_one_row_all_happen(self, shop: Shop) -> None:
        engine = shop.engine()
        with held(shop.kernel.store):
            edits = [
                shop.kernel.execute(
                    shop.developer, Command(kind=Engine, verb="update", target=engine, spec={"speed": n})
                )
                for n in range(1, 33)
            ]
        assert [e.result(10).body["generation"] for e in edits] == list(range(2, 34))
        assert shop.row(engine).spec.speed == 32

    def test_a_key_and_the_deletion_of_its_bucket(self, hall: Hall) -> None:
        project, developer = hall.project(), hall.staff["developer"]
        for name, first in (("one", "delete"), ("two", "create")):
            bucket = hall.do(developer, Bucket, "create", place=project, name=f"bucket-{name}", spec=OPEN)["id"]
            commands = {
                "delete": Command(kind=Bucket, verb="delete", target=bucket),
                "create": Command(kind=AccessKey, verb="create", place=project, spec={"bucket": bucket}),
            }
            with held(hall.kernel.store):
                order = dict.fromkeys((first, *commands))
                done = {verb: hall.kernel.execute(developer, commands[verb]) for verb in order}
            assert done["delete"].exception(10) is None
            if first == "delete":
                assert isinstance(done["create"].exception(10), Invalid)
            hall.settle()
            assert hall.counts()["storage_access_key"] == (0 if first == "delete" else 1)
            assert hall.kernel.count(developer, Bucket) == hall.kernel.count(developer, AccessKey) == 0

    def test_two_administrators_roles_for_one_person(self, hall: Hall) -> None:
        hall.project()
        admin = hall.staff["system_admin"]
        person = hall.do(admin, Person, "create", place="economy", name="wu", spec={"display_name": "吴"})["id"]
        with held(hall.kernel.store):
            granted = [
                hall.kernel.execute(
                    hall.staff["security_admin"],
                    Command(kind=Grant, verb="create", place="economy", spec={"subject": person, "role": role}),
                )
                for role in ("system_admin", "audit_admin")
            ]
        assert granted[0].exception(10) is None
        error = granted[1].exception(10)
        assert isinstance(error, Invalid)
        assert [p.code for p in error.problems] == ["SEPARATION"]

    def test_times_rise_with_the_revision(self, shop: Shop) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: shop.engine(f"engine-{n}"), range(64)))
        times = [t for (t,) in shop.hall.read().execute("SELECT at_us FROM event ORDER BY revision")]
        assert times == sorted(times)
