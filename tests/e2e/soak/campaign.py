"""A campaign: start, judge, load, kill at a random moment, and again; then figures on one line."""

import contextlib
import json
import random
import statistics
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cloudhall.domains.identity import demo as people
from cloudhall.domains.storage import demo as tables
from tests.e2e.api import Api, until
from tests.e2e.server import Server
from tests.e2e.soak import records
from tests.e2e.soak.judge import AUDITOR, Judge
from tests.e2e.soak.ledger import ADMIN, DEVELOPER, Change, Ledger
from tests.e2e.soak.load import KEEPER, ORGANISATION, Doors, Load

HOLDERS = 3
LOAD_S = (0.3, 1.6)
FOUNDING_S = (0.1, 2.4)
SAID = 4_000  # characters of the server's own words that go with a finding
DEARER = 1_000_000  # prices of the campaign, so that minutes of megabytes come to fen


class Campaign:
    """Cycles on one home; whatever is found wrong is collected, and the campaign goes on."""

    def __init__(self, folder: Path, seed: int, tell: Any = print) -> None:
        self.folder, self.seed, self.tell = folder, seed, tell
        self.chance = random.Random(seed)  # noqa: S311  replayable on purpose
        self.ledger = Ledger()
        self.doors = Doors()
        self.server = Server(folder / "home")
        self.apis: dict[str, Api] = {}
        self.wrong: list[str] = []
        self.kills = 0
        self.starts_s: list[float] = []
        self.revoked_ms: list[float] = []

    def run(self, cycles: int) -> dict[str, Any]:
        """Run them and answer the figures; nothing is left running."""
        began = time.monotonic()
        try:
            for n in range(max(1, cycles // 20)):
                self._founding(n)
            self._start()
            self._settle_in()
            for cycle in range(cycles):
                self._cycle(cycle)
            self._judge("the end", every=True)
            code, _ = self.server.stop()
            self._note("the end", [f"stopped with {code}"] if code else [])
            self._note("the end", records.wrong(self.server.home, self.folder / "copy", self.ledger))
        finally:
            for api in self.apis.values():
                api.close()
            self.server.end()
        return self._figures(cycles, time.monotonic() - began)

    def _cycle(self, cycle: int) -> None:
        load = Load(self.ledger, self.doors, self.apis, f"{self.seed}c{cycle}")
        load.start()
        time.sleep(self.chance.uniform(*LOAD_S))
        self.ledger.killed_s = time.monotonic()
        self.server.kill(engine=self.chance.random() < 0.3)
        load.join()
        self.kills += 1
        self.revoked_ms += load.revoked_ms
        self._note(f"load {cycle}", load.wrong)
        if load.wrong:
            self.tell(self.server.said()[-SAID:])
        self._note(f"records {cycle}", records.wrong(self.server.home, self.folder / "copy", self.ledger))
        if self.chance.random() < 0.1:
            self._killed_while_starting(self.server, self.chance.uniform(0, 2))
        self._start()
        self._judge(f"cycle {cycle}")

    def _start(self) -> None:
        self.starts_s.append(self.server.start())
        self.ledger.killed_s = 0.0
        self.doors.address["endpoint"] = _endpoint(self.server)
        for who in (DEVELOPER, ADMIN, AUDITOR):
            if who in self.apis:
                self.apis[who].close()  # the connection died with the server; the session lives
            else:
                self.apis[who] = Api.of(self.server.url, who)

    def _judge(self, when: str, *, every: bool = False) -> None:
        self._note(when, Judge(self.ledger, self.doors, self.apis, self.chance).all(every=every))

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
        server = Server(self.folder / f"founding-{n}")
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

    def _figures(self, cycles: int, took_s: float) -> dict[str, Any]:
        revoked = sorted(self.revoked_ms) or [0.0]
        return {
            "cycles": cycles,
            "seed": self.seed,
            "kills": self.kills,
            "api_changes": self.ledger.changes,
            "object_writes": self.ledger.writes,
            "revocations": len(self.revoked_ms),
            "revoked_ms_median": round(statistics.median(revoked), 1),
            "revoked_ms_p99": round(revoked[int(0.99 * (len(revoked) - 1))], 1),
            "revoked_ms_max": round(revoked[-1], 1),
            "start_s_median": round(statistics.median(self.starts_s), 2),
            "start_s_max": round(max(self.starts_s), 2),
            "took_s": round(took_s, 1),
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
