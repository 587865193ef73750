"""Rotation wraps everything anew, whatever kills it; a destroyed key reads nothing, and its certificate verifies."""

import base64
import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from cloudhall.domains.storage.access_key import AccessKey
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.kernel import credentials, wrapped
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Invalid
from cloudhall.kernel.key_destruction import CERTIFY, KeyDestruction
from cloudhall.kernel.key_rotation import KeyRotation
from cloudhall.kernel.keys import KEYS_FILE, KeyringFault
from cloudhall.kernel.wire import state_of
from cloudhall.verify import check
from tests.kit.campaign import KilledError
from tests.kit.databases import BOTH
from tests.kit.hall import Hall, opened

pytestmark = BOTH
SPEC = {"quota_gib": 1, "grade": "open"}


class Safe:
    """A project whose access keys are kept wrapped."""

    def __init__(self, hall: Hall, keys: int = 5) -> None:
        self.hall, self.project = hall, hall.project()
        self.officer: Caller = hall.staff["security_admin"]
        developer = hall.staff["developer"]
        bucket = hall.do(developer, Bucket, "create", place=self.project, name="stats", spec=SPEC)["id"]
        spec = {"bucket": bucket}
        made = [hall.do(developer, AccessKey, "create", place=self.project, spec=spec) for _ in range(keys)]
        self.secrets = {m["id"]: m["secret"] for m in made}
        hall.settle()

    def rotate(self) -> KeyRotation:
        made = self.hall.do(self.officer, KeyRotation, "create", spec={"purpose": "secrets"})
        self.hall.settle()
        row = self.hall.row(KeyRotation, made["id"])
        assert isinstance(row, KeyRotation)
        return row

    def destroy(self, **spec: Any) -> KeyDestruction:
        made = self.hall.do(self.officer, KeyDestruction, "create", spec={"purpose": "secrets", **spec})
        self.hall.settle()
        row = self.hall.row(KeyDestruction, made["id"])
        assert isinstance(row, KeyDestruction)
        return row

    def revealed(self) -> dict[str, str]:
        tx, keys = self.hall.read(), self.hall.kernel.keys
        return {id_: credentials.reveal(tx, keys, id_) for id_ in self.secrets}

    def held(self, key: str) -> int:
        return sum(wrapped.count(self.hall.read(), wrapped.stores("secrets"), key).values())


@pytest.fixture
def safe() -> Iterator[Safe]:
    with opened() as hall:
        yield Safe(hall)


def test_a_rotation_wraps_everything_anew(safe: Safe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrapped, "PIECE", 2)
    (old,) = safe.hall.kernel.keys.ids("secrets")
    assert safe.held(old) == 5
    rotation = safe.rotate()
    assert (state_of(rotation), rotation.status.rewrapped, rotation.status.left) == ("ready", 5, 0)
    assert safe.held(old) == 0
    assert safe.held(rotation.status.key) == 5
    assert safe.revealed() == safe.secrets


def test_it_comes_through_a_kill_at_any_point(safe: Safe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrapped, "PIECE", 2)
    order = safe.hall.do(safe.officer, KeyRotation, "create", spec={"purpose": "secrets"})["id"]
    while kills(safe.hall):
        assert safe.revealed() == safe.secrets
    rotation = safe.hall.row(KeyRotation, order)
    assert (state_of(rotation), rotation.status.left) == ("ready", 0)
    assert len(safe.hall.kernel.keys.ids("secrets")) == 2, "rotated once, whatever happened"
    assert safe.revealed() == safe.secrets


def kills(hall: Hall) -> bool:
    """Settle, and die a few points on; whether it did. Each life comes some way further than the one before."""
    points = itertools.count()

    def fault(_point: str) -> None:
        if next(points) >= POINTS:
            raise KilledError

    hall.world.fault = fault
    try:
        hall.settle()
    except KilledError:
        return True
    finally:
        hall.world.fault = lambda _point: None
        hall.restart()
    return False


POINTS = 14  # enough for a pass to be written before the next kill


def test_a_destruction_waits_until_nothing_is_under_the_key(safe: Safe) -> None:
    (key,) = safe.hall.kernel.keys.ids("secrets")
    row = safe.destroy(key=key)
    assert state_of(row) == "attention"
    said = row.condition("Ready")
    assert said is not None
    assert said.reason == "StillWraps"
    assert safe.revealed() == safe.secrets
    safe.rotate()
    safe.hall.kernel.reconciler.sweep()
    safe.hall.settle()
    assert key not in safe.hall.kernel.keys.ids("secrets")
    assert safe.revealed() == safe.secrets


def test_the_certificate_verifies_offline(safe: Safe) -> None:
    (old,) = safe.hall.kernel.keys.ids("secrets")
    safe.rotate()
    row = safe.destroy(reason="retired")
    (destroyed,) = row.status.destroyed
    assert (destroyed.key, destroyed.wrapped) == (old, 0)
    assert destroyed.entry is not None
    safe.hall.kernel.seal()
    audit, tx = safe.hall.kernel.audit, safe.hall.read()
    proof = audit.prove(tx, destroyed.entry).to_json()
    findings = check(proof, [audit.verifier_key()])
    assert all(f.ok for f in findings), findings
    told = " ".join(f.detail.en for f in findings)
    assert [part for part in (safe.officer.id, CERTIFY, old, "purpose secrets", "secret 0") if part not in told] == []
    document = msgspec.json.decode(proof)
    leaf = base64.b64decode(document["entries"][0]["leaf"])
    document["entries"][0]["leaf"] = base64.b64encode(leaf.replace(old.encode(), b"0" * 16)).decode()
    assert not all(f.ok for f in check(msgspec.json.encode(document), [audit.verifier_key()]))


def test_what_a_destroyed_key_wrapped_is_lost_to_everybody(safe: Safe) -> None:
    (old,) = safe.hall.kernel.keys.ids("secrets")
    ring = msgspec.json.decode((safe.hall.home / "keys" / KEYS_FILE).read_bytes())
    sealed = next(k["sealed"] for k in ring["keys"] if k["id"] == old)
    safe.destroy(key=old, lose=True)
    safe.hall.restart()
    for id_ in safe.secrets:
        with pytest.raises(KeyringFault, match="destroyed"):
            credentials.reveal(safe.hall.read(), safe.hall.kernel.keys, id_)
    files = [p for p in safe.hall.home.rglob("*") if p.is_file()]
    assert files
    for needle in (sealed.encode(), base64.b64decode(sealed)):
        assert not [p for p in files if needle in p.read_bytes()], "the erased key lies in a file still"


def test_no_secret_lies_in_clear_in_any_file(safe: Safe) -> None:
    safe.rotate()
    files = [p for p in safe.hall.home.rglob("*") if p.is_file()]
    assert files
    for secret in safe.secrets.values():
        assert not [p for p in files if secret.encode() in p.read_bytes()]


@pytest.mark.parametrize("spec", [{"purpose": "secret"}, {"purpose": "secrets", "asker": "pe-somebody"}])
def test_what_cannot_be_meant_is_refused(safe: Safe, spec: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        safe.hall.do(safe.officer, KeyDestruction, "create", spec=spec)
