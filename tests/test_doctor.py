"""``mapper doctor``: what is sound, what is not, and what to do about it, on real stores."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import SMALL, Ended, run
from queues import CANARY, Stage, call, each_state, stage

from mapper.apps.cli import examinations
from mapper.delivery.ledger.clock import SteadyClock

_KEY = {"EXAMPLE_KEY": "sesame"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A mapping of one field."""
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Stage]:
    """A store in a file."""
    with stage(str(tmp_path / "mapper.db")) as staged:
        yield staged


def found(ended: Ended) -> list[tuple[str, str]]:
    """What a run found, by level and name; each finding that is not fine says what to do."""
    findings = json.loads(ended.out)["findings"]
    assert [one for one in findings if one["level"] != "ok" and not one["hint"]] == []
    assert ended.code == (2 if any(one["level"] == "error" for one in findings) else 0)
    return [(one["level"], one["what"]) for one in findings]


def examined(where: object, file: Path, env: dict[str, str] | None = None) -> list[tuple[str, str]]:
    """What the doctor finds of a store, for the small mapping."""
    ended = run("doctor", "--store", where, "-m", file, "--format", "json", env=_KEY if env is None else env)
    assert "sesame" not in ended.out + ended.err
    return found(ended)


def wrong(findings: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What is not fine."""
    return [one for one in findings if one[0] != "ok"]


def test_all_is_well(store_url: str, file: Path) -> None:
    """A store with jobs, a mapping with its key: everything is fine, and each thing was looked at."""
    with stage(store_url) as one:
        one.accept(call(1), call(2))
        findings = examined(store_url, file)
    assert wrong(findings) == []
    looked = {"mapping", "settings", "store", "schema", "durability", "sums", "clock", "worker"}
    assert looked <= {what for _, what in findings}
    if store_url.startswith("sqlite"):
        assert {"library", "files", "disk"} <= {what for _, what in findings}


def test_a_page_for_people(one: Stage, file: Path) -> None:
    """A mark, what was looked at, what to do; within the screen's width; exit 2, because the key is missing."""
    each_state(one)
    for width in (40, 80, 120):
        ended = run("doctor", "--store", one.url, "-m", file, env={"COLUMNS": str(width)})
        assert ended.code == 2
        assert "EXAMPLE_KEY" in ended.out
        assert "mapper queue resolve" in " ".join(ended.out.split())
        assert ended.out.splitlines()[-1] == "1 error and 2 warnings"
        lines = [line for line in ended.out.splitlines() if one.url not in line]  # a path is not broken
        assert max(len(line) for line in lines) <= width
        assert CANARY not in ended.out + ended.err


def test_settings_and_mappings(one: Stage, file: Path, tmp_path: Path) -> None:
    """A missing secret is told by its name; a mapping that does not compile, or is not there, is an error."""
    assert wrong(examined(one.url, file, {})) == [("error", "settings")]
    broken = tmp_path / "broken.yaml"
    broken.write_text("mapping: 1\n", encoding="utf-8")
    for path in (broken, tmp_path / "none.yaml"):
        assert wrong(examined(one.url, path)) == [("error", "mapping")]
    ended = run("doctor", "--store", one.url, "-m", file, "--setting", "key=sesame")
    assert (ended.code, "sesame" in ended.out + ended.err) == (2, False)


def test_a_store_that_is_not_there(tmp_path: Path, file: Path) -> None:
    """It is not made by looking; where not even its directory is there, that is an error."""
    assert wrong(examined(tmp_path / "none.db", file)) == [("warning", "store")]
    assert wrong(examined(tmp_path / "none" / "mapper.db", file)) == [("error", "store")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.yaml"]


def test_a_file_that_is_no_store(tmp_path: Path, file: Path) -> None:
    """Another program's file is refused and left as it is."""
    for name, content in (("text.db", b"no database at all" * 60), ("other.db", None)):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        else:
            with sqlite3.connect(path) as connection:
                connection.execute("CREATE TABLE theirs (x)")
            connection.close()
        path.chmod(0o600)
        before = path.read_bytes()
        assert ("error", "store") in examined(path, file)
        if content is not None:
            assert path.read_bytes() == before


def test_a_newer_store(one: Stage, file: Path) -> None:
    """A store of a newer version is refused untouched."""
    one.outbox.close()
    with sqlite3.connect(one.url) as connection:
        connection.execute("UPDATE store SET version = 99")
    connection.close()
    assert wrong(examined(one.url, file)) == [("error", "store")]


def test_sums_that_do_not_add_up(one: Stage, file: Path) -> None:
    """A job that is in no state, or in two, is the worst there is."""
    one.accept(call(1), call(2))
    with sqlite3.connect(one.url) as connection:
        connection.execute("DELETE FROM job WHERE id = 1")
    connection.close()
    assert wrong(examined(one.url, file)) == [("error", "sums")]


@pytest.mark.parametrize("change", ["id = 1", "id = id + 5"])
def test_people_who_share_a_number(change: str, one: Stage, file: Path) -> None:
    """Whoever forgets one of them would forget the other, too; the same where a number is to be given again."""
    one.accept(call(1, userId="ada"), call(2, userId="bob"))
    assert wrong(examined(one.url, file)) == []
    with sqlite3.connect(one.url) as connection:
        connection.execute(f"UPDATE identity SET {change}")  # noqa: S608 - our own words
    connection.close()
    assert wrong(examined(one.url, file)) == [("error", "sums")]


def test_files_that_others_can_read(one: Stage, file: Path) -> None:
    """The store's own; what else begins with its name is none of it."""
    for name in (".copy", "-notes"):
        Path(one.url + name).write_bytes(b"")
        Path(one.url + name).chmod(0o644)
    Path(f"{one.url}.old").mkdir(0o755)
    assert wrong(examined(one.url, file)) == []
    Path(f"{one.url}-wal").chmod(0o644)
    assert wrong(examined(one.url, file)) == [("warning", "files")]


@pytest.mark.parametrize("where", ["", " ", ".", "sqlite://", "sqlite:///"])
def test_a_name_that_is_no_stores(where: str, tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty name, or a directory, is said to be one; nobody is told to close other files to others."""
    monkeypatch.chdir(tmp_path)
    Path("env.sh").touch(0o644)
    ended = run("doctor", "--store", where, "-m", file, env=_KEY)
    assert ended.code == 2
    assert ("is empty" if not where.strip() else "is a directory") in " ".join(ended.out.split())
    assert "chmod" not in ended.out
    assert wrong(examined(where, file)) == [("error", "store")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["env.sh", "small.yaml"]


def test_a_disk_that_is_full(one: Stage, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Little room is a warning, next to none an error."""
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - as shutil has it
    for free, level in ((200 << 20, "warning"), (1 << 20, "error")):
        monkeypatch.setattr(examinations.shutil, "disk_usage", lambda _, free=free: usage(1 << 40, 0, free))
        assert wrong(examined(one.url, file)) == [(level, "disk")]


def test_a_clock_that_is_wrong(one: Stage, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that has seen a later time than this machine's is told; so is a machine that is years behind."""
    one.accept(call(1))
    with sqlite3.connect(one.url) as connection:
        connection.execute("UPDATE intake SET clock = clock + 3600")
    connection.close()
    assert wrong(examined(one.url, file)) == [("warning", "clock")]
    monkeypatch.setattr(examinations, "_SOONEST", 1e11)
    assert ("error", "clock") in examined(one.url, file)


def test_a_databases_clock_far_from_ours(one: Stage, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock that counts and this machine's differ: retries come at another time than people think."""
    one.accept(call(1))
    monkeypatch.setattr(SteadyClock, "now", lambda _: 2e9)
    assert ("warning", "clock") in examined(one.url, file)


_FAULTY = [(3, 40, 1), (3, 44, 5), (3, 45, 0), (3, 50, 6), (3, 51, 2)]
_MENDED = [(3, 44, 6), (3, 50, 7), (3, 51, 3), (3, 52, 0)]


@pytest.mark.parametrize("version", _FAULTY + _MENDED)
def test_the_fault_of_sqlite(version: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions with the WAL-reset fault are named, and said to do no harm here."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    finding: Any = examinations._sqlite()  # noqa: SLF001 - the machine has one version
    assert (finding.level, "WAL-reset" in finding.said) == ("ok", version in _FAULTY)


def _of_workers(one: Stage, file: Path) -> list[tuple[str, str]]:
    """What the doctor says of workers: how bad that is, and the words."""
    ended = run("doctor", "--store", one.url, "-m", file, "--format", "json", env=_KEY)
    findings = json.loads(ended.out)["findings"]
    return [(str(each["level"]), str(each["said"])) for each in findings if each["what"] == "worker"]


def test_a_worker_for_another_account_is_none_of_this_one(one: Stage, file: Path) -> None:
    """It has the store, and sends nothing of what waits for another address: that is told, with what to do."""
    one.accept(call(1), call(2))
    with one.ledger.store.worker("Example at elsewhere"):
        works, waits = _of_workers(one, file)
    assert works == ("ok", f"process {os.getpid()}, for Example at elsewhere")
    process = f"process {os.getpid()} is the store's one worker, for Example at elsewhere"
    assert waits == ("warning", f"Example: nothing sends its 2 jobs: {process}")


def test_what_a_worker_that_is_gone_had_under_way(one: Stage, file: Path) -> None:
    """It may have been taken: all is not well, though nothing is unknown yet."""
    (job,) = one.accept(call(1))
    one.start(job)
    nobody, gone = _of_workers(one, file)
    assert nobody[1].startswith("none: the same `mapper send` again, or `mapper worker` with the same -m, --to")
    assert gone == ("warning", "Example: 1 sending at a worker that is gone: they may have been taken")
    with one.ledger.worker():
        assert len(_of_workers(one, file)) == 1


def test_who_works(one: Stage, file: Path) -> None:
    """The process that holds the worker's lock is named, and looking does not disturb it."""

    def worker() -> str:
        (found,) = _of_workers(one, file)
        return found[1]

    assert worker().startswith("none")
    with one.ledger.worker():
        assert worker() == f"process {os.getpid()}, for Example"
    assert worker().startswith("none")
    with Path(f"{one.url}.worker").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody kept it


def test_a_store_that_cannot_be_made_is_said() -> None:
    """A file system on which nobody can make a file: better now than when the first events come."""
    if not Path("/proc/self").is_dir():
        pytest.skip("no directory here in which nobody can make a file: there is no /proc")
    ended = run("doctor", "--store", "/proc/mapper.db")
    assert ended.code == 2
    assert "nothing can be made in /proc" in " ".join(ended.out.split())
