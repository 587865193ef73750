"""Decisions a second with 50 policies, and whether each is the one that cedarpy makes.

    decisions_per_s    our closures, requests a CPU second of one core; median of 5 passes over all requests
    cedarpy_per_s      cedarpy, the same requests, policies and entities parsed before; batches of 2,000
    ratio_to_cedarpy   the one by the other
    mismatches         of `compared` requests, those whose verdict, determining policies or skipped policies differ
    list_ms            one list condition over the rows of a kind in SQLite, rendered and run; median
    list_mismatches    of `lists_compared` lists, those that differ from deciding row by row
    compile_ms         reading, checking and compiling all policies

The world follows from `--seed`: 50 organisations, 500 projects, 2,000 people and service accounts, 10,000 resources of
10 kinds; three of four requests are about the caller's own, or below a place where the caller holds a role. The first
50 policies are 30 role permits, 12 forbids (suspension, grade, cross-border, age of the second factor, real-name level,
the three administrators, arrears, listed addresses, frozen resources) and 8 others; more are role permits again.
"""

import argparse
import json
import random
import sqlite3
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from cloudhall.kernel.policy import KindSchema, Object, PolicySchema, PolicySet, Subject
from cloudhall.kernel.policy.oracle import Oracle, Request, sorted_decision
from cloudhall.kernel.policy.schema import AttrType, cedar_type

KINDS = (
    "storage.bucket",
    "storage.access_key",
    "compute.instance",
    "compute.volume",
    "compute.network",
    "data.dataset",
    "data.share_request",
    "analytics.warehouse",
    "apps.app",
    "market.contract",
)
VERBS = ("create", "read", "update", "delete", "freeze", "export")
ROLES = ("viewer", "developer", "org_admin", "data_officer", "system_admin", "security_admin", "audit_admin")
GRANTED = {"viewer": ("read",), "developer": ("create", "read", "update", "export"), "org_admin": VERBS}
GRADES = ("open", "internal", "important", "secret")
ATTRS: dict[str, AttrType] = {
    "grade": "string",
    "organisation": "string",
    "frozen": "bool",
    "size_gib": "long",
    "owner": "string?",
}
COLUMNS = {"place": "place_", "id": "id", **{name: name for name in ATTRS}}
FORBIDS = {
    "suspended": "principal, action, resource) when { principal.suspended }",
    "secret-clearance": 'principal, action, resource) when { resource.grade == "secret" && principal.clearance < 3 }',
    "important-clearance": """principal, action in [Action::"update", Action::"export"], resource)
        when { resource.grade == "important" && principal.clearance < 2 }""",
    "cross-border": """principal, action in Action::"export", resource)
        when { ["important", "secret"].contains(resource.grade) && context.destination != "domestic" }""",
    "fresh-factor": """principal is Person, action in [Action::"delete", Action::"freeze"], resource)
        when { context.mfa_age_s > 900 }""",
    "real-name": 'principal is Person, action in Action::"create", resource) when { principal.real_name_level < 2 }',
    "audit-only-reads": """principal, action, resource) when { principal in resource.role.audit_admin }
        unless { action in Action::"read" }""",
    "system-and-audit": """principal, action, resource)
        when { principal in resource.role.system_admin && principal in resource.role.audit_admin }""",
    "security-makes-nothing": """principal, action in [Action::"create", Action::"update"], resource)
        when { principal in resource.role.security_admin }""",
    "arrears": """principal, action in Action::"create", resource)
        when { principal has arrears_fen && principal.arrears_fen > 100000 }""",
    "listed-addresses": """principal, action in [Action::"delete", Action::"freeze"], resource)
        when { principal in [resource.role.system_admin, resource.role.security_admin] }
        unless { context.address like "10.*" }""",
    "frozen": 'principal, action in [Action::"update", Action::"delete"], resource) when { resource.frozen }',
}
OTHERS = {
    "open-data": """principal, action == Action::"data.dataset:read", resource)
        when { resource.grade == "open" && !resource.frozen }""",
    "own-things": """principal, action in [Action::"read", Action::"update"], resource)
        when { resource has owner && resource.owner == principal.id }""",
    "shared-organisations": """principal is Person, action in Action::"read", resource is data::dataset)
        when { principal.organisations.contains(resource.organisation) && resource.grade != "secret" }""",
    "data-officers": """principal, action in [Action::"read", Action::"export"], resource is data::dataset)
        when { principal in resource.role.data_officer }""",
    "auditors-read": 'principal in Role::"audit_admin@platform", action in Action::"read", resource)',
    "security-freezes": """principal, action in Action::"freeze", resource)
        when { principal in resource.role.security_admin }""",
    "small-or-fresh": """principal, action == Action::"compute.volume:delete", resource)
        when { principal in resource.role.developer &&
               (if resource.size_gib < 100 then true else context.mfa_age_s < 300) }""",
    "own-services": """principal is ServiceAccount, action in Action::"read", resource)
        when { principal.organisations.contains(resource.organisation) }
        unless { ["important", "secret"].contains(resource.grade) }""",
}


class World(NamedTuple):
    """Who asks, and what is asked about."""

    subjects: list[Subject]
    resources: list[Object]
    near: dict[str, list[Object]]


def schema_of(kinds: tuple[str, ...]) -> PolicySchema:
    """Every kind has the same actions and attributes."""
    return PolicySchema(
        roles=ROLES,
        principal_attrs={
            "suspended": "bool",
            "clearance": "long",
            "real_name_level": "long",
            "organisations": "set",
            "arrears_fen": "long?",
        },
        context_attrs={"mfa_age_s": "long", "destination": "string", "address": "string"},
        kinds=dict.fromkeys(kinds, KindSchema(VERBS, ATTRS)),
    )


def texts(kinds: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Ids and texts, role permits of the ten kinds first, those of further kinds last."""
    yield from _role_permits(KINDS)
    yield from ((name, f"forbid ({text};") for name, text in FORBIDS.items())
    yield from ((name, f"permit ({text};") for name, text in OTHERS.items())
    yield from _role_permits(kinds[len(KINDS) :])


def _role_permits(kinds: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for kind in kinds:
        for role, verbs in GRANTED.items():
            actions = ", ".join(f'Action::"{kind}:{verb}"' for verb in verbs)
            scope = f"principal, action in [{actions}], resource is {cedar_type(kind)}"
            yield f"{kind}/{role}", f"permit ({scope}) when {{ principal in resource.role.{role} }};"


def compiled(number: int) -> PolicySet:
    """Compile that many policies."""
    further = max(0, -(-(number - 50) // len(GRANTED)))
    kinds = (*KINDS, *(f"further.kind{n:03}" for n in range(further)))
    chosen = list(texts(kinds))[:number]
    sources = {f"{n:04}": f'@id("{id_}") @zh("{id_}") @en("{id_}")\n{text}' for n, (id_, text) in enumerate(chosen)}
    return PolicySet.compile(sources, schema_of(kinds))


def tree(chance: random.Random) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Paths of organisations and of projects, nearest place first."""
    organisations: list[tuple[str, ...]] = [("platform",)]
    organisations += [(f"org{n}", *chance.choice(organisations[: n // 4 + 1])) for n in range(50)]
    projects = [(f"project{n}", *chance.choice(organisations[1:])) for n in range(500)]
    return organisations, projects


def world_of(seed: int) -> World:
    """Make the world that follows from the seed."""
    chance = random.Random(seed)  # noqa: S311  replayable on purpose
    organisations, projects = tree(chance)
    subjects = [_subject(n, organisations + projects, chance) for n in range(2_000)]
    resources = [_resource(n, chance.choice(projects), chance) for n in range(10_000)]
    near: dict[str, list[Object]] = defaultdict(list)
    for resource in resources:
        for name in (*resource.ancestors, resource.attrs.get("owner", "nobody")):
            near[name].append(resource)
    return World(subjects, resources, near)


def _subject(number: int, paths: list[tuple[str, ...]], chance: random.Random) -> Subject:
    granted: dict[str, set[str]] = defaultdict(set)
    for _ in range(chance.randint(1, 4)):
        granted[chance.choices(ROLES, (4, 6, 4, 2, 1, 1, 1))[0]].add(chance.choice(paths)[0])
    attrs = {
        "suspended": chance.random() < 0.02,
        "clearance": chance.randint(1, 3),
        "real_name_level": chance.choice((1, 2, 2, 3)),
        "organisations": frozenset(f"org{chance.randrange(50)}" for _ in range(2)),
    }
    if chance.random() < 0.2:
        attrs["arrears_fen"] = chance.randrange(200_000)
    kind: Any = "ServiceAccount" if number % 10 == 0 else "Person"
    return Subject(kind, f"user{number}", {role: frozenset(places) for role, places in granted.items()}, attrs)


def _resource(number: int, path: tuple[str, ...], chance: random.Random) -> Object:
    attrs = {
        "grade": chance.choices(GRADES, (5, 3, 2, 1))[0],
        "organisation": path[1],
        "frozen": chance.random() < 0.05,
        "size_gib": chance.randint(1, 400),
    }
    if chance.random() < 0.7:
        attrs["owner"] = f"user{chance.randrange(2_000)}"
    if chance.random() < 0.01:
        del attrs["grade"]  # what is not there makes Cedar skip a policy
    return Object(chance.choice(KINDS), f"r{number}", path, attrs)


def context_of(chance: random.Random) -> dict[str, Any]:
    """Draw the facts of a request."""
    return {
        "mfa_age_s": chance.randrange(1_200),
        "destination": chance.choice(("domestic", "domestic", "abroad")),
        "address": chance.choice(("10.1.2.3", "192.168.0.7")),
    }


def requests_of(world: World, number: int, seed: int) -> list[Request]:
    """Draw requests; three of four are about the caller's own, or below a place where the caller holds a role."""
    chance = random.Random(seed)  # noqa: S311  replayable on purpose
    contexts = [context_of(chance) for _ in range(1_000)]
    drawn = []
    for n in range(number):
        subject = chance.choice(world.subjects)
        names = [subject.id, *sorted(set().union(*subject.granted.values()))]
        near = world.near.get(chance.choice(names)) if n % 4 else None
        resource = chance.choice(near or world.resources)
        drawn.append(Request(subject, f"{resource.kind}:{chance.choice(VERBS)}", resource, chance.choice(contexts)))
    return drawn


def cpu_s(work: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    began = time.process_time()
    work()
    return time.process_time() - began


def decide_all(policies: PolicySet, requests: list[Request]) -> None:
    """What is timed: the decisions and the loop around them."""
    decide = policies.decide
    for request in requests:
        decide(request.subject, request.action, request.resource, request.context)


def compare(policies: PolicySet, world: World, requests: list[Request]) -> tuple[int, float]:
    """Requests answered otherwise by cedarpy, and the CPU seconds that it took for all."""
    oracle = Oracle(policies.sources, policies.schema)
    entities = oracle.entities(world.subjects, world.resources)
    differing, spent = 0, 0.0
    for start in range(0, len(requests), 2_000):
        batch = requests[start : start + 2_000]
        began = time.process_time()
        answers = list(oracle.decide_all(batch, entities))
        spent += time.process_time() - began
        for request, answer in zip(batch, answers, strict=True):
            ours = policies.decide(request.subject, request.action, request.resource, request.context)
            differing += sorted_decision(ours) != answer
    return differing, spent


def database_of(world: World) -> sqlite3.Connection:
    """A table a kind, and the closure table of places."""
    db = sqlite3.connect(":memory:")
    db.execute(
        "CREATE TABLE place (ancestor TEXT NOT NULL, descendant TEXT NOT NULL, PRIMARY KEY (ancestor, descendant))"
    )
    pairs = {(above, r.ancestors[n]) for r in world.resources for n in range(3) for above in r.ancestors[n:]}
    db.executemany("INSERT INTO place VALUES (?, ?)", pairs)
    for kind in KINDS:
        table = kind.replace(".", "_")
        db.execute(f"CREATE TABLE {table} (id TEXT PRIMARY KEY, place_ TEXT NOT NULL, {', '.join(ATTRS)})")
        db.execute(f"CREATE INDEX {table}_place ON {table} (place_)")
        rows = [(r.id, r.ancestors[0], *map(r.attrs.get, ATTRS)) for r in world.resources if r.kind == kind]
        marks = ", ".join("?" * len(rows[0]))
        db.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608  a kind's name and marks
    return db


def compare_lists(policies: PolicySet, world: World, number: int, seed: int) -> tuple[int, float]:
    """Lists that differ from deciding row by row, and the median milliseconds of one list."""
    chance = random.Random(seed)  # noqa: S311  replayable on purpose
    db, differing, took_ms = database_of(world), 0, []
    for _ in range(number):
        subject, kind, context = chance.choice(world.subjects), chance.choice(KINDS), context_of(chance)
        action = f"{kind}:read"
        began = time.perf_counter()
        where = policies.where(subject, action, kind, COLUMNS, context)
        query = f"SELECT id FROM {kind.replace('.', '_')} WHERE {where.sql}"  # noqa: S608  what is measured
        rows = db.execute(query, where.params).fetchall()
        took_ms.append((time.perf_counter() - began) * 1_000)
        mine = [r for r in world.resources if r.kind == kind]
        differing += {id_ for (id_,) in rows} != {
            r.id for r in mine if policies.decide(subject, action, r, context).allowed
        }
    db.close()
    return differing, statistics.median(took_ms)


def main() -> None:
    """Measure, and print one JSON object on the last line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--policies", type=int, default=50)
    options.add_argument("--requests", type=int, default=200_000)
    options.add_argument("--lists", type=int, default=300)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    compile_s = statistics.median(cpu_s(lambda: compiled(chosen.policies)) for _ in range(5))
    policies, world = compiled(chosen.policies), world_of(chosen.seed)
    requests = requests_of(world, chosen.requests, chosen.seed)
    ours_s = statistics.median(cpu_s(lambda: decide_all(policies, requests)) for _ in range(5))
    mismatches, cedarpy_s = compare(policies, world, requests)
    list_mismatches, list_ms = compare_lists(policies, world, chosen.lists, chosen.seed)
    figures = {
        "policies": len(policies.policies),
        "decisions_per_s": round(len(requests) / ours_s),
        "cedarpy_per_s": round(len(requests) / cedarpy_s),
        "ratio_to_cedarpy": round(cedarpy_s / ours_s, 1),
        "mismatches": mismatches,
        "compared": len(requests),
        "list_ms": round(list_ms, 2),
        "list_mismatches": list_mismatches,
        "lists_compared": chosen.lists,
        "compile_ms": round(compile_s * 1_000, 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
