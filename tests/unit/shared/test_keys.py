"""The platform's own secrets."""

from pathlib import Path

import pytest

from shared.keys import PROOF, PROOF_PUBLIC, KeysMissing, load_keys, make_keys


def test_the_two_halves_of_each_pair_belong_together(tmp_path: Path) -> None:
    make_keys(tmp_path)
    keys = load_keys(tmp_path)
    keys.proof_public().verify(keys.proof().sign(b"a head"), b"a head")
    keys.verifying().verify(keys.signing().sign(b"a token"), b"a token")


def test_a_folder_from_before_there_were_heads_gets_what_it_lacks_and_keeps_the_rest(tmp_path: Path) -> None:
    make_keys(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for name in (PROOF, PROOF_PUBLIC):
        (tmp_path / name).unlink()
    with pytest.raises(KeysMissing, match="run `python -m services init`"):
        load_keys(tmp_path).proof()
    make_keys(tmp_path)
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} == {PROOF, PROOF_PUBLIC}
    make_keys(tmp_path)
    assert after == {path.name: path.read_bytes() for path in tmp_path.iterdir()}
