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
from typing import Any, Literal, NamedTuple

import msgspec

from cloudhall.kernel import tlog
from cloudhall.kernel.errors import CloudhallError, Invalid, NotFound
from cloudhall.kernel.keys import Keyring, PublicKey, Signature, replace_durably
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.tables import Where
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
PLACES_MERGED_MAX = 400  # of the 500 parts that SQLite allows a compound SELECT
CHECKPOINT_LEAVES_MAX = 65_536  # bounds the pause of the one writer to about 0.3 s; the rest waits for the next one

_APPEND = """
INSERT INTO audit_leaf (idx, at_us, actor, action, kind, resource, project, request, decision, leaf, hash)
VALUES ((SELECT coalesce(max(idx) + 1, 0) FROM audit_leaf), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING idx
"""

Phase = Literal["done", "intent", "outcome", "denied"]


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What everybody who may see the log may read. Identifiers only: no name, address or other personal data.

    `content` is the SHA-256 (hex) of the row or plan written, `count` how many changes this entry stands for.
    `intent` on an outcome is the index of the entry that announced it. `policies` decided, under the policy set
    `policy_digest` and over the facts `subject_digest`, so that the decision can be made again.
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
    reason: str = ""
    count: int = 1
    intent: int | None = None


class Entry(Facts, frozen=True, kw_only=True):
    """What a caller appends. `private` (names, IP addresses, user agents) goes to the payload that can be shredded."""

    private: Mapping[str, str] = {}


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


class Proven(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of a proof; `salt` and `payload` only where the reader may see private facts and they still exist."""

    index: int
    leaf: bytes
    path: tuple[bytes, ...]
    salt: bytes | None = None
    payload: bytes | None = None


class Consistency(msgspec.Struct, frozen=True):
    """That the tree of an older checkpoint is the beginning of the newer one."""

    checkpoint: str
    public_key: str
    path: tuple[bytes, ...]


class Proof(msgspec.Struct, frozen=True, omit_defaults=True):
    """What `verify.py` checks offline: entries, their paths to one signed head, perhaps the way from an older head."""

    origin: str
    public_key: str
    checkpoint: str
    entries: tuple[Proven, ...]
    consistency: Consistency | None = None

    def to_json(self) -> bytes:
        """Write the proof file: compact UTF-8 JSON, bytes as standard base64."""
        return msgspec.json.encode(self)


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
    """The log of one origin (its name in checkpoints, such as `cloud.example.cn/audit`)."""

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

    def append(self, tx: Tx, entry: Entry) -> int:
        """Write one leaf in the caller's write transaction and return its index; Invalid beyond 64 KiB.

        The number comes from the table itself, so a rolled-back savepoint leaves no gap.
        """
        at_us = self._world.now_us()
        salt, payload, commitment = self._commit_to(entry.private)
        leaf = _encode(Leaf(at_us=at_us, commitment=commitment, **{f: getattr(entry, f) for f in _FACTS}))
        if len(leaf) > tlog.LEAF_BYTES_MAX:
            raise Invalid(T(f"审计条目过大：{len(leaf)} 字节", f"Audit entry too large: {len(leaf)} bytes"))
        self._world.fault("audit.append")
        who_what = (entry.actor, entry.action, entry.kind, entry.resource, entry.project, entry.request, entry.phase)
        idx = int(tx.execute(_APPEND, (at_us, *who_what, leaf, tlog.leaf_hash(leaf))).fetchone()[0])
        if payload:
            tx.execute("INSERT INTO audit_payload (idx, salt, payload) VALUES (?, ?, ?)", (idx, salt, payload))
        return idx

    def checkpoint(self, tx: Tx) -> Checkpoint:
        """Grow the tree over the new leaves and sign it, in a write transaction; without new leaves the last one again.

        Cost: a row read, a hash and a row written a new leaf, and one signature. Commit, then call `keep`, and only
        then show the checkpoint to anyone.
        """
        last = self.latest(tx)
        tree = self._tree(tx, last.size if last else 0)
        new = "SELECT hash FROM audit_leaf WHERE idx >= ? ORDER BY idx LIMIT ?"
        rows = tx.execute(new, (tree.size, CHECKPOINT_LEAVES_MAX)).fetchall()
        if last and not rows:
            return last
        nodes = [node for (hash_,) in rows for node in tree.push(hash_)]
        tx.executemany("INSERT INTO audit_node (level, idx, hash) VALUES (?, ?, ?)", nodes)
        self._world.fault("audit.checkpoint")
        signed = self._sign(tree.size, tree.root())
        tx.execute("INSERT INTO audit_checkpoint (size, at_us, root, note) VALUES (?, ?, ?, ?)", signed)
        return signed

    def keep(self, checkpoint: Checkpoint) -> None:
        """Write the head outside the database, after the transaction that made it has been committed."""
        if checkpoint.note == self._kept_note:
            return
        self._world.fault("audit.keep")
        replace_durably(self._head_path, checkpoint.note.encode())
        self._kept_note = checkpoint.note

    def verifier_key(self) -> str:
        """Return the public key that people pin: the one that signs now, as `name+hash+base64`."""
        return tlog.verifier_key(self.origin, self._keys.public(PURPOSE).raw)

    def latest(self, tx: Tx) -> Checkpoint | None:
        """Return the newest checkpoint; None before the first."""
        row = tx.execute("SELECT size, at_us, root, note FROM audit_checkpoint ORDER BY size DESC LIMIT 1").fetchone()
        return Checkpoint(*row) if row else None

    def prove(self, tx: Tx, idx: int, size: int | None = None, *, private: bool = False) -> Proof:
        """Prove one entry under the newest checkpoint, or under the one of `size`; NotFound if it does not cover it."""
        return self.prove_all(tx, (idx,), size, private=private)

    def prove_all(self, tx: Tx, idxs: Sequence[int], size: int | None = None, *, private: bool = False) -> Proof:
        """Prove several entries, say the history of a resource, under one checkpoint; `private` adds their payloads."""
        checkpoint = self._checkpoint_at(tx, size)
        entries = tuple(self._proven(tx, idx, checkpoint.size, private=private) for idx in idxs)
        return Proof(self.origin, self._signed_with(checkpoint.note), checkpoint.note, entries)

    def consistency(self, tx: Tx, old: int, new: int) -> Consistency:
        """Prove that the checkpoint of size `old` begins that of size `new`; NotFound unless both were signed."""
        before, after = self._checkpoint_at(tx, old), self._checkpoint_at(tx, new)
        if before.size > after.size:
            raise Invalid(T(f"{old} 大于 {new}", f"{old} is larger than {new}"))
        path = tuple(self._hash(tx, start, end) for start, end in tlog.consistency(before.size, after.size))
        return Consistency(before.note, self._signed_with(before.note), path)

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
        narrow = (actor, resource) != (None, None)
        asked = {
            "actor = ?": actor,
            "resource = ?": resource,
            "action = ?": action,
            "at_us >= ?": since_us,
            _SINCE: None if narrow or places else since_us,
            "idx < ?": before_idx,
        }
        given = {clause: value for clause, value in asked.items() if value is not None}
        rows = [row for parts in _parts(places, narrow=narrow) for row in _newest(tx, parts, given, limit)]
        return [Found(idx, _decode(idx, leaf)) for idx, leaf in sorted(rows, reverse=True)[:limit]]

    def shred(self, tx: Tx, idx: int) -> bool:
        """Remove the private facts of one entry; its leaf stays provable. False if there were none (any more).

        That the freed pages are overwritten is up to the connection (`PRAGMA secure_delete`) and the backups.
        """
        return tx.execute("DELETE FROM audit_payload WHERE idx = ?", (idx,)).rowcount > 0

    def verify_on_start(self, tx: Tx) -> None:
        """Compare the stored tree with the head kept outside; AuditBroken if it is shorter or another tree.

        Reads one hash per bit of the tree size. It does not replay the leaves: a changed leaf is found by its proof.
        """
        size = self._leaves(tx)
        head = self._kept_head()
        if head is None:
            if size:
                raise _broken(f"{self._head_path} 不见了", f"{self._head_path} is gone")
            self.keep(self._sign(0, tlog.EMPTY_ROOT))
            return
        last = self.latest(tx)
        heads = [(head.size, head.root)] + ([(last.size, last.root)] if last else [])
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

    def _sign(self, size: int, root: bytes) -> Checkpoint:
        text = tlog.checkpoint_text(self.origin, size, root)
        signature = self._keys.sign(PURPOSE, text.encode())
        public = next(key for key in self._keys.publics(PURPOSE) if key.key_id == signature.key_id)
        return Checkpoint(size, self._world.now_us(), root, tlog.note(text, self.origin, public.raw, signature.raw))

    def _kept_head(self) -> tlog.Head | None:
        """Return the head file's content if one of our keys signed it; None if there is no such file."""
        try:
            head = tlog.parse_checkpoint(self._head_path.read_text("utf-8"))
            signer, signature = self._signer(head)
        except FileNotFoundError:
            return None
        except ValueError:
            raise _broken(f"{self._head_path} 无法读取", f"{self._head_path} cannot be read") from None
        if not self._keys.verify(PURPOSE, head.text.encode(), Signature(signer.key_id, signature)):
            raise _broken(f"{self._head_path} 的签名无效", f"the signature in {self._head_path} does not hold")
        return head

    def _signer(self, head: tlog.Head) -> tuple[PublicKey, bytes]:
        """Which of our keys a note names, with the signature said to be its; ValueError if none."""
        ours = {tlog.key_hash(self.origin, key.raw): key for key in self._keys.publics(PURPOSE)}
        for name, key_hash, signature in head.signatures:
            if name == self.origin and key_hash in ours:
                return ours[key_hash], signature
        raise ValueError("not signed by this log")

    def _signed_with(self, note: str) -> str:
        signer, _ = self._signer(tlog.parse_checkpoint(note))
        return tlog.verifier_key(self.origin, signer.raw)

    def _checkpoint_at(self, tx: Tx, size: int | None) -> Checkpoint:
        sql = "SELECT size, at_us, root, note FROM audit_checkpoint WHERE size = ?"
        row = self.latest(tx) if size is None else tx.execute(sql, (size,)).fetchone()
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
# `+ 0` keeps SQLite from answering min() by a walk through the rows in order of idx.
_SINCE = "idx >= (SELECT min(idx + 0) FROM audit_leaf WHERE at_us >= ?)"
_SEARCH = "SELECT idx, leaf FROM audit_leaf WHERE "
_EVERYWHERE = Where("TRUE")


def _parts(places: Sequence[str], *, narrow: bool) -> list[list[Where]]:
    """Where to look: a list a statement, in it a condition for each index to be walked.

    An actor or resource has an index that goes before those of the places (`+` keeps SQLite from taking theirs).
    """
    if narrow and places:
        return [[Where(f"+project IN ({', '.join('?' * len(places))})", tuple(places))]]
    each = [Where("project = ?", (place,)) for place in places] or [_EVERYWHERE]
    return [each[i : i + PLACES_MERGED_MAX] for i in range(0, len(each), PLACES_MERGED_MAX)]


def _newest(tx: Tx, parts: Sequence[Where], given: Mapping[str, Any], limit: int) -> list[Any]:
    """Newest rows over all parts. Each is walked down its index only as far as the merge needs it."""
    wheres = [part & Where(" AND ".join(given), tuple(given.values())) if given else part for part in parts]
    sql = " UNION ALL ".join(_SEARCH + where.sql for where in wheres) + " ORDER BY idx DESC LIMIT ?"
    return tx.execute(sql, (*(value for where in wheres for value in where.params), limit)).fetchall()


def _encode(value: object) -> bytes:
    """Canonical JSON: sorted keys, no spaces, UTF-8."""
    return _ENCODER.encode(value)


def _decode(idx: int, leaf: bytes) -> Leaf:
    try:
        return _LEAF.decode(leaf)
    except msgspec.DecodeError:
        raise _broken(f"第 {idx} 条被改动", f"entry {idx} was changed") from None


def _broken(zh: str, en: str) -> AuditBroken:
    return AuditBroken(T(f"审计日志不能继续：{zh}", f"The audit log must not go on: {en}"))
