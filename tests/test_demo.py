"""``make demo``: what a new user runs first works, adds up, and is what the examples say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mapper.apps.sending.records import FATES

ROOT = Path(__file__).resolve().parent.parent
TOTALS = json.loads((ROOT / "examples" / "expected.json").read_text("utf-8"))["totals"]

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the demo is a bash script")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The parts of a checkout that the demo needs, with ``mapper`` on the path as an installation puts it there."""
    directory = tmp_path_factory.mktemp("clone")
    for name in ("mapper", "mappings", "examples"):
        shutil.copytree(ROOT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
    command = directory / "bin" / "mapper"
    command.parent.mkdir()
    command.write_text(
        f"#!/bin/sh\nexec {sys.executable} -c 'from mapper.apps.cli import main; main()' \"$@\"\n", "utf-8"
    )
    command.chmod(0o755)
    return directory


def run(clone: Path) -> subprocess.CompletedProcess[str]:
    """Run the demo from another directory, in a shell without settings."""
    path = f"{clone / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environ = {"PATH": path, "PYTHONPATH": str(clone), "HOME": str(clone), "LANG": "C.UTF-8", "PYTHONUTF8": "1"}
    script = ["bash", str(clone / "examples" / "demo.sh")]
    return subprocess.run(
        script,
        cwd=clone.parent,
        env=environ,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def demo(clone: Path) -> subprocess.CompletedProcess[str]:
    """One run."""
    return run(clone)


def test_it_ends_well(demo: subprocess.CompletedProcess[str]) -> None:
    """Exit code 0, although some of the examples are invalid on purpose; every command is shown."""
    assert demo.returncode == 0, demo.stdout + demo.stderr
    commands = re.findall(r"^\$ mapper (\w+) ", demo.stdout, re.MULTILINE)
    assert commands == ["preview", "transform", "send"]


def test_it_explains_one_call(demo: subprocess.CompletedProcess[str]) -> None:
    """The preview shows a field, where it was taken from, and the ZIP that was repaired."""
    assert re.search(r"address_city +Boston +traits\.address\.city", demo.stdout)
    assert "02134" in demo.stdout


def counted(text: str, words: str) -> dict[str, int]:
    """The numbers of an account, by the word that stands after each."""
    return {word: int(number) for number, word in re.findall(rf"^ +([0-9]+) +({words})\b", text, re.MULTILINE)}


def test_the_transformed_add_up(demo: subprocess.CompletedProcess[str], clone: Path) -> None:
    """What transform counts is what the examples declare, and what it wrote."""
    transformed = demo.stderr.partition("delivered")[0]
    assert counted(transformed, "ready|invalid|skipped") == TOTALS
    for name, status in (("requests", "ready"), ("rejects", "invalid")):
        assert len((clone / "out" / f"{name}.ndjson").read_text("utf-8").splitlines()) == TOTALS[status]


def test_the_sent_add_up(demo: subprocess.CompletedProcess[str], clone: Path) -> None:
    """The account adds up, and the sandbox got as many as are said to be delivered, none twice."""
    lines = demo.stderr.splitlines()
    start = next(number for number, line in enumerate(lines) if " delivered " in line)
    shown = counted("\n".join(lines[start:]), "|".join([*FATES, "read"]))
    assert shown.pop("read") == sum(shown.values()) == sum(TOTALS.values())
    assert shown["delivered"] + shown["duplicate"] == TOTALS["ready"]
    assert (shown["invalid"], shown["skipped"]) == (TOTALS["invalid"], TOTALS["skipped"])
    assert set(shown) == {"delivered", "duplicate", "invalid", "skipped"}
    delivered = shown["delivered"]
    assert f"counted {delivered} requests: {delivered} accepted, 0 refused, 0 dropped, 0 repeated" in demo.stderr
    results = [json.loads(line) for line in (clone / "out" / "results.ndjson").read_text("utf-8").splitlines()]
    assert sum(result["ending"] == "delivered" for result in results) == delivered


def test_it_runs_a_second_time(demo: subprocess.CompletedProcess[str], clone: Path) -> None:
    """What the first run left behind does not stop the next one."""
    assert demo.returncode == 0
    assert run(clone).returncode == 0


def test_a_failure_is_not_hidden(clone: Path) -> None:
    """Only the exit code of invalid events is passed over: a broken mapping ends the demo."""
    mapping = clone / "mappings" / "inkit.yaml"
    whole = mapping.read_text("utf-8")
    mapping.write_text(whole.replace("fields:", "feilds:", 1), "utf-8")
    try:
        assert run(clone).returncode == 3
    finally:
        mapping.write_text(whole, "utf-8")


def test_what_it_writes_is_not_committed() -> None:
    """The requests hold names and addresses, if only made up."""
    assert "out/" in (ROOT / ".gitignore").read_text("utf-8").split()
