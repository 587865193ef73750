"""The log has no gaps, rises with time, and can be read from anywhere by anybody with a cursor."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from cloudhall.kernel import events
from cloudhall.kernel.errors import CloudhallError
from tests.kernel.workshop import Engine, working
from tests.kit.databases import BOTH
from tests.kit.hall import Hall

pytestmark = BOTH


def test_revisions_have_no_gap_though_every_other_command_fails() -> None:
    with working() as shop:

        def make(n: int) -> int:
            try:
                return int(shop.do(Engine, "create", name=f"e-{n // 2}", spec={"serial": f"e-{n // 2}"})["revision"])
            except CloudhallError:
                return 0

        with ThreadPoolExecutor(8) as pool:
            answered = [r for r in pool.map(make, range(80)) if r]
        shop.hall.settle()
        log = [e.revision for e in shop.hall.kernel.history.after(shop.hall.read(), 0, 10_000)]
        assert log == list(range(1, len(log) + 1))
        assert len(answered) == 40
        assert set(answered) <= set(log)


def test_the_revision_of_a_row_is_that_of_its_last_event() -> None:
    with working() as shop:
        engine = shop.engine(speed=5)
        shop.hall.settle()
        shop.do(Engine, "update", target=engine, spec={"speed": 6})
        last = events.latest(shop.hall.read(), "id = ?", (engine,), 1)[0]
        assert shop.row(engine).revision == last.revision


def test_an_event_says_who_did_what_and_which_fields() -> None:
    with working() as shop:
        engine = shop.engine(speed=5)
        shop.do(Engine, "update", target=engine, spec={"speed": 6, "serial": "motor"}, name="new", labels={"a": "b"})
        event = events.latest(shop.hall.read(), "id = ?", (engine,), 1)[0]
        assert (event.type, event.actor, event.place) == ("kernel.engine.updated", shop.developer.id, shop.project)
        assert set(event.changed) == {"spec.speed", "name", "labels"}
        assert (event.name, event.generation) == ("new", 2)
        assert event.spec == '{"speed":6,"serial":"motor","braked":false}'


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        ("create", "created"),
        ("update", "updated"),
        ("delete", "deleted"),
        ("empty", "emptied"),
        ("suspend", "suspended"),
        ("cancel", "canceled"),
        ("remove", "removed"),
        ("observe", "observed"),
        ("deploy", "deployed"),
        ("submit", "submitted"),
        ("stop", "stopped"),
        ("set_quota", "set_quota"),
        ("brake", "braked"),
        ("sign", "signed"),
        ("freeze", "frozen"),
    ],
)
def test_events_are_named_in_the_past_tense(verb: str, said: str) -> None:
    assert events.past_tense(verb) == said


def test_a_reader_goes_on_where_its_cursor_stands(hall: Hall) -> None:
    project = hall.project()
    assert events.cursor_of(hall.read(), "reader") == 0
    found = hall.kernel.history.after(hall.read(), 0, 1)
    hall.write(lambda tx: events.move_cursor(tx, "reader", found[-1].revision))
    rest = hall.kernel.history.after(hall.read(), events.cursor_of(hall.read(), "reader"))
    assert [e.id for e in rest] == [project]
    hall.write(lambda tx: events.move_cursor(tx, "reader", events.head(tx)))
    assert hall.kernel.history.after(hall.read(), events.cursor_of(hall.read(), "reader")) == []


def test_events_are_asked_for_by_kind_and_resource(hall: Hall) -> None:
    project = hall.project()
    assert [e.kind for e in hall.kernel.history.after(hall.read(), 0, kind="identity.project")] == ["identity.project"]
    assert [e.id for e in hall.kernel.history.after(hall.read(), 0, id_=project)] == [project]
    assert hall.kernel.history.after(hall.read(), 0, kind="identity.organisation", id_=project) == []
