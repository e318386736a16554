"""A full disk: a real file system of a few megabytes, in memory, with an SQLite store on it.

Knows how a file system is made, filled and emptied. Must not know how SQLite, or the product, notices.

Only a real one will do: under SQLite's own ``max_page_count`` updates still succeed that fail on a full disk.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from . import journal
from .report import Options, Report
from .stage import Part, Stage, told

#: What is left on a full disk, in bytes: less than a page.
_FULL: Final = 4096
#: Requests of which the start was written just before the disk was full.
_BEGUN: Final = 6


@contextlib.contextmanager
def small(directory: Path, megabytes: int) -> Iterator[str]:
    """A file system of its own at an empty directory for as long as the block runs; why there is none, or nothing."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or mount is None or umount is None:
        yield "only root can mount a file system"
        return
    words = [mount, "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(directory)]
    mounted = subprocess.run(words, check=False, capture_output=True, text=True)
    if mounted.returncode:
        yield f"no file system can be mounted here: {mounted.stderr.strip()}"
        return
    try:
        yield ""
    finally:
        subprocess.run([umount, "--lazy", str(directory)], check=False)


def full(*, megabytes: int = 40, rounds: int = 2, batch: int = 10, pause: float = 1.5) -> Part:
    """The disk of an SQLite store runs full, first while events come in, then while they are sent.

    ``megabytes`` has to be more than SQLite's log grows to before it is brought into the file (16 MB): on a smaller
    disk the log itself takes all the room. ``rounds`` times each, ``pause`` seconds long.

    A batch is refused whole, in words, and nothing of it is acknowledged; nothing leaves whose start cannot be written;
    the file is whole; and when there is room again all goes on by itself, each event once.
    """
    part = Part("disk full")
    with Stage(send=["rate: 20/second"], lease=60.0, schedule={"steps": [0.5]}) as stage:
        disk = stage.room / "store"
        with small(disk, megabytes) as refused:
            if refused:
                part.skipped = refused
                return part
            with stage.running("service"):
                for _ in range(rounds):
                    _accepting(part, stage, disk, batch)
                    _sending(part, stage, batch, pause)
                stage.judge(part)
                states = set(stage.states().values())
                part.due(states == {"delivered"}, f"ended as {sorted(states)}")
    return part.ended()


def _accepting(part: Part, stage: Stage, disk: Path, batch: int) -> None:
    """Post until the disk is full; then make room, and post the same again."""
    taken = refused = 0
    last = [stage.event() for _ in range(batch)]
    with _filled(disk, 200_000):
        while stage.driver.post(*last) is not None and taken < 1000:
            taken += 1
            last = [stage.event() for _ in range(batch)]
        for _ in range(5):
            refused += stage.driver.post(*last) is None
        part.due(refused == 5, "events were taken on a full disk")
        part.due(_said(stage), "it did not say that the disk is full")
        part.due(_rows(stage) == len(_acked(stage)), "rows that were not acknowledged, or the other way round")
        part.due(_whole(stage), "the file is damaged")
    part.figures["batches taken"] = int(part.figures.get("batches taken", 0)) + taken
    part.figures["refused whole"] = int(part.figures.get("refused whole", 0)) + refused + 1
    took = stage.until(lambda: stage.driver.post(*last) is not None, 10.0)
    part.due(took is not None, "nothing is taken although there is room")


def _sending(part: Part, stage: Stage, batch: int, pause: float) -> None:
    """Fill the disk while a worker sends; then make room, and let it end."""
    disk = stage.room / "store"
    with stage.running("worker") as (pid,):
        stage.clear()
        before = len(stage.received())
        stage.post(batch * 4)
        stage.until(lambda: len(stage.received()) > before + batch // 2, 10.0)
        with _filled(disk, 0):
            begun = len(stage.received())
            time.sleep(pause)
            left = len(stage.received()) - begun
        part.due(stage.forks.wait(pid, 0) is None, "the worker died")
        part.due(stage.clear(30.0) is not None, "it does not go on although there is room")
        part.figures["sent while full"] = int(part.figures.get("sent while full", 0)) + left
        # What was begun already, or in the same moment, may still leave; the rate has thirty others leave meanwhile.
        part.due(left <= _BEGUN, f"{left} requests left on a full disk")
        stage.post(batch)
        part.due(stage.clear(20.0) is not None, "a fresh event does not arrive")


@contextlib.contextmanager
def _filled(disk: Path, room: int) -> Iterator[None]:
    """All of a disk but so many bytes is somebody else's for as long as the block runs."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        count = max(0, shutil.disk_usage(disk).free - room)
        with contextlib.suppress(OSError):
            file.write(bytes(count))
            while room == 0:
                file.write(bytes(_FULL))
    try:
        yield
    finally:
        ballast.unlink()


def _said(stage: Stage) -> bool:
    """Whether the accepting process spoke of a full disk, in the product's own words."""
    return "disk is full" in (stage.room / "noise.txt").read_text("utf-8", "replace")


def _acked(stage: Stage) -> set[str]:
    return {line["event"] for line in journal.read(stage.room / "driver.log") if line["kind"] == "acked"}


def _rows(stage: Stage) -> int:
    with contextlib.suppress(ConnectionError, http.client.HTTPException):
        return len(stage.driver.look("/ledger"))
    return -1


def _whole(stage: Stage) -> bool:
    """Whether a copy of the store's files, made elsewhere, is sound."""
    copy = stage.room / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for path in (stage.room / "store").glob("mapper.db*"):
        shutil.copy(path, copy)
    with contextlib.closing(sqlite3.connect(copy / "mapper.db")) as database:
        return database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def _full(options: Options) -> Report:
    return told(full(rounds=max(1, round(2 * options.scale))))


#: For the campaign.
PARTS: Final = [("disk full", _full)]
