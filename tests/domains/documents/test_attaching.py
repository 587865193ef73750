"""Documents follow their resource: its rights, its log, its end. Bytes are kept once and as long as needed."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from cloudhall.domains.documents import attaching, attachments, files
from cloudhall.domains.documents.attachments import Attachment
from cloudhall.domains.documents.files import Incoming, Received
from cloudhall.domains.identity.project import Project
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.kernel import audit, events
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from cloudhall.kernel.roles import DEVELOPER, VIEWER
from tests.kit.campaign import KilledError
from tests.kit.databases import BOTH
from tests.kit.hall import Hall

pytestmark = BOTH
TEXT = b"contract\n"
DAY_S = files.KEPT_S


class Office:
    """A hall with a bucket, somebody who may change it, and somebody who may only look."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.project = hall.project()
        self.developer = hall.staff[DEVELOPER]
        self.viewer = hall.person(VIEWER, place=self.project)
        self.bucket = self.make("stats")

    def make(self, name: str) -> str:
        spec = {"quota_gib": 1, "grade": "open"}
        return str(self.hall.do(self.developer, Bucket, "create", place=self.project, name=name, spec=spec)["id"])

    @property
    def folder(self) -> Path:
        return attaching.folder_of(self.hall.kernel)

    def attach(
        self, data: bytes = TEXT, name: str = "a.txt", who: Caller | None = None, bucket: str = ""
    ) -> Attachment:
        caller = who or self.developer
        resource = attaching.require(self.hall.kernel, caller, Bucket, bucket or self.bucket)
        return attaching.attach(self.hall.kernel, caller, resource, name, "", self.arrived(data))

    def arrived(self, data: bytes) -> Received:
        incoming = Incoming(self.folder, files.limit_bytes())
        incoming.write(data)
        return incoming.received()

    def names(self) -> list[str]:
        return [one.name for one in attachments.of_resource(self.hall.read(), self.bucket)]

    def kept(self) -> set[str]:
        """Files that lie there, those on their way included."""
        return {path.name for path in self.folder.glob("*/*")}

    def leaf(self, action: str) -> audit.Leaf:
        return self.hall.kernel.audit.search(self.hall.read(), action=action)[0].leaf

    def age(self) -> None:
        """Let a day pass for all files."""
        for path in self.folder.glob("*/*"):
            old = path.stat().st_mtime - DAY_S - 1
            os.utime(path, (old, old))


@pytest.fixture
def office(hall: Hall) -> Office:
    return Office(hall)


def test_attached_it_is_there_logged_and_the_same_bytes(office: Office) -> None:
    made = office.attach()
    sha256 = hashlib.sha256(TEXT).hexdigest()
    assert (made.name, made.media_type, made.bytes, made.sha256) == ("a.txt", "text/plain", len(TEXT), sha256)
    assert files.path_of(office.folder, sha256).read_bytes() == TEXT
    assert attaching.find(office.hall.kernel, office.viewer, made.id) == made
    last = events.latest(office.hall.read(), "id = ?", (office.bucket,), 1)[0]
    assert (last.type, last.actor) == ("storage.bucket.attached_document", office.developer.id)
    assert office.hall.row(Bucket, office.bucket).revision == last.revision
    leaf = office.leaf("storage.bucket:attach_document")
    assert (leaf.content, leaf.resource, leaf.revision) == (sha256, office.bucket, last.revision)
    assert "a.txt" not in str(leaf)
    assert office.kept() == {sha256}


def test_taken_away_it_is_gone_and_logged(office: Office) -> None:
    made = office.attach()
    attaching.detach(office.hall.kernel, office.developer, made)
    assert office.names() == []
    with pytest.raises(NotFound):
        attaching.find(office.hall.kernel, office.developer, made.id)
    assert office.leaf("storage.bucket:detach_document").content == made.sha256
    attaching.detach(office.hall.kernel, office.developer, made)
    assert len(office.hall.kernel.audit.search(office.hall.read(), action="storage.bucket:detach_document")) == 1


def test_rights_are_those_on_the_resource(office: Office) -> None:
    made = office.attach()
    for wanted in (
        lambda: office.attach(name="b.txt", who=office.viewer),
        lambda: detach_as(office, office.viewer, made),
    ):
        with pytest.raises(Forbidden):
            wanted()
    phases = {f.leaf.action: f.leaf.phase for f in office.hall.kernel.audit.search(office.hall.read(), limit=2)}
    assert phases == dict.fromkeys(("storage.bucket:attach_document", "storage.bucket:detach_document"), "denied")
    with pytest.raises(NotFound):
        office.attach(who=office.hall.nobody)
    with pytest.raises(NotFound):
        attaching.find(office.hall.kernel, office.hall.nobody, made.id)
    assert office.names() == ["a.txt"]


def detach_as(office: Office, who: Caller, made: Attachment) -> None:
    attaching.detach(office.hall.kernel, who, made)


def test_what_is_not_changed_by_anybody_takes_documents_of_those_who_make_it(office: Office) -> None:
    kinds = [k for k in office.hall.kernel.registry if "update" not in k.meta.allow and "create" in k.meta.allow]
    assert kinds
    assert {attaching.changing_verb(k) for k in kinds} == {"create"}
    assert attaching.changing_verb(Project) == "update"


def test_the_same_bytes_are_kept_once_and_go_with_their_last_reference(office: Office) -> None:
    other = office.make("other")
    first, second = office.attach(), office.attach(name="b.txt", bucket=other)
    assert office.kept() == {first.sha256}
    attaching.detach(office.hall.kernel, office.developer, first)
    office.age()
    assert attaching.sweep(office.hall.kernel) == 0
    attaching.detach(office.hall.kernel, office.developer, second)
    assert attaching.sweep(office.hall.kernel) == 0, "a backup may still have the row"
    office.age()
    assert attaching.sweep(office.hall.kernel) == 1
    assert office.kept() == set()


def test_the_same_name_with_the_same_bytes_is_one_document(office: Office) -> None:
    assert office.attach() == office.attach()
    with pytest.raises(Conflict, match="already"):
        office.attach(b"another\n")
    assert office.kept() == {hashlib.sha256(TEXT).hexdigest()}


def test_a_resource_has_so_many_and_no_more(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attaching, "OF_A_RESOURCE_MAX", 2)
    office.attach()
    office.attach(name="b.txt")
    with pytest.raises(Conflict, match="at most 2"):
        office.attach(name="c.txt")


@pytest.mark.parametrize(("data", "name"), [(b"<html>", "a.txt"), (TEXT, "../a.txt")])
def test_what_is_refused_leaves_nothing_behind(office: Office, data: bytes, name: str) -> None:
    with pytest.raises(Invalid):
        office.attach(data, name)
    assert office.kept() == set()


def test_beyond_the_limit_it_is_cut_off(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(files.LIMIT, "1")
    incoming = Incoming(office.folder, files.limit_bytes())
    incoming.write(bytes(files.MIB))
    incoming.write(b"x")
    with pytest.raises(Invalid, match="at most 1 MiB"):
        incoming.received()
    with pytest.raises(Invalid, match="at most 1 MiB"):
        incoming.write(bytes(files.DROPPED_BYTES_MAX))
    incoming.discard()
    assert office.kept() == set()


@pytest.mark.parametrize("said", ["0", "-1", "x"])
def test_a_limit_that_is_none_is_refused(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(files.LIMIT, said)
    with pytest.raises(Invalid, match=files.LIMIT):
        files.limit_bytes()


def test_documents_go_with_their_resource(office: Office) -> None:
    made = office.attach()
    attaching.follow(office.hall.kernel)
    assert office.names() == ["a.txt"]
    bucket: Any = office.hall.row(Bucket, office.bucket)
    office.hall.write(lambda tx: events.append(tx, removal(bucket)))
    attaching.follow(office.hall.kernel)
    assert office.names() == []
    office.age()
    assert attaching.sweep(office.hall.kernel) == 1
    assert made.sha256 not in office.kept()
    tx = office.hall.read()
    assert events.cursor_of(tx, attaching.READER) == events.head(tx)


def removal(r: Any) -> events.Event:
    return events.Event(
        at_us=1,
        kind="storage.bucket",
        id=r.id,
        place=r.place,
        name=r.name,
        verb="remove",
        actor="",
        request="",
        generation=1,
    )


@pytest.mark.parametrize("point", ["documents.publish:after", "store.commit:before", "store.commit:after"])
def test_a_kill_while_attaching_leaves_all_of_it_or_a_file_that_is_swept(office: Office, point: str) -> None:
    def fault(here: str) -> None:
        if here == point:
            raise KilledError

    resource, arrived = (
        attaching.require(office.hall.kernel, office.developer, Bucket, office.bucket),
        office.arrived(TEXT),
    )
    office.hall.world.fault = fault
    with pytest.raises((KilledError, Exception)):
        attaching.attach(office.hall.kernel, office.developer, resource, "a.txt", "", arrived)
    office.hall.world.fault = lambda _point: None
    office.hall.restart()
    assert attachments.wrong(office.hall.read(), office.hall.home) == []
    office.age()
    attaching.sweep(office.hall.kernel)
    assert office.kept() == {one.sha256 for one in attachments.of_resource(office.hall.read(), office.bucket)}
    assert office.attach().name == "a.txt"


def test_what_was_left_of_an_arrival_goes(office: Office) -> None:
    office.arrived(TEXT)
    assert attaching.sweep(office.hall.kernel) == 0
    office.age()
    assert attaching.sweep(office.hall.kernel) == 1


def test_a_file_that_was_harmed_or_lost_is_named(office: Office) -> None:
    made, other = office.attach(), office.attach(b"other\n", "b.txt")
    assert attachments.wrong(office.hall.read(), office.hall.home) == []
    files.path_of(office.folder, made.sha256).write_bytes(b"contract!\n")
    files.path_of(office.folder, other.sha256).unlink()
    assert attachments.wrong(office.hall.read(), office.hall.home) == sorted([made.sha256, other.sha256])
