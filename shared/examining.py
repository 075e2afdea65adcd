"""Comparing a log, event by event, with the tree that is kept of it and with every head that was ever signed."""

from collections.abc import Iterable, Iterator
from itertools import takewhile
from operator import eq

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.log import Recorded
from shared.log.merkle import WIDTH, Edge, Tile
from shared.proofs import Proofs, SignedHead

AT_A_TIME = 500


class AgainstHeads:
    """Shown each event of a log, from the first one on. `fault` tells where it does not agree with what was signed.

    Roots are computed from the log alone. The kept tree only tells which position it is; where somebody has changed
    that as well, two heads tell between which positions it is.
    """

    def __init__(self, proofs: Proofs, key: Ed25519PublicKey) -> None:
        self.fault: str | None = None
        self.agreed = 0
        self.covered = 0
        self._proofs = proofs
        self._key = key
        self._kept = proofs.size()
        self._newest = proofs.newest()
        self._edge = Edge()
        self._differs: int | None = None
        self._heads = self._in_order()
        self._next = next(self._heads, None)

    def __call__(self, recorded: Recorded) -> None:
        full = list(self._edge.add(recorded.hash))
        if recorded.position <= self._kept:
            self._compare(full)
        if recorded.position == self._kept:
            self._compare(self._edge.unfinished())
        while self._next and self._next.size <= recorded.position:
            self._check(self._next)
            self._next = next(self._heads, None)

    def end(self, position: int) -> None:
        """That was the whole log."""
        had = max(self._kept, self._newest.size if self._newest else 0)
        if had > position:
            self._met(f"broken at position {position + 1}: there were {had} events")
        elif self._differs:
            self._met(f"broken at position {self._differs}: another event was here")

    def _compare(self, tiles: Iterable[Tile]) -> None:
        for level, number, hashes in tiles:
            kept = self._proofs.tile(level, number)[: len(hashes)]
            if kept != hashes and self._differs is None:
                same = len(list(takewhile(bool, map(eq, kept, hashes))))
                self._differs = (number * WIDTH + same) * WIDTH**level + 1

    def _check(self, head: SignedHead) -> None:
        if not head.is_signed_by(self._key):
            self._met(f"the head over {head.size} events is not signed with the platform's key")
        elif self._edge.root() == head.root:
            self.agreed, self.covered = self.agreed + 1, head.size
            if self._differs:
                self._met(f"the kept tree is wrong at position {self._differs}: the log is as it was signed")
        elif self._differs:
            self._met(f"broken at position {self._differs}: another event was signed")
        else:
            self._met(f"broken between positions {self.covered + 1} and {head.size}: other events were signed")

    def _met(self, fault: str) -> None:
        """The first one counts."""
        self.fault = self.fault or fault

    def _in_order(self) -> Iterator[SignedHead]:
        after = 0
        while some := self._proofs.heads(after, AT_A_TIME):
            yield from some
            after = some[-1].size
