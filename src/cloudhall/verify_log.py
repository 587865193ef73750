"""Compute the root of a whole log from all its entries, offline: `python verify_log.py FOLDER --proof proof.json`.

This one file runs alone, with Python 3.11 and nothing else. FOLDER is what `cloudhall audit export` writes: the entry
bundles of C2SP tlog-tiles, `tile/entries/x001/234`, 256 entries each behind their length, the last one `….p/WIDTH`.
Without `--proof` it is compared with the head in FOLDER, `head.json`.

What a success means: the entries in FOLDER are all there are under the head that the proof file carries, and of those
about the same resources the file holds so many. That the head is signed is for `verify.py` to say.
Exit code: 0 it is so, 1 it is not, 2 wrong usage. Cost: one pass; memory of one bundle.
"""

import argparse
import base64
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

BUNDLE = 256
LENGTH_BYTES = 2
HEAD = "head.json"


class Wrong(Exception):
    """Something is not as it was signed."""


class Head(NamedTuple):
    """What a proof file is about: size and root of the tree, and the resources of its entries, one an entry."""

    size: int
    root: bytes
    resources: tuple[str, ...]


class Found(NamedTuple):
    """What all entries come to: their root, and how many are about the resources asked for."""

    root: bytes
    about: int


def check(folder: Path, proof: Path) -> str:
    """Compare all entries with the head of a proof file and tell what was found; Wrong where they differ."""
    head = read_head(proof)
    found = replay(leaves(folder, head.size), frozenset(head.resources))
    if found.root != head.root:
        raise Wrong("全部条目与树根不符 · the entries do not lead to the root")
    told = f"{head.size} {head.root.hex()}\t全部条目与树根相符 · all entries lead to the root"
    if not head.resources:
        return told
    selected = f"{len(head.resources)}/{found.about}"
    return (
        f"{told}\n{selected}\t文件所含条目/日志中关于同一资源的条目 · entries in the file / in the log about the same"
    )


def read_head(proof: Path) -> Head:
    """Read what a proof file claims."""
    try:
        document = json.loads(proof.read_bytes())
        _, size, root, *_ = document["checkpoint"].split("\n")
        facts = [json.loads(base64.b64decode(entry["leaf"])) for entry in document["entries"]]
        return Head(int(size), base64.b64decode(root), tuple(f["resource"] for f in facts if "resource" in f))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise Wrong(f"{proof} 读不了 · cannot be read") from None


def replay(entries: Iterable[bytes], resources: frozenset[str]) -> Found:
    """Root over all entries (RFC 6962 2.1), by the perfect subtrees on its right edge."""
    sha256, names = hashlib.sha256, [name.encode() for name in resources]
    edge: list[bytes] = []
    about = 0
    for index, leaf in enumerate(entries):
        root, place = sha256(b"\x00" + leaf).digest(), index
        while place & 1:
            root, place = sha256(b"\x01" + edge.pop() + root).digest(), place >> 1
        edge.append(root)
        if names and any(name in leaf for name in names):
            about += resource_of(leaf) in resources
    root = edge.pop() if edge else sha256().digest()
    while edge:
        root = sha256(b"\x01" + edge.pop() + root).digest()
    return Found(root, about)


def resource_of(leaf: bytes) -> str | None:
    """Resource that an entry is about; None also for bytes that are no entry, whose root will not be the signed one."""
    try:
        resource = json.loads(leaf)["resource"]
    except (ValueError, KeyError, TypeError):
        return None
    return resource if isinstance(resource, str) else None


def leaves(folder: Path, size: int) -> Iterator[bytes]:
    """First `size` entries in their order; Wrong where a bundle is missing, cut or too long."""
    for first in range(0, size, BUNDLE):
        wanted = min(BUNDLE, size - first)
        path = _bundle(folder, first // BUNDLE)
        bundle, start = path.read_bytes(), 0
        for _ in range(wanted):
            body = start + LENGTH_BYTES
            end = body + int.from_bytes(bundle[start:body], "big")
            yield bundle[body:end]
            start = end
        filled = int(path.name) if path.parent.suffix else BUNDLE
        if start > len(bundle) or (filled <= wanted and start != len(bundle)):
            raise Wrong(f"{path.relative_to(folder)} 长度不符 · has another length")


def _bundle(folder: Path, n: int) -> Path:
    """File of a bundle: the whole one, else the fullest, for a log that has grown since the proof was made."""
    whole = folder / bundle_path(n, BUNDLE)
    partial = {int(p.name): p for p in whole.with_name(f"{whole.name}.p").glob("*") if p.name.isdecimal()}
    if whole.is_file() or partial:
        return whole if whole.is_file() else partial[max(partial)]
    raise Wrong(f"{bundle_path(n, BUNDLE)} 不见了 · is missing")


def bundle_path(n: int, width: int) -> str:
    """Where bundle `n` lies, of which `width` entries are filled."""
    *thousands, last = f"{n:,}".split(",")
    digits = "/".join([*(f"x{part:0>3}" for part in thousands), f"{last:0>3}"])
    return f"tile/entries/{digits}" + ("" if width == BUNDLE else f".p/{width}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="verify_log.py",
        description="由全部条目重算日志的树根，无需联网 · Compute a log's root from all its entries",
    )
    parser.add_argument("folder", type=Path, help="cloudhall audit export 写出的文件夹 · folder of the whole log")
    parser.add_argument("--proof", type=Path, help="要核对的证明文件 · proof file to compare with")
    options = parser.parse_args(arguments)
    try:
        told, code = f"通过 · ok\t{check(options.folder, options.proof or options.folder / HEAD)}", 0
    except Wrong as wrong:
        told, code = f"失败 · FAILED\t{wrong}", 1
    sys.stdout.buffer.write(f"{told}\n".encode())  # UTF-8 whatever the locale says
    return code


if __name__ == "__main__":
    del sys.path[0]  # this file's own folder, where a package may be named like one of Python's (`locale`)
    sys.exit(main())
