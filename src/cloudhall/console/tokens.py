"""Design tokens: colour, type, size, radius, elevation and motion, once, for every look.

`python -m cloudhall.console.tokens` writes `static/tokens.css`, and the mark in its square as `static/favicon.svg`.
Names say what a token is for, not which hue it has. Invariants: no template and no other style sheet names a colour;
every pair of `PAIRS` reads at its least contrast in all looks; the written files are what this table says.
"""

import re
from typing import NamedTuple

from cloudhall.console.assets import STATIC

FILE, FAVICON = STATIC / "tokens.css", STATIC / "favicon.svg"
LOOKS = ("light", "dark", "high")


class Colour(NamedTuple):
    """One token in the three looks, as sRGB hex."""

    light: str
    dark: str
    high: str


COLOURS: dict[str, Colour] = {
    "canvas": Colour("#F6F5F0", "#121518", "#FFFFFF"),
    "surface": Colour("#FFFFFF", "#191D21", "#FFFFFF"),
    "sunk": Colour("#EFEDE6", "#0E1114", "#F2F2F2"),
    "line": Colour("#DEDBD1", "#2D343A", "#5A5A5A"),
    "line2": Colour("#87857B", "#75808A", "#000000"),
    "rule": Colour("#1B1E20", "#66717A", "#000000"),
    "ink": Colour("#1B1E20", "#E8E9E6", "#000000"),
    "ink2": Colour("#474C4F", "#B9BFC1", "#000000"),
    "ink3": Colour("#63686A", "#939BA0", "#2B2B2B"),
    "accent": Colour("#14577F", "#83BADD", "#003C6E"),
    "accenth": Colour("#0D4060", "#A6CFEA", "#00264A"),
    "asoft": Colour("#E3EDF3", "#18303F", "#DCEBF7"),
    "onaccent": Colour("#FFFFFF", "#0B1A25", "#FFFFFF"),
    "ok": Colour("#1C6B44", "#7DC89C", "#004D25"),
    "oksoft": Colour("#E2EFE7", "#14301F", "#E0F2E6"),
    "warn": Colour("#7F5000", "#E2B25C", "#5C3500"),
    "warnsoft": Colour("#F8ECD3", "#352809", "#FFF0CC"),
    "bad": Colour("#A82A1C", "#F29484", "#8F0F00"),
    "badsoft": Colour("#F9E4E0", "#3D1B15", "#FFE4DF"),
    "focus": Colour("#14577F", "#A6CFEA", "#000000"),
    "c1": Colour("#14577F", "#83BADD", "#003C6E"),
    "c2": Colour("#B98112", "#E7B338", "#835D0B"),
    "c3": Colour("#359467", "#6FE0AB", "#30845C"),
    "c4": Colour("#96627F", "#AA738B", "#5B4255"),
    "c5": Colour("#6D90B0", "#3F79AB", "#547189"),
    "c6": Colour("#5C5951", "#EFE9DD", "#302F2A"),
    "c7": Colour("#4E241B", "#A8583C", "#66331E"),
    "q1": Colour("#E3EDF3", "#18303F", "#DCEBF7"),
    "q2": Colour("#B7D0E0", "#214B66", "#9CC4E2"),
    "q3": Colour("#7CABC8", "#2C6389", "#4E8FBD"),
    "q4": Colour("#2F6E97", "#5C9AC4", "#1B5F94"),
    "q5": Colour("#14577F", "#A6CFEA", "#003C6E"),
}
TEXT, SHAPE = 4.5, 3.0  # WCAG 2.2, 1.4.3 and 1.4.11
PAIRS: dict[tuple[str, str], float] = {  # (what is on it, ground): least contrast
    **{("ink", ground): TEXT for ground in ("canvas", "surface", "sunk", "asoft")},
    ("ink2", "canvas"): TEXT,
    **{("ink3", ground): TEXT for ground in ("canvas", "surface", "sunk", "asoft", "oksoft", "warnsoft", "badsoft")},
    **{("accent", ground): TEXT for ground in ("canvas", "surface", "asoft")},
    ("onaccent", "accent"): TEXT,
    **{(state, ground): TEXT for state in ("ok", "warn", "bad") for ground in ("canvas", f"{state}soft")},
    **{("ink", step): TEXT for step in ("q1", "q2", "q3")},
    **{("onaccent", step): TEXT for step in ("q4", "q5")},
    **{("line2", ground): SHAPE for ground in ("surface", "canvas")},
    **{(f"c{n}", "canvas"): SHAPE for n in range(1, 8)},
}


class Type(NamedTuple):
    """One role of type: weight, size and line in px for Chinese, line for English, size and line in large type."""

    weight: int
    size: float
    line: int
    line_en: int
    large: int
    line_large: int


TYPES: dict[str, Type] = {
    "figure": Type(700, 26, 32, 32, 34, 42),
    "headline": Type(700, 32, 46, 44, 40, 56),
    "h1": Type(700, 22, 30, 30, 28, 40),
    "h2": Type(700, 15, 24, 22, 21, 32),
    "body": Type(400, 14, 22, 20, 18, 30),
    "table": Type(400, 13, 20, 19, 18, 28),
    "cap": Type(400, 12, 18, 17, 16, 25),
    "code": Type(400, 12.5, 20, 20, 16, 26),
    "chart": Type(400, 11, 14, 14, 15, 20),
}
PHONE = {"body": (15, 24), "table": (14, 21)}
SIZES = {  # name: (normal, large type)
    "control": ("32px", "44px"),
    "small": ("26px", "44px"),
    "field": ("36px", "44px"),
    "row": ("36px", "62px"),
    "item": ("28px", "42px"),
    "facet": ("25px", "38px"),
    "top": ("48px", "64px"),
    "side": ("200px", "232px"),
    "icon": ("16px", "20px"),
}
FIXED = {  # what no look changes
    "r-chip": "3px",
    "r-button": "4px",
    "r-table": "6px",
    "r-overlay": "8px",
    "e-toast": "0 4px 16px rgba(0, 0, 0, 0.12)",
    "e-overlay": "0 12px 40px rgba(0, 0, 0, 0.28)",
    "m-hover": "120ms ease-out",
    "m-overlay": "160ms ease-out",
    "m-progress": "300ms linear",
    "s-section": "22px",
    "s-column": "40px",
}
EDGES, EDGES_PHONE = ("24px", "32px"), ("16px", "16px")
# Names first: on Debian `system-ui` and `sans-serif` resolve to DejaVu, a tenth wider than these.
SANS = (
    '"PingFang SC", "HarmonyOS Sans SC", "MiSans", "Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC", '
    '"WenQuanYi Micro Hei", sans-serif'
)
SANS_EN = '"Inter", "SF Pro Text", "Segoe UI", "Noto Sans", "Noto Sans CJK SC", sans-serif'
MONO = '"SF Mono", "Cascadia Mono", "Noto Sans Mono CJK SC", "DejaVu Sans Mono", monospace'


def render() -> str:
    """Whole style sheet: light, then dark and contrast by system and by choice, then large type, phone, print."""
    dark = [*_colours("dark"), "color-scheme: dark;", "--scrim: rgba(0, 0, 0, 0.6);"]
    high = [*_colours("high"), "color-scheme: light;", "--scrim: rgba(0, 0, 0, 0.6);", "--ring: 3px;"]
    return "\n".join(
        [
            "/* Written by `python -m cloudhall.console.tokens`; the table stands in tokens.py. */",
            _rule(":root", [*_base(), *_types("line"), *_sizes(0), *_fixed(), *_edges(EDGES)]),
            _rule(":root:lang(en)", [f"--sans: {SANS_EN};", *_types("line_en")]),
            _media("(prefers-color-scheme: dark)", _rule(':root[data-look="system"]', dark)),
            _rule(':root[data-look="dark"]', dark),
            _media("(prefers-contrast: more)", _rule(':root[data-look="system"]', high)),
            _rule(':root[data-contrast="high"]', high),
            _rule(':root[data-type="large"]', [*_types("line_large"), *_sizes(1)]),
            _media("(max-width: 959.98px)", _rule(":root", _edges(EDGES_PHONE))),
            _media("(max-width: 639.98px)", _rule(':root:not([data-type="large"])', _phone())),
            _media("print", _rule(":root:root", [*_colours("light"), "color-scheme: light;"])),
        ]
    )


def _base() -> list[str]:
    light = [*_colours("light"), "color-scheme: light;", "--scrim: rgba(27, 30, 32, 0.42);", "--ring: 2px;"]
    return [*light, f"--sans: {SANS};", f"--mono: {MONO};"]


def _colours(look: str) -> list[str]:
    return [f"--{name}: {getattr(colour, look)};" for name, colour in COLOURS.items()]


def _types(line: str) -> list[str]:
    size = "large" if line == "line_large" else "size"
    return [_font(name, t.weight, getattr(t, size), getattr(t, line)) for name, t in TYPES.items()]


def _phone() -> list[str]:
    return [_font(name, TYPES[name].weight, size, line) for name, (size, line) in PHONE.items()]


def _font(name: str, weight: int, size: float, line: int) -> str:
    family = "mono" if name == "code" else "sans"
    return f"--t-{name}: {weight} {size}px/{line}px var(--{family});"


def _sizes(which: int) -> list[str]:
    return [f"--{name}: {both[which]};" for name, both in SIZES.items()]


def _fixed() -> list[str]:
    return [f"--{name}: {value};" for name, value in FIXED.items()]


def _edges(edges: tuple[str, str]) -> list[str]:
    return [f"--edge-left: {edges[0]};", f"--edge-right: {edges[1]};"]


def _rule(selector: str, lines: list[str]) -> str:
    return f"{selector} {{\n" + "".join(f"  {line}\n" for line in lines) + "}"


def _media(query: str, rule: str) -> str:
    return f"@media {query} {{\n{rule}\n}}"


def favicon() -> str:
    """Return the mark in a square of 22 % radius, in the look of the system; it is shown at 16 to 32 px."""
    symbols = (STATIC / "icons.svg").read_text("utf-8")
    drawn = re.search(r'<symbol id="mark-small"[^>]*>(.*?)</symbol>', symbols)
    assert drawn
    square, mark = COLOURS["accent"], COLOURS["onaccent"]
    dark = f"@media(prefers-color-scheme:dark){{rect{{fill:{square.dark}}}g{{stroke:{mark.dark}}}}}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><style>{dark}</style>'
        f'<rect width="32" height="32" rx="7" fill="{square.light}"/><g transform="translate(4 3.2)" fill="none" '
        f'stroke="{mark.light}" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round">{drawn[1]}</g>'
        "</svg>\n"
    )


if __name__ == "__main__":
    FILE.write_text(render() + "\n", encoding="utf-8")
    FAVICON.write_text(favicon(), encoding="utf-8")
