"""What a topology means, and what is decided from it: no process runs here."""

from cloudhall.drivers.objects.cluster import steps
from cloudhall.drivers.objects.cluster.health import Health, judged, spare
from cloudhall.drivers.objects.cluster.topology import Coded, Server, Topology, Volume

MINUTE_US = 60_000_000
GIB = 1 << 30


def server(number: int, rack: int, free_slots: int = 10) -> Server:
    return Server(f"s{number}", f"rack-{rack}", 0, 0, free_slots, 100 * GIB, 50 * GIB)


def volume(number: int, *servers: str, placement: str = "010", size_bytes: int = GIB) -> Volume:
    return Volume(number, "bucket", placement, servers, size_bytes, 0, read_only=False)


def coded(number: int, holders: int, missing: int = 0) -> Coded:
    """Shards dealt out to so many servers in turn, the first ones missing."""
    shards = {shard: (f"s{shard % holders}",) for shard in range(missing, 14)}
    return Coded(number, "bucket", shards, GIB // 10)


RACKS = tuple(server(n, n % 3) for n in range(6))


def look(before: Health, seen: Topology, now_us: int) -> Health:
    return judged(before, seen, [s.address for s in RACKS], ["bucket"], now_us)


def test_all_is_safe_with_every_copy_and_every_shard() -> None:
    health = look(Health(), Topology(RACKS, (volume(1, "s0", "s1"),), (coded(2, 14),)), 1)
    assert (health.state, health.risks, health.since_us, health.peak) == ("safe", (), 0, 0)


def test_a_risk_keeps_its_beginning_and_its_repair_is_counted() -> None:
    short = Topology(RACKS[1:], (volume(1, "s1"), volume(2, "s1")), (coded(3, 14, missing=2),))
    first = look(Health(), short, 100)
    assert (first.state, first.silent, first.peak) == ("at_risk", {"s0": 100}, 3)
    assert [(r.volume, r.have, r.want, r.spare) for r in first.risks] == [(1, 1, 2, 0), (2, 1, 2, 0), (3, 12, 14, 2)]
    half = Topology(RACKS[1:], (volume(1, "s1", "s2"), volume(2, "s1")), (coded(3, 14),))
    second = look(first, half, 200)
    assert (second.mended, second.peak, second.since_us, second.silent) == (2, 3, 100, {"s0": 100})
    whole = look(second, Topology(RACKS, (volume(1, "s1", "s2"), volume(2, "s1", "s2")), (coded(3, 14),)), 300)
    assert (whole.state, whole.peak, whole.silent) == ("safe", 0, {})


def test_what_nobody_holds_is_unreadable_until_its_bucket_goes() -> None:
    before = look(Health(), Topology(RACKS, (volume(1, "s0", "s1"),)), 1)
    gone = look(before, Topology(RACKS), 2)
    assert (gone.state, gone.risks[0].spare, gone.risks[0].bytes) == ("unreadable", -1, GIB)
    assert judged(gone, Topology(RACKS), [], [], 3).state == "safe"


def test_the_servers_that_hold_most_shards_are_reckoned_to_fail_first() -> None:
    assert [spare(coded(1, 14, missing)) for missing in range(6)] == [4, 3, 2, 1, 0, -1]
    assert spare(coded(1, 6)) == 1  # three of 14 on some servers: two of those are six
    assert spare(coded(1, 2)) == 0


def test_a_copy_goes_to_another_rack_where_most_room_is() -> None:
    roomy = server(7, 2, free_slots=99)
    seen = Topology((*RACKS, roomy), (volume(1, "s1"),))
    health = look(Health(), seen, 1)
    assert steps.copies(seen, health, [], 2) == [steps.Copy(1, "s1", "s7")]
    assert steps.copies(seen, health, ["s7"], 2)[0].target != "s7"
    assert steps.copies(seen, health, [], 1) == []  # not yet at risk for long enough
    same_rack = (server(1, 1), server(4, 1))
    assert steps.copies(Topology(same_rack, (volume(1, "s1"),)), health, [], 2) == []
    [copy] = steps.copies(Topology(RACKS, (volume(1, "s1", placement="001"),)), health, [], 2)
    assert copy.target == "s4"
    full = tuple(server(n, n % 3, free_slots=0) for n in range(6))
    assert steps.copies(Topology(full, (volume(1, "s1"),)), health, [], 2) == []


def test_copies_of_many_volumes_spread() -> None:
    seen = Topology(RACKS, tuple(volume(n, "s1") for n in range(8)))
    made = steps.copies(seen, look(Health(), seen, 1), [], 2)
    assert {copy.target: sum(c.target == copy.target for c in made) for copy in made} == dict.fromkeys(
        ("s0", "s2", "s3", "s5"), 2
    )


def test_a_server_is_emptied_volume_by_volume_and_of_its_shards_after_them() -> None:
    seen = Topology(RACKS, (volume(1, "s0", "s1"), volume(2, "s1", "s2")))
    [move] = steps.moves(seen, ["s0", "s5"])
    assert move in {steps.Copy(1, "s0", f"s{n}") for n in (2, 3)}
    assert steps.evacuating(seen, ["s0"]) == ()
    shards = Topology((with_shards(server(0, 0)), server(1, 1)))
    assert steps.evacuating(shards, ["s0", "s1"]) == ("volumeServer.evacuate -node=s0 -apply",)


def test_shards_are_computed_anew_while_ten_are_left() -> None:
    for missing, due in ((0, ()), (1, steps.REBUILD), (4, steps.REBUILD), (5, ())):
        seen = Topology(RACKS, coded=(coded(1, 14, missing),))
        assert steps.rebuilds(look(Health(), seen, 1), 2) == due


def test_shards_that_lie_together_get_servers_of_their_own() -> None:
    servers = tuple(server(n, n % 3) for n in range(15))
    assert steps.spread(Topology(servers, coded=(coded(1, 14),)), []) == []
    moves = steps.spread(Topology(servers, coded=(coded(1, 12),)), ["s14"])
    assert [move[2:] for move in moves] == [(0, "s0", "s13"), (1, "s1", "s12")]
    assert steps.spread(Topology(RACKS, coded=(coded(1, 6),)), []) == []


def test_a_copy_too_many_is_trimmed_and_an_empty_server_is_drained() -> None:
    seen = Topology((server(0, 0), with_shards(server(1, 1))), (volume(1, "s0", "s1", "s2"),))
    assert steps.trimming(seen) == (steps.TRIM,)
    assert steps.trimming(Topology(RACKS, (volume(1, "s0", "s1"),))) == ()
    assert [steps.drained(address, seen) for address in ("s0", "s1", "unheard")] == [True, False, True]


def with_shards(of: Server) -> Server:
    """The same with shards on it."""
    return Server(of.address, of.rack, 0, 3, of.free_slots, of.total_bytes, of.free_bytes)


def test_a_buckets_dot_matches_no_other_bucket() -> None:
    assert steps.encoding("a.b")[0].startswith("ec.encode -collection=^a[.]b$ ")
