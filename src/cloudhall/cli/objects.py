"""Objects in buckets: listed, fetched, put, deleted, with the log-in at hand and no access key.

What is large goes in parts of 8 MiB. Started again, a put goes on where it stopped: the server tells which parts have
arrived, and a part counts where its sum is that of the file at hand.
"""

import sys
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from cloudhall.cli.app import current
from cloudhall.cli.common import output_of, output_options
from cloudhall.cli.output import hint, note, print_json, show_rows
from cloudhall.cli.parts import Argument, Command, Group, Option
from cloudhall.cli.progress import Progress
from cloudhall.cli.tables import Column
from cloudhall.cli.values import moment, size
from cloudhall.kernel import text
from cloudhall.sdk.errors import Failure, Misuse
from cloudhall.sdk.language import T, say

RANGE_BYTES = 32 << 20
API = "/api/v1"
COLUMNS = {
    "key": T("名称", "Name"),
    "bytes": T("大小", "Size"),
    "modified_at": T("修改时间", "Modified"),
}
NO_FILE, NO_WRITING = T("读不了 {}：{}", "{} cannot be read: {}"), T("写不了 {}：{}", "{} cannot be written: {}")
PUT, GONE, WRITTEN = T("已写入 {}", "Put {}"), T("已删除 {}", "Deleted {}"), T("已写入 {}", "Written to {}")
SENDING, FETCHING = text.T("上传", "Sending"), text.T("下载", "Fetching")
FOUND = T("从已到的 {} 片继续", "Going on behind {} parts that have arrived")


def list_(*, bucket: str, prefix: str | None, flat: bool, **given: Any) -> None:
    """Print what a folder holds, or everything that begins with a prefix."""
    output, items = output_of(given), list[dict[str, Any]]()
    query = {"prefix": prefix or "", "flat": "true" if flat else "", **_place()}
    for page in current().client.pages(f"buckets/{quote(bucket, safe='')}/objects", query):
        items += [{"key": folder, "folder": True} for folder in page["folders"]] + page["items"]
    if output.style == "json":
        print_json({"items": items})
        return
    rows = [{"bytes": "", "modified_at": ""} | item for item in items]
    if output.style == "table":
        rows = [
            r if r.get("folder") else r | {"bytes": size(r["bytes"]), "modified_at": moment(r["modified_at"])}
            for r in rows
        ]
    columns = [Column(say(title), word, number=word == "bytes") for word, title in COLUMNS.items()]
    show_rows(columns, rows, output.style)


def get(*, bucket: str, key: str, out: str | None) -> None:
    """Write an object to a file, under its own name where none is given."""
    name = out or Path(key).name
    if name == "-":
        sys.stdout.buffer.writelines(_ranges(bucket, key))
        return
    partial = Path(f"{name}.partial")
    try:
        with partial.open("wb") as file:
            file.writelines(_ranges(bucket, key))
        partial.replace(name)
    except OSError as error:
        raise Failure(say(NO_WRITING, name, error.strerror)) from None
    finally:
        partial.unlink(missing_ok=True)
    note(say(WRITTEN, name))


def put(*, bucket: str, file: str, key: str | None, **given: Any) -> None:
    """Write a file as an object, replacing one of that name."""
    path, output = Path(file), output_of(given)
    name = key or path.name
    try:
        with path.open("rb") as opened, Progress() as progress:
            made = _put(bucket, name, opened, path.stat().st_size, progress)
    except OSError as error:
        raise Misuse(say(NO_FILE, path, error.strerror)) from None
    if output.style == "json":
        print_json(made)
        return
    print(made["key"])
    note(say(PUT, made["key"]))
    hint(f"object list {bucket}")


def delete(*, bucket: str, key: str, version: str | None) -> None:
    """Delete an object, or one version of it for good."""
    current().client.send("DELETE", f"{API}/{_at(bucket)}/one", {"key": key, "version": version or "", **_place()})
    note(say(GONE, key))


def _put(bucket: str, key: str, file: BinaryIO, count: int, progress: Progress) -> dict[str, Any]:
    client, at = current().client, _at(bucket)
    content = file.read(PART_BYTES)
    if count <= PART_BYTES:
        query = {"key": key, "md5": _sum(content), **_place()}
        return client.upload(f"{at}/content", query, content)
    begun = client.change("POST", f"{at}/uploads", _place(), {"key": key, "bytes": count})
    there = {part["number"]: part["md5"] for part in begun["parts"]}
    if there:
        note(say(FOUND, len(there)))
    number = 1
    while content:
        if there.get(number) != (sum_ := _sum(content)):
            named = {"key": key, "upload": begun["upload"], "number": str(number), "md5": sum_, **_place()}
            client.upload(f"{at}/parts", named, content)
        progress(SENDING, len(content))
        content, number = file.read(PART_BYTES), number + 1
    completed = {"key": key, "upload": begun["upload"], "bytes": count}
    return client.change("POST", f"{at}/completed", _place(), completed)


def _ranges(bucket: str, key: str) -> Iterator[bytes]:
    """Bytes of an object, some MiB at a time; each is a request, so a broken line costs one of them."""
    client, query = current().client, {"key": key, **_place()}
    count, done = client.look(f"{_at(bucket)}/one", query)["bytes"], 0
    with Progress() as progress:
        while done < count:
            wanted = {"Range": f"bytes={done}-{min(count, done + RANGE_BYTES) - 1}"}
            content = client.send("GET", f"{API}/{_at(bucket)}/content", query, headers=wanted).content
            yield content
            done += len(content)
            progress(FETCHING, len(content))


def _at(bucket: str) -> str:
    return f"buckets/{quote(bucket, safe='')}/objects"


def _place() -> dict[str, str]:
    app = current()
    return app.place(app.noun("bucket"), {})


def _sum(content: bytes) -> str:
    return md5(content, usedforsecurity=False).hexdigest()


PART_BYTES = 8 << 20


def _bucket() -> Argument:
    return Argument("bucket", metavar="BUCKET", text=T("存储桶，名称或编号", "Bucket, by name or id"))


def _key() -> Argument:
    return Argument("key", metavar="KEY", text=T("对象名", "Name of the object"))


def _list() -> Command:
    return Command(
        "list",
        list_,
        T("列出文件夹里的对象。", "The objects in a folder."),
        examples=["object list stats", "object list stats reports/2026/", "object list stats --flat"],
        params=[
            _bucket(),
            Argument(
                "prefix",
                metavar="PREFIX",
                text=T("名称的开头，例如 reports/", "What names begin with, such as reports/"),
                required=False,
            ),
            Option("--flat", text=T("不按文件夹折叠", "Do not fold into folders"), is_flag=True),
            *output_options(),
        ],
    )


def _get() -> Command:
    return Command(
        "get",
        get,
        T("取回对象。", "Fetch an object."),
        examples=["object get stats reports/2026.csv", "object get stats reports/2026.csv --out -"],
        params=[
            _bucket(),
            _key(),
            Option(
                "--out",
                text=T("写到这个文件；- 为标准输出", "Write to this file; - is standard output"),
                metavar="FILE",
            ),
        ],
    )


def _put_command() -> Command:
    return Command(
        "put",
        put,
        T(
            "把文件写入存储桶；中断后再次运行即继续。",
            "Put a file into a bucket; run again, it goes on where it stopped.",
        ),
        examples=["object put stats 2026.csv", "object put stats 2026.csv --key reports/2026.csv"],
        params=[
            _bucket(),
            Argument("file", metavar="FILE", text=T("要写入的文件", "File to put")),
            Option(
                "--key",
                text=T("对象名，默认为文件名", "Name of the object, by default that of the file"),
                metavar="KEY",
            ),
            *output_options(),
        ],
    )


def _delete() -> Command:
    return Command(
        "delete",
        delete,
        T("删除对象。", "Delete an object."),
        examples=["object delete stats reports/2026.csv"],
        params=[
            _bucket(),
            _key(),
            Option(
                "--version",
                text=T("只彻底删除这个版本", "Delete this version alone, for good"),
                metavar="VERSION",
            ),
        ],
    )


OBJECT = Group(
    "object",
    T("存储桶中的对象。", "Objects in buckets."),
    {"list": _list, "get": _get, "put": _put_command, "delete": _delete},
)
