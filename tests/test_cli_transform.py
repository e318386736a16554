"""``mapper transform`` turns files of events into request bodies, keeps what is invalid, and counts what it did."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from command_line import EXAMPLES, ROOT, SMALL, call, program, run

from mapper import pipeline
from mapper.readers import events, ndjson


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of its own for each test, with a small mapping that is the default."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAPPER_MAPPING", "small.yaml")
    Path("small.yaml").write_text(SMALL, "utf-8")
    return tmp_path


def lines(*values: Any, name: str = "events.ndjson") -> str:
    """A file with one value a line; bytes are written as they are."""
    raw = (value if isinstance(value, bytes) else json.dumps(value).encode() for value in values)
    Path(name).write_bytes(b"".join(line + b"\n" for line in raw))
    return name


READY, WRONG, STOPPED = call(email="a@b.c"), call(email="nobody"), call(email="a@b.c", stop=True)


def test_the_bodies_are_the_requests_own_bytes() -> None:
    """One body a line, byte for byte what a send would carry."""
    ended = run("transform", EXAMPLES / "events.ndjson", "-m", "inkit")
    inkit = pipeline.load("inkit", {})
    with (EXAMPLES / "events.ndjson").open("rb") as stream:
        results = [inkit.transform(line) for line in stream]
    assert ended.out.encode() == b"".join(r.request.content + b"\n" for r in results if r.request is not None)
    assert ended.code == 1


def test_every_event_is_counted() -> None:
    """Ready, invalid and skipped add up to what was read; reasons stand below, on stderr."""
    ended = run("transform", lines(READY, READY, WRONG, STOPPED, call(), {"type": "track"}, b"{"))
    assert ended.err.splitlines() == [
        "7 events read",
        "  2 ready",
        "  3 invalid",
        "      1 email: missing",
        "      1 email: regex",
        "      1 not_an_event",
        "  2 skipped",
        "      1 not an identify call",
        "      1 they said stop",
        "explain a reason: mapper explain missing",
    ]


def test_exit_codes() -> None:
    """Skipped events and warnings are fine; one invalid event is not."""
    assert run("transform", lines(READY, STOPPED)).code == 0
    assert run("transform", lines(READY, WRONG)).code == 1
    assert run("transform", lines()).code == 0


def test_full_results_stand_line_by_line() -> None:
    """Line N of the results is of line N of the events: a blank line stands for a blank line."""
    ended = run("transform", "--full", lines(READY, b"", WRONG, b"nobody", b"   ", STOPPED))
    told = [json.loads(line)["status"] if line else "" for line in ended.out.split("\n")[:-1]]
    assert told == ["ready", "", "invalid", "invalid", "", "skipped"]
    assert ended.err.startswith("4 events read")


def test_full_results_hold_the_same_body() -> None:
    """The whole result carries the body that the short form writes."""
    short, full = run("transform", lines(READY)).out, run("transform", "--full", lines(READY)).out
    assert f'"body":{short.strip()}' in full


def test_rejects_keep_the_event_and_the_reasons() -> None:
    """Each invalid event with its file, line, reasons and itself: as JSON where it is JSON. Nobody else may read it."""
    spaced = b'{"type": "identify",  "userId": "u1", "traits": {"email": "nobody"}}'
    lines(READY, spaced, STOPPED, b'{"a": 1, "a": 2}', b"\xff")
    ended = run("transform", "events.ndjson", "--rejects", "rejects.ndjson")
    kept = Path("rejects.ndjson").read_bytes().splitlines()
    told = [json.loads(line) for line in kept]
    assert [(one["file"], one["line"]) for one in told] == [("events.ndjson", n) for n in (2, 4, 5)]
    assert told[0]["problems"][0].keys() == {"code", "message", "field", "hint"}
    assert (told[0]["problems"][0]["code"], told[0]["problems"][0]["field"]) == ("regex", "email")
    assert spaced in kept[0]
    assert [one["event"] for one in told[1:]] == ['{"a": 1, "a": 2}', "\\xff"]
    assert Path("rejects.ndjson").stat().st_mode & 0o777 == 0o600
    assert "3 invalid, kept in rejects.ndjson" in ended.err


def test_a_file_is_there_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written comes into place when it is whole; a run that breaks leaves the old file, and nothing else."""
    Path("out.ndjson").write_text("old\n", "utf-8")
    assert run("transform", lines(READY), "-o", "out.ndjson").out == ""
    assert Path("out.ndjson").read_text("utf-8") == '{"email":"a@b.c"}\n'
    Path("out.ndjson").write_text("old\n", "utf-8")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(events.Reader, "mapped", stop)
    ended = run("transform", "events.ndjson", "-o", "out.ndjson", "--rejects", "rejects.ndjson")
    assert (ended.code, ended.err) == (130, "stopped\n")
    assert Path("out.ndjson").read_text("utf-8") == "old\n"
    assert sorted(path.name for path in Path().iterdir()) == ["events.ndjson", "out.ndjson", "small.yaml"]


def test_a_device_is_not_replaced() -> None:
    """What is no file is written to, not renamed over."""
    assert run("transform", lines(READY), "-o", os.devnull).code == 0
    assert not Path(os.devnull).is_file()


MEMORY = "/dev/shm"  # noqa: S108 - where Linux keeps files in memory


@pytest.mark.skipif(not Path(MEMORY).is_dir(), reason="there is no disk in memory")
def test_a_disk_in_memory_is_a_disk() -> None:
    """A file there is replaced like any other, not written to at its end, although it stands among the devices."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
        for _ in range(2):
            assert run("transform", lines(READY), "-o", f"{directory}/out").code == 0
        assert Path(directory, "out").read_text("utf-8") == '{"email":"a@b.c"}\n'


def test_a_link_is_followed() -> None:
    """The file behind a link is written, and the link stays."""
    Path("there").mkdir()
    Path("link.ndjson").symlink_to("there/out.ndjson")
    assert run("transform", lines(READY), "-o", "link.ndjson").code == 0
    assert Path("link.ndjson").is_symlink()
    assert Path("there/out.ndjson").read_text("utf-8") == '{"email":"a@b.c"}\n'


def test_several_files_and_stdin() -> None:
    """Files are read in order, - is stdin."""
    one, two = lines(READY, name="one.ndjson"), lines(STOPPED, READY, name="two.ndjson")
    ended = run("transform", one, "-", two, stdin=json.dumps(call(email="s@b.c")))
    assert [json.loads(line)["email"] for line in ended.out.splitlines()] == ["a@b.c", "s@b.c", "a@b.c"]
    assert ended.err.startswith("4 events read")


def test_one_pretty_printed_event() -> None:
    """A file of one event over several lines is that event; among the rejects it is on one line."""
    Path("pretty.json").write_text(json.dumps(WRONG, indent=2), "utf-8")
    run("transform", "pretty.json", "--rejects", "rejects.ndjson")
    [kept] = Path("rejects.ndjson").read_text("utf-8").splitlines()
    assert json.loads(kept)["event"] == WRONG


def test_a_missing_setting_is_said_once_before_the_first_event() -> None:
    """Exit 2, nothing written, and the problem once whatever the number of events."""
    Path("needy.yaml").write_text(SMALL.replace("{env: EXAMPLE_TIER}", "{env: EXAMPLE_TIER, required: true}"), "utf-8")
    ended = run("transform", lines(READY, READY, READY), "-m", "needy.yaml", "-o", "out.ndjson")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("setting_missing") == 1
    assert "EXAMPLE_TIER" in ended.err
    assert not Path("out.ndjson").exists()


def test_identity_is_looked_up_by_user() -> None:
    """Earlier calls fill in for their own user and for nobody else."""
    people = lines({**call(email="known@b.c"), "messageId": "m0"}, name="people.ndjson")
    ended = run("transform", lines(call(), {**call(), "userId": "u2"}), "--identity", people)
    assert ended.out == '{"email":"known@b.c"}\n'
    assert "1 invalid" in ended.err


def test_one_persons_traits_are_not_laid_under_others() -> None:
    """An identity without a user is for one person; a second one in the file stops the run."""
    Path("person.json").write_text('{"email": "one@b.c"}', "utf-8")
    assert run("transform", lines(call(), call()), "--identity", "person.json").code == 0
    ended = run("transform", lines(call(), {**call(), "userId": "u2"}), "--identity", "person.json", "-o", "out.ndjson")
    assert ended.code == 2
    assert "one person" in ended.err
    assert not Path("out.ndjson").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.ndjson"], "there is no file missing.ndjson"),
        (["."], "cannot read .: it is a directory"),
        (["events.ndjson", "-o", "events.ndjson"], "is read and would be written as well"),
        (["events.ndjson", "--rejects", "./events.ndjson"], "is read and would be written as well"),
        (["events.ndjson", "-o", "x", "--rejects", "x"], "name the same file"),
        (["events.ndjson", "-o", "small.yaml/x"], "cannot write small.yaml/x: "),
        (["-", "-"], "standard input can be read once"),
        (["wide.ndjson"], "UTF-16"),
        (["list.json"], "holds a list"),
        ([], "FILES"),
    ],
)
def test_what_cannot_be_used_is_said(arguments: list[str], said: str) -> None:
    """Exit 2 and one sentence on stderr."""
    lines(READY)
    Path("wide.ndjson").write_bytes(json.dumps(READY).encode("utf-16"))
    Path("list.json").write_text(json.dumps([READY, READY]), "utf-8")
    ended = run("transform", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_a_line_that_is_too_long_is_invalid() -> None:
    """It is never held in memory, and the lines behind it are read."""
    long = b'{"a": "' + b"x" * ndjson.MAX_LINE + b'"}'
    ended = run("transform", lines(long, READY), "--rejects", "rejects.ndjson")
    assert ended.out == '{"email":"a@b.c"}\n'
    assert json.loads(Path("rejects.ndjson").read_text("utf-8"))["event"] is None


def test_nothing_but_garbage_gets_advice() -> None:
    """Where no line is an event, the form of the file is suspected, not the events."""
    assert "one event a line" in run("transform", lines(b"<xml>", b"</xml>")).err


def test_a_closed_pipe_ends_quietly() -> None:
    """Whoever reads the output may stop reading: no traceback, the shell's own code for it."""
    lines(*[READY] * 20_000)
    command = [sys.executable, str(ROOT / "cli.py"), "transform", "events.ndjson"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_memory_does_not_grow_with_the_file() -> None:
    """Twenty times the events take no more memory, with every output on."""
    peaks = []
    for count in (1_000, 20_000):
        lines(*[READY, WRONG, *[{"type": "track"}] * 8] * (count // 10))
        code = (
            "import resource, sys; from mapper.apps.cli import run; code = run();"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss); sys.exit(code)"
        )
        arguments = ["transform", "events.ndjson", "-o", "out", "--rejects", "rejects"]
        ended = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
        assert ended.returncode == 1
        assert f"{count:,} events read" in ended.stderr
        peaks.append(int(ended.stdout))
    assert peaks[1] < peaks[0] * 1.1


def test_no_bar_where_nobody_looks() -> None:
    """Stderr that is piped holds the counts and nothing that moves."""
    ended = program("transform", lines(READY), "-m", "small.yaml", "-o", "out.ndjson")
    assert b"\x1b" not in ended.stderr
    assert ended.stderr.startswith(b"1 event read")


def test_a_mistake_of_ours_shows_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception nobody thought of ends the run without a word of the event: only our own lines."""

    def fail(_: object, raw: bytes) -> None:
        raise ValueError(raw.decode())

    monkeypatch.setattr(events.Reader, "mapped", fail)
    ended = run("transform", lines(READY))
    assert ended.code == 70
    assert "a@b.c" not in ended.err
    assert "ValueError" in ended.err
    assert "transform.py:" in ended.err


def test_directories_are_made() -> None:
    """An output may stand in a directory that is not there yet."""
    assert run("transform", lines(READY), "-o", "out/today/bodies.ndjson").code == 0
    assert Path("out/today/bodies.ndjson").read_text("utf-8") == '{"email":"a@b.c"}\n'


# ------------------------------------------------------------------------- full disks, closed pipes, keys pressed early

FULL = "/dev/full"
full_disk = pytest.mark.skipif(not Path(FULL).exists(), reason="there is no device that is always full")


def shell(command: str) -> subprocess.CompletedProcess[bytes]:
    """A command line with redirections; ``mapper`` is the program."""
    started = f'mapper() {{ "{sys.executable}" "{ROOT / "cli.py"}" "$@"; }}; {command}'
    return subprocess.run(["/bin/sh", "-c", started], capture_output=True, check=False)


@full_disk
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (f"transform events.ndjson >{FULL}", b"to standard output: "),
        (f"transform events.ndjson -o {FULL}", b"/dev/full: "),
        (f"transform events.ndjson --rejects {FULL}", b"/dev/full: "),
        (f"transform events.ndjson --jobs 2 >{FULL}", b"to standard output: "),
        (f"preview event.json >{FULL}", b": "),
        (f"--help >{FULL}", b": "),
    ],
)
def test_a_full_disk_is_said(arguments: str, said: bytes) -> None:
    """Exit 2 and a sentence: no mistake of ours, and no traceback."""
    lines(*[READY, WRONG] * 2_000)
    Path("event.json").write_text(json.dumps(READY), "utf-8")
    ended = shell(f"mapper {arguments}")
    assert ended.returncode == 2
    assert ended.stderr.startswith(b"error: cannot write")
    assert ended.stderr.endswith(said + b"no space left on device\n")


@full_disk
def test_a_full_disk_behind_stderr_is_an_exit_code() -> None:
    """Where nothing can be said any more, the code says it."""
    assert shell(f"mapper transform {lines(READY)} 2>{FULL}").returncode == 2


def test_a_closed_stdout_is_said() -> None:
    """Where there is no stdout at all, `-o` still works; what is said goes nowhere but to stderr."""
    ended = shell(f"mapper transform {lines(READY)} >&-")
    assert (ended.returncode, ended.stderr) == (2, b"error: cannot write to standard output: it is closed\n")
    assert shell("mapper transform events.ndjson -o out.ndjson >&-").returncode == 0
    assert shell("mapper transform events.ndjson 2>&-").stdout == b'{"email":"a@b.c"}\n'


@pytest.mark.parametrize("command", ["preview event.json", "check", "test", "doctor", "explain any_of", "functions"])
def test_a_closed_stdout_is_said_where_a_page_is_drawn(command: str) -> None:
    """It is not taken for a mistake of the program, with and without anybody to tell."""
    Path("event.json").write_text(json.dumps(call(email="a@b.c")), "utf-8")
    said = b"error: cannot write to standard output: it is closed\n"
    ended = shell(f"mapper {command} >&-")
    assert (ended.returncode, ended.stderr) == (2, said)
    assert shell(f"mapper {command} >&- 2>&- <&-").returncode == 2


@pytest.mark.parametrize("command", ["transform", "send", "preview"])
def test_a_closed_stdin_cannot_be_read(command: str) -> None:
    """That is no empty file: whoever runs it believes that events came."""
    ended = shell(f"mapper {command} - <&-")
    assert ended.returncode == 2
    assert ended.stderr.endswith(b"error: cannot read -: it is closed; name a file, or pipe the events in\n")


def test_a_closed_stderr_does_not_change_how_it_ended() -> None:
    """A service manager that has closed it gets the exit code, and no opened file gets its number."""
    lines(READY)
    assert shell("mapper send events.ndjson --rate none --stale-after none 2>&-").returncode == 0
    number = "import mapper.apps.cli as c, os; c._fill_closed_streams(); print(os.open('/', 0) > 2)"
    ended = subprocess.run(
        ["/bin/sh", "-c", '"$0" -c "$1" 2>&-', sys.executable, number], cwd=ROOT, capture_output=True, check=False
    )
    assert ended.stdout == b"True\n"


def test_a_file_that_grows_too_large_leaves_nothing() -> None:
    """A disk that fills up on the way: exit 2, the old file stays, and no half of a new one."""
    lines(*[READY] * 3_000)
    Path("out.ndjson").write_text("old\n", "utf-8")
    ended = shell("ulimit -f 8; mapper transform events.ndjson -o out.ndjson")
    assert (ended.returncode, ended.stderr) == (2, b"error: cannot write out.ndjson: file too large\n")
    assert Path("out.ndjson").read_text("utf-8") == "old\n"
    assert not list(Path().glob(".*"))


@pytest.mark.parametrize(
    "command", ["preview event.json", "check small.yaml", "test small.yaml", "functions", "--help"]
)
def test_every_command_leaves_a_closed_pipe_quietly(command: str) -> None:
    """The code that shells have for it, and no word."""
    Path("event.json").write_text(json.dumps(READY), "utf-8")
    reading, writing = os.pipe()
    os.close(reading)
    program_ = [sys.executable, str(ROOT / "cli.py"), *command.split()]
    ended = subprocess.run(program_, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.parametrize("before", [0o600, 0o644, 0o640])
def test_a_file_keeps_who_may_read_it(before: int) -> None:
    """What was private stays private when it is written anew; rejects are private whatever was there."""
    for name in ("out.ndjson", "rejects.ndjson"):
        Path(name).touch()
        Path(name).chmod(before)
    run("transform", lines(READY, WRONG), "-o", "out.ndjson", "--rejects", "rejects.ndjson")
    assert Path("out.ndjson").stat().st_mode & 0o777 == before
    assert Path("rejects.ndjson").stat().st_mode & 0o777 == 0o600


def test_ctrl_c_while_the_commands_are_loaded() -> None:
    """Somebody who changes their mind at once gets one word, not a traceback."""
    code = (
        "import sys\n"
        "class Pressed:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'typer': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Pressed())\n"
        "from mapper.apps.cli import main; main()"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (130, b"stopped\n")


def test_the_version_is_said() -> None:
    """The name and the version, as other tools say it."""
    assert run("--version").out == f"mapper {importlib.metadata.version('segment-mapper')}\n"


def test_the_app_is_the_app_whoever_was_loaded_first() -> None:
    """``mapper.apps.cli.app`` is a module too; the package's own name means the app of all commands."""
    code = "import mapper.apps.cli.preview\nfrom mapper.apps.cli import app\nprint(len(app.registered_commands))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert (ended.stdout, ended.stderr) == (b"11\n", b"")
