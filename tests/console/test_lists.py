"""Lists: filters in the address, counts, columns, order, pages, what one keeps, export, and help where nothing is."""

import csv
import html
import io
import re
import xml.etree.ElementTree as ET
import zipfile

import pytest

from cloudhall.api import saying
from cloudhall.domains.identity import views
from tests.console.yard import Shed, Visitor, Yard

NAMES = re.compile(r'<td class="name"><a href="[^"]+">([^<]+)</a>')


@pytest.fixture
def sheds(yard: Yard) -> Yard:
    """Three sheds in the north, one in the south."""
    yard.shed("zq-a", area_m2=30, colour="red", note="=1+1")
    yard.shed("zq-b", area_m2=10, roofed=False)
    yard.shed("zq-c", area_m2=20)
    yard.make(Shed, "zq-d", "south", {"area_m2": 40})
    yard.settle()
    return yard


def facets(visitor: Visitor) -> dict[str, str]:
    """Values of the facets with their counts."""
    found = re.findall(
        r'class="facet[^>]*><span class="box"></span><span>([^<]+)</span><span class="count">(\d+)', visitor.html
    )
    return dict(found)


def test_a_list_shows_what_the_visitor_may_see(sheds: Yard) -> None:
    assert names(sheds.visitor("devon").open("/sheds")) == ["zq-a", "zq-b", "zq-c"]
    assert names(sheds.visitor("vera").open("/sheds")) == ["zq-a", "zq-b", "zq-c", "zq-d"]
    assert names(sheds.visitor("secura").open("/sheds")) == []


def test_facets_count_what_the_other_filters_leave(sheds: Yard) -> None:
    visitor = sheds.visitor("devon")
    visitor.open("/sheds")
    assert facets(visitor) == {"Red": "1", "Green": "2", "Blue": "0", "No": "1", "Yes": "2"}
    visitor.open("/sheds?roofed=true")
    assert names(visitor.html) == ["zq-a", "zq-c"]
    assert facets(visitor) == {"Red": "1", "Green": "1", "Blue": "0", "No": "1", "Yes": "2"}
    visitor.open("/sheds?colour=red&colour=green&roofed=false")
    assert NAMES.findall(visitor.html) == ["zq-b"]


def test_a_filter_that_leaves_nothing_says_which_conditions_to_drop(sheds: Yard) -> None:
    visitor = sheds.visitor("devon")
    html = visitor.open("/sheds?colour=blue&q=zq")
    assert "Nothing fits this filter" in html
    assert 'href="/sheds?q=zq"' in html
    assert 'href="/sheds?colour=blue"' in html


def test_a_filter_that_leaves_nothing_says_what_each_condition_costs(sheds: Yard) -> None:
    html = sheds.visitor("devon").open("/sheds?colour=blue&roofed=true")
    assert re.search(r'href="/sheds\?roofed=true">Without “Colour”</a> <span class="mute">2 in all', html)


def test_many_rows_are_neither_counted_nor_read_through(sheds: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saying, "FEW_MAX", 2)
    visitor = sheds.visitor("devon")
    visitor.open("/sheds")
    assert facets(visitor) == {}
    assert ">Red</span></a>" in visitor.html
    assert names(visitor.open("/sheds?q=zq-c")) == ["zq-c"]
    assert len(names(visitor.open("/sheds?q=zq-"))) == 2  # the first of the index
    assert names(visitor.open("/sheds?q=q-a")) == []
    assert names(visitor.open("/sheds?q=q-a&colour=red")) == ["zq-a"]  # so few that each is read
    assert "zq-d" not in visitor.open("/search?q=zq-")


def test_order_follows_the_heads(sheds: Yard) -> None:
    visitor = sheds.visitor("devon")
    assert NAMES.findall(visitor.open("/sheds?sort=area_m2")) == ["zq-b", "zq-c", "zq-a"]
    assert 'aria-sort="ascending"' in visitor.html
    assert 'href="/sheds?sort=-area_m2"' in visitor.html


def test_an_address_that_means_nothing_says_what_would(sheds: Yard) -> None:
    visitor = sheds.visitor("devon")
    visitor.open("/sheds?colour=violet&nonsense=1&area_m2=many")
    assert visitor.status == 400
    for name in ("colour", "nonsense", "area_m2"):
        assert name in visitor.html


def test_pages_go_forth_and_back_over_every_row_once(yard: Yard) -> None:
    for i in range(230):
        yard.make(Shed, f"zq-{i:03}", ("north", "south")[i % 2], {"area_m2": 1 + i % 3})
    visitor = yard.visitor("vera")
    for sort in ("", "sort=area_m2&"):
        seen, pages, path = [], [], f"/sheds?{sort}"
        while path:
            pages.append(NAMES.findall(visitor.open(path)))
            seen += pages[-1]
            path = link(visitor, "next")
        assert len(seen) == len(set(seen)) == 230
        back = visitor.open(link(visitor, "prev"))
        assert NAMES.findall(back) == pages[-2]
    assert visitor.open("/sheds?after=broken") != ""
    assert visitor.status == 200


def test_the_export_is_the_filter_and_opens_in_a_spreadsheet(sheds: Yard) -> None:
    visitor = sheds.visitor("devon")
    text = visitor.open("/sheds.csv?roofed=true&sort=name")
    assert text.startswith("\ufeff")
    assert "attachment" in visitor.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [r["name"] for r in rows] == ["zq-a", "zq-c"]
    assert rows[0]["spec.area_m2"] == "30"
    assert rows[0]["state"] == "attention"


def test_the_workbook_holds_the_rows_and_says_where_they_come_from(sheds: Yard) -> None:
    visitor = sheds.visitor("devon")
    visitor.open("/sheds")
    answer = visitor.client.get("/sheds.xlsx?roofed=true&sort=name&columns=spec.area_m2&columns=spec.note")
    assert answer.headers["content-type"].endswith("spreadsheetml.sheet")
    rows, about = workbook(answer.content)
    assert [row[1:-1] for row in rows] == [
        ["name", "state", "spec.area_m2", "spec.note"],
        ["zq-a", "attention", 30, "=1+1"],
        ["zq-c", "ready", 20],
    ]
    told = {row[0]: row[1:] for row in about}
    assert told["Rows"] == [2]
    assert told["Exported by"] == ["Devon"]
    assert told["Filter"] == ["roofed=true&sort=name&columns=spec.area_m2&columns=spec.note"]
    assert told["Request"] == [answer.headers["request-id"]]


def test_no_cell_of_an_export_is_a_formula() -> None:
    from cloudhall.console.export import _line

    assert _line(["=1+1", "+x", "@y", "-z", "plain"]) == "'=1+1,'+x,'@y,'-z,plain\r\n"


def test_a_place_narrows_and_is_remembered(sheds: Yard) -> None:
    visitor = sheds.visitor("vera")
    assert NAMES.findall(visitor.open(f"/sheds?in={sheds.south}")) == ["zq-d"]
    assert NAMES.findall(visitor.open("/sheds")) == ["zq-d"]
    assert "?project=south" in visitor.html
    assert names(visitor.open("/sheds?in=")) == ["zq-a", "zq-b", "zq-c", "zq-d"]
    assert names(visitor.open("/sheds?in=pj-nonsense")) == ["zq-a", "zq-b", "zq-c", "zq-d"]


def test_columns_are_chosen_in_the_address_and_remembered(sheds: Yard) -> None:
    visitor = sheds.visitor("devon")
    assert heads(visitor.open("/sheds?columns=spec.note&columns=labels")) == ["Name", "Note", "Labels"]
    assert "Stored" in heads(visitor.open("/sheds"))
    visitor.send("/sheds:columns?colour=red", columns=["spec.grade", "state"])
    assert visitor.location == "/sheds?colour=red&columns=state&columns=spec.grade"
    assert heads(visitor.open("/sheds")) == ["Name", "State", "Grade"]
    assert 'value="spec.grade" checked' in visitor.html
    assert heads(sheds.visitor("vera").open("/sheds")) != ["Name", "State", "Grade"]
    visitor.send("/sheds:columns", reset="1", columns="spec.grade")
    assert visitor.location == "/sheds"
    assert "Stored" in heads(visitor.open("/sheds"))
    visitor.open("/sheds?columns=spec.nonsense")
    assert visitor.status == 400


def test_a_filter_is_kept_under_a_name_that_only_its_owner_sees(sheds: Yard) -> None:
    visitor = sheds.visitor("devon")
    visitor.open("/sheds?sort=name&colour=red")
    visitor.send("/sheds:filters?sort=name&colour=red", name=" Red <ones> ")
    assert visitor.location == "/sheds?sort=name&colour=red"
    chip = re.compile(r'class="chip saved" href="([^"]+)"( aria-current="true")?>.*?</svg>([^<]+)</a>')
    assert chip.findall(visitor.open("/sheds")) == [("/sheds?colour=red&amp;sort=name", "", "Red &lt;ones&gt;")]
    assert chip.findall(visitor.open("/sheds?colour=red&sort=name"))[0][1]
    assert "Red &lt;ones" not in sheds.visitor("vera").open("/sheds")
    assert "Red &lt;ones" not in visitor.open("/tools")
    visitor.open("/sheds")
    visitor.send("/sheds:filters", name="")
    assert visitor.status == 400
    visitor.open("/sheds")
    visitor.send("/sheds:filters", forget="Red <ones>")
    assert chip.findall(visitor.open("/sheds")) == []


def test_filters_are_kept_up_to_a_number(sheds: Yard) -> None:
    visitor = sheds.visitor("devon")
    visitor.open("/sheds?colour=red")
    for n in range(views.NAMED_MAX):
        visitor.send("/sheds:filters?colour=red", name=f"n{n}")
        assert visitor.status == 303
        visitor.open("/sheds?colour=red")
    visitor.send("/sheds:filters?colour=blue", name="n0")
    assert visitor.status == 303
    visitor.open("/sheds?colour=red")
    assert "at most 20" in visitor.send("/sheds:filters?colour=red", name="one-more")
    assert visitor.status == 429


def test_whoever_may_see_none_is_told_which_role_it_takes(sheds: Yard) -> None:
    html = sheds.visitor("audra").open("/sheds")
    assert "You may not see any of these: sheds" in html
    assert "Needs the role viewer or developer; ask Secura" in html
    assert "None yet" not in html


def test_a_path_leads_from_the_platform_to_the_list(sheds: Yard) -> None:
    path = crumbs(sheds.visitor("devon").open("/sheds"))
    assert path == ["Platform", "Parks", "North yard", "Sheds"]
    assert crumbs(sheds.visitor("vera").open("/sheds?in=")) == ["Platform", "Parks", "Sheds"]


def test_none_yet_helps(yard: Yard) -> None:
    html = yard.visitor("devon").open("/sheds")
    assert "None yet: sheds" in html
    assert html.count("New shed") == 1
    assert "cloudhall shed create --help" in html
    off = yard.visitor("vera").open("/sheds")
    assert "Needs the role developer" in off
    assert "/sheds:create" not in off


def test_rows_of_several_projects_say_which(sheds: Yard) -> None:
    visitor = sheds.visitor("vera")
    for place, said in (("", True), (sheds.bureau, True), (sheds.south, False)):
        table = visitor.open(f"/sheds?in={place}").partition("<table")[2].partition("</table>")[0]
        assert ("South yard" in table) is said, place


def test_a_domain_may_replace_the_body(yard: Yard) -> None:
    assert "A page of its own: 0" in yard.visitor("admina").open("/signs")


def names(html: str) -> list[str]:
    """Names on a page, sorted: what was made within one millisecond stands in any order."""
    return sorted(NAMES.findall(html))


def heads(page: str) -> list[str]:
    """Heads of the table, without units and arrows."""
    head = page.partition("<thead>")[2].partition("</thead>")[0]
    found = re.findall(r"<th scope=[^>]*>\s*(?:<a [^>]*>)?([^<,]+)", head)
    return [html.unescape(text).rstrip(" ↑↓") for text in found]


def crumbs(page: str) -> list[str]:
    path = page.partition('class="crumbs"')[2].partition("</nav>")[0]
    return re.findall(r">([^<›]+)</(?:a|span)>", path)


def workbook(content: bytes) -> list[list[list[str | int]]]:
    """Rows of each sheet, read as the format says."""
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        assert book.testzip() is None
        parts = [name for name in book.namelist() if name.startswith("xl/worksheets/")]
        trees = [ET.fromstring(book.read(name)) for name in sorted(parts)]  # noqa: S314  our own file
    return [[[value(cell, space) for cell in row] for row in tree.iter(f"{space}row")] for tree in trees]


def value(cell: ET.Element, space: str) -> str | int:
    number = cell.find(f"{space}v")
    return int(number.text or "") if number is not None else "".join(cell.itertext())


def link(visitor: Visitor, rel: str) -> str:
    found = re.search(rf'href="([^"]+)" rel="{rel}"', visitor.html)
    return found[1].replace("&amp;", "&") if found else ""
