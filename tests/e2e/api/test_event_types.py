"""Which events there are, and what each holds: to be read by anybody."""

import httpx

from tests.e2e.api.people import Pair


def test_every_type_is_listed_and_its_schema_can_be_read(http: httpx.Client) -> None:
    items = http.get("/v1/event-types").json()["items"]
    posted = next(one for one in items if one["type"] == "messaging.message_posted")
    assert (posted["service"], posted["personal"]) == ("messaging", ["text"])
    for one in items:
        answer = http.get(f"/v1/event-types/{one['type']}/versions/{one['latest']}/schema")
        assert answer.headers["Content-Type"] == "application/schema+json"
        assert answer.json()["$id"] == one["dataschema"]


def test_what_the_feed_tells_is_listed(pair: Pair, http: httpx.Client) -> None:
    listed = {one["type"] for one in http.get("/v1/event-types").json()["items"]}
    history = pair.mentee.get(f"{pair.path}/history")["items"]
    assert history
    assert {one["type"] for one in history} <= listed


def test_what_was_never_published_has_no_schema(http: httpx.Client) -> None:
    for unknown in ("matching.nothing/versions/1", "matching.request_accepted/versions/2"):
        answer = http.get(f"/v1/event-types/{unknown}/schema")
        assert (answer.status_code, answer.json()["code"]) == (404, "event_type_unknown")
