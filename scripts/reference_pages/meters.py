"""Meters: unit, method, precision and the test that holds each."""

from cloudhall.kernel.registry import Registry
from cloudhall.kernel.text import T
from reference_pages.markdown import both, code, heading, join, page, table

TITLE = T("计量项", "Meters")
ABOUT = T(
    "每个计量项有单位、方法、精度和验证它的测试。数量以单位的百万分之一计，为整数；存量乘以时间，累计量计一次。",
    "Each meter has a unit, a method, a precision and the test that holds it. Quantities are integers in millionths of "
    "the unit; a level is multiplied by time, a sum counts once.",
)
SHAPES = {"level": T("存量", "level"), "sum": T("累计量", "sum")}


def render(registry: Registry) -> str:
    """Render the page."""
    blocks = []
    for meter in registry.meters.values():
        rows = (
            ("形态 · Shape", both(SHAPES[meter.aggregation])),
            ("单位 · Unit", both(meter.unit)),
            ("最小单位 · Counted in", both(meter.scale)),
            ("方法 · Method", both(meter.method)),
            ("精度 · Precision", both(meter.precision)),
            ("测试 · Test", code(meter.test)),
        )
        blocks.append(join([heading(2, meter.key), f"{both(meter.title)}\n", table(("", ""), rows)]))
    return page(TITLE, ABOUT, *blocks)
