"""What law, standards and tariffs say on a day, and when a period in working days ends.

Everybody who is logged in may ask: the rules are public. Each row carries its source and whether somebody has compared
it with the source's text; each end whether it rests on days off that are announced.
"""

import datetime
from typing import Any

from starlette.responses import Response

from cloudhall.api.answers import reply
from cloudhall.api.endpoints import Call, Endpoint
from cloudhall.api.params import Param
from cloudhall.api.problems import refuse
from cloudhall.kernel import clocks, holidays, office
from cloudhall.kernel.calendar import Calendar
from cloudhall.kernel.clocks import Clock, Pause
from cloudhall.kernel.errors import Problem
from cloudhall.kernel.rules import wire
from cloudhall.kernel.text import T

DAYS_MAX = 1_000
OPEN = ".."  # the end of an interval that has none (ISO 8601-2:2019)


async def in_force(call: Call) -> Response:
    """Row of each table that is in force on a day; `absent` names the tables that say nothing of it."""
    day, book = _day(call), call.host.kernel.registry.rules
    found = [(table, table.find(day)) for table in book]
    items = [wire(table, rule) for table, rule in found if rule]
    absent = [{"id": table.id, "title": table.title} for table, rule in found if not rule]
    return reply({"as_of": day, "items": items, "absent": absent})


async def history(call: Call) -> Response:
    """Every row of a table, the oldest first."""
    table = call.host.kernel.registry.rules.table(call.path("id"))
    return reply({"id": table.id, "title": table.title, "items": [wire(table, rule) for rule in table.rules]})


async def deadline(call: Call) -> Response:
    """Read a clock: its end, what is used and left, and when which share is used up."""
    day, working_days = _day(call), call.host.kernel.registry.calendar
    pauses = tuple(_pause(text, working_days) for text in call.query.get("pause", ()))
    clock = Clock(call.query["from"], call.query["days"], pauses)
    reading = clocks.read(clock, working_days, day)
    body: dict[str, Any] = {"from": clock.start, "days": clock.days, "as_of": day, **reading._asdict()}
    steps = [step._asdict() for step in clocks.escalation(clock, working_days, day)]
    return reply(body | {"mark": working_days.mark(reading.due), "steps": steps})


def _day(call: Call) -> datetime.date:
    today = office.day_of(call.host.kernel.world.now_us())
    day: datetime.date = call.query.get("as_of", today)
    return day


def _pause(text: str, working_days: Calendar) -> Pause:
    """Pause from `2026-09-28/2026-10-08`, both days in it, or `2026-09-28/..`; what it cannot be is refused."""
    is_open = text.endswith(f"/{OPEN}")
    try:
        first, last = holidays.span_of(text.removesuffix(f"/{OPEN}"))
    except ValueError:
        first, last = datetime.date.max, datetime.date.min
    if not working_days.first < first <= last < working_days.last:
        form = T(
            "pause 应写作 2026-09-28/2026-10-08（含首尾），未结束的写作 2026-09-28/..",
            "pause must be 2026-09-28/2026-10-08, both days in it, or 2026-09-28/.. while it lasts",
        )
        refuse([Problem("TYPE", "?pause", form)])
    return Pause(first, None if is_open else last + holidays.DAY)


_AS_OF = Param(
    name="as_of", title=T("哪一天；不填为今天", "On which day; today without it"), shape="date", example="2026-11-20"
)

ENDPOINTS = (
    Endpoint(
        path="/rules",
        name="rules",
        title=T("某日有效的规则，及出处", "Rules in force on a day, with their sources"),
        run=in_force,
        params=(_AS_OF,),
    ),
    Endpoint(
        path="/rules/{id}",
        name="rule_history",
        title=T("一张规则表的历次规定", "Every row of a rule table"),
        run=history,
    ),
    Endpoint(
        path="/deadline",
        name="deadline",
        title=T("按工作日计算期限", "When a period in working days ends"),
        run=deadline,
        params=(
            Param(
                name="from",
                title=T("收到之日，不计入", "Day of receipt, which is not counted"),
                shape="date",
                required=True,
                example="2026-09-18",
            ),
            Param(
                name="days",
                title=T("期限，工作日", "Length in working days"),
                shape="int",
                least=1,
                most=DAYS_MAX,
                required=True,
                example=20,
            ),
            Param(
                name="pause",
                title=T("中止的日子，可多次", "Days on which it stands still; may come several times"),
                many=True,
                example="2026-09-28/2026-10-08",
            ),
            _AS_OF,
        ),
    ),
)
