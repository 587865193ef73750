"""A fleet from a table, a row a host: CSV or Parquet.

    name, cpu_milli, memory_mib                      must be there
    region, centre, hall, rack                       names of domains; hosts are put in their order of appearance
    cores_milli, tier, gpus, paired                  whole numbers, 0 where missing; `paired` 1 has two NUMA nodes
    labels                                           words with `;` between them

Sizes are physical; `pools` says what of them is sold. A file is read whole or not at all; what cannot be read is named
by file, line and column.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from cloudhall.domains.compute.placement.columns import Ints
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.labels import Labels
from cloudhall.kernel.errors import CloudhallError, Invalid
from cloudhall.kernel.text import T

SIZES = ("cpu_milli", "memory_mib")
NUMBERS = (*SIZES, "cores_milli", "tier", "gpus", "paired")
DOMAINS = ("region", "centre", "hall", "rack")
MOST = {"gpus": 8, "paired": 1, "tier": 31}
NUMBER_MAX = (1 << 31) - 1
Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Overcommit:
    """What is sold of a host: `floor(shared cores * percent / 100) - reserve`, memory less its reserve, never below 0.

    Dedicated cores and memory are never sold twice.
    """

    cpu_percent: int = 100
    reserve_cpu_milli: int = 0
    reserve_memory_mib: int = 0

    def sold(self, cpu_milli: int, memory_mib: int) -> tuple[int, int]:
        """Cores and memory to be sold."""
        cpu = cpu_milli * self.cpu_percent // 100 - self.reserve_cpu_milli
        return max(cpu, 0), max(memory_mib - self.reserve_memory_mib, 0)


def read_fleet(path: Path, pools: Mapping[str, Overcommit] | None = None) -> Fleet:
    """Read a fleet; `pools` by label of the pool, `""` for all others. 2 s for 300,000 hosts."""
    rows = list(_parquet(path) if path.suffix == ".parquet" else _csv(path))
    order = _topology_order(rows)
    rows = [rows[number] for number in order]
    columns = {name: [_number(path, line, row, name) for line, row in rows] for name in NUMBERS}
    labels, bits = Labels(), []
    for line, row in rows:
        try:
            bits.append(sum({labels.add(name) for name in row.get("labels", "").split(";") if name}))
        except CloudhallError as error:
            _refuse(path, line, "labels", error.text)
    for number, (_, row) in enumerate(rows):
        pool = next((name for name in row.get("labels", "").split(";") if name in (pools or {})), "")
        sold = (pools or {}).get(pool, Overcommit()).sold(columns["cpu_milli"][number], columns["memory_mib"][number])
        columns["cpu_milli"][number], columns["memory_mib"][number] = sold
    names = _names(path, rows)
    region, centre, hall, rack = (_numbered(rows, DOMAINS[: depth + 1]) for depth in range(len(DOMAINS)))
    arrays = {name: np.array(values, np.int64) for name, values in columns.items()}
    return Fleet.from_arrays(
        **arrays,
        rack=rack,
        hall=hall,
        centre=centre,
        region=region,
        labels=labels,
        label_bits=np.array(bits, np.int64),
        names=names,
    )


def _csv(path: Path) -> Iterator[tuple[int, Row]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        _check_header(path, header)
        try:
            for row in reader:
                if len(row) != len(header):
                    found, wanted = len(row), len(header)
                    _refuse(
                        path, reader.line_num, "", T(f"有 {found} 列，应为 {wanted} 列", f"{found} of {wanted} columns")
                    )
                yield reader.line_num, dict(zip(header, row, strict=True))
        except (csv.Error, UnicodeDecodeError) as error:
            _refuse(path, reader.line_num + 1, "", T(f"读不下去：{error}", f"cannot be read: {error}"))


def _parquet(path: Path) -> Iterator[tuple[int, Row]]:
    import duckdb

    try:
        with duckdb.connect() as database:
            table = database.read_parquet(str(path))
            header, rows = table.columns, table.fetchall()
    except duckdb.Error as error:
        _refuse(path, 1, "", T(f"读不下去：{error}", f"cannot be read: {error}"))
    _check_header(path, header)
    for number, row in enumerate(rows, 1):
        yield number, {name: "" if value is None else str(value) for name, value in zip(header, row, strict=True)}


def _check_header(path: Path, header: Sequence[str]) -> None:
    for name in ("name", *SIZES):
        if name not in header:
            _refuse(path, 1, name, T("缺少这一列", "this column is missing"))


def _topology_order(rows: list[tuple[int, Row]]) -> list[int]:
    """Rows of a domain side by side; domains in the order in which they appear."""
    ranks: list[dict[tuple[str, ...], int]] = [{} for _ in DOMAINS]
    keys = []
    for _, row in rows:
        path = tuple(row.get(name, "") for name in DOMAINS)
        keys.append(tuple(rank.setdefault(path[: depth + 1], len(rank)) for depth, rank in enumerate(ranks)))
    return sorted(range(len(rows)), key=keys.__getitem__)


def _numbered(rows: list[tuple[int, Row]], names: Iterable[str]) -> Ints:
    known: dict[tuple[str, ...], int] = {}
    paths = (tuple(row.get(name, "") for name in names) for _, row in rows)
    return np.array([known.setdefault(path, len(known)) for path in paths], np.int64)


def _names(path: Path, rows: list[tuple[int, Row]]) -> list[str]:
    first: dict[str, int] = {}
    for line, row in rows:
        if not row["name"] or row["name"] in first:
            known = first.get(row["name"], 0)
            _refuse(
                path,
                line,
                "name",
                T(f"主机名为空或与第 {known} 行重复", f"no host name, or that of line {known} again"),
            )
        first[row["name"]] = line
    return list(first)


def _number(path: Path, line: int, row: Row, name: str) -> int:
    text, most = row.get(name, "") or "0", MOST.get(name, NUMBER_MAX)
    value = int(text) if text.isascii() and text.isdigit() else -1
    if not (name in SIZES) <= value <= most:
        _refuse(
            path,
            line,
            name,
            T(f"“{text}”不是 {int(name in SIZES)} 到 {most} 的整数", f"{text!r} is no number up to {most}"),
        )
    return value


def _refuse(path: Path, line: int, column: str, what: T) -> NoReturn:
    zh, en = (f"，{column} 列", f", column {column}") if column else ("", "")
    raise Invalid(
        T(f"{path} 第 {line} 行{zh}：{what.zh}", f"{path} line {line}{en}: {what.en}"),
        mend=T("改正后再读；什么也没有读入", "mend it and read again; nothing was taken in"),
        file=str(path),
        line=line,
        column=column,
    )
