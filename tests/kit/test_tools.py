"""Every page that a domain declares of no kind: in both languages, in the sidebar, behind a log-in."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest

from cloudhall import installation
from cloudhall.kernel.pages import Tool
from cloudhall.kernel.registry import Registry
from tests.kit.demos import Demos
from tests.kit.faces import Faces

TOOLS = Registry(installation.DOMAINS).tools


@pytest.fixture
def faces(demos: Demos) -> Iterator[Faces]:
    made = Faces(demos.hall)
    yield made
    made.close()


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.path)
class TestTools:
    def test_it_opens_in_both_languages(self, tool: Tool, demos: Demos, faces: Faces) -> None:
        for language, title in (("zh", tool.title.zh), ("en", tool.title.en)):
            shown = faces.console(demos.hall.staff["viewer"], language).get(f"/{tool.path}")
            assert shown.status_code == 200
            assert f"<h1>{title}</h1>" in shown.text
            assert f'href="/{tool.path}" aria-current="page"' in shown.text
            for chart in re.findall(r"<svg class=\"chart\".*?</svg>", shown.text, re.DOTALL):
                ET.fromstring(chart)  # noqa: S314  it is our own

    def test_nobody_sees_it_without_a_log_in(self, tool: Tool, faces: Faces, demos: Demos) -> None:
        client = faces.console(demos.hall.staff["viewer"], "en")
        client.cookies.clear()
        assert client.get(f"/{tool.path}").status_code in {302, 303}


def test_a_plan_that_cannot_be_made_says_so_in_the_form(demos: Demos, faces: Faces) -> None:
    client = faces.console(demos.hall.staff["viewer"], "zh")
    page = client.get("/storage-plan", params={"scheme": "none", "capacity": "2PB"}).text
    assert "“none”不是冗余方案" in page
    assert 'name="capacity" value="2PB"' in page
    assert "<h2>假定</h2>" not in page
    asked = client.get("/storage-plan", params={"scheme": "8+3", "domain": "server", "disk_tb": "30"}).text
    assert "cloudhall storage plan --capacity 1EB --scheme 8+3 --domain server --disk-tb 30" in asked
    assert "<b>8+3</b>" in asked
