"""What "acknowledged" means, by scheme: what an object survives that a client was told is written. Data.

The engine promises none of it in words; the tests in `shown_by` take away what a row says may go, and read everything
back. Bytes are in the page cache of each server that holds a copy, until its kernel writes them; `fsync` forces them
to disk before the answer. Names are forced to disk by PostgreSQL (`synchronous_commit`, its default); a filer's own
store does not force them, so without PostgreSQL no scheme survives a loss of power.
"""

from typing import Literal

import msgspec

from cloudhall.kernel.text import T

Power = Literal["nobody", "one server", "everybody"]
TESTS = "tests/drivers/objects/cluster"
FAULTS = f"{TESTS}/test_faults.py::test_nothing_acknowledged_is_lost"
CODED = f"{TESTS}/test_faults.py::test_four_of_fourteen_shard_holders_may_die"
SINGLE = f"{TESTS}/test_cluster.py::test_one_copy_outlives_its_process_and_not_its_server"
FORCED = f"{TESTS}/test_cluster.py::test_bytes_are_forced_to_disk_where_that_is_asked_for"


class Scheme(msgspec.Struct, frozen=True, kw_only=True):
    """How a pool keeps its objects; `placement` is SeaweedFS's (see `Shape`), `coded` means 10+4 shards later on."""

    name: str
    title: T
    placement: str
    fsync: bool = False
    coded: bool = False
    processes: Literal["all"] = "all"
    """Which processes may be killed at once."""
    servers: int
    """How many servers may be lost at once; of shards, where each of the 14 has a server of its own."""
    power: Power
    """Whose power may fail at once."""
    raw_per_mille: int
    """Bytes on disks for 1,000 bytes of objects, once volumes are large."""
    shown_by: tuple[str, ...]


ONE = Scheme(
    name="one",
    title=T("一份", "One copy"),
    placement="000",
    servers=0,
    power="nobody",
    raw_per_mille=1_000,
    shown_by=(SINGLE,),
)
ONE_FORCED = Scheme(
    name="one-forced",
    title=T("一份，先落盘再应答", "One copy, forced to disk"),
    placement="000",
    fsync=True,
    servers=0,
    power="everybody",
    raw_per_mille=1_000,
    shown_by=(SINGLE, FORCED),
)
TWO = Scheme(
    name="two",
    title=T("两份，分在两个机架", "Two copies in two racks"),
    placement="010",
    servers=1,
    power="one server",
    raw_per_mille=2_000,
    shown_by=(FAULTS,),
)
TWO_FORCED = Scheme(
    name="two-forced",
    title=T("两份，先落盘再应答", "Two copies, forced to disk"),
    placement="010",
    fsync=True,
    servers=1,
    power="everybody",
    raw_per_mille=2_000,
    shown_by=(FAULTS, FORCED),
)
COLD = Scheme(
    name="cold",
    title=T("纠删码 10+4", "Erasure code 10+4"),
    placement="010",
    coded=True,
    servers=4,
    power="one server",
    raw_per_mille=1_400,
    shown_by=(CODED,),
)
SCHEMES = (ONE, ONE_FORCED, TWO, TWO_FORCED, COLD)
