"""Live events: what concerns somebody, in order, opened, and from where they left off."""

from itertools import islice
from typing import Any

from tests.e2e.api.people import Pair, activate


def now(pair: Pair) -> int:
    """The position that their relationship has reached."""
    return int(pair.mentee.get(pair.path)["position"])


def test_a_message_arrives_live_and_opened(pair: Pair) -> None:
    with pair.mentor.feed(after=now(pair)) as events:
        pair.post(pair.mentee, "messages", text="Hello Grace")
        event = next(events)
    assert (event["type"], event["data"]["text"]) == ("messaging.message_posted", "Hello Grace")


def test_what_was_missed_comes_first_and_then_what_is_live(asked: Pair) -> None:
    [requested] = asked.mentee.get(f"{asked.path}/history")["items"]
    activate(asked)
    with asked.mentee.feed(after=requested["position"]) as events:
        missed = list(islice(events, 6))
        asked.post(asked.mentor, "messages", text="Hello Ada")
        live = next(events)
    history = asked.mentee.get(f"{asked.path}/history")["items"]
    assert [*missed, live] == history[1:]


def test_a_browser_resumes_by_the_last_id(pair: Pair) -> None:
    with pair.mentor.feed(after=now(pair)) as events:
        pair.post(pair.mentee, "messages", text="one")
        seen = next(events)
    pair.post(pair.mentee, "messages", text="two")
    with pair.mentor.feed(headers={"Last-Event-ID": str(seen["position"])}) as events:
        assert next(events)["data"]["text"] == "two"


def test_without_a_position_nothing_old_is_told(pair: Pair) -> None:
    since = now(pair)
    with pair.mentor.feed() as events:
        pair.post(pair.mentee, "messages", text="new")
        assert next(events)["position"] >= since


def test_each_event_has_its_position_as_its_id(pair: Pair) -> None:
    headers = {"Authorization": f"Bearer {pair.mentor.token}"}
    with pair.mentor.http.stream("GET", "/v1/feed", params={"after": 0}, headers=headers) as stream:
        lines = islice(stream.iter_lines(), 8)
        ids = [line for line in lines if line.startswith("id: ")]
    first = pair.mentor.get(f"{pair.path}/history")["items"][0]
    assert ids[0] == f"id: {first['position']}"


def test_nobody_hears_of_what_does_not_concern_them(pair: Pair) -> None:
    edsger = pair.programme.join("edsger")
    with edsger.feed(after=0) as events:
        pair.post(pair.mentee, "messages", text="Between us")
        grace = pair.mentor.person_id
        asked = {"mentor_id": grace, "message": "Me too?"}
        edsger.ask("POST", f"/v1/programs/{pair.programme.program_id}/relationships", json=asked)
        event: dict[str, Any] = next(events)
    assert (event["type"], event["data"]["mentor_id"]) == ("matching.mentor_requested", grace)


def test_the_feed_is_for_those_who_are_signed_in(asked: Pair) -> None:
    assert asked.mentee.http.get("/v1/feed").status_code == 401
