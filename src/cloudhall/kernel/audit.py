"""The audit log: a Merkle tree of who did what, in the same database and the same transaction as the deed.

`append` writes one leaf inside the caller's transaction; `checkpoint`, about once a second, grows the tree over the
new leaves and signs its root; after that commit, `keep` writes the signed head outside the database, where
`verify_on_start` finds it again. Arithmetic is in `tlog`, judging in `cloudhall/verify.py`.

Invariants: leaves are numbered without gaps from 0 and never change; a leaf holds no personal data, only a salted
commitment to a payload that can be shredded; a checkpoint leaves this process only once it is committed.
Must never happen: signing a tree that is not a continuation of the one signed before. Therefore a database older
than the kept head refuses to start instead of going on.

Cost at any size of the log: appending is constant, a proof reads at most two hashes per bit of the tree size (about
60 for 10**9 leaves).
"""

import hmac
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import msgspec

from cloudhall.kernel import audit_search, cosignatures, tlog
from cloudhall.kernel.errors import CloudhallError, Invalid, NotFound
from cloudhall.kernel.facts import Book, Fact
from cloudhall.kernel.keys import Keyring, PublicKey, Signature, locked, replace_durably
from cloudhall.kernel.proofs import Consistency, Handover, Proof, Proven
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T
from cloudhall.kernel.world import World

SCHEMA = """
CREATE TABLE IF NOT EXISTS audit_leaf (
    idx INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, kind TEXT NOT NULL,
    resource TEXT NOT NULL, project TEXT NOT NULL, request TEXT NOT NULL, decision TEXT NOT NULL,
    leaf BLOB NOT NULL, hash BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS audit_leaf_actor ON audit_leaf (actor, idx);
CREATE INDEX IF NOT EXISTS audit_leaf_resource ON audit_leaf (resource, idx);
CREATE INDEX IF NOT EXISTS audit_leaf_project ON audit_leaf (project, idx);
CREATE INDEX IF NOT EXISTS audit_leaf_at ON audit_leaf (at_us, idx);
CREATE TABLE IF NOT EXISTS audit_payload (
    idx INTEGER PRIMARY KEY, salt BLOB NOT NULL, payload BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS audit_node (
    level INTEGER NOT NULL, idx INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, idx)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audit_checkpoint (
    size INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL
) STRICT;
"""

HEAD_FILE = "audit-head"
PURPOSE = "audit.checkpoint"
SALT_BYTES = 32
ORIGIN_BYTES = 8
KEEPER = "service:audit"  # who names a new key in the log
ROTATE = "audit.key:rotate"
CHECKPOINT_LEAVES_MAX = 65_536  # bounds the pause of the one writer to about 0.3 s; the rest waits for the next one

_NEXT = "SELECT coalesce(max(idx), -1) + 1 FROM audit_leaf"
_APPEND = """
INSERT INTO audit_leaf (idx, at_us, actor, action, kind, resource, project, request, decision, leaf, hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_CHECKPOINT = "SELECT size, at_us, root, note FROM audit_checkpoint"
Phase = Literal["done", "intent", "outcome", "denied"]


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What everybody who may see the log may read. Identifiers only: no name, address or other personal data.

    `content` is the SHA-256 (hex) of the row or plan written, `count` how many changes this entry stands for.
    `intent` on an outcome is the index of the entry that announced it. `policies` decided, under the set
    `policy_digest` and over `subject_digest` and `object_digest` (see `facts`), so that it can be decided again.
    """

    actor: str
    action: str
    phase: Phase = "done"
    kind: str = ""
    resource: str = ""
    project: str = ""
    revision: int = 0
    request: str = ""
    content: str = ""
    policy_digest: str = ""
    policies: tuple[str, ...] = ()
    subject_digest: str = ""
    object_digest: str = ""
    reason: str = ""
    count: int = 1
    intent: int | None = None


class Entry(Facts, frozen=True, kw_only=True):
    """What a caller appends. `private` (names, IP addresses, user agents) goes to the payload that can be shredded.

    `seen` are the facts that its digests name.
    """

    private: Mapping[str, str] = {}
    seen: tuple[Fact, ...] = ()


class Leaf(Facts, frozen=True, kw_only=True):
    """What the tree holds; `commitment` is HMAC-SHA256(salt, payload) in hex, empty without private facts."""

    at_us: int
    commitment: str = ""


class Found(NamedTuple):
    """One hit of a search."""

    idx: int
    leaf: Leaf


class Checkpoint(NamedTuple):
    """A signed head of the tree; `note` is the C2SP text that others check."""

    size: int
    at_us: int
    root: bytes
    note: str


class AuditBroken(CloudhallError):
    """The stored log is not what was signed: rolled back, cut off or changed. The server must not write on."""

    code = "AUDIT_BROKEN"
    title = T("审计日志与已签名的记录不符", "The audit log is not what was signed")
    mend = T(
        "恢复不早于该记录的数据库；若条目确已丢失，保留证据并以新的日志名重新开始，不可续写",
        "Restore a database at least as new; if entries are lost for good, keep the evidence and begin a log under a "
        "new origin, never go on with this one",
    )


class AuditLog:
    """The log of one origin: its name in checkpoints, which no two installations may share."""

    def __init__(self, origin: str, keys: Keyring, world: World) -> None:
        if not origin or "+" in origin or any(c.isspace() for c in origin):
            raise Invalid(
                T("日志名不能为空，也不能含空白或加号", "An origin is not empty and has no space or plus sign")
            )
        self.origin = origin
        self._keys = keys
        self._world = world
        self._head_path = keys.folder / HEAD_FILE
        self._kept_note = ""
        self._facts = Book()

    @classmethod
    def open(cls, keys: Keyring, world: World) -> Self:
        """Open the log that began here, under its name; where none has, one under a name that nobody else has."""
        try:
            begun = (keys.folder / HEAD_FILE).read_text("utf-8")
        except FileNotFoundError:
            return cls(f"cloudhall/{world.random_bytes(ORIGIN_BYTES).hex()}", keys, world)
        except (OSError, UnicodeDecodeError):
            raise _unreadable(keys.folder / HEAD_FILE) from None
        return cls(begun.partition("\n")[0], keys, world)

    def append(self, tx: Tx, entry: Entry) -> int:
        """Write one leaf in the caller's write transaction and return its index; Invalid beyond 64 KiB.

        The number comes from the table itself, so a rolled-back savepoint leaves no gap.
        """
        at_us = self._world.now_us()
        salt, payload, commitment = self._commit_to(entry.private)
        leaf = _encode(Leaf(at_us=at_us, commitment=commitment, **{f: getattr(entry, f) for f in _FACTS}))
        if len(leaf) > tlog.LEAF_BYTES_MAX:
            raise Invalid(T(f"审计条目过大：{len(leaf)} 字节", f"Audit entry too large: {len(leaf)} bytes"))
        self._facts.keep(tx, entry.seen)
        self._world.fault("audit.append")
        who_what = (entry.actor, entry.action, entry.kind, entry.resource, entry.project, entry.request, entry.phase)
        (idx,) = tx.execute(_NEXT).fetchone()
        tx.execute(_APPEND, (idx, at_us, *who_what, leaf, tlog.leaf_hash(leaf)))
        if payload:
            tx.execute("INSERT INTO audit_payload (idx, salt, payload) VALUES (?, ?, ?)", (idx, salt, payload))
        return int(idx)

    def checkpoint(self, tx: Tx) -> Checkpoint:
        """Grow the tree over the new leaves and sign it, in a write transaction; without new leaves the last one again.

        Cost: a row read, a hash and a row written a new leaf, and one signature. Commit, then call `keep`, and only
        then show the checkpoint to anyone.
        """
        last = self.latest(tx)
        signer = self._hand_over(tx, last)
        tree = self._tree(tx, last.size if last else 0)
        new = "SELECT hash FROM audit_leaf WHERE idx >= ? ORDER BY idx LIMIT ?"
        rows = tx.execute(new, (tree.size, CHECKPOINT_LEAVES_MAX)).fetchall()
        if last and not rows:
            return last
        nodes = [node for (hash_,) in rows for node in tree.push(hash_)]
        tx.executemany("INSERT INTO audit_node (level, idx, hash) VALUES (?, ?, ?)", nodes)
        self._world.fault("audit.checkpoint")
        self._facts.look(tx, tree.size)
        signed = self._sign(tree.size, tree.root(), signer)
        tx.execute("INSERT INTO audit_checkpoint (size, at_us, root, note) VALUES (?, ?, ?, ?)", signed)
        return signed

    def keep(self, checkpoint: Checkpoint) -> None:
        """Write the head outside the database, after the transaction that made it has been committed."""
        if checkpoint.note == self._kept_note:
            return
        self._world.fault("audit.keep")
        with locked(self._keys.folder):
            replace_durably(self._head_path, checkpoint.note.encode())
        self._kept_note = checkpoint.note
        self._facts.settle(checkpoint.size)

    def verifier_key(self) -> str:
        """Return the public key that people pin: the one that signed the kept head, as `name+hash+base64`."""
        head = self._kept_head()
        signer = self._signer(head)[0] if head else self._keys.public(PURPOSE)
        return tlog.verifier_key(self.origin, signer.raw)

    def latest(self, tx: Tx) -> Checkpoint | None:
        """Return the newest checkpoint; None before the first."""
        row = tx.execute(f"{_CHECKPOINT} ORDER BY size DESC LIMIT 1").fetchone()
        return Checkpoint(*row) if row else None

    def prove(self, tx: Tx, idx: int, size: int | None = None, *, private: bool = False) -> Proof:
        """Prove one entry as `prove_all` does."""
        return self.prove_all(tx, (idx,), size, private=private)

    def prove_all(self, tx: Tx, idxs: Sequence[int], size: int | None = None, *, private: bool = False) -> Proof:
        """Prove several entries, say the history of a resource, under one checkpoint; `private` adds their payloads.

        Without a `size` it is the one that most witnesses have signed, else the newest; NotFound if it does not cover
        an entry.
        """
        checkpoint = self._checkpoint_at(tx, cosignatures.best(tx, max(idxs, default=-1)) if size is None else size)
        entries = tuple(self._proven(tx, idx, checkpoint.size, private=private) for idx in idxs)
        note = checkpoint.note + cosignatures.lines(tx, checkpoint.size)
        handovers = self._handovers(tx, checkpoint.size)
        return Proof(self.origin, self._signed_with(checkpoint.note), note, entries, handovers=handovers)

    def consistency(self, tx: Tx, old: int, new: int) -> Consistency:
        """Prove that the checkpoint of size `old` begins that of size `new`; NotFound unless both were signed."""
        before, after = self._checkpoint_at(tx, old), self._checkpoint_at(tx, new)
        if before.size > after.size:
            raise Invalid(T(f"{old} 大于 {new}", f"{old} is larger than {new}"))
        path = self.consistency_path(tx, before.size, after.size)
        return Consistency(before.note, self._signed_with(before.note), path)

    def consistency_path(self, tx: Tx, old: int, new: int) -> tuple[bytes, ...]:
        """Hashes that lead from the tree of `old` entries to that of `new`, which a checkpoint must cover."""
        return tuple(self._hash(tx, start, end) for start, end in tlog.consistency(old, new))

    def tile(self, tx: Tx, level: int, n: int, width: int = tlog.TILE_WIDTH) -> bytes:
        """Hashes of one C2SP tile, 32 bytes each; NotFound for what no checkpoint covers yet."""
        first = n * tlog.TILE_WIDTH
        self._require_covered(tx, (first + width) << (level * tlog.TILE_HEIGHT))
        return b"".join(self._node(tx, level * tlog.TILE_HEIGHT, first + i) for i in range(width))

    def entries(self, tx: Tx, n: int, width: int = tlog.TILE_WIDTH) -> bytes:
        """Leaves of one C2SP entry bundle; NotFound for what no checkpoint covers yet."""
        first = n * tlog.TILE_WIDTH
        self._require_covered(tx, first + width)
        sql = "SELECT leaf FROM audit_leaf WHERE idx >= ? AND idx < ? ORDER BY idx"
        return tlog.bundle([leaf for (leaf,) in tx.execute(sql, (first, first + width))])

    def search(
        self,
        tx: Tx,
        *,
        actor: str | None = None,
        resource: str | None = None,
        places: Sequence[str] = (),
        action: str | None = None,
        since_us: int | None = None,
        before_idx: int | None = None,
        limit: int = 50,
    ) -> list[Found]:
        """Newest entries first that match all given filters; the next page begins before the last `idx`.

        `places` are the projects and organisations any of which an entry may be of. Actor and resource are found by
        index, and so is each place, merged from newest to oldest; `since_us` alone reads the time index from then on (a
        clock that was set back leaves times out of order, so its first hit is not its lowest `idx`); `action` alone
        walks the log from its newest entry until `limit` are found.
        """
        asked = audit_search.Asked(actor, resource, tuple(places), action, since_us, before_idx)
        return [Found(idx, decoded(idx, leaf)) for idx, leaf in audit_search.newest(tx, asked, limit)]

    def shred(self, tx: Tx, idx: int) -> bool:
        """Remove the private facts of one entry; its leaf stays provable. False if there were none (any more).

        That the freed pages are overwritten is up to the connection (`PRAGMA secure_delete`) and the backups.
        """
        return tx.execute("DELETE FROM audit_payload WHERE idx = ?", (idx,)).rowcount > 0

    def verify_on_start(self, tx: Tx) -> None:
        """Compare the stored tree with the head kept outside; AuditBroken if it is shorter or another tree.

        Reads one hash per bit of the tree size. It does not replay the leaves: a changed leaf is found by its proof.
        Other processes may write on meanwhile, so entries are counted before the first head is looked for, and again
        after the newest one was read.
        """
        before = self._leaves(tx)
        head = self._kept_head()
        if head is None:
            if before:
                raise _broken(f"{self._head_path} 不见了", f"{self._head_path} is gone")
            self._begin()
            return
        last = self.latest(tx)
        heads = [(head.size, head.root)] + ([(last.size, last.root)] if last else [])
        size = self._leaves(tx)
        for expected, root in heads:
            if size < expected:
                raise _broken(f"只有 {size} 条，已签名 {expected} 条", f"{size} entries are left of {expected} signed")
            if self._tree(tx, expected).root() != root:
                raise _broken(f"前 {expected} 条的树根不同", f"the root over its first {expected} entries differs")

    def _commit_to(self, private: Mapping[str, str]) -> tuple[bytes, bytes, str]:
        if not private:
            return b"", b"", ""
        salt, payload = self._world.random_bytes(SALT_BYTES), _encode(private)
        return salt, payload, hmac.digest(salt, payload, "sha256").hex()

    def _leaves(self, tx: Tx) -> int:
        return int(tx.execute("SELECT coalesce(max(idx) + 1, 0) FROM audit_leaf").fetchone()[0])

    def _begin(self) -> None:
        """Keep the first head, which fixes the name; of two processes that begin at once, the first one's counts."""
        first = self._sign(0, tlog.EMPTY_ROOT, self._keys.public(PURPOSE))
        with locked(self._keys.folder):
            if not self._head_path.exists():
                replace_durably(self._head_path, first.note.encode())
            self.origin = self._head_path.read_text("utf-8").partition("\n")[0]

    def _hand_over(self, tx: Tx, last: Checkpoint | None) -> PublicKey:
        """Key that signs next: a new one only after the key before it has signed an entry that names the new one.

        So whoever pinned an old key can follow (`_handovers`). A key that was destroyed cannot introduce its successor.
        """
        self._keys.refresh()
        new = self._keys.public(PURPOSE)
        if last is None:
            return new
        old = self._signed_by(last.note)
        if old.key_id == new.key_id:
            return new
        name = tlog.verifier_key(self.origin, new.raw)
        named = next((idx for idx, key in self._rotations(tx) if key == name), None)
        if named is None:
            self.append(tx, Entry(actor=KEEPER, action=ROTATE, resource=name))
        covered = named is not None and named < last.size
        return new if covered or old.key_id not in self._keys.ids(PURPOSE) else old

    def _rotations(self, tx: Tx) -> list[tuple[int, str]]:
        sql = "SELECT idx, resource FROM audit_leaf WHERE actor = ? AND action = ? ORDER BY idx"
        return [(int(idx), str(key)) for idx, key in tx.execute(sql, (KEEPER, ROTATE))]

    def _handovers(self, tx: Tx, size: int) -> tuple[Handover, ...]:
        """Every change of key that a checkpoint of `size` entries knows of, oldest first."""
        found = []
        for idx, _ in self._rotations(tx):
            row = tx.execute(f"{_CHECKPOINT} WHERE size > ? ORDER BY size LIMIT 1", (idx,)).fetchone()
            if row is None or row[0] > size:
                break
            signed, entry = Checkpoint(*row), self._proven(tx, idx, row[0], private=False)
            onward = self.consistency_path(tx, signed.size, size)
            signer = self._signed_with(signed.note)
            found.append(Handover(signed.note, signer, idx, entry.leaf, entry.path, onward))
        return tuple(found)

    def _sign(self, size: int, root: bytes, key: PublicKey) -> Checkpoint:
        text = tlog.checkpoint_text(self.origin, size, root)
        signature = self._keys.sign(PURPOSE, text.encode(), key.key_id)
        return Checkpoint(size, self._world.now_us(), root, tlog.note(text, self.origin, key.raw, signature.raw))

    def signed_by_us(self, note: str, size: int, root: bytes) -> bool:
        """Whether one of our keys signed this note, and it is of this tree."""
        try:
            head = self._verified(note)
        except ValueError:
            return False
        return head is not None and (head.size, head.root) == (size, root)

    def _kept_head(self) -> tlog.Head | None:
        """Return the head file's content if one of our keys signed it; None if there is no such file."""
        try:
            head = self._verified(self._head_path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except ValueError:
            raise _unreadable(self._head_path) from None
        if head is None:
            raise _broken(f"{self._head_path} 的签名无效", f"the signature in {self._head_path} does not hold")
        return head

    def _verified(self, note: str) -> tlog.Head | None:
        """Take a note apart; None if the signature that is said to be ours does not hold, ValueError if none is."""
        head = tlog.parse_checkpoint(note)
        signer, signature = self._signer(head)
        return head if self._keys.verify(PURPOSE, head.text.encode(), Signature(signer.key_id, signature)) else None

    def _signer(self, head: tlog.Head) -> tuple[PublicKey, bytes]:
        """Which of our keys a note names, with the signature said to be its; ValueError if none."""
        ours = {tlog.key_hash(self.origin, key.raw): key for key in self._keys.publics(PURPOSE)}
        for name, key_hash, signature in head.signatures:
            if name == self.origin and key_hash in ours:
                return ours[key_hash], signature
        raise ValueError("not signed by this log")

    def _signed_by(self, note: str) -> PublicKey:
        try:
            return self._signer(tlog.parse_checkpoint(note))[0]
        except ValueError:
            raise _broken("检查点不是本日志签的", "a checkpoint is not signed by this log") from None

    def _signed_with(self, note: str) -> str:
        return tlog.verifier_key(self.origin, self._signed_by(note).raw)

    def _checkpoint_at(self, tx: Tx, size: int | None) -> Checkpoint:
        row = self.latest(tx) if size is None else tx.execute(f"{_CHECKPOINT} WHERE size = ?", (size,)).fetchone()
        if row is None:
            raise NotFound(T(f"没有覆盖 {size} 条的检查点", f"There is no checkpoint of size {size}"))
        return Checkpoint(*row)

    def _require_covered(self, tx: Tx, leaves: int) -> None:
        last = self.latest(tx)
        if last is None or leaves > last.size:
            raise NotFound(
                T("最新检查点还没有覆盖这一部分", "The newest checkpoint does not cover this yet"),
                mend=T("约一秒后再试", "Try again in about a second"),
            )

    def _proven(self, tx: Tx, idx: int, size: int, *, private: bool) -> Proven:
        row = tx.execute("SELECT leaf FROM audit_leaf WHERE idx = ?", (idx,)).fetchone()
        if row is None or not 0 <= idx < size:
            raise NotFound(
                T(f"检查点（{size} 条）中没有第 {idx} 条", f"The checkpoint of size {size} covers no entry {idx}"),
                mend=T("新条目约一秒后进入检查点", "A new entry is covered after about a second"),
            )
        path = tuple(self._hash(tx, start, end) for start, end in tlog.inclusion(idx, size))
        kept = self._payload(tx, idx) if private else (None, None)
        return Proven(idx, row[0], path, *kept)

    def _payload(self, tx: Tx, idx: int) -> Sequence[Any]:
        row = tx.execute("SELECT salt, payload FROM audit_payload WHERE idx = ?", (idx,)).fetchone()
        return row or (None, None)

    def _tree(self, tx: Tx, size: int) -> tlog.CompactRange:
        return tlog.CompactRange(size, [self._node(tx, level, idx) for level, idx in tlog.subtrees(0, size)])

    def _hash(self, tx: Tx, start: int, end: int) -> bytes:
        return tlog.fold([self._node(tx, level, idx) for level, idx in tlog.subtrees(start, end)])

    def _node(self, tx: Tx, level: int, idx: int) -> bytes:
        if level == 0:
            row = tx.execute("SELECT hash FROM audit_leaf WHERE idx = ?", (idx,)).fetchone()
        else:
            row = tx.execute("SELECT hash FROM audit_node WHERE level = ? AND idx = ?", (level, idx)).fetchone()
        if row is None:
            raise _broken(f"缺少树节点 {level}/{idx}", f"tree node {level}/{idx} is missing")
        return bytes(row[0])


_FACTS = Facts.__struct_fields__
_ENCODER = msgspec.json.Encoder(order="sorted")
_LEAF = msgspec.json.Decoder(Leaf)


def _encode(value: object) -> bytes:
    """Canonical JSON: sorted keys, no spaces, UTF-8."""
    return _ENCODER.encode(value)


def decoded(idx: int, leaf: bytes) -> Leaf:
    """Facts of an entry; AuditBroken where its bytes are none."""
    try:
        return _LEAF.decode(leaf)
    except msgspec.DecodeError:
        raise _broken(f"第 {idx} 条被改动", f"entry {idx} was changed") from None


def _unreadable(path: Path) -> AuditBroken:
    return _broken(f"{path} 无法读取", f"{path} cannot be read")


def _broken(zh: str, en: str) -> AuditBroken:
    return AuditBroken(T(f"审计日志不能继续：{zh}", f"The audit log must not go on: {en}"))
