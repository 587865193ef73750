"""Parts and their command lines as data."""

from pathlib import Path

import pytest

from cloudhall.drivers.objects.cluster import commands, parts
from cloudhall.drivers.objects.cluster.parts import Shape
from cloudhall.kernel.errors import NotFound


def test_volume_servers_go_round_the_racks_and_names_are_never_given_twice() -> None:
    estate = parts.founded(Shape())
    assert [part.rack for part in estate.of("volume")] == ["rack-1", "rack-2", "rack-3"] * 2
    assert [len(estate.of(role)) for role in ("master", "filer", "gateway")] == [3, 2, 2]
    estate = estate.without("volume-6").with_volume("rack-3")
    assert estate.of("volume")[-1].name == "volume-7"
    with pytest.raises(NotFound):
        estate.part("volume-6")


def test_ports_are_kept_where_they_are_free_and_where_their_part_runs() -> None:
    estate = parts.founded(Shape()).with_ports(())
    assert len({port for part in estate.parts for port in (part.port, part.metrics) if port}) == 15
    assert estate.with_ports(()) == estate
    more = estate.with_volume("rack-1").with_ports([part.name for part in estate.parts])
    assert more.parts[:-1] == estate.parts
    assert more.parts[-1].port not in {0} | {part.port for part in estate.parts}


def test_no_port_is_another_ones_twin_for_grpc() -> None:
    many = parts.founded(Shape(volumes=300)).with_ports(())
    every = [port for part in many.parts for port in ((part.port, part.grpc) if part.port else ())]
    assert len(every) == len(set(every))


def test_a_cluster_is_remembered(tmp_path: Path) -> None:
    estate = parts.founded(Shape(masters=1)).with_ports(())
    assert parts.recorded(tmp_path / "estate.json") is None
    parts.record(tmp_path / "estate.json", estate)
    assert parts.recorded(tmp_path / "estate.json") == estate


def test_a_single_master_waits_for_no_peers() -> None:
    for masters, peers in ((1, "-peers=none"), (3, "-peers=127.0.0.1:")):
        estate = parts.founded(Shape(masters=masters)).with_ports(())
        line = commands.arguments(Path("weed"), Path("/home"), estate.of("master")[0], estate)
        assert any(word.startswith(peers) for word in line)


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("postgresql://me:a%22b@db:5433/names", ('hostname = "db"', "port = 5433", 'password = "a\\"b"')),
        ("postgresql://me@/names?host=/run/pg", ('hostname = "/run/pg"', "port = 5432", 'username = "me"')),
        ("postgresql://me@db/names?sslmode=verify-full", ('sslmode = "verify-full"', 'database = "names"')),
    ],
)
def test_a_filers_configuration_names_the_database(url: str, wanted: tuple[str, ...]) -> None:
    assert set(wanted) <= set(commands.filer_toml(url).splitlines())
