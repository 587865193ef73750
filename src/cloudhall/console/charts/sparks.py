"""Word-sized lines and bars. They stand beside their numbers, which they never replace."""

from collections.abc import Sequence

from markupsafe import Markup

WIDTH, HEIGHT = 72, 20
NEAR_TENTHS = 9


def sparkline(values: Sequence[int]) -> Markup:
    """Draw a line with a dot at its end. Nothing of fewer than two values."""
    if len(values) < 2:
        return Markup("")
    low, high = min(values), max(values)
    span = max(high - low, 1)
    step = (WIDTH - 6) / (len(values) - 1)
    spots = [(round(2 + step * i, 1), round(HEIGHT - 4 - (v - low) * 12 / span, 1)) for i, v in enumerate(values)]
    path = "M" + " L".join(f"{x} {y}" for x, y in spots)
    x, y = spots[-1]
    return Markup(
        '<svg class="spark" viewBox="0 0 {} {}" aria-hidden="true"><path class="curve s1" d="{}"/>'
        '<circle class="c1" cx="{}" cy="{}" r="2"/></svg>'
    ).format(WIDTH, HEIGHT, path, x, y)


def meter(used: int, room: int, added: int = 0) -> Markup:
    """Bar of what is used of a room, and in a lighter shade what a change would add; ochre from 90 %."""
    whole = max(room, used + added, 1)
    before, after = (round(v * 100 / whole, 1) for v in (used, used + added))
    css = "over" if used + added > room else "near" if (used + added) * 10 >= room * NEAR_TENTHS else ""
    return Markup(
        '<svg class="meter {}" aria-hidden="true"><rect class="room" width="100%" height="100%"/>'
        '<rect class="more" width="{}%" height="100%"/><rect class="used" width="{}%" height="100%"/></svg>'
    ).format(css, after, before)
