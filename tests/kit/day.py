"""A day of an installation in a minute: all that its clock calls is called at its time, in one thread, from a seed.

The machine's clock moves by `run`, and jumps by `jump` as when somebody sets it: the world answers as `World` does, so
its time never runs backwards. Clients go on meanwhile, with the object store in memory; the process is killed now and
then, and a worker that has claimed rows dies with them. Turns come at most every `STEP_S`, not every second.
"""

import datetime
import random
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from cloudhall import installation
from cloudhall.domains.identity import demo as people
from cloudhall.domains.identity import sessions
from cloudhall.domains.identity.founding import founding
from cloudhall.domains.identity.token import Token
from cloudhall.domains.market import demo as prices
from cloudhall.domains.storage.access_key import AccessKey
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.drivers.objects import Key
from cloudhall.kernel import work
from cloudhall.kernel.archive import Limits
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.errors import Unauthenticated
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.reconcile import Reconciler
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.world import SECOND_US, Simulated, World
from tests.kit.objects import MemoryObjects, Refused

STEP_S = 30
HOUR_S = 3_600
PROJECT = "economic-monitoring"
DEVELOPER = "chen-xiaolan"
MIB = 1 << 20
ARCHIVED_AT_ONCE = 200  # revisions a file
WAIT_S = 20


class Jumping(Simulated):
    """A simulated machine: `ticks_us` only moves on, the wall clock is what somebody set it to."""

    def __init__(self, seed: int, start_us: int) -> None:
        self.ticks_us, self.wall_us = 0, start_us
        super().__init__(seed, start_us)

    def now_us(self) -> int:
        """What `World` makes of such a machine; a look takes two microseconds, for time may go at half its pace."""
        self.ticks_us, self.wall_us = self.ticks_us + 2, self.wall_us + 2
        return World.now_us(self)

    def advance(self, seconds: float) -> None:
        """Let time go by."""
        self.ticks_us += round(seconds * SECOND_US)
        self.wall_us += round(seconds * SECOND_US)

    def jump(self, seconds: float) -> None:
        """Set the clock."""
        self.wall_us += round(seconds * SECOND_US)

    def _wall_us(self) -> int:
        return self.wall_us

    def _ticks_us(self) -> int:
        return self.ticks_us


class Turn(NamedTuple):
    """Something that the kernel has called every so often."""

    every_s: float
    run: Callable[[], object]


class Turns:
    """In place of the kernel's clock: the same, called in order, by the ticks of the simulated machine."""

    def __init__(self, machine: Jumping) -> None:
        self._machine = machine
        self._due: dict[str, tuple[int, Turn]] = {}

    def every(self, seconds: float, name: str, run: Callable[[], object]) -> None:
        """Note it; it is due at once, as in a thread of its own."""
        self._due[name] = (self._machine.ticks_us, Turn(seconds, run))

    def run(self) -> None:
        """Call what is due."""
        for name, (due_us, turn) in self._due.items():
            if due_us <= self._machine.ticks_us:
                turn.run()
                self._due[name] = (self._machine.ticks_us + round(turn.every_s * SECOND_US), turn)


class Credential(NamedTuple):
    """A secret and until when it is good, in the world's time."""

    secret: str
    until_us: int


class Day:
    """The demonstration city's people and prices, with clients that use what they rent."""

    def __init__(self, home: Path, seed: int, start: datetime.datetime) -> None:
        self.home, self.chance = home, random.Random(seed)  # noqa: S311  replayable on purpose
        self.machine = Jumping(seed, round(start.timestamp()) * SECOND_US)
        self.objects = MemoryObjects(self.machine)
        self.used: Counter[tuple[str, str]] = Counter()  # requests and bytes, by bucket and meter
        self.keys: dict[str, tuple[str, Key]] = {}
        self.credentials: list[Credential] = []
        self.wrong: list[str] = []
        self.kernel = self._opened()
        with founding(self.kernel) as founder:
            people.seed(self.kernel, founder)
            prices.seed(self.kernel, founder)
        self.log_in()
        for n in range(3):
            self.rent(f"bucket-{n}")

    def close(self) -> None:
        """Close the store."""
        self.kernel.store.close()

    def run(self, hours: float) -> None:
        """Let the machine live so long, set its clock now and then, and judge what can be judged at any time."""
        ends_us = self.machine.ticks_us + round(hours * HOUR_S * SECOND_US)
        while self.machine.ticks_us < ends_us:
            self.machine.advance(STEP_S)
            self._live()
            self.turns.run()
            self.kernel.reconciler.run_due()
            self._check_credentials()

    def jump(self, hours: float) -> None:
        """Set the clock on or back."""
        self.machine.jump(hours * HOUR_S)

    def settle(self) -> None:
        """Give whatever waits for a retry or a lease its time, and collect what was used last."""
        for _ in range(10):
            self.machine.advance(work.BACKOFF_CAP_S / 10)
            self.kernel.reconciler.run_due()
        for collector in self.kernel.collectors:
            self.kernel.collect(collector)
        self.kernel.levels.collect()

    def log_in(self) -> None:
        """A session, and a token that lasts some hours."""
        secret, _ = sessions.login(self.kernel, DEVELOPER, people.PASSWORD)
        self.credentials.append(Credential(secret, self.machine.now_us() + sessions.SESSION_US))
        self.caller = sessions.authenticate(self.kernel, secret)
        until_us = self.machine.now_us() + self.chance.randrange(1, 9) * HOUR_S * SECOND_US
        at = datetime.datetime.fromtimestamp(until_us // SECOND_US, datetime.UTC)
        spec = {"scopes": ["*:read"], "expires_at": at.isoformat()}
        made = self.do(Token, "create", place="economy-information", spec=spec)
        self.credentials.append(Credential(made["secret"], until_us // SECOND_US * SECOND_US))

    def rent(self, name: str) -> None:
        """A bucket with a key."""
        bucket = self.do(Bucket, "create", name=name, place=PROJECT, spec={"quota_gib": 1, "grade": "open"})
        key = self.do(AccessKey, "create", place=PROJECT, spec={"bucket": bucket["id"]})
        self.keys[bucket["id"]] = (name, Key(key["id"], key["secret"]))

    def do(self, kind: AnyKind, verb: str, **what: Any) -> Mapping[str, Any]:
        """Execute a command as the developer."""
        command = Command(kind=kind, verb=verb, **what)
        return self.kernel.execute(self.caller, command).result(WAIT_S).body

    def _opened(self) -> Kernel:
        """Open the installation; its loops are run by hand."""
        kernel = installation.open_kernel(
            self.home, {**installation.drivers(self.home), "objects": self.objects}, self.machine
        )
        kernel.history.limits, kernel.history.width = Limits(kept_days=0, kept_rows=0), ARCHIVED_AT_ONCE
        self.turns = Turns(self.machine)
        kernel.clock = self.turns  # type: ignore[assignment]  # the same to whoever asks to be called
        with mock.patch.object(Reconciler, "start"):
            kernel.start()
        kernel.store.write(lambda tx: work.release(tx, kernel.reconciler.owner)).result(WAIT_S)
        return kernel

    def _live(self) -> None:
        """Clients read and write; now and then somebody logs in, or the process is killed, or a worker is."""
        for _ in range(self.chance.randrange(3)):
            self._use(*self.chance.choice(list(self.keys.items())))
        match self.chance.randrange(200):
            case 0:
                self.kernel.store.close()
                self.kernel = self._opened()
            case 1:
                Reconciler(self.kernel, "a worker that dies")._claim()
            case 2:
                self.log_in()

    def _use(self, bucket: str, rented: tuple[str, Key]) -> None:
        name, key = rented
        try:
            self.objects.put(key, name, f"{self.chance.randrange(20)}", self.chance.randrange(1, MIB))
            self.used[bucket, "storage.requests_a"] += 1
            read = self.chance.choice(self.objects.names(key, name))
            self.used[bucket, "storage.sent_bytes"] += self.objects.get(key, name, read)
            self.used[bucket, "storage.requests_b"] += 1
        except Refused:
            assert not self.kernel.tables[Bucket].get(self.kernel.store.read(), bucket).ready  # type: ignore[union-attr]  # buckets stay

    def _check_credentials(self) -> None:
        """Each is good until its time in the world has come, and never again."""
        for credential in self.credentials:
            before_us = self.machine.now_us()
            good = _authenticated(self.kernel, credential.secret) is not None
            if good != (before_us < credential.until_us) and good != (self.machine.now_us() < credential.until_us):
                self.wrong.append(f"at {before_us} a credential until {credential.until_us} is {good}")


def _authenticated(kernel: Kernel, secret: str) -> Caller | None:
    try:
        return sessions.authenticate(kernel, secret)
    except Unauthenticated:
        return None
