"""Lists: filters in the address, counts, order, pages, export, and help where nothing is."""

import csv
import io
import re

import pytest

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


def link(visitor: Visitor, rel: str) -> str:
    found = re.search(rf'href="([^"]+)" rel="{rel}"', visitor.html)
    return found[1].replace("&amp;", "&") if found else ""
