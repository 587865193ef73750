"""The identities file of a running engine: replaced whole, signalled, proven.

A change is believed when the engine was asked: the file's own marker key must be known (then all of the file is in
force), each key that went must be refused, each that came must be known, each right that was withdrawn must be
refused on its bucket. None of these probes is billed to a tenant: an answer of 403 counts nowhere, and every right
answer here is one.

Invariant: a name that ever was in the file since the engine started stays in it, as a tombstone at least.
"""

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cloudhall.drivers.objects import IdentitiesSet, Identity, Key, digest
from cloudhall.drivers.objects.identities import MARKER, Row, check, granted, render, row
from cloudhall.drivers.objects.weed_home import write_private
from cloudhall.drivers.objects.weed_requests import NOWHERE, Answer
from cloudhall.kernel.errors import Unavailable

PROOF_S = 2.0
"""A reload takes 4-25 ms, 0.6 s with 10,000 identities (measured)."""
POLL_S = 0.005
FORBIDDEN = 403
UNKNOWN = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch"})
USES = {
    "Read": ("GET", "/{bucket}?location"),
    "Write": ("DELETE", "/{bucket}/none?uploadId=none"),
    "List": ("GET", "/{bucket}?list-type=2&max-keys=0"),
}
"""A request that needs just this action and changes nothing."""


class Probe(NamedTuple):
    """One question to the engine: is the key of this identity known? It must be refused in any case."""

    name: str
    key: Key
    known: bool
    method: str = "GET"
    path: str = NOWHERE

    def passes(self, answer: Answer) -> bool:
        """Whether the answer is the wanted one."""
        return answer.status == FORBIDDEN and (answer.code not in UNKNOWN) == self.known


class IdentityFile:
    """The file at `path`; `ask` puts a request to the engine, `signal` makes it read the file again.

    While the engine does not run (`runs`), nothing is open to proof: it reads the file when it starts.
    A new one holds our own key `admin` alone: what tenants may do comes from `set`, never from an earlier run.
    """

    def __init__(
        self,
        path: Path,
        *,
        ask: Callable[[Key, str, str], Answer],
        signal: Callable[[], None],
        admin: Key | None = None,
        runs: Callable[[], bool] = lambda: True,
    ) -> None:
        self.admin = admin or new_admin()
        self._runs = runs
        self._path = path
        self._ask = ask
        self._signal = signal
        self._lock = threading.Lock()
        self._content, _ = render((), admin=self.admin)
        self._ever: set[str] = set()
        self._proven: dict[str, Row] = {}
        self._open: list[Probe] = []
        self._digest = ""
        write_private(path, self._content)

    def set(self, identities: Sequence[Identity]) -> IdentitiesSet:
        """See `Objects.set_identities`. Proven and unchanged bytes cause neither write, signal nor probe."""
        check(identities)
        live = {identity.name: row(identity) for identity in identities}
        with self._lock:
            self._ever |= set(live)
            gone = (Row(name) for name in self._ever - set(live))
            content, marker = render([*live.values(), *gone], admin=self.admin)
            if content != self._content or self._read() != content:
                write_private(self._path, content)
                self._content = content
                self._open = [Probe(MARKER, marker, known=True), *probes(self._proven, live)]
            self._prove()
            if not self._open:
                self._proven = live
            self._digest = digest(identities)
            failed = tuple(sorted({probe.name for probe in self._open}))
            return IdentitiesSet(self._digest, in_step=not failed, failed=failed)

    def digest(self) -> str:
        """Digest of what is in force; empty when unproven, or when the file is not what we wrote."""
        with self._lock:
            return "" if self._open or self._read() != self._content else self._digest

    def in_force(self) -> dict[str, frozenset[str]]:
        """Rights by key as the file has them, whoever wrote it; our own key is not in."""
        with self._lock:
            return granted(self._read(), self.admin)

    def _prove(self) -> None:
        """Signal, then put each open probe until it passes or the time is over; what is left stays open.

        A key that only came and was not reached in time is believed by the marker, which is the first probe.
        """
        if not self._runs():
            self._open = []
        if not self._open:
            return
        self._signal()
        deadline = time.monotonic() + PROOF_S
        self._open = [probe for probe in self._open if not self._passes(probe, deadline)]
        if self._open and self._open[0].name != MARKER:
            self._open = [probe for probe in self._open if not probe.known or probe.path != NOWHERE]

    def _passes(self, probe: Probe, deadline: float) -> bool:
        while time.monotonic() < deadline:
            with contextlib.suppress(Unavailable):
                if probe.passes(self._ask(probe.key, probe.method, probe.path)):
                    return True
            time.sleep(POLL_S)
        return False

    def _read(self) -> bytes:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return b""


def new_admin() -> Key:
    """A key for ourselves, which nobody else ever holds."""
    return Key(f"admin-{secrets.token_hex(8)}", secrets.token_hex(32))


def probes(before: Mapping[str, Row], after: Mapping[str, Row]) -> Iterator[Probe]:
    """Questions that a change raises: first what must be refused by now, then what must be known."""
    for name, old in before.items():
        new = after.get(name, Row(name))
        yield from (Probe(name, key, known=False) for key in _keys(old) if key not in _keys(new))
        for action in sorted(set(old.actions) - set(new.actions)):
            kind, _, bucket = action.partition(":")
            if kind in USES:
                method, path = USES[kind]
                yield from (
                    Probe(name, key, known=True, method=method, path=path.format(bucket=bucket)) for key in _keys(new)
                )
    for name, new in after.items():
        old = before.get(name, Row(name))
        yield from (Probe(name, key, known=True) for key in _keys(new) if key not in _keys(old))


def _keys(of: Row) -> list[Key]:
    return [Key(credential.access_key, credential.secret_key) for credential in of.credentials]
