"""Rendering of identities and the proof of a change, both without an engine."""

import msgspec
import pytest

from cloudhall.drivers.objects import Identity, Key, digest
from cloudhall.drivers.objects.identities import check, render, row
from cloudhall.drivers.objects.weed_identities import Probe, probes
from cloudhall.drivers.objects.weed_requests import Answer
from cloudhall.kernel.errors import Invalid
from tests.drivers.objects.support import ALL, identity

ADMIN = Key("admin-key", "admin-secret")


def file_of(*identities: Identity) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = msgspec.json.decode(render(map(row, identities), admin=ADMIN).content)["identities"]
    return rows


def test_the_file_has_our_key_then_the_tenants_by_name_then_the_marker() -> None:
    ours, first, second, marker = file_of(identity("b", {"data": ALL}), identity("a", {"data": frozenset({"read"})}))
    assert ours["name"] == "cloudhall"
    assert first == {
        "name": "a",
        "credentials": [{"accessKey": "KEYa", "secretKey": "a-tenant-has-this-secret-0123456789"}],
        "actions": ["Read:data"],
    }
    assert second["actions"] == ["List:data", "Read:data", "Write:data", "Tagging:data"]
    assert marker["actions"] == []


def test_no_right_of_a_tenant_is_global_or_administrative() -> None:
    for tenant in file_of(identity("a", {"data": ALL, "other": ALL}))[1:]:
        assert all(action.partition(":")[2] in ("data", "other") for action in tenant["actions"])  # type: ignore[attr-defined]  # decoded JSON
        assert not any(action.startswith("Admin") for action in tenant["actions"])  # type: ignore[attr-defined]  # decoded JSON


def test_order_changes_nothing_and_any_difference_changes_marker_and_digest() -> None:
    a, b = identity("a", {"data": ALL}), identity("b", {"data": ALL})
    assert render(map(row, [a, b]), admin=ADMIN) == render(map(row, [b, a]), admin=ADMIN)
    assert digest([a, b]) == digest([b, a])
    for other in (
        identity("b", {"data": frozenset({"read"})}),
        msgspec.structs.replace(b, secret_key="another-secret"),
    ):
        assert render(map(row, [a, other]), admin=ADMIN).marker != render(map(row, [a, b]), admin=ADMIN).marker
        assert digest([a, other]) != digest([a, b])


def test_a_right_that_is_empty_is_no_difference() -> None:
    assert digest([identity("a", {"data": frozenset()})]) == digest([identity("a", {})])


def test_everything_wrong_is_said_at_once() -> None:
    with pytest.raises(Invalid) as wrong:
        check(
            [
                identity("anonymous", {}),
                identity("a", {}),
                identity("a", {}),
                Identity("b", "${HOME}", "secret", {}),
                Identity("c", "KEYc", "", {}),
            ]
        )
    assert [problem.pointer for problem in wrong.value.problems] == [
        "/0/name",
        "/2/name",
        "/2/access_key",
        "/3/access_key",
        "/4/secret_key",
    ]


def asked(before: list[Identity], after: list[Identity]) -> list[tuple[str, bool, str]]:
    rows = ({i.name: row(i) for i in identities} for identities in (before, after))
    return [(probe.key.access, probe.known, probe.path) for probe in probes(*rows)]


def test_what_must_be_refused_is_asked_first() -> None:
    before = [identity("gone", {"data": ALL}), identity("less", {"data": ALL})]
    after = [identity("come", {"data": ALL}), identity("less", {"data": frozenset({"read"})})]
    assert asked(before, after) == [
        ("KEYgone", False, "/cloudhall-marker/none"),
        ("KEYless", True, "/data?list-type=2&max-keys=0"),
        ("KEYless", True, "/data/none?uploadId=none"),
        ("KEYcome", True, "/cloudhall-marker/none"),
    ]


def test_a_new_key_of_the_same_owner_ends_the_old_one() -> None:
    new = Identity("a", "KEYnew", "another-secret", {"data": ALL})
    assert asked([identity("a", {"data": ALL})], [new]) == [
        ("KEYa", False, "/cloudhall-marker/none"),
        ("KEYnew", True, "/cloudhall-marker/none"),
    ]


def test_nothing_is_asked_when_nothing_changed() -> None:
    assert asked([identity("a", {"data": ALL})], [identity("a", {"data": ALL})]) == []


@pytest.mark.parametrize(
    ("status", "code", "known", "unknown"),
    [
        (403, "AccessDenied", True, False),
        (403, "InvalidAccessKeyId", False, True),
        (403, "SignatureDoesNotMatch", False, True),
        (200, "", False, False),
        (404, "NoSuchUpload", False, False),
        (503, "SlowDown", False, False),
    ],
)
def test_a_probe_passes_only_when_refused_as_wanted(status: int, code: str, known: bool, unknown: bool) -> None:
    key = Key("k", "s")
    assert Probe("a", key, known=True).passes(Answer(status, code)) == known
    assert Probe("a", key, known=False).passes(Answer(status, code)) == unknown
