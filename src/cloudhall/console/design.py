"""The sheet of parts: every token, type size, icon, state, part and chart, in the look and language of the visit.

What it shows is invented and says so. It is anybody's: no log-in, and nothing of this installation but its kinds.
Invariant: what the sheet shows is the part that pages use, never a drawing of it.
"""

import re
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import Response

from cloudhall.console import contrast, samples, tokens
from cloudhall.console.assets import STATIC
from cloudhall.console.navigation import plural
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

USES: dict[str, T] = {
    "canvas": T("页面底", "page ground"),
    "surface": T("字段、顶栏、浮层", "fields, top bar, overlays"),
    "sunk": T("当前行、代码、停用的按钮", "current row, code, disabled button"),
    "line": T("行间细线", "hairlines between rows"),
    "line2": T("控件边框、表头线", "borders of controls, table head"),
    "rule": T("节上方的粗线", "rule above a section"),
    "ink": T("正文、数字", "text, figures"),
    "ink2": T("次要的字", "second text"),
    "ink3": T("标签、说明、单位", "labels, captions, units"),
    "accent": T("链接、主要操作、进行中", "links, primary action, in progress"),
    "accenth": T("悬停、按下", "hover and pressed"),
    "asoft": T("选中的行、曲线下的面", "selected row, area under a line"),
    "onaccent": T("强调色上的字", "text on accent"),
    "ok": T("就绪、通过", "ready, passed"),
    "oksoft": T("就绪状态行的底", "ground of an ok line"),
    "warn": T("需注意、临期、配额线", "attention, deadline near, quota lines"),
    "warnsoft": T("注意状态行的底", "ground of an attention line"),
    "bad": T("错误、超限、销毁", "errors, over the limit, destroy"),
    "badsoft": T("错误状态行的底", "ground of an error line"),
    "focus": T("焦点框", "focus ring"),
}
HUES = [T(*words) for words in (("石青", "azurite"), ("赭石", "ochre"), ("松绿", "pine"), ("藕荷", "mauve"))]
HUES += [T(*words) for words in (("天青", "sky"), ("岩灰", "stone"), ("赭褐", "umber"))]
RAMP = T("方格图的第 {n} 级", "step {n} of tile maps")
STATES = {
    "ok": ("ok", T("就绪", "Ready")),
    "run": ("run", T("进行中", "Working")),
    "warn": ("warn", T("需注意", "Needs attention")),
    "bad": ("bad", T("失败", "Failed")),
    "off": ("mute", T("已停用", "Off")),
    "wait": ("mute", T("等待", "Waiting")),
    "unk": ("mute", T("未知", "Unknown")),
}


class Swatch(NamedTuple):
    """One colour: what it is for, and its hex in each look."""

    name: str
    use: T
    hexes: tuple[str, ...]


class Pair(NamedTuple):
    """What must read on a ground, and how well it does in each look."""

    front: str
    ground: str
    least: str
    ratios: tuple[str, ...]


def sheet(visit: "Visit") -> Response:
    """Page of all parts."""
    return visit.page(
        "design.html",
        swatches=swatches(),
        pairs=pairs(),
        types=tokens.TYPES,
        fixed=tokens.FIXED,
        sizes=tokens.SIZES,
        icons=re.findall(r'<symbol id="([a-z-]+)"', (STATIC / "icons.svg").read_text("utf-8")),
        kinds=[(kind.meta.icon, plural(kind.meta)) for kind in visit.kernel.registry],
        states=STATES,
        **samples.of(visit.language),
    )


def swatches() -> list[Swatch]:
    """Colours in the order of the table."""
    uses = USES | {f"c{n}": hue for n, hue in enumerate(HUES, 1)} | {f"q{n}": RAMP.format(n=n) for n in range(1, 6)}
    return [Swatch(name, uses[name], tuple(colour)) for name, colour in tokens.COLOURS.items()]


def pairs() -> list[Pair]:
    """Contrasts as computed now."""
    found = []
    for (front, ground), least in tokens.PAIRS.items():
        hexes = zip(tokens.COLOURS[front], tokens.COLOURS[ground], strict=True)
        ratios = tuple(f"{contrast.ratio(one, other):.1f}" for one, other in hexes)
        found.append(Pair(front, ground, f"{least:.1f}", ratios))
    return found
