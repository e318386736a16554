"""What holds for every test, whoever starts them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


def deaf(*code: str) -> str:
    """What these lines of Python print, where whoever started them ignores Ctrl-C and a hangup."""
    shell = ["sh", "-c", "trap '' INT HUP QUIT; exec \"$@\"", "sh", sys.executable, "-c", "\n".join(code)]
    done = subprocess.run(shell, cwd=HERE, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_a_signal_arrives_although_whoever_started_the_tests_ignores_it(name: str) -> None:
    """As ``nohup make test &`` does: each process that a test starts would inherit it, and never end."""
    ask = f"import signal; print(signal.getsignal(signal.{name}) is signal.SIG_IGN)"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {ask!r}], check=True)"
    assert deaf(child) == "True"
    assert deaf("import conftest", child) == "False"
