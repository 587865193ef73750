"""Keys lie nowhere in clear, open under their secret alone, and belong to one manifest."""

from pathlib import Path

import pytest

from cloudhall.backup import manifest, sealed
from cloudhall.drivers.objects.weed_copy import KEYS
from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.keys import MASTER_FILE
from tests.backup.shell import KEY, run
from tests.e2e.server import Server


def secrets_of(home: Path) -> list[bytes]:
    """Every secret that an installation keeps in files: as it stands there, and as bytes."""
    master = (home / "keys" / MASTER_FILE).read_bytes().strip()
    return [master, bytes.fromhex(master.decode()), *((home / "objects/data" / name).read_bytes() for name in KEYS)]


def holds(folder: Path, secret: bytes) -> bool:
    return any(secret in path.read_bytes() for path in folder.iterdir())


def test_no_key_lies_in_clear_unless_told_so(city: Server, taken: Path, tmp_path: Path) -> None:
    assert not any(holds(taken / "backup", secret) for secret in secrets_of(city.home))
    done = run("backup", "--home", city.home, "--to", tmp_path / "clear", "--keys-in-clear")
    assert (done.returncode, "in clear" in done.stderr) == (0, True)
    opened = sealed.read(tmp_path / "clear", None, b"")
    assert opened[f"keys/{MASTER_FILE}"].strip() == secrets_of(city.home)[0]
    assert run("restore", "--from", tmp_path / "clear", "--home", tmp_path / "home").returncode == 0


def test_a_passphrase_opens_what_it_closed(city: Server, tmp_path: Path) -> None:
    to = tmp_path / "backup"
    made = run("backup", "--home", city.home, "--to", to, "--passphrase-stdin", typed="一个长口令 of many words\n")
    assert made.returncode == 0, made.stderr
    bound_to = (to / manifest.NAME).read_bytes()
    opened = sealed.read(to, "一个长口令 of many words".encode(), bound_to)
    assert opened[f"keys/{MASTER_FILE}"].strip() == secrets_of(city.home)[0]
    wrong = run("restore", "--from", to, "--home", tmp_path / "home", "--passphrase-stdin", typed="another\n")
    assert (wrong.returncode, "The keys do not open" in wrong.stderr) == (1, True)


def test_sealed_twice_it_looks_different_and_no_bit_may_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sealed.SCRYPT, "n", 1 << 4)
    one, other = (sealed.sealed(b"content", b"secret", b"manifest") for _ in range(2))
    assert one != other
    assert sealed.opened(one, b"secret", b"manifest") == b"content"
    changed = bytes([one[0] ^ 1]) + one[1:]
    for blob, secret, bound_to in (
        (changed, b"secret", b"manifest"),
        (one, b"Secret", b"manifest"),
        (one, b"secret", b""),
    ):
        with pytest.raises(CloudhallError):
            sealed.opened(blob, secret, bound_to)


def test_keys_belong_to_one_manifest(own: Path, tmp_path: Path) -> None:
    path = own / "backup" / manifest.NAME
    path.write_bytes(path.read_bytes().replace(b'"cloudhall"', b'"cloudhall" '))
    done = run("restore", "--from", own / "backup", "--key-file", own / KEY, "--home", tmp_path / "home")
    assert (done.returncode, "the manifest was changed" in done.stderr) == (1, True)
    assert not (tmp_path / "home").exists()


def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CloudhallError):
        sealed.spread({"../outside": b""}, tmp_path / "home")
    assert not (tmp_path / "outside").exists()


def test_what_lies_beside_is_taken_and_what_passes_is_not(tmp_path: Path) -> None:
    for name in (
        "lock",
        "cloudhall.db",
        "cloudhall.db-wal",
        "keys/keys.json",
        "keys/x.new",
        "tls/key.pem",
        "objects/s3.json",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert sorted(sealed.gathered(tmp_path)) == ["keys/keys.json", "tls/key.pem"]
