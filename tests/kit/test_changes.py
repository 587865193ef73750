"""Every change of every kind: refused as it should be, dry as it says, once for each key, with event and leaf."""

import contextlib
import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from cloudhall.kernel import events
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.errors import CloudhallError, Conflict, Forbidden, Invalid, NotFound, Stale
from cloudhall.kernel.fields import fields_of
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.wire import to_wire
from tests.kit.demos import Demos, Made, another_of, arguments, editable, wrong
from tests.kit.hall import Hall
from tests.kit.test_declaration import HAN


def refused(hall: Hall, caller: Caller, command: Command) -> CloudhallError:
    """What a command is refused with; the dry run says the same, and neither leaves anything but a denial."""
    before = hall.counts()
    with pytest.raises(CloudhallError) as dry:
        hall.kernel.plan(caller, command)
    assert hall.counts() == before
    with pytest.raises(CloudhallError) as real:
        hall.kernel.execute(caller, command).result(10)
    said = [(type(e.value), e.value.text, e.value.reason, e.value.problems, e.value.how) for e in (dry, real)]
    assert said[0] == said[1]
    denied, after = isinstance(real.value, Forbidden), hall.counts()
    assert after["audit_leaf"] == before["audit_leaf"] + denied
    new_facts = after["decision_fact"] - before["decision_fact"]
    assert 0 <= new_facts <= 2 * denied  # of who asked, and of what it was about
    told = ("audit_leaf", "decision_fact")
    assert after | {t: before[t] for t in told} == before
    return real.value


def codes(error: CloudhallError) -> dict[str, str]:
    return {p.pointer: p.code for p in error.problems}


def changing(
    demos: Demos, kind: AnyKind, made: Made, verb: str = "update", **what: Any
) -> tuple[Caller | None, Command]:
    """A command upon a made resource, and who may give it."""
    command = Command(kind=kind, verb=verb, target=made.id, **what)
    return demos.who(command), command


class TestRefusals:
    def test_nobody_may_create(self, kind: AnyKind, demos: Demos) -> None:
        command = demos.create(kind)
        assert refused(demos.hall, demos.hall.nobody, command).status in {403, 404}

    def test_a_suspended_account_may_do_nothing(self, kind: AnyKind, demos: Demos) -> None:
        made = demos.make(kind)
        for caller in demos.hall.staff.values():
            suspended = msgspec.structs.replace(caller, attrs={"suspended": True})
            for verb in ("update", "delete", *kind.meta.actions):
                command = Command(kind=kind, verb=verb, target=made.id, spec={}, args=arguments(kind, verb))
                assert refused(demos.hall, suspended, command).status in {403, 404}

    def test_an_unknown_field_names_the_nearest(self, kind: AnyKind, demos: Demos) -> None:
        command = demos.create(kind)
        name = max(fields_of(kind.meta.spec), key=len)
        misspelt = name[:-2] + name[-1] + name[-2] + "x"
        given = msgspec.structs.replace(command, spec={**command.spec, misspelt: 1})
        error = refused(demos.hall, demos.made_by(command), given)
        assert codes(error) == {f"/spec/{misspelt}": "UNKNOWN"}
        assert error.problems[0].mend is not None
        assert name in error.problems[0].mend.en

    def test_all_problems_come_at_once(self, kind: AnyKind, demos: Demos) -> None:
        command = demos.create(kind)
        known = fields_of(kind.meta.spec)
        spec = {name: wrong(info) for name, info in known.items()}
        given = msgspec.structs.replace(command, spec=spec, name="Not a Name", labels={"a": 1})
        error = refused(demos.hall, demos.made_by(command), given)
        assert isinstance(error, Invalid)
        assert codes(error).keys() >= {"/name", "/labels", *(f"/spec/{name}" for name in known)}
        missing = refused(demos.hall, demos.made_by(command), msgspec.structs.replace(command, spec={}))
        required = {f"/spec/{name}" for name, info in known.items() if info.required}
        assert {p for p, code in codes(missing).items() if code == "MISSING"} == required

    def test_every_refusal_is_in_both_languages(self, kind: AnyKind, demos: Demos) -> None:
        command = demos.create(kind)
        spec = {name: wrong(info) for name, info in fields_of(kind.meta.spec).items()} | {"zz": 1}
        errors = [
            refused(demos.hall, demos.made_by(command), msgspec.structs.replace(command, spec=spec, name="?")),
            refused(demos.hall, demos.hall.nobody, Command(kind=kind, verb="delete", target="nothing")),
        ]
        for caller in demos.hall.staff.values():
            errors += denials(demos, caller, command)
        for error in errors:
            texts = [error.text, error.how, *(p.text for p in error.problems)]
            assert all(HAN.search(t.zh) and not HAN.search(t.en.replace(demo_text(kind), "")) for t in texts)

    def test_a_taken_name_is_refused(self, kind: AnyKind, demos: Demos) -> None:
        made = demos.make(kind)
        again = msgspec.structs.replace(demos.create(kind), name=made.body["name"])
        error = refused(demos.hall, made.by, again)
        assert codes(error).get("/name") == "TAKEN"

    def test_fields_of_actions_are_set_by_them_alone(self, kind: AnyKind, demos: Demos) -> None:
        owned = {name: info for name, info in fields_of(kind.meta.spec).items() if info.f.by}
        command = demos.create(kind)
        by = demos.made_by(command)
        made = demos.make(kind, suffix="-2")
        caller, update = changing(demos, kind, made, spec={})
        for name, info in owned.items():
            other = another_of(info)
            given = msgspec.structs.replace(command, spec={**command.spec, name: other})
            assert codes(refused(demos.hall, by, given)) == {f"/spec/{name}": "BY_ACTION"}
            if caller is not None and "update" in kind.meta.allow:
                error = refused(demos.hall, caller, msgspec.structs.replace(update, spec={name: other}))
                assert codes(error) == {f"/spec/{name}": "BY_ACTION"}

    def test_what_is_fixed_at_creation_stays(self, kind: AnyKind, demos: Demos) -> None:
        made = demos.make(kind)
        caller, update = changing(demos, kind, made, spec={})
        for name, info in fields_of(kind.meta.spec).items():
            if not info.f.immutable or caller is None:
                continue
            value = demos.another_value(kind, name, made)
            if value is not None:
                error = refused(demos.hall, caller, msgspec.structs.replace(update, spec={name: value}))
                assert codes(error).get(f"/spec/{name}") == "IMMUTABLE", codes(error)

    def test_a_stale_edit_shows_the_difference(self, kind: AnyKind, demos: Demos) -> None:
        made = demos.make(kind)
        revision = made.body["revision"]
        caller, update = changing(demos, kind, made, labels={"kit": "1"})
        if caller is None:
            return  # never edited; the golden table of authority shows that nobody may
        demos.kernel.execute(caller, update).result(10)
        patch = editable(kind, demos.row(kind, made))
        late = msgspec.structs.replace(update, if_match=revision, spec=patch)
        error = refused(demos.hall, caller, late)
        assert isinstance(error, Stale)
        now = to_wire(demos.row(kind, made))
        assert error.details["current"] == now
        assert error.details["difference"] == {k: {"now": now["spec"][k], "yours": v} for k, v in patch.items()}


def denials(demos: Demos, caller: Caller, command: Command) -> list[CloudhallError]:
    try:
        demos.kernel.plan(caller, command)
    except (Forbidden, NotFound) as error:
        return [error]
    except Conflict:
        return []
    return []


def demo_text(kind: AnyKind) -> str:
    return str(kind.meta.demo[0].get("spec", {}).get("title_zh", "\0"))


class TestDryRun:
    def test_leaves_nothing_and_shows_what_comes(self, kind: AnyKind, demos: Demos) -> None:
        command = demos.create(kind)
        by = demos.made_by(command)
        before = demos.hall.counts()
        plan = demos.kernel.plan(by, command)
        assert demos.hall.counts() == before
        body = demos.kernel.execute(by, command).result(10).body
        dry = to_wire(plan.new)
        assert {k: dry[k] for k in ("kind", "name", "labels", "spec", "generation")} == {
            k: body[k] for k in ("kind", "name", "labels", "spec", "generation")
        }
        assert [c.quota.key for c in plan.charges] == [q.key for q in kind.meta.quotas]
        assert [key for key, _ in plan.rates] == [m.key for m in kind.meta.meters]
        for preview in plan.previews:
            assert HAN.search(preview.zh)
            assert not HAN.search(preview.en)

    def test_of_every_edit_leaves_nothing(self, kind: AnyKind, demos: Demos) -> None:
        made = demos.make(kind)
        before = demos.hall.counts()
        for verb in ("update", "delete", *kind.meta.actions):
            for caller in demos.callers(kind):
                with contextlib.suppress(Forbidden, NotFound, Conflict):
                    demos.kernel.plan(
                        caller,
                        Command(kind=kind, verb=verb, target=made.id, labels={}, args=arguments(kind, verb)),
                    )
        assert demos.hall.counts() == before


class TestOnce:
    def test_the_same_key_gets_the_same_answer(self, kind: AnyKind, demos: Demos) -> None:
        command = msgspec.structs.replace(demos.create(kind), key="kit")
        by = demos.made_by(command)
        first = demos.kernel.execute(by, command).result(10)
        before = demos.hall.counts()
        again = demos.kernel.execute(by, command).result(10)
        assert (first.replayed, again.replayed) == (False, True)
        assert again.body == first.body
        assert demos.hall.counts() == before


class TestTraces:
    """One event and one leaf for each change, and they agree."""

    def check(self, demos: Demos, kind: AnyKind, verb: str, body: Mapping[str, Any], by: Caller) -> None:
        tx = demos.hall.read()
        event = events.latest(tx, "revision = ?", (body["revision"],), 1)[0]
        assert (event.kind, event.verb, event.id, event.actor) == (kind.meta.key, verb, body["id"], by.id)
        assert event.spec is not None
        leaves = [f.leaf for f in demos.kernel.audit.search(tx, resource=body["id"]) if f.leaf.phase == "done"]
        (leaf,) = [x for x in leaves if x.revision == body["revision"]]
        assert (leaf.actor, leaf.action, leaf.project) == (by.id, f"{kind.meta.key}:{verb}", event.place)
        assert leaf.content == hashlib.sha256(event.spec.encode()).hexdigest()
        assert leaf.policies
        assert msgspec.json.decode(event.spec) == msgspec.to_builtins(
            msgspec.json.decode(event.spec, type=kind.meta.spec)
        )

    def test_each_change_leaves_an_event_and_a_leaf(self, kind: AnyKind, demos: Demos) -> None:
        made = demos.make(kind)
        self.check(demos, kind, "create", made.body, made.by)
        edits: list[tuple[str, dict[str, Any]]] = [("update", {"labels": {"kit": "1"}})]
        edits += [(name, {"args": {}}) for name, a in kind.meta.actions.items() if not fields_of(a.args)]
        for verb, what in [*edits, ("delete", {})]:
            caller, command = changing(demos, kind, made, verb, **what)
            if caller is not None and self.possible(demos, caller, command):
                self.check(demos, kind, verb, demos.kernel.execute(caller, command).result(10).body, caller)

    @staticmethod
    def possible(demos: Demos, caller: Caller, command: Command) -> bool:
        try:
            demos.kernel.plan(caller, command)
        except Conflict:
            return False
        return True

    def test_an_action_that_does_not_apply_says_why(self, kind: AnyKind, demos: Demos) -> None:
        made = demos.make(kind)
        for name, action in kind.meta.actions.items():
            caller, command = changing(demos, kind, made, name, args=arguments(kind, name))
            if caller is not None and not action.when(demos.row(kind, made)):
                assert refused(demos.hall, caller, command).text == action.why_not
