"""What a witness signs and what it refuses, word by word after C2SP tlog-witness."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from starlette.testclient import TestClient

from cloudhall import verify
from cloudhall.kernel import tlog
from cloudhall.kernel.audit import Checkpoint
from cloudhall.kernel.world import Simulated
from cloudhall.witness import judging
from cloudhall.witness.judging import Answer, Witness, WitnessBroken
from cloudhall.witness.serving import app_of
from tests.kernel.audit_site import ORIGIN, Site, append, checkpoint, installed


class Scene(NamedTuple):
    """A log and a witness of it."""

    site: Site
    home: Path
    witness: Witness

    def ask(self, old: int, new: Checkpoint, path: tuple[bytes, ...] | None = None) -> Answer:
        if path is None:
            path = self.site.log.consistency_path(self.site.db, min(old, new.size), new.size)
        return self.witness.add_checkpoint(tlog.add_checkpoint(old, path, new.note).encode())


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with installed(tmp_path / "log") as site:
        key = verify.parse_key(site.log.verifier_key())
        yield Scene(site, tmp_path / "witness", Witness(tmp_path / "witness", [key], Simulated(7), "w.example/1"))


def grown(scene: Scene, count: int = 5) -> Checkpoint:
    append(scene.site, count)
    return checkpoint(scene.site)


def test_what_continues_the_history_seen_so_far_is_signed(scene: Scene) -> None:
    size = 0
    for _ in range(4):
        new = grown(scene)
        answer = scene.ask(size, new)
        assert answer.status == 200
        assert answer.body.startswith("— w.example/1 ")
        assert scene.witness.checkpoint(judging._hex(ORIGIN)).body == new.note + answer.body
        size = new.size


def test_the_signature_is_over_time_and_checkpoint(scene: Scene) -> None:
    new = grown(scene)
    line = scene.ask(0, new).body
    name, public = tlog.parse_verifier_key(scene.witness.key, tlog.COSIGNER)
    ((_, at_s, signature),) = tlog.cosignatures(line, name, public)
    text = new.note.partition("\n\n")[0] + "\n"
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    Ed25519PublicKey.from_public_bytes(public).verify(signature, f"cosignature/v1\ntime {at_s}\n{text}".encode())
    assert at_s > 1_600_000_000


def test_a_wrong_old_size_is_answered_with_the_right_one(scene: Scene) -> None:
    first, second = grown(scene), grown(scene)
    assert scene.ask(first.size, second) == Answer(409, "0\n", "text/x.tlog.size")
    assert scene.ask(0, first).status == 200
    assert scene.ask(0, second) == Answer(409, f"{first.size}\n", "text/x.tlog.size")
    assert scene.ask(second.size, first, ()).status == 400


def test_another_history_is_refused_for_ever(scene: Scene, tmp_path: Path) -> None:
    new = grown(scene, 8)
    assert scene.ask(0, new).status == 200
    with installed(tmp_path / "log2") as fork:  # the same key and name, other entries
        append(fork, 8, resource="rewritten")
        same, longer = checkpoint(fork), (append(fork, 3), checkpoint(fork))[1]
        assert scene.site.log.verifier_key() == fork.log.verifier_key()
        forked = scene._replace(site=fork)
        for head in (same, longer):
            assert forked.ask(8, head) == Answer(422, "does not continue what was seen\n")
    again = Witness(scene.home, scene.witness.logs[ORIGIN], Simulated(8), "w.example/1")
    assert again.key == scene.witness.key
    assert forked._replace(witness=again).ask(0, same) == Answer(409, "8\n", "text/x.tlog.size")
    assert scene._replace(witness=again).ask(8, grown(scene)).status == 200


@pytest.mark.parametrize("path", [(), (bytes(32),), (bytes(32),) * 63])
def test_a_path_that_does_not_lead_there_is_refused(scene: Scene, path: tuple[bytes, ...]) -> None:
    assert scene.ask(0, grown(scene, 5)).status == 200
    assert scene.ask(5, grown(scene, 6), path).status == 422
    assert scene.ask(5, checkpoint(scene.site)).status == 200


def test_a_path_from_nothing_is_empty(scene: Scene) -> None:
    assert scene.ask(0, grown(scene), (bytes(32),)).status == 422


def test_unknown_logs_and_false_signatures_are_refused(scene: Scene, tmp_path: Path) -> None:
    new = grown(scene)
    with installed(tmp_path / "other", seed=9) as other:
        append(other, 3)
        assert scene.ask(0, checkpoint(other), ()).status == 403
    assert scene.ask(0, new._replace(note=new.note.replace(ORIGIN, "other.example"))).status == 404
    false = new.note[:-6] + ("A" if new.note[-6] != "A" else "B") + new.note[-5:]
    assert scene.ask(0, new._replace(note=false)).status == 403
    unsigned = new.note.partition("\n\n")[0] + "\n\n— other.example " + base64.b64encode(bytes(68)).decode() + "\n"
    assert scene.ask(0, new._replace(note=unsigned)).status == 403
    assert scene.ask(0, new).status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"old 1",
        b"old 01\n\n",
        b"old -1\n\nx",
        b"new 0\n\nx",
        b"old 0\nAAAA\n\nx",
        b"old 0\n" + b"=\n" * 70,
    ],
)
def test_what_is_no_request_is_told_so(scene: Scene, body: bytes) -> None:
    assert scene.witness.add_checkpoint(body).status == 400


def test_a_damaged_record_is_not_taken_for_none(scene: Scene) -> None:
    assert scene.ask(0, grown(scene)).status == 200
    (record,) = (scene.home / "heads").iterdir()
    record.write_text("nothing")
    with pytest.raises(WitnessBroken):
        scene.ask(0, grown(scene))


def test_a_log_that_has_a_new_key_is_signed_once_the_witness_knows_it(scene: Scene) -> None:
    old = scene.site.log.verifier_key()
    size = grown(scene).size
    assert scene.ask(0, checkpoint(scene.site)).status == 200
    scene.site.log._keys.rotate("audit.checkpoint")
    between = checkpoint(scene.site)
    assert scene.ask(size, between).status == 200
    new = grown(scene)
    assert scene.ask(between.size, new).status == 403
    keys = [verify.parse_key(key) for key in (old, scene.site.log.verifier_key())]
    told = Witness(scene.home, keys, Simulated(8))
    assert scene._replace(witness=told).ask(between.size, new).status == 200


def test_the_addresses(scene: Scene) -> None:
    new = grown(scene)
    with TestClient(app_of(scene.witness)) as client:
        assert client.get(f"/{judging._hex(ORIGIN)}/checkpoint").status_code == 404
        assert client.get("/abc/checkpoint").status_code == 404
        assert client.post("/add-checkpoint", content=b"x" * 70_000).status_code == 413
        wrong = client.post("/add-checkpoint", content=tlog.add_checkpoint(5, (), new.note))
        assert (wrong.status_code, wrong.headers["content-type"]) == (409, "text/x.tlog.size")
        assert client.post("/add-checkpoint", content=tlog.add_checkpoint(0, (), new.note)).status_code == 200
        assert client.get(f"/{judging._hex(ORIGIN)}/checkpoint").text.startswith(new.note)
