"""``make demo``: what a new user runs first works, adds up, and proves what it says."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import httpx
import pytest

from mapper import pipeline
from mapper.apps.sandbox import Sandbox
from mapper.delivery.states import MEANINGS

ROOT = Path(__file__).resolve().parent.parent
#: Fewer events and a faster rate than a person is shown.
EVENTS, RATE = 200, 100
#: A request that the sandbox takes.
BODY = {
    "template_id": "T1", "first_name": "Ada", "address_line_1": "1 Main St", "address_city": "Boston",
    "address_state": "MA", "address_zip": "02134", "address_country": "US", "source": "Segment",
}  # fmt: skip

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
    environ |= {"EVENTS": str(EVENTS), "RATE": str(RATE)}
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
    """Exit code 0, although some of the calls are invalid on purpose; every command is shown."""
    assert demo.returncode == 0, demo.stdout + demo.stderr
    commands = re.findall(r"^\$ (?:mapper )?((?:queue )?\w+)", demo.stdout, re.MULTILINE)
    resolves = [command for command in commands if command == "queue resolve"]
    assert [command for command in commands if command != "queue resolve"] == [
        *("preview", "export", "sandbox", "worker", "send", "kill", "queue status", "worker", "queue list"),
        *("kill", "send"),
    ]
    assert len(resolves) in (1, 2)


def test_it_fits_a_terminal(demo: subprocess.CompletedProcess[str]) -> None:
    """Every line has at most 80 columns."""
    assert [line for line in (demo.stdout + demo.stderr).splitlines() if len(line) > 80] == []


def test_it_explains_one_call(demo: subprocess.CompletedProcess[str]) -> None:
    """The preview shows a field, where it was taken from, and the ZIP that was repaired."""
    assert re.search(r"address_city +Boston +traits\.address\.city", demo.stdout)
    assert "02134" in demo.stdout


def counted(text: str) -> dict[str, int]:
    """The numbers of an account, by the word that stands after each."""
    words = "|".join([*MEANINGS, "repeated", "conflicting", "read"])
    found = re.findall(rf"^ +([0-9,]+)  ({words})\b", text, re.MULTILINE)
    return {word: int(number.replace(",", "")) for number, word in found}


def test_the_counts_add_up(demo: subprocess.CompletedProcess[str], clone: Path) -> None:
    """After all of it every call is delivered, invalid or skipped, as those who made them wrote down."""
    first, last = re.split(r"^mapper transform says.*\n", demo.stderr, flags=re.MULTILINE)[:2]
    assert counted(first)["read"] == EVENTS
    shown = counted(last)
    expected = Counter(json.loads((clone / "out" / "demo" / "expected.json").read_text("utf-8")).values())
    assert shown == {
        "delivered": expected["ready"],
        "invalid": expected["invalid"],
        "skipped": expected["skipped"],
        "read": EVENTS,
    }


def test_the_worker_was_killed_half_way(demo: subprocess.CompletedProcess[str]) -> None:
    """Something was under way: it stood as unknown, and somebody settled it by the destination's own list."""
    unknown = re.search(r"([0-9]+) jobs? unknown: a worker never said how they ended", demo.stdout)
    assert unknown
    assert int(unknown[1]) > 0
    assert len(re.findall(r"^[0-9]+ +unknown ", demo.stdout, re.MULTILINE)) == int(unknown[1])


def test_what_is_resolved_is_what_the_list_said(demo: subprocess.CompletedProcess[str]) -> None:
    """How many of the unknown are in the sandbox's list, and how many not, is shown before they are resolved by it."""
    step = demo.stdout.partition("5. Somebody has to ask")[2].partition("6. The same file")[0]
    compared, _, resolved = step.partition("\n$ ")
    said = {words: int(number) for number, words in re.findall(r"^ +([0-9]+)  (in the|not in)", compared, re.MULTILINE)}
    options = [(option, text.count("--job")) for option, text in re.findall(r"(--delivered|--again)([^$]*)", resolved)]
    assert dict(options) == {
        option: said[words] for option, words in (("--delivered", "in the"), ("--again", "not in")) if said[words]
    }
    assert sum(said.values()) == len(re.findall(r"^[0-9]+ +unknown ", demo.stdout, re.MULTILINE)) > 0


def test_the_sandbox_proves_it(demo: subprocess.CompletedProcess[str], clone: Path) -> None:
    """Each ready order arrived once, by the sandbox's own list."""
    expected = Counter(json.loads((clone / "out" / "demo" / "expected.json").read_text("utf-8")).values())
    proof = demo.stdout.partition("7. The proof")[2]
    found = {words: int(number) for number, words in re.findall(r"^ +([0-9]+)  ([a-z ]+)", proof, re.MULTILINE)}
    assert found["requests that the sandbox counted"] == found["ready orders that arrived once"] == expected["ready"]
    assert (found["missing"], found["more than once"], found["not to be sent"]) == (0, 0, 0)


def test_the_proof_can_fail(tmp_path: Path) -> None:
    """An order that is missing, one that came twice and one that should not have come are named."""
    text = (ROOT / "mappings" / "inkit.yaml").read_text("utf-8")
    lines = (ROOT / "examples" / "make_orders.py", ROOT / "examples" / "arrivals.py")
    subprocess.run([sys.executable, lines[0], "8", tmp_path / "e", tmp_path / "x"], check=True)
    expected = json.loads((tmp_path / "x").read_text("utf-8"))
    ready = [name for name, status in expected.items() if status == "ready"]
    other = next((name for name in expected if name not in ready), "order-000000")
    with Sandbox(pipeline.loads(text, environ={})) as sandbox:
        for name in [*ready[1:], ready[1], other]:
            body = {**BODY, "api_token": "sandbox", "order_number": name}
            httpx.post(f"{sandbox.url}/integrations/webhook", json=body)
        done = subprocess.run(
            [sys.executable, lines[1], "prove", sandbox.url, tmp_path / "x"],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    for words, name in (("missing", ready[0]), ("more than once", ready[1]), ("not to be sent", other)):
        assert f"1  {words}: {name}" in done.stdout


def test_nothing_is_left_running(demo: subprocess.CompletedProcess[str], clone: Path) -> None:
    """What it started in the background is gone."""
    assert demo.returncode == 0
    address = re.search(r"http://127.0.0.1:([0-9]+)", (clone / "out" / "demo" / "sandbox.log").read_text("utf-8"))
    assert address
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(address[1])), 1)


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
