"""A clock that can be set: that of one process, by Debian's libfaketime. How long something takes it tells truly."""

from pathlib import Path

LIBRARIES = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
LIBRARY = next(LIBRARIES, None)


class FalseClock:
    """For a process that is started in `environment`; right at first."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.jump(0)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def jump(self, seconds: int) -> None:
        """So far before or after the true time; the process sees it within a second."""
        self._file.write_text(f"{seconds:+d}\n")
