"""The hash tree of RFC 6962 (and RFC 9162) over a growing list: its root, and proofs about it. Pure.

A leaf is SHA-256 over a zero byte and the entry; an inner node over a one byte and its two children. The tree over n
leaves has the one over the first k at its left, k being the largest power of two below n, and the rest at its right.

Whoever keeps a tree keeps *tiles*: a tile of level 0 holds 256 leaves in a row, one of level 1 the roots of 256 tiles
of level 0, and so on. Full tiles never change, so any size up to the present one can be proved from a handful of them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

EMPTY = sha256().digest()
HASH_BYTES = 32
BITS = 8
WIDTH = 1 << BITS

Tile = tuple[int, int, list[bytes]]
"""Level, number, and the hashes that it holds."""

Tiles = Callable[[int, int], Sequence[bytes]]
"""Level and number → the hashes."""


def leaf(entry: bytes) -> bytes:
    return sha256(b"\0" + entry).digest()


def parent(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def root(nodes: Sequence[bytes]) -> bytes:
    """Over leaves, or over subtrees that are all of one size but for the last, which may be smaller."""
    if not nodes:
        return EMPTY
    while len(nodes) > 1:
        pairs = [parent(nodes[at], nodes[at + 1]) for at in range(0, len(nodes) - 1, 2)]
        nodes = [*pairs, nodes[-1]] if len(nodes) % 2 else pairs
    return nodes[0]


@dataclass
class Edge:
    """The right edge of a tree of `size` leaves, all that is needed to go on: the unfinished tile of each level."""

    size: int = 0
    tiles: list[list[bytes]] = field(default_factory=list)

    def add(self, entry: bytes) -> Iterator[Tile]:
        """Each tile that is full now."""
        self.size += 1
        node, level = leaf(entry), 0
        while True:
            if level == len(self.tiles):
                self.tiles.append([])
            tile = self.tiles[level]
            tile.append(node)
            if len(tile) < WIDTH:
                return
            self.tiles[level] = []
            yield level, (self.size - 1) >> BITS * (level + 1), tile
            node, level = root(tile), level + 1

    def unfinished(self) -> Iterator[Tile]:
        for level, hashes in enumerate(self.tiles):
            if hashes:
                yield level, self.size >> BITS * (level + 1), hashes

    def root(self) -> bytes:
        top: list[bytes] = []
        for tile in self.tiles:
            if tile or top:
                top = [root([*tile, *top])]
        return root(top)


def edge_of(tiles: Tiles, size: int) -> Edge:
    """Where a tree of this size goes on."""
    edge, level = Edge(size), 0
    while size >> BITS * level:
        count = size >> BITS * level
        held = tiles(level, count >> BITS) if count % WIDTH else ()
        edge.tiles.append(list(held[: count % WIDTH]))
        level += 1
    return edge


def root_at(tiles: Tiles, size: int) -> bytes:
    return edge_of(tiles, size).root()


def inclusion(tiles: Tiles, index: int, size: int) -> list[bytes]:
    """The path from the leaf at `index` (from 0) to the root of the tree of this size."""
    return _path(tiles, index, 0, size)


def consistency(tiles: Tiles, first: int, second: int) -> list[bytes]:
    """That the tree of the `second` size begins with the one of the `first`; 1 ≤ first ≤ second."""
    return _growth(tiles, first, 0, second, known=True)


def root_of_inclusion(entry: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root to which the path leads (RFC 9162, 2.1.3.2); None for one that leads nowhere."""
    if not 0 <= index < size:
        return None
    node, last = leaf(entry), size - 1
    for step in path:
        if last == 0:
            return None
        if index & 1 or index == last:
            node = parent(step, node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = parent(node, step)
        index, last = index >> 1, last >> 1
    return node if last == 0 else None


def is_consistent(first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a tree of the second size and root begins with that of the first (RFC 9162, 2.1.4.2)."""
    if not 1 <= first <= second:
        return False
    if first == second:
        return first_root == second_root and not proof
    steps = [*([] if first & (first - 1) else [first_root]), *proof]
    if not steps:
        return False
    index, last = first - 1, second - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if index & 1 or index == last:
            old, new = parent(step, old), parent(step, new)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            new = parent(new, step)
        index, last = index >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


def _split(count: int) -> int:
    """The largest power of two below it."""
    return 1 << (count - 1).bit_length() - 1


def _path(tiles: Tiles, index: int, start: int, end: int) -> list[bytes]:
    if end - start == 1:
        return []
    middle = start + _split(end - start)
    if index < middle:
        return [*_path(tiles, index, start, middle), _subtree(tiles, middle, end)]
    return [*_path(tiles, index, middle, end), _subtree(tiles, start, middle)]


def _growth(tiles: Tiles, first: int, start: int, end: int, *, known: bool) -> list[bytes]:
    """`known`: whoever checks has this subtree's root, as that of the first tree."""
    if first == end:
        return [] if known else [_subtree(tiles, start, end)]
    middle = start + _split(end - start)
    if first <= middle:
        return [*_growth(tiles, first, start, middle, known=known), _subtree(tiles, middle, end)]
    return [*_growth(tiles, first, middle, end, known=False), _subtree(tiles, start, middle)]


def _subtree(tiles: Tiles, start: int, end: int) -> bytes:
    count = end - start
    if count & (count - 1):
        middle = start + _split(count)
        return parent(_subtree(tiles, start, middle), _subtree(tiles, middle, end))
    level, within = divmod(count.bit_length() - 1, BITS)
    number, offset = divmod(start >> BITS * level, WIDTH)
    return root(tiles(level, number)[offset : offset + (1 << within)])
