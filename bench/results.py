"""`bench/results.json`: the rows of the last run, and where they were measured; `docs/speed.md` shows them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.row import Row, number

FILE = Path(__file__).parent / "results.json"
PAGE = Path(__file__).parent.parent / "docs" / "speed.md"
BEGIN, END = "<!-- bench/results.json -->\n", "<!-- end -->"


def save(rows: Sequence[Row], surroundings: Mapping[str, Mapping[str, str]], file: Path = FILE) -> None:
    """Rows of other names stay where they were measured in the same surroundings."""
    before = json.loads(file.read_text()) if file.exists() else {"rows": []}
    kept = {row["name"]: row for row in before["rows"] if _agree(before, surroundings)}
    kept |= {row.name: row.as_json() for row in rows}
    where = {part: {**before.get(part, {}), **facts} if kept else facts for part, facts in surroundings.items()}
    file.write_text(json.dumps({"rows": list(kept.values()), **where}, indent=2, ensure_ascii=False) + "\n")


def publish(page: Path = PAGE, file: Path = FILE) -> None:
    """The page's table, made of the rows."""
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    lines = [_line(row) for row in json.loads(file.read_text())["rows"]]
    head = "| row | ours | peer | ratio | limit | goal | |\n|---|---|---|---|---|---|---|\n"
    page.write_text(f"{before}{BEGIN}{head}{''.join(sorted(lines))}{END}{after}")


def _line(row: Mapping[str, Any]) -> str:
    spread = row["spread"].get("ours")
    ours = f"{number(row['ours'])} {row['unit']}" + (f" ({number(spread[0])} to {number(spread[1])})" if spread else "")
    others = [f"{row[f'{side}_name']}: {number(row[side])}" if row[side] else "" for side in ("peer", "limit")]
    cells = (f"`{row['name']}`", ours, others[0], number(row["ratio"]), others[1], row["goal"] or "")
    return f"| {' | '.join(cells)} | {'' if row['reached'] else 'missed'} |\n"


def _agree(before: Mapping[str, Any], surroundings: Mapping[str, Mapping[str, str]]) -> bool:
    """Nothing that both of them tell is different."""
    return all(
        before[part].get(name, fact) == fact for part, facts in surroundings.items() for name, fact in facts.items()
    )
