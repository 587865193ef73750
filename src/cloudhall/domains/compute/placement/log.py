"""The decision log: what was decided, appended, and repeated on a snapshot without deciding again.

A file is a row of frames: 4 bytes of kind, length and CRC-32 of what follows. `DEFN` is JSON, a request class or groups
as they were declared; `DECN` is entries of six 32-bit integers. Definitions come before the entries that use them. A
torn last frame, as a crash leaves it, is dropped; one that is wrong further up is an error.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement import ledger
from cloudhall.domains.compute.placement.columns import Small
from cloudhall.domains.compute.placement.engine import Engine
from cloudhall.domains.compute.placement.groups import Rule
from cloudhall.domains.compute.placement.jit import compiled, shared
from cloudhall.domains.compute.placement.ledger import Books
from cloudhall.domains.compute.placement.request import Request
from cloudhall.kernel.errors import Conflict, Invalid
from cloudhall.kernel.text import T

HEADER = struct.Struct("<4sII")
DEFINITION, DECISIONS = b"DEFN", b"DECN"


class Log:
    """Appends what an engine decides from now on; `flush` makes it durable. A full buffer flushes by itself.

    A file that is there is gone on with: whoever has replayed it stands where it ends. What a crash tore off its end is
    cut away first, or the frames behind it could not be read.
    """

    def __init__(self, engine: Engine, path: Path) -> None:
        self._engine = engine
        self._file = path.open("ab")
        self._file.truncate(_whole_bytes(path))
        self._classes, self._groups = len(engine.state.requests), len(engine.state.rules)
        engine.state.books.totals[[at.T_LOGGED, at.T_LOGGING]] = 0, 1
        engine.on_log_full = self.flush
        self._write(DEFINITION, msgspec.json.encode({"begins": _standing(engine)}))

    def flush(self) -> None:
        """Write what was decided since the last time, and sync the file."""
        state = self._engine.state
        for request in state.requests[self._classes :]:
            self._write(DEFINITION, msgspec.json.encode({"request": request}))
        for rules in state.rules[self._groups :]:
            self._write(DEFINITION, msgspec.json.encode({"rules": rules}))
        self._classes, self._groups = len(state.requests), len(state.rules)
        count = int(state.books.totals[at.T_LOGGED])
        if count:
            self._write(DECISIONS, state.books.log[:count].tobytes())
            state.books.totals[at.T_LOGGED] = 0
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Flush, and log no more."""
        self.flush()
        self._engine.state.books.totals[at.T_LOGGING] = 0
        self._engine.on_log_full = None
        self._file.close()

    def _write(self, kind: bytes, payload: bytes) -> None:
        self._file.write(HEADER.pack(kind, len(payload), zlib.crc32(payload)) + payload)


def replay(engine: Engine, path: Path) -> int:
    """Repeat a log on the state that it began on; answers the number of decisions. `Conflict` where it does not fit."""
    done = 0
    for kind, payload in _frames(path):
        if kind == DEFINITION:
            _define(engine, msgspec.json.decode(payload))
            continue
        entries = np.frombuffer(payload, np.int32).reshape(-1, at.LOG_COLUMNS)
        again = compiled(repeat) if engine.compiled else repeat
        first = 0
        while first < len(entries):
            engine.state.reserve_rows()
            reached = again(engine.state.books, entries, first)
            if reached == first:
                raise Conflict(
                    T(
                        f"{path} 第 {done + first} 条决定与现状不符",
                        f"decision {done + first} of {path} does not fit the state",
                    ),
                    mend=T("从记录开始时的快照重放", "replay on the snapshot that the log began on"),
                )
            first = reached
        done += len(entries)
    return done


@shared
def repeat(books: Books, entries: Small, first: int) -> int:
    """Repeat entries from `first` on; answers the first that cannot be: no row is free, or it does not fit."""
    for number in range(first, len(entries)):
        what, row, host, word = (entries[number, 0], entries[number, 1], entries[number, 2], entries[number, 3])
        if what == at.LABELLED:
            ledger.relabel(books, host, at.DRAINED | at.FAILED, word)
            continue
        live = row < len(books.allocs) and books.allocs[row, at.HOST] >= 0
        if what == at.ENDED:
            if not live:
                return number
            ledger.end(books, row)
            continue
        if live:
            ledger.lift(books, row)
        else:
            if books.totals[at.T_FREE] != row or books.totals[at.T_SERIAL] % ledger.SERIALS != entries[number, 5]:
                return number
            ledger.open_row(books, entries[number, 4])
        ledger.settle(books, row, host, word & (at.CLASSES_MAX - 1), word >> at.CLASS_BITS)
    return len(entries)


def _standing(engine: Engine) -> list[int]:
    """What tells states apart that follow each other: machines placed so far, and live."""
    totals = engine.state.books.totals
    return [int(totals[at.T_SERIAL]), int(totals[at.T_LIVE])]


def _define(engine: Engine, definition: dict[str, object]) -> None:
    if "begins" in definition and definition["begins"] != _standing(engine):
        raise Conflict(
            T("记录不是从这一状态开始的", "the log did not begin on this state"),
            mend=T("从记录开始时的快照重放", "replay on the snapshot that the log began on"),
        )
    if "request" in definition:
        engine.class_of(msgspec.convert(definition["request"], Request))
    if "rules" in definition:
        engine.declare_group(msgspec.convert(definition["rules"], list[Rule]))


def _whole_bytes(path: Path) -> int:
    return sum(HEADER.size + len(payload) for _, payload in _frames(path))


def _frames(path: Path) -> Iterator[tuple[bytes, bytes]]:
    data, offset = memoryview(path.read_bytes()), 0
    while offset + HEADER.size <= len(data):
        kind, length, checksum = HEADER.unpack_from(data, offset)
        payload = bytes(data[offset + HEADER.size : offset + HEADER.size + length])
        last = offset + HEADER.size + length >= len(data)
        if kind not in (DEFINITION, DECISIONS) or len(payload) < length or zlib.crc32(payload) != checksum:
            if last:
                return
            raise Invalid(
                T(f"{path} 第 {offset} 字节处已损坏", f"{path} is damaged at byte {offset}"),
                mend=T("用备份替换，或从更新的快照开始", "replace it from a backup, or begin with a later snapshot"),
            )
        yield kind, payload
        offset += HEADER.size + length
