"""Check audit proofs of a Cloudhall, offline: `python verify.py proof.json --key KEY`.

This one file runs alone. It needs Python 3.11 and the package `cryptography`, and nothing of Cloudhall: whoever
audits can read it whole and run it anywhere. It repeats the few hash functions of the log's own `kernel/tlog.py`
on purpose, because a judge must not share code with the party it judges. Algorithms: RFC 9162 sections 2.1.3.2
(inclusion) and 2.1.4.2 (consistency); the signed note and the checkpoint as in https://c2sp.org.

A proof file is JSON: {"origin", "public_key", "checkpoint", "entries": [{"index", "leaf", "path", "salt"?,
"payload"?}], "consistency"?: {"checkpoint", "public_key", "path"}}; bytes are standard base64. Reading is strict:
an unknown, missing or doubled field, or base64 in another spelling, is a failure.

What a success means: these entries stand at these places in the log whose head the key has signed, unchanged to the
last bit. What it cannot mean: that the selection is complete. For that, fetch all entry bundles of the log.
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
from typing import Any, NamedTuple

HASH_BYTES = 32
KEY_HASH_BYTES = 4
ED25519 = b"\x01"  # signature type of C2SP signed-note
SIZE_DIGITS_MAX = 19  # of a signed 64-bit number
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Say(NamedTuple):
    """One text in both languages."""

    zh: str
    en: str


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


def check(proof: bytes, pinned: Sequence[str] = (), kept: str | None = None) -> list[Finding]:
    """Check a proof file and return one finding for the head, each entry and the continuity with an older head.

    `pinned` are public keys known from elsewhere; without any, the file's own key is used and said to be unproven.
    `kept` is a checkpoint, or a whole proof file, that the reader kept from before.
    """
    about = Say("检查点", "checkpoint")
    try:
        document = _load(proof)
        head = _head(document, pinned)
    except Refused as refused:
        return [Finding(about, refused.say, ok=False)]
    findings = [Finding(about, _describe(head, document["public_key"], pinned))]
    findings += [_finding(_name(entry), _entry, entry, head) for entry in document["entries"]]
    if kept is not None or "consistency" in document:
        findings.append(_finding(Say("连续性", "continuity"), _continuity, document, head, pinned, kept))
    return findings


def _finding(about: Say, checker: Callable[..., Say], *arguments: object) -> Finding:
    try:
        return Finding(about, checker(*arguments))
    except Refused as refused:
        return Finding(about, refused.say, ok=False)


def _head(document: dict[str, Any], pinned: Sequence[str]) -> Head:
    """Check the frame of a proof file and return its signed head."""
    _only(document, {"origin", "public_key", "checkpoint", "entries"}, {"consistency"})
    _list(document, "entries")
    head = _open(document, pinned)
    if head.origin != document["origin"]:
        raise Refused("日志名与检查点不同", "the origin differs from the checkpoint's")
    return head


def _entry(entry: Any, head: Head) -> Say:
    """Check one entry: its place in the tree, and that private facts shown with it are those committed to."""
    _only(entry, {"index", "leaf", "path"}, {"salt", "payload"})
    leaf = _bytes(entry, "leaf")
    path = [_hash(item) for item in _list(entry, "path")]
    if inclusion_root(leaf_hash(leaf), _index(entry), head.size, path) != head.root:
        raise Refused("内容或路径与签名的树根不符", "content or path does not lead to the signed root")
    facts = _load(leaf)
    private = _private(entry, facts)
    what = [facts.get("actor"), facts.get("action"), facts.get("phase", "done"), facts.get("resource", "-")]
    told = " ".join([_when(facts), *map(str, what)])
    return Say(f"{told}；{private.zh}", f"{told}; {private.en}")


def _private(entry: dict[str, Any], facts: dict[str, Any]) -> Say:
    commitment = facts.get("commitment")
    if "payload" not in entry and "salt" not in entry:
        if commitment is None:
            return Say("无个人信息", "no private facts")
        return Say("个人信息未出示或已销毁", "private facts withheld or shredded")
    payload = _bytes(entry, "payload")
    if hmac.digest(_bytes(entry, "salt"), payload, "sha256").hex() != commitment:
        raise Refused("个人信息与承诺值不符", "the private facts are not those committed to")
    shown = json.dumps(_load(payload), ensure_ascii=False)
    return Say(f"个人信息属实：{shown}", f"private facts hold: {shown}")


def _continuity(document: dict[str, Any], head: Head, pinned: Sequence[str], kept: str | None) -> Say:
    """Check that an older head, best the one that the reader kept, is the beginning of this one."""
    older = _older(document, head, pinned)
    if kept is not None:
        mine = _read_checkpoint(_kept_note(kept))[1]
        if mine not in (older, head):
            raise Refused(
                f"与保存的检查点（{mine.size} 条）不连续，或文件未含该连续性证明",
                f"does not continue the checkpoint that was kept (size {mine.size}), or the file does not prove it",
            )
        older = mine
    return Say(
        f"前 {older.size} 条与当时签名的完全一致", f"the first {older.size} entries are those that were signed then"
    )


def _older(document: dict[str, Any], head: Head, pinned: Sequence[str]) -> Head:
    """Return the proven older head; without a proof in the file this is the head itself."""
    if "consistency" not in document:
        return head
    proof = document["consistency"]
    _only(proof, {"checkpoint", "public_key", "path"})
    older = _open(proof, pinned)
    path = [_hash(item) for item in _list(proof, "path")]
    if older.origin != head.origin or not consistent(older, head, path):
        raise Refused("历史被改写或截断", "history was rewritten or cut off")
    return older


def _kept_note(kept: str) -> str:
    if not kept.startswith("{"):
        return kept
    return _text(_load(kept.encode()), "checkpoint")


def leaf_hash(leaf: bytes) -> bytes:
    """Hash of an entry (RFC 6962 2.1)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node (RFC 6962 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def inclusion_root(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Root that a path leads to from a leaf hash; None where the path does not fit the place (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        return None
    place, last, root = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if place & 1 or place == last:
            root = node_hash(sibling, root)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        place, last = place >> 1, last >> 1
    return root if last == 0 else None


def consistent(old: Head, new: Head, path: Sequence[bytes]) -> bool:
    """Whether the path proves that the old tree begins the new one (RFC 9162 2.1.4.2)."""
    if old.size in (0, new.size):
        empty = hashlib.sha256().digest()
        return not path and old.root == (new.root if old.size == new.size else empty)
    if old.size > new.size or not path:
        return False
    hashes = [old.root, *path] if old.size & (old.size - 1) == 0 else list(path)
    place, last = old.size - 1, new.size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old_root = new_root = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old_root, new_root = node_hash(sibling, old_root), node_hash(sibling, new_root)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            new_root = node_hash(new_root, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and (old_root, new_root) == (old.root, new.root)


def parse_key(text: str) -> Key:
    """Take a public key apart and check that its short hash fits (C2SP signed-note)."""
    name, hash_, encoded, *_ = [*text.split("+", 2), "", ""]
    public = _base64(encoded)
    short = hashlib.sha256(name.encode() + b"\n" + public).digest()[:KEY_HASH_BYTES]
    if not name or len(public) != len(ED25519) + HASH_BYTES or not public.startswith(ED25519) or short.hex() != hash_:
        raise Refused("公钥格式有误", "the public key is malformed")
    return Key(text, name, short, public[len(ED25519) :])


def _open(document: dict[str, Any], pinned: Sequence[str]) -> Head:
    """Return the head that a checkpoint signs, once its signature holds under the key named beside it."""
    key = parse_key(_text(document, "public_key"))
    if pinned and key.text not in pinned:
        raise Refused("公钥不是您指定的那一把", "the public key is not the pinned one")
    note = _text(document, "checkpoint")
    text, head = _read_checkpoint(note)
    _require_signature(text, note[len(text) + 1 :], key)
    if head.origin != key.name:
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


def _require_signature(text: str, lines: str, key: Key) -> None:
    """Every line of this key must hold and there must be one; lines of keys unknown here say nothing (C2SP)."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    signatures = [_signature_line(line) for line in lines.removesuffix("\n").split("\n")]
    ours = [signature for name, hash_, signature in signatures if (name, hash_) == (key.name, key.hash)]
    if not ours or not lines.endswith("\n"):
        raise Refused("检查点没有这把公钥的签名", "the checkpoint is not signed by this key")
    try:
        for signature in ours:
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text.encode())
    except InvalidSignature:
        raise Refused("检查点签名无效", "the checkpoint's signature does not hold") from None


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


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or any("\ud800" <= c <= "\udfff" for c in value):  # half characters have no UTF-8
        raise Refused(f"字段 {name} 不是文本", f"field {name} is not text")
    return value


def _list(document: dict[str, Any], name: str) -> list[Any]:
    value = document.get(name)
    if not isinstance(value, list):
        raise Refused(f"字段 {name} 不是列表", f"field {name} is not a list")
    return value


def _index(entry: dict[str, Any]) -> int:
    value = entry["index"]
    if type(value) is not int:
        raise Refused("序号不是整数", "the index is not an integer")
    return value


def _bytes(document: dict[str, Any], name: str) -> bytes:
    return _base64(_text(document, name))


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
        kept = options.kept.read_text("utf-8") if options.kept else None
        findings = check(options.proof.read_bytes(), pinned, kept)
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


def _key_option(value: str) -> str:
    """Read a key, or the file that holds one."""
    text = Path(value).read_text("utf-8").strip() if Path(value).is_file() else value
    return parse_key(text).text


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="verify.py", description="核验云厅审计证明，无需联网 · Check audit proofs of a Cloudhall, offline"
    )
    parser.add_argument("proof", type=Path, help="证明文件（JSON）· the proof file")
    parser.add_argument(
        "--key", action="append", default=[], help="可信的日志公钥或其文件，可重复 · trusted public key or its file"
    )
    parser.add_argument("--kept", type=Path, help="以前保存的检查点或证明文件 · a checkpoint or proof kept from before")
    language = "zh" if os.environ.get("LANG", "").startswith("zh") else "en"
    parser.add_argument("--lang", choices=Say._fields, default=language, help="输出语言 · language of the output")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    del sys.path[0]  # this file's own folder, where a package may be named like one of Python's (`locale`)
    sys.exit(main())
