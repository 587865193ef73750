"""A kind is one file: put into a domain's folder and named in its list, it has everything, the kit included."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAMP = '''
"""Lamps: a kind that nobody has heard of before."""

from typing import TYPE_CHECKING, Annotated, Literal

from cloudhall.kernel.kinds import (
    Index, Kind, Look, NoArgs, Outcome, Quota, Ready, Spec, Status, T, action, controller, edit, field,
)
from cloudhall.kernel.roles import DEVELOPER, VIEWER

if TYPE_CHECKING:
    from cloudhall.kernel.context import Context

COLOURS = {"warm": T("暖光", "Warm"), "cold": T("冷光", "Cold")}


class LampSpec(Spec, frozen=True, kw_only=True):
    """What people decided about a lamp."""

    watts: Annotated[int, field("功率", "Power", unit="W", ge=1, le=500, example=40)]
    colour: Annotated[Literal["warm", "cold"], field("光色", "Colour", choices=COLOURS)] = "warm"
    lit: Annotated[bool, field("已点亮", "Lit", by=("light",))] = False


class LampStatus(Status, kw_only=True):
    """What was seen of it."""

    glows: Annotated[bool, field("发光", "Glows")] = False


class Lamp(
    Kind[LampSpec, LampStatus],
    title=T("路灯", "Lamp"),
    prefix="lm",
    doc=T("照亮街道。", "Lights a street."),
    clauses=("SYS-001",),
    allow={"read": (VIEWER, DEVELOPER), "create": (DEVELOPER,), "update": (DEVELOPER,), "delete": (DEVELOPER,)},
    indexes=(Index("spec.colour"),),
    quotas=(Quota("lamp_watts", "spec.watts", T("照明功率", "Lighting"), "W", default=10_000),),
    demo=({"name": "bridge", "spec": {"watts": 40}},),
):
    """One lamp."""


@action(Lamp, T("点亮", "Light"), allow=(DEVELOPER,), when=lambda x: not x.spec.lit, why_not=T("已经亮着", "It is lit"))
def light(lamp: Lamp, _args: NoArgs, _look: Look) -> LampSpec:
    """Let it glow."""
    return edit(lamp.spec, lit=True)


@controller(Lamp)
def reconcile(lamp: Lamp, _ctx: "Context") -> Outcome:
    """See whether it glows."""
    lamp.status.glows = lamp.spec.lit
    return Ready()
'''
PLUGIN = """
import msgspec

import cloudhall.domains.storage as storage
from cloudhall import installation

storage.__path__.append({folder!r})
from cloudhall.domains.storage.lamp import Lamp

richer = msgspec.structs.replace(storage.DOMAIN, kinds=(*storage.DOMAIN.kinds, Lamp))
installation.DOMAINS = tuple(richer if d is storage.DOMAIN else d for d in installation.DOMAINS)
"""


def kit(folder: Path, lamp: str, which: str) -> subprocess.CompletedProcess[str]:
    """Run the kit of an installation that has lamps."""
    (folder / "lamp.py").write_text(lamp, encoding="utf-8")
    (folder / "with_lamps.py").write_text(PLUGIN.format(folder=str(folder)), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "tests/kit",
        "-p",
        "with_lamps",
        "-k",
        which,
        "-v",
        "-p",
        "no:cacheprovider",
    ]
    environ = {**os.environ, "PYTHONPATH": f"{folder}:{ROOT / 'src'}"}
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def test_one_file_has_rows_commands_policy_events_kit_and_faces(tmp_path: Path) -> None:
    done = kit(tmp_path, LAMP, "storage.lamp")
    assert done.returncode == 0, done.stdout[-5_000:]
    ran = {line.split("::", 1)[1].split("[")[0] for line in done.stdout.splitlines() if "PASSED" in line}
    assert len(ran) > 35
    assert ran >= {
        "test_every_text_is_there_in_both_languages",
        "TestDryRun::test_leaves_nothing_and_shows_what_comes",
        "TestTraces::test_each_change_leaves_an_event_and_a_leaf",
        "TestSettles::test_it_is_ready_and_a_second_sweep_writes_nothing",
        "TestDeletion::test_it_goes_without_a_trace",
        "TestSight::test_a_list_as_each_role_is_what_each_decision_says",
        "TestApi::test_it_is_made_edited_and_removed",
        "TestConsole::test_its_forms_ask_for_every_field",
        "TestCommandLine::test_it_lists_and_gets_it",
    }


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ('"Lights a street."', '"照亮街道。"', "doc: 照亮街道。 is no English"),
        ('demo=({"name": "bridge", "spec": {"watts": 40}},)', "demo=()", "no demo"),
        ("lamp.status.glows = lamp.spec.lit", "lamp.status.glows = not lamp.status.glows", "writes_nothing"),
    ],
)
def test_the_kit_says_what_a_new_kind_lacks(tmp_path: Path, right: str, wrong: str, told: str) -> None:
    which = "storage.lamp and (both_languages or demo_is_valid or writes_nothing)"
    done = kit(tmp_path, LAMP.replace(right, wrong), which)
    assert done.returncode == 1
    assert told in done.stdout
