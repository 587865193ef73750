"""`edit`: a resource as YAML in the editor, and what was changed there sent back.

A refusal comes back into the editor as comments above what was written, so that nothing typed is lost; what somebody
else has changed meanwhile is told there too, and saving again goes over it. Leaving the text as it was ends it.
"""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cloudhall.cli import report
from cloudhall.cli.app import address, current
from cloudhall.cli.catalogue import Noun
from cloudhall.cli.common import output_of
from cloudhall.cli.looking import shown
from cloudhall.cli.output import note, print_lines
from cloudhall.cli.plan import differences
from cloudhall.cli.values import raw
from cloudhall.sdk.errors import Conflict, Failure, Invalid, Misuse, Stale
from cloudhall.sdk.language import T, say

Wire = dict[str, Any]
EDITORS = ("VISUAL", "EDITOR")
DEFAULT = "vi"
HOW = T(
    "修改后保存并退出；不改就退出则什么也不做。以 # 开头的行不算。",
    "Change, save and leave; leaving it as it is does nothing. Lines that begin with # do not count.",
)
NO_EDITOR = T("打不开编辑器 {}：{}", "The editor {} cannot be started: {}")
SET_ONE = T("用环境变量 EDITOR 指定", "Name one in the variable EDITOR")
SAME, KEPT = T("没有改动", "Nothing was changed"), T("写的内容保留在 {}", "What was written is kept in {}")
MEANWHILE = T("此间被改：{}: {} → {}", "changed meanwhile: {}: {} → {}")
ONE, FIXED = T("应只有一份清单", "There must be one manifest"), T("{} 在这里不能改", "{} cannot be changed here")


def edit(noun: Noun, **given: Any) -> None:
    """Open an editor on what people decide of a resource, and change what was changed there."""
    output = output_of(given, noun)
    now = current().read(noun, given["target"], given)
    before = _text_of(noun, now)
    changed = _until_taken(noun, now, before, _commented([say(HOW)]) + before)
    if changed is None:
        note(SAME)
    else:
        print_lines(shown(noun, changed, output))


def _until_taken(noun: Noun, now: Wire, before: str, text: str) -> Wire | None:
    """Let it be edited until the server takes it; None where it was left as it is. Raises what ended it otherwise."""
    app = current()
    refused: Failure | None = None
    while True:
        written = _edited(noun, text)
        if _bare(written) == _bare(text if refused else before):
            if refused is None:
                return None
            note(say(KEPT, _keep(noun, written)))
            raise refused
        try:
            patch = _patch(noun, written, before)
            if not patch:
                return None
            return app.client.change("PATCH", address(noun, now["id"]), body=patch, revision=now["revision"])
        except Stale as stale:
            refused, was, now = stale, now, app.read(noun, now["id"], {})
            told = [say(MEANWHILE, d.path, raw(d.now), raw(d.then)) for d in differences(was, now)]
        except (Invalid, Conflict, Misuse) as error:
            refused, told = error, []
        text = _commented([*report.lines_of(refused), *told, say(HOW)]) + _bare(written)


def _patch(noun: Noun, written: str, before: str) -> Wire:
    """Patch (RFC 7396) from the text before to the one after; what was taken out goes back to its default."""
    from cloudhall.cli import yaml_text

    documents = yaml_text.read(written, noun["noun"])
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise Misuse(ONE)
    (old,), new = yaml_text.read(before, noun["noun"]), documents[0]
    for member in new.keys() | old.keys():
        if member not in {"name", "labels", "spec"} and new.get(member) != old.get(member):
            raise Misuse(say(FIXED, member))
    parts = {part: _changes(old.get(part) or {}, new.get(part) or {}) for part in ("labels", "spec")}
    renamed = {"name": new["name"]} if new.get("name") not in (None, old["name"]) else {}
    return {**renamed, **{part: changes for part, changes in parts.items() if changes}}


def _changes(old: Any, new: Any) -> Wire:
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        raise Misuse(ONE)
    changes: Wire = {}
    for name in [*new, *(name for name in old if name not in new)]:
        was, is_ = old.get(name), new.get(name)
        if was != is_ or (name in old) != (name in new):
            changes[name] = _changes(was, is_) if isinstance(was, Mapping) and isinstance(is_, Mapping) else is_
    return changes


def _text_of(noun: Noun, item: Wire) -> str:
    from cloudhall.cli import manifests, yaml_text

    (document,) = manifests.documents_of(current(), noun, [item])
    return yaml_text.written(document)


def _edited(noun: Noun, text: str) -> str:
    """Text as the editor left it; its file is readable by its owner alone."""
    command = next((found for name in EDITORS if (found := os.environ.get(name))), DEFAULT)
    with tempfile.TemporaryDirectory(prefix="cloudhall-") as folder:
        file = Path(folder, f"{noun['noun']}.yaml")
        file.write_text(text, "utf-8")
        try:
            subprocess.run([*shlex.split(command), file], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Failure(say(NO_EDITOR, command, error), SET_ONE) from None
        return file.read_text("utf-8")


def _keep(noun: Noun, written: str) -> str:
    handle, path = tempfile.mkstemp(prefix=f"cloudhall-{noun['noun']}-", suffix=".yaml", text=True)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(written)
    return path


def _commented(lines: Iterable[str]) -> str:
    return "".join(f"# {line}\n" for line in lines)


def _bare(text: str) -> str:
    """Text without the comments above it and without empty lines at its ends."""
    lines = text.splitlines()
    while lines and (lines[0].startswith("#") or not lines[0].strip()):
        lines.pop(0)
    return "\n".join(lines).rstrip() + "\n"
