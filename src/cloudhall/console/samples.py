"""What the sheet of parts shows: invented names and numbers, of one invented morning. Nothing else may use them."""

from collections.abc import Sequence
from typing import Any

from cloudhall.console import formats
from cloudhall.console.charts import Cell, Gauge, Origin, Part, Plane, Point, Series, Span
from cloudhall.console.charts.provinces import china
from cloudhall.console.names import Named
from cloudhall.console.timeline import Happening
from cloudhall.console.values import Shown
from cloudhall.kernel.text import Language, T
from cloudhall.kernel.world import SECOND_US

DAY_US = 86_400 * SECOND_US
NOW_US = 1_795_141_440 * SECOND_US  # 2026-11-20 10:24 in Shanghai
ORIGIN = Origin(T("虚构的示例", "invented examples"), NOW_US)
STORED = (2_840, 2_910, 2_990, 3_040, 3_120, 3_190, 3_260, 3_320, 3_390, 3_450, 3_520, 3_560, 3_610, 3_640)
MONTHS = (5_210, 5_480, 5_390, 6_120, 6_870, 6_540, 7_290, 7_160)
PARTS = (
    Part(T("云主机", "Instances"), 2_764_018),
    Part(T("存储", "Storage"), 987_245),
    Part(T("数据库", "Databases"), 631_820),
    Part(T("网络与专线", "Network and lines"), 290_554),
    Part(T("应用", "Apps"), 148_000),
)
GAUGES = (
    Gauge(T("甲号机房", "Hall A"), 136, 140, T("2018 年起新建", "new since 2018")),
    Gauge(T("乙号机房", "Hall B"), 152, 150, T("新建", "new")),
    Gauge(T("丙号机房", "Hall C"), 186, 200, T("现有", "existing")),
)
LIMITS = ((T("新建限值 1.50", "Limit, new: 1.50"), 150), (T("现有限值 2.00", "Limit, existing: 2.00"), 200))
HALF_HOURS = ["ready"] * 16 + ["attention"] * 2 + ["ready"] * 9 + ["working"] * 2 + ["ready"] * 7 + ["failed"] * 2
HALF_HOURS += ["unknown"] * 3 + ["ready"] * 7
STATIONS = {"11": 2_480, "31": 3_120, "32": 1_760, "33": 1_480, "37": 940, "44": 2_260, "50": 18_642, "51": 1_140}
STATIONS |= {"15": 480, "42": 620, "52": 1_310, "61": 390, "64": 160, "65": 90, "46": 120, "13": 760}


def of(language: Language) -> dict[str, Any]:
    """Names and numbers of the sheet. Money in fen, power usage in hundredths."""
    days = [Point(f"11-{day:02}", value << 20) for day, value in enumerate(STORED, 7)]
    months = [f"2026-{month:02}" for month in range(4, 12)]
    thirds = [T("写入", "Writes"), T("读取", "Reads"), T("列举", "Lists")]
    return {
        "origin": ORIGIN,
        "from_pue": Plane(base=100),
        "narrow": Plane(narrow=True),
        "days": days,
        "coming": [Point(f"11-{day}", (3_640 + 60 * (day - 20)) << 20) for day in range(21, 27)],
        "limit": Point(T("配额 4 GiB", "Quota 4 GiB").in_(language), 4 << 30),
        "months": [Point(label, value * 1_000) for label, value in zip(months, MONTHS, strict=True)],
        "series": [_series(title, months, 3 - i) for i, title in enumerate(thirds)],
        "halls": [_pue(g, months) for g in GAUGES],
        "limits": [Point(rule.in_(language), limit) for rule, limit in LIMITS],
        "parts": PARTS,
        "gauges": GAUGES,
        "cells": [Cell(f"{i // 2:02}:{i % 2 * 30:02}", state) for i, state in enumerate(HALF_HOURS)],
        "plan": _plan(),
        "now_us": NOW_US,
        "provinces": china(language, STATIONS),
        "happenings": _happenings(language),
        "rows": _rows(language),
        "hundredths": lambda value: formats.decimal(value, 2, 2),
    }


def _series(title: T, months: Sequence[str], weight: int) -> Series:
    return Series(title, [Point(m, v * weight * 40) for m, v in zip(months, MONTHS, strict=True)])


def _pue(g: Gauge, months: Sequence[str]) -> Series:
    wave = (3, 1, 0, 2, 4, 6, 3, 0)
    return Series(g.title, [Point(m, g.value + up) for m, up in zip(months, wave, strict=True)])


def _plan() -> list[Span]:
    return [
        Span(T("需求与选型", "Needs and choice"), NOW_US - 70 * DAY_US, NOW_US - 40 * DAY_US, "ok", T("完成", "done")),
        Span(T("迁移", "Move"), NOW_US - 38 * DAY_US, NOW_US + 12 * DAY_US, "run", T("进行中", "in progress")),
        Span(T("并行运行", "Both in use"), NOW_US - 9 * DAY_US, None, "warn", T("落后", "behind")),
        Span(T("验收", "Acceptance"), NOW_US + 30 * DAY_US, NOW_US + 30 * DAY_US, "off", T("未开始", "not begun")),
    ]


def _happenings(language: Language) -> list[Happening]:
    made, changed, gone = T("创建", "Created"), T("修改", "Changed"), T("开始删除", "Deletion began")
    size, who = T("配额", "Quota"), Named(T("陈晓岚", "Chen Xiaolan").in_(language))
    found = ((changed, "", (size,), 0), (gone, "off", (), 2), (made, "ok", (), 9))
    bucket, nothing = T("存储桶", "Bucket"), Named("")
    return [
        Happening(
            formats.moment(NOW_US - ago * DAY_US, language, NOW_US), mark, verb, bucket, nothing, fields, who, nothing
        )
        for verb, mark, fields, ago in found
    ]


def _rows(language: Language) -> list[list[Shown]]:
    named = (
        (T("企业用电", "Energy of firms"), 3_640 << 20, 33_820),
        (T("调度日志", "Dispatch log"), 128 << 20, 1_207),
        (T("开放表格", "Open tables"), 2 << 20, 18),
    )
    return [
        [Shown(name.in_(language), href="#parts"), Shown(formats.size(held)), Shown(formats.fen(fen))]
        for name, held, fen in named
    ]
