"""Tables as an Excel workbook (ECMA-376, SpreadsheetML): the few parts that every reader needs, written row by row.

Text is text, never a formula; an integer that a spreadsheet would round (beyond 2^53) is written as text too.
"""

import re
import zipfile
from collections.abc import Iterable, Sequence
from typing import IO, NamedTuple
from xml.sax.saxutils import escape, quoteattr

from cloudhall.kernel.fields import JSON_SAFE_INTEGER

Cell = str | int | None
NOT_XML = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\ufffe\\uffff]")  # XML 1.0, 2.2
TEXT_LENGTH_MAX = 32_767  # of a cell
NAME_LENGTH_MAX = 31  # of a sheet; :\/?*[] are not allowed in it
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
STYLES = (
    f'<styleSheet xmlns="{MAIN}"><fonts count="2"><font><sz val="11"/></font><font><b/><sz val="11"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="2"><xf xfId="0"/><xf xfId="0" fontId="1" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


class Sheet(NamedTuple):
    """One sheet; the first row is its head."""

    name: str
    rows: Iterable[Sequence[Cell]]


def write(file: IO[bytes], sheets: Sequence[Sheet]) -> None:
    """Write a workbook. Memory: a row at a time."""
    numbers = range(1, len(sheets) + 1)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", _types(numbers))
        book.writestr("_rels/.rels", _relations([("officeDocument", "xl/workbook.xml")]))
        book.writestr("xl/workbook.xml", _workbook([sheet.name for sheet in sheets]))
        targets = [*(("worksheet", f"worksheets/sheet{n}.xml") for n in numbers), ("styles", "styles.xml")]
        book.writestr("xl/_rels/workbook.xml.rels", _relations(targets))
        book.writestr("xl/styles.xml", HEAD + STYLES)
        for number, sheet in zip(numbers, sheets, strict=True):
            with book.open(f"xl/worksheets/sheet{number}.xml", "w") as part:
                _write_sheet(part, sheet)


def _write_sheet(part: IO[bytes], sheet: Sheet) -> None:
    frozen = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
    begins = f'<sheetViews><sheetView workbookViewId="0">{frozen}</sheetView></sheetViews><sheetData>'
    part.write(f'{HEAD}<worksheet xmlns="{MAIN}">{begins}'.encode())
    for number, row in enumerate(sheet.rows, 1):
        cells = "".join(_cell(f"{_letters(at)}{number}", value, number == 1) for at, value in enumerate(row))
        part.write(f'<row r="{number}">{cells}</row>'.encode())
    part.write(b"</sheetData></worksheet>")


def _cell(at: str, value: Cell, head: bool) -> str:  # noqa: FBT001  a row's number decides it
    style = ' s="1"' if head else ""
    if value is None or value == "":
        return ""
    if isinstance(value, int) and abs(value) <= JSON_SAFE_INTEGER:
        return f'<c r="{at}"{style}><v>{value}</v></c>'
    text = escape(NOT_XML.sub("\ufffd", str(value))[:TEXT_LENGTH_MAX])
    return f'<c r="{at}" t="inlineStr"{style}><is><t xml:space="preserve">{text}</t></is></c>'


def _letters(column: int) -> str:
    """Name of a column, counted from 0: A to Z, then AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _types(numbers: Iterable[int]) -> str:
    parts = {"/xl/workbook.xml": "sheet.main", "/xl/styles.xml": "styles"}
    parts |= {f"/xl/worksheets/sheet{n}.xml": "worksheet" for n in numbers}
    overrides = "".join(f'<Override PartName="{p}" ContentType="{KIND}.{kind}+xml"/>' for p, kind in parts.items())
    relations = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    plain = '<Default Extension="xml" ContentType="application/xml"/>'
    return f'{HEAD}<Types xmlns="{TYPES}">{relations}{plain}{overrides}</Types>'


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    found = "".join(
        f'<Relationship Id="rId{n}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets, 1)
    )
    return f'{HEAD}<Relationships xmlns="{RELATIONS}">{found}</Relationships>'


def _workbook(names: Sequence[str]) -> str:
    clean = [re.sub(r"[:\\/?*\[\]]", " ", NOT_XML.sub("", name))[:NAME_LENGTH_MAX] for name in names]
    sheets = "".join(f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(clean, 1))
    return f'{HEAD}<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{sheets}</sheets></workbook>'
