"""Rescue: a request that fits nowhere is given room by moving a few machines off one host.

Candidates are the sets of at most `moves_max` machines that share a host on which the request would fit without them.
They are tried from the cheapest on, and the first set whose machines all find another host is the plan; trying means
really moving them, on a trial.

Cheapest is what disturbs the fewest machines. Among those, what leaves hosts least lopsided: cores without memory are
of no use to whoever comes next, nor is memory without cores, and the next rescue would have to make it good. Then the
lowest host.
"""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.columns import Ints
from cloudhall.domains.compute.placement.engine import Engine, Refusal
from cloudhall.domains.compute.placement.fit import has_labels, keys_all
from cloudhall.domains.compute.placement.planner.lopsided import imbalance
from cloudhall.domains.compute.placement.planner.plan import Moves, Plan, Step, basis_of
from cloudhall.domains.compute.placement.request import Request
from cloudhall.domains.compute.placement.state import NO_GROUP
from cloudhall.kernel.text import T

TRIES_MAX = 64
NOWHERE = 1 << 40
"""Price of a machine that has nowhere to go."""
CLASSES_MAX = 24
"""Classes of which machines are moved: the most frequent ones. Their pairs are 300, a pass over the hosts each."""


class Guests(NamedTuple):
    """Who is where: `many[host, n]` machines of class `classes[n]`; `size[n]` is what one takes of each dimension."""

    classes: Ints
    many: Ints
    size: Ints


class Candidate(NamedTuple):
    """Machines of one host: positions in `Guests.classes`."""

    host: int
    kinds: tuple[int, ...]


def rescue(engine: Engine, request: Request, group: int = NO_GROUP, *, moves_max: int = 2) -> Plan | None:
    """Plan that makes room for `request`, or nothing where no `moves_max` machines of one host would do.

    5 ms at 1,000 hosts of 16 classes; O(hosts * sets of classes).
    """
    guests = _guests(engine)
    for candidate in itertools.islice(_candidates(engine, guests, request, moves_max), TRIES_MAX):
        steps = _tried(engine, guests, candidate, request, group)
        if steps:
            name = engine.fleet.names[candidate.host]
            gain = T(f"在 {name} 上腾出位置", f"room for the request on {name}")
            moves = Moves.of(steps)
            return Plan(T("腾挪", "rescue"), gain, moves, basis_of(engine, moves))
    return None


def _guests(engine: Engine) -> Guests:
    books = engine.state.books
    live = books.allocs[books.allocs[:, at.HOST] >= 0]
    class_ = live[:, at.CLASS] & (at.CLASSES_MAX - 1)
    seen = np.bincount(class_, minlength=1)
    classes = np.argsort(-seen, kind="stable")[: min(CLASSES_MAX, np.count_nonzero(seen))]
    number = np.full(len(seen), -1)
    number[classes] = np.arange(len(classes))
    kept = number[class_] >= 0
    many = np.zeros((len(books.hosts), len(classes)), np.int64)
    np.add.at(many, (live[kept, at.HOST], number[class_[kept]]), 1)
    return Guests(classes, many, _sizes(books.classes[classes]))


def _sizes(rows: Ints) -> Ints:
    """Shared cores, memory, own cores, graphics in all: what a request takes, in dimensions that add up."""
    graphics = rows[:, at.NEED_GPUS] * rows[:, at.GPU_MILLI]
    return np.stack((rows[:, at.CPU], rows[:, at.MEM], rows[:, at.CORES], graphics), 1)


def _free(hosts: Ints) -> Ints:
    graphics = hosts[:, at.GPU : at.GPU + at.GPUS_MAX].sum(1)
    return np.stack((hosts[:, at.CPU], hosts[:, at.MEM], hosts[:, at.CORES], graphics), 1)


def _candidates(engine: Engine, guests: Guests, request: Request, moves_max: int) -> Iterator[Candidate]:
    """Sets that would free enough of every dimension, in order of price; the trial knows the rest."""
    books = engine.state.books
    need = books.classes[engine.class_of(request)]
    hosts = np.flatnonzero(has_labels(books.hosts.T, need))
    lacks = _sizes(need[None])[0] - _free(books.hosts[hosts])
    many = guests.many[hosts]
    away = np.stack([_away(engine, int(class_))[hosts] for class_ in guests.classes], 1)
    lopsided = imbalance(books.hosts)[hosts]
    for moves in range(1, moves_max + 1):
        found: list[tuple[int, int, tuple[int, ...]]] = []
        for kinds in itertools.combinations_with_replacement(range(len(guests.classes)), moves):
            able = np.all(lacks <= guests.size[list(kinds)].sum(0), 1)
            for kind in set(kinds):
                able &= (many[:, kind] >= kinds.count(kind)) & (away[:, kind] < NOWHERE)
            left = books.hosts[hosts[able]]
            left[:, [at.CPU, at.MEM, at.CORES]] += guests.size[list(kinds), :3].sum(0) - _sizes(need[None])[0, :3]
            price = imbalance(left) - lopsided[able] + away[able][:, list(kinds)].sum(1)
            found += zip(price.tolist(), hosts[able].tolist(), itertools.repeat(kinds))
        for _, host, kinds in sorted(found):
            yield Candidate(host, kinds)


def _away(engine: Engine, class_: int) -> Ints:
    """Per host: by how much one of this class makes the best other host more lopsided; `NOWHERE` if there is none."""
    books = engine.state.books
    need = books.classes[class_]
    keys = keys_all(books.hosts, need, books.mix)
    targets = np.argsort(keys, kind="stable")[:2]
    rows = books.hosts[targets]
    after = rows.copy()
    after[:, [at.CPU, at.MEM, at.CORES]] -= need[[at.CPU, at.MEM, at.CORES]]
    price = np.where(keys[targets] < at.NONE, imbalance(after) - imbalance(rows), NOWHERE)
    every = np.full(len(keys), price[0])
    every[targets[0]] = price[1] if len(price) > 1 else NOWHERE
    return every


def _tried(engine: Engine, guests: Guests, candidate: Candidate, request: Request, group: int) -> list[Step]:
    """Steps of a candidate, or none where they lead nowhere."""
    steps = []
    with engine.trial():
        for id in _chosen(engine, guests, candidate):
            answer = engine.move(id, avoid=(candidate.host,))
            if isinstance(answer, Refusal):
                return []
            steps.append(Step(id, candidate.host, answer.host, engine.allocation(id).request.memory_mib))
        fits = not isinstance(engine.place_on(request, candidate.host, group), Refusal)
    return steps if fits else []


def _chosen(engine: Engine, guests: Guests, candidate: Candidate) -> list[int]:
    """The eldest guests of the classes: who has run longest is likeliest to stay, so the move pays longest."""
    wanted, ids = [int(guests.classes[kind]) for kind in candidate.kinds], []
    for id in engine.guests(candidate.host):
        class_ = engine.class_of(engine.allocation(id).request)
        if class_ in wanted:
            wanted.remove(class_)
            ids.append(id)
    return ids
