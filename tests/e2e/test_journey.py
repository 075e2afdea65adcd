"""The whole journey, as `make demo` plays it."""

from deploy.demo import COORDINATOR, Journey
from deploy.fleet import Embedded, Fleet, Platform


def told(platform: Platform) -> str:
    lines: list[str] = []
    with Journey(platform.url, COORDINATOR, platform.password, lines.append) as journey:
        journey.play()
    return "\n".join(lines)


def assert_complete(story: str) -> None:
    assert "declines: on leave until spring" in story
    assert "both sign: active" in story
    assert "it lacks M, R, T" in story
    assert "five of five: reached" in story
    assert "closing feedback: completed" in story


def test_the_embedded_platform_plays_the_journey_and_every_view_equals_its_rebuild(embedded: Embedded) -> None:
    assert_complete(told(embedded))
    assert "every view equals its rebuild" in embedded.rebuild()


def test_every_process_of_its_own_plays_the_journey_and_every_view_equals_its_rebuild(fleet: Fleet) -> None:
    assert_complete(told(fleet))
    assert "every view equals its rebuild" in fleet.rebuild()
