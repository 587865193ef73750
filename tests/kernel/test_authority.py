"""Decisions, lists and explanations agree, in both languages."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from cloudhall.domains.identity.organisation import Organisation
from cloudhall.domains.identity.person import Person
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.kernel.caller import Caller, service
from cloudhall.kernel.commands import Command
from cloudhall.kernel.errors import Forbidden, NotFound
from tests.kit.hall import Hall

HAN = re.compile("[一-鿿]")
OPEN = {"quota_gib": 1, "grade": "open"}


class Setting:
    """A bucket, and somebody for every role on its project."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.project = hall.project()
        self.bucket = hall.do(hall.staff["developer"], Bucket, "create", place=self.project, name="stats", spec=OPEN)
        self.row = hall.row(Bucket, self.bucket["id"])

    def refused(self, caller: Caller, verb: str, **what: Any) -> Forbidden:
        with pytest.raises(Forbidden) as refused:
            self.hall.do(caller, Bucket, verb, **what)
        return refused.value


@pytest.fixture
def setting(hall: Hall) -> Iterator[Setting]:
    yield Setting(hall)  # noqa: PT022  the hall closes itself


def test_a_refusal_names_the_missing_role_and_whom_to_ask(setting: Setting) -> None:
    viewer = setting.hall.person("viewer", place=setting.project)
    error = setting.refused(viewer, "update", target="stats", spec={"quota_gib": 2})
    assert HAN.search(error.text.zh)
    assert not HAN.search(error.text.en)
    assert error.reason.startswith("storage.bucket:update/")
    assert error.details["roles"] == ["developer", "data_officer"]
    assert error.text.en.endswith("it takes the role developer or data officer on its project")
    assert error.text.zh.endswith("需要在所在项目担任开发者或数据专员")
    assert error.details["ask"] == [setting.hall.staff["security_admin"].id]


def test_a_suspended_account_is_told_so(setting: Setting) -> None:
    developer = setting.hall.staff["developer"]
    suspended = Caller(id=developer.id, attrs={"suspended": True})
    with pytest.raises(NotFound):
        setting.hall.do(suspended, Bucket, "update", target="stats", spec={"quota_gib": 2})
    tx = setting.hall.read()
    why = setting.hall.kernel.authority.explain(tx, suspended, "update", setting.row)
    assert not why.decision.allowed
    (forbidding,) = why.forbidden_by
    assert (forbidding.policy, forbidding.text.zh) == ("suspended", "已停用的账号不能做任何事")


def test_what_one_may_not_see_is_not_found_rather_than_forbidden(setting: Setting) -> None:
    for verb, what in (("update", {"spec": {"quota_gib": 2}}), ("delete", {}), ("empty", {"args": {}})):
        for target in ("stats", setting.bucket["id"]):
            with pytest.raises(NotFound) as hidden:
                setting.hall.do(setting.hall.nobody, Bucket, verb, target=target, **what)
            with pytest.raises(NotFound) as wrong:
                setting.hall.do(setting.hall.staff["developer"], Bucket, verb, target="nothing", **what)
            assert hidden.value.text.en.replace(target, "x") == wrong.value.text.en.replace("nothing", "x")
    with pytest.raises(NotFound):
        setting.hall.do(setting.hall.nobody, Bucket, "create", place=setting.project, name="other", spec=OPEN)


def test_a_decision_names_the_policy_that_allowed_it(setting: Setting) -> None:
    authority, tx = setting.hall.kernel.authority, setting.hall.read()
    assert authority.require(tx, setting.hall.staff["developer"], "update", setting.row) == (
        "storage.bucket:update/developer",
    )
    leaf = setting.hall.kernel.audit.search(tx, resource=setting.row.id, limit=1)[0].leaf
    assert leaf.policies == ("storage.bucket:create/developer",)
    assert leaf.policy_digest == authority.policies.digest


def test_a_denial_is_in_the_log_with_its_policy(setting: Setting) -> None:
    viewer = setting.hall.person("viewer", place=setting.project)
    error = setting.refused(viewer, "delete", target="stats")
    leaf = setting.hall.kernel.audit.search(setting.hall.read(), limit=1)[0].leaf
    assert (leaf.actor, leaf.action, leaf.phase) == (viewer.id, "storage.bucket:delete", "denied")
    assert (leaf.resource, leaf.project) == (error.details["resource"], setting.project)
    assert (leaf.resource[:3], leaf.reason) == ("bk-", error.reason)


@pytest.mark.parametrize(
    ("scopes", "reads", "updates"),
    [
        (None, True, True),
        ((), False, False),
        (("*",), True, True),
        (("*:read",), True, False),
        (("storage.*",), True, True),
        (("storage.*:read",), True, False),
        (("storage.bucket:*",), True, True),
        (("storage.bucket:read", "storage.bucket:update"), True, True),
        (("storage.bucket:update",), False, False),
        (("identity.*",), False, False),
        (("storage.bucke",), False, False),
    ],
)
def test_a_token_reaches_as_far_as_its_scopes(
    setting: Setting, scopes: tuple[str, ...] | None, reads: bool, updates: bool
) -> None:
    caller = Caller(id=setting.hall.staff["developer"].id, scopes=scopes)
    kernel, tx = setting.hall.kernel, setting.hall.read()
    assert kernel.count(caller, Bucket) == int(reads)
    assert kernel.authority.may(tx, caller, "update", setting.row) is (updates or scopes == ("storage.bucket:update",))
    command = Command(kind=Bucket, verb="update", target="stats", spec={"quota_gib": 2})
    if updates:
        assert kernel.plan(caller, command).policies
        return
    with pytest.raises((Forbidden, NotFound)) as refused:
        kernel.plan(caller, command)
    assert not reads or refused.value.reason == "TOKEN_SCOPE"


def test_people_see_themselves_and_nobody_else_without_a_role(setting: Setting) -> None:
    admin = setting.hall.staff["system_admin"]
    ids = [
        setting.hall.do(admin, Person, "create", place="economy", name=name, spec={"display_name": name})["id"]
        for name in ("wu", "li")
    ]
    assert [p.id for p in setting.hall.kernel.page(Caller(id=ids[0]), Person)] == [ids[0]]


def test_a_service_changes_only_what_names_it(setting: Setting) -> None:
    caller = service("storage.bucket")
    for verb, what in (("delete", {"target": "economy"}), ("create", {"name": "new", "spec": {"title_zh": "新"}})):
        with pytest.raises(Forbidden):
            setting.hall.do(caller, Organisation, verb, **what)
