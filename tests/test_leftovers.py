"""What a killed run left beside its output is taken away by the next one, and nothing else is."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import ROOT, SMALL, run

from mapper.apps.cli import outputs

SETTINGS = {"EXAMPLE_KEY": "k", "MAPPER_MAPPING": "small.yaml"}
WRONG = b'{"type":"identify","messageId":"m","userId":"u","traits":{"name":"Ada"}}\n'


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    Path("small.yaml").write_text(SMALL, "utf-8")


def dead() -> int:
    """The number of a process that is gone."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def partials() -> list[str]:
    """The files that are not whole."""
    return sorted(path.name for path in Path().glob(".*.partial"))


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_next_run_takes_away_what_a_killed_one_left(jobs: int) -> None:
    """``kill -9`` in the middle of it: the half-written file stays, until the same file is written again."""
    Path("x.ndjson").write_bytes(WRONG * 4_000)
    os.mkfifo("rejects")  # nobody reads it, so that the run is in the middle of its work
    command = [sys.executable, str(ROOT / "cli.py"), "transform", "x.ndjson", "-o", "out.ndjson"]
    with (
        os.fdopen(os.open("rejects", os.O_RDONLY | os.O_NONBLOCK), "rb", 0) as rejects,
        subprocess.Popen([*command, "--rejects", "rejects", "--jobs", str(jobs)]) as process,
    ):
        end = time.monotonic() + 20
        while not rejects.read(1) and time.monotonic() < end:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert len(partials()) == 1
    ended = run("transform", "x.ndjson", "-o", "out.ndjson")
    assert (ended.code, partials(), Path("out.ndjson").read_bytes()) == (1, [], b"")
    assert "partial" not in ended.err


def test_what_somebody_writes_stays() -> None:
    """A process that lives, and one of another machine, whose number says nothing here: it holds the file's lock."""
    lives, locked = f".out.{os.getppid()}.partial", f".out.{dead()}.partial"
    Path(lives).write_bytes(b"lives")
    with Path(locked).open("wb") as elsewhere:
        fcntl.flock(elsewhere, fcntl.LOCK_EX)
        with outputs.replacing("out") as stream:
            stream.write(b"x")
        assert partials() == sorted([lives, locked])
    with outputs.replacing("out") as stream:
        stream.write(b"y")
    assert partials() == [lives]


def test_two_runs_over_one_file_leave_each_other_alone() -> None:
    """Whoever ends last has written the file; neither takes the other's away."""
    program = (
        "import sys; from mapper.apps.cli import outputs\n"
        "with outputs.replacing('out') as stream:\n"
        "    print('open', flush=True); sys.stdin.read(); stream.write(b'other')"
    )
    command = [sys.executable, "-c", program]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, **pipes) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with outputs.replacing("out") as stream:
            stream.write(b"ours")
        assert (Path("out").read_bytes(), len(partials())) == (b"ours", 1)
        other.communicate()
    assert (Path("out").read_bytes(), partials()) == (b"other", [])


def test_other_files_stay() -> None:
    """Those of another output, and what is no file of ours by its name or its kind."""
    number = dead()
    others = [
        f".other.{number}.partial",
        f".out.x.{number}.partial",
        ".out.partial",
        ".out.-1.partial",
        f"out.{number}",
    ]
    for name in others:
        Path(name).write_bytes(b"x")
    Path(f".out.{number}1.partial").mkdir()
    Path(f".out.0{number}.partial").symlink_to(others[0])
    before = sorted(path.name for path in Path().iterdir())
    with outputs.replacing("out") as stream:
        stream.write(b"x")
    assert sorted(path.name for path in Path().iterdir()) == sorted([*before, "out"])


def test_a_directory_that_cannot_be_listed_is_no_hindrance(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left there stays, and the file is written."""

    def refused(_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "scandir", refused)
    with outputs.replacing("out") as stream:
        stream.write(b"x")
    assert Path("out").read_bytes() == b"x"
