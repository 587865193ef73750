"""The object engine: which binary, whether it answers, how it ended, and whether one was left behind."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from cloudhall.doctor.findings import Finding, State, refused
from cloudhall.doctor.machine import answers
from cloudhall.drivers.objects import s3, weed_binary
from cloudhall.drivers.objects.weed_process import left_running
from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.text import T

BINARY, ENGINE = T("对象引擎程序", "engine binary"), T("对象引擎", "object engine")


def engine(home: Path, *, up: bool) -> Iterator[Finding]:
    """Everything about the engine that this installation uses."""
    try:
        elsewhere = s3.from_environment()
        if elsewhere is not None:
            yield external(elsewhere)
            return
        yield _binary(weed_binary.locate(), home / "objects" / "engine.json")
    except CloudhallError as error:
        yield refused("engine_binary", BINARY, error)
    yield answering(home / "objects") if up else _ended(home / "objects")


def external(store: s3.ExternalS3) -> Finding:
    """Whether an S3 elsewhere answers."""
    if store.healthy():
        return Finding("engine", ENGINE, T(f"{store.endpoint} 有应答", f"{store.endpoint} answers"))
    detail = T(f"{store.endpoint} 没有应答", f"{store.endpoint} does not answer")
    remedy = T("检查网络、CLOUDHALL_S3_ENDPOINT 及其密钥", "Check the network, CLOUDHALL_S3_ENDPOINT and its key")
    return Finding("engine", ENGINE, detail, State.WRONG, remedy)


def _binary(path: Path, record: Path) -> Finding:
    """Compare the file with what was recorded at the last start."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        known = json.loads(record.read_bytes())
    except (OSError, ValueError):
        return Finding("engine_binary", BINARY, T(f"{path}，尚未启动过", f"{path}, never started yet"))
    if known["sha256"] == sha256:
        version = known["version"]
        return Finding(
            "engine_binary", BINARY, T(f"{version}，{sha256}，与记录一致", f"{version}, {sha256}, as recorded")
        )
    detail = T(f"{path} 与上次启动时不同：{sha256}", f"{path} is not what was last started: {sha256}")
    remedy = T("若不是你更换的，重新安装它（make run）", "Unless you changed it, install it anew (make run)")
    return Finding("engine_binary", BINARY, detail, State.NOTE, remedy)


def answering(objects: Path) -> Finding:
    """Whether the embedded engine of a server that runs answers."""
    try:
        port = json.loads((objects / "ports.json").read_bytes())["s3"]
    except (OSError, ValueError, KeyError):
        port = 0
    if port and answers(port, "/healthz"):
        return Finding("engine", ENGINE, T(f"运行中，S3 在 {port} 有应答", f"running, S3 answers at {port}"))
    detail = T(f"S3 在 {port} 没有应答", f"S3 does not answer at {port}")
    remedy = T(
        "查看服务器的标准错误输出，必要时重启服务器",
        "Look at the server's standard error, and start it anew if need be",
    )
    return Finding("engine", ENGINE, detail, State.WRONG, remedy)


def _ended(objects: Path) -> Finding:
    """No server runs: neither should an engine."""
    pid = left_running(objects)
    if pid:
        detail = T(
            f"没有服务器，引擎却还在运行（进程 {pid}）",
            f"no server runs, but an engine was left behind (process {pid})",
        )
        remedy = T(f"启动服务器，它会先结束它；或 kill {pid}", f"Start the server, which ends it first; or: kill {pid}")
        return Finding("engine", ENGINE, detail, State.WRONG, remedy)
    if pid is None:
        return Finding("engine", ENGINE, T("已正常停止", "stopped in order"))
    detail = T("上次没有正常停止", "it was not stopped in order the last time")
    remedy = T("无需处理：下次启动会重新清点", "Nothing: the next start counts anew what is stored")
    return Finding("engine", ENGINE, detail, State.NOTE, remedy)
