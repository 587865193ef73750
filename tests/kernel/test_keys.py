"""The keyring on a real folder: life of a key, what a thief or a bad backup meets, crashes, two processes at once."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import cloudhall
from cloudhall.kernel.errors import NotFound, Unavailable
from cloudhall.kernel.keys import KEYS_FILE, MASTER_FILE, Keyring, KeyringFault, replace_durably
from cloudhall.kernel.world import Simulated, World


class Crash(BaseException):
    """Stands for the process dying at a fault point."""


def crash_at(point: str) -> Callable[[str], None]:
    def fault(here: str) -> None:
        if here == point:
            raise Crash

    return fault


@pytest.fixture
def world() -> Simulated:
    return Simulated(7)


@pytest.fixture
def keys(tmp_path: Path, world: World) -> Keyring:
    return Keyring.open(tmp_path / "home", world)


def reopened(keys: Keyring) -> Keyring:
    return Keyring.open(keys.folder, World())


def test_files_are_private_from_the_first_moment(keys: Keyring) -> None:
    keys.wrap("secret", b"x", b"")
    assert keys.folder.stat().st_mode & 0o777 == 0o700
    assert {p.name: p.stat().st_mode & 0o777 for p in keys.folder.iterdir()} == {MASTER_FILE: 0o600, KEYS_FILE: 0o600}


def test_signatures_hold_after_a_restart_and_only_for_their_purpose_and_data(keys: Keyring) -> None:
    signature = keys.sign("receipt", b"data")
    again = reopened(keys)
    assert again.verify("receipt", b"data", signature)
    assert again.public("receipt") == keys.public("receipt")
    assert not again.verify("receipt", b"Data", signature)
    assert not again.verify("contract", b"data", signature)
    assert not again.verify("receipt", b"data", signature._replace(raw=bytes(64)))
    assert not again.verify("receipt", b"data", signature._replace(key_id="00" * 8))


def test_wrapped_secrets_open_only_whole_and_for_their_object(keys: Keyring) -> None:
    blob = keys.wrap("secret", b"token", b"ak-1")
    again = reopened(keys)
    assert again.unwrap("secret", blob, b"ak-1") == b"token"
    assert b"token" not in blob
    for changed, purpose, aad in ((blob, "secret", b"ak-2"), (blob, "other", b"ak-1"), (blob[:20], "secret", b"ak-1")):
        with pytest.raises(KeyringFault) as fault:
            again.unwrap(purpose, changed, aad)
        assert fault.value.reason == "tampered"


def test_every_byte_of_an_envelope_counts(keys: Keyring) -> None:
    blob = keys.wrap("secret", b"token", b"ak-1")
    for place in range(len(blob)):
        changed = bytearray(blob)
        changed[place] ^= 1
        with pytest.raises(KeyringFault):
            keys.unwrap("secret", bytes(changed), b"ak-1")


def test_equal_secrets_look_different(keys: Keyring) -> None:
    assert keys.wrap("secret", b"same", b"") != keys.wrap("secret", b"same", b"")


def test_macs(keys: Keyring) -> None:
    tag = keys.mac("page", b"data")
    assert len(tag) == 32
    assert reopened(keys).verify_mac("page", b"data", tag)
    assert not keys.verify_mac("page", b"Data", tag)
    assert not keys.verify_mac("other", b"data", tag)


def test_after_rotation_new_keys_work_and_old_ones_only_verify_and_unwrap(keys: Keyring) -> None:
    signature, blob, tag = keys.sign("p", b"d"), keys.wrap("p", b"s", b""), keys.mac("p", b"d")
    before = keys.ids("p")
    made = keys.rotate("p")
    again = reopened(keys)
    assert again.ids("p") == (*before, *made)
    assert len(made) == 3
    assert again.sign("p", b"d").key_id in made
    assert [key.key_id for key in again.publics("p")] == [signature.key_id, again.public("p").key_id]
    assert again.verify("p", b"d", signature)
    assert again.unwrap("p", blob, b"") == b"s"
    assert again.wrap("p", b"s", b"")[1:9].hex() in made
    assert again.mac("p", b"d") != tag
    assert again.verify_mac("p", b"d", tag)


def test_rotating_what_was_never_used_is_named(keys: Keyring) -> None:
    with pytest.raises(NotFound, match="typo"):
        keys.rotate("typo")


def test_a_destroyed_key_is_gone_from_memory_and_disk(keys: Keyring) -> None:
    blob = keys.wrap("tenant-1", b"s", b"")
    other = keys.wrap("tenant-2", b"s", b"")
    (key_id,) = keys.ids("tenant-1")
    keys.destroy("tenant-1", key_id)
    keys.destroy("tenant-1", key_id)
    for ring in (keys, reopened(keys)):
        with pytest.raises(KeyringFault) as fault:
            ring.unwrap("tenant-1", blob, b"")
        assert fault.value.reason == "destroyed"
        assert ring.unwrap("tenant-2", other, b"") == b"s"
    (record,) = [k for k in json.loads((keys.folder / KEYS_FILE).read_bytes())["keys"] if k["id"] == key_id]
    assert record["sealed"] == ""


def test_destroying_the_newest_key_never_brings_back_the_one_before(keys: Keyring) -> None:
    old = keys.sign("p", b"d")
    (newest,) = keys.rotate("p")
    keys.destroy("p", newest)
    assert keys.sign("p", b"d").key_id not in (old.key_id, newest)
    assert keys.verify("p", b"d", old)


def test_a_destroyed_signing_key_still_verifies(keys: Keyring) -> None:
    signature = keys.sign("p", b"d")
    keys.destroy("p", signature.key_id)
    assert reopened(keys).verify("p", b"d", signature)


def test_destroying_what_is_not_there_is_named(keys: Keyring) -> None:
    keys.sign("p", b"d")
    with pytest.raises(NotFound, match="no key"):
        keys.destroy("p", "00" * 8)


def test_a_rotation_in_another_process_is_seen(keys: Keyring) -> None:
    keys.wrap("p", b"", b"")
    other = reopened(keys)
    other.rotate("p")
    blob, signature = other.wrap("p", b"new", b""), other.sign("q", b"d")
    assert keys.unwrap("p", blob, b"") == b"new"
    assert keys.verify("q", b"d", signature)


def test_two_keyrings_making_keys_at_once_lose_none(keys: Keyring) -> None:
    rings = [keys, *(reopened(keys) for _ in range(3))]

    def work(n: int) -> tuple[str, bytes]:
        purpose = f"p{n % 5}"
        return purpose, rings[n % 4].wrap(purpose, b"s", b"")

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(work, range(40)))
    again = reopened(keys)
    assert all(again.unwrap(purpose, blob, b"") == b"s" for purpose, blob in made)
    assert all(len(again.ids(f"p{n}")) == 1 for n in range(5))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_master_key_that_others_may_read_is_refused(keys: Keyring, mode: int) -> None:
    (keys.folder / MASTER_FILE).chmod(mode)
    with pytest.raises(KeyringFault) as fault:
        reopened(keys)
    assert fault.value.reason == "permissions"
    assert "chmod 600" in fault.value.how.en
    assert "chmod 600" in fault.value.how.zh


def test_a_lost_master_key_is_said_and_nothing_is_overwritten(keys: Keyring) -> None:
    keys.sign("p", b"d")
    (keys.folder / MASTER_FILE).unlink()
    before = (keys.folder / KEYS_FILE).read_bytes()
    with pytest.raises(KeyringFault) as fault:
        reopened(keys)
    assert fault.value.reason == "master_lost"
    assert (keys.folder / KEYS_FILE).read_bytes() == before
    assert not (keys.folder / MASTER_FILE).exists()


def test_a_lost_ring_is_not_taken_for_a_first_start(keys: Keyring) -> None:
    keys.sign("p", b"d")
    (keys.folder / KEYS_FILE).unlink()
    with pytest.raises(KeyringFault) as fault:
        reopened(keys)
    assert fault.value.reason == "damaged"


def test_files_of_two_installations_do_not_mix(keys: Keyring, tmp_path: Path) -> None:
    keys.sign("p", b"d")
    other = Keyring.open(tmp_path / "other", World())
    (keys.folder / MASTER_FILE).write_bytes((other.folder / MASTER_FILE).read_bytes())
    with pytest.raises(KeyringFault) as fault:
        reopened(keys)
    assert fault.value.reason == "master_wrong"


@pytest.mark.parametrize("content", [b"", b"00", b"zz" * 32, b"\xff" * 64])
def test_a_damaged_master_key_is_said(keys: Keyring, content: bytes) -> None:
    keys.sign("p", b"d")
    (keys.folder / MASTER_FILE).write_bytes(content)
    with pytest.raises(KeyringFault) as fault:
        reopened(keys)
    assert fault.value.reason == "damaged"


def test_a_ring_changed_by_hand_is_refused(keys: Keyring) -> None:
    genuine = keys.public("p")
    path = keys.folder / KEYS_FILE
    stolen = json.loads(path.read_bytes())
    stolen["keys"][0]["public"] = base64.b64encode(bytes(32)).decode()
    path.write_text(json.dumps(stolen))
    with pytest.raises(KeyringFault) as fault:
        reopened(keys)
    assert fault.value.reason == "damaged"
    assert keys.public("p") == genuine


def test_dying_at_first_use_leaves_a_folder_that_opens(tmp_path: Path, world: Simulated) -> None:
    world.fault = crash_at("keys.create")
    with pytest.raises(Crash):
        Keyring.open(tmp_path, world)
    keys = Keyring.open(tmp_path, World())
    assert keys.verify("p", b"d", keys.sign("p", b"d"))


def test_dying_while_rotating_leaves_the_old_keys(keys: Keyring, world: Simulated) -> None:
    blob = keys.wrap("p", b"s", b"")
    world.fault = crash_at("keys.write")
    with pytest.raises(Crash):
        keys.rotate("p")
    again = reopened(keys)
    assert again.unwrap("p", blob, b"") == b"s"
    assert len(again.ids("p")) == 1


def test_a_half_written_file_of_a_crash_is_no_obstacle(keys: Keyring) -> None:
    (keys.folder / (KEYS_FILE + ".new")).write_bytes(b"{")
    signature = keys.sign("p", b"d")
    assert reopened(keys).verify("p", b"d", signature)


def test_a_disk_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="No such file"):
        replace_durably(tmp_path / "absent" / "file", b"")


def test_a_seed_replays_the_keys(tmp_path: Path) -> None:
    first, second = (Keyring.open(tmp_path / name, Simulated(3)) for name in ("a", "b"))
    assert first.public("p") == second.public("p")


def test_opening_does_not_load_cryptography(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from cloudhall.kernel.keys import Keyring\n"
        "from cloudhall.kernel.world import World\n"
        f"Keyring.open(pathlib.Path({str(tmp_path)!r}), World())\n"
        "sys.exit('cryptography' in sys.modules)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(cloudhall.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", program], check=False, env=env)
    assert done.returncode == 0
