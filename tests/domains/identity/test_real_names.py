"""Real-name levels: who may vouch for whom, with what, for how long; and what policies see of it."""

import datetime
from typing import Annotated, Any

import pytest

from cloudhall.domains.identity import DOMAIN as IDENTITY
from cloudhall.domains.identity import rules
from cloudhall.domains.identity.grant import Grant
from cloudhall.domains.identity.organisation import Organisation
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.real_name_verification import (
    DAY_US,
    LEVELS,
    METHODS,
    RealNameVerification,
    level_of,
)
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import CloudhallError, Forbidden, NotFound
from cloudhall.kernel.kinds import Index, Kind, Spec, Status, T, field
from cloudhall.kernel.registry import Domain
from cloudhall.kernel.roles import DEVELOPER
from cloudhall.kernel.wire import rfc3339
from cloudhall.kernel.world import SECOND_US
from tests.domains.identity.conftest import Town
from tests.kit.databases import BOTH
from tests.kit.hall import Hall, opened

pytestmark = BOTH
DAY_S = DAY_US // SECOND_US


@pytest.fixture
def wu(town: Town) -> Caller:
    town.person()
    return town.caller(town.login())


def verify(town: Town, person: Caller, by: Caller | None = None, place: str = "economy", **spec: Any) -> dict[str, Any]:
    by = by or town.hall.staff["system_admin"]
    whole = {"person": person.id, "level": "document", "method": "document_copy", "evidence": "file 17", **spec}
    return town.hall.do(by, RealNameVerification, "create", place=place, spec=whole)


def level(town: Town, person: Caller) -> int:
    assert town.caller(town.login()).attrs["real_name_level"] == level_of(town.kernel, town.hall.read(), person.id)
    return level_of(town.kernel, town.hall.read(), person.id)


def refused(attempt: Any) -> set[str]:
    with pytest.raises(CloudhallError) as error:
        attempt()
    return {problem.code for problem in error.value.problems} or {error.value.code}


def test_nobody_is_known_until_somebody_vouches(town: Town, wu: Caller) -> None:
    assert level(town, wu) == 0
    made = verify(town, wu, evidence_sha256="0" * 64)
    assert level(town, wu) == 2
    assert made["spec"]["verifier"] == town.hall.staff["system_admin"].id
    seen = town.kernel.find(wu, RealNameVerification, made["id"])
    assert seen.spec.evidence == "file 17"


def test_the_highest_that_holds_counts_and_history_stays(town: Town, wu: Caller) -> None:
    verify(town, wu, level="phone", method="sms")
    second = verify(town, wu, level="presence", method="on_site")
    assert level(town, wu) == 3
    withdraw = {"target": second["id"], "args": {"reason": "wrong person"}}
    town.do("system_admin", RealNameVerification, "withdraw", **withdraw)
    assert level(town, wu) == 1
    row = town.hall.row(RealNameVerification, second["id"])
    assert (row.spec.withdrawn, row.spec.withdrawn_why) == (True, "wrong person")
    for verb in ("update", "delete"):
        with pytest.raises(Forbidden):
            town.do("system_admin", RealNameVerification, verb, target=second["id"], spec={})


def test_it_ends_when_it_says_or_when_the_rule_does(town: Town, wu: Caller) -> None:
    soon = rfc3339(town.world.now_us() + 2 * DAY_US)
    verify(town, wu, level="presence", method="face", expires_at=soon)
    verify(town, wu, level="phone", method="sms")
    assert level(town, wu) == 3
    town.world.advance(2 * DAY_S)
    assert level(town, wu) == 1
    town.world.advance(363 * DAY_S - 1)
    assert level(town, wu) == 1
    town.world.advance(1)
    assert level(town, wu) == 0


def test_evidence_must_reach_the_level_and_end_in_time(town: Town, wu: Caller) -> None:
    late = rfc3339(town.world.now_us() + 1_096 * DAY_US)
    assert refused(lambda: verify(town, wu, method="sms")) == {"RULE"}
    assert refused(lambda: verify(town, wu, expires_at=late)) == {"RANGE"}
    assert refused(lambda: verify(town, wu, evidence_sha256="17")) == {"PATTERN"}


def test_nobody_vouches_for_themselves_in_anothers_name_or_elsewhere(town: Town, wu: Caller) -> None:
    spec = {"subject": wu.id, "role": "org_admin"}
    town.do("security_admin", Grant, "create", place="economy", spec=spec)
    other = town.hall.row(Person, town.person("other").id)
    assert refused(lambda: verify(town, wu, by=wu)) == {"SEPARATION"}
    assert refused(lambda: verify(town, Caller(id=other.id), by=wu, verifier=other.id)) == {"OWN_NAME"}
    town.do("system_admin", Organisation, "create", name="finance", spec={"title_zh": "财政局"})
    assert refused(lambda: verify(town, wu, place="finance")) == {"NO_SUCH"}
    assert verify(town, Caller(id=other.id), by=wu)


@pytest.mark.parametrize("role", ["viewer", "developer", "security_admin", "audit_admin"])
def test_others_do_not_vouch(town: Town, wu: Caller, role: str) -> None:
    with pytest.raises((Forbidden, NotFound)):
        verify(town, wu, by=town.hall.staff[role])


def test_levels_are_a_dated_rule_that_says_it_is_not_checked(town: Town) -> None:
    rule = town.kernel.registry.rules.at(rules.LEVELS, datetime.date(2026, 11, 22))
    assert not rule.verified
    assert rule.sources
    assert set(rule.value["rank"]) == set(rule.value["days"]) == set(LEVELS)
    assert set(rule.value["reaches"]) == set(METHODS)
    with pytest.raises(NotFound):
        rules.levels(0)


class FileSpec(Spec, frozen=True, kw_only=True):
    grade: Annotated[str, field("级别", "Grade")]


class File(
    Kind[FileSpec, Status],
    title=T("卷宗", "File"),
    prefix="fx",
    doc=T("只给实名的人看。", "For people who are known."),
    allow={"read": (DEVELOPER,), "create": (DEVELOPER,)},
    indexes=(Index("spec.grade"),),
):
    """A file."""


POLICY = """
@id("known")
@zh("只给核对过证件的人看")
@en("For people whose document was seen")
forbid (principal is Person, action == Action::"archive.file:read", resource)
when { resource.grade == "secret" && principal.real_name_level < 2 };
"""
ARCHIVE = Domain(name="archive", title=T("档案", "Archive"), question=T("？", "?"), kinds=(File,), policies=POLICY)
File.meta.domain = "archive"


def test_a_policy_reads_the_level_for_one_and_for_a_list() -> None:
    with opened((IDENTITY, ARCHIVE)) as hall:
        project = hall.project()
        developer = hall.staff["developer"]
        for grade in ("open", "secret"):
            hall.do(developer, File, "create", name=grade, place=project, spec={"grade": grade})
        assert seen(hall, developer) == ["open"]
        for attr, names in ((1, ["open"]), (2, ["open", "secret"])):
            known = Caller(id=developer.id, attrs={"real_name_level": attr})
            assert seen(hall, known) == names


def seen(hall: Hall, caller: Caller) -> list[str]:
    names = sorted(r.name for r in hall.kernel.page(caller, File))
    rows = [hall.row(File, hall.one("SELECT id FROM archive_file WHERE name = ?", n)) for n in ("open", "secret")]
    assert names == [r.name for r in rows if hall.kernel.authority.may(hall.read(), caller, "read", r)]
    return names
