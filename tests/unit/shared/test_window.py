"""What the relay may call confirmed: never anything behind a gap."""

from hypothesis import given
from hypothesis import strategies as st

from shared.relay import Window


@given(st.data())
def test_the_checkpoint_is_the_last_event_before_the_first_unconfirmed(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, 1000))
    count = data.draw(st.integers(1, 30))
    window = Window(start)
    for position in range(start + 1, start + count + 1):
        window.published(position)
    acked: set[int] = set()
    for tag in data.draw(st.permutations(range(1, count + 1))):
        if tag in acked:
            continue
        multiple = data.draw(st.booleans())
        acked |= set(range(1, tag + 1)) if multiple else {tag}
        window.acked(tag, multiple)
        first_missing = min(set(range(1, count + 2)) - acked)
        assert window.confirmed == start + first_missing - 1
    assert window.unconfirmed == 0
    assert window.confirmed == start + count
