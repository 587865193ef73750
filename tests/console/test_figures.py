"""Pages of figures: usage, quotas, health, settings; and the pages of places and people that say more."""

import re

import pytest

from cloudhall.console import operations
from cloudhall.domains.identity.grant import Grant
from cloudhall.domains.identity.project import Project
from cloudhall.kernel import metering
from cloudhall.kernel.ids import new_id
from cloudhall.kernel.key_destruction import KeyDestruction
from cloudhall.kernel.key_rotation import KeyRotation
from cloudhall.kernel.metering import BYTE, Gap, MeterCursor, MeterDef, Reading
from cloudhall.kernel.operations import Operation, OperationSpec, OperationStatus, StepState
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US
from tests.console.yard import ROOT, Shed, Yard

HOUR_US = 3_600 * SECOND_US
METER = MeterDef(
    key="yard.visits",
    title=T("来访", "Visits"),
    unit=T("次", "visits"),
    aggregation="sum",
    scale=T("百万分之一次", "a millionth of a visit"),
    precision=T("精确", "exact"),
    method=T("门口的计数器", "the counter at the gate"),
    test="tests/console/test_figures.py",
)


@pytest.fixture
def visited(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> tuple[Yard, str]:
    """A shed with three visits an hour ago, and an hour before that that nobody counted."""
    monkeypatch.setitem(metering.METERS, METER.key, METER)
    shed, now = yard.shed("zq-one"), yard.kernel.world.now_us()
    begin = now - HOUR_US
    body = {"source": "yard.gate", "meter": METER.key, "resource": shed, "project": yard.north}
    read = Reading(source_id="zq-1", from_us=begin, to_us=begin + SECOND_US, quantity_micro=3_000_000, **body)
    gap = Gap(source_id="zq-2", from_us=begin - HOUR_US, to_us=begin, cause="engine_killed", **body)
    cursor = MeterCursor("yard.gate", "")
    yard.kernel.store.write(lambda tx: metering.record(tx, [read], [gap], cursor, now_us=now)).result()
    return yard, shed


def test_usage_shows_the_sum_by_resource_and_its_readings(visited: tuple[Yard, str]) -> None:
    yard, shed = visited
    visitor = yard.visitor("devon")
    html = visitor.open("/usage?meter=yard.visits&period=24h")
    assert visitor.status == 200
    assert re.search(r'class="figure"><b>3</b>', html)
    assert f'<a href="/sheds/{shed}">zq-one</a>' in html
    opened = visitor.open(f"/usage?meter=yard.visits&period=24h&resource={shed}")
    readings = opened.partition('id="readings"')[2]
    assert "yard.gate/zq-1" in readings
    assert "engine killed" in readings  # the gap stands among the readings, as a gap
    assert "Not measured" in readings


def test_usage_of_another_project_is_not_shown(visited: tuple[Yard, str]) -> None:
    yard, shed = visited
    html = yard.visitor("stan").open(f"/usage?meter=yard.visits&period=24h&resource={shed}")
    assert "zq-one" not in html
    assert "zq-1" not in html


def test_quotas_show_limit_and_use_and_who_may_raise_them(yard: Yard) -> None:
    yard.shed("zq-one", area_m2=480)
    admin, viewer = yard.visitor("admina"), yard.visitor("vera")
    html = admin.open(f"/quotas?in={yard.north}")
    row = html.partition("<tbody>")[2].partition("</tr>")[0]
    assert "480" in row
    assert "500" in row
    assert "sign warn" in row  # nearly taken
    link = re.search(r'href="(/quota-limits:create[^"]*)"', row)
    assert link
    form = admin.open(link[1].replace("&amp;", "&"))
    assert 'value="yard_m2"' in form
    refused = viewer.open(f"/quotas?in={yard.north}")
    assert "Needs the role" in refused
    assert "/quota-limits:create" not in refused.partition("<main")[2]


def test_a_limit_that_somebody_set_is_named(yard: Yard) -> None:
    from cloudhall.domains.identity.quota_limit import QuotaLimit

    yard.make(QuotaLimit, "zq-limit", "north", {"quota": "yard_m2", "room": 700})
    html = yard.visitor("admina").open(f"/quotas?in={yard.north}")
    assert "700" in html
    assert re.search(r'href="/quota-limits/ql-[0-9a-z]+:update"', html)


@pytest.mark.parametrize("path", ["/health", "/settings"])
def test_what_operates_the_installation_is_for_its_administrators(yard: Yard, path: str) -> None:
    developer, admin = yard.visitor("devon"), yard.visitor("admina")
    developer.open(path)
    assert developer.status == 403
    assert f'href="{path}"' not in developer.open("/")
    assert f'href="{path}"' in admin.open(path)
    assert admin.status == 200


def test_health_names_what_is_parked_and_why(yard: Yard) -> None:
    shed = yard.shed("zq-one")
    park = "UPDATE work SET parked = 'zq-broken' WHERE id = ?"
    yard.kernel.store.write(lambda tx: tx.execute(park, (shed,))).result()
    html = yard.visitor("admina").open("/health")
    assert "zq-broken" in html
    assert "cloudhall doctor" in html


def test_settings_show_no_secret(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDHALL_S3_SECRET_KEY", "zq-hidden")
    html = yard.visitor("admina").open("/settings")
    assert "zq-hidden" not in html
    assert "set, not shown" in html
    assert "CLOUDHALL_WEED" in html


def test_an_organisation_shows_its_tree_and_members_with_roles_and_why(yard: Yard) -> None:
    yard.make(Project, "zq-west", "bureau", {"title_zh": "西苑", "title_en": "West yard"})
    yard.kernel.store.write(
        lambda tx: tx.execute("DELETE FROM role_grant WHERE subject = ?", (yard.people["vera"],))
    ).result()
    spec = {"subject": yard.people["vera"], "role": "viewer", "reason": "zq-inventory"}
    yard.grant("pe-root", "security_admin", "platform")
    yard.make(Grant, "", "bureau", spec)
    html = yard.visitor("secura").open(f"/organisations/{yard.bureau}")
    assert "West yard" in html
    members = html.partition('id="members"')[2].partition("</section>")[0]
    assert "zq-inventory" in members
    unknowing = yard.visitor("devon").open(f"/organisations/{yard.bureau}")
    assert "zq-inventory" not in unknowing
    assert "Roles are shown to administrators" in unknowing


def test_a_person_sees_what_they_can_do_where_and_why(yard: Yard) -> None:
    yard.grant("pe-root", "security_admin", "platform")
    spec = {"subject": yard.people["devon"], "role": "viewer", "reason": "zq-cover"}
    yard.make(Grant, "", "south", spec)
    own = yard.visitor("devon").open(f"/people/{yard.people['devon']}")
    roles = own.partition('id="roles"')[2].partition("</section>")[0]
    assert "zq-cover" in roles
    assert "What the role viewer allows" in roles
    other = yard.visitor("stan").open(f"/people/{yard.people['devon']}")
    assert "zq-cover" not in other


def test_access_says_by_which_rule_one_may_and_may_not(yard: Yard) -> None:
    shed = yard.shed("zq-one")
    html = yard.visitor("vera").open(f"/sheds/{shed}").partition('id="access"')[2]
    assert "may not" in html
    assert "yard.shed:read" in html  # the policy that allows it, by its id
    assert "role developer" in html


def test_bytes_are_shown_as_sizes() -> None:
    from cloudhall.console.usage import text_of

    assert text_of(METER)(3_500_000) == "3"
    assert (
        text_of(MeterDef(**{**{f: getattr(METER, f) for f in METER.__struct_fields__}, "scale": BYTE}))(2048)
        == "2.00 KiB"
    )


def test_a_project_shows_what_lies_in_it_and_its_quotas(yard: Yard) -> None:
    yard.shed("zq-one", area_m2=40)
    html = yard.visitor("devon").open(f"/projects/{yard.north}")
    assert f'href="/sheds?in={yard.north}"' in html
    assert "40 / 500 m²" in html
    assert f'href="/usage?in={yard.north}"' in html


def test_price_and_quota_are_told_before_a_name_is_given(yard: Yard) -> None:
    visitor = yard.visitor("devon")
    html = visitor.open("/sheds:create?spec.area_m2=20").partition('id="verdict"')[2]
    assert "Not ready yet" in html
    assert "20 / 500 m²" in html
    assert "10.00" in html
    assert "Can be created" not in html


def test_what_an_action_would_change_is_said_before_it_is_done(yard: Yard) -> None:
    shed = yard.shed("zq-one")
    visitor = yard.visitor("devon")
    assert 'id="foreseen"' not in visitor.open(f"/sheds/{shed}:paint")  # answers are missing
    html = visitor.send(f"/sheds/{shed}:paint", args__colour="red", args__coats="2", step="check")
    assert "Seen from the street" in html.partition('id="foreseen"')[2]
    row = yard.kernel.find(ROOT, Shed, shed)
    assert row.spec.colour == "green"


def test_entries_are_found_by_the_last_day_too(yard: Yard) -> None:
    yard.shed("zq-one")
    audra = yard.visitor("audra")
    assert 'data-action="yard.shed:create"' in audra.open("/audit?until=2999-01-01")
    assert "No entries" in audra.open("/audit?until=2020-01-01")


def test_a_destroyed_key_has_its_certificate_on_the_page(yard: Yard) -> None:
    yard.grant("pe-root", "security_admin", "platform")
    yard.kernel.keys.wrap("secrets", b"zq", b"")
    yard.make(KeyRotation, "", spec={"purpose": "secrets"})
    for _ in range(3):
        yard.settle()
    row = yard.make(KeyDestruction, "", spec={"purpose": "secrets"})
    for _ in range(3):
        yard.settle()
    html = yard.visitor("secura").open(f"/key-destructions/{row}")
    assert re.search(r'href="/audit/\d+/proof\.json"', html.partition('id="certificates"')[2])
    nothing = yard.make(KeyDestruction, "", spec={"purpose": "secrets"})
    yard.settle()
    assert "There was nothing to destroy" in yard.visitor("secura").open(f"/key-destructions/{nothing}")


def test_the_usual_time_is_told_of_enough_past_work_alone(yard: Yard) -> None:
    def done(number: int, seconds: int) -> Operation:
        row = Operation(
            id=new_id("op", yard.kernel.world),
            place=yard.north,
            name=f"zq-{number}",
            spec=OperationSpec(what="yard.sweep", target="zq"),
            status=OperationStatus(),
        )
        row.created_us, row.status.ended = 1_000_000, "done"
        row.status.steps = [StepState("sweep", T("扫", "Sweep"), 1, 1, 1_000_000, 1_000_000 + seconds * SECOND_US)]
        yard.kernel.store.write(lambda tx: yard.kernel.tables[Operation].insert(tx, row)).result()
        return row

    last = [done(n, 7) for n in range(operations.PAST_LEAST)][-1]
    visitor = yard.visitor("devon")
    assert "usually" not in visitor.open(f"/operations/{last.id}")  # itself is not of the past
    done(99, 90)
    assert "usually 7.0 s" in visitor.open(f"/operations/{last.id}")
