"""Any course of commands, clients, mishaps and restarts: refused or done, and afterwards everything adds up."""

import contextlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudhall.domains.identity.grant import Grant
from cloudhall.domains.identity.organisation import Organisation
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.project import Project
from cloudhall.domains.identity.quota_limit import QuotaLimit
from cloudhall.domains.storage.access_key import AccessKey
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.drivers.objects import Key
from cloudhall.kernel import places
from cloudhall.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from cloudhall.kernel.roles import ADMINISTRATORS
from tests.kit.campaign import settle
from tests.kit.hall import Hall, opened
from tests.kit.objects import OWN, Refused
from tests.kit.test_faults import GIB, invariant, rows

NAMES = ("alpha", "beta", "gamma")
GRADES = ("open", "internal")
ROLES = ("developer", "viewer", *ADMINISTRATORS)


class Town:
    """A hall in which somebody does something at each step; `a`, `b` and `c` choose what exactly."""

    def __init__(self, hall: Hall) -> None:
        self.hall, self.project, self.secrets = hall, hall.project(), dict[str, Key]()
        self.hall.project("second", "traffic")
        self.create_bucket(0, 1, 0)
        self.create_key(0, 0, 0)
        self.person(0, 0, 0)

    def place(self, a: int) -> str:
        return ("monitoring", "second", "third")[a % 3]

    def do(self, role: str, kind: Any, verb: str, **what: Any) -> dict[str, Any]:
        return self.hall.do(self.hall.staff[role], kind, verb, **what)

    def create_bucket(self, a: int, b: int, c: int) -> None:
        spec = {"quota_gib": b % 4 + 1, "grade": GRADES[c % 2], "public_read": b % 3 == 0}
        self.do("developer", Bucket, "create", place=self.place(a), name=NAMES[a % 3], spec=spec)

    def edit_bucket(self, a: int, b: int, c: int) -> None:
        spec = {"quota_gib": b % 4 + 1, "grade": GRADES[c % 2], "versioning": b % 2 == 0, "tags": {"t": str(c)}}
        self.do("data_officer", Bucket, "update", target=NAMES[a % 3], spec=spec)

    def empty_bucket(self, a: int, _b: int, _c: int) -> None:
        self.do("developer", Bucket, "empty", target=NAMES[a % 3], args={})

    def delete_bucket(self, a: int, _b: int, _c: int) -> None:
        self.do("org_admin", Bucket, "delete", target=NAMES[a % 3])

    def restore_bucket(self, a: int, _b: int, _c: int) -> None:
        self.do("org_admin", Bucket, "restore", target=NAMES[a % 3])

    def purge_bucket(self, a: int, _b: int, _c: int) -> None:
        self.do("developer", Bucket, "purge", target=NAMES[a % 3])

    def destroy_bucket(self, a: int, b: int, c: int) -> None:
        """Out of use, out of reach, and gone: what holds up a purge has had its turn."""
        self.delete_bucket(a, b, c)
        self.hall.kernel.reconciler.run_due()
        self.purge_bucket(a, b, c)

    def create_key(self, a: int, b: int, c: int) -> None:
        spec = {"bucket": NAMES[a % 3], "access": ("read-write", "read")[c % 2]}
        made = self.do("developer", AccessKey, "create", place=self.place(a), name=f"key-{b % 3}", spec=spec)
        self.secrets[made["id"]] = Key(made["id"], made["secret"])

    def delete_key(self, a: int, b: int, _c: int) -> None:
        self.do("developer", AccessKey, "delete", target=f"key-{b % 3}", place=self.place(a))

    def limit(self, a: int, b: int, _c: int) -> None:
        what = {"spec": {"quota": "storage_gib", "room": b % 12}}
        self.do("system_admin", QuotaLimit, "create", place=self.place(a), name="storage", **what)

    def edit_limit(self, a: int, b: int, _c: int) -> None:
        self.do("system_admin", QuotaLimit, "update", target="storage", place=self.place(a), spec={"room": b % 12})

    def put(self, a: int, b: int, c: int) -> None:
        for key in list(self.secrets.values())[: c % 2 + 1]:
            with contextlib.suppress(Refused):
                self.hall.objects.put(key, NAMES[a % 3], f"object-{b % 4}", (c % 5) * GIB // 2)

    def take(self, a: int, b: int, _c: int) -> None:
        self.hall.objects.remove(OWN, NAMES[a % 3], [f"object-{b % 4}"])

    def person(self, a: int, _b: int, _c: int) -> None:
        self.do("system_admin", Person, "create", place="economy", name=NAMES[a % 3], spec={"display_name": "x"})

    def grant(self, a: int, b: int, c: int) -> None:
        subject = self.hall.kernel.find(self.hall.staff["system_admin"], Person, NAMES[a // 10]).id
        spec = {"subject": subject, "role": ROLES[b % len(ROLES)]}
        self.do("security_admin", Grant, "create", place="economy", name=f"grant-{c % 3}", spec=spec)

    def revoke(self, _a: int, _b: int, c: int) -> None:
        self.do("security_admin", Grant, "delete", target=f"grant-{c % 3}")

    def delete_person(self, a: int, _b: int, _c: int) -> None:
        self.do("system_admin", Person, "delete", target=NAMES[a % 3])

    def create_place(self, _a: int, _b: int, _c: int) -> None:
        self.do("system_admin", Project, "create", name="third", place="economy", spec={"title_zh": "三"})

    def delete_place(self, a: int, _b: int, _c: int) -> None:
        kind, name = ((Project, "third"), (Project, "second"), (Organisation, "traffic"))[a % 3]
        self.do("system_admin", kind, "delete", target=name)

    def restore_place(self, a: int, _b: int, _c: int) -> None:
        kind, name = ((Project, "third"), (Project, "second"), (Organisation, "traffic"))[a % 3]
        self.do("system_admin", kind, "restore", target=name)

    def purge_place(self, a: int, _b: int, _c: int) -> None:
        kind, name = ((Project, "third"), (Project, "second"), (Organisation, "traffic"))[a % 3]
        self.do("system_admin", kind, "purge", target=name)

    def engine_away(self, a: int, _b: int, _c: int) -> None:
        self.hall.objects.away = a % 4

    def kill(self, _a: int, _b: int, _c: int) -> None:
        self.hall.restart()

    def passes(self, a: int, _b: int, _c: int) -> None:
        self.hall.kernel.reconciler.run_due(rounds=a % 3)

    def collect(self, _a: int, _b: int, _c: int) -> None:
        self.hall.collect()

    def wait(self, a: int, _b: int, _c: int) -> None:
        self.hall.world.advance(a % 400)


REFUSALS = (Conflict, Forbidden, Invalid, NotFound, Unavailable)
HELPERS = {"__init__", "place", "do"}
STEPS = [name for name, step in vars(Town).items() if callable(step) and name not in HELPERS]
NUMBERS = st.integers(0, 11)


def everything_adds_up(hall: Hall) -> None:
    """What holds of storage, and of roles, places and rooms everywhere."""
    invariant(hall)
    tx = hall.read()
    granted = {r for (r,) in tx.execute("SELECT id FROM role_grant WHERE id LIKE 'gr-%'")}
    assert granted == {g.id for g in rows(hall, Grant)}
    for subject in {g.spec.subject for g in rows(hall, Grant)}:
        held = {g.spec.role for g in rows(hall, Grant) if g.spec.subject == subject}
        assert len(held & set(ADMINISTRATORS)) <= 1, "one person, two administrators"
    homes = {o.id: o.place for kind in (Organisation, Project) for o in rows(hall, kind)}
    for id_, home in homes.items():
        assert places.ancestors(tx, id_)[:2] == (id_, home)
    known = {d for (d,) in tx.execute("SELECT DISTINCT descendant FROM place")}
    for used, place in tx.execute("SELECT used, place FROM quota WHERE key = 'storage_gib'"):
        assert used == sum(b.spec.quota_gib for b in rows(hall, Bucket) if b.place == place)
    for kind in hall.kernel.registry:
        there = {*homes, places.PLATFORM} if kind.meta.on_place_delete != "keep" else known
        assert all(r.place in there for r in rows(hall, kind)), "a resource in a place that is gone"


@pytest.mark.timeout(300)
@given(st.lists(st.tuples(st.sampled_from(STEPS), NUMBERS, NUMBERS, NUMBERS), min_size=10, max_size=50))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_happens_it_adds_up(course: list[tuple[str, int, int, int]]) -> None:
    with opened() as hall:
        town = Town(hall)
        for step, a, b, c in course:
            with contextlib.suppress(*REFUSALS):
                getattr(town, step)(a, b, c)
        hall.objects.away = 0
        settle(hall)
        everything_adds_up(hall)
