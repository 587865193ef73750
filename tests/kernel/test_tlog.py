"""Tree arithmetic against published vectors, against RFC 6962's own recursion, and against the verifier."""

import base64
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhall import verify
from cloudhall.kernel import tlog

# Leaves, roots and paths of the Certificate Transparency reference tests (transparency-dev/merkle, testonly).
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
}
CONSISTENCY = {
    (2, 8): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
# The key and note of golang.org/x/mod/sumdb/note's own tests.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_NOTE = (
    GO_TEXT
    + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# The example of C2SP tlog-checkpoint.
SPEC_CHECKPOINT = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa \
Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""


def mth(leaves: list[bytes]) -> bytes:
    """Merkle tree hash, word for word from RFC 6962 2.1."""
    if not leaves:
        return tlog.EMPTY_ROOT
    if len(leaves) == 1:
        return tlog.leaf_hash(leaves[0])
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return tlog.node_hash(mth(leaves[:k]), mth(leaves[k:]))


def numbered(n: int) -> list[bytes]:
    return [str(i).encode() for i in range(n)]


def hashes(leaves: list[bytes], ranges: list[tuple[int, int]]) -> list[bytes]:
    return [mth(leaves[start:end]) for start, end in ranges]


def head(leaves: list[bytes]) -> verify.Head:
    return verify.Head("log", len(leaves), mth(leaves))


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_published_ones(size: int) -> None:
    tree = tlog.CompactRange()
    for leaf in LEAVES[:size]:
        tree.push(tlog.leaf_hash(leaf))
    assert tree.root().hex() == ROOTS[size]


@pytest.mark.parametrize(("place", "path"), INCLUSION.items())
def test_inclusion_paths_are_the_published_ones(place: tuple[int, int], path: list[str]) -> None:
    assert [h.hex() for h in hashes(LEAVES, tlog.inclusion(*place))] == path


@pytest.mark.parametrize(("sizes", "path"), CONSISTENCY.items())
def test_consistency_paths_are_the_published_ones(sizes: tuple[int, int], path: list[str]) -> None:
    assert [h.hex() for h in hashes(LEAVES, tlog.consistency(*sizes))] == path


@given(st.integers(0, 200))
def test_pushing_yields_each_perfect_subtree_once_and_the_right_root(size: int) -> None:
    leaves = numbered(size)
    tree = tlog.CompactRange()
    nodes = [node for leaf in leaves for node in tree.push(tlog.leaf_hash(leaf))]
    assert tree.root() == mth(leaves)
    assert len(nodes) == sum(size >> level for level in range(1, 9))
    for level, idx, hash_ in nodes:
        assert hash_ == mth(leaves[idx << level : (idx + 1) << level])


@given(st.integers(0, 200), st.integers(0, 200))
def test_a_tree_goes_on_from_its_perfect_subtrees(old: int, more: int) -> None:
    leaves = numbered(old + more)
    roots = [mth(leaves[idx << level : (idx + 1) << level]) for level, idx in tlog.subtrees(0, old)]
    tree = tlog.CompactRange(old, roots)
    for leaf in leaves[old:]:
        tree.push(tlog.leaf_hash(leaf))
    assert tree.root() == mth(leaves)


@given(st.data())
def test_every_inclusion_path_verifies_at_its_place_and_nowhere_else(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 150))
    idx = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1).filter(lambda i: i != idx)) if size > 1 else 1
    leaves = numbered(size)
    path = hashes(leaves, tlog.inclusion(idx, size))
    leaf = tlog.leaf_hash(leaves[idx])
    assert verify.inclusion_root(leaf, idx, size, path) == mth(leaves)
    assert verify.inclusion_root(leaf, other, size, path) != mth(leaves)
    assert verify.inclusion_root(leaf, idx, size, [*path, leaf]) != mth(leaves)
    assert path == [] or verify.inclusion_root(leaf, idx, size, path[:-1]) != mth(leaves)


@given(st.data())
def test_every_consistency_path_verifies_and_none_for_another_history(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, 150))
    old = data.draw(st.integers(0, new))
    leaves = numbered(new)
    path = hashes(leaves, tlog.consistency(old, new))
    assert verify.consistent(head(leaves[:old]), head(leaves), path)
    if old:
        changed = data.draw(st.integers(0, old - 1))
        rewritten = [*leaves[:changed], b"other", *leaves[changed + 1 : old]]
        assert not verify.consistent(head(rewritten), head(leaves), path)
        assert not verify.consistent(head(leaves[:old]), head(leaves), [*path, tlog.EMPTY_ROOT])
        assert not path or not verify.consistent(head(leaves[:old]), head(leaves), path[:-1])
        assert old == new or not verify.consistent(head(leaves), head(leaves[:old]), path)


def test_proofs_stay_short_in_a_very_large_log() -> None:
    size = 1_234_567_891
    ranges = tlog.inclusion(987_654_321, size)
    assert len(ranges) <= 31
    assert sum(len(tlog.subtrees(*r)) for r in ranges) <= 62


def test_subtrees_cover_the_range_without_gap() -> None:
    for size in range(1, 70):
        bounds = [(idx << level, (idx + 1) << level) for level, idx in tlog.subtrees(0, size)]
        assert bounds[0][0] == 0
        assert bounds[-1][1] == size
        assert all(left[1] == right[0] for left, right in pairwise(bounds))


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (tlog.Tile(0, 0), "tile/0/000"),
        (tlog.Tile(3, 1_234_067), "tile/3/x001/x234/067"),
        (tlog.Tile(63, 999, 1), "tile/63/999.p/1"),
        (tlog.Tile(tlog.ENTRIES, 1_000, 255), "tile/entries/x001/000.p/255"),
    ],
)
def test_tile_paths(tile: tlog.Tile, path: str) -> None:
    assert tile.path == path
    assert tlog.parse_tile(path) == tile


@given(st.builds(tlog.Tile, st.integers(-1, 63), st.integers(0, 10**12), st.integers(1, 256)))
def test_tile_paths_come_back(tile: tlog.Tile) -> None:
    assert tlog.parse_tile(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/٠٠٠",
        "tile/0/000\n",
        "/tile/0/000",
    ],
)
def test_other_spellings_of_tile_paths_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="tile path"):
        tlog.parse_tile(path)


def test_bundles_carry_lengths() -> None:
    assert tlog.bundle([b"", b"ab", b"x" * 300]) == b"\x00\x00\x00\x02ab\x01\x2c" + b"x" * 300


def test_keys_and_notes_are_those_of_the_go_implementation() -> None:
    name, _, encoded = GO_KEY.split("+", 2)
    public = base64.b64decode(encoded)[1:]
    assert tlog.verifier_key(name, public) == GO_KEY
    blob = base64.b64decode(GO_NOTE.rsplit(" ", 1)[1])
    assert tlog.note(GO_TEXT, name, public, blob[4:]) == GO_NOTE


def test_a_checkpoint_is_taken_apart() -> None:
    parsed = tlog.parse_checkpoint(SPEC_CHECKPOINT)
    assert (parsed.origin, parsed.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert parsed.text == tlog.checkpoint_text(parsed.origin, parsed.size, parsed.root)
    assert parsed.text == SPEC_CHECKPOINT.split("\n\n", maxsplit=1)[0] + "\n"
    ((name, hash_, signature),) = parsed.signatures
    assert (name, hash_.hex(), len(signature)) == ("example.com/behind-the-sofa", "033de0ae", 64)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n1\n",
        SPEC_CHECKPOINT.strip(),
        SPEC_CHECKPOINT.replace("2085", "0085"),
        SPEC_CHECKPOINT.replace("— ", "- "),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  base64 and unpacking raise their own texts
        tlog.parse_checkpoint(text)
