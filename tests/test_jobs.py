"""``mapper transform --jobs N`` writes, byte for byte, what one process writes, and never less without saying so."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from command_line import ROOT, SMALL, Ended, call, run
from hypothesis import given, settings
from hypothesis import strategies as st

from mapper import pipeline
from mapper.apps.cli import bodies, counts, sinks
from mapper.apps.cli.jobs import frames, worker, workers
from mapper.apps.cli.jobs.frames import Order, Part
from mapper.readers import UnreadableError, ndjson
from mapper.readers.events import Reader

READY, WRONG, STOPPED = (json.dumps(call(**t)).encode() for t in ({"email": "a@b.c"}, {"email": "x"}, {"stop": True}))
#: Warned of, invalid twice over, no JSON, no text, a call of another type.
ODD = (
    json.dumps(call(email="ü@b.c", tier="gold")).encode(),
    b'{"type": "identify", "userId": "u9", "traits": {"email": 7}}',
    b'{"a": 1, "a": 2}',
    b"\xff{",
    b'{"type": "track", "event": "x"}',
)
LINES = (READY, WRONG, STOPPED, *ODD, b"", b"  \t", b"\xef\xbb\xbf" + READY, b"{", b"}", b"[", READY[:20])
ENDS = (b"\n", b"\r\n", b"\n\n")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of its own for each test, with a small mapping that is the default, and small ranges."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAPPER_MAPPING", "small.yaml")
    monkeypatch.setattr(workers, "LEAST", 300)
    Path("small.yaml").write_text(SMALL, "utf-8")
    return tmp_path


def mixed(count: int = 40) -> bytes:
    """Lines of every kind, with every end, and none at the end."""
    return b"".join(LINES[i * 7 % len(LINES)] + ENDS[i % 3] for i in range(count)) + READY


def both(*arguments: object, jobs: int = 3) -> tuple[Ended, Ended]:
    """A run by one process and by several, and the files that each wrote."""
    one = run("transform", *arguments)
    return one, run("transform", *arguments, "--jobs", jobs)


# ----------------------------------------------------------------------------- the same bytes, whatever the file


def alone(name: str, reader: Reader, *, full: bool) -> tuple[Any, ...]:
    """What one process makes of a file: bodies, rejects, counts, and the error that stopped it."""
    sink, error = sinks.Sink(io.BytesIO(), io.BytesIO()), ""
    try:
        with ndjson.opened(name) as stream:
            bodies.Writer(reader, sink, full).write(name, ndjson.texts(stream, name))
    except UnreadableError as raised:
        error = str(raised)
    return told(sink, error)


def joined(order: Order) -> tuple[Any, ...]:
    """What several workers make of it, each run to its end in this process."""
    pipes = [io.BytesIO() for _ in range(order.workers)]
    for number, pipe in enumerate(pipes):
        worker.answer(frames.order(order.encoded(number))[1], number, pipe)
        pipe.seek(0)
        ready = frames.read(pipe)
        assert ready is not None
        assert ready.account["ready"]
    sink, error = sinks.Sink(io.BytesIO(), io.BytesIO()), ""

    def take(number: int) -> frames.Frame:
        frame = frames.read(pipes[number])
        assert frame is not None
        return frame

    try:
        workers.join(order, take, sink)
    except workers.MapperError as raised:
        error = str(raised)
    return told(sink, error)


def told(sink: sinks.Sink, error: str) -> tuple[Any, ...]:
    """Everything that a run says."""
    assert isinstance(sink.out, io.BytesIO)
    assert isinstance(sink.kept, io.BytesIO)
    return sink.out.getvalue(), sink.kept.getvalue(), list(sink.counts.lines("x")), error


#: How long a line may be in the property test, so that lines are too long, and longer than several ranges.
SHORT = 400
CONTENT = st.sampled_from([*LINES, b"x" * SHORT, b"y" * (SHORT + 1), b"z" * (3 * SHORT), b" " * (2 * SHORT) + READY])
PIECES = st.lists(st.tuples(CONTENT, st.sampled_from(ENDS)), max_size=14)


@settings(max_examples=100)
@given(
    PIECES,
    st.sampled_from([b"", READY, b"x" * 2 * SHORT]),
    st.integers(1, 900),
    st.sampled_from([(1, 0), (2, 1), (4, 0)]),
)
def test_any_file_cut_anywhere(pieces: list[tuple[bytes, bytes]], last: bytes, size: int, how: tuple[int, int]) -> None:
    """Line ends, blank, broken and endless lines, a torn end: cut anywhere, by any number, the bytes are the same."""
    jobs, full = how[0], bool(how[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ndjson, "MAX_LINE", SHORT)
        patch.setattr(ndjson, "_LIMIT", SHORT + 2)
        patch.setattr(ndjson, "AHEAD", 64)
        mapper = pipeline.load("small.yaml")
        Path("x.ndjson").write_bytes(b"".join(content + end for content, end in pieces) + last)
        order = workers.cut(["x.ndjson"], jobs, Order((), "small.yaml", None, (), full=full, rejects=True))
        assert order is not None
        order = replace(order, range_size=size, workers=jobs)
        assert joined(order) == alone("x.ndjson", Reader(mapper, mapper.resolved()), full=full)


@given(st.lists(st.sampled_from([b"ab\n", b"\n", b"abcdefgh\r\n", b"c"]), max_size=9), st.integers(1, 12))
def test_ranges_that_touch_give_each_line_once(pieces: list[bytes], size: int) -> None:
    """Whatever the size of the ranges: no line twice, none left out."""
    raw = b"".join(pieces)
    found = [
        text
        for start in range(0, len(raw), size)
        for text in ndjson.texts(io.BytesIO(raw), "x", start, min(start + size, len(raw)))
    ]
    assert found == list(ndjson.texts(io.BytesIO(raw), "x"))


def test_counts_can_be_added_in_any_order() -> None:
    """What the workers counted, merged, is said as if it was counted here."""
    mapper = pipeline.load("small.yaml")
    results = [mapper.transform(line) for line in (READY, WRONG, STOPPED, *ODD)]
    whole, merged = counts.Counts(), counts.Counts()
    for result in results:
        whole.add(result)
    for result in reversed(results):
        part = counts.Counts()
        part.add(result)
        merged.merge(json.loads(json.dumps(part.as_dict())))
    assert list(merged.lines()) == list(whole.lines())


# --------------------------------------------------------------------------------------------- with real processes


@pytest.mark.parametrize("options", [["--full"], ["-o", "out", "--rejects", "rejects"]])
def test_processes_write_what_one_writes(options: list[str]) -> None:
    """Several files, among them an empty one and one of a single event over many lines; all outputs and messages."""
    Path("a.ndjson").write_bytes(b"\xef\xbb\xbf" + mixed())
    Path("pretty.json").write_text(json.dumps(json.loads(WRONG), indent=2), "utf-8")
    Path("empty.ndjson").touch()
    Path("b.ndjson").write_bytes(mixed(30) + b"\n")
    wrote = []
    for jobs in (1, 2):
        ended = run("transform", "a.ndjson", "pretty.json", "empty.ndjson", "b.ndjson", *options, "--jobs", jobs)
        wrote.append((ended, [path.read_bytes() for path in (Path("out"), Path("rejects")) if path.exists()]))
    assert wrote[0] == wrote[1]
    assert wrote[0][0].code == 1


def test_settings_and_identity_reach_the_workers() -> None:
    """What is given on the command line counts in each process, and people are looked up."""
    Path("x.ndjson").write_bytes(b"".join(json.dumps({**call(), "userId": f"u{n}"}).encode() + b"\n" for n in range(9)))
    known = ({**call(email=f"e{n}@b.c"), "userId": f"u{n}", "messageId": f"k{n}"} for n in range(0, 9, 2))
    Path("people.ndjson").write_text("".join(json.dumps(person) + "\n" for person in known), "utf-8")
    one, many = both("x.ndjson", "--identity", "people.ndjson", "--setting", "tier=gold")
    assert many == one
    assert one.out.count('"tier":"gold"') == one.out.count("@b.c") == 5


@pytest.mark.parametrize(
    "arguments",
    [
        ["x.ndjson", "-m", "broken.yaml"],
        ["x.ndjson", "--setting", "key=s3cret"],
        ["x.ndjson", "list.json"],
        ["x.ndjson", "endless.json"],
    ],
)
def test_what_is_wrong_is_said_as_by_one_process(arguments: list[str]) -> None:
    """The same sentence, once, and the same exit code."""
    Path("x.ndjson").write_bytes(mixed())
    Path("broken.yaml").write_text("mapping: 1\nfields: {a: traits.}\n", "utf-8")
    Path("list.json").write_bytes(b"[" + READY + b"]\n")
    Path("endless.json").write_bytes(b"{\n" + b" " * ndjson.MAX_LINE * 2)
    one, many = both(*arguments)
    assert many == one
    assert one.code in {2, 3}


def test_what_one_process_has_to_do_is_done_by_one() -> None:
    """Standard input cannot be cut; one person's traits are for one person. Both are said, and nothing else differs."""
    Path("x.ndjson").write_bytes(b"".join(json.dumps(call()).encode() + b"\n" for _ in range(9)))
    Path("person.json").write_text('{"email": "one@b.c"}', "utf-8")
    piped = run("transform", "-", "--jobs", "2", stdin=READY)
    assert (piped.code, piped.out) == (0, '{"email":"a@b.c"}\n')
    assert piped.err.startswith(
        "note: standard input and pipes are mapped by one process: --jobs has no effect\n1 event"
    )
    one, many = both("x.ndjson", "--identity", "person.json")
    assert (many.code, many.out) == (one.code, one.out)
    assert many.err.startswith("note: one person's traits")


def test_a_mapping_that_can_be_read_once_is_read_by_one() -> None:
    """A pipe in the place of a file would give each worker another part of it."""
    Path("x.ndjson").write_bytes(mixed())
    os.mkfifo("mapping.yaml")
    command = (
        f'cat small.yaml > mapping.yaml & "{sys.executable}" "{ROOT / "cli.py"}" transform x.ndjson -m mapping.yaml'
    )
    ended = subprocess.run(["/bin/sh", "-c", f"{command} --jobs 2"], capture_output=True, check=False, timeout=20)
    assert ended.stderr.startswith(b"note: standard input and pipes")
    assert ended.stdout == run("transform", "x.ndjson").out.encode()


def test_as_many_as_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """0 means one a core, as far as this process may use them."""
    asked = []
    monkeypatch.setattr(workers, "cores", lambda: asked.append(1) or 2)
    Path("x.ndjson").write_bytes(mixed())
    one, many = both("x.ndjson", jobs=0)
    assert (many, asked) == (one, [1])
    assert workers.cores() == 2


def test_a_file_that_is_replaced_meanwhile_is_not_mixed() -> None:
    """Workers open the file by its name: another file under it is an error, not half of each."""
    Path("x.ndjson").write_bytes(mixed())
    order = workers.cut(["x.ndjson"], 2, Order((), "small.yaml", None, (), full=False, rejects=True))
    assert order is not None
    part = order.parts[0]
    order = replace(order, parts=(Part(part.name, part.size, (part.identity[0], part.identity[1] + 1)),))
    assert joined(order)[-1] == "x.ndjson was replaced while it was read"


@pytest.mark.parametrize("what", ["mapping", "identity"])
def test_a_mapping_or_people_replaced_at_the_start_are_not_mixed(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """The second worker finds another file under the name: an error before anything is written, never some of each."""
    Path("x.ndjson").write_bytes(mixed())
    people = json.dumps({**call(), "messageId": "m"}).encode()
    Path("people.ndjson").write_bytes(people)
    Path("out").write_text("old", "utf-8")
    files = {"mapping": ("small.yaml", SMALL.encode() + b"# other\n"), "identity": ("people.ndjson", people + b"\n")}
    start, first = subprocess.Popen, []

    def replacing(*arguments: Any, **options: Any) -> Any:
        if first:
            first[0].stdout.peek(1)  # it has answered, so that it has loaded everything
            file, content = files[what]
            Path("new").write_bytes(content)
            Path("new").replace(file)
        first.append(start(*arguments, **options))
        return first[-1]

    monkeypatch.setattr(subprocess, "Popen", replacing)
    ended = run("transform", "x.ndjson", "--identity", "people.ndjson", "-o", "out", "--jobs", 2)
    assert (ended.code, ended.out, Path("out").read_text("utf-8")) == (2, "", "old")
    assert ended.err.startswith(f"error: {files[what][0]} was replaced while the processes started")


def test_people_replaced_while_they_are_read_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker looks before and after: what it says it has read is not what it found last."""
    Path("x.ndjson").write_bytes(mixed())
    Path("people.ndjson").write_text(json.dumps({**call(), "messageId": "m"}), "utf-8")
    order = workers.cut(["x.ndjson"], 2, Order((), "small.yaml", "people.ndjson", (), full=False, rejects=False))
    assert order is not None
    read = worker.people.read

    def replaced(*arguments: Any) -> Any:
        found = read(*arguments)
        with Path("people.ndjson").open("a", encoding="utf-8") as file:
            file.write("\n")
        return found

    monkeypatch.setattr(worker.people, "read", replaced)
    pipe = io.BytesIO()
    worker.answer(order, 0, pipe)
    pipe.seek(0)
    ready = frames.read(pipe)
    assert ready is not None
    assert len(set(ready.account["identity"])) == 2
    with pytest.raises(UnreadableError, match=r"people\.ndjson was replaced"):
        workers.check_same([ready.account], "identity", "people.ndjson")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="it names files by what a process has open")
@pytest.mark.parametrize("name", ["/dev/stdin", "/proc/self/fd/0", "/dev/fd/0", "./link", "folder/0"])
def test_a_path_that_is_another_file_in_each_process_is_read_by_one(name: str) -> None:
    """Standard input by another name, from a regular file; and links to it, and a mapping that comes so."""
    Path("x.ndjson").write_bytes(mixed())
    Path("link").symlink_to("/dev/stdin")
    Path("folder").symlink_to("/dev/fd")
    command = [sys.executable, str(ROOT / "cli.py"), "transform", "--jobs", "2"]
    for arguments, file in ([name], "x.ndjson"), (["x.ndjson", "-m", name], "small.yaml"):
        with Path(file).open("rb") as stream:
            ended = subprocess.run([*command, *arguments], stdin=stream, capture_output=True, check=False, timeout=20)
        assert ended.stderr.startswith(b"note: standard input and pipes are mapped by one process")
        assert ended.stdout == run("transform", "x.ndjson").out.encode()


def test_a_link_to_a_file_is_that_file(here: Path) -> None:
    """Links of the ordinary kind are for workers, also one behind another."""
    Path("x.ndjson").write_bytes(mixed())
    Path("link").symlink_to(here / "x.ndjson")
    Path("again").symlink_to("link")
    assert workers.cut(["again"], 2, Order((), "small.yaml", None, (), full=False, rejects=False)) is not None


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_file_that_is_cut_short_meanwhile_is_an_error(monkeypatch: pytest.MonkeyPatch, jobs: int) -> None:
    """Its end would be missing in what is written, and nobody would know."""
    Path("x.ndjson").write_bytes((READY + b"\n") * 3_000)
    mapped = Reader.mapped

    def cutting(reader: Reader, raw: bytes) -> Any:
        os.truncate("x.ndjson", 1_000)
        return mapped(reader, raw)

    monkeypatch.setattr(Reader, "mapped", cutting)
    error = "x.ndjson was cut short while it was read"
    if jobs > 1:
        order = workers.cut(["x.ndjson"], jobs, Order((), "small.yaml", None, (), full=False, rejects=True))
        assert order is not None
        assert joined(order)[-1] == error
        return
    Path("out").write_text("old", "utf-8")
    ended = run("transform", "x.ndjson", "-o", "out")
    assert (ended.code, Path("out").read_text("utf-8")) == (2, "old")
    assert ended.err.startswith(f"error: {error}")


def test_a_mistake_in_a_worker_is_told_without_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in one process: exit 70 and our own lines, from where they were."""

    def fail(_: object, raw: bytes) -> None:
        raise ValueError(raw.decode())

    Path("x.ndjson").write_bytes(mixed())
    monkeypatch.setattr(Reader, "mapped", fail)
    order = workers.cut(["x.ndjson"], 2, Order((), "small.yaml", None, (), full=False, rejects=True))
    assert order is not None
    with pytest.raises(workers.mistakes.MistakeError) as raised:
        joined(order)
    assert "worker.py:" in str(raised.value)
    assert "a@b.c" not in str(raised.value)


# ----------------------------------------------------------------------------------------- broken off in the middle


@contextmanager
def started(*arguments: object, count: int = 4_000) -> Iterator[tuple[subprocess.Popen[bytes], BinaryIO]]:
    """A run as a program of its own, in the middle of its work: its rejects go to a pipe, which nobody reads yet."""
    Path("x.ndjson").write_bytes((WRONG + b"\n") * count)
    os.mkfifo("rejects")
    command = [sys.executable, str(ROOT / "cli.py"), "transform", "x.ndjson", "-o", "out", "--rejects", "rejects"]
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with (
        os.fdopen(os.open("rejects", os.O_RDONLY | os.O_NONBLOCK), "rb", 0) as rejects,
        subprocess.Popen([*command, *(str(a) for a in arguments)], **options) as process,
    ):
        until(lambda: rejects.read(1))
        yield process, rejects


def children(process: int) -> list[int]:
    """The processes that a process started."""
    return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text("ascii").split()]


def until(condition: Any) -> Any:
    """Wait for something to become true; fail where it does not within ten seconds."""
    end = time.monotonic() + 10
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


linux = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="it looks for processes in /proc")


@linux
@pytest.mark.parametrize(("number", "jobs"), [("SIGTERM", 1), ("SIGINT", 2), ("SIGTERM", 2), ("SIGHUP", 2)])
def test_a_signal_leaves_nothing_behind(number: str, jobs: int) -> None:
    """Neither a half-written file nor a process, and it does not wait for readers; the exit code says the signal."""
    with started("--jobs", jobs) as (process, _):
        left = children(process.pid)
        assert (len(left), len(list(Path().glob(".*.partial")))) == (jobs if jobs > 1 else 0, 1)
        process.send_signal(signal.Signals[number])
        process.send_signal(signal.Signals[number])
        assert process.communicate() == (b"", b"stopped\n")
    assert process.returncode == 128 + signal.Signals[number]
    assert sorted(path.name for path in Path().iterdir()) == ["rejects", "small.yaml", "x.ndjson"]
    assert not any(alive(child) for child in left)


@linux
def test_a_killed_worker_is_an_error() -> None:
    """Never an output that is silently short: a sentence, exit 2, and the old file stays."""
    Path("out").write_text("old", "utf-8")
    with started("--jobs", 2, count=20_000) as (process, rejects):
        os.kill(children(process.pid)[1], signal.SIGKILL)
        os.set_blocking(rejects.fileno(), True)
        kept = rejects.read()
        _, err = process.communicate()
    assert 0 < len(kept.splitlines()) < 20_000
    assert err.startswith(b"error: a worker process was killed by signal 9 before it was done")
    assert (process.returncode, Path("out").read_text("utf-8")) == (2, "old")


@linux
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_file_cut_short_leaves_the_old_output(jobs: int) -> None:
    """With processes of their own: a sentence, exit 2, and the old file stays."""
    Path("out").write_text("old", "utf-8")
    with started("--jobs", jobs, count=20_000) as (process, rejects):
        os.truncate("x.ndjson", 1_000)
        os.set_blocking(rejects.fileno(), True)
        kept = rejects.read()
        _, err = process.communicate()
    assert len(kept.splitlines()) < 20_000
    assert err.startswith(b"error: x.ndjson was cut short while it was read")
    assert (process.returncode, Path("out").read_text("utf-8")) == (2, "old")


@linux
def test_workers_do_not_outlive_their_run() -> None:
    """Where the run itself is killed and can clean nothing up, its workers find nobody to answer to, and end."""
    with started("--jobs", 2) as (process, _):
        left = children(process.pid)
        process.kill()
    assert len(left) == 2
    until(lambda: not any(alive(child) for child in left))


def alive(process: int) -> bool:
    """Whether a process runs; one that has ended and that nobody asked about does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@linux
def test_a_closed_pipe_ends_the_workers() -> None:
    """Whoever reads the output may stop reading."""
    with started("--jobs", 2) as (process, rejects):
        left = children(process.pid)
        rejects.close()
        assert process.communicate() == (b"", b"")
    assert process.returncode == 141
    assert not any(alive(child) for child in left)


def test_memory_does_not_grow_with_the_file() -> None:
    """Twenty times the events take no more memory, in the run and in its workers."""
    peaks = []
    for count in (2_000, 16_000):
        Path("x.ndjson").write_bytes((READY + b"\n" + WRONG + b"\n") * (count // 2))
        code = (
            "import resource, sys; from mapper.apps.cli import run; code = run();"
            "print(*[resource.getrusage(w).ru_maxrss for w in (0, -1)]); sys.exit(code)"
        )
        arguments = ["transform", "x.ndjson", "-o", "out", "--rejects", "rej", "--jobs", "2"]
        ended = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
        assert f"{count:,} events read" in ended.stderr
        peaks.append([int(word) for word in ended.stdout.split()])
    assert all(large < small * 1.15 for small, large in zip(*peaks, strict=True))
