"""What a document is, told by its bytes alone: pure functions over a file.

Allowed is what a browser or an office program shows without running anything of it. A name and a declared type are
claims; where they contradict the bytes, the document is refused. Marks of web pages are those that browsers look for
(WHATWG MIME Sniffing, 7.1); a text is UTF-8 or GB18030, which spreadsheets in China still write.
"""

import codecs
import contextlib
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from cloudhall.kernel.errors import Invalid
from cloudhall.kernel.text import T

PDF, PNG, JPEG, ZIP = "application/pdf", "image/png", "image/jpeg", "application/zip"
TEXT, CSV, JSON = "text/plain", "text/csv", "application/json"
_OPEN_XML = "application/vnd.openxmlformats-officedocument"
OFFICE: Mapping[str, str] = {
    "word/": f"{_OPEN_XML}.wordprocessingml.document",
    "xl/": f"{_OPEN_XML}.spreadsheetml.sheet",
    "ppt/": f"{_OPEN_XML}.presentationml.presentation",
}
TITLES: Mapping[str, str] = {
    PDF: "PDF",
    PNG: "PNG",
    JPEG: "JPEG",
    TEXT: "text",
    CSV: "CSV",
    JSON: "JSON",
    OFFICE["word/"]: "DOCX",
    OFFICE["xl/"]: "XLSX",
    OFFICE["ppt/"]: "PPTX",
    ZIP: "ZIP",
}
UNDECLARED = ("", "application/octet-stream", "application/x-www-form-urlencoded")
"""What programs send where nobody said anything; curl says the last one of any file."""
_COMPATIBLE = {TEXT: {TEXT, CSV}, JSON: {TEXT, JSON}, **{office: {ZIP} for office in OFFICE.values()}}
_ALIASES = {"image/jpg": JPEG, "application/x-zip-compressed": ZIP, "text/json": JSON, "application/csv": CSV}
_BY_SUFFIX = {".csv": CSV, ".json": JSON}
_SIGNATURES = ((b"%PDF-", PDF), (b"\x89PNG\r\n\x1a\n", PNG), (b"\xff\xd8\xff", JPEG), (b"PK\x03\x04", ZIP))
_EXECUTABLE = (b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe")
_PAGE = re.compile(
    rb"\s*<(?:html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|svg)[\s>]|\s*<(?:!--|!doctype|\?xml)",
    re.IGNORECASE,
)
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")  # what browsers take as a sign of no text
_ACTIVE = ("vbaProject.bin", "META-INF/MANIFEST.MF", "AndroidManifest.xml")
_HEAD_BYTES = 4_096
_BLOCK_BYTES = 1 << 20
_DIRECTORY_BYTES_MAX = 4 << 20
_END, _END_BYTES_MAX = b"PK\x05\x06", (1 << 16) + 22
_NAME_BYTES_MAX = 200
_NAME = re.compile(r'[^\x00-\x1f\x7f/\\:*?"<>|\u202a-\u202e\u2066-\u2069]+')
"""No path, nothing that Windows forbids, nothing that turns the direction of a text around (`fdp.exe`)."""


def name_problem(name: str) -> T | None:
    """Say what is wrong with the name of a document."""
    if not name or len(name.encode()) > _NAME_BYTES_MAX:
        return T(f"名称为 1 至 {_NAME_BYTES_MAX} 字节", f"A name has 1 to {_NAME_BYTES_MAX} bytes")
    if name != name.strip(" .") or not _NAME.fullmatch(name):
        return T("名称不能含路径或特殊字符", "A name holds no path and no special characters")
    return None


def type_of(path: Path, name: str, declared: str) -> str:
    """Media type of a file by its content; raises `Invalid` where it is not allowed or not what was declared."""
    found = _found(path, name)
    said = declared.partition(";")[0].strip().lower()
    said = _ALIASES.get(said, said)
    if said in UNDECLARED or said == found or said in _COMPATIBLE.get(found, ()):
        return CSV if said == CSV else found
    shown = TITLES.get(said, said)
    raise _refused(f"声明为 {shown}，内容却是 {TITLES[found]}", f"It is declared as {shown}, but is {TITLES[found]}")


def _found(path: Path, name: str) -> str:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise _refused("文件是空的", "The file is empty")
    if head.startswith(_EXECUTABLE):
        raise _refused("可执行文件不能作附件", "Programs are not taken as documents")
    if _PAGE.match(head.removeprefix(codecs.BOM_UTF8)):
        raise _refused("网页、SVG 和 XML 不能作附件", "Web pages, SVG and XML are not taken as documents")
    for signature, type_ in _SIGNATURES:
        if head.startswith(signature):
            return _archive(path) if type_ == ZIP else type_
    if not _is_text(path):
        raise _refused("内容无法识别", "Its content is none of those")
    suffix = _BY_SUFFIX.get(Path(name).suffix.lower(), TEXT)
    return suffix if suffix != JSON or _is_json(path) else TEXT


def _archive(path: Path) -> str:
    """What a ZIP holds."""
    names = _names(path)
    if any(name.endswith(active) for name in names for active in _ACTIVE):
        raise _refused("含宏或程序的文件不能作附件", "Files with macros or programs in them are not taken")
    if "[Content_Types].xml" in names:
        return next((type_ for part, type_ in OFFICE.items() if any(n.startswith(part) for n in names)), ZIP)
    return ZIP


def _names(path: Path) -> list[str]:
    """Names in a ZIP. A directory that is said to be larger than 4 MiB is refused unread: it would fill the memory."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _END_BYTES_MAX))
        tail = file.read()
    at = tail.rfind(_END)
    size = int.from_bytes(tail[at + 12 : at + 16], "little")  # APPNOTE 4.3.16
    if at >= 0 and size <= _DIRECTORY_BYTES_MAX:
        with (
            contextlib.suppress(zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError),
            zipfile.ZipFile(path) as z,
        ):
            return z.namelist()
    raise _refused("ZIP 已损坏或目录过大", "The ZIP is broken, or its directory is too large")


def _is_text(path: Path) -> bool:
    return any(_decodes(path, encoding) for encoding in ("utf-8", "gb18030"))


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                if _CONTROL.search(block):
                    return False
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_json(path: Path) -> bool:
    try:
        msgspec.json.decode(path.read_bytes(), type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _refused(zh: str, en: str) -> Invalid:
    allowed = "、".join(TITLES.values()), ", ".join(TITLES.values())
    return Invalid(
        T(zh, en),
        mend=T(f"可附加：{allowed[0]}", f"These can be attached: {allowed[1]}"),
        reason="DOCUMENT_TYPE",
    )
