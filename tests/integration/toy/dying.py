"""`python -m tests.integration.toy.dying <point> <file>`: a copy that kills itself the first time that it comes to that
point of its hearing; the file remembers that it has."""

from shared import green

if __name__ == "__main__":
    green.prepare()

    import itertools
    import os
    import signal
    import sys
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from shared import hosting, telemetry
    from shared.parts import Parts
    from shared.projection import Projection
    from shared.settings import Settings
    from shared.subscription import Subscription
    from tests.integration.toy.service import toy

    point, file = sys.argv[1], Path(sys.argv[2])
    came = itertools.count(1)

    def die() -> None:
        if next(came) >= 3 and not file.exists():
            file.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def dying(work: Callable[..., Any], before: bool) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            if before:
                die()
            done = work(*arguments, **named)
            if not before:
                die()
            return done

        return wrapped

    points: dict[str, tuple[type, str, bool]] = {
        "before a policy": (Subscription, "_follow_policies", True),
        "after a policy": (Subscription, "_follow_policies", False),
        "before the fold": (Projection, "apply", True),
        "before the commit": (Projection, "apply", False),
        "before the acknowledgement": (Subscription, "receive", False),
    }
    kind, name, before = points[point]
    setattr(kind, name, dying(getattr(kind, name), before))

    settings = Settings()
    telemetry.configure(settings.log_level, "toy")
    hosting.host(Parts(settings, "toy"), toy())
