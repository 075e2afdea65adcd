"""Receipts and heads over the API, checked with the script that anybody can run."""

import copy
import json
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.keys import pem_of
from tests.e2e.api.people import Pair, Person, Programme
from tests.waiting import eventually

SCRIPT = Path(__file__).parents[3] / "docs" / "examples" / "check_receipt.py"
script = SimpleNamespace(**runpy.run_path(str(SCRIPT)))

Json = dict[str, Any]


def receipt_of(person: Person, event_id: str) -> Json:
    """As soon as a head covers the event."""
    path = f"/v1/events/{event_id}/receipt"
    eventually(lambda: person.ask("GET", path).status_code != 503)
    receipt: Json = person.get(path)
    return receipt


def events(pair: Pair) -> dict[str, str]:
    """Type → id of what happened between the two."""
    return {one["type"]: one["event_id"] for one in pair.mentee.get(f"{pair.path}/history")["items"]}


@pytest.fixture
def receipt(pair: Pair) -> Json:
    pair.post(pair.mentee, "messages", text="For your eyes only")
    return receipt_of(pair.mentor, events(pair)["messaging.message_posted"])


def run(*arguments: object) -> tuple[int, str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def written(path: Path, document: Any) -> Path:
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_a_receipt_is_checked_offline_and_shows_nobody_what_was_said(
    receipt: Json, http: httpx.Client, tmp_path: Path
) -> None:
    key = http.get("/v1/log/key")
    assert key.headers["content-type"].startswith("application/x-pem-file")
    status, told = run(written(tmp_path / "receipt", receipt), "--key", written(tmp_path / "key", key.text))
    assert status == 0, told
    assert "messaging.message_posted" in told and f"over {receipt['head']['size']} events" in told
    assert "sealed in it" in told and "eyes only" not in json.dumps(receipt)


def test_a_receipt_signed_by_somebody_else_is_not_proved(receipt: Json, tmp_path: Path) -> None:
    head, impostor = receipt["head"], Ed25519PrivateKey.generate()
    text = f"log head\n{head['size']}\n{head['root']}\n{head['signed_at']}\n".encode()
    forged = {
        **receipt,
        "head": {**head, "signature": impostor.sign(text).hex()},
        "key": pem_of(impostor.public_key()),
    }
    script.check(forged)
    status, told = run(written(tmp_path / "r", forged), "--key", written(tmp_path / "k", receipt["key"]))
    assert status == 1 and "NOT PROVED: the key is not the one that you trust" in told


def test_with_any_single_value_changed_nothing_is_proved(receipt: Json, tmp_path: Path) -> None:
    count = 0
    longer = {"event": {**receipt["event"], "x": 1}, "path": [*receipt["path"], "00" * 32], "x": 1}
    for changed in (*variations(receipt), *({**receipt, name: more} for name, more in longer.items())):
        count += 1
        with pytest.raises((script.Wrong, *script.NONSENSE)):
            script.check(changed)
    assert count > 300
    status, told = run(written(tmp_path / "receipt", {**receipt, "hash": "00" * 32}))
    assert status == 1 and "NOT PROVED" in told
    assert run(written(tmp_path / "receipt", "[]"))[0] == 1
    script.check(receipt)


def variations(receipt: Json) -> Iterator[Json]:
    """The same document, each time with one value otherwise or missing."""
    for path in list(_paths(receipt)):
        value = _at(receipt, path)
        for otherwise in _others(value):
            changed = copy.deepcopy(receipt)
            _at(changed, path[:-1])[path[-1]] = otherwise
            yield changed
        changed = copy.deepcopy(receipt)
        del _at(changed, path[:-1])[path[-1]]
        yield changed


def _paths(value: Any) -> Iterator[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inside:
        yield (name,)
        yield from ((name, *rest) for rest in _paths(one))


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for name in path:
        value = value[name]
    return value


def _others(value: Any) -> Iterator[Any]:
    return (other for other in _candidates(value) if (type(other), other) != (type(value), value))


def _candidates(value: Any) -> Iterator[Any]:
    yield from (None, True, "", 0, 1.0, [], str(uuid4()))
    match value:
        case int():
            yield from (value + 1, value - 1, -value, str(value), float(value), value + 2**32)
        case str():
            yield from (value + " ", " " + value, value[1:], value.replace("-", ""), value + "\0")
            yield from (value.upper(), value.lower(), value[::-1])
            for at in range(0, len(value), max(1, len(value) // 8)):
                yield value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
        case _:
            pass


def test_those_whose_relationship_it_is_get_a_receipt_and_nobody_else(pair: Pair, programme: Programme) -> None:
    signed = events(pair)["matching.agreement_signed"]
    path = f"/v1/events/{signed}/receipt"
    receipts = [receipt_of(person, signed) for person in (pair.mentee, pair.mentor)]
    assert receipts[0]["event"] == receipts[1]["event"]
    for stranger in (programme.coordinator, programme.join("edsger")):
        assert stranger.refused(404, "GET", path)["code"] == "event_unknown"
    Person(pair.mentee.http).refused(401, "GET", path)
    assert pair.mentee.refused(404, "GET", f"/v1/events/{uuid4()}/receipt")["code"] == "event_unknown"


def test_of_anything_else_only_who_did_it_gets_one(pair: Pair, app: Any) -> None:
    log = app.state.gateway.log
    made = next(one for one in log.read(0, 10**6) if str(one.program) == pair.programme.program_id)
    assert made.subject is None and made.actor == pair.programme.coordinator.person_id
    script.check(receipt_of(pair.programme.coordinator, str(made.event_id)))
    pair.mentee.refused(404, "GET", f"/v1/events/{made.event_id}/receipt")


def test_what_no_head_covers_yet_is_told_to_come_later(pair: Pair, behind: Callable[..., Person], app: Any) -> None:
    class Late:
        def newest(self) -> None:
            return None

    ada = behind(pair.mentee, proofs=Late())
    path = f"/v1/events/{events(pair)['matching.agreement_signed']}/receipt"
    answer = ada.ask("GET", path)
    assert answer.status_code == 503 and answer.headers["retry-after"] == "5"
    assert answer.json()["code"] == "not_signed_yet"
    assert ada.refused(404, "GET", "/v1/log/head")["code"] == "nothing_signed"


def test_a_receipt_and_a_head_of_another_time_are_of_one_history(
    receipt: Json, pair: Pair, http: httpx.Client, tmp_path: Path
) -> None:
    old = receipt["head"]
    pair.post(pair.mentee, "messages", text="And later")
    eventually(lambda: http.get("/v1/log/head").json()["size"] > old["size"])
    new = http.get("/v1/log/head").json()
    proof = http.get("/v1/log/consistency", params={"from": old["size"], "to": new["size"]}).json()
    paths = [written(tmp_path / name, document) for name, document in (("r", receipt), ("h", new), ("c", proof))]
    status, told = run(paths[0], "--head", paths[1], "--consistency", paths[2])
    assert status == 0 and "of the same history" in told, told
    for changed in (one for one in variations(proof) if one != proof):
        with pytest.raises((script.Wrong, *script.NONSENSE)):
            script.check_consistency(old, new, changed)
    forked = {**new, "root": "11" * 32}
    with pytest.raises(script.Wrong, match="not signed"):
        script.check_head(forked, receipt["key"])
    with pytest.raises(script.Wrong, match="different histories"):
        script.check_consistency(old, forked, proof)


def test_all_heads_are_kept_and_told(receipt: Json, http: httpx.Client) -> None:
    told, after = [], "0"
    while after:
        page = http.get("/v1/log/heads", params={"after": after, "limit": 2}).json()
        told += page["items"]
        after = page["next"]
    assert receipt["head"] in told
    sizes = [head["size"] for head in told]
    assert sizes == sorted(set(sizes))
    for head in told:
        script.check_head(head, receipt["key"])
        proof = http.get("/v1/log/consistency", params={"from": head["size"], "to": sizes[-1]}).json()
        script.check_consistency(head, told[-1], proof)


def test_sizes_that_were_not_signed_have_no_proof(receipt: Json, http: httpx.Client) -> None:
    for sizes in ({"from": 10**9}, {"from": 2, "to": 10**9}, {"from": 3, "to": 2}):
        answer = http.get("/v1/log/consistency", params=sizes)
        assert answer.status_code == 422 and answer.json()["code"] == "size_not_signed"
    assert http.get("/v1/log/consistency", params={"from": 0}).status_code == 422
