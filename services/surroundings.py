"""The settings that a process has: of its environment, or of an embedded platform's folder."""

import os
import sys
from pathlib import Path

from pydantic import ValidationError

from shared.settings import Settings

DATABASE = "MENTORING_DATABASE_URL"


def settings_of_environment() -> Settings:
    """Ends the process with a line for each setting that is missing or wrong."""
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"MENTORING_{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors()]
        sys.exit("these settings are missing or wrong:\n  " + "\n  ".join(lines))


def settings_or_embedded(folder: Path) -> Settings:
    """Those of the environment; where it names no database, those of the embedded platform in `folder`."""
    return settings_of_environment() if DATABASE in os.environ else embedded_settings(folder)


def embedded_settings(folder: Path, port: int = 8000) -> Settings:
    """SQLite, secrets and files below `folder`; no server is used even if the environment names one."""
    return Settings(
        database_url=f"sqlite:///{folder / 'data'}",
        secrets_dir=folder / "secrets",
        data_dir=folder / "data",
        broker_url=None,
        s3_endpoint=None,
        http_port=port,
        public_url=f"http://127.0.0.1:{port}",
    )
