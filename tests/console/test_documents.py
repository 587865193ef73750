"""Documents on the console: a form with a file, a list, downloads that stay downloads, and nobody else's."""

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from cloudhall.console.uploads import Reader
from cloudhall.domains.documents import attachments, files
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.kernel.errors import Invalid
from tests.kit.faces import Faces
from tests.kit.hall import Hall, opened

PDF = b"%PDF-1.7\nhello\n"


@pytest.fixture
def hall() -> Iterator[Hall]:
    with opened() as built:
        yield built


@pytest.fixture
def bucket(hall: Hall) -> str:
    project = hall.project()
    spec = {"quota_gib": 1, "grade": "open"}
    return str(hall.do(hall.staff["developer"], Bucket, "create", place=project, name="stats", spec=spec)["id"])


@pytest.fixture
def browser(hall: Hall) -> TestClient:
    return Faces(hall).console(hall.staff["developer"], "en")


def token(browser: TestClient, bucket: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', browser.get(f"/buckets/{bucket}").text)
    assert found
    return found[1]


def send(
    browser: TestClient, bucket: str, name: str, data: bytes, type_: str = "application/pdf", csrf: str = ""
) -> str:
    answer = browser.post(
        f"/buckets/{bucket}:attach_document",
        data={"csrf": csrf or token(browser, bucket)},
        files={"file": (name, data, type_)},
    )
    return answer.headers["location"] if answer.status_code == 303 else answer.text


def of(hall: Hall, bucket: str) -> list[str]:
    return [one.name for one in attachments.of_resource(hall.read(), bucket)]


def left(hall: Hall) -> list[str]:
    return [path.name for path in (hall.home / files.FOLDER / files.INCOMING).glob("*")]


def test_a_form_attaches_and_the_page_shows_it(hall: Hall, browser: TestClient, bucket: str) -> None:
    assert send(browser, bucket, "合同 (1).pdf", PDF) == f"/buckets/{bucket}?done=1#documents"
    page = browser.get(f"/buckets/{bucket}").text
    assert "合同 (1).pdf" in page
    assert 'enctype="multipart/form-data"' in page
    assert "Document attached" in page
    assert left(hall) == []


def test_it_is_handed_out_as_a_download_and_nothing_else(hall: Hall, browser: TestClient, bucket: str) -> None:
    send(browser, bucket, "合同.pdf", PDF)
    (one,) = attachments.of_resource(hall.read(), bucket)
    answer = browser.get(f"/attachments/{one.id}")
    assert (answer.status_code, answer.content) == (200, PDF)
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''%E5%90%88%E5%90%8C.pdf"
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


def test_taken_away_it_is_gone(hall: Hall, browser: TestClient, bucket: str) -> None:
    send(browser, bucket, "a.pdf", PDF)
    (one,) = attachments.of_resource(hall.read(), bucket)
    answer = browser.post(f"/attachments/{one.id}:detach", data={"csrf": token(browser, bucket)})
    assert answer.headers["location"] == f"/buckets/{bucket}?done=1#documents"
    assert of(hall, bucket) == []


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.html", b"<html>hi", "Web pages"),
        ("a.pdf", b"MZ", "Programs"),
        ("a.pdf", b"%PDF-" + bytes(files.MIB), "at most 1 MiB"),
        ("a/..", PDF, "no special characters"),
    ],
)
def test_what_is_refused_is_said_on_a_page(
    hall: Hall, browser: TestClient, bucket: str, name: str, data: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(files.LIMIT, "1")
    assert said in send(browser, bucket, name, data)
    assert (of(hall, bucket), left(hall)) == ([], [])


def test_a_form_without_its_token_or_session_does_nothing(hall: Hall, browser: TestClient, bucket: str) -> None:
    send(browser, bucket, "a.pdf", PDF, csrf="0" * 64)
    stranger = Faces(hall).console(hall.nobody, "en")
    stranger.cookies.clear()
    assert stranger.post(f"/buckets/{bucket}:attach_document", files={"file": ("a.pdf", PDF)}).status_code != 200
    assert (of(hall, bucket), left(hall)) == ([], [])


def test_a_form_without_a_file_asks_for_one(browser: TestClient, bucket: str) -> None:
    assert "Choose a file" in send(browser, bucket, "", b"")


def test_who_may_only_look_gets_no_form_and_who_may_not_finds_nothing(
    hall: Hall, browser: TestClient, bucket: str
) -> None:
    send(browser, bucket, "a.pdf", PDF)
    (one,) = attachments.of_resource(hall.read(), bucket)
    viewer = Faces(hall).console(hall.staff["viewer"], "en")
    page = viewer.get(f"/buckets/{bucket}").text
    assert "a.pdf" in page
    assert "multipart/form-data" not in page
    nobody = Faces(hall).console(hall.nobody, "en")
    assert nobody.get(f"/attachments/{one.id}").status_code == 404


BODY = (
    b'--B\r\nContent-Disposition: form-data; name="csrf"\r\n\r\nabc\r\n'
    b'--B\r\nContent-Disposition: form-data; name="empty"\r\n\r\n\r\n'
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="C:\\\\dir\\\\a%22b.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\nline\r\n--not B\r\n-\r\n--B--\r\n"
)


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 64, len(BODY)])
def test_a_form_is_read_however_it_is_cut(step: int) -> None:
    reader, parts = Reader(b"B"), dict[str, bytes]()
    for at in range(0, len(BODY), step):
        for part, data in reader.feed(BODY[at : at + step]):
            parts[part.filename or part.name] = parts.get(part.filename or part.name, b"") + data
    assert reader.ended
    assert parts == {"csrf": b"abc", "empty": b"", 'a"b.txt': b"line\r\n--not B\r\n-"}


@pytest.mark.parametrize("body", [b"--B\r\nX: y\r\n\r\n", b"--B\r\n" + b"x" * 9_000])
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        list(Reader(b"B").feed(body))
