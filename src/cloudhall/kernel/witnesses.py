"""The log's side of its witnesses: who they are, asking each for its signature, and what came of it.

A witness signs only what continues the history that it has seen (C2SP tlog-witness), so a database that was put back to
an older state, or rewritten, is found by it whatever else was replaced along with it: that refusal is an alarm. What
they answer is kept when it is news; asking again with nothing new writes nothing.

Must never happen: a witness that is slow or away holding up a change. Each is asked on a thread of its own.
"""

import contextlib
import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from cloudhall.kernel import cosignatures, tlog
from cloudhall.kernel.audit import Checkpoint
from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.keys import signed
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

VARIABLE = "CLOUDHALL_WITNESSES"
EVERY_S = 10.0
SILENCE_S = 5.0
TRIES = 3  # a witness that knows another size says so, and is asked once more from there
ANSWER_BYTES_MAX = 65_536
DETAIL_MAX = 200

STATES: Mapping[str, T] = {
    "new": T("还没有问过", "Not asked yet"),
    "signed": T("已会签", "Signed"),
    "unreachable": T("联系不上", "Cannot be reached"),
    "refused": T("拒绝会签", "Refuses"),
    "unknown_key": T("不认识本日志的公钥", "Does not know the key of this log"),
    "ahead": T("见过更长的历史：数据库被换成了旧的", "Has seen a longer history: this database is an older one"),
    "contradicted": T("见过另一段历史：记录被改写过", "Has seen another history: this one was rewritten"),
}
ALARMS = frozenset({"ahead", "contradicted"})
log = logging.getLogger(__name__)


class Witness(NamedTuple):
    """A witness as the operator names it: where it answers, and the public key that it signs with."""

    url: str
    key: str
    name: str
    public: bytes


class Standing(NamedTuple):
    """What is known of one witness: its state since when, and the newest tree that it signed (size 0: none)."""

    state: str = "new"
    detail: str = ""
    since_us: int = 0
    size: int = 0
    signed_us: int = 0

    @property
    def alarm(self) -> bool:
        """Whether it has seen another history than ours."""
        return self.state in ALARMS


class Answer(NamedTuple):
    """What a witness answered; `line` where it signed."""

    state: str
    detail: str = ""
    line: str = ""
    at_us: int = 0


def from_environment() -> tuple[Witness, ...]:
    """Witnesses that CLOUDHALL_WITNESSES names, as `URL KEY URL KEY …`; `Unavailable` where it cannot be read."""
    words = os.environ.get(VARIABLE, "").split()
    try:
        return tuple(_witness(url, key) for url, key in zip(words[::2], words[1::2], strict=True))
    except ValueError as error:
        raise Unavailable(
            T(f"{VARIABLE} 读不懂：{error}", f"{VARIABLE} cannot be read: {error}"),
            mend=T(
                "每个见证人写地址和公钥，用空格隔开，例如 http://audit.example.cn:8811 audit.example.cn/w1+…",
                "Give address and key of each, apart by spaces, such as "
                "http://audit.example.cn:8811 audit.example.cn/w1+…",
            ),
            reason="witnesses",
        ) from None


def standing(tx: Tx, witness: Witness) -> Standing:
    """What is known of a witness."""
    sql = "SELECT state, detail, since_us, size, signed_us FROM audit_witness WHERE witness = ?"
    row = tx.execute(sql, (witness.key,)).fetchone()
    return Standing(*row) if row else Standing()


def ask(kernel: "Kernel", witness: Witness) -> Standing:
    """Submit the newest checkpoint to a witness and keep what is new in its answer."""
    tx = kernel.store.read()
    checkpoint, before = kernel.audit.latest(tx), standing(tx, witness)
    if checkpoint is None:
        return before
    answer = _submit(kernel, witness, checkpoint, before.size)
    now = _after(before, answer, checkpoint.size, kernel.world.now_us())
    if now != before:
        kernel.store.write(lambda tx: _keep(tx, witness, now, answer)).result()
    if now.alarm and now.state != before.state:
        log.error("ALARM: witness %s: %s (%s)", witness.name, STATES[now.state].en, now.detail)
    return now


def _after(before: Standing, answer: Answer, size: int, now_us: int) -> Standing:
    since_us = before.since_us if answer.state == before.state else now_us
    if answer.state != "signed":
        return before._replace(state=answer.state, detail=answer.detail, since_us=since_us)
    known = (before.size, before.signed_us) if size == before.size else (size, answer.at_us)
    return Standing("signed", "", since_us, *known)


def _keep(tx: Tx, witness: Witness, now: Standing, answer: Answer) -> None:
    tx.execute(
        "INSERT INTO audit_witness (witness, state, detail, since_us, size, signed_us) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (witness) DO UPDATE SET state = excluded.state, detail = excluded.detail, "
        "since_us = excluded.since_us, size = excluded.size, signed_us = excluded.signed_us",
        (witness.key, *now),
    )
    if answer.line:
        cosignatures.add(tx, now.size, witness.key, answer.at_us, answer.line)


def _submit(kernel: "Kernel", witness: Witness, checkpoint: Checkpoint, old: int) -> Answer:
    """Ask from the size that the witness has seen, as far as we know; a witness that knows better says so."""
    old = min(old, checkpoint.size)
    for _ in range(TRIES):
        path = kernel.audit.consistency_path(kernel.store.read(), old, checkpoint.size)
        try:
            status, text = _post(witness.url, tlog.add_checkpoint(old, path, checkpoint.note))
        except OSError as error:
            return Answer("unreachable", str(error)[:DETAIL_MAX])
        if status != 409:
            return _read(witness, checkpoint, status, text)
        size = int(text) if text.strip().isdecimal() else old
        if size > checkpoint.size:
            return _ahead(kernel, size)
        old = size
    return Answer("refused", "409")


def _ahead(kernel: "Kernel", seen: int) -> Answer:
    """Another process may have sealed and asked meanwhile; what is committed by now is what counts."""
    last = kernel.audit.latest(kernel.store.read())
    if last is not None and last.size >= seen:
        return Answer("refused", "409")
    return Answer("ahead", f"{seen} > {last.size if last else 0}")


def _read(witness: Witness, checkpoint: Checkpoint, status: int, text: str) -> Answer:
    if status == 200:
        return _checked(witness, checkpoint, text)
    states = {422: "contradicted", 403: "unknown_key", 404: "unknown_key"}
    return Answer(states.get(status, "refused"), f"{status} {text.strip()}"[:DETAIL_MAX])


def _checked(witness: Witness, checkpoint: Checkpoint, lines: str) -> Answer:
    """Take the witness's own line, if it holds."""
    body = tlog.parse_checkpoint(checkpoint.note).text
    with contextlib.suppress(ValueError):
        for line, at_s, signature in tlog.cosignatures(lines, witness.name, witness.public):
            if signed(witness.public, tlog.cosigned(body, at_s), signature):
                return Answer("signed", "", line, at_s * SECOND_US)
    return Answer("refused", "no signature by its key")


def _post(url: str, body: str) -> tuple[int, str]:
    """Status and text of an answer; OSError where none comes."""
    import http.client
    from urllib.parse import urlsplit

    where = urlsplit(url)
    made = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
    connection = made(where.hostname or "", where.port, timeout=SILENCE_S)
    try:
        connection.request("POST", f"{where.path.rstrip('/')}/add-checkpoint", body.encode())
        answer = connection.getresponse()
        return answer.status, answer.read(ANSWER_BYTES_MAX).decode("utf-8", errors="replace")
    except http.client.HTTPException as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()


def _witness(url: str, key: str) -> Witness:
    from urllib.parse import urlsplit

    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise ValueError(f"not an address: {url}")
    try:
        return Witness(url, key, *tlog.parse_verifier_key(key, tlog.COSIGNER))
    except ValueError:
        raise ValueError(f"not the key of a witness: {key}") from None
