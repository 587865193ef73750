"""Pages of figures: usage, quotas, health, settings; and the pages of places and people that say more."""

import re

import pytest

from cloudhall.domains.identity.grant import Grant
from cloudhall.domains.identity.project import Project
from cloudhall.kernel import metering
from cloudhall.kernel.metering import BYTE, Gap, MeterCursor, MeterDef, Reading
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US
from tests.console.yard import Yard

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
