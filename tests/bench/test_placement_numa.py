"""The NUMA queue: what is generated has the form, and a queue is served as the rules say."""

from pathlib import Path

import numpy as np

from bench.placement_numa import MORE, NODE_GB, ByProfile, FirstFit, Wish, queue_from, trimmed_mean, wait_s, wishes
from bench.support.numa_trace import generate, write
from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.traces import read_queue


def test_what_is_generated_is_read_back(tmp_path: Path) -> None:
    made = generate(3, 500)
    write(made, tmp_path)
    found = read_queue(tmp_path)
    assert all(np.array_equal(one, other) for one, other in zip(found, made, strict=True))
    assert np.all(np.diff(made.arrival_s) >= 0)
    assert made.life_s.min() > 0


def test_a_queue_ends_forty_after_the_first_that_does_not_fit() -> None:
    whole = Wish(40_000, 90 * 1024, split=True, arrival_s=0, life_s=60)
    assert len(queue_from([whole] * 100, 10)) == 5 + MORE


def test_the_head_waits_and_everybody_behind_it() -> None:
    big = Wish(40_000, 90 * 1024, split=True, arrival_s=0, life_s=100)
    small = Wish(1_000, 1_024, split=False, arrival_s=10, life_s=100)
    for policy in (FirstFit(), ByProfile("numa")):
        assert wait_s([big] * 6 + [small], policy) == 100 + 90  # the sixth from 0 to 100, the small one from 10 to 100


def test_a_split_machine_takes_half_of_each_node() -> None:
    every = wishes(generate(3, 500), 10)
    assert {wish.split for wish in every} == {True, False}
    assert all(wish.memory_mib <= 10 * 1024 for wish in every if not wish.split)
    hosts = ByProfile("numa")
    split = next(wish for wish in every if wish.split)
    assert hosts.place(split) is not None
    nodes = hosts.engine.state.books.hosts[0, at.NODE_MEM : at.NODE_MEM + 2]
    assert nodes.tolist() == [NODE_GB * 1024 - split.memory_mib] * 2


def test_a_trimmed_mean_leaves_out_a_tenth_at_each_end() -> None:
    assert trimmed_mean([0, *range(1, 9), 1_000]) == 4.5
