"""Documents of resources: attached from a file, listed, fetched, taken away."""

import sys
from pathlib import Path
from typing import Any

from cloudhall.cli.app import current
from cloudhall.cli.common import PLACES, output_of, output_options
from cloudhall.cli.output import hint, note, print_json, show_rows
from cloudhall.cli.parts import Argument, Command, Group, Option
from cloudhall.cli.tables import Column
from cloudhall.cli.values import moment, size
from cloudhall.sdk.errors import Failure, Misuse
from cloudhall.sdk.language import T, say

COLUMNS = {
    "id": T("编号", "Id"),
    "name": T("名称", "Name"),
    "media_type": T("类型", "Type"),
    "bytes": T("大小", "Size"),
    "attached_at": T("附加于", "Attached"),
    "sha256": T("SHA-256", "SHA-256"),
}
NO_FILE, NO_WRITING = T("读不了 {}：{}", "{} cannot be read: {}"), T("写不了 {}：{}", "{} cannot be written: {}")
ATTACHED = T("已附加 {}（SHA-256 {}）", "Attached {} (SHA-256 {})")
GONE, WRITTEN = T("已移除", "Taken away"), T("已写入 {}", "Written to {}")
KIND = T("资源种类，例如 bucket", "Kind of the resource, such as bucket")


def attach(*, kind: str, target: str, file: str, name: str | None, **given: Any) -> None:
    """Attach a file to a resource."""
    path, output = Path(file), output_of(given)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Misuse(say(NO_FILE, path, error.strerror)) from None
    made = current().client.upload("attachments", {**_asked(kind, target, given), "name": name or path.name}, content)
    if output.style == "json":
        print_json(made)
        return
    print(made["id"])
    note(say(ATTACHED, made["name"], made["sha256"]))
    hint(f"document list {kind} {target}")


def list_(*, kind: str, target: str, **given: Any) -> None:
    """Print the documents of a resource."""
    output = output_of(given)
    found = current().client.look("attachments", _asked(kind, target, given))
    if output.style == "json":
        print_json(found)
        return
    rows = found["items"]
    if output.style == "table":
        rows = [r | {"bytes": size(r["bytes"]), "attached_at": moment(r["attached_at"])} for r in rows]
    columns = [Column(say(title), word, number=word == "bytes") for word, title in COLUMNS.items()]
    show_rows(columns, rows, output.style)


def get(*, id_: str, out: str | None) -> None:
    """Write the bytes of a document to a file, under its own name where none is given."""
    client = current().client
    name = out or Path(client.look(f"attachments/{id_}")["name"]).name
    content = client.send("GET", f"/api/v1/attachments/{id_}/content").content
    if name == "-":
        sys.stdout.buffer.write(content)
        return
    try:
        Path(name).write_bytes(content)
    except OSError as error:
        raise Failure(say(NO_WRITING, name, error.strerror)) from None
    note(say(WRITTEN, name))


def delete(*, id_: str) -> None:
    """Take a document away from its resource."""
    current().client.send("DELETE", f"/api/v1/attachments/{id_}")
    note(GONE)


def _asked(kind: str, target: str, given: dict[str, Any]) -> dict[str, str]:
    app = current()
    noun = app.noun(kind)
    place = next(iter(app.place(noun, given).values()), "")
    return {"kind": noun["plural"], "resource": target, "place": place}


def _target() -> list[Any]:
    return [
        Argument("kind", metavar="KIND", text=KIND),
        Argument("target", metavar="NAME", text=T("名称或编号", "Name or id")),
    ]


def _places() -> list[Any]:
    return [Option(f"--{scope}", text=text, metavar="NAME") for scope, text in PLACES.items()]


def _id() -> Argument:
    return Argument("id_", metavar="ID", text=T("附件的编号", "Id of the document"))


def _list() -> Command:
    return Command(
        "list",
        list_,
        T("一个资源的附件。", "The documents of a resource."),
        examples=["document list bucket stats"],
        params=[*_target(), *_places(), *output_options()],
    )


def _get() -> Command:
    return Command(
        "get",
        get,
        T("取回附件。", "Fetch a document."),
        examples=["document get do-…", "document get do-… --out contract.pdf"],
        params=[
            _id(),
            Option(
                "--out",
                text=T("写到这个文件；- 为标准输出", "Write to this file; - is standard output"),
                metavar="FILE",
            ),
        ],
    )


def _delete() -> Command:
    return Command(
        "delete",
        delete,
        T("移除附件。", "Take a document away."),
        examples=["document delete do-…"],
        params=[_id()],
    )


ATTACH = Command(
    "attach",
    attach,
    T(
        "给资源附加一个文件：PDF、图片、文本、表格、Office 文件、ZIP。",
        "Attach a file to a resource: PDF, image, text, table, Office file, ZIP.",
    ),
    examples=["attach bucket stats contract.pdf"],
    params=[
        *_target(),
        Argument("file", metavar="FILE", text=T("要附加的文件", "File to attach")),
        Option(
            "--name",
            text=T("附件的名称，默认为文件名", "Name of the document, by default that of the file"),
            metavar="NAME",
        ),
        *_places(),
        *output_options(),
    ],
)
DOCUMENT = Group(
    "document",
    T("资源的附件。", "Documents of resources."),
    {"list": _list, "get": _get, "delete": _delete},
)
