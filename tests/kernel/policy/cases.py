"""Random policies, and a small world in which every combination of facts occurs."""

import random
import sqlite3
from collections.abc import Sequence
from itertools import product
from typing import Any

from hypothesis import strategies as st

from cloudhall.kernel.policy import KindSchema, Object, PolicySchema, Subject

PARENT = {"p1": "o2", "p2": "o2", "p3": "o1", "o2": "o1", "o1": "platform", "o4": "platform", "p4": "o4"}
PLACES = ("platform", *sorted(PARENT))
ROLES = ("audit", "developer", "viewer")
WORDS = ("open", "opening", "secret", "u1", "公开", "")
NUMBERS = (-2, 0, 3, 900)

BUCKET_ATTRS = ("grade", "size", "frozen", "owner", "limit")
SCHEMA = PolicySchema(
    roles=ROLES,
    principal_attrs={"level": "long", "external": "bool", "groups": "set", "mail": "string?"},
    context_attrs={"mfa_age_s": "long", "address": "string", "night": "bool?"},
    kinds={
        "storage.bucket": KindSchema(
            ("create", "read", "freeze"),
            {"grade": "string", "size": "long", "frozen": "bool", "tags": "set", "owner": "string?", "limit": "long?"},
            indexed=frozenset(BUCKET_ATTRS),
        ),
        "data.set": KindSchema(("read", "publish"), {"grade": "string", "rows": "long"}),
    },
)
COLUMNS = {"place": "b.project", "id": "b.id", **{name: f'b."{name}"' for name in BUCKET_ATTRS}}


def ancestors(place: str) -> tuple[str, ...]:
    return (place,) if place == "platform" else (place, *ancestors(PARENT[place]))


def policy(id: str, text: str) -> str:
    return f'@id("{id}") @zh("策略{id}") @en("policy {id}")\n{text}\n'


# Policies ------------------------------------------------------------------------------------------------------------

words = st.sampled_from(WORDS)
numbers = st.sampled_from(NUMBERS)
literals = words.map(lambda word: f'"{word}"')
literal_sets = st.lists(literals, min_size=1, max_size=3).map(lambda items: f"[{', '.join(items)}]")
patterns = st.text("open*", max_size=6).map(lambda text: f'"{text}"')
prefixes = st.sampled_from(['"open"', '"open*"', '"*"', '"公*"', '"s*"'])
comparisons = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
equalities = st.sampled_from(["==", "!="])
places = st.sampled_from(PLACES)
roles = st.sampled_from(ROLES)

strings = st.sampled_from(["resource.grade", "resource.id", "principal.id", "context.address"]) | literals
longs = st.sampled_from(["resource.size", "principal.level", "context.mfa_age_s"]) | numbers.map(str)


def guarded(of: str, name: str, test: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Optional attributes, guarded in each way that Cedar's validator understands."""
    path, has = f"{of}.{name}", f"{of} has {name}"
    return test.flatmap(lambda t: st.sampled_from([f"({has} && {path} {t})", f"(if {has} then {path} {t} else true)"]))


def comparing(operators: st.SearchStrategy[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    return st.tuples(operators, values).map(lambda parts: f"{parts[0]} {parts[1]}")


def binary(left: st.SearchStrategy[str], op: st.SearchStrategy[str], right: st.SearchStrategy[str]) -> Any:
    return st.tuples(left, op, right).map(lambda parts: f"({' '.join(parts)})")


both_worlds = st.one_of(
    binary(strings, equalities, strings),
    binary(longs, comparisons, longs),
    guarded("resource", "owner", comparing(equalities, strings)),
    guarded("resource", "limit", comparing(comparisons, longs)),
    guarded("principal", "mail", comparing(equalities, literals)),
    guarded("context", "night", st.just("== true")),
    st.sampled_from(["resource.frozen", "principal.external", "true", "false", "principal is Person"]),
    st.sampled_from(["resource has owner", "context has night", "principal has mail"]),
    literal_sets.map(lambda items: f"{items}.contains(resource.grade)"),
    st.just("principal.groups.contains(resource.grade)"),
    st.just("[principal.id, context.address].contains(resource.grade)"),
    prefixes.map(lambda pattern: f"resource.grade like {pattern}"),
    patterns.map(lambda pattern: f"context.address like {pattern}"),
    literal_sets.map(lambda items: f"principal.groups.containsAny({items})"),
    roles.map(lambda role: f"principal in resource.role.{role}"),
    roles.map(lambda role: f'principal in Role::"{role}@platform"'),
    st.lists(roles, min_size=1, max_size=2).map(
        lambda r: f"principal in [{', '.join('resource.role.' + x for x in r)}]"
    ),
    places.map(lambda place: f'resource in Place::"{place}"'),
    words.map(lambda word: f'principal == Person::"{word}"'),
    words.map(lambda word: f'resource != storage::bucket::"{word}"'),
    st.sampled_from(['action == Action::"storage.bucket:read"', 'action in [Action::"freeze", Action::"read"]']),
)
only_decided = st.one_of(
    patterns.map(lambda pattern: f"resource.grade like {pattern}"),
    literals.map(lambda word: f"resource.tags.contains({word})"),
    literal_sets.map(lambda items: f"resource.tags.containsAll({items})"),
    literal_sets.map(lambda items: f"resource.tags.containsAny({items})"),
    literal_sets.map(lambda items: f"resource.tags == {items}"),
    st.just("(if resource.frozen then 900 else context.mfa_age_s) > resource.size"),
    st.just("principal.groups.containsAll(resource.tags)"),
)


def nested(atoms: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.recursive(
        atoms,
        lambda inner: st.one_of(
            st.tuples(inner, inner).map(lambda p: f"({p[0]} && {p[1]})"),
            st.tuples(inner, inner).map(lambda p: f"({p[0]} || {p[1]})"),
            inner.map(lambda one: f"(!({one}))"),
            st.tuples(inner, inner, inner).map(lambda p: f"(if {p[0]} then {p[1]} else {p[2]})"),
        ),
        max_leaves=8,
    )


principal_scopes = st.sampled_from(
    [
        *["principal"] * 6,
        "principal is Person",
        'principal == Person::"u1"',
        'principal in Role::"audit@platform"',
        'principal is ServiceAccount in Role::"viewer@platform"',
    ]
)
resource_scopes = st.sampled_from(
    ["resource is storage::bucket"] * 4
    + ['resource is storage::bucket in Place::"o1"', 'resource == storage::bucket::"u1"']
)


def texts(actions: st.SearchStrategy[str], atoms: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """One random policy on buckets."""
    effects = st.sampled_from(["permit", "permit", "forbid"])
    clauses = st.lists(st.tuples(st.sampled_from(["when", "unless"]), nested(atoms)), min_size=1, max_size=2)
    parts = st.tuples(effects, principal_scopes, actions, resource_scopes, clauses)
    return parts.map(lambda p: f"{p[0]} ({p[1]}, {p[2]}, {p[3]}) {' '.join(f'{w} {{ {e} }}' for w, e in p[4])};")


def sets(actions: Sequence[str], atoms: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """One to five random policies as one source."""
    one = texts(st.sampled_from(actions), atoms)
    return st.lists(one, min_size=1, max_size=5).map(
        lambda many: "".join(policy(f"r{i}", t) for i, t in enumerate(many))
    )


# The world -----------------------------------------------------------------------------------------------------------

chance = random.Random(7)  # noqa: S311  the same world each time


def some(**choices: Sequence[Any]) -> dict[str, Any]:
    """Attributes drawn; what is None is left out in one of two cases, the other is how a careless caller does it."""
    drawn = {name: chance.choice(values) for name, values in choices.items()}
    return {name: value for name, value in drawn.items() if value is not None or chance.random() < 0.5}


def word_set() -> frozenset[str]:
    return frozenset(chance.sample(WORDS, chance.randint(0, 3)))


def subject(number: int) -> Subject:
    granted = {role: frozenset(chance.sample(PLACES, chance.randint(0, 2))) for role in chance.sample(ROLES, 2)}
    attrs = some(
        level=(*NUMBERS, None), external=(True, False, None), groups=(word_set(), None), mail=("u1", "open", None)
    )
    return Subject("ServiceAccount" if number % 4 == 3 else "Person", f"u{number}", granted, attrs)


def context() -> dict[str, Any]:
    return some(mfa_age_s=(*NUMBERS, None), address=(*WORDS, None), night=(True, False, None))


def bucket(number: int, facts: tuple[Any, ...]) -> Object:
    names = ("grade", "size", "frozen", "owner", "limit")
    tags = some(tags=(word_set(), word_set(), None))
    id_ = WORDS[number] if number < len(WORDS) else f"b{number}"
    return Object("storage.bucket", id_, ancestors(facts[5]), {**dict(zip(names, facts, strict=False)), **tags})


SUBJECTS = [subject(n) for n in range(24)]
CONTEXTS = [context() for _ in range(24)]
FACTS = product(("open", "u1", None), (0, 900, None), (True, False, None), ("u1", None), (3, None), ("p1", "p4"))
BUCKETS = [bucket(n, facts) for n, facts in enumerate(FACTS)]
"""Every combination of true, false and missing, so that a wrong turn in a condition meets its row."""


def table_of(rows: Sequence[Object]) -> sqlite3.Connection:
    """The rows as a table beside the closure table of places."""
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE place (descendant TEXT NOT NULL, ancestor TEXT NOT NULL) STRICT")
    pairs = [(place, above) for place in PLACES for above in ancestors(place)]
    db.executemany("INSERT INTO place VALUES (?, ?)", pairs)
    columns = 'grade TEXT, size INTEGER, frozen INTEGER, owner TEXT, "limit" INTEGER'
    db.execute(f"CREATE TABLE buckets (n INTEGER, id TEXT, project TEXT, {columns}) STRICT")
    values = [(n, r.id, r.ancestors[0], *(r.attrs.get(name) for name in BUCKET_ATTRS)) for n, r in enumerate(rows)]
    db.executemany("INSERT INTO buckets VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
    return db
