"""Runs the command line for tests: inside this process where that is enough, as a program where it is not.

Knows how a command is started and what came of it. Must not know what any command does.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from mapper.apps.cli import app

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"

#: A mapping of one field, for tests that are about files and not about fields.
SMALL = """\
mapping: 1
destination: Example
settings:
  key: {env: EXAMPLE_KEY, secret: true, required: true}
  tier: {env: EXAMPLE_TIER}
fields:
  email: {from: [traits.email, traits.mail], rules: {required: true, regex: '[^@]+@[^@]+'}}
  tier: settings.tier
skip:
  - {when: traits.stop, because: they said stop}
send:
  url: https://example.com/contacts
  secrets: [{in: body, name: token, value: settings.key}]
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def run(*arguments: object, stdin: str | bytes | None = None, env: dict[str, str] | None = None) -> Ended:
    """Run a command inside this process, laid out for 80 columns."""
    result = CliRunner().invoke(app, [str(a) for a in arguments], input=stdin, env={"COLUMNS": "80", **(env or {})})
    return Ended(result.exit_code, result.stdout, result.stderr)


def program(
    *arguments: object, stdin: bytes = b"", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a command as a program of its own, with nothing of this shell's settings but what is given."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "HOME") if name in os.environ}
    command = [sys.executable, str(ROOT / "cli.py"), *(str(a) for a in arguments)]
    return subprocess.run(command, input=stdin, env={**kept, **(env or {})}, capture_output=True, check=False)


def printed(text: str) -> list[list[str]]:
    """The commands that a person is told, between backticks or on lines of their own, as a shell would read them."""
    whole = re.sub(r" \\\n *", " ", text)
    return [
        shlex.split(found) for found in re.findall(r"(?:`|^ +)mapper ([^`\n]*-[^`\n]*)(?:`|$)", whole, re.MULTILINE)
    ]


def call(**traits: object) -> dict[str, object]:
    """An Identify call of one user."""
    return {"type": "identify", "messageId": "m1", "userId": "u1", "traits": traits}
