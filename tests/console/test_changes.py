"""Create, edit, act, delete: what was typed stays, what would happen is said, nothing is lost to somebody else."""

import re

import pytest

from cloudhall.kernel.caller import Caller
from tests.console.yard import ROOT, Shed, Tool, Visitor, Yard

FIELDS = {
    "name": "zq-new",
    "spec.area_m2": "40",
    "spec.colour": "red",
    "spec.tags": "a=1\r\nb=2",
    "spec.roofed": "true",
}


def find(yard: Yard, name: str) -> Shed:
    return yard.kernel.find(ROOT, Shed, name)


def create(visitor: Visitor, step: str, **more: str) -> str:
    return visitor.send("/sheds:create", step=step, **{**FIELDS, **more})


def test_two_fields_suffice_and_the_rest_has_defaults(yard: Yard) -> None:
    html = yard.visitor("devon").open("/sheds:create")
    above, _, folded = html.partition('class="defaults"')
    assert re.findall(r'name="((?:spec|name|project)[^"]*)"', above) == ["project", "name", "spec.area_m2"]
    assert folded.count('<details class="default"') == 10
    assert "cloudhall shed create" in html
    assert "Not ready yet" in html


def test_check_says_what_will_happen_and_creates_nothing(yard: Yard) -> None:
    visitor = yard.visitor("devon")
    visitor.open("/sheds:create")
    html = create(visitor, "check")
    assert visitor.status == 200
    assert "¥20.00" in html  # 40 m² at 0.50
    assert "40 m² taken, 460 m² left of 500 m²" in html
    assert "Seen from the street" in html
    assert "developer may create shed" in html
    assert "cloudhall shed create zq-new" in html
    assert "&#34;tags&#34;: {&#34;a&#34;: &#34;1&#34;, &#34;b&#34;: &#34;2&#34;}" in html
    assert yard.kernel.count(ROOT, Shed) == 0


def test_confirming_creates_once_however_often_it_is_sent(yard: Yard) -> None:
    visitor = yard.visitor("devon")
    visitor.open("/sheds:create")
    create(visitor, "check")
    key, page = visitor.hidden("key"), visitor.html
    for _ in range(2):
        visitor.html = page
        create(visitor, "confirm", key=key)
        assert visitor.status == 303
    shed = find(yard, "zq-new")
    assert visitor.location == f"/sheds/{shed.id}?done=create"
    assert (shed.spec.area_m2, shed.spec.colour, shed.spec.tags) == (40, "red", {"a": "1", "b": "2"})
    assert yard.kernel.count(ROOT, Shed) == 1


def test_change_leads_back_to_the_form_with_everything_typed(yard: Yard) -> None:
    visitor = yard.visitor("devon")
    visitor.open("/sheds:create")
    create(visitor, "check")
    assert "#f-spec.area_m2" in visitor.html
    html = create(visitor, "form")
    assert 'value="zq-new"' in html
    assert 'value="40"' in html
    assert re.search(r'value="red" checked', html)
    assert "a=1\nb=2" in html


def test_every_problem_is_named_at_once_and_the_text_stays(yard: Yard) -> None:
    visitor = yard.visitor("devon")
    visitor.open("/sheds:create")
    html = create(visitor, "check", **{"name": "Big Shed", "spec.area_m2": "4.5 acres", "spec.tags": "no pair"})
    assert visitor.status == 400
    assert "<title>Error: " in html
    assert "To change: 3" in html
    for control, typed in (("name", "Big Shed"), ("spec.area_m2", "4.5 acres")):
        assert f'href="#f-{control}"' in html
        assert f'value="{typed}"' in html
    assert html.count("Area takes a whole number m², such as 20") == 3  # summary, field, verdict
    assert "no pair</textarea>" in html
    assert 'aria-invalid="true"' in html


def test_rules_of_the_domain_and_quotas_are_said_at_the_form(yard: Yard) -> None:
    visitor = yard.visitor("devon")
    visitor.open("/sheds:create")
    assert "Blue ones have at most 100" in create(visitor, "check", **{"spec.colour": "blue", "spec.area_m2": "101"})
    html = create(visitor, "check", **{"spec.area_m2": "501"})
    assert visitor.status == 409
    assert "501 m² asked, 500 m² left" in html
    yard.shed("zq-new")
    assert "zq-new is taken" in create(visitor, "check")


def test_the_verdict_follows_what_is_typed(yard: Yard) -> None:
    visitor = yard.visitor("devon")
    visitor.open("/sheds:create")
    html = visitor.send("/sheds:preview", **FIELDS)
    assert html.lstrip().startswith("<aside")
    assert "Can be created" in html
    assert "20.00" in html
    visitor.open("/sheds:create")
    assert "takes a whole number" in visitor.send("/sheds:preview", **{**FIELDS, "spec.area_m2": "x"})


def test_a_missing_role_is_named_before_anything_is_typed(yard: Yard) -> None:
    visitor = yard.visitor("vera")
    assert "Needs the role developer" in visitor.open("/sheds:create")
    create(visitor, "confirm")
    assert visitor.status == 403
    assert yard.kernel.count(ROOT, Shed) == 0


def test_a_secret_is_shown_once_with_what_to_do_with_it(yard: Yard) -> None:
    shed = yard.shed("zq-one")
    visitor = yard.visitor("devon")
    html = visitor.open(f"/tools:create?spec.shed={shed}")
    assert re.search(rf'value="{shed}" selected', html)
    visitor.send("/tools:create", step="check", **{"spec.shed": shed})
    assert "Shown once" in visitor.html
    html = visitor.submit("/tools:create", ("key",), step="confirm", **{"spec.shed": shed})
    (secret,) = re.findall(r"<pre tabindex=\"0\">(tool_\w+)</pre>", html)
    assert f"export TOOL={secret}" in html
    (tool,) = yard.kernel.page(ROOT, Tool)
    assert secret not in visitor.open(f"/tools/{tool.id}")


def test_what_belongs_to_something_is_offered_where_that_lies(yard: Yard) -> None:
    shed = yard.make(Shed, "zq-far", "south", {"area_m2": 20})
    html = yard.visitor("vera").open(f"/tools:create?spec.shed={shed}")
    assert f'<option value="{yard.south}" selected>' in html


def test_an_edit_writes_only_what_was_changed(yard: Yard) -> None:
    shed = yard.shed("zq-one", opens_at="2026-12-31T16:00:30+08:00", roofed=False)
    visitor = yard.visitor("devon")
    html = visitor.open(f"/sheds/{shed}:update")
    assert 'value="2026-12-31T16:00"' in html
    assert "Grade" in html.partition("Cannot change")[2]
    edit(visitor, shed, **{"spec.note": "new"})
    assert visitor.location == f"/sheds/{shed}?done=update"
    now = find(yard, "zq-one")
    assert now.spec.note == "new"
    assert now.spec.opens_at is not None
    assert now.spec.opens_at.second == 30
    event = yard.visitor("devon").open(f"/sheds/{shed}")
    assert "Changed: Note" in re.sub(r"\s+", " ", event)


def test_what_a_controller_saw_meanwhile_is_no_conflict(yard: Yard) -> None:
    shed = yard.shed("zq-one")
    visitor = yard.visitor("devon")
    visitor.open(f"/sheds/{shed}:update")
    yard.settle()
    edit(visitor, shed, **{"spec.note": "mine"})
    assert visitor.status == 303
    assert find(yard, "zq-one").spec.note == "mine"


def test_two_who_edit_see_the_difference_and_choose(yard: Yard) -> None:
    shed = yard.shed("zq-one", note="before")
    visitor = yard.visitor("devon")
    visitor.open(f"/sheds/{shed}:update")
    yard.change(Shed, shed, note="theirs", area_m2=25)
    html = edit(visitor, shed, **{"spec.note": "mine"})
    assert visitor.status == 412
    row = html.partition("<tbody>")[2].partition("</tbody>")[0]
    assert [cell for cell in ("before", "theirs", "mine", "20 m²", "25 m²") if cell not in row] == []
    assert find(yard, "zq-one").spec.note == "theirs"
    edit(visitor, shed, **{"spec.note": "mine", "spec.area_m2": "25"})
    assert visitor.status == 303
    assert (find(yard, "zq-one").spec.note, find(yard, "zq-one").spec.area_m2) == ("mine", 25)


def test_a_wrong_edit_keeps_what_was_typed(yard: Yard) -> None:
    shed = yard.shed("zq-one")
    visitor = yard.visitor("devon")
    visitor.open(f"/sheds/{shed}:update")
    html = edit(visitor, shed, **{"spec.area_m2": "", "spec.note": "kept"})
    assert visitor.status == 400
    assert "Area takes a whole number" in html
    assert "kept</textarea>" in html
    visitor.open(f"/sheds/{shed}:update")
    visitor.send(f"/sheds/{shed}:update", base="nonsense")
    assert visitor.status == 400


def test_an_action_without_questions_is_one_button(yard: Yard) -> None:
    shed = yard.shed("zq-one")
    visitor = yard.visitor("devon")
    assert f'action="/sheds/{shed}:lock"' in visitor.open(f"/sheds/{shed}")
    visitor.send(f"/sheds/{shed}:lock")
    assert visitor.location == f"/sheds/{shed}?done=lock"
    assert find(yard, "zq-one").spec.locked
    html = visitor.open(f"/sheds/{shed}")
    assert "Locked already" in html
    assert f'action="/sheds/{shed}:lock"' not in html


def test_an_action_asks_and_names_problems(yard: Yard) -> None:
    shed = yard.shed("zq-one")
    visitor = yard.visitor("devon")
    html = visitor.open(f"/sheds/{shed}:paint")
    assert "Coats" in html
    html = visitor.send(f"/sheds/{shed}:paint", **{"args.colour": "blue", "args.coats": "many"})
    assert visitor.status == 400
    assert 'href="#f-args.coats"' in html
    visitor.send(f"/sheds/{shed}:paint", **{"args.colour": "blue", "args.coats": "2"})
    assert find(yard, "zq-one").spec.colour == "blue"
    assert visitor.open(f"/sheds/{shed}:burn") != ""
    assert visitor.status == 404


def test_deleting_asks_for_the_name_and_tells_what_goes_along(yard: Yard) -> None:
    shed = yard.shed("zq-one")
    yard.make(Tool, "zq-tool", "north", {"shed": shed})
    visitor = yard.visitor("devon")
    assert "zq-tool" in visitor.open(f"/sheds/{shed}:delete").partition("What goes")[2]
    html = visitor.send(f"/sheds/{shed}:delete", name="zq-on")
    assert visitor.status == 400
    assert "What was typed is not zq-one" in html
    visitor.send(f"/sheds/{shed}:delete", name="zq-one")
    assert visitor.location == "/sheds?done=delete"
    assert "Deleting" in visitor.open(f"/sheds/{shed}")
    yard.settle()
    visitor.open(f"/sheds/{shed}")
    assert visitor.status == 404


def test_a_deletion_that_is_refused_says_what_stands_in_the_way(yard: Yard) -> None:
    yard.shed("zq-one")
    html = yard.visitor("admina").open(f"/projects/{yard.north}:delete")
    assert "zq-one" in html
    assert "Delete these first" in html


@pytest.mark.parametrize("verb", ["update", "delete", "lock"])
def test_what_one_may_not_do_is_off_and_refused(yard: Yard, verb: str) -> None:
    shed = yard.shed("zq-one")
    visitor = yard.visitor("vera")
    assert "Needs the role developer" in visitor.open(f"/sheds/{shed}")
    assert f'href="/sheds/{shed}:{verb}"' not in visitor.html
    visitor.send(f"/sheds/{shed}:{verb}", name="zq-one", base='{"name":"zq-one","labels":{},"spec":{}}')
    assert visitor.status == 403
    yard.kernel.find(Caller(id=yard.people["vera"]), Shed, shed)


def edit(visitor: Visitor, shed: str, **fields: str) -> str:
    """Send the edit form as a browser would: every field of the page, with some changed."""
    page = visitor.html
    typed = dict(re.findall(r'<input id="f-([^"]+)" name="[^"]+" value="([^"]*)"', page))
    typed |= dict(re.findall(r'<textarea id="f-([^"]+)"[^>]*>\n([^<]*)</textarea>', page))
    typed |= dict(re.findall(r'name="([^"]+)" value="([^"]*)" checked', page))
    return visitor.submit(f"/sheds/{shed}:update", ("base", "if_match"), **{**typed, **fields})
