"""The 25 points that every page of the console is held to, and the tests that hold it there.

What a point asks for and is not built is named in `src/cloudhall/console/quality.toml`. A point without a test and
without an entry there fails, and so does a test that is named here and does not exist.
"""

import ast
import contextlib
import functools
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudhall.kernel.caller import service
from cloudhall.kernel.context import Context
from cloudhall.kernel.operations import WORK, Operation, Progress, Step
from cloudhall.kernel.text import T
from tests.console.yard import Yard
from tests.kit.faces import Faces
from tests.kit.hall import Hall, opened

ROOT = Path(__file__).resolve().parents[2]
QUALITY = tomllib.loads((ROOT / "src/cloudhall/console/quality.toml").read_text("utf-8"))
POINTS: dict[int, tuple[str, tuple[str, ...]]] = {
    1: (
        "reads in five seconds: title, one heading, path, switchers",
        ("test_points::test_a_page_says_what_it_is_and_where", "test_pages::test_every_page_is_sound"),
    ),
    2: (
        "navigation by the job, hidden by permission, current page marked",
        ("test_points::test_the_sidebar_holds_what_one_may_read", "test_pages::test_only_what_is_current_is_marked_so"),
    ),
    3: ("search everything", ("test_reading::test_search_finds_names_ids_titles_and_things_to_do",)),
    4: (
        "list: filters in the address, facets, pages, copy, bulk, export, as API and as command",
        (
            "test_lists::test_facets_count_what_the_other_filters_leave",
            "test_lists::test_pages_go_forth_and_back_over_every_row_once",
            "test_lists::test_the_export_is_the_filter_and_opens_in_a_spreadsheet",
            "test_bulk::test_the_plan_says_what_goes_and_what_is_given_back",
            "test_equivalents::test_the_command_line_takes_every_word",
        ),
    ),
    5: (
        "empty: what, why, one button, one command",
        (
            "test_lists::test_none_yet_helps",
            "test_lists::test_a_filter_that_leaves_nothing_says_which_conditions_to_drop",
        ),
    ),
    6: (
        "detail: phase, reason, since, conditions, related, audit, danger last",
        (
            "test_reading::test_a_page_says_how_it_is_why_and_since_when",
            "test_reading::test_what_belongs_to_it_is_a_click_away",
            "test_points::test_danger_stands_last",
        ),
    ),
    7: (
        "create: two fields, defaults, price, quota, verdict, check answers",
        (
            "test_changes::test_two_fields_suffice_and_the_rest_has_defaults",
            "test_changes::test_check_says_what_will_happen_and_creates_nothing",
            "test_browser::test_the_verdict_follows_while_somebody_types",
        ),
    ),
    8: (
        "all errors at once, beside their fields, what was typed stays",
        (
            "test_changes::test_every_problem_is_named_at_once_and_the_text_stays",
            "test_changes::test_a_wrong_edit_keeps_what_was_typed",
        ),
    ),
    9: (
        "long work: steps, done and total, log, cancel, survives reload",
        ("test_points::test_long_work_has_a_page_that_says_how_far_it_is", "tests/kernel/test_operations"),
    ),
    10: (
        "off buttons say why, refusals name role and person, hidden is not found",
        (
            "test_changes::test_what_one_may_not_do_is_off_and_refused",
            "test_reading::test_a_refusal_names_the_role_and_whom_to_ask",
            "test_reading::test_what_is_hidden_looks_like_what_is_not_there",
        ),
    ),
    11: (
        "destroying: by name, with what goes along, and a way back",
        (
            "test_changes::test_deleting_asks_for_the_name_and_tells_what_goes_along",
            "test_bin::test_it_is_found_and_restored",
        ),
    ),
    12: (
        "notices: inbox with what is unread, mail by choice, a word on the page",
        (
            "test_inbox::test_the_header_counts_what_is_unread",
            "test_inbox::test_mails_are_chosen_here",
            "test_browser::test_create_see_edit_delete",
        ),
    ),
    13: (
        "keyboard: skip link, focus seen and not covered, targets",
        (
            "tests/e2e/test_newcomer::test_the_main_job_by_keys_alone",
            "test_browser::test_keys_menus_and_copying",
            "test_accessibility::test_fingers_and_shaky_hands_find_every_target",
        ),
    ),
    14: (
        "looks: light, dark, high contrast, large",
        (
            "test_accessibility::test_each_look_is_readable_and_nothing_lies_over_anything",
            "test_accessibility::test_narrow_and_zoomed_windows_scroll_downwards_alone",
            "test_doors::test_looks_change_by_plain_buttons",
        ),
    ),
    15: (
        "both languages whole",
        (
            "test_languages::test_no_page_has_a_word_of_the_other_language",
            "test_languages::test_every_template_is_shown",
            "test_assets::test_every_text_of_a_template_is_said_in_chinese_and_nothing_else_is",
        ),
    ),
    16: ("charts: SVG with their table, limits named", ("test_accessibility::test_axe_finds_nothing_on_any_template",)),
    18: ("print and export", ("test_lists::test_the_export_is_the_filter_and_opens_in_a_spreadsheet",)),
    19: (
        "money to the fen, each amount opens its lines",
        (
            "tests/e2e/test_browser::test_a_developer_rents_uses_and_pays_for_a_bucket",
            "test_formats::test_money_can_be_read_back_to_the_fen",
        ),
    ),
    22: (
        "budgets: weight, no request elsewhere; times are measured by bench/console.py",
        ("test_pages::test_a_hundred_rows_are_light", "test_browser::test_create_see_edit_delete"),
    ),
    23: ("time to first success", ("tests/e2e/test_newcomer::test_each_first_success_is_a_few_steps_away",)),
    24: (
        "API: idempotency, revisions, cursors, problems, watch, described",
        (
            "tests/api/test_idempotency::test_the_first_answer_comes_again",
            "tests/api/test_resources::test_a_stale_edit_is_refused_with_the_difference",
            "tests/api/test_lists::test_pages_in_any_order_hold_every_row_once",
            "tests/api/test_problems::test_every_answer_names_its_request",
            "tests/api/test_watch::test_changes_come_as_they_happen",
            "tests/api/test_openapi::test_every_route_is_described_and_every_description_has_a_route",
        ),
    ),
    25: (
        "command line: noun verb, JSON, dry run, exit codes, help",
        (
            "tests/cli/test_help::test_every_kind_and_every_verb_has_a_page",
            "tests/cli/test_commands::test_json_stands_alone_or_takes_fields",
            "tests/cli/test_commands::test_a_dry_run_changes_nothing_and_says_what_would_be",
            "tests/cli/test_commands::test_each_mistake_has_its_exit_code_and_its_words",
        ),
    ),
}


@functools.cache
def names_in(file: str) -> frozenset[str]:
    """Names of the tests of a file of tests/console, or of one that is named from the root."""
    path = ROOT / (f"{file}.py" if file.startswith("tests/") else f"tests/console/{file}.py")
    functions = ast.walk(ast.parse(path.read_text("utf-8")))
    return frozenset(n.name for n in functions if isinstance(n, ast.FunctionDef) and n.name.startswith("test_"))


@pytest.mark.parametrize("number", range(1, 26))
def test_every_point_is_tested_or_owed(number: int) -> None:
    owed = QUALITY["points"].get(str(number))
    tests = POINTS[number][1] if number in POINTS else ()
    assert tests or owed, f"point {number} has neither a test nor a line in quality.toml"
    for named in tests:
        file, _, name = named.partition("::")
        assert name in names_in(file) if name else names_in(file), named
    if owed:
        assert owed["status"] == "todo"
        assert owed["reason"]


def test_a_page_says_what_it_is_and_where(yard: Yard) -> None:
    shed = yard.shed("zq-one")
    html = yard.visitor("devon").open(f"/sheds/{shed}")
    title = re.search(r"<title>([^<]*)</title>", html)
    assert title
    assert title[1].split(" - ")[:2] == ["zq-one", "Shed"]
    path = html.partition('aria-label="Path"')[2].partition("</nav>")[0]
    above = re.findall(r'<a href="([^"]+)">([^<]+)</a>', path)
    assert [text for _, text in above][-2:] == ["North yard", "Sheds"]
    assert re.search(r'aria-current="page">zq-one<', path)
    head = html.partition("<header")[2].partition("</header>")[0]
    for switched in ("All organisations", "All projects"):
        assert switched in head


@pytest.mark.parametrize(
    ("login", "sees", "lacks"), [("devon", "/sheds", "/invitations"), ("secura", "/grants", "/tools")]
)
def test_the_sidebar_holds_what_one_may_read(yard: Yard, login: str, sees: str, lacks: str) -> None:
    side = yard.visitor(login).open("/").partition('id="nav"')[2].partition("</nav>")[0]
    assert f'href="{sees}"' in side
    assert f'href="{lacks}"' not in side


def test_danger_stands_last(yard: Yard) -> None:
    shed = yard.shed("zq-one")
    main = yard.visitor("devon").open(f"/sheds/{shed}").partition("<main")[2]
    assert main.count(f'href="/sheds/{shed}:delete"') == 1
    assert f'href="/sheds/{shed}:delete"' in main.rpartition("<h2>")[2]


@pytest.fixture
def half_done(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Hall, str]]:
    """Work of two steps with three pieces each, of which four pieces are done; its id."""

    def step(name: str) -> Step:
        def run(_o: Operation, _ctx: Context, done: int) -> Progress:
            return Progress(done + 1, 3, finished=done == 2, log=f"zq-{name} {done + 1}")

        return Step(name, T(f"{name} 号", f"step {name}"), run)

    monkeypatch.setitem(WORK, "test.count", (step("a"), step("b")))
    with opened() as hall:
        spec = {"what": "test.count", "target": "bk-1"}
        runner = service("storage.bucket")
        made = hall.do(runner, Operation, "create", place=hall.project(), name="zq-work", spec=spec)["id"]
        for _ in range(4):
            hall.kernel.reconciler.run_due(rounds=1)
        yield hall, str(made)


def test_long_work_has_a_page_that_says_how_far_it_is(half_done: tuple[Hall, str]) -> None:
    hall, id_ = half_done
    with contextlib.closing(Faces(hall)) as faces:
        page = faces.console(hall.staff["system_admin"], "en").get(f"/operations/{id_}").raise_for_status().text
    steps = re.sub(r"<[^>]+>|\s+", " ", page.partition("<tbody>")[2].partition("</tbody>")[0])
    assert re.search(r"1\. step a +3 / 3 .*2\. step b +1 / 3", steps)
    for said in ("1 of 2 done", "zq-b 1", "Wait for it on the command line"):
        assert said in page
    assert f'action="/operations/{id_}:cancel"' in page or f'href="/operations/{id_}:cancel"' in page
