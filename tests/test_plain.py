"""Where somebody wants plain text, it is plain: no colour, and no bold or dim either."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ROOT, SMALL, call

#: Switches a colour, bold or dim on, or off again. Moving the cursor is no colour.
SGR = re.compile(rb"\x1b\[[0-9;]*m")
COMMANDS = (
    "preview x.json",
    "transform x.json",
    "check small.yaml",
    "check wrong.yaml",
    "check small.yaml --sample x.json",
    "check nowhere",
    "test small.yaml",
    "explain missing",
    "functions us_zip",
    "queue status",
    "doctor",
    "--help",
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tests = "tests:\n  - {name: t, given: {userId: u, traits: {email: a}}, expect: {status: ready}}\n"
    Path("small.yaml").write_text(SMALL + tests, "utf-8")
    Path("wrong.yaml").write_text(SMALL.replace("rules:", "ruls:"), "utf-8")
    Path("x.json").write_text(json.dumps(call(email="a@b.c", other=1)) + "\n", "utf-8")


def shown(command: str, **environment: str) -> bytes:
    """What a command writes to a terminal of 80 columns, its talk included."""
    ours, theirs = pty.openpty()
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    settings = {"MAPPER_MAPPING": "small.yaml", "MAPPER_STORE": "none.db", "EXAMPLE_KEY": "k", "COLUMNS": "80"}
    line = [sys.executable, str(ROOT / "cli.py"), *command.split()]
    options = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    with subprocess.Popen(
        line, env={**kept, **settings, "TERM": "xterm-256color", **environment}, **options
    ) as process:
        os.close(theirs)
        text = b""
        while select.select([ours], [], [], 20)[0]:
            try:
                text += os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
        process.wait(20)
    os.close(ours)
    assert text
    return text


@pytest.mark.parametrize("command", COMMANDS)
def test_no_color_is_plain_text(command: str) -> None:
    """NO_COLOR wins over FORCE_COLOR, on a terminal that has all colours."""
    assert not SGR.search(shown(command, NO_COLOR="1", FORCE_COLOR="1"))


@pytest.mark.parametrize("command", ["preview x.json", "check wrong.yaml"])
def test_a_terminal_has_colours_unless_it_is_dumb(command: str) -> None:
    """An empty NO_COLOR is none, as its convention says."""
    assert SGR.search(shown(command))
    assert SGR.search(shown(command, NO_COLOR=""))
    assert b"\x1b" not in shown(command, TERM="dumb")


def test_a_bar_has_no_colour() -> None:
    """The line that shows how far a run is: it may move the cursor, and nothing else."""
    Path("many.ndjson").write_text((json.dumps(call(email="a@b.c")) + "\n") * 3_000, "utf-8")
    command = "transform many.ndjson -o out.ndjson"
    assert SGR.search(shown(command))
    plain = shown(command, NO_COLOR="1")
    assert b"events" in plain
    assert not SGR.search(plain)


def test_the_lines_are_the_same() -> None:
    """Plain text says what coloured text says."""
    assert SGR.sub(b"", shown("preview x.json")) == shown("preview x.json", NO_COLOR="1")
