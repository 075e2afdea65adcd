"""Every event ever published can still be read, by its producer and by each of its consumers.

A sample stands for what lies in logs that exist. An event may gain a field with a default; any other change needs a new
`schema_version` with an upcaster, and a sample of its own beside the old one.
"""

from pathlib import Path

import orjson
import pytest

from shared.log import Entry
from shared.messages import Catalogue, Event
from tests.contract.golden import EVENT_ID, NOW, SAMPLES, SEALER, golden, heard, published, sample_of, written

PUBLISHED = {kind.type: kind for kind in published()}
FILES = sorted(SAMPLES.glob("*.json"))


def named(kind: type[Event]) -> str:
    return f"{kind.__module__}.{kind.__name__}"


def entry(path: Path) -> Entry:
    kind, version = path.stem.rsplit(".v", 1)
    return Entry(EVENT_ID, kind, int(version), None, NOW, path.read_text())


@pytest.mark.parametrize("kind", published(), ids=named)
def test_every_event_has_a_sample(kind: type[Event]) -> None:
    missing = f"{sample_of(kind).name} is missing: `python -m tests.contract.golden` writes it; then keep it for good"
    assert sample_of(kind).exists(), missing


@pytest.mark.parametrize("kind", published(), ids=named)
def test_an_event_is_written_and_read_as_its_sample_says(kind: type[Event]) -> None:
    sample = orjson.loads(sample_of(kind).read_bytes())
    now = orjson.loads(written(golden(kind)))
    assert {name: now.get(name) for name in sample} == sample
    read = Catalogue(kind).decode(entry(sample_of(kind)), SEALER)
    assert read is not None
    assert read.model_dump(include=set(sample)) == golden(kind).model_dump(include=set(sample))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_version_ever_written_can_be_read(path: Path) -> None:
    kind = PUBLISHED[entry(path).type]
    for sealer in (None, SEALER):
        assert isinstance(Catalogue(kind).decode(entry(path), sealer), kind)


@pytest.mark.parametrize("kind", heard(), ids=named)
def test_a_consumer_reads_what_the_producer_wrote(kind: type[Event]) -> None:
    assert kind.type in PUBLISHED, f"nobody publishes {kind.type}"
    producer = PUBLISHED[kind.type]
    assert set(kind.model_fields) <= set(producer.model_fields), "it reads what its producer does not say"
    for path in FILES:
        if entry(path).type == kind.type:
            for sealer in (None, SEALER):
                assert isinstance(Catalogue(kind).decode(entry(path), sealer), kind)
    latest = entry(sample_of(producer))
    read, said = Catalogue(kind).decode(latest, SEALER), Catalogue(producer).decode(latest, SEALER)
    assert read is not None and said is not None
    assert read.model_dump() == said.model_dump(include=set(kind.model_fields))
