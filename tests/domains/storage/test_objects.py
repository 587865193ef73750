"""Objects reached by people, on the real engine: rights, the log, names, room, parts, versions, and what is shown."""

import hashlib
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from starlette.testclient import TestClient

from cloudhall.api.objects import SANDBOX
from cloudhall.domains.storage import browsing, objects, stored, writing
from cloudhall.domains.storage.objects import DELETE, LIST, READ, WRITE, Reached
from cloudhall.domains.storage.writing import PART_BYTES
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Conflict, Forbidden, Invalid, NotFound, QuotaExceeded
from cloudhall.kernel.roles import DATA_OFFICER, DEVELOPER, VIEWER
from tests.cli.shell import Shell
from tests.domains.storage.conftest import City
from tests.kit.faces import Faces
from tests.kit.hall import Hall

HOSTILE = ("../beta/x", "a/../../beta/x", "./a", "//a", "/a", "a//b", "", "a/..", "x" * 256, "y/" * 600, "a\x00b")
PARTICULAR = ("p%2Fq", "%2e%2e/x", "ü%20+", "中文/文件 一.txt", "a..b", '"q" & <b>.txt', "x/" + "s" * 255, "emoji😀")


@pytest.fixture(scope="module")
def faces(city: City) -> Iterator[Faces]:
    """API and console over the city, which has what they ask of a hall."""
    built = Faces(cast("Hall", city))
    yield built
    built.close()


@pytest.fixture(scope="module")
def officer(city: City) -> Caller:
    return city.person(DATA_OFFICER)


@pytest.fixture(scope="module")
def viewer(city: City) -> Caller:
    return city.person(VIEWER)


@pytest.fixture(scope="module")
def developer(city: City) -> Caller:
    return city.person(DEVELOPER)


def reached(city: City, caller: Caller, verb: str, bucket: dict[str, Any]) -> Reached:
    return objects.reach(city.kernel, caller, verb, bucket["id"])


def put(city: City, caller: Caller, bucket: dict[str, Any], key: str, content: bytes) -> None:
    writer = writing.Writer(reached(city, caller, WRITE, bucket), key, "")
    writer.take(content)
    writer.finish()


def entries(city: City, bucket: dict[str, Any], since: int = 0) -> list[tuple[str, str, str]]:
    """Action, phase and reason of each entry about a bucket, in order."""
    found = city.kernel.audit.search(city.read(), resource=bucket["id"], limit=100)
    told = [(e.idx, e.leaf.action.partition(":")[2], e.leaf.phase, e.leaf.reason) for e in found if e.idx > since]
    return [entry[1:] for entry in sorted(told)]


def test_whoever_may_not_is_refused_and_that_is_in_the_log(city: City, viewer: Caller) -> None:
    bucket = city.bucket("rights")
    with pytest.raises(Forbidden, match="may not write objects in the bucket rights"):
        reached(city, viewer, WRITE, bucket)
    assert entries(city, bucket)[-1][:2] == ("write_object", "denied")
    assert reached(city, viewer, READ, bucket).bucket.name == "rights"
    with pytest.raises(NotFound):
        objects.reach(city.kernel, Caller(id="pe-nobody"), READ, bucket["id"])


def test_graded_data_are_reached_by_data_officers_alone(
    city: City, officer: Caller, viewer: Caller, developer: Caller
) -> None:
    bucket = city.bucket("graded", grade="sensitive")
    put(city, officer, bucket, "a.txt", b"1")
    assert [i.key for i in browsing.listing(reached(city, officer, LIST, bucket), "").items] == ["a.txt"]
    assert entries(city, bucket)[-1][:2] == ("list_objects", "done")
    for verb in (LIST, READ, WRITE, DELETE):
        with pytest.raises(Forbidden):
            reached(city, viewer, verb, bucket)
        with pytest.raises(Forbidden):
            reached(city, developer, verb, bucket)


def test_an_effect_is_written_down_before_and_after(city: City, developer: Caller) -> None:
    bucket = city.bucket("noted")
    before = city.kernel.audit.search(city.read(), limit=1)[0].idx
    put(city, developer, bucket, "names/王五.txt", b"1")
    objects.told_read(reached(city, developer, READ, bucket), "names/王五.txt")
    browsing.delete(reached(city, developer, DELETE, bucket), ["names/王五.txt"], [])
    assert entries(city, bucket, before) == [
        ("write_object", "intent", ""),
        ("write_object", "outcome", "ok"),
        ("read_object", "done", ""),
        ("delete_object", "intent", ""),
        ("delete_object", "outcome", "ok"),
    ]
    leaves = b"".join(row[0] for row in city.read().execute("SELECT leaf FROM audit_leaf").fetchall())
    assert "王五" not in leaves.decode()


@pytest.mark.parametrize("key", HOSTILE)
def test_no_name_leads_out_of_its_bucket(city: City, developer: Caller, key: str) -> None:
    assert objects.key_problem(key) is not None
    with pytest.raises(Invalid):
        objects.check_key(key)


def test_particular_names_are_names(city: City, developer: Caller, faces: Faces) -> None:
    bucket = city.bucket("names")
    api = faces.api(developer)
    for key in PARTICULAR:
        made = api.post(f"/buckets/{bucket['id']}/objects/content", params={"key": key}, content=key.encode())
        assert made.status_code == 201, made.text
    for key in PARTICULAR:
        got = api.get(f"/buckets/{bucket['id']}/objects/content", params={"key": key})
        assert got.content == key.encode()
    flat = api.get(f"/buckets/{bucket['id']}/objects", params={"flat": "true", "page_size": 3}).json()
    found = [i["key"] for i in flat["items"]]
    while token := flat.get("next_page_token"):
        asked = {"flat": "true", "page_size": 3, "page_token": token}
        flat = api.get(f"/buckets/{bucket['id']}/objects", params=asked).json()
        found += [i["key"] for i in flat["items"]]
    assert sorted(found) == sorted(PARTICULAR)


def test_a_full_bucket_says_so(city: City, developer: Caller, faces: Faces) -> None:
    bucket = city.bucket("brimful")
    city.kernel.store.write(lambda tx: stored.put(tx, "brimful", 2**30 - 3, 1)).result()
    put(city, developer, bucket, "fits", b"123")
    with pytest.raises(QuotaExceeded, match="4 do not fit"):
        put(city, developer, bucket, "too-much", b"1234")
    refused = faces.api(developer).post(
        f"/buckets/{bucket['id']}/objects/content", params={"key": "a"}, content=b"1" * 2_000_000
    )
    assert (refused.status_code, refused.json()["reason"]) == (409, "BUCKET_FULL")
    assert refused.json()["texts"]["how"]["en"] == "Delete objects, or raise the quota"


def test_parts_are_found_again_and_become_the_object(city: City, developer: Caller) -> None:
    bucket, content = city.bucket("parts"), bytes(range(256)) * (2 * PART_BYTES // 256) + b"rest"
    writing_ = reached(city, developer, WRITE, bucket)
    sums = [md5(content[i : i + PART_BYTES]) for i in range(0, len(content), PART_BYTES)]
    begun = writing.begin(writing_, "large.bin", len(content), "")
    assert not begun.found
    writing.put_part(writing_, "large.bin", begun.upload, 1, content[:PART_BYTES], sums[0])
    with pytest.raises(Invalid, match="checksum"):
        writing.put_part(writing_, "large.bin", begun.upload, 2, content[:PART_BYTES][::-1], sums[1])
    again = writing.begin(writing_, "large.bin", len(content), "")
    assert (again.upload, again.found, [(p.number, p.md5) for p in again.parts]) == (begun.upload, True, [(1, sums[0])])
    with pytest.raises(Conflict, match="Part 2"):
        writing.complete(writing_, "large.bin", begun.upload, len(content))
    assert [u.key for u in browsing.unfinished(writing_, "")] == ["large.bin"]
    writing.put_part(writing_, "large.bin", begun.upload, 2, content[PART_BYTES:][:PART_BYTES], sums[1])
    writing.put_part(writing_, "large.bin", begun.upload, 3, content[2 * PART_BYTES :], sums[2])
    assert writing.complete(writing_, "large.bin", begun.upload, len(content)).bytes == len(content)
    assert not browsing.unfinished(writing_, "")
    body = writing_.contents.open("parts", "large.bin", first=PART_BYTES - 2, last=PART_BYTES + 1)
    assert body.read(9) == content[PART_BYTES - 2 : PART_BYTES + 2]


def test_what_is_too_large_names_the_way_that_is_not(city: City, developer: Caller) -> None:
    writing_ = reached(city, developer, WRITE, city.bucket("huge"))
    with pytest.raises(Invalid, match="78 GiB") as refused:
        writing.begin(writing_, "a", writing.OBJECT_BYTES_MAX + 1, "")
    assert "5 TiB" in refused.value.how.en


def test_versions_come_back(city: City, developer: Caller) -> None:
    bucket = city.bucket("kept-versions", versioning=True)
    put(city, developer, bucket, "a", b"1")
    put(city, developer, bucket, "a", b"22")
    deleting, writing_ = reached(city, developer, DELETE, bucket), reached(city, developer, WRITE, bucket)
    assert browsing.deletion(deleting, ["a"], []).keeps_versions
    browsing.delete(deleting, ["a"], [])
    versions = browsing.versions(deleting, "a")
    assert [v.deleted for v in versions] == [True, False, False]
    oldest = next(v for v in versions if not v.deleted and v.bytes == 1)
    writing.restore(writing_, "a", oldest.version)
    assert writing_.contents.open("kept-versions", "a").read(9) == b"1"
    browsing.delete_version(deleting, "a", oldest.version)
    assert oldest.version not in {v.version for v in browsing.versions(deleting, "a")}


def test_folders_are_made_shown_counted_and_deleted(city: City, developer: Caller) -> None:
    bucket = city.bucket("folders")
    listing, deleting = reached(city, developer, LIST, bucket), reached(city, developer, DELETE, bucket)
    writing.make_folder(reached(city, developer, WRITE, bucket), "reports/")
    assert browsing.listing(listing, "").folders == ("reports/",)
    for key in ("reports/2025/a", "reports/2026/b", "other"):
        put(city, developer, bucket, key, b"12345")
    plan = browsing.deletion(deleting, [], ["reports/"])
    assert (len(plan.items), plan.bytes, plan.more) == (2, 10, False)
    assert browsing.delete(deleting, [], ["reports/"]) == 2
    left = browsing.listing(listing, "")
    assert (left.folders, [i.key for i in left.items]) == ((), ["other"])


def test_a_new_name_takes_no_other_place(city: City, developer: Caller) -> None:
    bucket = city.bucket("renamed")
    put(city, developer, bucket, "a", b"1")
    put(city, developer, bucket, "b", b"2")
    writing_, deleting = reached(city, developer, WRITE, bucket), reached(city, developer, DELETE, bucket)
    with pytest.raises(Conflict, match="There is an object b already"):
        writing.rename(writing_, deleting, "a", "b")
    writing.rename(writing_, deleting, "a", "中/c")
    assert [i.key for i in writing_.contents.list("renamed", "", flat=True).items] == ["b", "中/c"]


def test_people_are_metered_as_clients_are(city: City, developer: Caller) -> None:
    bucket = city.bucket("metered")
    before = city.engine.counters().buckets["metered"]
    put(city, developer, bucket, "a", b"12345")
    body = reached(city, developer, READ, bucket).contents.open("metered", "a")
    assert body.read(9) == b"12345"
    body.close()
    after = city.engine.counters().buckets["metered"]
    assert after.requests_a - before.requests_a == 1
    assert after.requests_b - before.requests_b == 1
    assert (after.sent_bytes - before.sent_bytes, after.received_bytes - before.received_bytes) == (5, 5)
    city.until_stored(bucket["id"], 5)


def test_bytes_are_handed_out_as_a_download_and_in_ranges(city: City, developer: Caller, faces: Faces) -> None:
    bucket = city.bucket("downloads")
    put(city, developer, bucket, "网页.html", b"<script>alert(1)</script>")
    for client, address in (
        (faces.api(developer), f"/buckets/{bucket['id']}/objects/content"),
        (faces.console(developer, "en"), f"/buckets/{bucket['id']}/objects/content"),
    ):
        got = client.get(address, params={"key": "网页.html"})
        assert got.content == b"<script>alert(1)</script>"
        assert got.headers["content-type"] == "application/octet-stream"
        assert got.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%E7%BD%91")
        assert got.headers["x-content-type-options"] == "nosniff"
        assert got.headers["content-security-policy"] == SANDBOX
        part = client.get(address, params={"key": "网页.html"}, headers={"Range": "bytes=1-6"})
        assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"script", "bytes 1-6/25")


def test_pages_show_and_never_run(city: City, developer: Caller, faces: Faces) -> None:
    bucket = city.bucket("pages")
    browser = faces.console(developer, "en")
    base = f"/buckets/{bucket['id']}/objects"
    stored_ = {
        "a.html": b"<script>alert(1)</script>",
        "a.svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
        "fake.png": b"<html><script>alert(1)</script>",
        "real.png": png(),
        "a.csv": "地区,数量\n渝中,12\n江北,7\n".encode("gb18030"),
        "a.pdf": b"%PDF-1.7 /JS (app.alert(1))",
        "a.bin": bytes(range(256)),
    }
    for key, content in stored_.items():
        put(city, developer, bucket, key, content)
    for key in ("a.html", "a.svg", "fake.png"):
        page = browser.get(f"{base}/one", params={"key": key}).text
        assert "&lt;" in page
        assert not re.search(r"alert\(1\)</script>|<svg[^>]*onload|<img", page)
        assert browser.get(f"{base}/shown", params={"key": key}).status_code == 404
    for key, media_type in (("real.png", "image/png"), ("a.pdf", "application/pdf")):
        shown = browser.get(f"{base}/shown", params={"key": key})
        assert (shown.content, shown.headers["content-type"]) == (stored_[key], media_type)
        assert shown.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert shown.headers["x-content-type-options"] == "nosniff"
        assert "/shown?key=" in browser.get(f"{base}/one", params={"key": key}).text
    table = browser.get(f"{base}/one", params={"key": "a.csv"}).text
    assert re.search(r"数量<small>whole number</small>.*渝中.*>12<", table, re.DOTALL)
    assert "GB18030" in table
    assert not re.search(r"<(iframe|embed|object|img)", browser.get(f"{base}/one", params={"key": "a.bin"}).text)


def test_a_form_without_scripts_uploads_lists_and_deletes(city: City, developer: Caller, faces: Faces) -> None:
    bucket = city.bucket("forms")
    browser = faces.console(developer, "zh")
    base = f"/buckets/{bucket['id']}/objects"
    large = bytes(PART_BYTES) + b"more than one part"
    answer = browser.post(
        f"{base}:upload",
        data={"csrf": token(browser, base), "prefix": "年报/"},
        files=[("file", ("一.txt", b"hello")), ("file", ("大.bin", large))],
    )
    assert answer.status_code == 303, answer.text
    page = browser.get(answer.headers["location"]).text
    assert "一.txt" in page
    assert "大.bin" in page
    assert "已上传" in page
    body = reached(city, developer, READ, bucket).contents.open("forms", "年报/大.bin", first=PART_BYTES)
    assert body.read(99) == b"more than one part"
    plan = browser.get(f"{base}:delete", params={"key": ["年报/一.txt"], "folder": []}).text
    assert "删除后不能恢复" in plan
    gone = browser.post(f"{base}:delete", data={"csrf": token(browser, base), "folder": "年报/"})
    assert gone.status_code == 303, gone.text
    assert "这里还没有对象" in browser.get(base).text


def test_nothing_is_taken_without_the_forms_token(city: City, developer: Caller, faces: Faces) -> None:
    bucket = city.bucket("strangers")
    browser = faces.console(developer, "en")
    base = f"/buckets/{bucket['id']}/objects"
    posted = browser.post(f"{base}:upload", data={"csrf": "wrong", "prefix": ""}, files={"file": ("a", b"1")})
    assert posted.status_code == 403
    for path in ("content?key=a", "uploads?key=a&bytes=9", "parts?key=a&upload=u&number=1", "completed?key=a"):
        assert browser.post(f"{base}/{path}", content=b"1").status_code == 403
    assert browser.head(f"{base}/content", params={"key": "a"}).status_code == 404
    assert not reached(city, developer, LIST, bucket).contents.list("strangers", "").items


def test_the_pages_script_goes_on_where_it_stopped(city: City, developer: Caller, faces: Faces) -> None:
    bucket = city.bucket("scripts")
    browser = faces.console(developer, "en")
    base = f"/buckets/{bucket['id']}/objects"
    headers = {"Csrf-Token": token(browser, base)}
    content = io.BytesIO(bytes(PART_BYTES) + b"tail").getvalue()
    asked = {"key": "a.bin", "bytes": str(len(content)), "type": "application/x-thing"}
    begun = browser.post(f"{base}/uploads", params=asked, headers=headers).json()
    pieces = (content[:PART_BYTES], content[PART_BYTES:])
    for number, piece in enumerate(pieces, 1):
        named = {"key": "a.bin", "upload": begun["upload"], "number": str(number), "md5": md5(piece)}
        assert browser.post(f"{base}/parts", params=named, headers=headers, content=piece).status_code == 200
    found = browser.post(f"{base}/uploads", params=asked, headers=headers).json()
    assert (found["upload"], len(found["parts"]), found["found"]) == (begun["upload"], 2, True)
    assert "Unfinished uploads" in browser.get(base).text
    named = {"key": "a.bin", "upload": begun["upload"], "bytes": str(len(content))}
    assert browser.post(f"{base}/completed", params=named, headers=headers).json()["bytes"] == len(content)
    refused = browser.post(f"{base}/content", params={"key": "a/../b"}, headers=headers, content=b"1")
    assert (refused.status_code, refused.json()["reason"]) == (400, "KEY")


def test_the_command_line_puts_goes_on_lists_gets_and_deletes(
    city: City, developer: Caller, faces: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = city.bucket("typed")
    large, back = tmp_path / "large.bin", tmp_path / "back.bin"
    large.write_bytes(bytes(PART_BYTES) + b"tail")
    with faces.served() as address:
        monkeypatch.setenv("CLOUDHALL_URL", address)
        monkeypatch.setenv("CLOUDHALL_TOKEN", faces.secret(developer))
        monkeypatch.setenv("CLOUDHALL_PROJECT", "statistics")
        shell = Shell(city.kernel.registry)
        writing_ = reached(city, developer, WRITE, bucket)
        begun = writing.begin(writing_, "data/a.bin", large.stat().st_size, "")
        writing.put_part(writing_, "data/a.bin", begun.upload, 1, bytes(PART_BYTES), md5(bytes(PART_BYTES)))
        assert "Going on behind 1 parts" in shell.err("object put typed", str(large), "--key", "data/a.bin")
        shell.out("object put typed", str(Path(__file__)), "--key", "test.py")
        assert shell.out("object list typed").splitlines()[0].split("\t")[0] == "data/"
        assert shell.json("object list typed --flat")["items"][0]["bytes"] == PART_BYTES + 4
        shell.out("object get typed data/a.bin --out", str(back))
        assert back.read_bytes() == large.read_bytes()
        shell.err("object delete typed data/a.bin")
        assert [i["key"] for i in shell.json("object list typed --flat")["items"]] == ["test.py"]
        assert "There is no object data/a.bin" in shell.err("object get typed data/a.bin", code=6)


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def token(browser: TestClient, address: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', browser.get(address).text)
    assert found
    return found[1]


def png() -> bytes:
    """One white pixel."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    head = b"\0\0\0\1\0\0\0\1\x08\0\0\0\0"
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\xff")) + chunk(b"IEND", b"")
