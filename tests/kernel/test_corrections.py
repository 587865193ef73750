"""A contradiction is seen, with both values; whoever decides it leaves two rows, and the finding ends."""

import pytest

from cloudhall.kernel import metering, usage
from cloudhall.kernel.commands import Command
from cloudhall.kernel.corrections import Correction
from cloudhall.kernel.errors import Forbidden, Invalid
from cloudhall.kernel.findings import Finding
from cloudhall.kernel.metering import Gap, Reading
from cloudhall.kernel.roles import DEVELOPER, SYSTEM_ADMIN
from cloudhall.kernel.store.tables import LIVE, Sort
from tests.kit.databases import BOTH
from tests.kit.hall import Hall

pytestmark = BOTH
METER = "storage.requests_a"
NAME = "probe/a/1"


def reading(project: str, quantity: int) -> Reading:
    return Reading(
        source="probe",
        source_id="a/1",
        meter=METER,
        resource="bk-1",
        project=project,
        from_us=0,
        to_us=10,
        quantity_micro=quantity,
    )


def deliver(hall: Hall, *items: Reading | Gap) -> None:
    readings = [i for i in items if isinstance(i, Reading)]
    gaps = [i for i in items if isinstance(i, Gap)]
    now = hall.kernel.world.now_us()
    hall.kernel.store.write(lambda tx: metering.record(tx, readings, gaps, now_us=now)).result()


def correct(hall: Hall, place: str, **spec: object) -> Correction:
    hall.world.advance(1)
    command = Command(kind=Correction, verb="create", place=place, spec={"reading": NAME, "reason": "seen", **spec})
    made = hall.kernel.execute(hall.staff[SYSTEM_ADMIN], command).result(10).body
    hall.settle()
    row = hall.row(Correction, made["id"])
    assert isinstance(row, Correction)
    return row


def refused(hall: Hall, place: str, **spec: object) -> list[str]:
    with pytest.raises(Invalid) as caught:
        correct(hall, place, **spec)
    return [problem.code for problem in caught.value.problems]


def findings(hall: Hall) -> list[Finding]:
    hall.kernel.auditor.look()
    hall.settle()
    found = hall.kernel.tables[Finding].page(hall.kernel.store.read(), LIVE, Sort("id"), None, 10)
    return [f for f in found if f.spec.what == "contradiction"]


def total(hall: Hall, project: str) -> int:
    found = usage.totals(hall.kernel.store.read(), project, 0, 10)
    return sum(t.quantity for t in found)


def test_two_bodies_are_a_finding_until_somebody_takes_one(hall: Hall) -> None:
    project = hall.project("stats")
    deliver(hall, reading(project, 12), reading(project, 15), reading(project, 15))
    (finding,) = findings(hall)
    assert (finding.place, finding.spec.thing, finding.ready) == (project, NAME, False)
    assert finding.status.detail == f"{METER} bk-1: 12 [0, 10) ≠ 15 [0, 10)"
    assert total(hall, project) == 12
    (told,) = usage.conflicts(hall.kernel.store.read(), project)
    done = correct(hall, project, refused=told.id)
    assert (done.ready, done.status.old_micro, done.status.new_micro) == (True, 12, 15)
    assert (done.status.by, done.status.meter, done.status.target) == (hall.staff[SYSTEM_ADMIN].id, METER, "bk-1")
    assert total(hall, project) == 15
    (finding,) = findings(hall)
    assert finding.ready
    assert finding.status.ended_us > 0


def test_what_counts_may_be_confirmed_while_there_is_a_contradiction(hall: Hall) -> None:
    project = hall.project("stats")
    deliver(hall, reading(project, 12))
    assert refused(hall, project, quantity_micro=12) == ["NO_CHANGE"]
    deliver(hall, reading(project, 15))
    assert len(findings(hall)) == 1
    correct(hall, project, quantity_micro=12)
    assert total(hall, project) == 12
    assert all(f.ready for f in findings(hall))


def test_another_body_comes_up_again_and_what_was_told_before_does_not(hall: Hall) -> None:
    project = hall.project("stats")
    deliver(hall, reading(project, 12), reading(project, 15))
    correct(hall, project, quantity_micro=13)
    hall.world.advance(1)
    deliver(hall, reading(project, 15))
    assert usage.unsettled(hall.kernel.store.read()) == []
    deliver(hall, reading(project, 16))
    (told,) = usage.unsettled(hall.kernel.store.read())
    assert isinstance(told.counted, Reading)
    assert (told.counted.quantity_micro, told.refused) == (13, reading(project, 16))


def test_gaps_that_contradict_each_other_are_told_too(hall: Hall) -> None:
    project = hall.project("stats")

    def gap(cause: str) -> Gap:
        return Gap(
            source="probe",
            source_id="g",
            meter=METER,
            resource="bk-1",
            project=project,
            from_us=0,
            to_us=1,
            cause=cause,
        )

    deliver(hall, gap("killed"), gap("stopped"))
    (finding,) = findings(hall)
    assert "killed [0, 1) ≠ stopped [0, 1)" in finding.status.detail


def test_what_another_project_used_is_neither_shown_nor_corrected(hall: Hall) -> None:
    mine, theirs = hall.project("stats"), hall.project("other", "elsewhere")
    deliver(hall, reading(theirs, 12), reading(mine, 15))
    (told,) = usage.conflicts(hall.kernel.store.read(), mine)
    assert told.counted is None
    assert refused(hall, mine, quantity_micro=1) == ["NO_SUCH"]
    assert refused(hall, theirs, refused=told.id) == ["NO_SUCH"]


def test_only_an_administrator_of_the_system_corrects(hall: Hall) -> None:
    project = hall.project("stats")
    deliver(hall, reading(project, 12))
    spec = {"reading": NAME, "reason": "seen", "quantity_micro": 1}
    command = Command(kind=Correction, verb="create", place=project, spec=spec)
    with pytest.raises(Forbidden):
        hall.kernel.execute(hall.staff[DEVELOPER], command).result(10)


def test_the_dry_run_says_both_values(hall: Hall) -> None:
    project = hall.project("stats")
    deliver(hall, reading(project, 12_500_000))
    spec = {"reading": NAME, "reason": "seen", "quantity_micro": 3_000_000}
    command = Command(kind=Correction, verb="create", place=project, spec=spec)
    plan = hall.kernel.plan(hall.staff[SYSTEM_ADMIN], command)
    assert plan.previews[0].en.startswith("12.5 → 3 requests;")
    assert total(hall, project) == 12_500_000
