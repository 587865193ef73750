"""Reading traces: machines with lifetimes, nodes and tasks with graphics processors, machines of a NUMA queue.

A file is read whole or not at all; what cannot be read is named by file, line and column. Sizes are rounded up to whole
thousandths of a core and whole MiB, so that a machine never gets less than its trace says; so are seconds.
"""

import csv
import difflib
import functools
import gzip
import math
from array import array
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, NoReturn, TextIO

import numpy as np

from cloudhall.domains.compute.placement.columns import Ints
from cloudhall.kernel.errors import Invalid, NotFound
from cloudhall.kernel.text import T

Parse = Callable[[str], int]
NUMBER_MAX = (1 << 31) - 1
MIB_A_GB = 1024
SHORTEST_LIFE_S = 150
"""Bin 0 means "under 5 minutes": its middle. With a life of 0 a departure would come before its own arrival."""
TO_THE_END = -1


class Machines(NamedTuple):
    """One entry a machine, in the order of the file. `life_s` is `TO_THE_END` where it outlives the trace."""

    batch: Ints
    arrival_s: Ints
    cpu_milli: Ints
    memory_mib: Ints
    life_s: Ints


class Nodes(NamedTuple):
    """One entry a node; `model` counts from 0 in `models`, -1 where the node has no graphics processor."""

    cpu_milli: Ints
    memory_mib: Ints
    gpus: Ints
    model: Ints
    models: tuple[str, ...]


class Tasks(NamedTuple):
    """One entry a task; `spec` counts in `specs`, each a tuple of models that will do (empty: any)."""

    cpu_milli: Ints
    memory_mib: Ints
    gpus: Ints
    gpu_milli: Ints
    spec: Ints
    specs: tuple[tuple[str, ...], ...]


def read_machines(folder: Path) -> Machines:
    """Read `vms.csv.gz` (or `vms.csv`): batch_id, arrival_s, cpu, mem_gb, life_lo_s, life_hi_s, censored.

    A lifetime is the middle of its bin. 1 s for 259,159 machines.
    """
    batch, arrival_s, cpu_milli, memory_mib, low_s, high_s, censored = _read(
        _vms_of(folder),
        {
            "batch_id": whole,
            "arrival_s": whole,
            "cpu": thousandths,
            "mem_gb": mebibytes,
            "life_lo_s": whole,
            "life_hi_s": whole,
            "censored": flag,
        },
    )
    life_s = np.maximum((low_s + high_s) // 2, SHORTEST_LIFE_S)
    return Machines(batch, arrival_s, cpu_milli, memory_mib, np.where(censored > 0, TO_THE_END, life_s))


def read_queue(folder: Path) -> Machines:
    """Read `vms.csv.gz` of the NUMA form: vmid, cpu, mem (GB), at, lt (s). Each machine is a batch of its own."""
    _, cpu_milli, memory_mib, arrival_s, life_s = _read(
        _vms_of(folder), {"vmid": word, "cpu": thousandths, "mem": mebibytes, "at": seconds, "lt": seconds}
    )
    return Machines(np.arange(len(arrival_s)), arrival_s, cpu_milli, memory_mib, life_s)


def read_starts(path: Path, machines: int) -> list[int]:
    """Read rows at which a queue starts, one a line, counted from 0; each below `machines`."""
    starts = []
    with _opened(path) as file:
        for line, text in enumerate(file, 1):
            row = _parsed(path, line, "", whole, text.strip())
            if row >= machines:
                _refuse(path, line, "", T(f"第 {row} 行不在 {machines} 行之内", f"row {row} of {machines}"))
            starts.append(row)
    return starts


def read_nodes(path: Path) -> Nodes:
    """Read nodes: cpu_milli, memory_mib, gpu, model."""
    models: dict[str, int] = {"": -1}
    cpu_milli, memory_mib, gpus, model = _read(
        path, {"cpu_milli": whole, "memory_mib": whole, "gpu": whole, "model": _numbering(models, first=0)}
    )
    return Nodes(cpu_milli, memory_mib, gpus, model, tuple(models)[1:])


def read_tasks(path: Path) -> Tasks:
    """Read tasks: cpu_milli, memory_mib, num_gpu, gpu_milli, gpu_spec (`A|B`, empty: any model)."""
    specs: dict[str, int] = {"": 0}
    cpu_milli, memory_mib, gpus, gpu_milli, spec = _read(
        path,
        {
            "cpu_milli": whole,
            "memory_mib": whole,
            "num_gpu": whole,
            "gpu_milli": whole,
            "gpu_spec": _numbering(specs, first=1),
        },
    )
    return Tasks(cpu_milli, memory_mib, gpus, gpu_milli, spec, tuple(tuple(filter(None, s.split("|"))) for s in specs))


@functools.cache
def whole(text: str) -> int:
    """Read a whole number from 0 to 2**31 - 1."""
    return _bounded(int(text))


@functools.cache
def thousandths(text: str) -> int:
    """Read a decimal number as thousandths, rounded up."""
    return _bounded(math.ceil(Decimal(text) * 1000))


@functools.cache
def mebibytes(text: str) -> int:
    """Read GB as MiB, rounded up."""
    return _bounded(math.ceil(Decimal(text) * MIB_A_GB))


@functools.cache
def seconds(text: str) -> int:
    """Read seconds, rounded up."""
    return _bounded(math.ceil(Decimal(text)))


def flag(text: str) -> int:
    """Read 0 or 1."""
    return ("0", "1").index(text)


def word(text: str) -> int:
    """Accept any word; its value is not used."""
    return bool(text)


def _bounded(value: int) -> int:
    if not 0 <= value <= NUMBER_MAX:
        raise ValueError(value)
    return value


def _numbering(known: dict[str, int], *, first: int) -> Parse:
    """Number words in order of appearance, from `first` on."""

    def number(text: str) -> int:
        return known.setdefault(text, len(known) - 1 + first)

    return number


def _vms_of(folder: Path) -> Path:
    packed = folder / "vms.csv.gz"
    return packed if packed.exists() else folder / "vms.csv"


def _opened(path: Path) -> TextIO:
    if not path.is_file():
        raise NotFound(T(f"没有文件 {path}", f"there is no file {path}"), mend=T("核对路径", "check the path"))
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _read(path: Path, columns: dict[str, Parse]) -> list[Ints]:
    """Columns of a CSV file in the order asked for; others in the file are skipped."""
    values = [array("q") for _ in columns]
    with _opened(path) as file:
        rows = _rows(path, file)
        header = next(rows, (1, []))[1]
        places = [_place(path, header, name) for name in columns]
        plan = list(zip(columns, places, columns.values(), values, strict=True))
        for line, row in rows:
            if len(row) != len(header):
                found, wanted = len(row), len(header)
                _refuse(path, line, "", T(f"有 {found} 列，应为 {wanted} 列", f"{found} of {wanted} columns"))
            try:
                for _, place, parse, out in plan:
                    out.append(parse(row[place]))
            except (ValueError, ArithmeticError):
                for name, place, parse, _ in plan:
                    _parsed(path, line, name, parse, row[place])
    return [np.array(out, np.int64) for out in values]


def _rows(path: Path, file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Rows with their line; what is no CSV, no UTF-8 or no gzip is told with the line up to which it was."""
    reader = csv.reader(file)
    try:
        for row in reader:
            yield reader.line_num, row
    except (csv.Error, OSError, EOFError, UnicodeDecodeError) as error:
        _refuse(path, reader.line_num + 1, "", T(f"读不下去：{error}", f"cannot be read: {error}"))


def _place(path: Path, header: Sequence[str], name: str) -> int:
    if name not in header:
        near = difflib.get_close_matches(name, header, 1)
        mend = T(f"是否指 {near[0]}？", f"did you mean {near[0]}?") if near else None
        _refuse(path, 1, name, T("缺少这一列", "this column is missing"), mend)
    return header.index(name)


def _parsed(path: Path, line: int, column: str, parse: Parse, text: str) -> int:
    try:
        return parse(text)
    except (ValueError, ArithmeticError):
        _refuse(path, line, column, T(f"“{text}”不能用", f"{text!r} cannot be used"))


def _refuse(path: Path, line: int, column: str, what: T, mend: T | None = None) -> NoReturn:
    zh, en = (f"，{column} 列", f", column {column}") if column else ("", "")
    raise Invalid(
        T(f"{path} 第 {line} 行{zh}：{what.zh}", f"{path} line {line}{en}: {what.en}"),
        mend=mend or T("改正后再读；什么也没有读入", "mend it and read again; nothing was taken in"),
        file=str(path),
        line=line,
        column=column,
    )
