"""Points at which a test kills this process, to see what is left behind.

Knows one variable of the environment, read once. Must not do anything where it is not set: one comparison.
"""

from __future__ import annotations

import os
import signal

#: NAME or NAME:N of a point; the process kills itself with SIGKILL when it passes it for the Nth time.
VARIABLE = "MAPPER_FAILPOINT"


def _read(text: str) -> tuple[str, int]:
    name, _, count = text.partition(":")
    return name, int(count) if count.isdigit() else 1


_armed: tuple[str, int] | None = _read(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None


def arm(text: str | None) -> None:
    """Arm a point in this process, for a test that forks; None disarms."""
    global _armed  # noqa: PLW0603 - one process, one point
    _armed = _read(text) if text else None


def passed(name: str) -> None:
    """Say that a point is passed."""
    if _armed is not None:
        _hit(name)


def _hit(name: str) -> None:
    global _armed  # noqa: PLW0603 - as above
    if _armed is None or _armed[0] != name:
        return
    if _armed[1] <= 1:
        os.kill(os.getpid(), signal.SIGKILL)
    _armed = (name, _armed[1] - 1)
