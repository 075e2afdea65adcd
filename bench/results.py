"""`bench/results.json`: the rows of the last run, and where they were measured."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.row import Row

FILE = Path(__file__).parent / "results.json"


def save(rows: Sequence[Row], surroundings: Mapping[str, Mapping[str, str]], file: Path = FILE) -> None:
    """Rows of other names stay where they were measured in the same surroundings."""
    before = json.loads(file.read_text()) if file.exists() else {"rows": []}
    kept = {row["name"]: row for row in before["rows"] if _agree(before, surroundings)}
    kept |= {row.name: row.as_json() for row in rows}
    where = {part: {**before.get(part, {}), **facts} if kept else facts for part, facts in surroundings.items()}
    file.write_text(json.dumps({"rows": list(kept.values()), **where}, indent=2, ensure_ascii=False) + "\n")


def _agree(before: Mapping[str, Any], surroundings: Mapping[str, Mapping[str, str]]) -> bool:
    """Nothing that both of them tell is different."""
    return all(
        before[part].get(name, fact) == fact for part, facts in surroundings.items() for name, fact in facts.items()
    )
