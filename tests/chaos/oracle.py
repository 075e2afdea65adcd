"""Whether everything that is promised held: what was asked for and what was heard, against what the log says."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.matching import events
from services.matching.domain import NOTHING, State
from services.matching.domain.relationship import Live, Nothing, Pending
from services.matching.service import RELATIONSHIP
from shared.ids import derived_id
from shared.log import Head, Recorded
from shared.log.hashing import GENESIS, event_hash, fields_of
from shared.messages import Catalogue
from tests.chaos.asking import Asked, Outcome

MATCHING = Catalogue(events)
SHOWN = 3

Holding = tuple[str, str]


@dataclass(frozen=True)
class Evidence:
    """All of one moment, at rest.

    `heard`: what came to each subscriber, in that order, with repeats. `claims`: key and holder of those that
    relationships hold. `capacities`: of mentors. What people did up to the position `since` was not noted. `behind` and
    `differing` name what does not cover the log, or is not what it says.
    """

    log: Sequence[Recorded]
    head: Head
    asked: Sequence[Asked]
    heard: Mapping[str, Sequence[Recorded]]
    claims: frozenset[Holding]
    capacities: Mapping[UUID, int]
    since: int = 0
    behind: Sequence[str] = ()
    differing: Sequence[str] = ()


def findings(evidence: Evidence) -> dict[str, list[str]]:
    """Each promise, and what speaks against it: nothing, where it held."""
    return {promise: list(broken(evidence)) for promise, broken in PROMISES.items()}


def _acknowledged_are_there(evidence: Evidence) -> Iterator[str]:
    """An answer that tells a position tells the right one."""
    written = _by_command(evidence.log)
    for asked in evidence.asked:
        if asked.outcome is not Outcome.ACKNOWLEDGED:
            continue
        found = written.get(asked.command_id)
        if not found:
            yield f"{asked} was acknowledged and is not in the log"
        elif asked.position not in (None, found[-1].position):
            yield f"{asked} was told to be at {asked.position} and is at {found[-1].position}"


def _no_command_twice(evidence: Evidence) -> Iterator[str]:
    """One command is one append: to one stream, in one piece, its events' ids derived from its own."""
    for command_id, written in _by_command(evidence.log).items():
        at_once = [one.position - index for index, one in enumerate(written)]
        ids = [derived_id(command_id, index) for index in range(len(written))]
        if len(set(at_once)) > 1 or len({one.stream for one in written}) > 1:
            yield f"command {command_id} was carried out at {[one.position for one in written]}"
        elif [one.event_id for one in written] != ids:
            yield f"command {command_id} at {written[0].position} has events that are not its own"


def _nothing_unasked(evidence: Evidence) -> Iterator[str]:
    """Of the people who asked; what was refused at once did not happen either."""
    people = {str(asked.person) for asked in evidence.asked}
    outcomes = {asked.command_id: asked for asked in evidence.asked}
    for one in evidence.log:
        if one.actor in people and one.position > evidence.since:
            asked = outcomes.get(one.command_id)
            if asked is None or (asked.outcome is Outcome.REFUSED and asked.tries == 1):
                yield f"position {one.position}, {one.type}: {asked or 'nobody asked for it'}"


def _chained(evidence: Evidence) -> Iterator[str]:
    last = GENESIS
    for one in evidence.log:
        if one.position != last.position + 1:
            yield f"after position {last.position} comes {one.position}"
        if event_hash(last.hash, fields_of(one)) != one.hash:
            yield f"position {one.position} does not follow from the one before"
        last = Head(one.position, one.hash)
    if last != evidence.head:
        yield f"the log ends at {last.position}, its head is {evidence.head.position}"


def _streams_dense(evidence: Evidence) -> Iterator[str]:
    versions: Counter[str] = Counter()
    for one in evidence.log:
        versions[one.stream] += 1
        if one.version != versions[one.stream]:
            yield f"position {one.position} is version {one.version} of {one.stream}, not {versions[one.stream]}"


def _time_goes_on(evidence: Evidence) -> Iterator[str]:
    for before, one in zip(evidence.log, evidence.log[1:], strict=False):
        if one.recorded_at < before.recorded_at:
            yield f"position {one.position} was recorded before the one before it"


def _everything_heard(evidence: Evidence) -> Iterator[str]:
    for subscriber, heard in evidence.heard.items():
        came = {one.position: one for one in heard}
        missing = [one.position for one in evidence.log if came.get(one.position) != one]
        if missing:
            yield f"{subscriber} did not hear, or heard otherwise, {len(missing)} events: {missing[:SHOWN]}"


def _heard_in_order(evidence: Evidence) -> Iterator[str]:
    """Per stream: nothing came for the first time before what stands before it."""
    for subscriber, heard in evidence.heard.items():
        latest: defaultdict[str, int] = defaultdict(int)
        for one in heard:
            if one.version > latest[one.stream] + 1:
                yield f"{subscriber} heard {one.stream} {one.version} after {latest[one.stream]}"
            latest[one.stream] = max(latest[one.stream], one.version)


def _claims_as_folded(evidence: Evidence) -> Iterator[str]:
    """A request or a relationship holds its pair, a relationship also a place of its mentor's."""
    latest = {one.stream: state for one, state in _relationships(evidence.log)}
    expected = {held for state in latest.values() for held in _holdings(state)}
    for key, holder in sorted(expected ^ evidence.claims):
        yield f"{holder} {'does not hold' if (key, holder) in expected else 'holds'} {key}"


def _capacity_kept(evidence: Evidence) -> Iterator[str]:
    """At every position."""
    taken: defaultdict[UUID, set[str]] = defaultdict(set)
    for one, state in _relationships(evidence.log):
        if isinstance(state, Nothing):
            continue
        mentor = state.about.mentor_id
        (taken[mentor].add if isinstance(state, Live) else taken[mentor].discard)(one.stream)
        if len(taken[mentor]) > evidence.capacities[mentor]:
            yield f"at {one.position} mentor {mentor} had {len(taken[mentor])} at once"


def _caught_up(evidence: Evidence) -> Iterable[str]:
    return evidence.behind


def _as_rebuilt(evidence: Evidence) -> Iterable[str]:
    return evidence.differing


PROMISES: Mapping[str, Callable[[Evidence], Iterable[str]]] = {
    "every acknowledged command is in the log": _acknowledged_are_there,
    "no command is there twice": _no_command_twice,
    "nothing is there that nobody asked for": _nothing_unasked,
    "the log is dense and its hash chain holds": _chained,
    "every stream is dense": _streams_dense,
    "recorded time never goes back": _time_goes_on,
    "every subscriber heard every event": _everything_heard,
    "and in order per stream": _heard_in_order,
    "claims are what the log says": _claims_as_folded,
    "no mentor had more than the capacity": _capacity_kept,
    "views, directories and relay reached the head": _caught_up,
    "views and directories equal a rebuild": _as_rebuilt,
}


def _by_command(log: Sequence[Recorded]) -> dict[UUID, list[Recorded]]:
    found: defaultdict[UUID, list[Recorded]] = defaultdict(list)
    for one in log:
        found[one.command_id].append(one)
    return found


def _relationships(log: Sequence[Recorded]) -> Iterator[tuple[Recorded, State]]:
    """After each of their events, how that relationship stood."""
    states: dict[str, State] = {}
    for one in log:
        event = MATCHING.decode(one)
        if event is not None:
            states[one.stream] = RELATIONSHIP.evolve(states.get(one.stream, NOTHING), event)
            yield one, states[one.stream]


def _holdings(state: State) -> Iterator[Holding]:
    if isinstance(state, Pending | Live):
        about = state.about
        yield f"pair:{about.program_id}:{about.mentor_id}:{about.mentee_id}", str(about.relationship_id)
    if isinstance(state, Live):
        yield f"capacity:{about.program_id}:{about.mentor_id}", str(about.relationship_id)
