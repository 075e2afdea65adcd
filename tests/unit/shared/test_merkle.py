"""The tree of RFC 6962: the reference vectors of Certificate Transparency, and every small tree by its definition."""

from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.log import merkle
from shared.log.merkle import WIDTH, Edge, consistency, edge_of, inclusion, is_consistent, leaf, root, root_of_inclusion

ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
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
PATHS = {
    (0, 1): [],
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
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
GROWTHS = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
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


class Kept:
    """A tree as it is kept: full tiles for good, unfinished ones as they are now."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self.full: dict[tuple[int, int], list[bytes]] = {}
        self.edge = Edge()
        self.read = 0
        for entry in entries:
            self.full.update({(level, number): tile for level, number, tile in self.edge.add(entry)})

    def __call__(self, level: int, number: int) -> Sequence[bytes]:
        self.read += 1
        return self.full.get((level, number)) or self.edge.tiles[level]


def by_definition(entries: Sequence[bytes]) -> bytes:
    """Section 2.1 of the RFC, to the letter."""
    if len(entries) < 2:
        return leaf(entries[0]) if entries else merkle.EMPTY
    half = 1
    while 2 * half < len(entries):
        half *= 2
    return merkle.parent(by_definition(entries[:half]), by_definition(entries[half:]))


def entries_of(size: int) -> list[bytes]:
    return [number.to_bytes(4, "big") for number in range(size)]


def hexed(proof: Sequence[bytes]) -> list[str]:
    return [step.hex() for step in proof]


@pytest.mark.parametrize("size", range(9))
def test_the_root_is_the_published_one(size: int) -> None:
    assert root([leaf(entry) for entry in ENTRIES[:size]]).hex() == ROOTS[size]
    assert Kept(ENTRIES[:size]).edge.root().hex() == ROOTS[size]
    assert merkle.root_at(Kept(ENTRIES), size).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size"), PATHS)
def test_the_path_is_the_published_one(index: int, size: int) -> None:
    path = inclusion(Kept(ENTRIES), index, size)
    assert hexed(path) == PATHS[index, size]
    assert root_of_inclusion(ENTRIES[index], index, size, path) == bytes.fromhex(ROOTS[size])


@pytest.mark.parametrize(("first", "second"), GROWTHS)
def test_the_consistency_proof_is_the_published_one(first: int, second: int) -> None:
    proof = consistency(Kept(ENTRIES), first, second)
    assert hexed(proof) == GROWTHS[first, second]
    roots = [bytes.fromhex(known) for known in ROOTS]
    assert is_consistent(first, roots[first], second, roots[second], proof)


BIG = Kept(entries_of(2 * WIDTH * WIDTH + 300))
SIZES = st.integers(1, BIG.edge.size)


@given(st.integers(0, 700))
@example(WIDTH)
@example(WIDTH + 1)
def test_every_size_has_the_root_of_the_definition(size: int) -> None:
    assert merkle.root_at(BIG, size) == by_definition(entries_of(size))
    assert edge_of(BIG, size) == Kept(entries_of(size)).edge


@given(st.data())
def test_every_leaf_leads_to_the_root_and_no_other_leaf_does(data: st.DataObject) -> None:
    size = data.draw(SIZES)
    index = data.draw(st.integers(0, size - 1))
    path, entry = inclusion(BIG, index, size), index.to_bytes(4, "big")
    assert root_of_inclusion(entry, index, size, path) == merkle.root_at(BIG, size)
    assert len(path) <= (size - 1).bit_length()
    for wrong in (
        root_of_inclusion(b"other", index, size, path),
        root_of_inclusion(entry, index + 1, size, path),
        root_of_inclusion(entry, index, size, [*path, b"x" * 32]),
        root_of_inclusion(entry, index, size, path[1:]) if path else None,
    ):
        assert wrong != merkle.root_at(BIG, size)


@given(st.data())
def test_a_tree_begins_with_each_that_it_was_and_with_no_other(data: st.DataObject) -> None:
    second = data.draw(SIZES)
    first = data.draw(st.integers(1, second))
    proof = consistency(BIG, first, second)
    old, new = merkle.root_at(BIG, first), merkle.root_at(BIG, second)
    assert is_consistent(first, old, second, new, proof)
    assert not is_consistent(first, b"o" * 32, second, new, proof)
    assert not is_consistent(first, old, second, b"n" * 32, proof)
    assert not is_consistent(first, old, second, new, [*proof, b"x" * 32])
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        forged = [*proof[:at], bytes([proof[at][0] ^ 1]) + proof[at][1:], *proof[at + 1 :]]
        assert not is_consistent(first, old, second, new, forged)
        assert not is_consistent(first, old, second, new, proof[:at] + proof[at + 1 :])


@given(SIZES)
def test_a_tree_goes_on_from_its_edge(size: int) -> None:
    edge = edge_of(BIG, min(size, 1000))
    for entry in entries_of(1200)[edge.size :]:
        list(edge.add(entry))
    assert edge == edge_of(BIG, 1200)


def test_a_proof_reads_a_few_tiles_of_many() -> None:
    BIG.read = 0
    inclusion(BIG, 70_000, BIG.edge.size)
    consistency(BIG, 70_000, BIG.edge.size)
    assert BIG.read <= 40
