"""Fleets from tables: what is read, what is sold of it, and what a broken line says."""

from pathlib import Path

import duckdb
import numpy as np
import pytest

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.tables import Overcommit, read_fleet
from cloudhall.domains.compute.placement.topology import Level
from cloudhall.kernel.errors import Invalid

HEADER = "name,hall,rack,cpu_milli,memory_mib,cores_milli,tier,gpus,paired,labels\n"
ROWS = "b,h2,r1,64000,262144,,1,,,zone=a\na,h1,r1,64000,262144,8000,,8,1,zone=a;pool=tax\nc,h2,r1,48000,1024,,,,,\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "fleet.csv"
    path.write_text(text, "utf-8")
    return path


def test_domains_lie_side_by_side_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = HEADER + ROWS + "d,h1,r1,1000,1024,,,,,\n"
    fleet = read_fleet(written(tmp_path, text))
    assert fleet.names == ("b", "c", "a", "d")
    assert fleet.topology.domain[Level.HALL].tolist() == [0, 0, 1, 1]
    assert fleet.capacity[2, at.GPU : at.GPU + 8].tolist() == [1000] * 8
    assert fleet.capacity[2, [at.NODE_CPU, at.NODE_MEM]].tolist() == [36_000, 131_072]
    assert fleet.labels.names(int(fleet.capacity[2, at.LABELS])) == ("zone=a", "pool=tax")


def test_parquet_is_read_like_csv(tmp_path: Path) -> None:
    source, table = written(tmp_path, HEADER + ROWS), tmp_path / "fleet.parquet"
    with duckdb.connect() as database:
        database.read_csv(str(source)).write_parquet(str(table))
    one, other = read_fleet(source), read_fleet(table)
    assert one.names == other.names
    assert np.array_equal(one.capacity, other.capacity)


def test_a_parquet_file_that_is_none_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "fleet.parquet"
    table.write_text(HEADER, "utf-8")
    with pytest.raises(Invalid) as refused:
        read_fleet(table)
    assert refused.value.details["file"] == str(table)


def test_a_parquet_file_without_sizes_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "fleet.parquet"
    with duckdb.connect() as database:
        database.sql("SELECT 'a' AS name, 64000 AS cpu_milli").write_parquet(str(table))
    with pytest.raises(Invalid) as refused:
        read_fleet(table)
    assert refused.value.details["column"] == "memory_mib"


def test_a_pool_sells_what_it_says(tmp_path: Path) -> None:
    pools = {"": Overcommit(reserve_memory_mib=1_024), "pool=tax": Overcommit(300, 1_000, 4_096)}
    fleet = read_fleet(written(tmp_path, HEADER + ROWS), pools)
    assert fleet.capacity[:, [at.CPU, at.MEM]].tolist() == [[64_000, 261_120], [48_000, 0], [191_000, 258_048]]


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("name,cpu_milli\n", 1, "memory_mib"),
        (HEADER + "b,h,r,64000\n", 2, ""),
        (HEADER + ROWS + "d,h,r,-5,1,,,,,\n", 5, "cpu_milli"),
        (HEADER + ROWS + "d,h,r,5,x,,,,,\n", 5, "memory_mib"),
        (HEADER + ROWS + "d,h,r,5,5,,,9,,\n", 5, "gpus"),
        (HEADER + ROWS + "b,h,r,5,5,,,,,\n", 5, "name"),
        (HEADER + ROWS + "d,h,r,5,5,,,,," + ";".join(f"l{n}" for n in range(60)) + "\n", 5, "labels"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, text: str, line: int, column: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_fleet(written(tmp_path, text))
    assert refused.value.details["line"] == line
    assert refused.value.details["column"] == column
    assert str(tmp_path / "fleet.csv") in refused.value.text.en
