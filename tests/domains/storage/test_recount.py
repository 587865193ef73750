"""When a count of a bucket may be believed."""

from cloudhall.domains.storage.recount import settle
from cloudhall.drivers.objects import Change

COUNT = {"b": [1_000, 10, 100, 200]}


def change(at_us: int, bucket: str = "b") -> Change:
    return Change(bucket, 5, 1, at_us)


def test_a_count_is_exact_once_the_stream_has_passed_it_in_silence() -> None:
    assert settle(COUNT, [], 199).waiting == COUNT
    assert settle(COUNT, [], 200).exact == {"b": (1_000, 10)}


def test_what_came_after_the_count_is_added() -> None:
    assert settle(COUNT, [change(99), change(201), change(202)], 300).exact == {"b": (1_010, 12)}


def test_a_change_within_the_count_means_another_one() -> None:
    for at_us in (100, 150, 200):
        assert settle(COUNT, [change(at_us)], 300).again == ["b"]


def test_a_change_within_the_count_is_not_forgotten_while_the_stream_is_still_behind() -> None:
    settled = settle(COUNT, [change(150)], 160)
    assert settled.again == ["b"]
    assert not settled.waiting


def test_changes_of_other_buckets_do_not_matter() -> None:
    assert settle(COUNT, [change(150, "c")], 300).exact == {"b": (1_000, 10)}
