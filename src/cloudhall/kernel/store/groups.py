"""What both dialects share: one thread that takes what is queued and commits it as one group.

Invariants: every change goes through `write`; a write is acknowledged only after its transaction is on disk, a refusal
not before either, so whoever hears of one sees all that was committed beside it; functions handed to `write` run alone,
one after the other, each in a savepoint of its own, so that one that fails takes nothing of its neighbours along;
whatever happens to the writer, nobody waits for ever. While one group is synced the next one gathers, which is all the
batching there is: a lone write never waits.
"""

import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

from cloudhall.kernel.store import Tx, moment, troubles
from cloudhall.kernel.world import World

GROUP_SIZE_MAX = 64
R = TypeVar("R")


class _Answer(NamedTuple):
    result: Any = None
    error: BaseException | None = None


class _Job(NamedTuple):
    run: Callable[[Tx], Any]
    future: "Future[Any]"

    def end(self, answer: _Answer) -> None:
        if answer.error is None:
            self.future.set_result(answer.result)
        else:
            self.future.set_exception(answer.error)


class GroupStore(ABC):
    """A store whose writer is a thread. A dialect says how a transaction begins, ends and is undone."""

    def __init__(self, world: World) -> None:
        """`world` holds the fault points `store.commit:before` and `:after`."""
        self.world = world
        self.on_commit: list[Callable[[], None]] = []
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closing = False
        self._door = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)

    def write(self, run: Callable[[Tx], R]) -> "Future[R]":
        """Queue a change; the future is done when it is durable, or carries what `run` raised.

        `run` must not go on after an error of one of its own statements: the transaction may be gone with it.
        """
        future: Future[R] = Future()
        moment.end()
        with self._door:
            if self._closing:
                future.set_exception(troubles.stopping())
            else:
                self._jobs.put(_Job(run, future))
        return future

    def close(self) -> None:
        """Finish what is queued, then close; a later write is refused, and closing twice is closing once."""
        with self._door:
            if self._closing:
                return
            self._closing = True
            self._jobs.put(None)
        self._thread.join()
        self._close()

    @abstractmethod
    def _begin(self) -> Tx:
        """Begin a transaction in which nobody else writes, in any process."""

    @abstractmethod
    def _end(self) -> None:
        """Commit."""

    @abstractmethod
    def _undo(self) -> None:
        """Roll back what there is; never raises."""

    @abstractmethod
    def _open(self) -> bool:
        """Whether the transaction is still there."""

    @abstractmethod
    def _told(self, error: BaseException) -> BaseException:
        """What the caller hears: its own error, or that the database failed."""

    @abstractmethod
    def _close(self) -> None:
        """Let go of the database; the writer's thread has ended."""

    def _run(self) -> None:
        while (first := self._jobs.get()) is not None:
            group = [first]
            stop = False
            while len(group) < GROUP_SIZE_MAX and not self._jobs.empty():
                job = self._jobs.get()
                if job is None:
                    stop = True
                    break
                group.append(job)
            self._commit(group)
            if stop:
                return

    def _commit(self, group: list[_Job]) -> None:
        try:
            tx = self._begin()
            answers = [self._one(tx, job) for job in group]
            self.world.fault("store.commit:before")
            self._end()
            self.world.fault("store.commit:after")
        except BaseException as error:  # noqa: BLE001  whatever it was, those who wait are told
            self._undo()
            for job in group:
                job.future.set_exception(self._told(error))
            return
        for job, answer in zip(group, answers, strict=True):
            job.end(answer)
        self._ring()

    def _one(self, tx: Tx, job: _Job) -> _Answer:
        tx.execute("SAVEPOINT one")
        try:
            result = job.run(tx)
            tx.execute("RELEASE one")
        except Exception as error:
            if not self._open():
                raise  # the database gave the whole group up: disk full, broken or away
            tx.execute("ROLLBACK TO one")
            tx.execute("RELEASE one")
            return _Answer(error=self._told(error))
        return _Answer(result)

    def _ring(self) -> None:
        """Tell who waits for commits."""
        for notify in self.on_commit:
            notify()
