"""The settings of the process's environment, or a clear end."""

import sys

from pydantic import ValidationError

from shared.settings import Settings


def settings_of_environment() -> Settings:
    """Ends the process with a line for each setting that is missing or wrong."""
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"MENTORING_{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors()]
        sys.exit("these settings are missing or wrong:\n  " + "\n  ".join(lines))
