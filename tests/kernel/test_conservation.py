"""The auditor: what the world holds is what the rows say; what is not is told, and nothing is repaired."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from cloudhall.domains.storage.access_key import AccessKey
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.drivers.objects import Identity
from cloudhall.kernel.conservation import Account, Discrepancy, Owed, compare, keep, known
from cloudhall.kernel.findings import Finding
from cloudhall.kernel.ports import Port
from cloudhall.kernel.roles import SECURITY_ADMIN
from cloudhall.kernel.store.tables import LIVE, Sort
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import state_of
from tests.kernel.workshop import Motors
from tests.kit.databases import BOTH
from tests.kit.hall import Hall

SPEC = {"quota_gib": 1, "grade": "open"}
NONE: frozenset[str] = frozenset()


def account(*, grants: bool = False) -> Account:
    return Account(
        name="workshop.motors",
        title=T("电机", "Motors"),
        port=Port("motors", Motors),
        needs=(),
        world=lambda _driver: {},
        rows=lambda _look: {},
        mends=(),
        grants=grants,
    )


def owed(name: str, *rights: str, settled: bool = True) -> Owed:
    return Owed("workshop.motor", f"zg-{name}", "pr-1", settled, frozenset(rights))


class TestCompare:
    @staticmethod
    def found(
        world: Mapping[str, frozenset[str]], before: Mapping[str, Owed], after: Mapping[str, Owed] | None = None
    ) -> list[tuple[str, str, str]]:
        errors = compare(account(), world, before, before if after is None else after)
        return [(d.thing, d.what, d.detail) for d in errors]

    def test_what_agrees_is_no_error(self) -> None:
        assert self.found({"a": NONE}, {"a": owed("a")}) == []
        assert self.found({"a": frozenset({"read"})}, {"a": owed("a", "read", "write")}) == []

    def test_each_of_the_three(self) -> None:
        assert self.found({"a": NONE}, {}) == [("a", "stray", "")]
        assert self.found({}, {"a": owed("a")}) == [("a", "lost", "")]
        assert self.found({"a": frozenset({"read", "write"})}, {"a": owed("a", "read")}) == [("a", "excess", "write")]

    def test_a_right_without_a_row_is_an_excess(self) -> None:
        (error,) = compare(account(grants=True), {"key": frozenset({"read"})}, {}, {})
        assert (error.what, error.detail, error.resource) == ("excess", "read", "")

    @given(st.sampled_from([None, True, False]), st.sampled_from([None, True, False]), st.booleans())
    def test_what_is_just_made_or_about_to_go_is_no_error(
        self, before: bool | None, after: bool | None, there: bool
    ) -> None:
        rows = [{} if settled is None else {"a": owed("a", settled=settled)} for settled in (before, after)]
        errors = self.found({"a": NONE} if there else {}, *rows)
        assert bool(errors) == ((there and before is after is None) or (not there and before is after is True))


def findings(hall: Hall) -> list[Finding]:
    return hall.kernel.tables[Finding].page(hall.read(), LIVE, Sort(descending=False), None, 100)


def look(hall: Hall, times: int = 2) -> list[tuple[str, str, str]]:
    """Let the auditor look and people hear; answers what stands."""
    for _ in range(times):
        hall.kernel.auditor.look()
        hall.settle(within_s=1)
    return [(f.spec.what, f.spec.account, state_of(f)) for f in findings(hall) if not f.status.ended_us]


def founded(hall: Hall) -> tuple[str, str]:
    """A bucket and a key that are ready."""
    place = hall.project()
    developer = hall.staff["developer"]
    bucket = hall.do(developer, Bucket, "create", place=place, name="stats", spec=SPEC)["id"]
    hall.settle()
    key = hall.do(developer, AccessKey, "create", place=place, name="key", spec={"bucket": "stats"})["id"]
    hall.settle()
    return bucket, key


@BOTH
class TestStorage:
    def test_nothing_is_found_where_all_is_well(self, hall: Hall) -> None:
        founded(hall)
        assert look(hall) == []
        assert known(hall.read()) == []

    def test_a_bucket_without_a_row(self, hall: Hall) -> None:
        founded(hall)
        hall.objects.ensure_bucket("stray")
        assert look(hall, 1) == [("stray", "storage.buckets", "attention")]
        assert "stray" in hall.objects.names_of_buckets
        (finding,) = findings(hall)
        assert finding.place == "platform"
        ready = finding.condition("Ready")
        assert ready is not None
        assert ready.mend is not None
        hall.objects.remove_bucket("stray")
        assert look(hall, 1) == []
        assert findings(hall)[0].status.ended_us > 0

    def test_a_bucket_that_is_gone_is_not_made_anew(self, hall: Hall) -> None:
        bucket, _ = founded(hall)
        hall.objects.remove_bucket("stats")
        assert look(hall) == [("lost", "storage.buckets", "attention")]
        assert findings(hall)[0].spec.target == bucket
        assert findings(hall)[0].place == hall.row(Bucket, bucket).place
        hall.settle(within_s=1_000)
        ready = hall.row(Bucket, bucket).condition("Ready")
        assert ready is not None
        assert (ready.reason, ready.blocked) == ("Lost", True)
        assert hall.objects.names_of_buckets == set()
        hall.objects.ensure_bucket("stats")
        assert look(hall) == []
        assert hall.row(Bucket, bucket).ready

    def test_a_key_that_no_row_gives(self, hall: Hall) -> None:
        founded(hall)
        known_keys = list(hall.objects.keys_in_force().values())
        hall.objects.set_identities([*known_keys, Identity("thief", "thief", "secret", {"stats": frozenset({"read"})})])
        assert look(hall, 1) == [("excess", "storage.keys", "attention")]
        (finding,) = findings(hall)
        assert (finding.spec.thing, finding.status.detail) == ("thief", "read:stats")

    def test_rights_beyond_the_row_must_last(self, hall: Hall) -> None:
        bucket, _ = founded(hall)
        hall.objects.set_public_read("stats", True)
        hall.kernel.auditor.look()
        assert findings(hall) == []
        assert [d.what for d in known(hall.read())] == ["excess"]
        hall.settle(within_s=1)  # whoever is concerned was woken, and mended what destroys nothing
        assert look(hall) == []
        assert hall.row(Bucket, bucket).ready

    def test_an_engine_that_does_not_answer_proves_nothing(self, hall: Hall) -> None:
        founded(hall)
        hall.objects.ensure_bucket("stray")
        look(hall, 1)
        hall.objects.down = True
        hall.kernel.auditor.look()
        assert [d.thing for d in known(hall.read())] == ["stray"]

    def test_what_is_accepted_is_left_alone_and_comes_back_as_the_same(self, hall: Hall) -> None:
        founded(hall)
        hall.objects.ensure_bucket("stray")
        look(hall, 1)
        hall.do(hall.staff[SECURITY_ADMIN], Finding, "accept", target=findings(hall)[0].name)
        assert look(hall) == [("stray", "storage.buckets", "ready")]
        hall.objects.remove_bucket("stray")
        look(hall, 1)
        hall.objects.ensure_bucket("stray")
        assert len(look(hall)) == len(findings(hall)) == 1

    def test_a_crash_between_look_and_telling_is_made_good(self, hall: Hall) -> None:
        founded(hall)
        hall.objects.ensure_bucket("stray")
        stray = [Discrepancy("storage.buckets", "stray", "stray")]
        assert hall.write(lambda tx: keep(hall.kernel, tx, ["storage.buckets"], stray)) == stray
        assert look(hall, 1) == [("stray", "storage.buckets", "attention")]
