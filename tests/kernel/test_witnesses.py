"""The log's side of its witnesses: what is asked, what is kept, and what every answer comes to."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudhall import verify
from cloudhall.kernel import cosignatures, tlog, witnesses
from cloudhall.kernel.audit import PURPOSE, Entry
from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.world import World
from cloudhall.witness.judging import Answer
from cloudhall.witness.judging import Witness as Process
from tests.kit.databases import BOTH
from tests.kit.hall import Hall

pytestmark = BOTH


class Door:
    """A witness behind HTTP in this process; `answers`, where given, instead of it."""

    def __init__(self, home: Path, log_key: str) -> None:
        self.process = Process(home, [verify.parse_key(log_key)], World(), "w.example/1")
        self.answers: Answer | None = None
        self.asked = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(handler) -> None:  # noqa: N805  the door is `self`; the name is http.server's
                self.asked += 1
                body = handler.rfile.read(int(handler.headers["Content-Length"]))
                answer = self.answers or self.process.add_checkpoint(body)
                handler.send_response(answer.status)
                handler.end_headers()
                handler.wfile.write(answer.body.encode())

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def named(self) -> witnesses.Witness:
        key = self.process.key
        url = f"http://127.0.0.1:{self.server.server_port}"
        return witnesses.Witness(url, key, *tlog.parse_verifier_key(key, tlog.COSIGNER))

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def door(hall: Hall, tmp_path: Path) -> Iterator[Door]:
    hall.kernel.seal()
    opened = Door(tmp_path / "witness", hall.kernel.audit.verifier_key())
    yield opened
    opened.close()


def grown(hall: Hall) -> int:
    """Append something, sign, and tell the size."""
    hall.kernel.note(Entry(actor="somebody", action="session:login")).result()
    hall.kernel.seal()
    last = hall.kernel.audit.latest(hall.kernel.store.read())
    assert last is not None
    return last.size


def test_a_proof_carries_the_newest_head_that_was_cosigned(hall: Hall, door: Door) -> None:
    size = grown(hall)
    assert witnesses.ask(hall.kernel, door.named)[::3] == ("signed", size)
    grown(hall)
    tx = hall.kernel.store.read()
    proof = hall.kernel.audit.prove(tx, 0)
    assert proof.checkpoint.split("\n")[1] == str(size)
    found = verify.check(proof.to_json(), [proof.public_key], None, [door.process.key])
    assert [f.detail.en for f in found if not f.ok] == []
    newest = hall.kernel.audit.prove(tx, size)
    found = verify.check(newest.to_json(), [proof.public_key], None, [door.process.key])
    assert [f.detail.en for f in found if not f.ok] == ["fewer than 1 have signed: none"]
    assert cosignatures.best(tx, size) is None


def test_asking_again_with_nothing_new_writes_nothing(hall: Hall, door: Door) -> None:
    grown(hall)
    first = witnesses.ask(hall.kernel, door.named)
    commits: list[int] = []
    hall.kernel.store.on_commit.append(lambda: commits.append(1))
    assert witnesses.ask(hall.kernel, door.named) == first
    assert (door.asked, commits) == (2, [])


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Answer(200, ""), "refused"),
        (Answer(200, "— w.example/1 AAAA\n"), "refused"),
        (Answer(403, "x"), "unknown_key"),
        (Answer(404, "x"), "unknown_key"),
        (Answer(409, "0\n"), "refused"),
        (Answer(409, "999999\n"), "ahead"),
        (Answer(422, "x"), "contradicted"),
        (Answer(500, "x" * 9_999), "refused"),
    ],
)
def test_what_an_answer_comes_to(hall: Hall, door: Door, answer: Answer, state: str) -> None:
    size = grown(hall)
    witnesses.ask(hall.kernel, door.named)
    door.answers = answer
    grown(hall)
    found = witnesses.ask(hall.kernel, door.named)
    assert (found.state, found.alarm) == (state, state in {"ahead", "contradicted"})
    assert found.size == size  # what it signed before stays known
    assert len(found.detail) <= witnesses.DETAIL_MAX
    door.answers = None
    assert witnesses.ask(hall.kernel, door.named).state == "signed"


def test_a_false_signature_is_not_kept(hall: Hall, door: Door) -> None:
    grown(hall)
    other = tlog.cosignature("w.example/1", door.named.public, 1_700_000_000, bytes(64))
    door.answers = Answer(200, other)
    assert witnesses.ask(hall.kernel, door.named).state == "refused"
    assert hall.kernel.store.read().execute("SELECT count(*) FROM audit_cosignature").fetchone()[0] == 0


def test_a_new_key_is_unknown_until_the_witness_is_told(hall: Hall, door: Door) -> None:
    grown(hall)
    hall.kernel.keys.rotate(PURPOSE)
    grown(hall)
    assert witnesses.ask(hall.kernel, door.named).state == "signed"
    grown(hall)
    assert witnesses.ask(hall.kernel, door.named).state == "unknown_key"
    log = hall.kernel.audit
    door.process.logs[log.origin].append(verify.parse_key(log.verifier_key()))
    assert witnesses.ask(hall.kernel, door.named).state == "signed"


def test_one_that_is_away(hall: Hall, door: Door) -> None:
    grown(hall)
    away = door.named._replace(url="http://127.0.0.1:1")
    assert witnesses.ask(hall.kernel, away).state == "unreachable"


KEY = tlog.verifier_key("w.example/1", bytes(32), tlog.COSIGNER)


def test_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(witnesses.VARIABLE, raising=False)
    assert witnesses.from_environment() == ()
    monkeypatch.setenv(witnesses.VARIABLE, f"http://one:8811 {KEY}\n https://two/w {KEY}")
    assert [w.url for w in witnesses.from_environment()] == ["http://one:8811", "https://two/w"]


@pytest.mark.parametrize(
    "value",
    ["http://one:8811", f"one {KEY}", f"ftp://one {KEY}", "http://one x", f"http://one {KEY}x", "http://one a+b+c"],
)
def test_a_setting_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(witnesses.VARIABLE, value)
    with pytest.raises(Unavailable):
        witnesses.from_environment()
