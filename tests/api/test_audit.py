"""The audit log over HTTP: who may read what, and proofs that the stand-alone verifier takes."""

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from cloudhall import verify
from cloudhall.domains.identity.token import Token
from cloudhall.kernel import tlog
from cloudhall.kernel.audit import Entry
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.wire import rfc3339
from tests.api.town import Town


@pytest.fixture
def box(town: Town, dev: TestClient) -> dict[str, Any]:
    """Return a box that was made, edited and sealed, with a checkpoint over that."""
    body = {"name": "a", "project": "census", "spec": {"size_gib": 5}}
    made = dev.post("/boxes", json=body, headers={"User-Agent": "tests"}).json()
    dev.patch("/boxes/a", json={"spec": {"note": "x"}})
    dev.post("/boxes/a:seal")
    town.kernel.seal()
    found: dict[str, Any] = made
    return found


def actions(client: TestClient, query: str = "") -> list[str]:
    answer = client.get(f"/audit{query}")
    assert answer.status_code == 200, answer.text
    return [entry["action"] for entry in answer.json()["items"]]


def check(proof: bytes, key: str) -> None:
    """Judge a proof file as an auditor would: by the verifier alone."""
    findings = verify.check(proof, (key,))
    assert findings
    assert all(f.ok for f in findings), [f.detail.en for f in findings]


def test_the_newest_entries_come_first(town: Town, dev: TestClient, box: dict[str, Any]) -> None:
    page = dev.get(f"/audit?resource={box['id']}").json()
    assert [e["action"] for e in page["items"]] == ["town.box:seal", "town.box:update", "town.box:create"]
    entry = page["items"][-1]
    assert (entry["actor"], entry["phase"], entry["place"], entry["revision"]) == (
        town.people["dev"],
        "done",
        town.project,
        box["revision"],
    )
    assert page["names"] == {box["id"]: "a", town.people["dev"]: "dev", town.project: "census"}
    assert "next_page_token" not in page


def test_an_auditor_sees_all_others_what_they_may_read_and_did_themselves(
    town: Town, dev: TestClient, box: dict[str, Any]
) -> None:
    viewer, stranger = town.client("viewer"), town.client("stranger")
    stranger.post("/boxes", json={"name": "theirs", "project": "harbour", "spec": {"size_gib": 1}})
    assert viewer.delete("/boxes/a").status_code == 403
    everything = len(actions(town.client("auditor"), "?page_size=1000"))
    assert everything == town.kernel.audit.search(town.kernel.store.read(), limit=1)[0].idx + 1
    history = ["town.box:delete", "town.box:seal", "town.box:update", "town.box:create"]
    assert actions(viewer, f"?resource={box['id']}") == history
    own = viewer.get(f"/audit?actor={town.people['viewer']}").json()["items"]
    assert [(e["action"], e["phase"]) for e in own] == [("town.box:delete", "denied")]
    assert actions(stranger, f"?resource={box['id']}") == []
    assert actions(stranger, f"?place={town.project}&action=town.box:create") == []
    assert "town.box:create" in actions(stranger, "?place=harbour")
    assert actions(dev, f"?actor={town.people['viewer']}") == ["town.box:delete"]  # of a box that dev may read


def test_an_auditor_of_one_project_sees_that_project(town: Town, dev: TestClient, box: dict[str, Any]) -> None:
    town.grant(town.people["stranger"], "audit_admin", town.project)
    stranger = town.client("stranger")
    assert town.client("viewer").delete(f"/boxes/a?project={town.project}").status_code == 403
    assert actions(stranger, "?place=census") == [
        "town.box:delete",
        "town.box:seal",
        "town.box:update",
        "town.box:create",
    ]
    assert stranger.get("/boxes").json()["items"] == []


def test_the_record_of_an_organisation_holds_its_projects(town: Town, dev: TestClient, box: dict[str, Any]) -> None:
    auditor = town.client("auditor")
    town.client("stranger").post("/boxes", json={"name": "theirs", "project": "harbour", "spec": {"size_gib": 1}})
    record = actions(auditor, "?place=bureau&page_size=1000")
    assert {"town.box:seal", "identity.project:create", "identity.person:create"} <= set(record)
    assert record.count("town.box:create") == 2  # one in each project
    assert actions(auditor, "?place=census").count("town.box:create") == 1
    seen: list[str] = []
    token = ""
    while len(seen) < len(record):
        page = auditor.get(f"/audit?place=bureau&page_size=3{token}").json()
        seen += [e["action"] for e in page["items"]]
        token = f"&page_token={page.get('next_page_token')}"
    assert seen == record
    assert "town.box:create" not in actions(auditor, "?place=harbour&action=town.box:seal")
    assert actions(town.client("viewer"), "?place=bureau&action=town.box:create") == ["town.box:create"]


def test_a_token_reads_no_more_of_the_log_than_its_scopes(town: Town, dev: TestClient, box: dict[str, Any]) -> None:
    def tokens(*scopes: str) -> TestClient:
        at = rfc3339(town.kernel.world.now_us() + 3_600_000_000)
        spec = {"subject": town.people["dev"], "scopes": list(scopes), "expires_at": at}
        command = Command(kind=Token, verb="create", place=town.project, spec=spec)
        secret = town.kernel.execute(Caller(id=town.people["dev"]), command).result().body["secret"]
        return town.client(Authorization=f"Bearer {secret}")

    assert actions(tokens("town.lid:read")) == []
    assert "town.box:seal" in actions(tokens("town.box:read"))
    assert "identity.token:create" not in actions(tokens("town.box:read"))
    assert "identity.token:create" in actions(tokens("town.box:read", "audit.*"))


def test_a_deleted_resource_keeps_its_history(town: Town, dev: TestClient, box: dict[str, Any]) -> None:
    dev.delete("/boxes/a")
    town.kernel.reconciler.run_due()
    assert actions(dev, f"?resource={box['id']}")[:2] == ["town.box:delete", "town.box:seal"]


def test_filters_and_pages(town: Town, dev: TestClient, box: dict[str, Any]) -> None:
    auditor = town.client("auditor")
    assert actions(auditor, f"?actor={town.people['dev']}&action=town.box:seal") == ["town.box:seal"]
    at = auditor.get("/audit?action=town.box:update").json()["items"][0]["at"]
    assert actions(auditor, f"?since={at}") == ["town.box:seal", "town.box:update"]
    seen, token = [], ""
    while True:
        page = auditor.get(f"/audit?page_size=4{token}").json()
        seen += [e["index"] for e in page["items"]]
        if "next_page_token" not in page:
            break
        token = f"&page_token={page['next_page_token']}"
    assert seen == list(range(max(seen), -1, -1))
    assert auditor.get(f"/audit?actor=pe-x{token}").status_code == 400


def test_pages_of_somebody_who_sees_little_reach_the_end(town: Town, dev: TestClient, box: dict[str, Any]) -> None:
    for n in range(30):
        dev.patch("/boxes/a", json={"spec": {"note": str(n)}})
    stranger = town.client("stranger")
    stranger.post("/boxes", json={"name": "theirs", "project": "harbour", "spec": {"size_gib": 1}})
    page = stranger.get("/audit?page_size=2&action=town.box:create").json()
    assert len(page["items"]) == 1
    assert "next_page_token" not in page


def test_one_entry_comes_with_its_proof_and_its_private_facts_for_auditors(
    town: Town, dev: TestClient, box: dict[str, Any]
) -> None:
    idx = dev.get(f"/audit?resource={box['id']}&action=town.box:create").json()["items"][0]["index"]
    theirs, auditors = (
        dev.get(f"/audit/entries/{idx}").json(),
        town.client("auditor").get(f"/audit/entries/{idx}").json(),
    )
    assert "private" not in theirs
    assert auditors["private"] == {"address": "testclient", "agent": "tests", "name": "Dev"}
    key = dev.get("/audit/verifier-key").text.strip()
    for entry in (theirs, auditors):
        assert entry["action"] == "town.box:create"
        check(json.dumps(entry["proof"]).encode(), key)


def test_a_hidden_entry_is_not_there(town: Town, box: dict[str, Any]) -> None:
    stranger = town.client("stranger")
    idx = town.client("auditor").get(f"/audit?resource={box['id']}").json()["items"][0]["index"]
    for address in (
        f"/audit/entries/{idx}",
        f"/audit/entries/{idx}/proof",
        f"/audit/proof?resource={box['id']}",
        f"/audit/entries/{10**30}",
        f"/audit/entries/{10**6}",
    ):
        assert stranger.get(address).status_code == 404


@pytest.mark.parametrize("where", ["in place", "alone"])
def test_the_history_of_a_resource_is_proven_by_the_verifier(
    town: Town, dev: TestClient, box: dict[str, Any], tmp_path: Path, where: str
) -> None:
    answer = dev.get(f"/audit/proof?resource={box['id'].upper()}")
    assert answer.headers["content-disposition"] == f'attachment; filename="cloudhall-proof-{box["id"]}.json"'
    file, key = tmp_path / "proof.json", dev.get("/audit/verifier-key").text.strip()
    file.write_bytes(answer.content)
    program = verify.__file__ if where == "in place" else shutil.copy(verify.__file__, tmp_path)
    command = [sys.executable, program, str(file), "--key", key]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout + judged.stderr
    leaves = [json.loads(base64.b64decode(e["leaf"])) for e in answer.json()["entries"]]
    assert [leaf["action"] for leaf in leaves] == ["town.box:create", "town.box:update", "town.box:seal"]
    file.write_bytes(answer.content.replace(b'"index":', b'"index":1', 1))
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_a_proof_shows_that_nothing_changed_since_an_older_checkpoint(
    town: Town, dev: TestClient, box: dict[str, Any]
) -> None:
    kept = dev.get("/audit/checkpoint").text
    size = tlog.parse_checkpoint(kept).size
    dev.patch("/boxes/a", json={"spec": {"note": "later"}})
    town.kernel.seal()
    proof = dev.get(f"/audit/proof?resource={box['id']}&kept_size={size}").content
    findings = verify.check(proof, (dev.get("/audit/verifier-key").text.strip(),), kept)
    assert all(f.ok for f in findings)
    assert dev.get(f"/audit/proof?resource={box['id']}&kept_size={10**6}").status_code == 404


def test_private_facts_in_a_proof_are_for_auditors(town: Town, dev: TestClient, box: dict[str, Any]) -> None:
    address = f"/audit/proof?resource={box['id']}&private=true"
    refused = dev.get(address).json()
    assert (refused["status"], refused["reason"]) == (403, "AUDIT_PRIVATE")
    proof = town.client("auditor").get(address)
    assert base64.b64decode(proof.json()["entries"][0]["payload"]).decode().find("testclient") > 0
    check(proof.content, dev.get("/audit/verifier-key").text.strip())


def test_a_new_entry_is_waited_for_until_a_checkpoint_covers_it(
    town: Town, dev: TestClient, box: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloudhall.api.audit.COVERED_WITHIN_S", 0.1)
    dev.patch("/boxes/a", json={"spec": {"note": "new"}})
    late = dev.get(f"/audit/proof?resource={box['id']}").json()
    assert (late["status"], late["how"]) == (404, "A new entry is covered after about a second")
    monkeypatch.setattr("cloudhall.api.audit.COVERED_WITHIN_S", 20)
    town.kernel.clock.every(0.3, "seal", town.kernel.seal)
    assert len(dev.get(f"/audit/proof?resource={box['id']}").json()["entries"]) == 4


def test_anybody_may_check_the_head_and_its_hashes_auditors_the_entries(
    town: Town, dev: TestClient, box: dict[str, Any]
) -> None:
    nobody, auditor = town.client(), town.client("auditor")
    head = tlog.parse_checkpoint(nobody.get("/audit/checkpoint").text)
    assert nobody.get("/audit/verifier-key").text == town.kernel.audit.verifier_key() + "\n"
    hashes = nobody.get(f"/audit/tile/0/000.p/{head.size}").content
    leaves = auditor.get(f"/audit/tile/entries/000.p/{head.size}").content
    each, at = [], 0
    while at < len(leaves):
        length = int.from_bytes(leaves[at : at + 2], "big")
        each.append(leaves[at + 2 : at + 2 + length])
        at += 2 + length
    assert b"".join(map(tlog.leaf_hash, each)) == hashes
    tree = tlog.CompactRange()
    for leaf in each:
        tree.push(tlog.leaf_hash(leaf))
    assert tree.root() == head.root
    assert nobody.get("/audit/tile/entries/000.p/1").status_code == 401
    assert dev.get("/audit/tile/entries/000.p/1").status_code == 403
    for address in ("/audit/tile/0/1", "/audit/tile/0/000", "/audit/tile/99/000.p/1", "/audit/tile/0/000.p/999"):
        assert nobody.get(address).status_code == 404


def test_an_entry_of_no_place_is_the_platform_auditors(town: Town, box: dict[str, Any]) -> None:
    town.kernel.note(Entry(actor="nobody", action="session:login", phase="denied", kind="identity.person")).result()
    town.grant(town.people["stranger"], "audit_admin", town.project)
    assert actions(town.client("auditor"), "?action=session:login") == ["session:login"]
    assert actions(town.client("stranger"), "?action=session:login") == []


def test_there_is_no_checkpoint_before_the_first(town: Town) -> None:
    assert town.client().get("/audit/checkpoint").status_code == 404


def test_a_decision_is_made_again_for_whoever_sees_the_entry(town: Town, dev: TestClient, box: dict[str, Any]) -> None:
    idx = dev.get(f"/audit?resource={box['id']}").json()["items"][0]["index"]
    for client, whole in ((dev, True), (town.client("auditor"), True), (town.client("viewer"), False)):
        body = client.get(f"/audit/entries/{idx}/decision").json()
        assert (body["operation"], body["agrees"]) == ("town.box:seal", True)
        assert body["recorded"] == {"allowed": True, "policies": ["town.box:seal/developer"], "reason": ""}
        assert [p["id"] for p in body["again"]["policies"]] == ["town.box:seal/developer"]
        assert ("facts" in body) is whole
    assert town.client("stranger").get(f"/audit/entries/{idx}/decision").status_code == 404


def test_what_policy_did_not_decide_is_not_decided_again(town: Town, dev: TestClient) -> None:
    idx = town.kernel.note(Entry(actor=town.people["dev"], action="session:login")).result()
    answer = dev.get(f"/audit/entries/{idx}/decision")
    assert (answer.status_code, answer.json()["reason"]) == (404, "NO_DECISION")


def test_a_denial_is_decided_again(town: Town, box: dict[str, Any]) -> None:
    viewer = town.client("viewer")
    assert viewer.delete(f"/boxes/{box['id']}").status_code == 403
    idx = viewer.get("/audit?action=town.box:delete").json()["items"][0]["index"]
    body = viewer.get(f"/audit/entries/{idx}/decision").json()
    assert (body["recorded"]["allowed"], body["again"]["allowed"], body["agrees"]) == (False, False, True)
