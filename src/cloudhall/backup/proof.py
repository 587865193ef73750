"""Proving a backup by restoring it: into a scratch folder, on loopback alone, read back by who would use it.

The rows are summed again, the log is judged by the stand-alone verifier under the key that the backup names, each
object is compared with the backup's bytes and then read as a client would, through the S3 door.
"""

import hashlib
import re
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from typing import Any, NamedTuple

import msgspec

from cloudhall import installation, verify
from cloudhall.backup import rows
from cloudhall.backup.create import Progress
from cloudhall.backup.manifest import Held, Manifest
from cloudhall.backup.objects import Copy
from cloudhall.backup.restore import restore
from cloudhall.domains.documents import attachments
from cloudhall.drivers.objects import Identity, Key
from cloudhall.drivers.objects.buckets import client, translated
from cloudhall.drivers.objects.seaweedfs import SeaweedFS
from cloudhall.drivers.objects.weed_copy import attached
from cloudhall.kernel import archive
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.text import T

PROVEN_AT_ONCE = 1_000
MD5 = re.compile(r'"[0-9a-f]{32}"')
"""An ETag that is the MD5 of the content; that of an object in parts is not."""
COMPARED, READ = T("对照对象", "Comparing objects"), T("经 S3 读取", "Reading through S3")


class Finding(NamedTuple):
    """Result of one check."""

    about: T
    detail: T
    ok: bool


class Read(NamedTuple):
    """What came through the S3 door: versions, how many of them had an MD5 to compare, and how many were wrong."""

    versions: int
    summed: int
    wrong: int


def prove(folder: Path, secret: bytes | None, progress: Progress, scratch: Path | None = None) -> list[Finding]:
    """Restore and check; what keeps it from being restored at all is raised as by `restore`."""
    with tempfile.TemporaryDirectory(prefix="cloudhall-verify-", dir=scratch) as temporary:
        home = Path(temporary) / "home"
        made = restore(folder, home, secret, progress)
        findings = [_files(made), *_rows(home, made), _log(home, made), _kept(home)]
        if made.buckets is not None:
            findings += _objects(folder, home, made.buckets, progress)
    return findings


def _files(made: Manifest) -> Finding:
    n = len(made.files)
    return Finding(
        T("文件", "files"),
        T(
            f"{n} 个，{made.bytes:,} 字节，校验和都与清单一致",
            f"{n} with {made.bytes:,} bytes, each as in the manifest",
        ),
        ok=True,  # `restore` has refused anything else
    )


def _rows(home: Path, made: Manifest) -> Iterator[Finding]:
    database = home / rows.NAME
    sound = rows.sound(database)
    structure = T("完整", "whole") if sound else T("损坏", "broken")
    yield Finding(T("数据库结构", "database"), structure, sound)
    seen = rows.tables(database)
    wrong = sorted(name for name in made.tables.keys() | seen.keys() if made.tables.get(name) != seen.get(name))
    count = sum(table.rows for table in seen.values())
    detail = T(f"{len(seen)} 张表共 {count:,} 行，与备份时刻一致", f"{count:,} in {len(seen)} tables, as at the moment")
    named = ", ".join(wrong)
    yield Finding(T("数据行", "rows"), T(f"不同：{named}", f"different: {named}") if wrong else detail, not wrong)


def _kept(home: Path) -> Finding:
    """Hold each archived file and each document against the hash that the rows have of it.

    After the log: the look at it has brought rows of an older release up, and both tables are there.
    """
    with closing(connect(home / rows.NAME)) as tx:
        archived, n = archive.archived(tx), len(attachments.hashes(tx))
        wrong = [*(text.en for text in archive.wrong(tx, home)), *attachments.wrong(tx, home)]
    about = T("归档与附件", "archive and documents")
    if wrong:
        named = "; ".join(wrong)
        return Finding(about, T(f"缺失或不同：{named}", f"missing or different: {named}"), ok=False)
    return Finding(
        about,
        T(f"{archived:,} 条事件和 {n} 个附件，内容一致", f"{archived:,} events and {n} documents, each the same"),
        ok=True,
    )


def _log(home: Path, made: Manifest) -> Finding:
    """Open the installation without engines and witnesses, and let the verifier judge each entry of its log."""
    kernel = Kernel(installation.build_registry(), home, schemas=installation.SCHEMAS, revisions=installation.REVISIONS)
    try:
        size = -1
        while (now := _sealed(kernel)) > size:
            size = now
        wrong = [finding.detail for finding in _judged(kernel, made) if not finding.ok]
    finally:
        kernel.stop()
    n = made.audit.entries
    if wrong:
        return Finding(T("审计日志", "audit log"), T(*wrong[0]), ok=False)
    proven = T(
        f"{n:,} 条全部证明，并延续备份时的检查点", f"{n:,} entries proven, and the checkpoint of the moment continued"
    )
    return Finding(T("审计日志", "audit log"), proven, ok=True)


def _sealed(kernel: Kernel) -> int:
    """Sign what the tree does not cover yet, as far as one checkpoint goes; entries that it covers now."""
    kernel.seal()
    last = kernel.audit.latest(kernel.store.read())
    return last.size if last else 0


def _judged(kernel: Kernel, made: Manifest) -> Iterator[verify.Finding]:
    """Prove every entry; the first proof also shows that the checkpoint of the manifest is continued."""
    tx = kernel.store.read()
    kept = made.audit.checkpoint or None
    for first in range(0, made.audit.entries, PROVEN_AT_ONCE):
        entries = range(first, min(first + PROVEN_AT_ONCE, made.audit.entries))
        proof = kernel.audit.prove_all(tx, entries)
        if kept:
            continued = kernel.audit.consistency(tx, int(kept.splitlines()[1]), made.audit.entries)
            proof = msgspec.structs.replace(proof, consistency=continued)
        yield from verify.check(proof.to_json(), [made.audit.public_key], kept)
        kept = None


def _objects(folder: Path, home: Path, wanted: Mapping[str, Held], progress: Progress) -> Iterator[Finding]:
    engine = SeaweedFS(home / "objects")
    engine.start()
    try:
        yield _compared(folder, home, progress)
        yield _counted(engine, wanted)
        yield _read(engine, wanted, progress)
    finally:
        engine.stop()


def _compared(folder: Path, home: Path, progress: Progress) -> Finding:
    """Each entry of the engine with that of the backup, and none too many or too few."""
    seen = wrong = 0
    with attached(home / "objects") as contents, Copy.of(folder) as copy:
        for directory, entry in contents.entries():
            seen += 1
            wrong += not copy.same(directory, entry, contents, lambda n: progress(COMPARED, n))
        missing = sum(1 for _ in copy.entries()) - seen
        size = copy.total_bytes()
    about = T("对象", "objects")
    if wrong or missing:
        text = T(f"{wrong} 项不同，缺 {missing} 项", f"{wrong} entries differ, {missing} are missing")
        return Finding(about, text, ok=False)
    return Finding(
        about,
        T(f"{seen:,} 项、{size:,} 字节，逐字节一致", f"{seen:,} entries with {size:,} bytes, the same to the byte"),
        ok=True,
    )


def _counted(engine: SeaweedFS, wanted: Mapping[str, Held]) -> Finding:
    """The engine's own count of each bucket, by which storage is metered."""
    stored = {bucket: engine.stored(bucket) for bucket in wanted}
    wrong = [name for name, held in wanted.items() if Held(stored[name].bytes, stored[name].objects) != held]
    size, objects = sum(h.bytes for h in wanted.values()), sum(h.objects for h in wanted.values())
    said = T(
        f"{len(wanted)} 个存储桶，{objects:,} 个对象，{size:,} 字节，重新清点一致",
        f"{len(wanted)} buckets, {objects:,} objects, {size:,} bytes, as counted anew",
    )
    named = ", ".join(wrong)
    return Finding(T("存储量", "stored"), T(f"不同：{named}", f"different: {named}") if wrong else said, not wrong)


def _read(engine: SeaweedFS, wanted: Mapping[str, Held], progress: Progress) -> Finding:
    key = Key(f"proof-{secrets.token_hex(8)}", secrets.token_hex(32))
    engine.set_identities([Identity("proof", *key, {bucket: frozenset({"read", "list"}) for bucket in wanted})])
    s3 = client(engine.endpoint, key, engine.region)
    parts = [_read_bucket(s3, bucket, progress) for bucket in wanted]
    versions, summed, wrong = (sum(column) for column in zip(*parts, strict=True)) if parts else (0, 0, 0)
    return Finding(
        T("经 S3 读取", "through S3"),
        T(
            f"{versions:,} 个版本全部读出，其中 {summed:,} 个与其 MD5 对照，{wrong} 个不符",
            f"{versions:,} versions read, {summed:,} of them compared with their MD5, {wrong} wrong",
        ),
        not wrong,
    )


def _read_bucket(s3: Any, bucket: str, progress: Progress) -> Read:
    versions = summed = wrong = 0
    with translated(bucket):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for found in page.get("Versions", []):
                got = s3.get_object(Bucket=bucket, Key=found["Key"], VersionId=found["VersionId"])
                md5, size = hashlib.md5(usedforsecurity=False), 0
                for block in got["Body"].iter_chunks(1 << 20):
                    md5.update(block)
                    size += len(block)
                progress(READ, size)
                by_sum = bool(MD5.fullmatch(found["ETag"]))
                versions, summed = versions + 1, summed + by_sum
                wrong += size != found["Size"] or (by_sum and f'"{md5.hexdigest()}"' != found["ETag"])
    return Read(versions, summed, wrong)
