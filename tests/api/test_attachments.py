"""Documents over HTTP: streamed in, typed by their bytes, handed out as downloads, under the resource's rights."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from cloudhall.domains.documents import files
from cloudhall.domains.storage.bucket import Bucket
from tests.kit.databases import BOTH
from tests.kit.faces import Faces
from tests.kit.hall import Hall, opened

pytestmark = BOTH
PDF = b"%PDF-1.7\nhello\n"


@pytest.fixture
def hall() -> Iterator[Hall]:
    with opened() as built:
        spec = {"quota_gib": 1, "grade": "open"}
        built.do(built.staff["developer"], Bucket, "create", place=built.project(), name="stats", spec=spec)
        yield built


@pytest.fixture
def faces(hall: Hall) -> Faces:
    return Faces(hall)


@pytest.fixture
def developer(hall: Hall, faces: Faces) -> TestClient:
    return faces.api(hall.staff["developer"])


def attach(client: TestClient, data: bytes = PDF, name: str = "a.pdf", type_: str = "application/pdf") -> Any:
    asked = {"kind": "buckets", "resource": "stats", "name": name}
    return client.post("/attachments", params=asked, content=data, headers={"Content-Type": type_})


def listed(client: TestClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/attachments?kind=storage.bucket&resource=stats").json()["items"]
    return found


def test_attached_listed_fetched_and_taken_away(hall: Hall, developer: TestClient) -> None:
    answer = attach(developer, name="合同.pdf")
    made = answer.json()
    assert answer.status_code == 201
    assert (made["name"], made["media_type"], made["bytes"]) == ("合同.pdf", "application/pdf", len(PDF))
    assert made["attached_by"] == hall.staff["developer"].id
    assert listed(developer) == [made] == [developer.get(f"/attachments/{made['id']}").json()]
    content = developer.get(f"/attachments/{made['id']}/content")
    assert content.content == PDF
    assert developer.delete(f"/attachments/{made['id']}").status_code == 204
    assert listed(developer) == []
    assert developer.get(f"/attachments/{made['id']}/content").status_code == 404


def test_a_browser_is_never_given_anything_to_run(developer: TestClient) -> None:
    made = attach(developer, b"a,b\n", "a.csv", "text/csv").json()
    headers = developer.get(f"/attachments/{made['id']}/content").headers
    assert headers["content-type"] == "text/csv"
    assert headers["content-disposition"] == "attachment; filename*=UTF-8''a.csv"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("data", "type_", "reason"),
    [
        (b"<svg/>", "image/svg+xml", "DOCUMENT_TYPE"),
        (b"<html><script>x</script>", "text/plain", "DOCUMENT_TYPE"),
        (b"\x7fELF", "application/pdf", "DOCUMENT_TYPE"),
        (PDF, "image/png", "DOCUMENT_TYPE"),
        (PDF + bytes(files.MIB), "application/pdf", "DOCUMENT_SIZE"),
    ],
)
def test_what_is_not_taken_says_why(
    developer: TestClient, data: bytes, type_: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(files.LIMIT, "1")
    answer = attach(developer, data, type_=type_)
    assert (answer.status_code, answer.json()["reason"]) == (400, reason)
    assert listed(developer) == []


def test_rights_are_those_on_the_resource(hall: Hall, faces: Faces, developer: TestClient) -> None:
    made = attach(developer).json()
    viewer, stranger = faces.api(hall.staff["viewer"]), faces.api(hall.nobody)
    assert viewer.get(f"/attachments/{made['id']}/content").status_code == 200
    assert attach(viewer, name="b.pdf").status_code == 403
    assert viewer.delete(f"/attachments/{made['id']}").status_code == 403
    assert attach(stranger).status_code == 404
    for path in (f"/attachments/{made['id']}", f"/attachments/{made['id']}/content"):
        assert stranger.get(path).status_code == 404
    assert stranger.get("/attachments?kind=buckets&resource=stats").status_code == 404
    assert (
        TestClient(faces.app, base_url="http://127.0.0.1/api/v1").get(f"/attachments/{made['id']}").status_code == 401
    )


def test_the_log_holds_the_hash_and_the_stream_the_event(hall: Hall, developer: TestClient) -> None:
    made = attach(developer).json()
    entries = hall.kernel.audit.search(hall.read(), action="storage.bucket:attach_document")
    assert [f.leaf.content for f in entries] == [made["sha256"]]
    last = hall.kernel.history.of_resource(hall.read(), made["resource"], 1)[0]
    assert last.type == "storage.bucket.attached_document"


def test_a_file_that_was_lost_is_said_to_be_lost(hall: Hall, developer: TestClient) -> None:
    made = attach(developer).json()
    files.path_of(hall.home / files.FOLDER, made["sha256"]).unlink()
    assert developer.get(f"/attachments/{made['id']}/content").status_code == 503
