from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.webhooks.domain import LONGEST_WISH, PAUSES, Delivery, Failed, Webhook

PROGRAM = uuid4()
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WEBHOOK = Webhook(uuid4(), PROGRAM, "https://receiver.example.org/", (), start=7, restarted=7, ordered=7)
NEW = Delivery(WEBHOOK.webhook_id)
REFUSED = Failed("status_500")


@pytest.mark.parametrize(
    ("types", "wanted"),
    [
        ((), True),
        (("matching.request_accepted",), True),
        (("matching.*",), True),
        (("goals.*", "matching.request_accepted"), True),
        (("goals.*",), False),
        (("matching.request_declined",), False),
    ],
)
def test_it_wants_the_types_that_it_names_or_all(types: tuple[str, ...], wanted: bool) -> None:
    assert replace(WEBHOOK, types=types).wants(PROGRAM, "matching.request_accepted") is wanted


def test_it_never_wants_what_is_of_another_programme_or_of_none() -> None:
    assert not WEBHOOK.wants(uuid4(), "matching.request_accepted")


def test_a_new_webhook_begins_after_its_registration() -> None:
    assert NEW.following(WEBHOOK).position == 7
    assert NEW.following(WEBHOOK).following(WEBHOOK) == NEW.following(WEBHOOK)


def failed_often(times: int, failed: Failed = REFUSED) -> Delivery:
    delivery, at = NEW.following(WEBHOOK), NOW
    for _ in range(times):
        delivery = delivery.failed(failed, 7, at)
        at = delivery.next_attempt_at or at
    return delivery


def test_it_is_tried_ten_times_in_seventy_five_hours_and_then_disabled() -> None:
    attempts = [NOW]
    delivery = NEW.following(WEBHOOK)
    while not delivery.disabled_at:
        delivery = delivery.failed(REFUSED, 7, attempts[-1])
        if delivery.next_attempt_at:
            attempts.append(delivery.next_attempt_at)
    assert len(attempts) == 10
    assert timedelta(hours=75) < attempts[-1] - NOW < timedelta(hours=76)
    assert (delivery.failures, delivery.failure, delivery.position) == (10, "status_500", 7)
    assert list(PAUSES) == sorted(PAUSES)


def test_one_that_was_taken_begins_the_schedule_anew() -> None:
    after = failed_often(5).taken(8, NOW).failed(REFUSED, 8, NOW)
    assert (after.failures, after.next_attempt_at, after.position) == (1, NOW + PAUSES[0], 8)


def test_who_is_gone_is_disabled_at_once() -> None:
    assert failed_often(1, Failed("status_410", final=True)).disabled_at == NOW


@pytest.mark.parametrize(
    ("wished", "pause"),
    [(1, PAUSES[0]), (600, timedelta(minutes=10)), (10**8, LONGEST_WISH), (-600, PAUSES[0])],
)
def test_a_longer_pause_is_granted_up_to_a_bound(wished: int, pause: timedelta) -> None:
    assert failed_often(1, Failed("status_503", timedelta(seconds=wished))).next_attempt_at == NOW + pause


def test_jitter_spreads_the_attempts() -> None:
    assert NEW.failed(REFUSED, 0, NOW, 1.1).next_attempt_at == NOW + PAUSES[0] * 1.1


def test_enabling_goes_on_from_where_it_stands() -> None:
    resumed = failed_often(10).following(replace(WEBHOOK, ordered=9))
    assert (resumed.position, resumed.failures, resumed.disabled_at, resumed.ordered) == (7, 0, None, 9)
    assert resumed.failure == "status_500"


def test_a_replay_begins_where_it_says_whatever_was_ordered_with_it() -> None:
    again = replace(WEBHOOK, start=2, restarted=9, ordered=9)
    assert failed_often(10).following(again).position == 2
    assert failed_often(1).following(replace(again, ordered=11)).position == 2
    assert failed_often(1).following(again).following(replace(again, ordered=11)).position == 2
    assert failed_often(1).following(again).taken(5, NOW).following(replace(again, ordered=11)).position == 5
