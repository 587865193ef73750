"""Details, home, search, errors and the audit log."""

import json
import re
import subprocess
import sys
from pathlib import Path

from cloudhall.domains.identity.join_request import JoinRequest
from cloudhall.domains.identity.person import Person
from cloudhall.kernel import tlog, witnesses
from cloudhall.kernel.caller import service
from cloudhall.kernel.commands import Command
from cloudhall.kernel.roles import ORG_ADMIN
from tests.console.yard import Shed, Tool, Yard


def test_a_page_says_how_it_is_why_and_since_when(yard: Yard) -> None:
    shed = yard.shed("zq-wet", roofed=False)
    yard.settle()
    html = yard.visitor("devon").open(f"/sheds/{shed}")
    line = html.partition('class="status warn"')[2].partition('class="cols"')[0]
    assert "Needs attention" in line
    assert "no roof, rain comes in" in line
    assert re.search(r"since</?[^<]*<time|since <time", line)
    conditions = html.partition('id="conditions"')[2]
    assert conditions.index("Dry") < conditions.index("Ready")  # what fails comes first
    assert "3.00 MiB" in html
    assert "¥1,234.56" in html


def test_what_belongs_to_it_is_a_click_away(yard: Yard) -> None:
    shed = yard.shed("zq-one")
    tool = yard.make(Tool, "zq-tool", "north", {"shed": shed})
    visitor = yard.visitor("devon")
    html = visitor.open(f"/sheds/{shed}")
    assert f'href="/tools/{tool}"' in html
    assert f'href="/tools?shed={shed}"' in html
    assert "zq-tool" in visitor.open(f"/tools?shed={shed}")
    assert f'<a href="/sheds/{shed}">zq-one</a>' in visitor.open(f"/tools/{tool}")


def test_what_is_hidden_looks_like_what_is_not_there(yard: Yard) -> None:
    shed = yard.shed("zq-one")
    stranger = yard.visitor("stan")
    for path in (f"/sheds/{shed}", f"/sheds/{shed}:update", f"/sheds/{shed}:delete", f"/sheds/{shed}:lock"):
        stranger.open(path)
        assert stranger.status == 404, path
        assert "zq-one" not in stranger.html
    missing = stranger.open("/sheds/sx-2kfbn0fnh6gmsjcx9")
    assert "No shed sx-2kfbn0fnh6gmsjcx9, or not yours to see" in missing
    assert "zq-one" not in stranger.open("/search?q=zq")


def test_the_nearest_name_helps(yard: Yard) -> None:
    shed = yard.shed("zq-energy")
    visitor = yard.visitor("devon")
    html = visitor.open("/sheds/zq-enery")
    assert visitor.status == 404
    assert f'href="/sheds/{shed}">zq-energy</a>' in html


def test_a_refusal_names_the_role_and_whom_to_ask(yard: Yard) -> None:
    shed = yard.shed("zq-one")
    visitor = yard.visitor("vera")
    visitor.open(f"/sheds/{shed}")
    html = visitor.send(f"/sheds/{shed}:lock")
    assert visitor.status == 403
    assert "<b>developer</b>" in html
    assert "<dd>Secura</dd>" in html


def test_what_breaks_is_ours_and_tells_nothing(yard: Yard, monkeypatch: object, caplog: object) -> None:
    visitor = yard.visitor("devon")
    yard.kernel.tables.by_kind[Shed].name = "no_such_table_here"
    visitor.open("/sheds")
    yard.kernel.tables.by_kind[Shed].name = "yard_shed"
    assert visitor.status == 500
    assert "no_such_table_here" not in visitor.html


def test_home_shows_what_runs_what_changed_and_where_to_begin(yard: Yard) -> None:
    yard.shed("zq-good")
    yard.shed("zq-wet", roofed=False)
    yard.settle()
    html = re.sub(r"\s+", " ", yard.visitor("devon").open("/"))
    assert "<h1>North yard</h1>" in html
    assert re.search(r"1 needs attention</span>.*1 ready</span>", html)
    assert 'href="/sheds:create"' in html
    assert 'href="/people:create"' not in html
    assert re.search(r"Created shed <a href=\"/sheds/[^\"]+\">zq-wet</a>", html)
    assert "Sheds at a glance" in html
    assert "2</b> <span>sheds</span>" in html


def test_home_says_what_needs_the_visitor(yard: Yard) -> None:
    wet = yard.shed("zq-wet", roofed=False)
    yard.shed("zq-vast", area_m2=440)
    yard.settle()
    asked = Command(kind=JoinRequest, verb="create", place="bureau", spec={"display_name": "Jo", "reason": "to help"})
    yard.kernel.execute(service(JoinRequest.meta.key), asked).result()
    needs = part(yard.visitor("devon").open("/"), "What needs you")
    assert re.search(rf"Shed zq-wet: needs attention</b><small>no roof.*?href=\"/sheds/{wet}\">Mend", needs)
    assert "North yard: 92.0% of the ground is used" in needs
    assert "asks to join" not in needs
    yard.grant(yard.people["admina"], ORG_ADMIN, yard.bureau)
    needs = part(yard.visitor("admina").open("/"), "What needs you")
    assert re.search(r"Jo asks to join</b><small>to help.*?href=\"/join-requests/[^\"]+\">Decide", needs)
    assert "Nothing waits for you." in yard.visitor("secura").open("/")


def test_home_tells_each_what_they_are_here(yard: Yard) -> None:
    yard.settle()
    assert re.search(r"developer</dt><dd><a [^>]*>North yard", yard.visitor("devon").open("/"))
    audra = yard.visitor("audra").open("/")
    assert "The audit log" in audra
    assert "No witnesses are set up." in audra
    assert "The audit log" not in yard.visitor("devon").open("/")
    spec = {"display_name": "Nia", "display_name_en": "Nia"}
    yard.people["nia"] = yard.make(Person, "nia", "bureau", spec)
    nia = yard.visitor("nia").open("/")
    assert "You hold no role" in nia
    assert "Roles are given by Secura." in nia
    assert 'href="/sheds:create"' not in nia


def test_search_finds_names_ids_titles_and_things_to_do(yard: Yard) -> None:
    shed = yard.shed("zq-energy")
    visitor = yard.visitor("devon")
    assert "zq-<b>energ</b>y" in visitor.open("/search?q=ENERG")
    assert f'href="/sheds/{shed}"' in visitor.open(f"/search?q={shed}")
    assert 'href="/sheds:create"' in visitor.open("/search?q=shed")
    assert 'href="/sheds:create"' in visitor.open("/search?q=new+shed")
    assert 'href="/sheds:create"' in visitor.open("/search?q=新建棚")
    assert 'href="/password"' in visitor.open("/search?q=password")
    vera = yard.visitor("vera", "zh")
    assert "<b>北</b>苑" in vera.open("/search?q=北")
    assert "/sheds:create" not in vera.open("/search?q=棚")
    assert "Nothing says" in visitor.open("/search?q=%25%25%25")
    assert "/people/" not in part(visitor.open("/search?q=display_name"), "People")  # a word of the store alone


def test_search_finds_rules_and_pages_of_the_documentation(yard: Yard) -> None:
    visitor = yard.visitor("devon")
    assert 'href="/rules/calendar.holidays"' in visitor.open("/search?q=holidays") or "/rules/" in visitor.html
    assert re.search(
        r'href="/docs/tutorials/first-bucket">.*?<b>first bucket</b>', visitor.open("/search?q=first+bucket")
    )
    assert 'href="/docs/tutorials/first-bucket.zh-CN"' in yard.visitor("devon", "zh").open("/search?q=第一个存储桶")


def test_help_is_a_page_with_keys_and_documentation(yard: Yard) -> None:
    for visitor in (yard.visitor("devon"), yard.visitor()):
        html = visitor.open("/help")
        assert visitor.status == 200
        assert "<kbd>Ctrl K</kbd>" in html
        assert 'href="/docs/tutorials/first-bucket"' in html
    home = yard.visitor("devon").open("/")
    assert 'href="/help" data-help="Close"' in home.partition('class="foot"')[2]


def test_a_title_says_object_kind_and_place(yard: Yard) -> None:
    shed = yard.shed("zq-one")
    visitor = yard.visitor("devon")
    titles = {path: re.search(r"<title>([^<]+)", visitor.open(path)) for path in ("/", "/sheds", f"/sheds/{shed}")}
    assert [found[1] for found in titles.values() if found] == [
        "Home - North yard - Cloudhall",
        "Sheds - North yard - Cloudhall",
        "zq-one - Shed - North yard - Cloudhall",
    ]


def test_hostile_names_are_shown_not_run(yard: Yard) -> None:
    shed = yard.shed("zq-one", note="<script>alert(1)</script>", keepers=['"><img src=x>'])
    visitor = yard.visitor("devon")
    for path in (f"/sheds/{shed}", f"/sheds/{shed}:update", "/search?q=<script>x", "/sheds?q=<b>"):
        html = visitor.open(path)
        assert "<script>alert" not in html
        assert "<script>x" not in html
        assert "<img" not in html
        assert (
            "<b>" not in html.replace("<b>developer</b>", "")[html.index("<main") :].split("<footer")[0]
            or path != "/sheds?q=<b>"
        )


def test_audit_shows_each_what_is_theirs_to_see(yard: Yard) -> None:
    shed = yard.shed("zq-one")
    yard.settle()
    row = 'data-action="yard.shed:create"'  # the form of the page names every operation, found or not
    devon, stan, audra = (yard.visitor(login) for login in ("devon", "stan", "audra"))
    assert row in devon.open(f"/audit?resource={shed}")
    assert row in devon.open("/audit?resource=zq-one")
    assert row not in stan.open(f"/audit?resource={shed}")
    assert 'data-action="identity.organisation:create"' in audra.open("/audit")
    assert row not in stan.open("/audit")
    assert row in audra.open("/audit?action=yard.shed:create&since=2020-01-01")
    assert "No entries" in audra.open("/audit?since=2999-01-01")
    assert row in audra.open("/audit?place=bureau")
    assert row not in stan.open("/audit?place=bureau")
    (entry,) = re.findall(r'<td class="n"><a href="/audit/(\d+)">', devon.open("/audit?action=yard.shed:create"))
    stan.open(f"/audit/{entry}")
    assert stan.status == 404


def test_an_entry_proves_itself_without_us(yard: Yard, tmp_path: Path) -> None:
    yard.shed("zq-one")
    audra = yard.visitor("audra")
    (entry,) = re.findall(r'<td class="n"><a href="/audit/(\d+)">', audra.open("/audit?action=yard.shed:create"))
    assert "Waiting for its signature" in audra.open(f"/audit/{entry}")
    yard.settle()
    html = audra.open(f"/audit/{entry}")
    assert "Proven" in html
    key = re.search(r"--key &#39;([^&]+)&#39;", html)
    assert key
    proof, verifier = tmp_path / "proof.json", tmp_path / "cloudhall_verify.py"
    proof.write_text(audra.open(f"/audit/{entry}/proof.json"), encoding="utf-8")
    verifier.write_text(audra.open("/audit/cloudhall_verify.py"), encoding="utf-8")
    command = [sys.executable, "-I", str(verifier), str(proof), "--key", key[1]]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    spoilt = json.loads(proof.read_text("utf-8"))
    spoilt["entries"][0]["index"] += 1
    proof.write_text(json.dumps(spoilt), encoding="utf-8")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_older_entries_are_a_page_further(yard: Yard) -> None:
    for i in range(60):
        yard.shed(f"zq-{i:02}", area_m2=1)
    audra = yard.visitor("audra")
    first = re.findall(r'<td class="n"><a href="/audit/(\d+)">', audra.open("/audit"))
    older = re.search(r'href="([^"]+)" rel="next"', audra.html)
    assert older
    second = re.findall(r'<td class="n"><a href="/audit/(\d+)">', audra.open(older[1].replace("&amp;", "&")))
    assert len(first) == 50
    assert int(second[0]) == int(first[-1]) - 1


def test_the_audit_page_shows_who_witnesses_and_an_alarm(yard: Yard) -> None:
    key = tlog.verifier_key("w.example/1", bytes(32), tlog.COSIGNER)
    yard.kernel.witnesses = (witnesses.Witness("http://127.0.0.1:1", key, "w.example/1", bytes(32)),)
    audra = yard.visitor("audra")
    assert "Not asked yet" in audra.open("/audit")
    row = (key, "ahead", "9 > 5", 1, 5, 1)
    yard.kernel.store.write(lambda tx: tx.execute("INSERT INTO audit_witness VALUES (?, ?, ?, ?, ?, ?)", row)).result()
    page = audra.open("/audit")
    assert "w.example/1 has seen another history than this one." in page
    assert "9 &gt; 5" in page


def test_a_decision_is_made_again_at_the_press_of_a_button(yard: Yard) -> None:
    shed = yard.shed("zq-one")
    devon = yard.visitor("devon")
    (found,) = yard.kernel.audit.search(yard.kernel.store.read(), resource=shed, limit=1)
    assert f'href="/audit/{found.idx}?again=1#again"' in devon.open(f"/audit/{found.idx}")
    page = devon.open(f"/audit/{found.idx}?again=1")
    assert "As recorded" in page
    assert "yard.shed:create/developer" in page
    yard.kernel.store.write(
        lambda tx: tx.execute("UPDATE decision_fact SET body = '{}' WHERE hash = ?", (found.leaf.object_digest,))
    ).result()
    page = devon.open(f"/audit/{found.idx}?again=1")
    assert "Not as recorded" in page
    assert "were changed" in page


def test_a_page_says_who_can_do_what_here_and_offers_to_share_it(yard: Yard) -> None:
    shed = yard.shed("zq-one")
    devon = yard.visitor("devon").open(f"/sheds/{shed}")
    assert "Who can do what here, and why" in devon
    assert "Share this one alone" not in devon
    assert "A suspended account may do nothing" in devon


def part(html: str, heading: str) -> str:
    """One section of a page."""
    return re.sub(r"\s+", " ", html.partition(f"<h2>{heading}</h2>")[2].partition("</section>")[0])
