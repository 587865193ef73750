"""Ids can be read aloud and mistyped: every single slip is found."""

from hypothesis import given
from hypothesis import strategies as st

from cloudhall.kernel.ids import ALPHABET, BODY_LENGTH, is_id, looks_like_id, new_id
from cloudhall.kernel.world import Simulated

PREFIXES = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=2)
SEEDS = st.integers(0, 2**32)


@given(PREFIXES, SEEDS)
def test_a_new_id_is_one_in_either_case(prefix: str, seed: int) -> None:
    made = new_id(prefix, Simulated(seed))
    assert len(made) == 3 + BODY_LENGTH + 1
    assert is_id(made)
    assert is_id(made.upper())


@given(PREFIXES, SEEDS, st.integers(0, 18), st.data())
def test_every_wrong_character_is_found(prefix: str, seed: int, at: int, data: st.DataObject) -> None:
    made = new_id(prefix, Simulated(seed))
    at += at >= 2  # the hyphen
    letters = "abcdefghijklmnopqrstuvwxyz" if at < 2 else ALPHABET
    wrong = data.draw(st.sampled_from([c for c in letters if c != made[at]]))
    assert not is_id(made[:at] + wrong + made[at + 1 :])


@given(PREFIXES, SEEDS, st.integers(0, 18))
def test_every_swap_of_neighbours_is_found(prefix: str, seed: int, at: int) -> None:
    made = new_id(prefix, Simulated(seed))
    swapped = made[:at] + made[at + 1] + made[at] + made[at + 2 :]
    assert swapped == made or not is_id(swapped)


@given(st.text())
def test_any_other_text_is_none(text: str) -> None:
    assert not is_id(text) or looks_like_id(text)


def test_later_ids_sort_after_earlier_ones() -> None:
    world = Simulated(1)
    made = []
    for _ in range(200):
        made.append(new_id("bk", world))
        world.advance(0.001)
    assert made == sorted(made)


def test_ids_of_one_moment_differ() -> None:
    world = Simulated(1)
    assert len({new_id("bk", world) for _ in range(10_000)}) == 10_000


def test_no_letter_can_be_misread() -> None:
    assert not set("ilouz") & set(ALPHABET)
    assert len(ALPHABET) == len(set(ALPHABET)) == 31
