"""What a controller holds during one pass: the world through ports, other resources, and its own conditions.

Ports are proxied: each call passes two fault points; each effect counts and leaves an audit leaf of intent before it
and of outcome after. Commands go out under the kind's own service account, keyed by (my id, kind, verb, name), so that
a pass repeated at any point issues each of them once.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from cloudhall.kernel import bin as bin_
from cloudhall.kernel import credentials, work
from cloudhall.kernel.audit import Entry, Phase
from cloudhall.kernel.caller import service
from cloudhall.kernel.commands import AnyKind, Command
from cloudhall.kernel.kinds import Kind, Spec
from cloudhall.kernel.look import Reader
from cloudhall.kernel.outcomes import PEOPLE, Condition, set_condition
from cloudhall.kernel.ports import Port
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.tables import Where
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

P = TypeVar("P")
K = TypeVar("K", bound=Kind[Any, Any])


class Context:
    """One pass over one resource."""

    def __init__(self, kernel: "Kernel", resource: Kind[Any, Any], fence: int) -> None:
        """`fence` grows with each claim; engines that start things refuse a smaller one."""
        self.kernel, self.resource, self.fence = kernel, resource, fence
        self.now_us: int = kernel.world.now_us()
        self.effects = 0
        self.asking = ""  # the port whose answer is awaited, or that failed to give one
        self._look = Reader(kernel.store.read(), kernel.tables, self._caller().id, self.now_us)

    def use(self, port: Port[P]) -> P:
        """Return the driver behind a port."""
        return cast("P", _Proxy(self, port, self.kernel.drivers[port.name]))

    def get(self, kind: type[K], id: str) -> K | None:
        """Another resource by id."""
        return self._look.get(kind, id)

    def destroying(self, kind: type[K], id: str) -> K | None:
        """Resource that is on its way out of the recycle bin, and out of everything else's sight."""
        row = bin_.row(self.kernel.tables, self.tx, kind.meta.key, id)
        return cast("K", row) if row is not None and row.deleting_us is not None else None

    def list(self, kind: type[K], **where: object) -> Sequence[K]:
        """Live rows by indexed spec fields: `ctx.list(AccessKey, bucket=b.id)`; all of the kind without any."""
        return self._look.list(kind, {f"spec.{k}": v for k, v in where.items()}, limit=LIST_MAX)

    def beside(self, kind: type[K]) -> Sequence[K]:
        """Live rows of a kind in the place of this resource."""
        return self._look.list(kind, {"place": self.resource.place}, limit=LIST_MAX)

    @property
    def tx(self) -> Tx:
        """Connection that reads, for a domain's own hot tables."""
        return self._look.tx

    def write(self, run: Callable[[Tx], object]) -> None:
        """Change a domain's own hot table; an effect like that of a port."""
        self.effects += 1
        self.kernel.store.write(run).result()

    def children(self, kind: type[K]) -> Sequence[K]:
        """Rows of a kind that refer to this resource."""
        own = type(self.resource).meta.key
        paths = [path for k, path in self.kernel.registry.children(own) if k is kind]
        return [c for path in paths for c in self._look.list(kind, {path: self.resource.id}, limit=LIST_MAX)]

    def wake_children(self) -> None:
        """Let the controllers of everything that refers to this resource look again."""
        kernel, id_ = self.kernel, self.resource.id
        kernel.store.write(
            lambda tx: work.wake_children(kernel, tx, type(self.resource).meta.key, id_, self.now_us)
        ).result()

    def create(self, kind: type[K], *, name: str, spec: Spec, place: str = "") -> str:
        """Create another kind's resource by command, once; answers its id. One of that name is the one meant."""
        there = place or self.resource.place
        found = self.kernel.tables[kind].named(self.tx, name, Where("place = ?", (there,)), 1)
        if found:
            return str(found[0].id)
        key = f"{self.resource.id}/{kind.meta.key}/create/{name}"
        command = Command(kind=kind, verb="create", place=there, name=name, spec=msgspec.to_builtins(spec), key=key)
        answer = self.kernel.execute(self._caller(), command).result()
        self.effects += not answer.replayed
        return str(answer.body["id"])

    def act(self, kind: AnyKind, id: str, verb: str, **arguments: object) -> None:
        """Run an action of another resource by command, once; raises what the command raises."""
        key = f"{self.resource.id}/{kind.meta.key}/{verb}/{id}"
        command = Command(kind=kind, verb=verb, target=id, args=arguments, key=key)
        answer = self.kernel.execute(self._caller(), command).result()
        self.effects += not answer.replayed

    def condition(
        self,
        type_: str,
        holds: bool,  # noqa: FBT001  reads as a sentence
        reason: str = "",
        text: T | None = None,
        mend: T | None = None,
        on: str = PEOPLE,
    ) -> None:
        """Say one positive sentence about the resource; all but its type only where it does not hold."""
        condition = Condition(
            type=type_, status=holds, since_us=self.now_us, observed_generation=self.resource.generation
        )
        if not holds:
            condition.reason, condition.text = reason, text or T(reason, reason)
            condition.mend, condition.on = mend, on
        set_condition(self.resource.status.conditions, condition)

    def secret(self, resource: Kind[Any, Any]) -> str:
        """Return the kept secret of a resource."""
        return credentials.reveal(self.kernel.store.read(), self.kernel.keys, resource.id)

    def record(self, phase: Phase, action: str, reason: str = "", intent: int | None = None) -> int:
        """Leave an audit leaf of an effect outside the database, durable before the call goes on; answers its index."""
        r = self.resource
        entry = Entry(
            actor=self._caller().id,
            action=action,
            phase=phase,
            kind=type(r).meta.key,
            resource=r.id,
            project=r.place,
            revision=r.revision,
            reason=reason,
            intent=intent,
        )
        idx: int = self.kernel.store.write(lambda tx: self.kernel.audit.append(tx, entry)).result()
        return idx

    def _caller(self) -> Any:
        return service(type(self.resource).meta.key, request=f"pass:{self.resource.id}:{self.fence}")


LIST_MAX = 100_000


class _Proxy:
    """A driver as a controller sees it."""

    def __init__(self, context: Context, port: Port[Any], driver: Any) -> None:
        self._context, self._port, self._driver = context, port, driver

    def __getattr__(self, name: str) -> Any:
        target = getattr(self._driver, name)
        if not callable(target):
            return target
        return self._reading(name, target) if name in self._port.reads else self._effect(name, target)

    def _reading(self, name: str, target: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            self._context.kernel.world.fault(f"{self._port.name}.{name}:before")
            return self._asked(target, args, kwargs)

        return call

    def _effect(self, name: str, target: Any) -> Any:
        context, point = self._context, f"{self._port.name}.{name}"

        def call(*args: Any, **kwargs: Any) -> Any:
            context.effects += 1
            intent = context.record("intent", f"port:{point}")
            context.kernel.world.fault(f"{point}:before")
            try:
                answer = self._asked(target, args, kwargs)
            except Exception as error:
                context.record("outcome", f"port:{point}", reason=type(error).__name__, intent=intent)
                raise
            context.kernel.world.fault(f"{point}:after")
            context.record("outcome", f"port:{point}", reason="ok", intent=intent)
            return answer

        return call

    def _asked(self, target: Any, args: Any, kwargs: Any) -> Any:
        """Ask the engine; where it raises, the context goes on saying whom it asked."""
        self._context.asking = self._port.name
        answer = target(*args, **kwargs)
        self._context.asking = ""
        return answer
