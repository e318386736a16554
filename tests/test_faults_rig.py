"""The rig of the fault tests: each of its parts is right by itself, and finds what it is there to find."""

from __future__ import annotations

import ast
import contextlib
import http.client
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from faults import behaviours, events, journal, kills, powercut, programs, syscalls, writer
from faults.receiver import Control
from faults.syscalls import Operation

from mapper import pipeline

# ------------------------------------------------------------------------------------------------ what is posted


@pytest.mark.parametrize("name", ["mapping.yaml", "mapping-resend.yaml"])
def test_the_mapping_makes_the_expected_body(name: str) -> None:
    """What the checker expects, written down by hand, is what the product's mapping makes of the event."""
    text = (programs.HERE / name).read_text("utf-8")
    settings = {"FAULTS_URL": "http://127.0.0.1:1/orders", "FAULTS_TOKEN": events.TOKEN}
    mapper = pipeline.loads(text, environ=settings)
    event = events.event("seed", 7, at=events.now())
    result = mapper.transform(event.raw)
    assert result.request is not None
    assert result.request.content == event.expected
    assert mapper.plan.send.unknown == ("resend" if "resend" in name else "hold")


def test_events_are_a_function_of_their_seed() -> None:
    """The same seed and number make the same event; another number another one, and people may share."""
    assert events.event("a", 3) == events.event("a", 3)
    assert events.event("a", 3).digest != events.event("a", 4).digest
    assert events.event("a", 1, users=2).user_id == events.event("a", 3, users=2).user_id
    assert events.event("a", 3).secret.encode() in events.event("a", 3).raw


def test_nothing_of_the_product_is_imported() -> None:
    """The judge shares no code with the judged; only the driver program ``worker`` names its modules."""
    for path in programs.HERE.glob("[!t]*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        names = [each.module or "" for each in ast.walk(tree) if isinstance(each, ast.ImportFrom) and not each.level]
        names += [one.name for each in ast.walk(tree) if isinstance(each, ast.Import) for one in each.names]
        assert {name.partition(".")[0] for name in names} <= {*sys.stdlib_module_names}, path.name
        texts = [each.value for each in ast.walk(tree) if isinstance(each, ast.Constant)]
        assert path.name == "worker.py" or not any(str(text).startswith("mapper.apps") for text in texts)


# ------------------------------------------------------------------------------------------------ the receiver


class Bench:
    """A running receiver, its files, and a client."""

    def __init__(self, url: str, room: Path) -> None:
        self.port = urlsplit(url).port or 0
        self.log = room / "receiver.log"
        self.control = room / "control.json"

    def lines(self, event: str | None) -> list[dict[str, Any]]:
        """What was written down of an event."""
        return [line for line in journal.read(self.log) if line["kind"] == "request" and line["event"] == event]

    def post(self, event: str, length: int = 0, until: int = 200_000) -> bytes:
        """Post an event and read what comes back, at most ``until`` bytes; as much as came where it breaks off."""
        body = json.dumps({"wrapped": {"event_id": event, "more": "x" * length}}).encode()
        found = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as client:
            with contextlib.suppress(ConnectionError):
                client.sendall(b"POST /orders HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                while len(found) < until and (piece := client.recv(65_536)):
                    found += piece
                    if found.endswith(b"{}"):
                        break
            return found


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A receiver whose script holds every behaviour: the event's id says which."""
    room = tmp_path_factory.mktemp("receiver")
    named = {name: [name] for name in behaviours.NAMED}
    waits = {"429:2|3": ["429:2|3"], "503:Sun, 06 Nov 1994 08:49:37 GMT": ["503:Sun, 06 Nov 1994 08:49:37 GMT"]}
    Control({**named, **waits, "three": ["500", "404", "202"]}).write(room / "control.json")
    with programs.receiver(room / "receiver.log", room / "control.json") as url:
        yield Bench(url, room)


def test_a_script_is_played_and_written_down(bench: Bench) -> None:
    """The first, second and third answers come in order; a fourth attempt, and one after a 2xx, are breaches."""
    answers = [bench.post("three").split(b" ")[1] for _ in range(4)]
    assert answers == [b"500", b"404", b"202", b"202"]
    lines = bench.lines("three")
    assert [line["attempt"] for line in lines] == [1, 2, 3, 4]
    assert [line["status"] for line in lines] == [500, 404, 202, 202]
    assert [line["breach"] for line in lines] == [None, None, None, "after_2xx"]
    assert all(line["complete"] and line["usable"] for line in lines)
    body = json.dumps({"wrapped": {"event_id": "three", "more": ""}}).encode()
    assert {line["sha256"] for line in lines} == {events.digest(body)}
    assert lines[0]["mono"] <= lines[1]["mono"] <= time.monotonic()


def test_more_attempts_than_scripted_are_noted(bench: Bench) -> None:
    """After the last behaviour of a script, which was no 2xx, there should have been nothing more."""
    bench.post("reset_after_read")
    bench.post("reset_after_read")
    assert [line["breach"] for line in bench.lines("reset_after_read")][-1] == "unscripted"


@pytest.mark.parametrize(
    ("name", "start", "contains"),
    [
        ("429:2|3", b"HTTP/1.1 429 ", b"Retry-After: 2\r\nRetry-After: 3\r\n"),
        ("503:Sun, 06 Nov 1994 08:49:37 GMT", b"HTTP/1.1 503 ", b"Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
        ("reset_before_read", b"", b""),
        ("truncate", b"HTTP/1.1 202 ", b"Content-Length: 1000\r\n"),
        ("truncate_chunked", b"HTTP/1.1 202 ", b"\r\n\r\n400\r\n{"),
        ("redirect", b"HTTP/1.1 302 ", b"Location: /elsewhere\r\n"),
        ("bomb", b"HTTP/1.1 200 ", b"Content-Encoding: gzip\r\n"),
        ("endless", b"HTTP/1.1 200 ", bytes(100_000)),
        ("headers", b"HTTP/1.1 202 ", b"x" * 100_000),
        ("flood_103", b"HTTP/1.1 103 ", b"\r\n\r\nHTTP/1.1 103 "),
        ("drip", b"HTTP/1.1 202 ", b"X-Slow: ."),
        ("half_close", b"", b""),
    ],
)
def test_a_behaviour_does_what_its_name_says(bench: Bench, name: str, start: bytes, contains: bytes) -> None:
    """What the sender gets, and that the log says how much of the request was taken."""
    until = {"flood_103": 200, "drip": 40, "redirect": 10}.get(name, 200_000)
    found = bench.post(name, until=until)
    assert found.startswith(start)
    assert contains in found
    assert bool(found) == bool(start)
    (line,) = bench.lines(name)
    assert line["complete"] == (name != "reset_before_read")
    assert line["status"] == (int(start.split()[1]) if start and name != "flood_103" else None)


def test_half_of_a_large_request_is_half(bench: Bench) -> None:
    """A megabyte of which only half is read is not complete, and its event is known."""
    assert bench.post("reset_half", length=1_000_000) == b""
    (line,) = bench.lines("reset_half")
    assert 490_000 < line["bytes"] < 510_000
    assert not line["complete"]


def test_a_hanging_receiver_says_nothing(bench: Bench) -> None:
    """It has read everything and answers nothing while the sender waits."""
    with socket.create_connection(("127.0.0.1", bench.port), timeout=0.2) as client:
        client.sendall(b'POST / HTTP/1.1\r\nContent-Length: 20\r\n\r\n{"event_id": "hang"}')
        with pytest.raises(TimeoutError):
            client.recv(1)
    assert bench.lines("hang")[0]["complete"]


def test_a_request_that_breaks_off_is_written_down(bench: Bench) -> None:
    """A sender that dies within its body leaves a line that is not complete."""
    with socket.create_connection(("127.0.0.1", bench.port), timeout=5) as client:
        client.sendall(b'POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"event_id": "torn"')
        client.shutdown(socket.SHUT_WR)
        client.recv(1)
    (line,) = bench.lines("torn")
    assert not line["complete"]


def test_several_hundred_requests_a_second(bench: Bench) -> None:
    """300 on one connection, each on the disk before its answer, in well under two seconds."""
    started = time.monotonic()
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", bench.port, timeout=5)) as line:
        for number in range(300):
            line.request("POST", "/orders", events.event("fast", number).expected)
            assert line.getresponse().read() == b"{}"
    assert time.monotonic() - started < 2
    assert all(bench.lines(events.event("fast", number).id) for number in (0, 299))


@pytest.mark.parametrize("name", ["on_connect", "kill_connected", "kill_half", "kill_full", "kill_status"])
def test_the_receiver_kills_the_sender(name: str, tmp_path: Path) -> None:
    """P10 to P13: the process is dead before the connection ends, and the log says how much had arrived."""
    log, control = tmp_path / "log", tmp_path / "control.json"
    pid_file = tmp_path / "pid"
    Control(
        {"e": [name]} if name != "on_connect" else {}, pid_file=str(pid_file), on_connect=name == "on_connect"
    ).write(control)
    with programs.receiver(log, control) as url, subprocess.Popen([shutil.which("sleep") or "sleep", "60"]) as victim:
        pid_file.write_text(str(victim.pid), "utf-8")
        found = Bench(url, tmp_path).post("e")
        assert victim.wait(timeout=5) == -9
    assert found == (b"HTTP/1.1 202 Accepted\r\n" if name == "kill_status" else b"")
    lines = journal.read(log)
    assert [line["pid"] for line in lines if line["kind"] == "killed"] == [victim.pid]
    assert [line["complete"] for line in lines if line["kind"] == "request"] == {
        "on_connect": [],
        "kill_connected": [False],
        "kill_half": [False],
        "kill_full": [True],
        "kill_status": [True],
    }[name]


# ------------------------------------------------------------------------------------------------ the power cut


def hexed(text: str) -> str:
    """A text as strace -xx writes it."""
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def test_a_trace_is_read() -> None:
    """Files have identities beyond their names; a call in two pieces has its place; what is outside is left out."""
    at = f"<{hexed('/r/a')}>"
    lines = [
        f'7  openat(AT_FDCWD</x>, "{hexed("/r/a")}", O_RDWR|O_CREAT, 0644) = 3{at}',
        f'7  openat(AT_FDCWD</x>, "{hexed("/etc/p")}", O_RDONLY) = 4<{hexed("/etc/p")}>',
        f'7  pwrite64(3{at}, "{hexed("one")}", 3, 0 <unfinished ...>',
        f'8  write(1<{hexed("pipe:[1]")}>, "{hexed("acked e1")}\\x0a", 9) = 9',
        "8  fsync(3" + at + ") = 0",
        "7  <... pwrite64 resumed>) = 2",
        f'7  pwrite64(3{at}, "{hexed("two")}", 3, 9) = -1 ENOSPC (No space left on device)',
        f"7  fdatasync(3{at} <unfinished ...>",
        "7  <... fdatasync resumed>) = 0",
        f"7  fsync(5<{hexed('/r')}>) = 0",
        f'7  rename("{hexed("/r/a")}", "{hexed("/r/b")}") = 0',
        f'7  unlink("{hexed("/r/b")}") = 0',
        f"7  ftruncate(3<{hexed('/r/b')} (deleted)>, 1) = 0".replace(
            hexed("/r/b") + " (deleted)", hexed("/r/b (deleted)")
        ),
        f'7  openat(AT_FDCWD</x>, "{hexed("/r/a-shm")}", O_RDWR|O_CREAT, 0644) = 3<{hexed("/r/a-shm")}>',
        f'7  openat(AT_FDCWD</x>, "{hexed("/r/a")}", O_RDWR|O_CREAT, 0644) = 3{at}',
    ]
    assert syscalls.parse(lines, Path("/r")) == [
        Operation("create", 1, "a"),
        Operation("write", 1, data=b"on", at=0),
        Operation("ack", name="e1"),
        Operation("sync", 1, before=3, under_way=(1,)),
        Operation("sync", 1, before=4),
        Operation("sync_directory", before=5),
        Operation("rename", 1, "a", "b"),
        Operation("unlink", 1, "b", "b"),
        Operation("truncate", 1, at=1),
        Operation("create", 2, "a"),
    ]


def disks(operations: list[Operation]) -> set[tuple[tuple[str, bytes], ...]]:
    """Every disk that a power cut may leave after the last of the operations."""
    found: set[tuple[tuple[str, bytes], ...]] = set()

    def check(directory: Path, acked: tuple[str, ...]) -> None:
        if acked:
            found.add(tuple(sorted((path.name, path.read_bytes()) for path in directory.iterdir())))

    for seed in range(20):
        powercut.explore([*operations, Operation("ack", name="end")], check, seed=seed)
    return found


def test_only_what_was_synced_is_certain() -> None:
    """Of two unsynced writes each may be there without the other; what was synced is there in any case."""
    made = [Operation("create", 1, "f"), Operation("sync_directory", before=1)]
    first, second = Operation("write", 1, data=b"A"), Operation("write", 1, data=b"B", at=1)
    assert disks([*made, first, second]) == {(("f", text),) for text in (b"", b"A", b"AB", b"\0B")}
    assert disks([*made, first, Operation("sync", 1, before=3), second]) == {(("f", text),) for text in (b"A", b"AB")}
    assert disks([*made, first, Operation("sync", 1, before=3, under_way=(2,))]) == {(("f", b""),), (("f", b"A"),)}


def test_names_are_as_certain_as_their_directory() -> None:
    """A name appears, moves and goes in order, at the latest with the sync of the directory."""
    made = [Operation("create", 1, "f"), Operation("create", 2, "g")]
    both = (("f", b""), ("g", b""))
    assert disks(made) == {(), both[:1], both}
    synced = [*made, Operation("sync_directory", before=2)]
    assert disks(synced) == {both}
    assert disks([*synced, Operation("rename", 1, "f", "g")]) == {both, both[1:]}
    assert disks([*synced, Operation("unlink", 2, "g", "g")]) == {both, both[:1]}


def test_a_write_is_torn_at_sectors() -> None:
    """Of a write of three sectors any may be missing; none is ever torn within."""
    made = [Operation("create", 1, "f"), Operation("sync_directory", before=1)]
    found = disks([*made, Operation("write", 1, data=b"A" * 1000, at=300)])
    images = {image[300:].ljust(1000, b"\0") for ((_, image),) in found}
    assert {len(set(piece)) for image in images for piece in (image[:212], image[212:724], image[724:])} == {1}
    assert len(images) > 4


def explored(room: Path, synchronous: str) -> powercut.Report:
    """What a power cut may do to the small writer."""
    root = room / "disk"
    root.mkdir()
    words = programs.command("writer", root / "jobs.db", "--synchronous", synchronous, "--rows", "20")
    try:
        syscalls.record(words, room / "trace", environ=programs.environment())
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no strace that may trace: {type(error).__name__}")
    return powercut.explore(syscalls.parse((room / "trace").read_text("ascii").splitlines(), root), writer.verdict)


def test_sqlite_with_full_loses_nothing(tmp_path: Path) -> None:
    """WAL with synchronous=FULL: no state of many without a row that was acknowledged."""
    report = explored(tmp_path, "FULL")
    assert report.acks == 39
    assert report.states > 400
    assert not report.faults


def test_sqlite_with_normal_loses_rows(tmp_path: Path) -> None:
    """The control: with synchronous=NORMAL acknowledged rows are lost, and nothing is corrupt."""
    report = explored(tmp_path, "NORMAL")
    assert set(report.faults) == {"lost"}
    assert report.faults["lost"] > report.states / 5


# ------------------------------------------------------------------------------------------------ the campaign


def standin(room: Path, *points: str, bug: str | None = None) -> list[kills.Result]:
    """The campaign against the stand-in."""
    told: list[str] = []
    order = kills.Campaign(
        times=1, product="standin", lease=0.3, patience=0.75, lanes=4, room=room, points=points, bug=bug
    )
    results = kills.campaign(order, told.append)
    assert len(told) >= len(results) / 2
    return results


def test_the_campaign_is_calm_about_a_product_that_keeps_its_promises(tmp_path: Path) -> None:
    """A point of each kind: every process died where it should, nothing is wrong, and only resend repeats."""
    results = standin(tmp_path, "P4", "P10", "P14", "P17", "P19b")
    assert [(result.point.name, result.broken, result.faults) for result in results if result.faults] == []
    assert {result.kills for result in results} == {1}
    twice = [(result.point.name, result.policy) for result in results if result.duplicates]
    assert twice == [("P14", "resend")]


def test_a_lane_that_breaks_is_told(tmp_path: Path) -> None:
    """A product that cannot be started is a fault, not a success without kills."""
    order = kills.Campaign(times=1, product="nothing", points=("P4",), room=tmp_path)
    told: list[str] = []
    assert [result.faults for result in kills.campaign(order, told.append)] == [{"broken": 1}] * 2
    assert "the fork server did not start" in told[0]


@pytest.mark.parametrize(
    ("bug", "point", "fault"),
    [
        ("early", "P3", "lost"),
        ("late_mark", "P14", "duplicated"),
        ("twice", "P12", "duplicated"),
        ("garbled", "P14", "corrupted"),
        ("forgetful", "P9", "stuck"),
        ("eager", "P4", "duplicated_outside"),
        ("clinging", "P19a", "residue"),
        ("talking", "P14", "leaked"),
    ],
)
def test_the_campaign_finds_a_mistake(bug: str, point: str, fault: str, tmp_path: Path) -> None:
    """Each mistake of the stand-in is found, and named."""
    assert fault in {name for result in standin(tmp_path, point, bug=bug) for name in result.faults}


def test_every_point_is_there_once() -> None:
    """P2 to P5, P7 to P17 and P19."""
    names = [point.name for point in kills.POINTS]
    assert names == [f"P{n}" for n in (2, 3, 4, 5, *range(7, 18))] + ["P19a", "P19b"]
