"""How numbers, money, sizes and times read in each language. Pure functions of integers.

Invariants: minus is U+2212; money has two decimals, its unit behind it in Chinese and before it in English; sizes are
binary; times are those of Asia/Shanghai, which keeps UTC+8 without summer time since 1991 (IANA tz database).
"""

import datetime
from typing import NamedTuple

from cloudhall.kernel.text import Language, T
from cloudhall.kernel.world import SECOND_US

ZONE = datetime.timezone(datetime.timedelta(hours=8))
ZONE_NAME = T("北京时间", "UTC+8")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WEEKDAYS_ZH = "一二三四五六日"
WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SIZES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
STEP = 1_024


class Moment(NamedTuple):
    """One time, ready to be shown: `short` in a table, `full` in its title, `iso` for machines."""

    short: str
    full: str
    iso: str


def number(value: int) -> str:
    """Write a whole number in groups of three: `−1,234,567`."""
    return f"{value:,}".replace("-", "−")


def counted(value: int, most: int) -> str:
    """Write a number that was counted no further than `most`: `10,000+` stands for that many or more."""
    return number(value) if value < most else f"{number(most)}+"


def decimal(scaled: int, scale: int, places: int, *, least: int | None = None) -> str:
    """`scaled / 10**scale` half away from zero to `places`; zeros behind `least` places are left out."""
    if places < scale:
        step = 10 ** (scale - places)
        scaled = (abs(scaled) + step // 2) // step * (1 if scaled >= 0 else -1)
    else:
        scaled *= 10 ** (places - scale)
    whole, part = divmod(abs(scaled), 10**places)
    digits = f"{part:0{places}}" if places else ""
    if least is not None:
        digits = digits[:least] + digits[least:].rstrip("0")
    sign = "−" if scaled < 0 else ""
    return f"{sign}{whole:,}.{digits}" if digits else f"{sign}{whole:,}"


def fen(value: int) -> str:
    """Money without its unit, for a column that names it: `48,216.37`."""
    return decimal(value, 2, 2)


def amount(value: int, language: Language) -> str:
    """Money with its unit: `48,216.37 元`, `¥48,216.37`."""
    return _yuan(fen(value), language)


def unit_price(nano_yuan: int, language: Language) -> str:
    """Unit price with two to nine decimals: `0.0015 元`, `¥0.0015`."""
    return _yuan(decimal(nano_yuan, 9, 9, least=2), language)


def quantity(micro: int, places: int = 6) -> str:
    """Metered quantity from millionths, without needless zeros: `2,588.8`."""
    return decimal(micro, 6, places, least=0)


def size(count: int) -> str:
    """Bytes in the largest binary unit that leaves a whole part: `3.64 TiB`, `128.3 GiB`, `512 B`."""
    power = 0
    while power < len(SIZES) - 1 and abs(count) >= STEP ** (power + 1):
        power += 1
    if power == 0:
        return f"{number(count)} B"
    places = 2 if abs(count) < 10 * STEP**power else 1
    return f"{decimal(count * 10**places // STEP**power, places, places)} {SIZES[power]}"


def share(part: int, whole: int) -> str:
    """Return a share in per cent with one decimal; `0.0%` of nothing."""
    return decimal(part * 1_000 // whole if whole else 0, 1, 1) + "%"


def moment(at_us: int, language: Language, now_us: int) -> Moment:
    """Today as `10:24`, this year as `11-20` or `20 Nov 10:24`, before as the full date."""
    at, now = local(at_us), local(now_us)
    zone = ZONE_NAME.in_(language)
    full = f"{at:%Y-%m-%d %H:%M:%S} {zone}" if language == "zh" else f"{_day_en(at)} {at:%H:%M:%S} {zone}"
    return Moment(_short(at, now, language), full, at.isoformat())


def clock(at_us: int, language: Language) -> str:
    """Date and time to the minute, always whole: `2026-11-20 10:24`, `20 Nov 2026, 10:24`."""
    at = local(at_us)
    return f"{at:%Y-%m-%d %H:%M}" if language == "zh" else f"{_day_en(at)}, {at:%H:%M}"


def precise(at_us: int) -> str:
    """To the millisecond, for audit: `2026-11-20 09:30:12.418`."""
    return f"{local(at_us):%Y-%m-%d %H:%M:%S}.{at_us % SECOND_US // 1_000:03}"


def day(at_us: int, language: Language) -> str:
    """Return the date as it stands in prose: `2026年11月20日 周五`, `Fri 20 Nov 2026`."""
    at = local(at_us)
    if language == "zh":
        return f"{at.year}年{at.month}月{at.day}日 周{WEEKDAYS_ZH[at.weekday()]}"
    return f"{WEEKDAYS_EN[at.weekday()]} {_day_en(at)}"


def local(at_us: int) -> datetime.datetime:
    """Microseconds UTC as a time in Asia/Shanghai."""
    return datetime.datetime.fromtimestamp(at_us // SECOND_US, ZONE)


def _short(at: datetime.datetime, now: datetime.datetime, language: Language) -> str:
    if at.date() == now.date():
        return f"{at:%H:%M}"
    if language == "zh":
        return f"{at:%m-%d}" if at.year == now.year else f"{at:%Y-%m-%d}"
    return f"{at.day} {MONTHS[at.month - 1]} {at:%H:%M}" if at.year == now.year else _day_en(at)


def _day_en(at: datetime.datetime) -> str:
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}"


def _yuan(text: str, language: Language) -> str:
    if language == "zh":
        return f"{text} 元"
    return f"−¥{text[1:]}" if text.startswith("−") else f"¥{text}"
