"""The stand-alone verifier: it runs alone, accepts what is genuine, and finds every change whatever it is."""

import ast
import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cloudhall import verify
from cloudhall.kernel.audit import Entry
from tests.kernel.audit_site import ORIGIN, append, checkpoint, installed

Document = dict[str, Any]
SCALARS: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
FIELDS = st.sampled_from(["origin", "public_key", "checkpoint", "entries", "index", "leaf", "path"])
RUBBISH = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(FIELDS, inner)).map(
    lambda value: json.dumps(value).encode()
)
# The key of golang.org/x/mod/sumdb/note's own tests.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


class Genuine(NamedTuple):
    """A proof file as the log exports it, the key to pin, and an older checkpoint that somebody kept."""

    proof: bytes
    key: str
    kept: str
    other_key: str
    fork: str


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Genuine:
    """37 entries, five of them proven with their private facts, and the way from the first 20."""
    with (
        installed(tmp_path_factory.mktemp("site")) as site,
        installed(tmp_path_factory.mktemp("other"), seed=2) as other,
    ):
        append(site, 20, private={"name": "张三"})
        old = checkpoint(site)
        append(site, 16)
        site.log.append(site.db, Entry(actor="ps9", action="session:login", phase="denied", reason="\x1b[2J\u202e"))
        new = checkpoint(site)
        proof = site.log.prove_all(site.db, (0, 19, 20, 35, 36), private=True)
        way = site.log.consistency(site.db, old.size, new.size)
        append(other, 20)
        return Genuine(
            msgspec.structs.replace(proof, consistency=way).to_json(),
            site.log.verifier_key(),
            old.note,
            other.log.verifier_key(),
            checkpoint(other).note,
        )


def holds(proof: bytes, genuine: Genuine, kept: str | None = None) -> bool:
    return all(finding.ok for finding in verify.check(proof, [genuine.key], kept))


def said(proof: bytes, genuine: Genuine, kept: str | None = None) -> list[str]:
    return [finding.detail.en for finding in verify.check(proof, [genuine.key], kept) if not finding.ok]


def changed(genuine: Genuine, change: Callable[[Document], object]) -> bytes:
    document = json.loads(genuine.proof)
    change(document)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


# Genuine proofs


def test_a_genuine_proof_holds_and_tells_who_did_what(genuine: Genuine) -> None:
    findings = verify.check(genuine.proof, [genuine.key], genuine.kept)
    assert [finding.ok for finding in findings] == [True] * 7
    assert f"{ORIGIN}  37  " in findings[0].detail.en
    assert 'ps0 storage.bucket:create done bk0; private facts hold: {"name": "张三"}' in findings[1].detail.en
    assert "no private facts" in findings[3].detail.en
    assert findings[6].detail == (
        "前 20 条与当时签名的完全一致",
        "the first 20 entries are those that were signed then",
    )


def test_without_a_pinned_key_the_reader_is_warned(genuine: Genuine) -> None:
    findings = verify.check(genuine.proof)
    assert all(finding.ok for finding in findings)
    assert "NOTE: the key came with the file" in findings[0].detail.en
    assert "注意" in findings[0].detail.zh


def test_withheld_private_facts_are_said(genuine: Genuine) -> None:
    def withhold(document: Document) -> None:
        del document["entries"][0]["payload"], document["entries"][0]["salt"]

    proof = changed(genuine, withhold)
    assert "withheld or shredded" in verify.check(proof, [genuine.key])[1].detail.en
    assert holds(proof, genuine)


def test_the_kept_head_may_be_the_newest_or_a_whole_proof_file(genuine: Genuine) -> None:
    newest = json.loads(genuine.proof)["checkpoint"]
    assert holds(genuine.proof, genuine, newest)
    assert holds(genuine.proof, genuine, genuine.proof.decode())


def test_signatures_of_unknown_keys_say_nothing(genuine: Genuine) -> None:
    line = f"— witness.example {base64.b64encode(bytes(72)).decode()}\n"
    proof = changed(genuine, lambda d: d.update(checkpoint=d["checkpoint"] + line))
    assert holds(proof, genuine)


def test_a_go_key_is_understood_and_every_mangled_one_refused() -> None:
    assert verify.parse_key(GO_KEY).name == "PeterNeumann"
    for place in range(len(GO_KEY)):
        with pytest.raises(verify.Refused):
            verify.parse_key(GO_KEY[:place] + chr(ord(GO_KEY[place]) + 1) + GO_KEY[place + 1 :])
        with pytest.raises(verify.Refused):
            verify.parse_key(GO_KEY[:place])


# Changed proofs


@given(st.data())
@settings(max_examples=400)
def test_every_flipped_bit_is_found(genuine: Genuine, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(genuine.proof) - 1))
    bit = data.draw(st.integers(0, 7))
    flipped = bytearray(genuine.proof)
    flipped[place] ^= 1 << bit
    assert not holds(bytes(flipped), genuine)


@given(st.data())
@settings(max_examples=200)
def test_every_cut_doubled_or_inserted_stretch_is_found(genuine: Genuine, data: st.DataObject) -> None:
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(genuine.proof))] * 2)))
    stretch = data.draw(st.sampled_from([b"", genuine.proof[start:end] * 2, b"A", b"0"]))
    mangled = genuine.proof[:start] + stretch + genuine.proof[end:]
    assume(mangled != genuine.proof)
    assert not holds(mangled, genuine)


@given(st.binary() | st.text().map(str.encode) | RUBBISH)
def test_rubbish_is_refused_without_falling_over(genuine: Genuine, rubbish: bytes) -> None:
    assert not holds(rubbish, genuine)


@given(st.data())
def test_rubbish_in_any_field_is_refused_without_falling_over(genuine: Genuine, data: st.DataObject) -> None:
    document = json.loads(genuine.proof)
    holder = data.draw(st.sampled_from([document, document["entries"][0], document["consistency"]]))
    field = data.draw(st.sampled_from(sorted(holder)))
    value: object = data.draw(
        st.sampled_from([None, True, -1, 10**30, 1.5, "", "\ud800", "=", "\n\n", "a+b+c", [], [1], {}, [[]] * 3])
    )
    assume(holder[field] != value)
    holder[field] = value
    assume(document["entries"] != [])
    assert not holds(json.dumps(document).encode(), genuine)


def swap_entries(document: Document) -> None:
    first, second = document["entries"][:2]
    first["leaf"], second["leaf"] = second["leaf"], first["leaf"]


def swap_payloads(document: Document) -> None:
    first, second = document["entries"][:2]
    for field in ("salt", "payload"):
        first[field], second[field] = second[field], first[field]


def move_payload(document: Document) -> None:
    first, third = document["entries"][0], document["entries"][2]
    third.update(salt=first["salt"], payload=first["payload"])


AT_ENTRY = "content or path does not lead to the signed root"
CHANGES: dict[str, tuple[Callable[[Document], object], str]] = {
    "leaves swapped": (swap_entries, AT_ENTRY),
    "another place": (lambda d: d["entries"][0].update(index=1), AT_ENTRY),
    "path too short": (lambda d: d["entries"][0]["path"].pop(), AT_ENTRY),
    "path reversed": (lambda d: d["entries"][0]["path"].reverse(), AT_ENTRY),
    "path too long": (lambda d: d["entries"][0]["path"].append(d["entries"][0]["path"][0]), AT_ENTRY),
    "place a truth value": (lambda d: d["entries"][0].update(index=True), "not an integer"),
    "persons swapped": (swap_payloads, "not those committed to"),
    "person added": (move_payload, "not those committed to"),
    "salt missing": (lambda d: d["entries"][0].pop("salt"), "field salt is not text"),
    "field added": (lambda d: d["entries"][0].update(note="x"), "missing or unknown"),
    "another origin": (lambda d: d.update(origin="other"), "the origin differs"),
    "no list": (lambda d: d.update(entries={}), "not a list"),
    "older head": (lambda d: d.update(checkpoint=d["consistency"]["checkpoint"]), AT_ENTRY),
    "another size": (lambda d: d.update(checkpoint=d["checkpoint"].replace("\n37\n", "\n38\n")), "does not hold"),
    "size misspelt": (lambda d: d.update(checkpoint=d["checkpoint"].replace("\n37\n", "\n037\n")), "is malformed"),
    "note cut": (lambda d: d.update(checkpoint=d["checkpoint"].rstrip("\n")), "not signed by this key"),
    "way too short": (lambda d: d["consistency"]["path"].pop(), "rewritten or cut off"),
    "way missing": (lambda d: d["consistency"].update(path=[]), "rewritten or cut off"),
    "way from elsewhere": (lambda d: d["consistency"].update(checkpoint=d["checkpoint"]), "rewritten or cut off"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_is_found_and_named(genuine: Genuine, name: str) -> None:
    change, reason = CHANGES[name]
    found = said(changed(genuine, change), genuine)
    assert any(reason in detail for detail in found), found


def test_a_doubled_name_is_refused(genuine: Genuine) -> None:
    doubled = genuine.proof.replace(b'{"origin":', b'{"origin":"x","origin":', 1)
    assert said(doubled, genuine) == ["not a valid JSON object"]


def test_a_forger_with_a_key_of_his_own_is_found_by_the_pinned_key(genuine: Genuine) -> None:
    findings = verify.check(genuine.proof, [genuine.other_key])
    assert [finding.detail.en for finding in findings] == ["the public key is not the pinned one"]


def test_a_history_that_does_not_continue_what_was_kept_is_found(genuine: Genuine) -> None:
    assert said(genuine.proof, genuine, genuine.fork) == [
        "does not continue the checkpoint that was kept (size 20), or the file does not prove it"
    ]
    unproven = changed(genuine, lambda d: d.pop("consistency"))
    assert holds(unproven, genuine)
    assert not holds(unproven, genuine, genuine.kept)


# The command


def test_it_imports_the_standard_library_and_cryptography_alone() -> None:
    tree = ast.parse(Path(verify.__file__).read_text("utf-8"))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names | {"cryptography"}


class Bench(NamedTuple):
    """A folder with nothing but the verifier and what there is to check."""

    folder: Path

    def run(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Exit code and output, in a Python that cannot see Cloudhall's sources."""
        command = [sys.executable, "-I", "verify.py", *arguments]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, check=False)
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return done.returncode, done.stdout.decode()


@pytest.fixture
def bench(tmp_path: Path, genuine: Genuine) -> Bench:
    shutil.copy(verify.__file__, tmp_path / "verify.py")
    (tmp_path / "proof.json").write_bytes(genuine.proof)
    (tmp_path / "kept").write_text(genuine.kept)
    (tmp_path / "log.pub").write_text(genuine.key + "\n")
    (tmp_path / "bad.json").write_bytes(genuine.proof.replace(b'"index":19', b'"index":18'))
    return Bench(tmp_path)


def test_the_command_answers_in_both_languages(bench: Bench, genuine: Genuine) -> None:
    code, english = bench.run("proof.json", "--key", genuine.key, "--kept", "kept", "--lang", "en")
    assert (code, english.count("ok\t"), english.splitlines()[-1]) == (0, 7, "7 checks, 0 failed")
    code, chinese = bench.run("proof.json", "--key", "log.pub", LANG="zh_CN.UTF-8")
    assert (code, chinese.count("通过\t"), chinese.splitlines()[-1]) == (0, 7, "共 7 项，失败 0 项")


def test_the_command_names_the_entry_that_fails(bench: Bench) -> None:
    code, output = bench.run("bad.json", "--key", "log.pub")
    (line,) = [line for line in output.splitlines() if line.startswith("FAILED")]
    assert (code, line) == (1, "FAILED\tentry 18\tcontent or path does not lead to the signed root")


def test_what_could_steer_a_terminal_is_escaped(bench: Bench) -> None:
    proof = json.loads((bench.folder / "proof.json").read_bytes())
    proof["entries"][0]["index"] = "\x1b[2J"
    (bench.folder / "proof.json").write_text(json.dumps(proof))
    code, output = bench.run("proof.json")
    assert code == 1
    assert "\x1b" not in output
    assert "\\u001b[2J" in output


@pytest.mark.parametrize(
    "arguments",
    [
        ("absent.json",),
        ("proof.json", "--key", "absent"),
        ("proof.json", "--key", "a+b+c"),
        ("proof.json", "--kept", "absent"),
        ("proof.json", "--kept", "verify.py"),
        ("verify.py",),
    ],
)
def test_bad_files_and_keys_get_a_line_and_exit_code_1(bench: Bench, arguments: tuple[str, ...]) -> None:
    code, output = bench.run(*arguments)
    assert code == 1
    assert "FAILED" in output


def test_wrong_usage_is_exit_code_2(bench: Bench) -> None:
    assert bench.run("proof.json", "--lang", "fr")[0] == 2
