"""The kernel put together: registry, store, authority, audit, and the one door for changes and reads."""

import contextlib
import functools
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from cloudhall.kernel import (
    amendments,
    archive,
    audit,
    conservation,
    cosignatures,
    credentials,
    events,
    facts,
    labels,
    levels,
    metering,
    places,
    quotas,
    requests,
    witnesses,
    work,
)
from cloudhall.kernel import bin as bin_
from cloudhall.kernel.archive import History
from cloudhall.kernel.audit import AuditLog, Entry
from cloudhall.kernel.authority import Authority
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.collect import Clock, Collection, Collector
from cloudhall.kernel.commands import Command, Plan, Planner
from cloudhall.kernel.commit import charged, write
from cloudhall.kernel.conservation import AUDIT_S, Auditor
from cloudhall.kernel.errors import CloudhallError, Forbidden
from cloudhall.kernel.keys import Keyring
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.levels import Levels
from cloudhall.kernel.look import Tables
from cloudhall.kernel.reconcile import Reconciler
from cloudhall.kernel.registry import AnyKind, Registry
from cloudhall.kernel.store import Tx, ask_ahead
from cloudhall.kernel.store.keeping import keep_before
from cloudhall.kernel.store.opening import open_store
from cloudhall.kernel.store.revisions import Revision, bring_up
from cloudhall.kernel.store.tables import LIVE, Sort, Where
from cloudhall.kernel.text import T
from cloudhall.kernel.world import World

# Hot tables that are not resources: their SQL stands beside their owner, all of them are listed here.
SCHEMAS = (
    events.SCHEMA,
    places.SCHEMA,
    quotas.SCHEMA,
    work.SCHEMA,
    requests.SCHEMA,
    credentials.SCHEMA,
    labels.SCHEMA,
    audit.SCHEMA,
    facts.SCHEMA,
    cosignatures.SCHEMA,
    metering.SCHEMA,
    amendments.SCHEMA,
    levels.SCHEMA,
    conservation.SCHEMA,
    bin_.SCHEMA,
)
MAKES = re.compile(r"CREATE (?:UNIQUE )?(?:TABLE|INDEX) (?:IF NOT EXISTS )?(\w+)")
CHECKPOINT_S = 1.0
KEYS_S = 5.0  # so long another process may go on with a key that was rotated
NEWEST_FIRST = Sort()
K = TypeVar("K", bound=Kind[Any, Any])


class Answer(msgspec.Struct, frozen=True):
    """What a command did: the resource on the wire, and whether this is the first answer given again."""

    body: dict[str, Any]
    replayed: bool = False


class Kernel:
    """One installation. State changes by commands alone: `execute`, or many at once by `batches` and `bulk`."""

    def __init__(  # noqa: PLR0913  the one place where the parts of an installation meet
        self,
        registry: Registry,
        home: Path,
        *,
        world: World | None = None,
        drivers: Mapping[str, Any] | None = None,
        schemas: Sequence[str] = (),
        revisions: Sequence[Revision] = (),
        collectors: Sequence[Collector] = (),
        database: str = "",
        worker: str = "main",
    ) -> None:
        """Open the installation in `home`, in `database` as `open_store` takes it.

        `schemas` are hot tables of domains, `revisions` what became of those of older releases.
        `worker` names this process among those that work on one database; started again, it takes back what it held.
        """
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.registry, self.home, self.world = registry, home, world or World()
        self.drivers: dict[str, Any] = dict(drivers or {})
        self.collectors = collectors
        self.tables = Tables(tuple(registry))
        self.keys = Keyring.open(home / "keys", self.world)
        self.store = open_store(home, database, self.world)
        with contextlib.ExitStack() as undo:
            undo.callback(self.store.close)
            keep_before(home, database, self.store)
            self.store.write(lambda tx: self._migrate(tx, schemas, revisions)).result()
            self.history = History(home, self.store, self.world)
            self.audit = AuditLog.open(self.keys, self.world)
            self.audit.verify_on_start(self.store.read())
            undo.pop_all()
        self.authority = Authority(registry, self.world)
        policies = facts.Fact(self.authority.policies.digest, self.authority.policies.body)
        self.store.write(lambda tx: facts.store(tx, policies)).result()
        self.reconciler = Reconciler(self, worker)
        self.levels = Levels(self)
        self.auditor = Auditor(self)
        self.clock = Clock()
        self.pricing: Callable[[Plan], dict[str, Any]] | None = None
        self.costs: Callable[[Kind[Any, Any]], dict[str, Any] | None] | None = None
        self.bin_days: Mapping[str, int] = {}
        self.witnesses: tuple[witnesses.Witness, ...] = ()
        self.chores: tuple[tuple[float, str, Callable[[], Any]], ...] = ()
        self.served: Mapping[str, str] = {}
        self.demo_logins: tuple[tuple[str, T, str], ...] = ()

    def start(self) -> None:
        """Begin to reconcile, collect and seal."""
        self.reconciler.start()
        self.clock.every(CHECKPOINT_S, "audit-checkpoint", self.seal)
        self.clock.every(LEVELS_S, "levels", self.levels.collect)
        self.clock.every(CUT_S, "cut-levels", self.levels.cut_all)
        self.clock.every(3_600, "forget-answers", self._forget)
        self.clock.every(KEYS_S, "keys", self.keys.refresh)
        self.clock.every(AUDIT_S, "conservation", self.auditor.look)
        self.clock.every(SWEEP_S, "sweep", self.reconciler.sweep)
        self.clock.every(archive.EVERY_S, "archive", self.history.turn)
        for witness in self.witnesses:
            self.clock.every(
                witnesses.EVERY_S, f"witness {witness.name}", functools.partial(witnesses.ask, self, witness)
            )
        for every_s, name, run in self.chores:
            self.clock.every(every_s, name, run)
        for collector in self.collectors:
            self.clock.every(collector.every_s, collector.name, lambda c=collector: self.collect(c))  # type: ignore[misc]  # bound in the default

    def stop(self) -> None:
        """Finish what is in hand, seal the log, close the store."""
        self.clock.stop()
        for collector in self.collectors:
            with contextlib.suppress(CloudhallError):  # an engine that no longer answers leaves a gap, not a hang
                self.collect(collector, last=True)
        self.reconciler.stop()
        with contextlib.suppress(CloudhallError):  # on a full disk the next start seals what is in the log
            self.seal()
        self.store.close()

    def execute(self, caller: Caller, command: Command) -> "Future[Answer]":
        """Plan and commit a command under the write lock; the future is done when the answer is durable.

        Whatever is refused is refused by the future; a denial once it is in the log.
        """
        request = requests.fingerprint(
            command.kind.meta.key,
            command.verb,
            command.place,
            command.target,
            command.name,
            command.labels,
            command.spec,
            command.args,
        )
        future: Future[Answer] = Future()
        written = self.store.write(lambda tx: self._write(tx, caller, command, request))
        written.add_done_callback(lambda done: self._settle(future, done, caller, command))
        return future

    def plan(self, caller: Caller, command: Command) -> Plan:
        """Decide a command without writing: the dry run. Fails exactly as the real one would."""
        return Planner(self, self.store.read(), caller).plan(command)

    def find(self, caller: Caller, kind: type[K], target: str, place: str = "") -> K:
        """One resource by name or id; `NotFound` also for what is hidden."""
        return Planner(self, self.store.read(), caller).find(kind, target, place)

    def page(
        self,
        caller: Caller,
        kind: AnyKind,
        where: Where = LIVE,
        sort: Sort = NEWEST_FIRST,
        after: Sequence[Any] | None = None,
        limit: int = 100,
    ) -> list[Kind[Any, Any]]:
        """One page of what the caller may see."""
        tx = self.store.read()
        return self.tables[kind].page(tx, where, sort, after, limit, self.authority.visible(tx, caller, kind))

    def count(self, caller: Caller, kind: AnyKind, where: Where = LIVE, most: int | None = None) -> int:
        """How many the caller may see; with `most` no further than that is counted."""
        tx = self.store.read()
        return self.tables[kind].count(tx, where, self.authority.visible(tx, caller, kind), most)

    def facet(self, caller: Caller, kind: AnyKind, column: str, where: Where = LIVE) -> list[tuple[Any, int]]:
        """Values of an index column with counts, among what the caller may see."""
        tx = self.store.read()
        return self.tables[kind].facet(tx, where, column, among=self.authority.visible(tx, caller, kind))

    def note(self, entry: Entry) -> "Future[int]":
        """Append an audit leaf that belongs to no change: a log-in, a denial, a read of graded data."""
        return self.store.write(lambda tx: self.audit.append(tx, entry))

    def seal(self) -> None:
        """Sign a checkpoint over what is in the log."""
        self.audit.keep(self.store.write(self.audit.checkpoint).result())

    def collect(self, collector: Collector, *, last: bool = False) -> None:
        """Run one collector and write what it found, in one transaction; `last` before an orderly stop."""
        position = metering.position(self.store.read(), collector.name)
        found = collector.collect(Collection(self, msgspec.json.decode(position) if position else {}, last=last))

        def write(tx: Tx) -> None:
            cursor = metering.MeterCursor(collector.name, msgspec.json.encode(found.position).decode())
            metering.record(tx, found.readings, found.gaps, cursor, now_us=self.world.now_us())
            if found.also:
                found.also(tx)
            for kind, id_ in found.wake:
                work.due_now(tx, kind, id_, self.world.now_us())

        self.store.write(write).result()

    def _settle(self, future: "Future[Answer]", done: "Future[Answer]", caller: Caller, command: Command) -> None:
        """Pass the outcome on; a denial once it is in the log. Nobody blocks: this is the writer's thread."""
        error = done.exception()
        if isinstance(error, Forbidden):
            self.note(denied(caller, command, error)).add_done_callback(lambda _: future.set_exception(error))
        elif error is not None:
            future.set_exception(error)
        else:
            future.set_result(done.result())

    def _write(self, tx: Tx, caller: Caller, command: Command, request: bytes) -> Answer:
        now_us, planner = self.world.now_us(), Planner(self, tx, caller)
        first = [requests.question(caller, command.key, now_us)] if command.key else []
        ask_ahead(tx, [*first, *planner.questions(command)])
        if command.key and (known := requests.recall(tx, self.keys, caller, command.key, request, now_us)):
            return Answer(known, replayed=True)
        plan = planner.plan(command)
        with charged(tx, plan):
            body = write(self, tx, plan)
            if command.key:
                requests.store(tx, self.keys, caller, command.key, request, body, now_us)
        return Answer(body)

    def _migrate(self, tx: Tx, schemas: Sequence[str], revisions: Sequence[Revision]) -> None:
        """Do what became of old tables, then make what is missing: hot tables, tables of kinds, columns of indexes."""
        dialect = self.store.dialect
        bring_up(tx, dialect, revisions)
        there = {name for (name,) in tx.execute(dialect.made)}
        for statement in (s for schema in (*SCHEMAS, *schemas) for s in schema.split(";") if s.strip()):
            made = MAKES.match(statement.strip())
            if made is None or made[1] not in there:
                tx.execute(dialect.render(statement))
        for table in self.tables.by_kind.values():
            table.prepare(tx, dialect)
        if "label" not in there:
            labels.fill(tx, self.tables.by_kind.values())

    def _forget(self) -> None:
        self.store.write(lambda tx: requests.forget_expired(tx, self.world.now_us())).result()


LEVELS_S = 5.0
CUT_S = 3_600.0
SWEEP_S = 86_400.0


def denied(caller: Caller, command: Command, denial: Forbidden) -> Entry:
    """Name the resource and place by id, as the refusal knows them, so that their histories hold the denial."""
    return Entry(
        actor=caller.id,
        action=f"{command.kind.meta.key}:{command.verb}",
        phase="denied",
        kind=command.kind.meta.key,
        resource=str(denial.details.get("resource") or command.target or command.name or ""),
        project=str(denial.details.get("place") or command.place),
        request=caller.request,
        reason=denial.reason,
        **denial.ruling,
    )
