"""One connection to PostgreSQL, at the level of libpq: statements prepared once, values as bytes, rows as tuples.

A statement that a create repeats takes about 19 µs here against 37 through a cursor of psycopg, and every one of them
is run under the lock of the whole installation. Integers go as 64 bits, so that one text is prepared once whatever its
numbers; text and bytes go as they are. A connection that broke raises `Lost` and is of no more use.
"""

import contextlib
import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from select import POLLIN, poll
from typing import Any, NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGresult

from cloudhall.kernel.store import IntegrityError, Question
from cloudhall.kernel.store.dialect import numbered
from cloudhall.kernel.store.rows import Rows

CONNECT_S = 5
PREPARED_MAX = 256  # a connection; what is asked less often is parsed again
BATCH = 100  # statements sent before an answer is read: their answers fit the socket's buffer
# Where the way to the server breaks without a word, somebody must notice (milliseconds).
DEFAULTS: Mapping[str, Any] = {
    "connect_timeout": CONNECT_S,
    "application_name": "cloudhall",
    "tcp_user_timeout": 10_000,
}
INT8, TEXT, BYTEA, UNKNOWN = 20, 25, 17, 0  # type numbers of PostgreSQL (pg_type.dat)
COPIED = 500  # rows of a COPY that are sent in one piece
_ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_INTEGRITY = "23"  # class of SQLSTATE
_PREPARED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")


class Lost(Exception):
    """The connection is gone; whether a commit in its last words was heard, nobody here knows."""


class Refused(Exception):
    """The server says no, and why: `state` is its SQLSTATE."""

    def __init__(self, state: str, text: str) -> None:
        super().__init__(text)
        self.state = state


class Sent:
    """A statement without rows that is on its way: whoever asks for its count waits for it."""

    __slots__ = ("_count", "_session")

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._count: int | None = None

    @property
    def rowcount(self) -> int:
        """Rows written."""
        if self._count is None:
            self._session.flush()
        assert self._count is not None
        return self._count

    @rowcount.setter
    def rowcount(self, count: int) -> None:
        self._count = count

    def __iter__(self) -> Iterator[Any]:
        """None."""
        return iter(())

    def fetchone(self) -> Any:
        """None."""
        return None

    def fetchall(self) -> list[Any]:
        """None."""
        return []


class _Waiting(NamedTuple):
    """A statement that is to be sent: under its name where it is prepared, else as text."""

    name: bytes
    text: bytes
    values: list[bytes | None]
    sent: Sent


class _Bound(NamedTuple):
    """Parameters as they travel."""

    types: tuple[int, ...]
    values: list[bytes | None]


class Session:
    """One connection; one thread at a time."""

    def __init__(self, url: str, settings: str = "") -> None:
        """Connect; raises `Lost`. `settings` are statements such as `SET lock_timeout = 30000`."""
        try:
            info = make_conninfo("", **{**DEFAULTS, **conninfo_to_dict(url), "client_encoding": "UTF8"})
            self._connection = psycopg.connect(info, autocommit=True)
        except psycopg.Error as error:
            raise Lost(str(error).strip()) from error
        self._libpq = self._connection.pgconn
        self._libpq.nonblocking = 0  # what is sent is sent; libpq reads meanwhile where the server waits for that
        self.backend = self._libpq.backend_pid  # the server's process for this connection; known also when it is gone
        self._waiting: list[_Waiting] = []
        self._socket = self._libpq.socket  # once the connection is broken, libpq does not tell it any more
        self._ready = poll()
        self._ready.register(self._socket, POLLIN)
        self.alive = True
        self._names = (f"s{n}".encode() for n in itertools.count())
        self._prepared: OrderedDict[tuple[str, tuple[int, ...]], bytes] = OrderedDict()
        try:
            self.control(settings or "SELECT 1")
        except (Lost, Refused):
            self.close()
            raise

    @property
    def server_version(self) -> int:
        """Major version."""
        return self._libpq.server_version // 10_000

    def fileno(self) -> int:
        """Socket to wait at for notices."""
        return self._socket

    def notices(self) -> set[int]:
        """Backends that have sent a NOTIFY which came in since the last look; raises `Lost`."""
        with self._breaking():
            self._libpq.consume_input()
        return {notice.be_pid for notice in iter(self._libpq.notifies, None)}

    def control(self, sql: str) -> Rows:
        """Run one statement or several without parameters; answers the rows of the last."""
        self.flush()
        return _rows(self._call(self._libpq.exec_, sql.encode()))

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """Run one statement, after all that wait to be sent."""
        types, values = _bound(parameters)
        formats = [1] * len(values)
        if not sql.lstrip().startswith(_PREPARED):
            self.flush()
            return _rows(self._call(self._libpq.exec_params, numbered(sql).encode(), values, types, formats))
        name = self._name(sql, types)
        if not self._waiting:
            return _rows(self._call(self._libpq.exec_prepared, name, values, formats))
        self._waiting.append(_Waiting(name, b"", values, Sent(self)))
        return _rows(self._pipelined()[-1])

    def execute_all(self, questions: Sequence[Question]) -> list[Rows]:
        """Run statements that read, after all that wait to be sent, in one round trip."""
        bound = [_bound(parameters) for _, parameters in questions]
        names = [self._name(sql, types) for (sql, _), (types, _) in zip(questions, bound, strict=True)]
        self._waiting += [_Waiting(name, b"", b.values, Sent(self)) for name, b in zip(names, bound, strict=True)]
        return [_rows(result) for result in self._pipelined()[-len(questions) :]] if questions else []

    def send(self, sql: str, parameters: Sequence[Any] = ()) -> Sent:
        """Let a statement without rows wait for the next that has some; its error is raised there, or by `flush`."""
        types, values = _bound(parameters)
        name = self._name(sql, types) if sql.lstrip().startswith(_PREPARED) else b""
        waiting = _Waiting(name, b"" if name else sql.encode(), values, Sent(self))
        self._waiting.append(waiting)
        if len(self._waiting) >= BATCH:
            self.flush()
        return waiting.sent

    def flush(self) -> None:
        """Send what waits, and hear what became of it."""
        if self._waiting:
            self._pipelined()

    def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> Rows:
        """Run one statement for many parameter rows, without waiting for each."""
        sent = [self.send(sql, row) for row in parameters]
        return Rows((), sum(one.rowcount for one in sent))

    def copy(self, table: str, parameters: Sequence[Sequence[Any]]) -> Rows:
        """Write many rows, of every column of a table in its order, as one stream."""
        pieces = ["".join(map(_line, parameters[n : n + COPIED])).encode() for n in range(0, len(parameters), COPIED)]
        self.flush()
        with self._breaking():
            begun = self._libpq.exec_(f"COPY {table} FROM STDIN".encode())
            if begun.status != ExecStatus.COPY_IN:
                _checked(begun)
            for piece in pieces:
                self._libpq.put_copy_data(piece)
            self._libpq.put_copy_end()
            result, *_ = list(iter(self._libpq.get_result, None))
            return _rows(_checked(result))

    def close(self) -> None:
        """Hang up; twice is once."""
        self._connection.close()

    def _name(self, sql: str, types: tuple[int, ...]) -> bytes:
        """Name of the prepared statement, prepared where it is not; the least used is forgotten."""
        key = (sql, types)
        if (name := self._prepared.get(key)) is not None:
            self._prepared.move_to_end(key)
            return name
        self.flush()
        name = next(self._names)
        self._call(self._libpq.prepare, name, numbered(sql).encode(), types)
        self._prepared[key] = name
        if len(self._prepared) > PREPARED_MAX:
            _, forgotten = self._prepared.popitem(last=False)
            self.control(f"DEALLOCATE {forgotten.decode()}")
        return name

    def _pipelined(self) -> list[PGresult]:
        """Send all that waits, then read all; answers the results, or raises why the first was refused."""
        waiting, self._waiting = self._waiting, []
        with self._breaking():
            self._libpq.enter_pipeline_mode()
            for name, text, values, _ in waiting:
                if name:
                    self._libpq.send_query_prepared(name, values, [1] * len(values))
                else:
                    self._libpq.send_query_params(text, values)
            self._libpq.pipeline_sync()
            results = list(self._results())
            for one, result in zip(waiting, results, strict=False):
                one.sent.rowcount = _checked(result).command_tuples or 0
        return results

    def _results(self) -> Iterator[PGresult]:
        """What comes back up to the sync, after which the pipeline is left; raises `Lost` where it never comes."""
        before: PGresult | None = None
        while True:
            while self._libpq.is_busy():  # waits without holding up other threads, as reading a result would
                self._ready.poll()
                self._libpq.consume_input()
            result = self._libpq.get_result()
            if result is None and before is None:  # one None ends a statement, two end all there was
                raise Lost(self._libpq.get_error_message())
            if result is not None and result.status == ExecStatus.PIPELINE_SYNC:
                break
            if result is not None:
                yield result
            before = result
        self._libpq.exit_pipeline_mode()

    def _call(self, run: Callable[..., PGresult], *arguments: Any) -> PGresult:
        with self._breaking():
            return _checked(run(*arguments))

    @contextlib.contextmanager
    def _breaking(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.OperationalError, Lost) as error:
            self.alive = False
            raise Lost(str(error).strip()) from error


def _checked(result: PGresult) -> PGresult:
    """Raise what the server refused."""
    if result.status in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
        return result
    state = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
    text = (result.error_field(DiagnosticField.MESSAGE_PRIMARY) or result.error_message).decode(errors="replace")
    severity = result.error_field(DiagnosticField.SEVERITY_NONLOCALIZED) or b"FATAL"
    if severity in (b"FATAL", b"PANIC"):  # or no word from the server at all
        raise Lost(text.strip())
    raise IntegrityError(text) if state.startswith(_INTEGRITY) else Refused(state, text)


def _bound(parameters: Sequence[Any]) -> _Bound:
    types: list[int] = []
    values: list[bytes | None] = []
    for value in parameters:
        match value:
            case str():
                types.append(TEXT)
                values.append(value.encode())
            case int():  # also True and False, which are 1 and 0 in either database
                types.append(INT8)
                values.append(int(value).to_bytes(8, "big", signed=True))
            case bytes():
                types.append(BYTEA)
                values.append(value)
            case None:
                types.append(UNKNOWN)
                values.append(None)
            case _:
                raise TypeError(f"no parameter of a statement: {type(value).__name__}")
    return _Bound(tuple(types), values)


def _line(row: Sequence[Any]) -> str:
    """Row as COPY takes it: a line of text, tabs between the columns."""
    return "\t".join([value.translate(_ESCAPED) if isinstance(value, str) else _plain(value) for value in row]) + "\n"


def _plain(value: Any) -> str:
    match value:
        case None:
            return r"\N"
        case bytes():
            return rf"\\x{value.hex()}"
        case int():
            return str(int(value))
    raise TypeError(f"no parameter of a statement: {type(value).__name__}")


def _unhexed(value: bytes) -> bytes:
    return bytes.fromhex(value[2:].decode())


_LOADERS: dict[int, Callable[[bytes], Any]] = {
    16: b"t".__eq__,
    17: _unhexed,
    20: int,
    21: int,
    23: int,
    1700: int,  # a sum of 64-bit integers
}


def _rows(result: PGresult) -> Rows:
    loaders = [_LOADERS.get(result.ftype(n), bytes.decode) for n in range(result.nfields)]
    get = result.get_value
    columns = list(enumerate(loaders))
    rows = [
        tuple([None if (value := get(row, n)) is None else load(value) for n, load in columns])
        for row in range(result.ntuples)
    ]
    return Rows(rows, result.command_tuples or 0)
