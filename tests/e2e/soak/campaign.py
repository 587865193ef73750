"""A campaign: start, judge, load, kill at a random moment, and again; then figures on one line.

On PostgreSQL, cycles are added in which the city lives on while the database below it, or the worker beside it, is
killed: whoever changes something then asks again under the same key until it is answered, and nobody else notices.
"""

import collections
import contextlib
import json
import math
import random
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from cloudhall.domains.identity import demo as people
from cloudhall.domains.storage import demo as tables
from tests.e2e.api import IDLE_S, Api, Unanswered, until
from tests.e2e.server import Server
from tests.e2e.soak import records
from tests.e2e.soak.grounds import Files, Ground, worker_of
from tests.e2e.soak.judge import AUDITOR, Judge
from tests.e2e.soak.ledger import ADMIN, DEVELOPER, Change, Ledger
from tests.e2e.soak.load import KEEPER, ORGANISATION, Doors, Load

HOLDERS = 3
LOAD_S = (0.3, 1.6)
BACK_S = 30.0
WORKER_S = 10.0  # a worker answers what it has begun when the first process is gone
ECHO_S = IDLE_S + 0.5  # after something is back, a connection that it broke may still be found broken
PROJECT = "economic-monitoring"
FOUNDING_S = (0.1, 2.4)
LOST, DOUBLED = ("is lost", "is absent", "too seldom"), ("there unasked", "too often")
SAID = 4_000  # characters of the server's own words that go with a finding
DEARER = 1_000_000  # prices of the campaign, so that minutes of megabytes come to fen


class Campaign:
    """Cycles on one home; whatever is found wrong is collected, and the campaign goes on."""

    def __init__(self, folder: Path, seed: int, ground: Ground | None = None, tell: Any = print) -> None:
        """`ground` is where the rows lie, in the home without it; it is its owner who closes it."""
        self.folder, self.seed, self.tell = folder, seed, tell
        self.chance = random.Random(seed)  # noqa: S311  replayable on purpose
        self.ledger = Ledger()
        self.doors = Doors()
        self.ground = ground or Files()
        self.server = self._server("home")
        self.apis: dict[str, Api] = {}
        self.wrong: list[str] = []
        self.kills = 0
        self.blows: collections.Counter[str] = collections.Counter()
        self.back_s: list[float] = []
        self.starts_s: list[float] = []
        self.revoked_ms: list[float] = []

    def run(self, cycles: int, blows: int = 0) -> dict[str, Any]:
        """Run cycles, `blows` more in which the city lives on; answer the figures. Nothing is left running."""
        struck = [c * cycles // blows for c in range(blows)]
        began = time.monotonic()
        try:
            for n in range(max(1, cycles // 20)):
                self._founding(n)
            self._start()
            self._settle_in()
            for cycle in range(cycles):
                for _ in range(struck.count(cycle)):
                    self._struck()
                self._cycle(cycle)
            self._judge("the end", every=True)
            code, _ = self.server.stop()
            self._note("the end", [f"stopped with {code}"] if code else [])
            self._judge_records("the end")
        finally:
            for api in self.apis.values():
                api.close()
            self.doors.close()
            self.server.end()
        return self._figures(cycles, time.monotonic() - began)

    def _cycle(self, cycle: int) -> None:
        load = self._loaded(f"{self.seed}c{cycle}")
        self.ledger.killed_s = time.monotonic()
        self.server.kill(engine=self.chance.random() < 0.3)
        self._ended(load, f"load {cycle}")
        self.doors.close()
        self.kills += 1
        until(lambda: not worker_of(self.server), WORKER_S)
        self._judge_records(f"records {cycle}")
        if self.chance.random() < 0.1:
            self._killed_while_starting(self.server, self.chance.uniform(0, 2))
        self._start()
        self._judge(f"cycle {cycle}")

    def _struck(self) -> None:
        """Strike what the city stands on while it goes on; it is judged as it then is, by those who are still there."""
        name = list(self.ground.blows)[self.blows.total() % len(self.ground.blows)]
        self.blows[name] += 1
        when = f"{name} {self.blows[name]}"
        load = self._loaded(f"{self.seed}b{self.blows.total()}")
        began = time.monotonic()
        self.ledger.trouble_s = (began, math.inf)
        self.ground.blows[name](self.server, self.chance)
        up = time.monotonic()
        until(self._answers, BACK_S)
        back = time.monotonic()
        self.back_s.append(back - up)
        self.ledger.trouble_s = (began, back + ECHO_S)
        time.sleep(self.chance.uniform(*LOAD_S) + ECHO_S)
        load.stop()
        self._ended(load, when)
        self._note(when, self._traced())
        self._judge(when, every=True)

    def _traced(self) -> Iterator[str]:
        """Traces in the server's own words: a database that is away is told in a line."""
        if "Traceback" in (said := self.server.said()):
            yield f"the server traced: {said[said.index('Traceback') :][:SAID]}"

    def _answers(self) -> bool:
        """Whether a change would be written again; each call asks over connections of its own, of either process."""
        with contextlib.closing(self.apis[DEVELOPER].again()) as api, contextlib.suppress(*Unanswered):
            wish = {"purpose": "p"}
            body = {"name": f"soak-back-{time.monotonic_ns()}", "project": PROJECT, "spec": wish}
            return api.post("service-accounts", body).status == HTTPStatus.CREATED
        return False

    def _loaded(self, seed: str) -> Load:
        """Load that has been going on for a while."""
        load = Load(self.ledger, self.doors, self.apis, seed)
        load.start()
        time.sleep(self.chance.uniform(*LOAD_S))
        return load

    def _ended(self, load: Load, when: str) -> None:
        load.join()
        self.revoked_ms += load.revoked_ms
        self._note(when, load.wrong)
        if load.wrong:
            self.tell(self.server.said()[-SAID:])

    def _judge_records(self, when: str) -> None:
        with self.ground.copied(self.server.home):
            self._note(when, records.wrong(self.server.home, self.folder / "copy", self.ledger))

    def _server(self, name: str) -> Server:
        home = self.folder / name
        return Server(home, environ=self.ground.of(home))

    def _start(self) -> None:
        self.starts_s.append(self.server.start())
        self.ledger.killed_s, self.ledger.trouble_s = 0.0, (0.0, 0.0)
        self.doors.address["endpoint"] = _endpoint(self.server)
        for who in (DEVELOPER, ADMIN, AUDITOR):
            if who in self.apis:
                self.apis[who].close()  # the connection died with the server; the session lives
            else:
                self.apis[who] = Api.of(self.server.url, who)

    def _judge(self, when: str, *, every: bool = False) -> None:
        before = len(self.wrong)
        self._note(when, Judge(self.ledger, self.doors, self.apis, self.chance).all(every=every))
        if len(self.wrong) > before:
            self.tell(self.server.said()[-SAID:])

    def _settle_in(self) -> None:
        """Make what stays: projects, buckets for objects with a key each, and prices that show."""
        number = iter(range(1_000))

        def make(who: str, plural: str, body: dict[str, Any], **query: str) -> dict[str, Any]:
            change = Change(f"settle/{next(number)}", who, "POST", plural, "", body)
            return self.ledger.change(self.apis[who], change, **query)

        (plan,) = self.apis[ADMIN].items("price-plans")
        dear = [
            c | {"tiers": [t | {"unit_nano": t["unit_nano"] * DEARER} for t in c["tiers"]]}
            for c in plan["spec"]["components"]
        ]
        spec = {"series": plan["spec"]["series"], "effective_from": "2026-01-02T00:00:00+08:00", "components": dear}
        self.apis[ADMIN].post("price-plans", {"name": "dearer", "spec": spec}).ok()
        for n in range(HOLDERS):
            titles = {"title_zh": "长跑", "title_en": "Soak"}
            project = make(ADMIN, "projects", {"name": f"{KEEPER}{n}", "organisation": ORGANISATION, "spec": titles})
            wish = {"quota_gib": 5, "grade": "open"}
            bucket = make(DEVELOPER, "buckets", {"name": f"{KEEPER}{n}", "project": project["id"], "spec": wish})
            body = {"name": f"{KEEPER}{n}", "project": project["id"], "spec": {"bucket": bucket["id"]}}
            make(DEVELOPER, "access-keys", body, wait="20s")

    def _founding(self, n: int) -> None:
        """Kill a city while it is founded; the next start finishes it."""
        server = self._server(f"founding-{n}")
        try:
            self._killed_while_starting(server, self.chance.uniform(*FOUNDING_S))
            server.start()
            self._note(f"founding {n}", _missing(server))
            server.stop()
        except AssertionError as error:
            self._note(f"founding {n}", [str(error)])
        finally:
            server.end()

    def _killed_while_starting(self, server: Server, after_s: float) -> None:
        server.begin()
        time.sleep(after_s)
        server.kill()
        self.kills += 1

    def _note(self, when: str, found: Iterable[str]) -> None:
        """Collect findings; what stops a judgement is one too."""
        try:
            for line in found:
                self._wrong(when, line)
        except Exception as error:  # noqa: BLE001  whatever it is, the campaign goes on and reports it
            self._wrong(when, f"{type(error).__name__}: {error}")

    def _wrong(self, when: str, line: str) -> None:
        self.wrong.append(f"{when}: {line}")
        self.tell(self.wrong[-1])

    def _told_of(self, words: Sequence[str]) -> int:
        return sum(any(word in line for word in words) for line in self.wrong)

    def _figures(self, cycles: int, took_s: float) -> dict[str, Any]:
        revoked = sorted(self.revoked_ms) or [0.0]
        return {
            "cycles": cycles,
            "seed": self.seed,
            "kills": self.kills,
            "blows": dict(self.blows),
            "back_s_max": round(max(self.back_s, default=0.0), 2),
            "api_changes": self.ledger.changes,
            "object_writes": self.ledger.writes,
            "revocations": len(self.revoked_ms),
            "revocation_median_ms": round(statistics.median(revoked), 1),
            "revocation_p99_ms": round(revoked[int(0.99 * (len(revoked) - 1))], 1),
            "revocation_max_ms": round(revoked[-1], 1),
            "totals_s_max": round(self.ledger.totals_s, 1),
            "start_s_median": round(statistics.median(self.starts_s), 2),
            "start_s_max": round(max(self.starts_s), 2),
            "took_s": round(took_s, 1),
            "lost": self._told_of(LOST),
            "doubled": self._told_of(DOUBLED),
            "wrong": len(self.wrong),
        }


def _endpoint(server: Server) -> str:
    return f"http://127.0.0.1:{json.loads((server.home / 'objects/ports.json').read_bytes())['s3']}"


def _missing(server: Server) -> list[str]:
    """What a city lacks that its data files name."""
    with contextlib.closing(Api.of(server.url, "zhou-hang")) as api:
        city = people.load()
        wanted = {plural: set(city[plural]) for plural in ("organisations", "projects", "people")}
        wanted |= {"buckets": {name for name, *_ in tables.BUCKETS}, "price-plans": {"object-storage-2026"}}
        found = {plural: {row["name"] for row in api.items(plural)} for plural in wanted}
        lacking = [f"{plural}: {names - found[plural]}" for plural, names in wanted.items() if names - found[plural]]
        for name, _, _, folder in tables.BUCKETS:
            files = sum(p.is_file() for p in (tables.DATA / folder).rglob("*")) if folder else 0
            until(lambda name=name, files=files: api.get(f"buckets/{name}")["status"]["objects"] == files, 20)  # type: ignore[misc]  # bound in the default
        return lacking
