"""Install keys, tables, buckets and the first coordinator; repeat it at will."""

from argparse import ArgumentParser

from services import platform
from services.surroundings import settings_of_environment


def arguments(parser: ArgumentParser) -> None:
    """None."""


def main() -> int:
    settings = settings_of_environment()
    platform.install(settings)
    email, password = platform.coordinator(settings)
    print(f"installed; the coordinator is {email}, the password is in {password}")
    return 0
