"""Every way past the S3 door that the engine is known to have, tried without credentials: none may open."""

import socket
import ssl
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudhall.drivers.objects import weed_binary
from cloudhall.drivers.objects.seaweedfs import SeaweedFS
from cloudhall.drivers.objects.weed_ports import GRPC_OFFSET, Ports
from tests.drivers.objects.support import ALL, bare, identity, s3

PARTS = ("master", "volume", "filer", "s3", "admin")


@pytest.fixture
def ports(engine: SeaweedFS) -> Ports:
    return engine._up.ports


@pytest.fixture
def treasure(engine: SeaweedFS, bucket: str) -> Iterator[str]:
    """A bucket with an object that must still be there afterwards."""
    engine.set_identities([identity("owner", {bucket: ALL})])
    owner = s3(engine, "owner")
    owner.put_object(Bucket=bucket, Key="folder/key", Body=b"secret")
    yield bucket
    assert owner.get_object(Bucket=bucket, Key="folder/key")["Body"].read() == b"secret"
    assert [o["Key"] for o in owner.list_objects_v2(Bucket=bucket)["Contents"]] == ["folder/key"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_the_filer_serves_no_files(ports: Ports, treasure: str, method: str) -> None:
    body = b"forged" if method == "PUT" else None
    assert bare(method, f"http://127.0.0.1:{ports.filer}/buckets/{treasure}/folder/key", body) >= 400


def test_the_filer_lists_no_folders(ports: Ports, treasure: str) -> None:
    assert bare("GET", f"http://127.0.0.1:{ports.filer}/buckets/{treasure}/") >= 400


def test_the_filer_deletes_no_folders(ports: Ports, treasure: str) -> None:
    assert bare("DELETE", f"http://127.0.0.1:{ports.filer}/buckets/{treasure}?recursive=true") >= 400


def test_the_master_assigns_no_chunks_and_the_volume_takes_none(ports: Ports, treasure: str) -> None:
    assert bare("GET", f"http://127.0.0.1:{ports.master}/dir/assign?collection={treasure}") >= 400
    assert bare("POST", f"http://127.0.0.1:{ports.volume}/1,01637037d6", b"forged") >= 400


def test_the_volume_takes_and_deletes_no_chunk_and_reads_none_without_its_cookie(
    engine: SeaweedFS, ports: Ports, treasure: str
) -> None:
    """The address of the first chunk is read from the volume's file: 8 bytes of header, cookie, id (big-endian)."""
    volume = next((engine._home / "data").glob(f"{treasure}_*.dat"))
    head = volume.read_bytes()[8:20]
    chunk = f"http://127.0.0.1:{ports.volume}/{volume.stem.rpartition('_')[2]},{int.from_bytes(head[4:]):x}"
    cookie = head[:4].hex()
    wrong = f"{int(cookie, 16) ^ 1:08x}"
    assert b"secret" in volume.read_bytes()
    assert bare("DELETE", chunk + cookie) == 401
    assert bare("POST", chunk + cookie, b"forged") >= 400
    assert bare("GET", chunk + wrong) == 404


@pytest.mark.parametrize("path", ["/col/delete?collection={}", "/vol/grow?collection={}&count=1"])
def test_the_master_changes_nothing(ports: Ports, treasure: str, path: str) -> None:
    assert bare("GET", f"http://127.0.0.1:{ports.master}{path.format(treasure)}") >= 400


@pytest.mark.parametrize("order", ["fs.ls /buckets", "fs.cat /buckets/{}/folder/key", "fs.rm -r /buckets/{}"])
def test_the_shell_gets_no_answer_without_our_certificate(
    ports: Ports, treasure: str, order: str, tmp_path: Path
) -> None:
    """It does not fail, it waits: so it is given a second, in which one that is let in answers ten times over."""
    weed = weed_binary.locate()
    shell = subprocess.Popen(
        [weed, "shell", f"-master=127.0.0.1:{ports.master}", f"-filer=127.0.0.1:{ports.filer}"],
        env={"HOME": str(tmp_path)},
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            shell.communicate(order.format(treasure) + "\n", timeout=1)
    finally:
        shell.kill()
        said, _ = shell.communicate()
    assert treasure not in said
    assert "secret" not in said


@pytest.mark.parametrize("part", PARTS)
def test_grpc_wants_our_certificate(ports: Ports, part: str) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    tls.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("127.0.0.1", getattr(ports, part) + GRPC_OFFSET), timeout=5) as plain,
        tls.wrap_socket(plain) as line,  # TLS 1.3: a server says only after the handshake what it thinks of the client
        pytest.raises(ssl.SSLError, match="certificate required"),
    ):
        line.recv(4096)


def test_s3_tells_strangers_nothing(engine: SeaweedFS, treasure: str) -> None:
    for method, path in (("GET", ""), ("GET", "/folder/key"), ("PUT", "/folder/key"), ("DELETE", "/folder/key")):
        assert bare(method, f"{engine.endpoint}/{treasure}{path}", b"" if method == "PUT" else None) == 403
    assert bare("GET", f"{engine.endpoint}/") == 403
    assert bare("POST", f"{engine.endpoint}/?Action=ListUsers&Version=2010-05-08", b"") >= 400


def test_only_loopback_listens_and_the_folder_is_closed(engine: SeaweedFS, ports: Ports) -> None:
    listening = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    listening += Path("/proc/net/tcp6").read_text(encoding="ascii").splitlines()[1:]
    ours = {getattr(ports, name) + offset for name in Ports.__struct_fields__ for offset in (0, GRPC_OFFSET)}
    local = [row.split()[1].split(":") for row in listening]
    assert {address for address, port in local if int(port, 16) in ours} == {"0100007F"}  # 127.0.0.1, little-endian
    assert stat.S_IMODE(engine._home.stat().st_mode) == 0o700
    for name in ("s3.json", "tls.key", "security.toml"):
        assert stat.S_IMODE((engine._home / name).stat().st_mode) == 0o600
