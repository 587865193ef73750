"""Secrets are shown once, kept as the declaration says, and gone with their resource."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhall.domains.storage.access_key import AccessKey
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.kernel import credentials
from cloudhall.kernel.world import Simulated
from tests.kit.hall import Hall


@given(st.integers(0, 2**32), st.integers(8, 64))
def test_a_secret_is_well_formed_under_its_own_prefix_only(seed: int, length: int) -> None:
    made = credentials.make("cht", length, Simulated(seed))
    assert made.startswith("cht_")
    assert len(made) == 4 + length + credentials.CHECK_LENGTH
    assert credentials.well_formed(made, "cht")
    assert not credentials.well_formed(made, "chs")


@given(st.integers(0, 2**32), st.integers(4, 49), st.sampled_from(credentials.LETTERS))
def test_a_wrong_letter_costs_no_look_up(seed: int, at: int, letter: str) -> None:
    made = credentials.make("cht", 40, Simulated(seed))
    assert letter == made[at] or not credentials.well_formed(made[:at] + letter + made[at + 1 :], "cht")


@given(st.one_of(st.text(), st.text().map(lambda t: "cht_" + t), st.text("é\ud800", min_size=6).map("cht_".__add__)))
def test_whatever_is_sent_is_judged_without_a_fault(text: str) -> None:
    credentials.well_formed(text, "cht")
    assert len(credentials.digest(text)) == 32


def test_without_a_prefix_the_letters_alone_are_the_secret() -> None:
    made = credentials.make("", 40, Simulated(1))
    assert len(made) == 40
    assert set(made) <= set(credentials.LETTERS)


def test_one_is_shown_at_creation_alone_and_forgotten_with_its_resource(hall: Hall) -> None:
    project, developer = hall.project(), hall.staff["developer"]
    hall.do(developer, Bucket, "create", place=project, name="stats", spec={"quota_gib": 1, "grade": "open"})
    made = hall.do(developer, AccessKey, "create", place=project, name="key", spec={"bucket": "stats"})
    secret, id_ = made["secret"], made["id"]
    hall.settle()
    assert "secret" not in hall.do(developer, AccessKey, "update", target=id_, labels={"a": "b"})
    assert credentials.owner_of(hall.read(), secret) == id_
    assert credentials.reveal(hall.read(), hall.kernel.keys, id_) == secret
    assert credentials.owner_of(hall.read(), secret + "x") is None
    for table in hall.counts():
        for row in hall.read().execute(f"SELECT * FROM {table}"):
            assert secret.encode() not in b"".join(v if isinstance(v, bytes) else str(v).encode() for v in row), table
    hall.do(developer, AccessKey, "delete", target=id_)
    hall.settle()
    assert credentials.owner_of(hall.read(), secret) is None
    with pytest.raises(KeyError):
        credentials.reveal(hall.read(), hall.kernel.keys, id_)
