"""Delete and label what a list's filter leaves: the plan on a page, then exactly that; without scripts."""

import re

import pytest

from cloudhall.kernel import bulk
from cloudhall.kernel.commands import Command
from tests.console.yard import ROOT, Shed, Tool, Visitor, Yard

OPEN = "/sheds?q=zq-"
DELETE = "/sheds:bulk_delete?q=zq-"
LABEL = "/sheds:bulk_label?q=zq-"


@pytest.fixture
def visitor(yard: Yard) -> Visitor:
    for name in ("zq-one", "zq-two", "other"):
        yard.shed(name)
    yard.make(Tool, "zq-tool", "north", {"shed": yard.kernel.find(ROOT, Shed, "zq-one").id})
    return yard.visitor("devon")


def state(yard: Yard) -> dict[str, bool]:
    return {r.name: r.deleting_us is not None for r in yard.kernel.page(ROOT, Shed)}


def confirm(visitor: Visitor, path: str, count: str, **fields: str) -> str:
    return visitor.submit(path, ("plan", "count"), typed=count, **fields)


def test_a_list_leads_there_with_its_filter(visitor: Visitor, yard: Yard) -> None:
    html = visitor.open(OPEN)
    assert 'href="/sheds:bulk_delete?q=zq-"' in html
    assert 'href="/sheds:bulk_label?q=zq-"' in html
    assert ":bulk_" not in yard.visitor("vera").open(OPEN)


def test_the_plan_says_what_goes_and_what_is_given_back(visitor: Visitor, yard: Yard) -> None:
    html = visitor.open(DELETE)
    assert visitor.status == 200
    goes = re.findall(r">(zq-[a-z]+)</a>", html.partition('class="goes"')[2])
    assert sorted(goes) == ["zq-one", "zq-tool", "zq-two"]
    assert "2 fit the filter" in html
    assert "Given back" in html
    assert "No longer paid" in html
    assert "cloudhall shed delete" in html
    assert "--matching zq-" in html
    assert "--plan" in html
    assert not any(state(yard).values())


def test_what_was_shown_is_deleted_once_its_number_was_typed(visitor: Visitor, yard: Yard) -> None:
    visitor.open(DELETE)
    html = confirm(visitor, DELETE, "3")
    assert visitor.status == 400
    assert "What was typed is not 2" in html
    assert not any(state(yard).values())
    confirm(visitor, DELETE, "2")
    assert (visitor.status, visitor.location) == (303, "/sheds?done=delete")
    assert state(yard) == {"zq-one": True, "zq-two": True, "other": False}
    assert "Nothing fits this filter" in visitor.open(DELETE)


def test_what_changed_meanwhile_is_named_with_the_plan_anew(visitor: Visitor, yard: Yard) -> None:
    visitor.open(DELETE)
    yard.shed("zq-three")
    html = confirm(visitor, DELETE, "2")
    assert visitor.status == 409
    assert "now fit too: zq-three" in html
    assert not any(state(yard).values())
    confirm(visitor, DELETE, "3")
    assert visitor.status == 303


def test_ticked_rows_alone_are_meant_and_no_tick_is_not_all(visitor: Visitor, yard: Yard) -> None:
    html = visitor.open("/sheds")
    one = yard.kernel.find(ROOT, Shed, "zq-one").id
    assert re.search(rf'<input type="checkbox" name="id" value="{one}" aria-label="Pick zq-one">', html)
    assert 'formaction="/sheds:bulk_delete"' in html
    assert 'name="id"' not in yard.visitor("vera").open("/sheds").partition("<tbody>")[2]
    assert "Nothing fits this filter" in visitor.open("/sheds:bulk_delete?id=")
    html = visitor.open(f"/sheds:bulk_delete?id=&id={one}")
    assert "1 fit the filter" in html
    assert f"--where id={one}" in html
    assert 'href="/sheds">Cancel' in html
    confirm(visitor, f"/sheds:bulk_delete?id={one}", "1")
    assert state(yard) == {"zq-one": True, "zq-two": False, "other": False}
    visitor.open(f"/sheds?id={one}")
    assert visitor.status == 400


def test_labels_are_put_on_and_taken_off(visitor: Visitor, yard: Yard) -> None:
    shed = yard.kernel.find(ROOT, Shed, "zq-one")
    old = Command(kind=Shed, verb="update", target=shed.id, labels={"old": "1", "kept": "1"})
    yard.kernel.execute(ROOT, old).result()
    html = visitor.open(LABEL)
    assert "Labels to put on" in html
    typed = {"labels.put": "team=red\r\nday=1", "labels.take": "old"}
    html = visitor.send(LABEL, step="check", **typed)
    assert visitor.status == 200
    assert "What changes" in html
    assert re.search(r"--set team=red[\s\\]+--set day=1", html)
    confirm(visitor, LABEL, "2", **{name: visitor.hidden(name) for name in typed})
    assert (visitor.status, visitor.location) == (303, "/sheds?done=update")
    assert yard.kernel.find(ROOT, Shed, "zq-one").labels == {"kept": "1", "team": "red", "day": "1"}
    html = visitor.open("/sheds?label=team:red")
    assert {"zq-one", "zq-two"} == set(re.findall(r">(zq-[a-z]+|other)</a>", html))
    assert "cloudhall shed list" in html
    assert "--label team=red" in html


def test_the_labels_of_one_lead_to_all_that_carry_them(visitor: Visitor, yard: Yard) -> None:
    shed = yard.kernel.find(ROOT, Shed, "zq-two")
    odd = Command(kind=Shed, verb="update", target=shed.id, labels={"team": "a&b=<c>"})
    yard.kernel.execute(ROOT, odd).result()
    html = visitor.open(f"/sheds/{shed.id}")
    assert "team=a&amp;b=&lt;c&gt;" in html
    leads = re.search(r'href="(/sheds[?]label=[^"]*)"', html)
    assert leads is not None
    listed = visitor.open(leads[1].replace("&amp;", "&"))
    assert re.findall(r">(zq-[a-z]+|other)</a>", listed) == ["zq-two"]


@pytest.mark.parametrize(("put", "said"), [("", "No label to put on"), ("team", "Each line must be key=value")])
def test_labels_that_are_none_are_said_to_be(visitor: Visitor, put: str, said: str) -> None:
    visitor.open(LABEL)
    html = visitor.send(LABEL, step="check", **{"labels.put": put, "labels.take": ""})
    assert visitor.status == 400
    assert said in html


def test_what_is_refused_stays_and_says_why(visitor: Visitor, yard: Yard) -> None:
    html = yard.visitor("vera").open(DELETE)
    assert html.count("Stays") == 2
    assert 'name="typed"' not in html


def test_too_many_are_not_planned(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "ITEMS_MAX", 1)
    html = visitor.open(DELETE)
    assert "Narrow the filter" in html
    assert 'name="plan"' not in html


def test_a_kind_that_is_not_deleted_has_no_such_page(yard: Yard) -> None:
    visitor = yard.visitor("devon")
    visitor.open("/signs:bulk_label")
    assert visitor.status == 404


def test_both_languages_are_whole(yard: Yard) -> None:
    yard.shed("zq-one")
    html = yard.visitor("devon", "zh").open(DELETE)
    assert "键入数目 1 以确认" in html
    assert "归还" in html
