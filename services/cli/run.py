"""The whole platform in this process, until Ctrl-C: no server, data in a folder."""

from argparse import ArgumentParser
from functools import partial
from pathlib import Path

from services import platform
from services.serving import serve
from services.surroundings import embedded_settings
from shared import telemetry
from shared.settings import Settings


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--folder", type=Path, default=Path("var"))


def main(port: int, folder: Path) -> int:
    settings = embedded_settings(folder, port)
    telemetry.configure("WARNING", "embedded")
    with platform.embedded(settings) as app:
        serve(app, settings, partial(_welcome, settings))
    return 0


def _welcome(settings: Settings) -> None:
    email, password = platform.coordinator(settings)
    print(f"\n  The platform     {settings.public_url}")
    print(f"  Its API to try   {settings.public_url}/docs")
    print(f"  Sign in as       {email}")
    print(f"  with password    {settings.coordinator_password or password.read_text()}")
    print(f"  Its data         {settings.data_dir}   (Ctrl-C ends it)\n", flush=True)
