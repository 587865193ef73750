"""The life of a resource of every kind: it settles, is found by whom it concerns, and goes without a trace."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest

from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.fields import JSON_SAFE_INTEGER
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.roles import ROLES
from cloudhall.kernel.store import IntegrityError
from cloudhall.kernel.store.tables import LIVE, Sort, Where
from cloudhall.kernel.wire import STATES, state_of, to_wire
from tests.kit.demos import Demos
from tests.kit.hall import rows_of


class TestSettles:
    def test_it_is_ready_and_a_second_sweep_writes_nothing(self, kind: AnyKind, demos: Demos) -> None:
        made = demos.make(kind)
        row = demos.row(kind, made)
        assert row.ready
        assert state_of(row) == "ready", [c for c in row.status.conditions if not c.status]
        assert row.status.observed_generation in {0, row.generation}
        before = demos.hall.counts()
        demos.kernel.reconciler.sweep()
        demos.kernel.reconciler.run_due()
        assert demos.hall.counts() == before

    def test_it_goes_on_the_wire_whole(self, kind: AnyKind, demos: Demos) -> None:
        made = demos.make(kind)
        wire = to_wire(demos.row(kind, made))
        again = msgspec.json.decode(msgspec.json.encode(wire))
        assert again == wire
        assert wire["state"] in STATES
        assert set(wire["spec"]) == set(kind.meta.spec.__struct_fields__)
        assert all(abs(n) <= JSON_SAFE_INTEGER for n in integers(wire))
        secret = bool(kind.meta.secret)
        assert ("secret" in made.body, "secret" in wire) == (secret, False)

    def test_a_restart_finds_it_as_it_was(self, kind: AnyKind, demos: Demos) -> None:
        made = demos.make(kind)
        before = to_wire(demos.row(kind, made))
        demos.hall.restart()
        demos.hall.settle(within_s=0)
        assert to_wire(demos.hall.row(kind, made.id)) == before


def integers(value: Any) -> Iterator[int]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from integers(item)
    elif isinstance(value, int):
        yield value


class TestDeletion:
    def test_it_comes_back_from_the_bin_as_it_was(self, recoverable: AnyKind, demos: Demos) -> None:
        made = demos.make(recoverable)
        before, world = self.told(demos, recoverable, made.id), self.world(demos)
        for verb in ("delete", "restore"):
            command = Command(kind=recoverable, verb=verb, target=made.id)
            demos.kernel.execute(demos.made_by(command), command).result(10)
            demos.hall.settle()
            assert (made.id in rows_of(demos.hall.read(), recoverable)) == (verb == "restore")
        assert self.told(demos, recoverable, made.id) == before
        assert self.world(demos) == world

    @staticmethod
    def told(demos: Demos, kind: AnyKind, id_: str) -> dict[str, Any]:
        """What the interface says, but for when and how often."""
        wire = to_wire(demos.hall.row(kind, id_))
        moving = {"revision", "updated_at", "generation", "observed_generation", "conditions"}
        return {name: value for name, value in wire.items() if name not in moving}

    def test_it_goes_without_a_trace(self, mortal: AnyKind, demos: Demos) -> None:
        demos.input(mortal)  # makes what it refers to, before the world is looked at
        before = self.world(demos)
        made = demos.make(mortal)
        deletion = Command(kind=mortal, verb="delete", target=made.id)
        demos.kernel.execute(demos.made_by(deletion), deletion).result(10)
        demos.hall.settle()
        if mortal.meta.recoverable_days:
            purge = Command(kind=mortal, verb="purge", target=made.id)
            demos.kernel.execute(demos.made_by(purge), purge).result(10)
            demos.hall.settle()
        assert self.world(demos) == before
        assert made.id not in rows_of(demos.hall.read(), mortal)
        assert demos.make(mortal).body["name"] == made.body["name"]

    @staticmethod
    def world(demos: Demos) -> dict[str, Any]:
        """What is there besides the record: at engines, of roles, secrets, room, work and levels."""
        hall = demos.hall
        hall.collect()
        tx = hall.read()
        return {
            "buckets": hall.objects.names_of_buckets,
            "keys": set(hall.objects.keys_in_force()),
            "rooms": tx.execute("SELECT place, key, used FROM quota WHERE used > 0 ORDER BY 1, 2").fetchall(),
            "grants": tx.execute("SELECT subject, role, place FROM role_grant ORDER BY 1, 2, 3").fetchall(),
            **{table: hall.counts()[table] for table in ("secret", "work", "bin", "meter_level", "identity_login")},
        }

    def test_what_lasts_is_deleted_by_nobody(self, lasting: AnyKind, demos: Demos) -> None:
        made = demos.make(lasting)
        assert demos.who(Command(kind=lasting, verb="delete", target=made.id)) is None


class TestIndexes:
    def test_each_is_used(self, kind: AnyKind, demos: Demos) -> None:
        table, tx = demos.kernel.tables[kind], demos.hall.read()
        for index in kind.meta.indexes:
            sql = f"SELECT id FROM {table.name} WHERE (deleted IS NULL) AND ({index.column} = ?)"
            plan = " ".join(r[3] for r in tx.execute(f"EXPLAIN QUERY PLAN {sql}", ("x",)))
            assert f"USING COVERING INDEX {table.name}_{index.column}_i" in plan or (
                f"USING INDEX {table.name}_{index.column}_i" in plan
            ), plan

    def test_each_filters_and_counts(self, kind: AnyKind, demos: Demos) -> None:
        made = demos.make(kind)
        row = demos.row(kind, made)
        for index in kind.meta.indexes:
            value = demos.hall.one(f"SELECT {index.column} FROM {kind.meta.table} WHERE id = ?", row.id)
            where = Where(f"{index.column} IS ?", (value,))
            assert row.id in {r.id for r in demos.kernel.page(made.by, kind, where) + self.all(demos, kind, where)}
            counted = dict(demos.kernel.tables[kind].facet(demos.hall.read(), LIVE, index.column))
            assert counted[value] >= 1

    @staticmethod
    def all(demos: Demos, kind: AnyKind, where: Where) -> list[Any]:
        return demos.kernel.tables[kind].page(demos.hall.read(), where, Sort(), None, 100)

    def test_the_name_is_unique_where_it_must_be(self, kind: AnyKind, demos: Demos) -> None:
        twin = demos.row(kind, demos.make(kind))
        twin.id = twin.id[:-2] + "00"
        with pytest.raises(IntegrityError, match="UNIQUE constraint failed"):
            demos.hall.write(lambda tx: demos.kernel.tables[kind].insert(tx, twin))


class TestSight:
    def test_a_list_as_each_role_is_what_each_decision_says(self, kind: AnyKind, demos: Demos) -> None:
        """Rows in two places, callers with each role on the platform, on either place, and on none."""
        elsewhere = Demos(demos.hall, "-2")
        for there in (demos, elsewhere):
            there.make(kind)
        tx = demos.hall.read()
        rows = self.rows(demos, kind)
        assert rows
        for caller in self.everybody(demos, kind, elsewhere):
            listed = {r.id for r in demos.kernel.page(caller, kind, limit=1_000)}
            assert listed == {r.id for r in rows if demos.kernel.authority.may(tx, caller, "read", r)}
            assert demos.kernel.count(caller, kind) == len(listed)

    @staticmethod
    def rows(demos: Demos, kind: AnyKind) -> list[Any]:
        return demos.kernel.tables[kind].page(demos.hall.read(), LIVE, Sort(), None, 1_000)

    @staticmethod
    def everybody(demos: Demos, kind: AnyKind, elsewhere: Demos) -> Iterator[Caller]:
        yield demos.hall.nobody
        yield from demos.callers(kind)
        for role in ROLES:
            for place in (demos.project, demos.organisation, elsewhere.project, elsewhere.organisation):
                yield demos.hall.person(role, place=place)
        viewer = demos.hall.person("viewer")
        for scopes in ((), ("*:read",), (f"{kind.meta.key}:read",), ("nothing.*",)):
            yield msgspec.structs.replace(viewer, scopes=scopes)
        yield msgspec.structs.replace(viewer, attrs={"suspended": True})

    def test_a_place_that_is_not_seen_hides_what_lies_in_it(self, kind: AnyKind, demos: Demos) -> None:
        made = demos.make(kind)
        public = demos.kernel.count(demos.hall.nobody, kind) > 0
        for role in ROLES:
            stranger = demos.hall.person(role, place=Demos(demos.hall, f"-{role.replace('_', '-')}").project)
            seen = {r.id for r in demos.kernel.page(stranger, kind, limit=1_000)}
            assert public or made.id not in seen
