"""The hash of a state: equal when what is free and what is allocated is equal, however it came about."""

import hashlib

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.columns import Small, Words
from cloudhall.domains.compute.placement.ledger import Books

FACTORS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))
"""Odd constants of splitmix64 and xxHash, one a lane."""
OF_HOST = (at.CPU, at.MEM, at.CORES, at.LABELS, at.OWNER, at.GUESTS, at.TIER)
OF_DEVICES = (*range(at.NODE_CPU, at.NODE_CPU + 4), *range(at.GPU, at.HOST_COLUMNS))
OF_ALLOCATION = (at.SERIAL, at.HOST, at.CLASS, at.GROUP)
PART_ROWS = 1 << 18
"""Allocations at a time: some megabytes beside the state, however many there are."""


def fingerprint(books: Books) -> str:
    """32 hexadecimal digits. 0.3 s at 300,000 hosts with 5 million allocations.

    Orders of lists and numbers of rows do not enter: a state rebuilt from its allocations has the hash of the old one.
    """
    digest = hashlib.blake2b(digest_size=16)
    for column in (*OF_HOST, *OF_DEVICES):
        digest.update(books.hosts[:, column].tobytes())
    lanes = np.zeros(len(FACTORS), np.uint64)
    for first in range(0, len(books.allocs), PART_ROWS):
        part = books.allocs[first : first + PART_ROWS]
        live = part[part[:, at.HOST] >= 0]
        lanes += np.array([_lane(live, factor) for factor in FACTORS])
    digest.update(lanes.tobytes())
    return digest.hexdigest()


def _lane(live: Small, factor: np.uint64) -> np.uint64:
    words = np.zeros(len(live), np.uint64)
    for column in OF_ALLOCATION:
        words = _stir((words + live[:, column].astype(np.uint64)) * factor)
    return np.uint64(words.sum())


def _stir(words: Words) -> Words:
    words ^= words >> np.uint64(29)
    words *= np.uint64(0xBF58476D1CE4E5B9)
    words ^= words >> np.uint64(32)
    return words
