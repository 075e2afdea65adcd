"""`python -m tests.integration.toy`: one copy of the service, as its settings say."""

from shared import green

if __name__ == "__main__":
    green.prepare()

    from shared import hosting, telemetry
    from shared.parts import Parts
    from shared.settings import Settings
    from tests.integration.toy.service import toy

    settings = Settings()
    telemetry.configure(settings.log_level, "toy")
    hosting.host(Parts(settings, "toy"), toy())
