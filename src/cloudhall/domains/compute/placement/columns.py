"""What stands in which column: of a host, of a request class, of an allocation. Integers everywhere.

Cores are thousandths (`_milli`), memory is MiB. A host's first eight columns are one cache line of 64 bytes and all
that an ordinary request reads of it; keep them together. `hosts` holds what is free, `capacity` what there is in all.
`hot` repeats the first eight columns, so that looking through hosts reads nothing else.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]
Words = npt.NDArray[np.uint64]
Row = Any
"""One row of integers, or a matrix column by column: functions over rows are written for both."""

# host
CPU, MEM, CORES, LABELS, OWNER, R_CPU, R_MEM, R_CORES = range(8)
GUESTS, HEAD, TIER, NODE_CPU, NODE_MEM = 8, 9, 10, 12, 14
GPU = 16
GPUS_MAX = 8
HOST_COLUMNS = GPU + GPUS_MAX
HOT_COLUMNS = 8
"""A paired host has free cores of its NUMA nodes in NODE_CPU and NODE_CPU + 1, memory in NODE_MEM and NODE_MEM + 1."""

# request class; CPU, MEM, CORES as above
MASK, WANT, NEED_OWNER, PREFER, NUMA, NEED_GPUS, GPU_MILLI, PROFILE = range(3, 11)
PLAIN = 11
"""Whether the columns of `hot` say all that the class asks about a host that is not paired."""
SLOT = 15
"""Not part of what is asked: where the index keeps the tree of this class, or -1."""
CLASS_COLUMNS = 16
ANY, ONE, BOTH = range(3)
"""Of NUMA: whichever fits, one node, both in halves."""

# allocation; CLASS also holds the detail: class | detail << CLASS_BITS
HOST, CLASS, NEXT, PREV, GROUP, GROUP_NEXT, GROUP_PREV, SERIAL = range(8)
ALLOC_COLUMNS = 8
CLASS_BITS = 20
CLASSES_MAX = 1 << CLASS_BITS
NODE_SHIFT = GPUS_MAX
"""Detail: a bit a graphics processor taken, then a bit a NUMA node taken, then whether it is held for later."""
HELD = 1 << (NODE_SHIFT + 2)

# group
G_HEAD, G_LEVEL, G_LIMIT = range(3)
GROUP_COLUMNS = 3
NO_RULE, ASK = -1, -2
"""In place of a group's level: no rule at all; rules that only `groups.judge` knows."""
MARK_COUNTS = 1 << 12
"""The index counts members of a group in a domain below this."""

# log entry: what, row, host, class word (or state labels), group, serial
SETTLED, ENDED, LABELLED = range(3)
LOG_COLUMNS = 6
LOG_ROWS = 1 << 16
LOG_SPARE = 8
"""Entries that one step may write at most; with fewer left the log must be flushed first."""

# the mix of work that is expected, a row a type of task; MIX_WEIGHT is its share
MIX_CPU, MIX_MEM, MIX_GPUS, MIX_GPU_MILLI, MIX_WEIGHT = range(5)
MIX_COLUMNS = 5
MIX_TOTAL = 1 << 12
"""What the weights of a mix add up to."""

# totals
T_FREE, T_SERIAL, T_LIVE, T_TOUCHED, T_LOGGED, T_LOGGING = range(6)
TOTALS = 8

# packed key: penalty | score | host; the least wins
HOST_BITS, SCORE_BITS, PENALTY_BITS = 21, 38, 4
NONE = (1 << 63) - 1
"""Key of a host that does not fit."""
HOSTS_MAX = 1 << HOST_BITS
SHARE_BITS, RECIPROCAL_BITS = 15, 40
"""Shares of a host are `free * reciprocal >> (RECIPROCAL_BITS - SHARE_BITS)`: 0 to 2**15, without a division."""

# system labels
DRAINED, FAILED, PAIRED = 1 << 0, 1 << 1, 1 << 2
FIRST_FREE_LABEL = 3
LABELS_MAX = 62
