"""The fault tests themselves, each part at its smallest; ``make faults`` is the whole of them."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
from faults import __main__ as command
from faults import canaries, deposit, events, kills, mayhem, syscalls
from faults.report import Options, Report, left_out
from postgres import Postgres, installed

# ------------------------------------------------------------------------------------------------------- the parts


@pytest.fixture(autouse=True)
def _programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's programs are on the PATH, as `all` puts them there."""
    monkeypatch.setenv("PATH", f"{installed() or ''}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_kills(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A worker that dies after the answer, before it is written down: nothing is lost, and only resend repeats."""
    store = "" if engine == "sqlite" else request.getfixturevalue("postgres").url("").rstrip("/")
    order = kills.Campaign(engine, 1, store=store, points=("P14",), lanes=2, room=tmp_path)
    told: list[str] = []
    results = kills.campaign(order, told.append)
    assert [result.faults for result in results] == [{}] * len(results), told
    assert {result.kills for result in results} == {1}
    assert [result.duplicates for result in results] == [0, 1]
    assert list(tmp_path.iterdir()) == []


def test_random_kills_on_sqlite(tmp_path: Path) -> None:
    """Everything of a good product is as it should be, whoever dies, and whenever."""
    report = mayhem.on_sqlite(Options(tmp_path, minutes=1.5 / 60))
    assert report.faults == {}
    assert " kills (" in report.figures


def test_random_kills_on_postgresql(tmp_path: Path, postgres: Postgres) -> None:
    """Three workers and the accepting process die, the server stays; its log names nobody."""
    report = mayhem.on_postgresql(Options(tmp_path, postgres, minutes=1.5 / 60))
    assert report.faults == {}
    assert canaries.leaks(postgres.log) == []


def test_random_kills_find_a_mistake(tmp_path: Path) -> None:
    """A product that marks a job as begun after its request sends some twice, and is found out."""
    order = mayhem.Order(tmp_path, str(tmp_path / "jobs.db"), 2.0, lease=0.3, product="standin", bug="late_mark")
    assert "duplicated" in mayhem.Mayhem(order).run().faults


def test_parts_without_postgresql(tmp_path: Path) -> None:
    """They say that they were left out."""
    assert kills.on_postgresql(Options(tmp_path)) == mayhem.on_postgresql(Options(tmp_path)) == left_out()


def test_power_cuts(tmp_path: Path) -> None:
    """No disk without what was promised; with synchronous=NORMAL there are some, so the test can fail."""
    if not _may_trace(tmp_path):
        pytest.skip("no strace that may trace")
    told: list[str] = []
    report = deposit.power_cuts(Options(tmp_path, states=300, tell=told.append))
    assert report.faults == {}
    assert "lost 0, unmarked 0, corrupt 0, sums 0, residue 0" in report.figures
    assert len(told) == 2


def _may_trace(room: Path) -> bool:
    with contextlib.suppress(FileNotFoundError, subprocess.CalledProcessError):
        syscalls.record([shutil.which("true") or "true"], room / "trace", environ={})
        return True
    return False


# ------------------------------------------------------------------------------------------------ the power cut's judge

#: The jobs of a disk, how many its intake knows, what was printed, and what is wrong then.
DISKS: dict[str, tuple[list[tuple[int, str]], int, tuple[str, ...], str | None]] = {
    "all is there": ([(1, "delivered"), (2, "ready")], 2, ("1:ready", "1:sending", "1:delivered", "2:ready"), None),
    "more than was promised": ([(1, "delivered"), (2, "ready")], 2, ("1:ready",), None),
    "accepted and gone": ([(1, "delivered")], 1, ("1:ready", "2:ready"), "lost"),
    "sent and forgotten": ([(1, "ready")], 1, ("1:ready", "1:sending"), "unmarked"),
    "delivered and forgotten": ([(1, "sending")], 1, ("1:delivered", "1:ready"), "unmarked"),
    "one that nobody counted": ([(1, "ready"), (2, "ready")], 1, ("1:ready",), "sums"),
}


@pytest.mark.parametrize("case", DISKS)
def test_a_disk_is_judged(case: str, tmp_path: Path) -> None:
    """Each kind of loss is found on a disk that has it."""
    jobs, accepted, printed, wrong = DISKS[case]
    _disk(tmp_path, jobs, accepted)
    assert deposit.verdict(tmp_path, printed) == wrong


def test_a_damaged_disk_and_one_that_remembers_are_found(tmp_path: Path) -> None:
    """A byte of a person that was forgotten, beside the database too; and a database that is none."""
    _disk(tmp_path, [(1, "delivered")], 1)
    assert deposit.verdict(tmp_path, ("1:delivered", "1:forgotten")) is None
    (tmp_path / "mapper.db-other").write_bytes(events.event("deposit", 1).raw)
    assert deposit.verdict(tmp_path, ("1:delivered", "1:forgotten")) == "residue"
    (tmp_path / "mapper.db").write_bytes(b"x" * 4096)
    assert deposit.verdict(tmp_path, ()) == "corrupt"


def test_a_disk_without_a_store_had_promised_nothing(tmp_path: Path) -> None:
    """Before the first promise there need not be a table."""
    assert deposit.verdict(tmp_path, ()) is None
    assert deposit.verdict(tmp_path, ("1:ready",)) == "lost"


def _disk(directory: Path, jobs: list[tuple[int, str]], accepted: int) -> None:
    with contextlib.closing(sqlite3.connect(directory / "mapper.db", isolation_level=None)) as database:
        database.execute("CREATE TABLE job (id INTEGER PRIMARY KEY, state TEXT)")
        database.execute("CREATE TABLE intake (accepted INTEGER)")
        database.executemany("INSERT INTO job VALUES (?, ?)", jobs)
        database.execute("INSERT INTO intake VALUES (?)", [accepted])


# --------------------------------------------------------------------------------------------------------- canaries


@pytest.mark.parametrize("shift", range(4))
def test_a_canary_is_found_however_it_is_written(shift: int, tmp_path: Path) -> None:
    """In plain, in hex, in base64 at any place, and across the pieces in which a file is read."""
    secret = b"." * shift + events.event("seed", 1).raw
    for number, text in enumerate(
        (secret, secret.hex().encode(), secret.hex().upper().encode(), base64.b64encode(secret))
    ):
        (tmp_path / str(number)).write_bytes(b"before " + text + b" after")
    (tmp_path / "quiet").write_bytes(b"job 17, try 1: delivered")
    (tmp_path / "torn").write_bytes(b"x" * ((1 << 24) - 5) + events.CANARY.encode())
    assert [path.name for path in canaries.leaks(tmp_path, tmp_path / "missing")] == ["0", "1", "2", "3", "torn"]


def test_all_that_an_event_says_is_a_canary() -> None:
    """Each trait, each id, and the destination's key."""
    one = events.event("seed", 1)
    traits = json.loads(one.raw)["traits"]
    assert all(events.CANARY in text for text in (*traits.values(), one.user_id, one.message_id, events.TOKEN))


# ---------------------------------------------------------------------------------------------------------- the command


def _noisy(options: Options) -> Report:
    (options.room / "noise.txt").write_text("what happened", "utf-8")
    return Report("1 kill", {"lost": 1} if options.times == 7 else {})


def _breaking(options: Options) -> Report:
    raise OSError(f"no room in a directory that is there: {options.room.is_dir()}")


@pytest.fixture
def _parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One part, without PostgreSQL, in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "PARTS", [("kills", _noisy), ("broken", _breaking)])
    monkeypatch.setattr(command, "_server", lambda: contextlib.nullcontext(None))


@pytest.mark.usefixtures("_parts")
def test_what_is_fine_leaves_nothing_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0, a line for each part with its figures, and the time."""
    assert command.main(["all", "--only", "kills"]) == 0
    assert "kills: 1 kill; as it should be; 0 s\n1 of 1 parts as they should be, 0 s in all" in capsys.readouterr().out
    assert not (tmp_path / "out" / "faults").exists()


@pytest.mark.usefixtures("_parts")
def test_a_fault_is_told_and_its_logs_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1; a part that breaks is a fault and does not keep the others from running."""
    assert command.main(["all", "--times", "7"]) == 1
    told = capsys.readouterr().out
    assert "kills: 1 kill; LOST 1; 0 s" in told
    assert "broken: OSError: no room in a directory that is there: True; BROKEN 1; 0 s" in told
    assert "0 of 2 parts as they should be" in told
    kept = {path.name for path in (tmp_path / "out" / "faults").rglob("*.txt")}
    assert kept == {"noise.txt", "broken.txt"}
