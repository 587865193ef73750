"""Check audit proofs of a Cloudhall, offline: `python verify.py proof.json --key KEY`.

This one file runs alone. It needs Python 3.11 and the package `cryptography`, and nothing of Cloudhall: whoever
audits can read it whole and run it anywhere. It repeats the few hash functions of the log's own `kernel/tlog.py`
on purpose, because a judge must not share code with the party it judges. Algorithms: RFC 9162 sections 2.1.3.2
(inclusion) and 2.1.4.2 (consistency); the signed note and the checkpoint as in https://c2sp.org.

A proof file is JSON: {"origin", "public_key", "checkpoint", "entries": [{"index", "leaf", "path", "salt"?,
"payload"?}], "consistency"?: {"checkpoint", "public_key", "path"}, "handovers"?: [{"checkpoint", "public_key", "index",
"leaf", "path", "consistency"}]}; bytes are standard base64. Reading is strict: an unknown, missing or doubled field, or
base64 in another spelling, is a failure.

What a success means: these entries stand at these places in the log whose head the key has signed, unchanged to the
last bit. With `--witness`: others have seen this very head, and nothing that contradicts it. What it cannot mean: that
the selection is complete; `verify_log.py` looks at all entries. A pinned key is followed over changes that the log
itself names.
Exit code: 0 all proven, 1 something is not, 2 wrong usage.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

HASH_BYTES = 32
KEY_HASH_BYTES = 4
ED25519 = b"\x01"  # signature types of C2SP signed-note: of a log …
COSIGNER = b"\x04"  # … and of a witness (C2SP tlog-cosignature)
TIME_BYTES = 8
ROTATION = ("service:audit", "audit.key:rotate", "done")  # who, what, phase of an entry that names a new key
SIZE_DIGITS_MAX = 19  # of a signed 64-bit number
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Say(NamedTuple):
    """One text in both languages."""

    zh: str
    en: str


SHAPES: dict[type, Say] = {str: Say("文本", "text"), list: Say("列表", "a list"), int: Say("整数", "an integer")}
F = TypeVar("F")


class Refused(Exception):
    """A check failed; the text says which."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.say = Say(zh, en)


class Key(NamedTuple):
    """A log's public key: `name+hash+base64` taken apart."""

    text: str
    name: str
    hash: bytes
    public: bytes


class Head(NamedTuple):
    """What a checkpoint says once its signature holds: the first `size` entries of `origin` have this root."""

    origin: str
    size: int
    root: bytes


class Finding(NamedTuple):
    """Result of one check; `about` is what was checked."""

    about: Say
    detail: Say
    ok: bool = True


def check(
    proof: bytes,
    pinned: Sequence[str] = (),
    kept: str | None = None,
    witnesses: Sequence[str] = (),
    quorum: int = 0,
) -> list[Finding]:
    """Check a proof file and return one finding for the head, each entry and the continuity with an older head.

    `pinned` are public keys known from elsewhere; without any, the file's own key is used and said to be unproven.
    `kept` is a checkpoint or proof file from before; `quorum` of the `witnesses` must have signed, 0 means all.
    """
    about = Say("检查点", "checkpoint")
    try:
        document = _load(proof)
        head = _head(document)
        trusted, changes = _followed(document, head, pinned)
        _require_pinned(document, trusted)
    except Refused as refused:
        return [Finding(about, refused.say, ok=False)]
    findings = [Finding(about, _describe(head, document["public_key"], pinned)), *changes]
    if witnesses or quorum:
        asked = quorum or len(witnesses)
        findings.append(_finding(Say("见证", "witnesses"), _witnessed, document["checkpoint"], witnesses, asked))
    findings += [_finding(_name(entry), _entry, entry, head) for entry in document["entries"]]
    if kept is not None or "consistency" in document:
        findings.append(_finding(Say("连续性", "continuity"), _continuity, document, head, trusted, kept))
    return findings


def _finding(about: Say, checker: Callable[..., Say], *arguments: object) -> Finding:
    try:
        return Finding(about, checker(*arguments))
    except Refused as refused:
        return Finding(about, refused.say, ok=False)


def _head(document: dict[str, Any]) -> Head:
    """Check the frame of a proof file and return its signed head."""
    _only(document, {"origin", "public_key", "checkpoint", "entries"}, {"consistency", "handovers"})
    _field(document, "entries", list)
    head = _open(document)
    if head.origin != document["origin"]:
        raise Refused("日志名与检查点不同", "the origin differs from the checkpoint's")
    return head


def _followed(document: dict[str, Any], head: Head, pinned: Sequence[str]) -> tuple[list[str], list[Finding]]:
    """Keys that the pinned ones lead to: each change is an entry of this log, under a head that the old key signed."""
    trusted, findings = list(pinned), []
    for item in _field(document, "handovers", list) if "handovers" in document else ():
        _only(item, {"checkpoint", "public_key", "index", "leaf", "path", "consistency"})
        older = _open(item)
        if older.origin != head.origin or not consistent(older, head, _hashes(item, "consistency")):
            raise Refused("换钥的检查点不属于这段历史", "a change of keys is not of this history")
        facts = _placed(item, older)
        if (facts.get("actor"), facts.get("action"), facts.get("phase", "done")) != ROTATION:
            raise Refused("换钥所凭的条目不是换钥", "the entry behind a change of keys is none")
        new = parse_key(_text(facts, "resource")).text
        if item["public_key"] in trusted:
            trusted.append(new)
        told = Say(
            f"第 {item['index']} 条由前一把公钥引出 {new}", f"entry {item['index']} under the old key names {new}"
        )
        findings.append(Finding(Say("换钥", "key change"), told))
    return trusted, findings


def _require_pinned(document: dict[str, Any], trusted: Sequence[str]) -> None:
    if trusted and document["public_key"] not in trusted:
        raise Refused("公钥不是您指定的那一把", "the public key is not the pinned one")


def _witnessed(note: str, witnesses: Sequence[str], asked: int) -> Say:
    """Check cosignatures (C2SP tlog-cosignature): enough of the given witnesses, each counted once, and none false."""
    text, _ = _read_checkpoint(note)
    seen = []
    for key in {key.public: key for key in (parse_key(k, COSIGNER) for k in witnesses)}.values():
        times = [int.from_bytes(signed[:TIME_BYTES], "big") for signed in _signatures(note, text, key)]
        for at_s, signed in zip(times, _signatures(note, text, key), strict=True):
            _require(key, signed[TIME_BYTES:], f"cosignature/v1\ntime {at_s}\n{text}")
        seen += [f"{key.name} {_when({'at_us': max(times) * 1_000_000})}"] if times else []
    told = ", ".join(seen)
    if len(seen) < asked:
        raise Refused(f"会签不足 {asked} 个：{told or '无'}", f"fewer than {asked} have signed: {told or 'none'}")
    return Say(f"{len(seen)} 个见证人会签：{told}", f"{len(seen)} have signed: {told}")


def _entry(entry: Any, head: Head) -> Say:
    """Check one entry: its place in the tree, and that private facts shown with it are those committed to."""
    _only(entry, {"index", "leaf", "path"}, {"salt", "payload"})
    facts = _placed(entry, head)
    private = _private(entry, facts)
    what = [facts.get("actor"), facts.get("action"), facts.get("phase", "done"), facts.get("resource", "-")]
    told = " ".join([_when(facts), *map(str, what), *filter(None, [str(facts.get("reason") or "")])])
    return Say(f"{told}；{private.zh}", f"{told}; {private.en}")


def _placed(entry: dict[str, Any], head: Head) -> dict[str, Any]:
    """Facts of an entry whose path leads to a signed root."""
    leaf = _base64(_text(entry, "leaf"))
    if inclusion_root(leaf_hash(leaf), _field(entry, "index", int), head.size, _hashes(entry, "path")) != head.root:
        raise Refused("内容或路径与签名的树根不符", "content or path does not lead to the signed root")
    return _load(leaf)


def _private(entry: dict[str, Any], facts: dict[str, Any]) -> Say:
    commitment = facts.get("commitment")
    if "payload" not in entry and "salt" not in entry:
        if commitment is None:
            return Say("无个人信息", "no private facts")
        return Say("个人信息未出示或已销毁", "private facts withheld or shredded")
    payload = _base64(_text(entry, "payload"))
    if hmac.digest(_base64(_text(entry, "salt")), payload, "sha256").hex() != commitment:
        raise Refused("个人信息与承诺值不符", "the private facts are not those committed to")
    shown = json.dumps(_load(payload), ensure_ascii=False)
    return Say(f"个人信息属实：{shown}", f"private facts hold: {shown}")


def _continuity(document: dict[str, Any], head: Head, trusted: Sequence[str], kept: str | None) -> Say:
    """Check that an older head, best the one that the reader kept, is the beginning of this one."""
    older = _older(document, head, trusted)
    if kept is not None:
        note = _text(_load(kept.encode()), "checkpoint") if kept.startswith("{") else kept
        mine = _read_checkpoint(note)[1]
        if mine not in (older, head):
            raise Refused(
                f"与保存的检查点（{mine.size} 条）不连续，或文件未含该连续性证明",
                f"does not continue the checkpoint that was kept (size {mine.size}), or the file does not prove it",
            )
        older = mine
    return Say(
        f"前 {older.size} 条与当时签名的完全一致", f"the first {older.size} entries are those that were signed then"
    )


def _older(document: dict[str, Any], head: Head, trusted: Sequence[str]) -> Head:
    """Return the proven older head; without a proof in the file this is the head itself."""
    if "consistency" not in document:
        return head
    proof = document["consistency"]
    _only(proof, {"checkpoint", "public_key", "path"})
    older = _open(proof)
    _require_pinned(proof, trusted)
    if older.origin != head.origin or not consistent(older, head, _hashes(proof, "path")):
        raise Refused("历史被改写或截断", "history was rewritten or cut off")
    return older


def leaf_hash(leaf: bytes) -> bytes:
    """Hash of an entry (RFC 6962 2.1)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node (RFC 6962 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def inclusion_root(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Root that a path leads to from a leaf hash; None where the path does not fit the place (RFC 9162 2.1.3.2)."""
    sides = _sides(index, size - 1, len(path)) if 0 <= index < size else None
    if sides is None:
        return None
    root = leaf
    for sibling, left in zip(path, sides, strict=True):
        root = node_hash(sibling, root) if left else node_hash(root, sibling)
    return root


def consistent(old: Head, new: Head, path: Sequence[bytes]) -> bool:
    """Whether the path proves that the old tree begins the new one (RFC 9162 2.1.4.2)."""
    if old.size in (0, new.size):
        empty = hashlib.sha256().digest()
        return not path and old.root == (new.root if old.size == new.size else empty)
    if old.size > new.size or not path:
        return False
    first, *rest = [old.root, *path] if old.size & (old.size - 1) == 0 else path
    place, last = old.size - 1, new.size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    sides = _sides(place, last, len(rest))
    old_root = new_root = first
    for sibling, left in zip(rest, sides or (), strict=sides is not None):
        old_root = node_hash(sibling, old_root) if left else old_root
        new_root = node_hash(sibling, new_root) if left else node_hash(new_root, sibling)
    return sides is not None and (old_root, new_root) == (old.root, new.root)


def _sides(place: int, last: int, steps: int) -> list[bool] | None:
    """Whether each sibling of a path stands on the left; None where a path of so many steps does not fit."""
    sides = []
    for _ in range(steps):
        if last == 0:
            return None
        left = bool(place & 1) or place == last
        sides.append(left)
        while left and place and not place & 1:
            place, last = place >> 1, last >> 1
        place, last = place >> 1, last >> 1
    return sides if last == 0 else None


def parse_key(text: str, kind: bytes = ED25519) -> Key:
    """Take a public key apart, of a log or of a witness, and check that its short hash fits (C2SP signed-note)."""
    name, hash_, encoded, *_ = [*text.split("+", 2), "", ""]
    public = _base64(encoded)
    short = hashlib.sha256(name.encode() + b"\n" + public).digest()[:KEY_HASH_BYTES]
    if not name or len(public) != len(kind) + HASH_BYTES or not public.startswith(kind) or short.hex() != hash_:
        raise Refused("公钥格式有误", "the public key is malformed")
    return Key(text, name, short, public[len(kind) :])


def _open(document: dict[str, Any]) -> Head:
    """Return the head that a checkpoint signs, once its signature holds under the key named beside it."""
    return open_checkpoint(_text(document, "checkpoint"), [parse_key(_text(document, "public_key"))])


def open_checkpoint(note: str, keys: Sequence[Key]) -> Head:
    """Return the head that a checkpoint signs; every line of these keys must hold, and there must be one (C2SP)."""
    text, head = _read_checkpoint(note)
    signatures = [(key, signature) for key in keys for signature in _signatures(note, text, key)]
    if not signatures:
        raise Refused("检查点没有这把公钥的签名", "the checkpoint is not signed by this key")
    for key, signature in signatures:
        _require(key, signature, text)
    if any(head.origin != key.name for key, _ in signatures):
        raise Refused("公钥属于另一个日志", "the public key belongs to another log")
    return head


def _read_checkpoint(note: str) -> tuple[str, Head]:
    """Split off what is signed, and read it, without believing it yet."""
    text, separator, _ = note.rpartition("\n\n")
    origin, size, root, *extensions = [*text.split("\n"), "", ""]
    digits = size.isascii() and size.isdecimal() and len(size) <= SIZE_DIGITS_MAX
    controls = any(c < " " and c != "\n" for c in note)
    if not (separator and origin and digits and str(int(size)) == size) or controls or not all(extensions[:-2]):
        raise Refused("检查点格式有误", "the checkpoint is malformed")
    return text + "\n", Head(origin, int(size), _hash(root))


def _signatures(note: str, text: str, key: Key) -> list[bytes]:
    """Signatures under a note that say to be of this key; lines of keys unknown here say nothing (C2SP)."""
    lines = note[len(text) + 1 :]
    if not lines.endswith("\n"):
        raise Refused("检查点没有这把公钥的签名", "the checkpoint is not signed by this key")
    found = [_signature_line(line) for line in lines.removesuffix("\n").split("\n")]
    return [signature for name, hash_, signature in found if (name, hash_) == (key.name, key.hash)]


def _require(key: Key, signature: bytes, message: str) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message.encode())
    except InvalidSignature:
        raise Refused(f"{key.name} 的签名无效", f"the signature of {key.name} does not hold") from None


def _signature_line(line: str) -> tuple[str, bytes, bytes]:
    dash, name, encoded, *rest = [*line.split(" "), "", ""]
    blob = _base64(encoded)
    if dash != "—" or not name or len(blob) <= KEY_HASH_BYTES or rest != ["", ""]:
        raise Refused("签名行格式有误", "a signature line is malformed")
    return name, blob[:KEY_HASH_BYTES], blob[KEY_HASH_BYTES:]


def _load(data: bytes) -> dict[str, Any]:
    """Read a JSON object; a name given twice could show one thing and mean another."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("doubled name")
        return dict(pairs)

    try:
        value = json.loads(data.decode(), object_pairs_hook=once)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Refused("不是有效的 JSON 对象", "not a valid JSON object")
    return value


def _only(value: Any, required: set[str], optional: set[str] | frozenset[str] = frozenset()) -> None:
    if not isinstance(value, dict) or not required <= value.keys() <= required | optional:
        raise Refused("字段缺失或多余", "a field is missing or unknown")


def _field(document: dict[str, Any], name: str, kind: type[F]) -> F:
    value = document.get(name)
    if type(value) is not kind:
        what = SHAPES[kind]
        raise Refused(f"字段 {name} 不是{what.zh}", f"field {name} is not {what.en}")
    return value


def _text(document: dict[str, Any], name: str) -> str:
    value = _field(document, name, str)
    if any("\ud800" <= c <= "\udfff" for c in value):  # half characters have no UTF-8
        raise Refused(f"字段 {name} 不是文本", f"field {name} is not text")
    return value


def _hashes(document: dict[str, Any], name: str) -> list[bytes]:
    return [_hash(item) for item in _field(document, name, list)]


def _hash(value: Any) -> bytes:
    decoded = _base64(value) if isinstance(value, str) else b""
    if len(decoded) != HASH_BYTES:
        raise Refused("散列值长度有误", "a hash has the wrong length")
    return decoded


def _base64(text: str) -> bytes:
    """Decode the one canonical spelling; the decoder by itself would overlook spare bits at the end."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except ValueError:
        decoded = b""
    if base64.b64encode(decoded).decode() != text:
        raise Refused("base64 有误", "base64 is malformed")
    return decoded


def _name(entry: Any) -> Say:
    index = entry.get("index") if isinstance(entry, dict) else "?"
    return Say(f"条目 {index}", f"entry {index}")


def _when(facts: dict[str, Any]) -> str:
    try:
        return (EPOCH + timedelta(microseconds=facts["at_us"])).isoformat()
    except (KeyError, TypeError, OverflowError):
        return "-"


def _describe(head: Head, key: str, pinned: Sequence[str]) -> Say:
    what = f"{head.origin}  {head.size}  {head.root.hex()}"
    if pinned:
        return Say(f"{what}；公钥与指定的一致", f"{what}; signed with the pinned key")
    return Say(
        f"{what}；注意：公钥取自文件本身，请用 --key 指定从可信渠道得到的公钥（文件中为 {key}）",
        f"{what}; NOTE: the key came with the file, pin one from a trusted place with --key (the file says {key})",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    options = _options(arguments)
    try:
        pinned = [_key_option(value) for value in options.key]
        witnesses = [_key_option(value, COSIGNER) for value in options.witness]
        kept = options.kept.read_text("utf-8") if options.kept else None
        findings = check(options.proof.read_bytes(), pinned, kept, witnesses, options.quorum)
    except (OSError, UnicodeDecodeError) as error:
        findings = [Finding(Say("文件", "file"), Say(f"无法读取：{error}", f"cannot be read: {error}"), ok=False)]
    except Refused as refused:
        findings = [Finding(Say("公钥", "key"), refused.say, ok=False)]
    except ModuleNotFoundError:
        need = Say("请先安装：pip install cryptography", "install it first: pip install cryptography")
        findings = [Finding(Say("cryptography", "cryptography"), need, ok=False)]
    report = _report(findings, options.lang)
    sys.stdout.buffer.write(report.encode())  # UTF-8 whatever the locale says
    return 0 if all(finding.ok for finding in findings) else 1


def _report(findings: Sequence[Finding], language: str) -> str:
    place = Say._fields.index(language)
    verdict = {True: Say("通过", "ok"), False: Say("失败", "FAILED")}
    lines = [f"{verdict[f.ok][place]}\t{_printable(f.about[place])}\t{_printable(f.detail[place])}" for f in findings]
    bad = sum(not finding.ok for finding in findings)
    total = Say(f"共 {len(findings)} 项，失败 {bad} 项", f"{len(findings)} checks, {bad} failed")
    return "\n".join([*lines, total[place], ""])


def _printable(text: str) -> str:
    """Escape what could steer a terminal."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def _key_option(value: str, kind: bytes = ED25519) -> str:
    """Read a key, or the file that holds one."""
    text = Path(value).read_text("utf-8").strip() if Path(value).is_file() else value
    return parse_key(text, kind).text


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="verify.py", description="核验云厅审计证明，无需联网 · Check audit proofs of a Cloudhall, offline"
    )
    parser.add_argument("proof", type=Path, help="证明文件（JSON）· the proof file")
    parser.add_argument(
        "--key", action="append", default=[], help="可信的日志公钥或其文件，可重复 · trusted public key or its file"
    )
    parser.add_argument("--kept", type=Path, help="以前保存的检查点或证明文件 · a checkpoint or proof kept from before")
    parser.add_argument(
        "--witness", action="append", default=[], help="见证人公钥或其文件，可重复 · witness's public key or its file"
    )
    parser.add_argument(
        "--quorum", type=int, default=0, help="至少几个见证人会签（默认全部）· how many must have signed (all)"
    )
    language = "zh" if os.environ.get("LANG", "").startswith("zh") else "en"
    parser.add_argument("--lang", choices=Say._fields, default=language, help="输出语言 · language of the output")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    del sys.path[0]  # this file's own folder, where a package may be named like one of Python's (`locale`)
    sys.exit(main())
