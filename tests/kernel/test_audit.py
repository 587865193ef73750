"""The audit log on a real database file: appending, signing, proving, finding, shredding."""

import hashlib
import hmac
import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudhall.kernel import tlog
from cloudhall.kernel.audit import AuditLog, Leaf
from cloudhall.kernel.audit_search import PLACES_MERGED_MAX
from cloudhall.kernel.errors import Invalid, NotFound
from cloudhall.kernel.keys import Keyring
from cloudhall.kernel.proofs import Proof
from cloudhall.kernel.world import SECOND_US, Simulated, World
from tests.kernel.audit_site import (
    ORIGIN,
    PERSON,
    Site,
    append,
    checkpoint,
    connect,
    entry,
    failures,
    installed,
    leaves,
    mth,
    restarted,
    root_of,
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with installed(tmp_path) as fresh:
        yield fresh


# Appending


def test_a_leaf_is_canonical_json_of_what_happened(site: Site) -> None:
    site.db.execute("BEGIN")
    idx = site.log.append(
        site.db,
        entry(reason='号"\n\x1f\u2028é', policies=("developer-creates", "same-city"), revision=7, phase="denied"),
    )
    (raw,) = leaves(site.db)
    facts = json.loads(raw)
    assert idx == 0
    assert raw == json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert facts == {
        "action": "storage.bucket:create",
        "actor": "ps0",
        "at_us": facts["at_us"],
        "phase": "denied",
        "policies": ["developer-creates", "same-city"],
        "project": "pj0",
        "reason": '号"\n\x1f\u2028é',
        "resource": "bk0",
        "revision": 7,
    }


@given(
    st.text(st.characters(codec="utf-8")),
    st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"))),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_makes_a_canonical_leaf_and_payload(site: Site, text: str, private: dict[str, str]) -> None:
    site.db.execute("BEGIN")
    site.log.append(site.db, entry(reason=text, private=private))
    rows = site.db.execute("SELECT leaf FROM audit_leaf UNION ALL SELECT payload FROM audit_payload").fetchall()
    site.db.execute("ROLLBACK")
    for (raw,) in rows:
        assert raw == json.dumps(json.loads(raw), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_an_outcome_names_its_intent(site: Site) -> None:
    (intent,) = append(site, 1, action="port:objects.ensure_bucket", phase="intent")
    (outcome,) = append(site, 1, action="port:objects.ensure_bucket", phase="outcome", intent=intent)
    assert site.log.search(site.db)[0] == (
        outcome,
        Leaf(
            actor="ps0",
            action="port:objects.ensure_bucket",
            resource="bk0",
            project="pj0",
            phase="outcome",
            intent=intent,
            at_us=site.log.search(site.db)[0].leaf.at_us,
        ),
    )


def test_an_entry_larger_than_a_bundle_can_carry_is_refused(site: Site) -> None:
    site.db.execute("BEGIN")
    with pytest.raises(Invalid, match="too large"):
        site.log.append(site.db, entry(reason="x" * 65_536))
    assert leaves(site.db) == []


def test_personal_data_stay_out_of_the_leaf(site: Site) -> None:
    append(site, 1, private=PERSON)
    (raw,) = leaves(site.db)
    ((salt, payload),) = site.db.execute("SELECT salt, payload FROM audit_payload").fetchall()
    assert "张三".encode() not in raw
    assert json.loads(payload) == PERSON
    assert json.loads(raw)["commitment"] == hmac.new(salt, payload, hashlib.sha256).hexdigest()


def test_equal_personal_data_cannot_be_told_from_their_commitments(site: Site) -> None:
    append(site, 2, private=PERSON)
    assert len({json.loads(raw)["commitment"] for raw in leaves(site.db)}) == 2


def test_a_rolled_back_savepoint_leaves_neither_gap_nor_trace(site: Site) -> None:
    site.db.execute("BEGIN IMMEDIATE")
    assert site.log.append(site.db, entry(1)) == 0
    site.db.execute("SAVEPOINT one")
    assert [site.log.append(site.db, entry(n, private=PERSON)) for n in range(3)] == [1, 2, 3]
    site.db.execute("ROLLBACK TO one")
    assert site.log.append(site.db, entry(2)) == 1
    site.db.execute("COMMIT")
    made = checkpoint(site)
    assert (made.size, made.root) == (2, root_of(site.db))
    assert site.db.execute("SELECT count(*) FROM audit_payload").fetchone() == (0,)


def test_a_rolled_back_checkpoint_is_simply_made_again(site: Site) -> None:
    append(site, 5)
    site.db.execute("BEGIN IMMEDIATE")
    lost = site.log.checkpoint(site.db)
    site.db.execute("ROLLBACK")
    append(site, 2)
    assert (lost.size, checkpoint(site).size) == (5, 7)
    restarted(site).verify_on_start(site.db)


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\n"])
def test_an_origin_that_notes_cannot_carry_is_refused(site: Site, origin: str) -> None:
    with pytest.raises(Invalid):
        AuditLog(origin, Keyring.open(site.home, site.world), site.world)


# Signing


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_checkpoint_is_the_root_of_what_it_covers(site: Site, steps: list[int]) -> None:
    site.db.execute("BEGIN")
    for step in steps:
        for n in range(step):
            site.log.append(site.db, entry(n))
        made = site.log.checkpoint(site.db)
        assert (made.size, made.root) == (len(leaves(site.db)), root_of(site.db))
    nodes = site.db.execute("SELECT count(*) FROM audit_node").fetchone()
    assert nodes == (sum(sum(steps) >> level for level in range(1, 10)),)
    site.db.execute("ROLLBACK")


def test_without_new_leaves_there_is_no_new_checkpoint(site: Site) -> None:
    append(site, 3)
    first = checkpoint(site)
    assert checkpoint(site) == first
    assert site.log.latest(site.db) == first
    assert site.db.execute("SELECT count(*) FROM audit_checkpoint").fetchone() == (1,)


def test_an_empty_log_can_be_signed(site: Site) -> None:
    assert site.log.latest(site.db) is None
    made = checkpoint(site)
    assert (made.size, made.root) == (0, tlog.EMPTY_ROOT)
    assert checkpoint(site) == made


# Proving


def test_every_entry_is_proven_under_every_later_checkpoint(site: Site) -> None:
    sizes = []
    for step in (1, 6, 26):
        append(site, step)
        sizes.append(checkpoint(site).size)
    for size in sizes:
        for idx in range(size):
            assert failures(site.log.prove(site.db, idx, size), site.log.verifier_key()) == []


def test_a_history_is_proven_in_one_file(site: Site) -> None:
    append(site, 23, private=PERSON)
    checkpoint(site)
    found = site.log.search(site.db, resource="bk3")
    proof = site.log.prove_all(site.db, [hit.idx for hit in found], private=True)
    assert [e.index for e in proof.entries] == [18, 13, 8, 3]
    assert failures(proof, site.log.verifier_key()) == []
    assert all(json.loads(e.payload or b"") == PERSON for e in proof.entries)
    assert b"payload" not in site.log.prove(site.db, 3).to_json()


def test_what_no_checkpoint_covers_yet_is_not_proven(site: Site) -> None:
    append(site, 3)
    with pytest.raises(NotFound):
        site.log.prove(site.db, 0)
    checkpoint(site)
    append(site, 1)
    for idx, size in ((3, None), (-1, None), (4, None), (0, 2)):
        with pytest.raises(NotFound):
            site.log.prove(site.db, idx, size)


def test_consistency_between_any_two_checkpoints(site: Site) -> None:
    made = []
    for step in (1, 2, 5, 8, 1, 30):
        append(site, step)
        made.append(checkpoint(site))
    for old, new in itertools.combinations_with_replacement(made, 2):
        way = site.log.consistency(site.db, old.size, new.size)
        proof = site.log.prove(site.db, 0, new.size)
        joined = Proof(proof.origin, proof.public_key, proof.checkpoint, proof.entries, way)
        assert failures(joined, site.log.verifier_key(), old.note) == []
    with pytest.raises(Invalid):
        site.log.consistency(site.db, 8, 3)
    with pytest.raises(NotFound):
        site.log.consistency(site.db, 2, 8)


def rotated(site: Site) -> None:
    Keyring.open(site.home, World()).rotate("audit.checkpoint")  # as another process does it


def test_a_new_key_signs_once_the_old_one_has_signed_an_entry_that_names_it(site: Site) -> None:
    append(site, 4)
    old, old_key = checkpoint(site), site.log.verifier_key()
    rotated(site)
    between = checkpoint(site)
    assert (between.size, site.log.verifier_key()) == (5, old_key)
    append(site, 1)
    checkpoint(site)
    new_key = site.log.verifier_key()
    assert new_key != old_key
    assert site.log.search(site.db, actor="service:audit")[0].leaf.resource == new_key
    for size in (old.size, between.size):
        assert failures(site.log.prove(site.db, 1, size), old_key) == []
    assert failures(site.log.prove(site.db, 5), new_key) == []
    restarted(site).verify_on_start(site.db)


def test_whoever_pinned_an_old_key_follows_over_every_change(site: Site) -> None:
    keys = []
    for _ in range(4):
        append(site, 3)
        checkpoint(site)
        keys.append(site.log.verifier_key())
        rotated(site)
        append(site, 2)
        checkpoint(site)
    proof = site.log.prove(site.db, 1)
    assert len({*keys}) == 4
    assert [failures(proof, key) for key in keys] == [[]] * 4
    cut = msgspec.structs.replace(proof, handovers=proof.handovers[1:])
    assert failures(cut, keys[1]) == []
    assert failures(cut, keys[0]) == ["the public key is not the pinned one"]


def test_a_destroyed_key_introduces_nobody(site: Site) -> None:
    append(site, 4)
    checkpoint(site)
    old_key = site.log.verifier_key()
    Keyring.open(site.home, World()).destroy("audit.checkpoint", site.log._keys.ids("audit.checkpoint")[0])
    checkpoint(site)
    proof = site.log.prove(site.db, 1)
    assert failures(proof, site.log.verifier_key()) == []
    assert failures(proof, old_key) == ["the public key is not the pinned one"]


def test_each_installation_has_a_log_of_its_own_name_and_keeps_it(tmp_path: Path) -> None:
    logs = []
    for name in ("one", "two"):
        keys = Keyring.open(tmp_path / name, World())
        log = AuditLog.open(keys, World())
        log.verify_on_start(connect(tmp_path / name))
        assert AuditLog.open(keys, World()).origin == log.origin
        logs.append(log.origin)
    assert len({*logs}) == 2


def test_of_two_processes_that_begin_at_once_the_first_names_the_log(tmp_path: Path) -> None:
    keys, db = Keyring.open(tmp_path, World()), connect(tmp_path)
    first, second = AuditLog.open(keys, World()), AuditLog.open(keys, World())
    first.verify_on_start(db)
    second._begin()  # it has looked for a head before the first one kept its own
    assert second.origin == first.origin


def test_tiles_and_bundles_rebuild_the_signed_tree(site: Site) -> None:
    append(site, 600)
    made = checkpoint(site)
    bundles = [site.log.entries(site.db, 0), site.log.entries(site.db, 1), site.log.entries(site.db, 2, 88)]
    tiles = [site.log.tile(site.db, 0, 0), site.log.tile(site.db, 0, 1), site.log.tile(site.db, 0, 2, 88)]
    hashes = [[tile[i : i + 32] for i in range(0, len(tile), 32)] for tile in tiles]
    assert [len(tile) for tile in tiles] == [8192, 8192, 88 * 32]
    assert bundles == [tlog.bundle(leaves(site.db)[n * 256 : n * 256 + 256]) for n in range(3)]
    assert mth([hash_ for tile in hashes for hash_ in tile]) == made.root
    assert site.log.tile(site.db, 1, 0, 2) == mth(hashes[0]) + mth(hashes[1])


@pytest.mark.parametrize("place", [(0, 0, 256), (0, 1, 1), (1, 0, 1), (7, 0, 1)])
def test_tiles_beyond_the_checkpoint_are_not_served(site: Site, place: tuple[int, int, int]) -> None:
    append(site, 255)
    with pytest.raises(NotFound):
        site.log.entries(site.db, 0, 255)
    checkpoint(site)
    append(site, 20)
    with pytest.raises(NotFound):
        site.log.tile(site.db, *place)
    with pytest.raises(NotFound):
        site.log.entries(site.db, 0)
    assert len(site.log.tile(site.db, 0, 0, 255)) == 255 * 32


# Finding and shredding


def test_search_is_newest_first_and_takes_all_filters_together(site: Site) -> None:
    append(site, 30)
    site.world.advance(3600)
    later_us = site.world.now_us()
    append(site, 4, action="session:login", resource="", project="")
    log, db = site.log, site.db

    def idxs(**filters: object) -> list[int]:
        return [hit.idx for hit in log.search(db, **filters)]  # type: ignore[arg-type]  # filters are given by name

    assert idxs(limit=3) == [33, 32, 31]
    assert idxs(limit=3, before_idx=31) == [30, 29, 28]
    assert idxs(actor="ps1", limit=2) == [31, 28]
    assert idxs(resource="bk2") == [27, 22, 17, 12, 7, 2]
    assert idxs(resource="bk2", places=("pj1",)) == [27, 17, 7]
    assert idxs(resource="bk2", places=("pj0", "pj1"), limit=4) == [27, 22, 17, 12]
    assert idxs(places=("pj1", "pj0"), limit=4) == [29, 28, 27, 26]
    assert idxs(places=("pj1", "pj0"), limit=3, before_idx=27, actor="ps0") == [24, 21, 18]
    assert idxs(places=("pj0", ""), limit=6) == [33, 32, 31, 30, 28, 26]
    many = tuple(f"none{n}" for n in range(2 * PLACES_MERGED_MAX))
    assert idxs(places=("pj0", *many, "pj1"), limit=4) == [29, 28, 27, 26]
    assert idxs(action="session:login") == [33, 32, 31, 30]
    assert idxs(since_us=later_us) == [33, 32, 31, 30]
    assert idxs(since_us=later_us, actor="ps2") == [32]
    assert idxs(since_us=later_us + SECOND_US) == []
    assert idxs(actor="nobody") == []


def test_search_by_time_finds_all_even_where_the_clock_was_set_back(site: Site) -> None:
    start_us = site.world.now_us()
    for offset_s in (0, 50, 10, 30, 60, 40):  # a restart may find the clock behind
        log = AuditLog(ORIGIN, Keyring.open(site.home, site.world), Simulated(2, start_us + offset_s * SECOND_US))
        site.db.execute("BEGIN")
        log.append(site.db, entry())
        site.db.execute("COMMIT")
    assert [hit.idx for hit in site.log.search(site.db, since_us=start_us + 35 * SECOND_US)] == [5, 4, 1]


THREE = ("x", "y", "z")


@pytest.mark.parametrize(
    ("filters", "index", "walks"),
    [
        ({"actor": "x"}, "actor", 1),
        ({"resource": "x"}, "resource", 1),
        ({"places": ("x",)}, "project", 1),
        ({"places": THREE}, "project", 3),
        ({"places": THREE, "action": "a", "since_us": 1, "before_idx": 9}, "project", 3),
        ({"places": THREE, "resource": "x"}, "resource", 1),
        ({"places": THREE, "actor": "x"}, "actor", 1),
    ],
)
def test_search_walks_an_index_and_sorts_nothing(
    site: Site, filters: Mapping[str, object], index: str, walks: int
) -> None:
    asked: list[str] = []
    site.db.set_trace_callback(asked.append)
    site.log.search(site.db, limit=5, **filters)  # type: ignore[arg-type]  # filters are given by name
    site.db.set_trace_callback(None)
    plan = [row[3] for row in site.db.execute(f"EXPLAIN QUERY PLAN {asked[0]}")]
    assert len(asked) == 1
    assert sum(f"SEARCH audit_leaf USING INDEX audit_leaf_{index} ({index}=?" in line for line in plan) == walks
    assert not [line for line in plan if "SCAN" in line or "TEMP B-TREE" in line]


def test_shredding_removes_the_person_and_keeps_the_proof(site: Site) -> None:
    append(site, 3, private=PERSON)
    checkpoint(site)
    before = site.log.prove(site.db, 1, private=True)
    assert site.log.shred(site.db, 1) is True
    assert site.log.shred(site.db, 1) is False
    after = site.log.prove(site.db, 1, private=True)
    assert failures(before, site.log.verifier_key()) == []
    assert failures(after, site.log.verifier_key()) == []
    assert (after.entries[0].payload, after.entries[0].salt) == (None, None)
    assert after.entries[0].leaf == before.entries[0].leaf
    assert site.log.prove(site.db, 2, private=True).entries[0].payload is not None
