"""``mapper queue``: what a person sees of jobs, and decides about them, on a real store of each engine."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from command_line import ROOT, SMALL, Ended, printed, program, run
from postgres import Postgres
from queues import CANARY, Stage, call, each_state, stage

from mapper.apps.cli import stores
from mapper.apps.cli.queue import filters
from mapper.apps.outbox import STORE
from mapper.apps.render import status as layout
from mapper.apps.render import window
from mapper.apps.render.moments import length
from mapper.apps.render.terminal import ASCII, Screen, cell_len, screen
from mapper.delivery.ledger import Deed, open_store
from mapper.delivery.ledger import postgres as engine
from mapper.delivery.states import MEANINGS
from mapper.delivery.values import Filter, Status, StoreError
from mapper.frozen import replace


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Stage]:
    """A store in a file."""
    with stage(str(tmp_path / "mapper.db")) as staged:
        yield staged


@pytest.fixture
def either(store_url: str) -> Iterator[Stage]:
    """A store of either engine."""
    with stage(store_url) as staged:
        yield staged


def decoded(ended: Ended) -> list[dict[str, object]]:
    """The JSON lines of a command."""
    assert ended.code == 0, ended.err
    return [json.loads(line) for line in ended.out.splitlines()]


# ------------------------------------------------------------------------------------------------------------- status


def test_status_is_a_picture_of_all_states(one: Stage) -> None:
    """Each state has its bar, and what waits for a person comes with its command."""
    each_state(one)
    ended = one.run("queue", "status")
    assert ended.code == 0, ended.err
    lines = [line.split() for line in ended.out.splitlines()]
    for state, number in {"ready": 1, "sending": 1, "unknown": 1, "held": 1, "delivered": 1, "dead": 2}.items():
        assert [line for line in lines if line[:2] == [state, str(number)] and "█" in line[-1]], state
    assert ["waiting", "0"] in lines
    assert "mapper queue resolve" in ended.out
    assert "mapper queue release" in ended.out
    assert CANARY not in ended.out + ended.err


def test_status_as_json_adds_up(either: Stage) -> None:
    """The counts of the states are all that was accepted."""
    each_state(either)
    (document,) = decoded(either.run("queue", "status", "--format", "json"))
    (account,) = document["accounts"]  # type: ignore[misc]
    assert account["account"] == "Example"
    assert sum(account["counts"].values()) == account["accepted"] == 10
    assert account["counts"]["unknown"] == account["counts"]["held"] == 1
    assert account["delivered_last_minute"] == 1


def test_status_says_how_long_it_takes_at_the_mappings_rate(one: Stage, tmp_path: Path) -> None:
    """With a mapping its rate and cap are known, and so is the time that is left."""
    one.accept(*(call(number) for number in range(1, 121)))
    path = tmp_path / "slow.yaml"
    send = "  rate: 60/minute\n  cap: {day: 500}\n"
    path.write_text(SMALL + send, encoding="utf-8")
    ended = one.run("queue", "status", "-m", path)
    assert "2 min at 60 a minute" in ended.out
    assert "0 of 500 a day" in ended.out
    assert "mapper worker" in ended.out


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (None, "50 a minute"),
        ((300, 60), "50 a minute (the mapping allows 300 a minute)"),
        ((5, 1), "0.83 a second (the mapping allows 5 a second)"),
        ((2000, 3600), "3,000 an hour (the mapping allows 2,000 an hour)"),
    ],
)
def test_one_unit_is_spoken(rate: tuple[int, int] | None, said: str) -> None:
    """How fast it goes, and how fast it may, can be compared without a sum: both are said in the mapping's unit."""
    status = Status("Example", 0.0, dict.fromkeys(MEANINGS, 0), 0, 0, 0, recent=50)  # type: ignore[arg-type]
    shown = [line.plain for line in layout.page(layout.Picture(status, "", mapped=True, rate=rate), Screen(80))]
    assert f"  rate       {said}" in shown


def test_status_says_which_leases_are_over(either: Stage) -> None:
    """What is under way at a worker that is gone is told apart; and where one is at work with it nothing is said."""

    def said() -> tuple[str, object]:
        (document,) = decoded(either.run("queue", "status", "--format", "json"))
        (account,) = document["accounts"]  # type: ignore[misc]
        page = " ".join(either.run("queue", "status").out.split())
        return " ".join(re.findall("sending [0-9]+, .* settles [a-z]+", page)), account["sending_lapsed"]

    all_of_them = "sending 3, all with a lease that is over: they may have been taken; a worker settles them"
    one_of_them = "sending 3, 1 of them with a lease that is over: it may have been taken; a worker settles it"
    first, *_ = jobs = either.accept(call(1), call(2), call(3))
    either.start(*jobs)
    if either.ledger.store.alone:  # nobody has the file: nobody has them, however long their leases last
        assert said() == (all_of_them, 3)
        with either.ledger.worker():
            assert said() == ("", 0)
        with either.ledger.store.worker("Another account"):
            assert said()[1] == 3
        return
    assert said() == ("", 0)
    over = "UPDATE job SET lease = lease - 100000"
    either.ledger.store.write(lambda c: c.exec_driver_sql(f"{over} WHERE id = {first}"))
    assert said() == (one_of_them, 1)
    either.ledger.store.write(lambda c: c.exec_driver_sql(over))
    assert said() == (all_of_them, 3)


def test_a_worker_of_another_account_is_not_shown_as_this_ones(one: Stage) -> None:
    """It has the store, and sends nothing of what is here: nobody does, and no time is left until it is done."""
    with one.ledger.worker():
        jobs = one.accept(*(call(number) for number in range(1, 14)))
        for job in jobs[:11]:
            one.end(job, "delivered", status=200)
        assert "time left" in one.run("queue", "status").out
        assert f"worker     process {os.getpid()}\n" in one.run("queue", "status").out
    with one.ledger.store.worker("Example at elsewhere"):
        page = " ".join(one.run("queue", "status").out.split())
        (document,) = decoded(one.run("queue", "status", "--format", "json"))
    assert f"none for this account: process {os.getpid()} is the store's one worker, for Example at elsewhere." in page
    assert "the same `mapper send` again, or `mapper worker` with the same -m, --to and --store" in page
    assert "time left" not in page
    (account,) = document["accounts"]  # type: ignore[misc]
    assert (account["workers"], account["other_worker"]["account"]) == ([], "Example at elsewhere")


def test_what_a_worker_that_is_gone_left_is_told_to_whoever_settles(one: Stage) -> None:
    """It may have been taken, and is not unknown yet: there is nothing to settle, and that is not all that is said."""
    jobs = one.accept(call(1), call(2))
    one.start(*jobs)
    said = "2 jobs sending at a worker that is gone: they may have been taken."
    for chosen in (("--state", "unknown"), ("--job", jobs[0]), ("--all",)):
        assert said in one.run("queue", "resolve", *chosen, "--delivered").err
    assert said not in one.run("queue", "release", "--all").err
    with one.ledger.worker():
        assert one.run("queue", "resolve", "--all", "--again").err == "no job is like that: nothing to do\n"


def test_one_lease_that_is_over(one: Stage) -> None:
    """In the singular; and what another worker settled meanwhile is none."""
    (job,) = one.accept(call(1))
    one.start(job)
    said = "sending 1, with a lease that is over: it may have been taken; a worker settles it"
    assert said in " ".join(one.run("queue", "status").out.split())
    with one.ledger.worker():
        one.ledger.sweep("the next one")
    ended = one.run("queue", "status").out
    assert ("with a lease" in ended, one.state(job)) == (False, "unknown")


def test_status_tells_a_pause_and_release_ends_it(either: Stage) -> None:
    """A key that was refused stops the account; a person lets it go on, and that is written down."""
    job, other = either.accept(call(1), call(2))
    either.end(job, "pause", "the key was refused", status=401, account=True)
    assert "the key was refused" in either.run("queue", "status").out
    assert either.run("queue", "release", "--pause", "--dry-run").err == "the pause would end\n"
    assert either.ledger.status().paused is not None
    assert either.run("queue", "release", "--pause", "--why", "new key").err == "the pause has ended\n"
    assert either.ledger.status().paused is None
    assert either.run("queue", "release", "--pause").err == "there was no pause\n"
    assert either.state(other) == "ready"


def test_accounts_are_shown_one_by_one(tmp_path: Path) -> None:
    """A store of two accounts shows both; acting on one needs its name."""
    url = str(tmp_path / "mapper.db")
    with stage(url) as first, stage(url, SMALL.replace("Example\n", "Other\n")) as second:
        first.accept(call(1), call(2))
        second.accept(call(3))
        both = first.run("queue", "status")
        assert "Example" in both.out
        assert "Other" in both.out
        first.run("queue", "hold", "--job", 1, "--account", "Example")
        told = " ".join(first.run("queue", "status").out.split())
        assert "--account Example --state held" in told
        first.run("queue", "release", "--job", 1, "--account", "Example")
        assert "Example" not in first.run("queue", "status", "--account", "Other").out
        refused = first.run("queue", "drop", "--all")
        assert refused.code == 2
        assert "--account Example or --account Other" in refused.err
        assert first.run("queue", "hold", "--all", "--account", "Other").code == 0
        assert (second.state(1), first.states()) == ("held", {1: "ready", 2: "ready"})
        wrong = first.run("queue", "list", "--account", "Nobody")
        assert (wrong.code, "Example, Other" in wrong.err) == (2, True)


@pytest.mark.parametrize("width", [60, 200])
@pytest.mark.parametrize("others", [(), ("Other cards",)])
def test_each_command_that_is_printed_runs(others: tuple[str, ...], width: int, tmp_path: Path) -> None:
    """What a person is told to type is about that account, in a store of one and of several, however it is broken."""
    (tmp_path / "my store").mkdir()
    url = str(tmp_path / "my store" / "mapper.db")
    with stage(url) as first, contextlib.ExitStack() as stack:
        jobs = each_state(first)
        (refused,) = first.accept(call(20))
        first.end(refused, "pause", "the key was refused", status=401, account=True)
        for name in others:
            other = stack.enter_context(stage(url, SMALL.replace("Example\n", f"{name}\n")))
            other.accept(call(1), call(2))
            assert other.ledger.act(Deed("hold", Filter(jobs=(1,)), "eve")).moved == 1
        told: list[list[str]] = []
        for arguments in (("queue", "status"), ("queue", "status", "--account", "Example"), ("doctor",)):
            told += printed(first.run(*arguments, env={"COLUMNS": str(width)}).out)
        verbs = [command[1] for command in told if command[0] == "queue"]
        assert verbs == [
            *["resolve", "release", "release"],
            *["release"] * len(others),
            *["resolve", "release", "release"],
            "resolve",
        ]
        for command in told:
            words = [str(jobs["unknown"]) if word == "N" else word for word in command]
            ended = run(*words, "--dry-run")
            assert ended.code == 0, (command, ended.err)
            assert "1 job would move" in ended.out or "the pause would end" in ended.err, command


def test_holding_everything_means_every_account(tmp_path: Path) -> None:
    """After a backup is restored nothing may leave, whichever account it is of."""
    url = str(tmp_path / "mapper.db")
    with stage(url) as first, stage(url, SMALL.replace("Example\n", "Other\n")) as second:
        first.accept(call(1), call(2))
        second.accept(call(3))
        dry = first.run("queue", "hold", "--all", "--dry-run").out.splitlines()
        assert [line for line in dry if "would move" in line] == ["2 jobs would move:", "1 job would move:"]
        assert "3 jobs would be moved" in first.run("queue", "hold", "--all").err
        done = first.run("queue", "hold", "--all", "--yes", "--why", "restored")
        assert (done.code, set(first.states().values()) | set(second.states().values())) == (0, {"held"})
        assert "Example: 2 jobs moved, to held: hold, by" in done.err
        assert "Other: 1 job moved, to held: hold, by" in done.err
        assert first.run("queue", "hold", "--job", 1).code == 2
        assert first.run("queue", "release", "--all", "--yes").code == 2


def test_looking_makes_no_store(tmp_path: Path) -> None:
    """Where there is no file, no command about jobs makes one."""
    path = tmp_path / "none.db"
    for arguments in (("status",), ("list",), ("show", "1"), ("drop", "--all")):
        ended = run("queue", *arguments, "--store", path)
        assert ended.code == 2
        assert "there is no store" in ended.err
    assert list(tmp_path.iterdir()) == []


def picture(counts: dict[str, int], **more: object) -> layout.Picture:
    """A picture of an account with these counts."""
    every = {state: counts.get(state, 0) for state in MEANINGS}
    status = Status("An account of some length", 1e9, every, sum(every.values()), 3, 1, **more)  # type: ignore[arg-type]
    pulse = tuple(range(60))
    return layout.Picture(
        status, "SQLite 3.40.1, mapper.db", pulse, ("process 12",), mapped=True, rate=(300, 60), cap=1000
    )


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("signs", ["UTF-8", "ascii"])
def test_status_fits(width: int, signs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is wider than the screen, and on a stream without such signs all of it is ASCII."""
    monkeypatch.setenv("COLUMNS", str(width))
    counts = {"ready": 1_234_567, "unknown": 1, "held": 22, "delivered": 9_999_999, "dead": 3}
    said = {"oldest": 1e9 - 9e5, "due": 1e9 + 50, "paused": 1e9 + 9e4, "pause_reason": "why " * 30, "today": 999}
    shown = list(layout.page(picture(counts, **said), screen(io.TextIOWrapper(io.BytesIO(), encoding=signs))))
    assert max(cell_len(line.plain) for line in shown) <= width
    assert signs == "UTF-8" or all(line.plain.isascii() for line in shown)
    bars = {line.plain.split()[0]: line.plain.split()[-1] for line in shown if line.plain.startswith("    ")}
    if width == 80:
        assert bars["unknown"] in ("▏", "#")  # one of a million can still be seen


def test_bars_and_lengths() -> None:
    """Bars are in proportion; lengths of time are said in two units."""
    wide = Screen(80)
    assert layout.bar(4, 8, 10, wide) == "█████"
    assert layout.bar(0, 8, 10, wide) == ""
    assert len(layout.bar(8, 8, 10, Screen(80, ASCII))) == 10
    assert layout.sparkline([0, 0, 4, 8], 2, wide) == "▁█"
    assert layout.sparkline([0, 0], 2, wide) == ""
    said = [length(seconds) for seconds in (0.2, 45, 60, 3600 * 3 + 12 * 60, 86_400 * 2 + 3600 * 4, 3660.4)]
    assert said == ["0 s", "45 s", "1 min", "3 h 12 min", "2 d 4 h", "1 h 1 min"]


def test_the_speed_is_that_of_now() -> None:
    """What began some seconds ago is not measured by the whole minute."""
    status = Status("Example", 0.0, dict.fromkeys(MEANINGS, 0), 0, 0, 0, recent=50)  # type: ignore[arg-type]
    assert layout.Picture(status, "", (0,) * 50 + (5,) * 10).speed == 300
    assert layout.Picture(status, "", (0,) * 59 + (50,)).speed == 600
    assert layout.Picture(status, "", ()).speed == 50


# ---------------------------------------------------------------------------------------------------------- watching


def test_watching_needs_a_terminal(one: Stage) -> None:
    """Piped, it shows how things stand once; JSON and watching exclude each other."""
    one.accept(call(1))
    done = program("queue", "status", "--watch", "--store", one.url)
    assert done.returncode == 0
    assert b"1 accepted" in done.stdout or b"accepted   1" in done.stdout
    assert b"for a terminal" in done.stderr
    assert one.run("queue", "status", "--watch", "--format", "json").code == 2


@pytest.mark.parametrize(("width", "height"), [(80, 24), (80, 18), (120, 40), (40, 6)])
def test_a_window_shows_what_alarms(width: int, height: int) -> None:
    """What fits is shown whole; where it does not, what waits for a person comes first, and the rest is told."""
    calm, grave = picture({"ready": 5, "delivered": 40, "dead": 2}), picture({"delivered": 9, "unknown": 63})
    one, two = Screen(width), [replace(calm, none="none"), replace(grave, pulse=())]
    lines = [line.plain for line in window.fitted(two, one, height)]
    assert len(lines) <= height
    assert any("63 may have been taken" in line for line in lines)
    assert height == 6 or any("mapper queue resolve" in line for line in lines)
    whole = [line.plain for line in window.fitted(two, one, 1000)]
    hidden = len(lines) < len([line for line in whole if line])
    assert hidden == ("a taller window, or --account" in " ".join(lines))
    assert (height == 40) == (lines == whole)
    if height == 6:
        assert "more lines and 1 more account: a taller window" in " ".join(" ".join(lines).split())
    both = [line.plain for line in window.fitted([grave, grave, calm], one, 18)]
    assert "2 more accounts, 1 of them with something to settle" in " ".join(both)


@pytest.mark.parametrize(("columns", "lines"), [(80, 18), (120, 40)])
def test_a_terminal_is_asked_for_its_signs_and_size(one: Stage, columns: int, lines: int) -> None:
    """Blocks on a terminal that can say them, within its width and height, also while it is drawn anew."""
    each_state(one)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    environment = {name: said for name, said in os.environ.items() if name not in ("COLUMNS", "LINES")}
    environment |= {"TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, str(ROOT / "cli.py"), "queue", "status", "--watch", "--store", one.url]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        try:
            page = _read(ours, "window" if lines < 24 else "--state held")
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    os.close(ours)
    assert "████" in page
    assert "####" not in page
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", page).split("\r\n")
    assert len(shown) <= lines
    assert max(cell_len(line) for line in shown) > (columns if columns > 80 else 40) - 10


def test_watching_draws_anew_until_ctrl_c(one: Stage) -> None:
    """On a terminal the picture changes with the store, and Ctrl-C is how one leaves."""
    job, *_ = one.accept(call(1))
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    command = [sys.executable, str(ROOT / "cli.py"), "queue", "status", "--watch", "--store", one.url]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        assert "ready" in _read(ours, "accepted")
        one.end(job, "delivered", status=200)
        assert "delivered" in _read(ours, "delivered")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    os.close(ours)


def _read(descriptor: int, until: str) -> str:
    """What comes from a terminal until a word is among it."""
    text, end = "", time.monotonic() + 15
    while until not in text:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, end - time.monotonic()))
        assert ready, text
        text += os.read(descriptor, 65536).decode("utf-8", "replace")
    return text


# ---------------------------------------------------------------------------------------------------------- the list


def test_list_shows_nothing_of_anybody(one: Stage) -> None:
    """Numbers, states, reasons: no name, no address, no id, as a table and as JSON."""
    jobs = each_state(one)
    one.accept(call(1))
    table = one.run("queue", "list")
    rows = decoded(one.run("queue", "list", "--format", "json"))
    assert CANARY not in table.out + table.err + json.dumps(rows)
    assert [row["job"] for row in rows] == list(range(1, 11))
    first = rows[jobs["delivered"] - 1]
    assert (first["state"], first["status"], first["tries"], first["repeated"]) == ("delivered", 200, 1, 1)
    assert "came 2 times" in table.out
    assert max(len(line) for line in table.out.splitlines()) <= 80


def test_filters(either: Stage) -> None:
    """Each option leaves out what it says, and together they all hold."""
    jobs = each_state(either)

    def found(*options: object) -> set[object]:
        return {row["job"] for row in decoded(either.run("queue", "list", "--format", "json", *options))}

    assert found("--state", "dead", "--state", "held") == {jobs["dead"], jobs["dropped"], jobs["held"]}
    assert found("--job", 3, "--job", 4) == {3, 4}
    assert found("--message-id", f"{CANARY}-m3") == {3}
    assert found("--user", f"{CANARY}-u4") == {4}
    assert found("--user", f"{CANARY}-u4", "--source", "shop") == set()
    assert found("--reason", "answered 400") == {jobs["rejected"]}
    assert found("--reason", "%") == set()
    assert found("--limit", 3) == {1, 2, 3}
    assert found("--since", "1h") == set(range(1, 11))
    assert found("--until", "1h ago") == set()
    assert found("--since", "2020-01-01", "--until", "2021-01-01T00:00+01:00") == set()
    assert found("--state", "dead", "--user", f"{CANARY}-u4") == {jobs["dead"]}
    assert either.run("queue", "list", "--state", "lost").code == 2
    assert either.run("queue", "list", "--since", "yesterday").code == 2
    assert either.run("queue", "list", "--user", "nobody").err == "no job is like that\n"


def test_ids_of_a_source(tmp_path: Path) -> None:
    """What came in as a source's is found as that source's, and not without it."""
    with stage(str(tmp_path / "mapper.db"), source="shop") as one:
        one.accept(call(1))
        assert one.run("queue", "list", "--user", f"{CANARY}-u1").out == ""
        assert "ready" in one.run("queue", "list", "--user", f"{CANARY}-u1", "--source", "shop").out


def test_a_long_list(one: Stage) -> None:
    """A table stops at 50 and says so; JSON goes on through all pages."""
    one.accept(*(call(number) for number in range(1, 1202)))
    table = one.run("queue", "list")
    assert len(table.out.splitlines()) == 52
    assert table.err == "50 of 1,201: --limit N shows more\n"
    assert len(one.run("queue", "list", "--limit", 700).out.splitlines()) == 702
    rows = decoded(one.run("queue", "list", "--format", "json"))
    assert [row["job"] for row in rows] == list(range(1, 1202))


@pytest.mark.parametrize(("text", "moment"), [("90s", 910.0), ("2m ago", 880.0), ("1970-01-01T00:00:05", 5.0)])
def test_moments(text: str, moment: float) -> None:
    """A moment is so long ago, or ISO 8601 and UTC where it says no zone."""
    assert filters.moment(text, 1000.0, "--since") == moment


def test_a_moment_that_is_none() -> None:
    """Anything else is a usage error."""
    for text in ("2 months", "", "-3h", "2026-13-01"):
        with pytest.raises(typer.BadParameter):
            filters.moment(text, 0.0, "--since")


# ---------------------------------------------------------------------------------------------------------- the story


def test_show_tells_the_story_without_the_person(one: Stage) -> None:
    """States, tries and acts in order; the content only with --content."""
    jobs = each_state(one)
    told = one.run("queue", "show", jobs["dead"])
    assert told.code == 0, told.err
    steps = [told.out.index(text) for text in ("accepted", "try 1: unknown", "drop by eve: unknown to dead")]
    assert steps == sorted(steps)
    assert CANARY not in told.out + told.err
    content = one.run("queue", "show", jobs["dead"], "--content").out
    assert f'"email": "{CANARY}4@example.com"' in content
    assert f'"userId": "{CANARY}-u4"' in content
    assert "its end is not known yet" in one.run("queue", "show", jobs["sending"]).out


def test_one_time_is_not_times(one: Stage) -> None:
    """What came again once came again one time."""
    (job,) = one.accept(call(1))
    one.accept(call(1))
    assert "1 time\n" in one.run("queue", "show", job).out


def test_show_as_json(either: Stage) -> None:
    """The same for programs; a job that there is not is a usage error."""
    jobs = each_state(either)
    (story,) = decoded(either.run("queue", "show", jobs["dead"], "--format", "json"))
    assert CANARY not in json.dumps(story)
    assert [(try_["ending"], try_["number"]) for try_ in story["attempts"]] == [("unknown", 1)]  # type: ignore[attr-defined]
    assert [(act["who"], act["became"]) for act in story["acts"]] == [("eve", "dead")]  # type: ignore[attr-defined]
    (whole,) = decoded(either.run("queue", "show", jobs["dead"], "--format", "json", "--content"))
    assert whole["body"] == {"email": f"{CANARY}4@example.com"}
    assert either.run("queue", "show", 999).code == 2


# ----------------------------------------------------------------------------------------------------------- the acts

_WAYS = [
    ("hold", "ready", "held"),
    ("release", "held", "ready"),
    ("drop", "held", "dead"),
    ("drop", "ready", "dead"),
    ("resolve --delivered", "unknown", "delivered"),
    ("resolve --again", "unknown", "ready"),
    ("replay", "rejected", "ready"),
    ("replay", "dropped", "ready"),
]


@pytest.mark.parametrize(("verb", "was", "becomes"), _WAYS)
def test_an_act_moves_one_job_and_is_written_down(one: Stage, verb: str, was: str, becomes: str) -> None:
    """One job that is named moves without a question; who and why stand beside it."""
    job = each_state(one)[was]
    before = one.states()
    ended = one.run("queue", *verb.split(), "--job", job, "--as", "ann", "--why", "asked for")
    assert ended.code == 0, ended.err
    assert ended.err.startswith("1 job moved")
    assert one.states() == {**before, job: becomes}
    story = one.ledger.story(job)
    assert story is not None
    last = story.acts[-1]
    assert (last.who, last.why, last.was) == ("ann", "asked for", before[job])
    assert last.became in ((becomes, "waiting") if becomes == "ready" else (becomes,))  # waiting, and next at once


@pytest.mark.parametrize("verb", ["hold", "release", "drop", "resolve --again", "resolve --delivered", "replay"])
def test_a_dry_run_changes_nothing(one: Stage, verb: str) -> None:
    """It says how many would move, by state and reason, and every row stays as it was."""
    each_state(one)
    before = [one.ledger.story(job) for job in one.states()]
    ended = one.run("queue", *verb.split(), "--all", "--dry-run")
    assert ended.code == 0, ended.err
    assert "would move" in ended.out
    assert "→" in ended.out
    assert [one.ledger.story(job) for job in one.states()] == before


def test_a_dry_run_says_what_the_act_does(either: Stage) -> None:
    """What is foretold by state is what happens."""
    each_state(either)
    foretold = either.run("queue", "replay", "--all", "--dry-run").out
    assert "3 jobs would move" in foretold
    assert "2 jobs would stay: it never made a request" in foretold
    assert "may have been taken" in foretold
    done = either.run("queue", "replay", "--all", "--yes")
    assert done.err.splitlines()[1].startswith("3 jobs moved")
    assert "2 jobs stayed" in done.err


def test_all_is_never_meant_by_saying_nothing(one: Stage) -> None:
    """Without a filter nothing moves, unless all are asked for."""
    each_state(one)
    before = one.states()
    for verb in ("hold", "release", "drop", "replay"):
        ended = one.run("queue", verb, "--yes")
        assert ended.code == 2
        assert "--all" in ended.err
    assert one.run("queue", "resolve", "--job", 3).code == 2
    assert one.run("queue", "resolve", "--job", 3, "--again", "--delivered").code == 2
    assert one.states() == before


def test_more_than_one_job_is_asked_for(one: Stage) -> None:
    """Where nobody can be asked nothing moves without --yes."""
    one.accept(call(1), call(2), call(3))
    refused = one.run("queue", "drop", "--state", "ready")
    assert (refused.code, "3 jobs" in refused.err, set(one.states().values())) == (2, True, {"ready"})
    assert one.run("queue", "drop", "--state", "ready", "--limit", 2, "--yes").err.startswith("2 jobs moved")
    assert one.states() == {1: "dead", 2: "dead", 3: "ready"}


@pytest.mark.parametrize(("typed", "state"), [("2", "held"), ("y", "ready")])
def test_the_count_has_to_be_typed(one: Stage, typed: str, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal the person types how many; anything else changes nothing."""
    one.accept(call(1), call(2))
    ours, theirs = pty.openpty()
    os.write(ours, f"{typed}\n".encode())
    with os.fdopen(theirs, "r") as terminal:
        monkeypatch.setattr("mapper.apps.cli.queue.acts.sys", _Standard(terminal))
        ended = one.run("queue", "hold", "--all")
    os.close(ours)
    assert ended.code == 0, ended.err
    assert set(one.states().values()) == {state}


class _Standard:
    """``sys`` with a terminal for stdin."""

    def __init__(self, stdin: object) -> None:
        self.stdin = stdin

    def __getattr__(self, name: str) -> object:
        return getattr(sys, name)


def test_a_job_that_cannot_be_moved_is_said(one: Stage) -> None:
    """A job that is named and in another state is a usage error; a filter that finds nothing is none."""
    jobs = each_state(one)
    ended = one.run("queue", "replay", "--job", jobs["delivered"], "--job", 999)
    assert ended.code == 2
    assert f"job {jobs['delivered']} is delivered" in ended.err
    assert "there is no job 999" in ended.err
    assert one.run("queue", "replay", "--state", "delivered").code == 2
    nothing = one.run("queue", "release", "--user", "nobody")
    assert (nothing.code, nothing.err) == (0, "no job is like that: nothing to do\n")
    assert one.run("queue", "replay", "--job", jobs["invalid"]).code == 2
    assert one.state(jobs["invalid"]) == "invalid"


@pytest.mark.parametrize("dry", [True, False])
def test_one_of_several_that_cannot_be_moved_is_said(one: Stage, dry: bool) -> None:  # noqa: FBT001 - a case
    """The others go all the same: a number that was mistyped must not go by unseen."""
    jobs = each_state(one)
    words = ["--job", jobs["held"], "--job", jobs["unknown"], "--job", 999, *(["--dry-run"] if dry else [])]
    ended = one.run("queue", "release", *words)
    assert ended.code == 2
    assert f"error: job {jobs['unknown']} is unknown; release takes jobs that are held\n" in ended.err
    assert "error: there is no job 999; " in ended.err
    assert "1 job would move" in ended.out if dry else ended.err.index("error: ") < ended.err.index("1 job moved")
    assert (one.state(jobs["held"]) == "held") == dry
    assert one.state(jobs["unknown"]) == "unknown"


@pytest.mark.parametrize(
    "words",
    [
        ["show", 2**63],
        ["list", "--job", 2**63],
        ["hold", "--job", 10**20],
        ["resolve", "--job", 2**63, "--delivered"],
    ],
)
def test_a_number_that_no_job_can_have(either: Stage, words: list[object]) -> None:
    """A number that was pasted from somewhere else is wrong usage, on both engines."""
    each_state(either)
    ended = either.run("queue", *words)
    assert ended.code == 2
    assert f"there is no job {max(one for one in words if isinstance(one, int))}" in ended.err
    assert either.run("queue", "list", "--limit", 2**63).code == 0


@pytest.mark.parametrize("words", [["queue", "list"], ["queue", "status"], ["queue", "show", "1"], ["doctor"]])
def test_an_empty_file_stays_empty(tmp_path: Path, words: list[str]) -> None:
    """Looking makes no store of a file that somebody named by mistake."""
    path = tmp_path / "today.ndjson"
    path.touch(0o644)
    ended = run(*words, "--store", path)
    assert ended.code == 2
    assert "is an empty file, and no store yet" in " ".join((ended.out + ended.err).split())
    assert (path.stat().st_size, path.stat().st_mode & 0o777) == (0, 0o644)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_what_may_have_been_taken_is_said_before_it_goes_again(either: Stage) -> None:
    """A dead job of which a try ended unknown is asked for, even alone; one that was never tried is not."""
    jobs = each_state(either)
    refused = either.run("queue", "replay", "--job", jobs["dead"])
    assert refused.code == 2
    assert "may have been taken" in refused.err
    assert either.state(jobs["dead"]) == "dead"
    done = either.run("queue", "replay", "--job", jobs["dead"], "--yes")
    assert (done.code, "may have been taken" in done.err, either.state(jobs["dead"])) == (0, True, "ready")
    plain = either.run("queue", "replay", "--job", jobs["dropped"])
    assert (plain.code, "may have been taken" in plain.err) == (0, False)


_ONCE = f"{SMALL}  once_per: {{key: [fields.email], within: 1h}}\n"


def same_orders(one: Stage, number: int = 3) -> list[int]:
    """Jobs of one order; all but the first are kept back."""
    return one.accept(*(call(1, messageId=f"again-{n}") for n in range(number)))


@pytest.fixture
def guarded(store_url: str) -> Iterator[Stage]:
    """A store whose mapping has a once_per."""
    with stage(store_url, _ONCE) as staged:
        yield staged


_OTHER = {
    "delivered": "was taken",
    "unknown": "may have been taken",
    "held": "is held",
    "ready": "is still to be sent",
}


@pytest.mark.parametrize("state", _OTHER)
def test_a_replay_makes_no_second_card_of_an_order(guarded: Stage, state: str) -> None:
    """What was kept back as the same order stays, with its reason, also with --yes, unless a person says --twice."""
    first, second, third = same_orders(guarded)
    if state == "held":
        guarded.run("queue", "hold", "--job", first)
    elif state != "ready":
        guarded.end(first, state)
    dry = guarded.run("queue", "replay", "--state", "suppressed", "--dry-run").out
    assert dry.startswith("0 jobs would move")
    assert f"2 jobs would stay: the same order as another one that {_OTHER[state]}; with" in dry
    done = guarded.run("queue", "replay", "--state", "suppressed", "--yes")
    assert f"2 jobs stayed: the same order as job {first}, which is {state}; with --twice" in done.err
    assert f"({second}, {third})" in done.err
    assert (guarded.state(second), guarded.state(third)) == ("suppressed", "suppressed")
    assert guarded.run("queue", "replay", "--job", second, "--twice").code == 0
    assert guarded.state(second) == ("waiting" if state == "ready" else "ready")


def test_of_one_order_that_was_not_taken_one_is_replayed(guarded: Stage) -> None:
    """The first was refused: one of its repeats may go, and not all of them."""
    first, second, third = same_orders(guarded)
    guarded.end(first, "rejected")
    assert guarded.run("queue", "replay", "--state", "suppressed", "--dry-run").out.startswith("1 job would move")
    done = guarded.run("queue", "replay", "--state", "suppressed", "--yes")
    assert done.err.startswith("1 job moved, to ready: replay, by")
    assert guarded.states() == {first: "rejected", second: "ready", third: "suppressed"}


def test_a_replay_tells_what_became_of_the_other_of_an_order(guarded: Stage) -> None:
    """Of two orders none was taken: the first of one goes in the same act, that of the other is held."""
    refused, *_ = same_orders(guarded, 2)
    guarded.end(refused, "rejected")
    held, *_ = guarded.accept(*(call(2, messageId=f"other-{n}") for n in range(2)))
    guarded.run("queue", "hold", "--job", held)
    goes = "moves in the same act; with --twice both are sent"
    waits = "is held; with --twice this one is sent now, and that one when it is released"
    dry = " ".join(guarded.run("queue", "replay", "--all", "--dry-run").out.split())
    assert dry.startswith("1 job would move: 1 rejected → ready")
    assert f"1 job would stay: the same order as another one that {goes}" in dry
    assert f"1 job would stay: the same order as another one that {waits}" in dry
    assert "taken" not in dry
    done = guarded.run("queue", "replay", "--all", "--yes").err
    assert f"1 job stayed: the same order as job {refused}, which {goes} ({refused + 1})" in done
    assert f"1 job stayed: the same order as job {held}, which {waits} ({held + 1})" in done


def test_of_an_order_that_was_taken_that_is_told(guarded: Stage) -> None:
    """The order was refused, and taken when it came again: what goes beside it is a second card, and that is said."""
    refused, kept = same_orders(guarded, 2)
    guarded.end(refused, "rejected")
    (taken,) = guarded.accept(call(1, messageId="once more"))
    guarded.end(taken, "delivered")
    (late,) = guarded.accept(call(1, messageId="late"))
    done = guarded.run("queue", "replay", "--job", kept, "--job", late, "--yes")
    assert f"2 jobs stayed: the same order as job {taken}, which is delivered; with --twice" in done.err


def test_with_the_mapping_a_refused_order_is_compared_too(guarded: Stage, tmp_path: Path) -> None:
    """The sender gave the order again and it was taken: the first is no longer due."""
    path = tmp_path / "once.yaml"
    path.write_text(_ONCE, encoding="utf-8")
    (first,) = guarded.accept(call(1))
    guarded.end(first, "rejected")
    (second,) = guarded.accept(call(1, messageId="again"))
    guarded.end(second, "delivered")
    left = guarded.run("queue", "replay", "--job", first, "-m", path)
    assert (left.code, f"the same order as job {second}, which is delivered" in left.err) == (2, True)
    assert guarded.state(first) == "rejected"


def test_remap_looks_at_once_per_again(guarded: Stage, tmp_path: Path) -> None:
    """The mended mapping makes the same order of a job as of one that was taken: it stays as it was."""
    path = tmp_path / "once.yaml"
    path.write_text(_ONCE, encoding="utf-8")
    first, second = same_orders(guarded, 2)
    guarded.end(first, "delivered")
    dry = guarded.run("queue", "replay", "--remap", "-m", path, "--state", "suppressed", "--dry-run")
    assert dry.out.splitlines()[0] == "0 jobs would move"
    left = guarded.run("queue", "replay", "--remap", "-m", path, "--state", "suppressed", "--yes")
    assert f"the same order as job {first}, which is delivered" in left.err
    assert guarded.state(second) == "suppressed"
    assert guarded.run("queue", "replay", "--remap", "-m", path, "--job", second, "--twice").code == 0
    assert guarded.state(second) == "ready"


def test_what_remap_would_keep_is_grouped(guarded: Stage, tmp_path: Path) -> None:
    """One line says why forty jobs would stay, with the numbers of the first ones; the act says the same."""
    path = tmp_path / "once.yaml"
    path.write_text(_ONCE, encoding="utf-8")
    for number in range(1, 21):
        first, *_ = guarded.accept(*(call(number, messageId=f"{number}-{n}") for n in range(3)))
        guarded.end(first, "delivered")
    options = ("queue", "replay", "--remap", "-m", path, "--all")
    dry = guarded.run(*options, "--dry-run").out
    assert len(dry.splitlines()) <= 4
    said = "the same order as another one that was taken; with --twice it is sent a second time"
    assert f"40 jobs would stay: {said} (2, 3, 5, 6, 8, 9, 11, 12, 14, 15, ...)" in " ".join(dry.split())
    assert f"40 jobs stayed: {said} (2, 3, 5, 6, 8, 9, 11, 12, 14, 15, ...)" in guarded.run(*options, "--yes").err


# -------------------------------------------------------------------------------------------------------- mapped again

_LENIENT = SMALL.replace(", regex: '[^@]+@[^@]+'", "")


def test_remap_maps_what_was_never_tried(either: Stage, tmp_path: Path) -> None:
    """With a mended mapping an invalid job is ready, and what was tried keeps its request."""
    jobs = each_state(either)
    path = tmp_path / "mended.yaml"
    path.write_text(_LENIENT, encoding="utf-8")
    options = ("--remap", "-m", path, "--job", jobs["invalid"], "--job", jobs["skipped"], "--job", jobs["rejected"])
    dry = either.run("queue", "replay", *options, "--dry-run")
    assert dry.out.splitlines()[0] == "1 job would move:"
    assert "invalid → ready" in dry.out
    assert "skipped, as before" in dry.out
    assert "1 job would stay: tried already" in dry.out
    assert either.state(jobs["invalid"]) == "invalid"
    done = either.run("queue", "replay", *options, "--yes")
    assert done.code == 2  # jobs were named, and two of them stayed
    assert either.state(jobs["invalid"]) == "ready"
    assert (either.state(jobs["skipped"]), either.state(jobs["rejected"])) == ("skipped", "rejected")
    story = either.ledger.story(jobs["invalid"])
    assert story is not None
    assert json.loads(story.content or b"") == {"email": "no address"}


def test_remap_knows_what_is_known_now(either: Stage, tmp_path: Path) -> None:
    """A call that lacked what a later one of the same person said is ready with that."""
    bare = {**call(1), "traits": {}, "timestamp": "2026-11-21T00:00:00Z"}
    (job,) = either.accept(bare)
    assert either.state(job) == "invalid"
    either.accept(call(1, messageId="later"))
    path = tmp_path / "same.yaml"
    path.write_text(SMALL, encoding="utf-8")
    assert either.run("queue", "replay", "--remap", "-m", path, "--job", job).code == 0
    story = either.ledger.story(job)
    assert story is not None
    assert story.row.state in ("ready", "waiting")
    assert json.loads(story.content or b"") == {"email": f"{CANARY}1@example.com"}


def test_remap_leaves_what_came_from_another_source(store_url: str, tmp_path: Path) -> None:
    """Number 42 of the shop must not get the address of number 42 of the newsletter."""
    path = tmp_path / "same.yaml"
    path.write_text(SMALL, encoding="utf-8")
    with stage(store_url, source="shop") as shop, stage(store_url, source="news") as news:
        (bare,) = shop.accept({**call(1, userId="42", timestamp="2026-11-21T00:00:00Z"), "traits": {}})
        news.accept(call(2, userId="42"))
        for source, email in (("news", None), ("", None), ("shop", "mine@example.com")):
            shop.accept(*([call(3, userId="42", traits={"email": email})] if email else []))
            options = ("queue", "replay", "--remap", "-m", path, "--job", bare, "--source", source)
            dry, done = shop.run(*options, "--dry-run"), shop.run(*options)
            assert (done.code, "another source: say which by --source" in " ".join(done.err.split())) == (
                (0, False) if email else (2, True)
            )
            assert ("another source" in dry.out) == (email is None)
        story = shop.ledger.story(bare)
    assert story is not None
    assert json.loads(story.content or b"") == {"email": "mine@example.com"}


def test_remap_refuses_another_destinations_mapping(one: Stage, tmp_path: Path) -> None:
    """Jobs of one destination are not mapped for another."""
    jobs = each_state(one)
    path = tmp_path / "other.yaml"
    path.write_text(SMALL.replace("Example\n", "Other\n"), encoding="utf-8")
    ended = one.run("queue", "replay", "--remap", "-m", path, "--job", jobs["invalid"])
    assert (ended.code, "mapping is one for Other" in ended.err) == (2, True)


# ------------------------------------------------------------------------------------------------------------ the rest


def test_a_forgotten_persons_job_has_no_content(one: Stage) -> None:
    """It is still told that it was, and it cannot be replayed."""
    jobs = each_state(one)
    assert run("identity", "forget", f"{CANARY}-u2", "--yes", "--store", one.url).code == 0
    told = one.run("queue", "show", jobs["rejected"], "--content").out
    assert "gone" in told
    assert CANARY not in told
    assert one.run("queue", "replay", "--job", jobs["rejected"]).code == 2
    assert one.ledger.count(Filter(states=("rejected",))) == 1


def test_the_default_store_is_the_outboxs() -> None:
    """Commands and programs that embed the outbox find each other's jobs."""
    assert stores.STORE == STORE


@pytest.mark.parametrize(
    ("where", "path"),
    [
        ("a/b.db", "a/b.db"),
        ("sqlite:///a.db", "a.db"),
        ("sqlite:////srv/a.db?x=1", "/srv/a.db"),
        ("postgresql://u@h/d", None),
    ],
)
def test_the_file_of_a_store(where: str, path: str | None) -> None:
    """Which file a store is, where it is one."""
    assert stores.path_of(where) == (None if path is None else Path(path))


@pytest.mark.parametrize("where", ["postgresql://u:sesame@h:port/d", "mysql://u:sesame@h/d", "://sesame", "sqlite://"])
def test_an_address_that_is_none(where: str) -> None:
    """It is a usage error that does not repeat it."""
    ended = run("queue", "list", "--store", where)
    assert (ended.code, "sesame" in ended.out + ended.err) == (2, False)
    assert ended.err.startswith("error: ")


def test_a_password_is_never_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person is told to type names a store, and never a password; nor does an error."""
    assert stores.option("it's.db") == " --store 'it'\"'\"'s.db'"
    assert stores.option("postgresql://u:secret@h/d") == " --store postgresql://u@h/d"
    monkeypatch.setattr(engine, "_PATIENCE_TO_OPEN", 0.1)
    for command in (("queue", "list"), ("doctor",), ("identity", "show", "u1")):
        ended = run(*command, "--store", "postgresql://u:sesame@127.0.0.1:1/d")
        assert ended.code == 2
        said = " ".join((ended.out + ended.err).split())
        assert "127.0.0.1:1/d: the database is away, for 0.1 seconds now: nobody listens there; is the server" in said
        assert "sesame" not in ended.out + ended.err


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("postgresql://u@127.0.0.1:1/d?password=sesame", "127.0.0.1:1/d: "),
        ("postgresql://u:sesame@[::1]:1/d", "[::1]:1/d: "),
        ("postgresql://u:ses@127.0.0.1@127.0.0.1:1/d", ""),
        ("postgresql://u:x@127.0.0.1/sesame?x@127.0.0.1:1/d", ""),
        ("postgresql://u:sesame@127.0.0.1:1", ""),
        ("postgresql:///d?host=127.0.0.1&port=1&password=sesame", "d: "),
        ("postgresql://u:sesame@127.0.0.2:2/d?hostaddr=127.0.0.1&port=1", "d: "),
    ],
)
def test_an_error_says_which_server_it_was(where: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its host, port and database: never a user, a password, or what may be a part of one."""
    monkeypatch.setattr(engine, "_PATIENCE_TO_OPEN", 0.1)
    ended = run("queue", "list", "--store", where)
    assert ended.code == 2
    assert ended.err.startswith(f"error: {says}the database is away, for 0.1 seconds now: ")
    assert "sesame" not in ended.err


@pytest.mark.parametrize(
    ("to", "says"),
    [
        ("{host}/nowhere", "there is no such database, or no such user; make it (createdb), or mend the address"),
        ("{host}/postgres?sslmode=require", "no encrypted connection comes about"),
        ("eve@{host}/postgres", "there is no such database, or no such user"),
        ("eve@no.host.invalid:1/postgres", "no host of this name is known; is the address right?"),
        ("eve@{host}/postgres?host=/nowhere", "nobody listens there; is the server running"),
    ],
)
def test_an_error_says_what_to_do(to: str, says: str, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """Why a server was not reached, or did not let anybody in, and the next step."""
    monkeypatch.setattr(engine, "_PATIENCE_TO_OPEN", 0.1)
    address = to.format(host=f"127.0.0.1:{postgres.port}")
    ended = run("queue", "list", "--store", f"postgresql://{address if '@' in address else f'postgres@{address}'}")
    assert (ended.code, says in ended.err) == (2, True), ended.err
    assert "eve" not in ended.err


def test_an_error_at_work_says_where_too(postgres: Postgres) -> None:
    """A program that has several stores learns which one it was, later, too; and nothing of what was asked of it."""
    url = postgres.new_database()
    store = open_store(url)
    place = f"127.0.0.1:{postgres.port}/{url.rpartition('/')[2]}"
    with pytest.raises(StoreError) as told:
        store.write(lambda c: c.exec_driver_sql("SELECT %s FROM nowhere", (CANARY,)))
    assert str(told.value).startswith(f"{place}: the database's tables are not those of a store, or this user may not")
    assert CANARY not in "".join(traceback.format_exception(told.value))
    store.close()
    postgres.take_back(url)
