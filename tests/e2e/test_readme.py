"""The README's tour, word for word."""

import os
import re
import subprocess

from deploy.fleet import ROOT, Embedded

README = (ROOT / "README.md").read_text()


def tour() -> str:
    part = README.split("## The tour\n")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"```sh\n(.*?)```", part, re.DOTALL))


def test_the_tour_goes_as_it_is_told(embedded: Embedded) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", tour()],
        check=False,
        cwd=ROOT,
        env={**os.environ, "API": embedded.url, "VAR": str(embedded.folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert '"added":285' in done.stdout
    assert "active" in lines
    assert '"code":"goal_not_smart"' in done.stdout
    assert lines.index("refused") < lines.index("reached") < lines.index("shared")
    told = lines.index("files.file_shared")
    assert lines[told + 1] == "0"
    assert [line.split()[:2] for line in lines[told + 2 : told + 4]] == [[], ["files.file_shared", "of"]]
    assert [line.split()[0] for line in lines[-4:]] == ["log", "types", "heads", "views"]
    assert "every view equals its rebuild" in lines[-1]


def test_the_subscriber_that_it_shows_is_the_one_that_is_tested() -> None:
    shown = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert shown == [(ROOT / "docs/examples/subscriber_nameko.py").read_text()]
