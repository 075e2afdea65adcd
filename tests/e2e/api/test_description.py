"""What the API says of itself is so."""

import subprocess
import sys
from pathlib import Path

import httpx

from tests.e2e.api.people import GOAL, Pair, in_days

CONFIGURATION = """
[parameters]
"path.relationship_id" = "{relationship}"
"path.program_id" = "{program}"
"path.goal_id" = "{goal}"
"path.meeting_id" = "{meeting}"
"path.file_id" = "{file}"
"""


def test_the_documentation_needs_nothing_from_elsewhere(http: httpx.Client) -> None:
    page = http.get("/docs").text
    assert "https://" not in page
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert f"/docs/assets/{asset}" in page
        assert http.get(f"/docs/assets/{asset}").status_code == 200


def test_every_operation_says_that_it_may_answer_with_a_problem(http: httpx.Client) -> None:
    described = http.get("/openapi.json").json()
    for operations in described["paths"].values():
        for operation in operations.values():
            assert list(operation["responses"]["default"]["content"]) == ["application/problem+json"]


def test_it_says_how_far_the_views_are(http: httpx.Client) -> None:
    ready = http.get("/readyz").json()
    assert ready["status"] == "ready"
    assert ready["behind"] >= 0
    assert ready["position"] > 0


def test_metrics_count_requests_by_route(pair: Pair) -> None:
    pair.mentee.get(pair.path)
    metrics = pair.mentee.http.get("/metrics").text
    assert (
        'mentoring_http_requests_total{method="GET",route="/v1/relationships/{relationship_id}",status="200"}'
        in metrics
    )
    assert pair.path not in metrics


def test_nothing_that_is_sent_breaks_it(pair: Pair, tmp_path: Path) -> None:
    """Generated requests of every operation, good and bad, by somebody who may do most: as described, and no 500."""
    when = {"starts_at": in_days(3), "duration_minutes": 30, "time_zone": "Asia/Kolkata"}
    configuration = CONFIGURATION.format(
        relationship=pair.path.rsplit("/", 1)[1],
        program=pair.programme.program_id,
        goal=pair.post(pair.mentee, "goals", **GOAL, due=in_days(90)[:10])["goal_id"],
        meeting=pair.post(pair.mentee, "meetings", title="Call", **when)["meeting_id"],
        file=pair.post(pair.mentee, "files", name="a", content_type="text/plain", size=1, sha256="a" * 64)["file_id"],
    )
    (tmp_path / "schemathesis.toml").write_text(configuration)
    command = [
        *(str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(tmp_path / "schemathesis.toml")),
        *(
            "run",
            f"{str(pair.mentee.http.base_url).rstrip('/')}/openapi.json",
            "-H",
            f"Authorization: Bearer {pair.mentee.token}",
        ),
        *(
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        ),
        *("--phases", "coverage,fuzzing", "-n", "10", "--seed", "1", "--exclude-path", "/v1/feed"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout
