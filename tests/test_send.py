"""``mapper send``: every event accounted for, nothing twice, and nothing for real that nobody agreed to."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from command_line import printed
from postgres import Postgres
from receiver import Receiver, Visit, answer, close, hang
from typer.testing import CliRunner, Result

from mapper import pipeline
from mapper.apps.cli import app, stores
from mapper.apps.cli.sending import dispatch, taking
from mapper.apps.cli.sending.slips import Slips
from mapper.apps.outbox import Outbox, Policy, Status, StoreError, target
from mapper.apps.outbox.rehearsal import rehearse
from mapper.delivery.intake import Intake
from mapper.delivery.ledger import Ledger, Wish, open_store, sqlite_words
from mapper.delivery.states import MEANINGS
from mapper.delivery.values import Arrival, Ending, Receipt
from mapper.request import Request

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"

#: Values that must be seen at the destination and in the file of what was not delivered, and nowhere else.
CANARY, KEY = "1 Rocket Road", "k3y-of-the-house"

MAPPING = """
mapping: 1
destination: Letters
accepts: [identify]
settings:
  key: {{env: TEST_KEY, required: true, secret: true}}
fields:
  template: {{from: traits.template, rules: {{required: true}}}}
  street: traits.street
custom_fields: none
send:
  url: {url}
  secrets: [{{in: body, name: token, value: settings.key}}]
{more}
"""


def mapping_text(url: str = "https://letters.example.com/v1/letters", more: str = "") -> str:
    """A small mapping; ``more`` are further lines of its send."""
    return MAPPING.format(url=url, more=more)


def call(number: int, **changes: Any) -> dict[str, Any]:
    """One Identify call that is ready."""
    traits = {"template": "T1", "street": f"{CANARY} {number}"}
    return {"type": "identify", "messageId": f"m-{number}", "userId": f"u-{number}", "traits": traits, **changes}


def without(event: dict[str, Any], name: str) -> dict[str, Any]:
    """A call without one of its members."""
    return {key: value for key, value in event.items() if key != name}


ONCE = "  once_per: {key: [userId, fields.template], within: 1h}"


# ----------------------------------------------------------------------------------------------------- where it is sent


@pytest.mark.parametrize(
    ("url", "aimed"),
    [
        (None, "https://letters.example.com/v1/letters?a=1"),
        ("http://127.0.0.1:8765", "http://127.0.0.1:8765/v1/letters?a=1"),
        ("http://127.0.0.1:8765/", "http://127.0.0.1:8765/v1/letters?a=1"),
        ("https://other.example.com/hook", "https://other.example.com/hook?a=1"),
        ("https://other.example.com/hook?b=2", "https://other.example.com/hook?b=2"),
    ],
)
def test_another_address(url: str | None, aimed: str) -> None:
    """Scheme and host are replaced, path and query where the address has any; the rest stays."""
    request = Request("POST", "https://letters.example.com/v1/letters?a=1", {}, {}, b"{}", message_id="m")
    assert target.aimed(request, url).url == aimed
    assert target.aimed(request, url).content == request.content


def test_the_host_of_a_mapping() -> None:
    """The host that is shown is the one that is sent to, also where a setting chooses it."""
    text = mapping_text("'{settings.home}/of/{fields.street}'").replace(
        "settings:", "settings:\n  home: {env: HOME_URL}"
    )
    mapper = pipeline.loads(text, environ={"HOME_URL": "https://eu.example.com:8443"})
    assert target.host(mapper.plan, mapper.settings.public) == "eu.example.com:8443"


# ---------------------------------------------------------------------------------------------------------- the command


class Desk:
    """A directory with a mapping, events and a store, and the command line over them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environ = {"TEST_KEY": KEY, "MAPPER_STORE": str(path / "mapper.db"), "NO_COLOR": "1"}
        self.write("letters.yaml", mapping_text())

    def write(self, name: str, text: str) -> Path:
        """Write a file."""
        path = self.path / name
        path.write_text(text, "utf-8")
        return path

    def events(self, *events: Any, name: str = "events.ndjson") -> str:
        """Write events, one a line; a text is a line as it is."""
        lines = (event if isinstance(event, str) else json.dumps(event) for event in events)
        return str(self.write(name, "".join(f"{line}\n" for line in lines)))

    def run(self, *words: str, stdin: str | None = None, key: str | None = KEY) -> Result:
        """Run ``mapper send`` with the mapping."""
        environ = {**self.environ, "TEST_KEY": key, "MAPPER_MAPPING": None, "COLUMNS": "200"}
        command = ["send", "-m", str(self.path / "letters.yaml"), *words]
        return CliRunner().invoke(app, command, input=stdin, env=environ)

    def at(self, receiver: Receiver, more: str = "") -> None:
        """Let the mapping's own address be a receiver of this machine: that is live, and can be looked at."""
        self.write("letters.yaml", mapping_text(receiver.url, more))

    def records(self, name: str) -> list[dict[str, Any]]:
        """The lines of a file."""
        return [json.loads(line) for line in (self.path / name).read_text("utf-8").splitlines()]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A new directory."""
    return Desk(tmp_path)


def counted(text: str) -> dict[str, int]:
    """The account that a run shows."""
    rows = (line.split() for line in text.splitlines())
    names = {*MEANINGS, "repeated", "conflicting", "read"}
    return {
        row[1]: int(row[0].replace(",", "")) for row in rows if len(row) > 1 and row[1] in names and row[0].isdigit()
    }


def counts(result: Result) -> dict[str, int]:
    """The account that a run shows; it has to add up."""
    shown = counted(result.stderr)
    assert sum(shown.values()) == 2 * shown.get("read", 0)
    return shown


def unwrapped(text: str) -> str:
    """What is said, without the ends of lines."""
    return " ".join(text.replace(" \\\n", "\n").split())


def streets(receiver: Receiver) -> list[str]:
    """Which events reached a receiver, by the last sign of their streets, sorted."""
    return sorted(json.loads(received.body)["street"][-1] for received in receiver.received)


def test_sends_to_a_sandbox_of_its_own(desk: Desk) -> None:
    """Without --to nothing leaves the machine, and no store is left; the counts are those of the sandbox."""
    file = desk.events(call(1), "{", call(2), call(1), call(3, type="page"), "", call(4, traits={}))
    result = desk.run(file, "--rate", "none", key=None)
    assert result.exit_code == 1
    assert counts(result) == {"delivered": 2, "repeated": 1, "invalid": 2, "skipped": 1, "read": 6}
    assert "The sandbox counted 2 requests: 2 accepted, 0 refused" in result.stderr
    assert result.stdout == ""
    assert sorted(path.name for path in desk.path.iterdir()) == ["events.ndjson", "letters.yaml"]


def test_all_delivered_is_exit_0(desk: Desk) -> None:
    """Repeated and skipped events alone are fine."""
    assert desk.run(desk.events(call(1), call(1), call(2, type="page"))).exit_code == 0
    assert desk.run(desk.events()).exit_code == 0


def test_the_examples_add_up(desk: Desk) -> None:
    """The shipped mapping and the examples: every event is accounted for, and what is ready arrives once."""
    expected = json.loads((EXAMPLES / "expected.json").read_text("utf-8"))
    words = ["-m", expected["mapping"], "--identity", str(EXAMPLES / expected["identity"])]
    words += ["--rate", "none", "--stale-after", "none", "--results", str(desk.path / "results")]
    result = desk.run(str(EXAMPLES / "events.ndjson"), *words)
    shown = counts(result)
    assert (shown["delivered"], shown["invalid"], shown["skipped"]) == tuple(expected["totals"].values())
    assert shown["read"] == sum(expected["totals"].values())
    assert f"{shown['delivered']} accepted, 0 refused, 0 dropped" in result.stderr
    states = Counter(record["state"] for record in desk.records("results"))
    assert states["delivered"] == expected["totals"]["ready"]


def test_the_same_file_again_sends_nothing_twice(desk: Desk) -> None:
    """The second account is the first's, and says that an earlier run accepted them."""
    file = desk.events(call(1), call(2), call(2), "{", call(3, type="page"))
    with Receiver() as receiver:
        desk.at(receiver)
        first, second = (desk.run(file, "--to", "live", "--yes") for _ in range(2))
    assert first.exit_code == second.exit_code == 1
    assert counts(first) == counts(second)
    assert counts(first) == {"delivered": 2, "repeated": 1, "invalid": 1, "skipped": 1, "read": 5}
    assert streets(receiver) == ["1", "2"]
    assert "4 calls accepted by an earlier run already" in second.stderr
    assert "earlier run" not in first.stderr


def test_on_both_engines(desk: Desk, store_url: str) -> None:
    """Accepted, asked for, sent and accounted for, on SQLite and on PostgreSQL."""
    file, words = desk.events(*map(call, range(5)), "{"), ["--to", "live", "--yes", "--store", store_url]
    with Receiver() as receiver:
        desk.at(receiver, more="  rate: 100/second")
        first, second = (desk.run(file, *words) for _ in range(2))
        with Outbox(pipeline.load(str(desk.path / "letters.yaml")), store_url) as outbox:
            found = rehearse(outbox, lambda: [[json.dumps(call(number)).encode() for number in (1, 8)]])
    assert (found.read, found.sent) == (2, 1)
    assert counts(first) == counts(second) == {"delivered": 5, "invalid": 1, "read": 6}
    assert streets(receiver) == list("01234")


def test_what_is_added_to_a_file_is_sent(desk: Desk) -> None:
    """Only that."""
    with Receiver() as receiver:
        desk.at(receiver)
        assert desk.run(desk.events(call(1)), "--to", "live", "--yes").exit_code == 0
        assert desk.run(desk.events(call(1), call(2)), "--to", "live", "--yes").exit_code == 0
    assert streets(receiver) == ["1", "2"]


def test_two_sources_have_ids_of_their_own(desk: Desk) -> None:
    """The same messageId of another source is another call."""
    file = desk.events(call(1))
    with Receiver() as receiver:
        desk.at(receiver)
        for source in ("web", "app", "web"):
            assert desk.run(file, "--to", "live", "--yes", "--source", source).exit_code == 0
    assert streets(receiver) == ["1", "1"]


def test_a_sandbox_with_a_store_is_remembered(desk: Desk) -> None:
    """Its account has a name of its own, whatever the port; the live account knows nothing of it."""
    file, store = desk.events(call(1), call(2)), ["--store", str(desk.path / "here.db")]
    assert "counted 2 requests" in desk.run(file, *store).stderr
    again = desk.run(file, *store)
    assert "counted 0 requests" in again.stderr
    assert counts(again)["delivered"] == 2
    with Receiver() as receiver:
        desk.at(receiver)
        assert desk.run(file, *store, "--to", "live", "--yes").exit_code == 0
    assert streets(receiver) == ["1", "2"]


def test_nothing_of_anybody_is_shown(desk: Desk) -> None:
    """Neither a trait nor any part of the key is in what is said or in the results."""
    with Receiver(answer(202), answer(422, CANARY.encode()), answer(500)) as receiver:
        desk.at(receiver)
        file = desk.events(call(1), call(2), call(3), call(4, traits={"street": CANARY}))
        result = desk.run(file, "--to", "live", "--yes", "--results", str(desk.path / "results"))
    seen = result.output + (desk.path / "results").read_text("utf-8")
    assert CANARY not in seen
    assert KEY not in seen
    assert KEY[-4:] not in seen
    assert [json.loads(received.body)["token"] for received in receiver.received] == [KEY] * 3


def test_the_calls_of_one_person_stay_in_their_order(desk: Desk) -> None:
    """File after file, one after the other; those of others need not wait for them."""
    mine = [call(number, userId="u") for number in range(6)]
    with Receiver(answer(202, after=0.02)) as receiver:
        desk.at(receiver)
        one, two = desk.events(*mine[:3], name="one"), desk.events(*mine[3:], name="two")
        assert desk.run(one, two, "--to", "live", "--yes").exit_code == 0
    assert [json.loads(received.body)["street"][-1] for received in receiver.received] == list("012345")


def test_the_results(desk: Desk) -> None:
    """One line for each event: where it stood, which job it is, what became of it, and why; no trait."""
    with Receiver(answer(202)) as receiver:
        desk.at(receiver)
        other = call(1, traits={"template": "T2"})
        file = desk.events(call(1), "", "{", call(1), other, call(2, type="page"))
        result = desk.run(file, "--to", "live", "--yes", "--results", str(desk.path / "results"))
    assert result.exit_code == 4
    records = desk.records("results")
    picked = [(r["line"], r["message_id"], r["job"], r["state"], r["status"], r["repeated"]) for r in records]
    assert picked == [
        (1, "m-1", 1, "delivered", 202, None),
        (3, None, 2, "invalid", None, None),
        (4, "m-1", 1, "delivered", 202, "same"),
        (5, "m-1", 1, "delivered", 202, "conflict"),
        (6, "m-2", 3, "skipped", None, None),
    ]
    names = {"file", "line", "message_id", "job", "state", "repeated", "status", "because"}
    assert all(set(record) == names for record in records)
    assert stat.S_IMODE((desk.path / "results").stat().st_mode) == 0o600


def test_another_content_under_one_message_id(desk: Desk) -> None:
    """It is not accepted, and that is said, by the exit code too: somebody's mail may be missing."""
    other = call(1, traits={"template": "T2", "street": CANARY})
    with Receiver() as receiver:
        desk.at(receiver)
        result = desk.run(desk.events(call(1), other, call(1)), "--to", "live", "--yes")
    assert result.exit_code == 4
    assert counts(result) == {"delivered": 1, "conflicting": 1, "repeated": 1, "read": 3}
    assert "1 call not accepted: ask the sender" in result.stderr
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    ("told", "state", "code"), [(202, "delivered", 0), (400, "rejected", 4), (500, "unknown", 4), (204, "delivered", 0)]
)
def test_each_ending_has_its_state(desk: Desk, told: int, state: str, code: int) -> None:
    """What the destination answers is counted as what it is, and decides the exit code."""
    with Receiver(answer(told)) as receiver:
        desk.at(receiver)
        result = desk.run(desk.events(call(1)), "--to", "live", "--yes")
    assert counts(result)[state] == 1
    assert result.exit_code == code


def test_what_may_have_been_taken_is_not_sent_again(desk: Desk) -> None:
    """The connection breaks after the request: it stands as unknown, now and in the next run."""
    file = desk.events(call(1))
    with Receiver(close(reset=False)) as receiver:
        desk.at(receiver)
        first, second = (desk.run(file, "--to", "live", "--yes") for _ in range(2))
    assert counts(first) == counts(second) == {"delivered": 0, "unknown": 1, "read": 1}
    assert first.exit_code == second.exit_code == 4
    assert "ask Letters, then settle them: `mapper queue list" in first.stderr
    assert len(receiver.received) == 1


def test_an_order_that_the_mapping_guards(desk: Desk) -> None:
    """once_per holds over runs; the surplus is suppressed, which is no failure."""
    with Receiver() as receiver:
        desk.at(receiver, more=ONCE)
        assert desk.run(desk.events(call(1, userId="a")), "--to", "live", "--yes").exit_code == 0
        result = desk.run(desk.events(call(2, userId="a"), call(3, userId="b")), "--to", "live", "--yes")
    assert counts(result) == {"delivered": 1, "suppressed": 1, "read": 2}
    assert result.exit_code == 0
    assert streets(receiver) == ["1", "3"]


def test_orders_that_once_per_did_not_guard_are_counted(desk: Desk) -> None:
    """Whoever relies on the guard is told that it was none."""
    nobody = {**without(call(1), "userId"), "anonymousId": "a"}
    with Receiver() as receiver:
        desk.at(receiver, more=ONCE)
        result = desk.run(desk.events(nobody, call(2)))
    assert "1 order not guarded by once_per: a part of its key is empty." in result.stderr


def test_an_archive_sends_nothing(desk: Desk) -> None:
    """By default nothing is sent that is older than 30 days; the account says so, and the way out."""
    old = (datetime.now(UTC) - timedelta(days=31)).isoformat()
    file = desk.events(call(1, timestamp=old), call(2))
    with Receiver() as receiver:
        desk.at(receiver)
        result = desk.run(file, "--to", "live", "--yes")
        assert counts(result) == {"delivered": 1, "suppressed": 1, "read": 2}
        assert result.exit_code == 0
        assert "1 event not sent: older than 30 days." in result.stderr
        assert "mapper queue replay" in result.stderr
        assert "--stale-after none" in result.stderr
        fresh = ["--store", str(desk.path / "other.db")]
        assert desk.run(file, "--to", "live", "--yes", "--stale-after", "40d", *fresh).exit_code == 0
    assert streets(receiver) == ["1", "2", "2"]
    assert desk.run(file, "--stale-after", "soon").exit_code == 2


def test_the_way_out_for_an_archive_prints_no_order_twice(desk: Desk) -> None:
    """The command that is advised sends what was too old: not the second order of somebody, and of two old ones one."""
    old = (datetime.now(UTC) - timedelta(days=31)).isoformat()
    new = datetime.now(UTC).isoformat()
    calls = [call(1, userId="a", timestamp=new), call(2, userId="a", timestamp=new)]
    calls += [
        call(3, userId="b", timestamp=old),
        call(4, userId="c", timestamp=old),
        call(5, userId="c", timestamp=old),
    ]
    with Receiver() as receiver:
        desk.at(receiver, more=ONCE)
        result = desk.run(desk.events(*calls), "--to", "live", "--yes")
        assert counts(result) == {"delivered": 1, "suppressed": 4, "read": 5}
        assert "suppressed  not sent: 3 too old, 1 the same order again" in result.stderr
        advised = re.search(r"`mapper (queue replay [^`]*)` sends them all the same", unwrapped(result.stderr))
        assert advised
        assert "--reason stale" in advised[1]
        done = CliRunner().invoke(app, [*advised[1].split(), "--yes"], env={"MAPPER_MAPPING": None})
        assert (done.exit_code, "2 jobs moved, to ready: replay" in done.stderr) == (0, True)
        assert "1 job stayed: the same order as job 4, which moves in the same act" in done.stderr
        assert desk.run(desk.events(), "--to", "live", "--yes").exit_code == 0
    assert streets(receiver) == ["1", "3", "4"]


@pytest.mark.parametrize("several", [False, True])
def test_each_command_that_a_run_prints_runs(desk: Desk, several: bool) -> None:  # noqa: FBT001 - a parameter
    """What the closing lines advise is about this run's account, in a store of one and of several."""
    old = (datetime.now(UTC) - timedelta(days=31)).isoformat()
    with Receiver(answer(400), answer(401)) as receiver:
        if several:
            other = mapping_text().replace("Letters", "Joe's cards")
            with Outbox(pipeline.loads(other, environ={"TEST_KEY": KEY}), desk.environ["MAPPER_STORE"]) as outbox:
                outbox.accept(call(1))
        desk.at(receiver, more="  cap: {run: 2}")
        events = desk.events(*(call(number) for number in range(1, 5)), call(5, timestamp=old))
        first = desk.run(events, "--to", "live", "--yes")
        told = [command for command in printed(first.stderr) if command[0] == "queue"]
        assert {tuple(word for word in command if word in ("release", "replay", "list")) for command in told} == {
            ("release",),
            ("replay",),
            ("list",),
        }
        for command in told:
            dry = [] if command[1] == "list" else ["--dry-run"]
            done = CliRunner().invoke(app, [*command, *dry], env={"MAPPER_MAPPING": None, "COLUMNS": "200"})
            assert done.exit_code == 0, (command, done.stderr)
            assert "no job is like that" not in done.stderr, command


def test_what_a_worker_that_is_gone_had_under_way_is_told_apart(desk: Desk) -> None:
    """It is not sent again by itself: it is not among what is to be sent."""
    with Receiver() as receiver:
        desk.at(receiver)
        with under_way_elsewhere(desk, str(desk.path / "mapper.db"), call(7)):
            pass
        result = desk.run(desk.events(call(1), call(2)), "--to", "live", "--yes")
    assert "2 jobs to be sent, " in result.stderr
    assert "1 is under way at a worker that is gone; a person has to settle it." in unwrapped(result.stderr)
    assert streets(receiver) == ["1", "2"]


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
@pytest.mark.parametrize("unknown", ["hold", "resend"])
def test_whose_job_is_under_way_decides_what_is_said(
    desk: Desk, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, engine: str, unknown: str
) -> None:
    """A file's one worker is gone, and with resend its job goes out again; on PostgreSQL another may be at it."""
    monkeypatch.setattr(dispatch, "PATIENCE", 0.3)  # less than it is until a job is tried again
    postgres = request.getfixturevalue("postgres") if engine == "postgresql" else None
    store = postgres.new_database() if postgres else str(desk.path / "mapper.db")
    with Receiver() as receiver:
        desk.at(receiver, more=f"  unknown: {unknown}")
        with under_way_elsewhere(desk, store, call(7)):
            pass
        result = desk.run(desk.events(call(1), call(2)), "--to", "live", "--yes", "--store", store)
    said = unwrapped(result.stderr)
    settles = "1 is under way at a worker that is gone; a person has to settle it."
    again = engine == "sqlite" and unknown == "resend"
    assert f"{3 if again else 2} jobs to be sent, " in said
    assert (settles in said) is (engine == "sqlite" and unknown == "hold")
    assert ("1 is under way at another worker." in said) is (engine == "postgresql")
    assert ("under way at" in said) is not again
    assert ("1 job kept in the store: the same command again" in said) is again
    assert streets(receiver) == ["1", "2"]
    if postgres:
        postgres.take_back(store)


def test_nothing_to_send_costs_nothing(desk: Desk) -> None:
    """Where none would be sent, no money is spoken of."""
    ours, theirs = os.openpty()
    with started(desk, desk.events(call(1, type="page")), "--to", "http://127.0.0.1:9", stdin=theirs) as process:
        _, err = process.communicate(timeout=20)
    os.close(ours)
    os.close(theirs)
    assert "0 of 1 event is to be sent to" in err
    assert "cost money" not in err


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("postgresql://u:sesame@h:5432/d", " --store postgresql://u@h:5432/d"),
        ("postgresql://u@h/d?password=sesame", " --store postgresql://u@h/d"),
        ("postgresql://u:ses/ame@h/d", ""),
        ("postgresql://u:sesame", ""),
        ("postgresql://u:ses#ame@h/d", ""),
        ("a b.db", " --store 'a b.db'"),
    ],
)
def test_a_store_is_repeated_without_its_password(where: str, said: str) -> None:
    """The commands that follow name the same store; what may be a part of a password is never repeated."""
    assert stores.option(where) == said


def test_results_are_never_overwritten(desk: Desk) -> None:
    """A file that is there already stops the run before the first request, also where it is the input."""
    file = desk.events(call(1))
    with Receiver() as receiver:
        desk.at(receiver)
        result = desk.run(file, "--to", "live", "--yes", "--results", file)
    assert result.exit_code == 2
    assert "is there already" in result.stderr
    assert receiver.received == []
    assert desk.records("events.ndjson") == [call(1)]


def test_results_that_cannot_be_written_stop_before_the_first_request(desk: Desk) -> None:
    """Each request costs money: what would be missing afterwards is found before."""
    with Receiver() as receiver:
        desk.at(receiver)
        result = desk.run(desk.events(call(1)), "--to", "live", "--yes", "--results", str(desk.path))
    assert result.exit_code == 2
    assert "it is a directory" in result.stderr
    assert receiver.received == []
    assert not (desk.path / "mapper.db").exists()


def test_results_without_a_directory_stop_before_the_first_request(desk: Desk) -> None:
    """None is made, as none is made for a store."""
    with Receiver() as receiver:
        desk.at(receiver)
        result = desk.run(desk.events(call(1)), "--to", "live", "--yes", "--results", str(desk.path / "no" / "results"))
    assert result.exit_code == 2
    assert f"there is no directory {desk.path / 'no'}" in result.stderr
    assert receiver.received == []
    assert not (desk.path / "no").exists()


@pytest.mark.parametrize("place", ["/proc/results", "r" * 250])
def test_results_that_cannot_be_made_stop_before_the_first_request(desk: Desk, place: str) -> None:
    """On a disk that takes no file, and with a name that leaves no room for that of a file half written."""
    with Receiver() as receiver:
        desk.at(receiver)
        result = desk.run(desk.events(call(1)), "--to", "live", "--yes", "--results", str(desk.path / place))
    assert result.exit_code == 2
    assert f"cannot write {desk.path / place}: " in unwrapped(result.stderr)
    assert receiver.received == []
    assert not (desk.path / "mapper.db").exists()


def test_that_results_can_be_made_leaves_nothing_behind(desk: Desk) -> None:
    """A run that ends before its results has made no file."""
    assert desk.run(desk.events(call(1)), "--to", "live", "--results", str(desk.path / "results")).exit_code == 2
    assert sorted(path.name for path in desk.path.iterdir()) == ["events.ndjson", "letters.yaml"]


def test_results_that_fail_in_the_end_hide_no_account(desk: Desk) -> None:
    """The disk may be full by then: what became of the events is said all the same, and that the file is not there."""

    def block(visit: Visit) -> bool:
        (desk.path / "results").mkdir()
        return answer(202)(visit)

    with Receiver(block) as receiver:
        desk.at(receiver)
        result = desk.run(desk.events(call(1)), "--to", "live", "--yes", "--results", str(desk.path / "results"))
    assert result.exit_code == 2
    assert counts(result) == {"delivered": 1, "read": 1}
    assert "cannot write" in result.stderr


def test_a_cap_of_the_mapping(desk: Desk) -> None:
    """cap.run holds the surplus until a person releases it, and that is said, by the exit code too."""
    with Receiver() as receiver:
        desk.at(receiver, more="  cap: {run: 2}")
        result = desk.run(desk.events(*map(call, range(3))), "--to", "live", "--yes")
    assert counts(result) == {"delivered": 2, "held": 1, "read": 3}
    assert result.exit_code == 4
    assert "mapper queue release" in result.stderr
    assert len(receiver.received) == 2


def test_the_rate_of_the_mapping_is_kept(desk: Desk) -> None:
    """In real time: so many requests take at least so long."""
    before = time.monotonic()
    with Receiver() as receiver:
        desk.at(receiver, more="  rate: 20/second")
        assert desk.run(desk.events(*map(call, range(5))), "--to", "live", "--yes").exit_code == 0
    assert time.monotonic() - before >= 4 / 20


# -------------------------------------------------------------------------------------------------- when it stops early


def test_a_refused_key_stops_at_once(desk: Desk) -> None:
    """Nothing more is sent; what waits is kept, and said to be."""
    file = desk.events(*(call(number, userId="u") for number in range(3)))
    with Receiver(answer(401), answer(202)) as receiver:
        desk.at(receiver)
        result = desk.run(file, "--to", "live", "--yes")
    assert result.exit_code == 4
    assert "Sending stopped: the key or the account was refused" in result.stderr
    again = f"mapper worker --store {desk.path}/mapper.db -m {desk.path}/letters.yaml"
    assert f"3 jobs kept in the store: the same command again, or `{again}`, sends them." in unwrapped(result.stderr)
    assert counts(result) == {"ready": 1, "waiting": 2, "delivered": 0, "read": 3}
    assert len(receiver.received) == 1
    said = unwrapped(result.stderr)
    assert re.search(r"was refused \(.*\), paused for [0-9]+ (second|minute|hour)s? more\.", said)
    assert f"`mapper queue release --store {desk.path}/mapper.db --pause` ends the pause" in said


@pytest.mark.parametrize(("asked", "lasting"), [("3600", "60 minutes"), ("99999999999", "24 hours")])
def test_a_long_retry_after_stops(desk: Desk, asked: str, lasting: str) -> None:
    """Nobody waits an hour in front of a terminal: the rest is kept for later. Beyond a day nobody is believed."""
    file = desk.events(*(call(number, userId="u") for number in range(3)))
    with Receiver(answer(429, headers={"Retry-After": asked}), answer(202)) as receiver:
        desk.at(receiver)
        result = desk.run(file, "--to", "live", "--yes")
    assert result.exit_code == 4
    assert f"Sending stopped: paused for {lasting} more: the destination answered 429" in result.stderr
    assert "3 jobs kept in the store" in result.stderr
    assert len(receiver.received) == 1


def test_a_short_retry_after_is_waited_for(desk: Desk) -> None:
    """The same request again, after what was asked for."""
    with Receiver(answer(429, headers={"Retry-After": "1"}), answer(202)) as receiver:
        desk.at(receiver)
        before = time.monotonic()
        result = desk.run(desk.events(call(1)), "--to", "live", "--yes")
    assert time.monotonic() - before >= 1
    assert (result.exit_code, counts(result)["delivered"]) == (0, 1)
    assert receiver.received[0].body == receiver.received[1].body


def test_what_waits_for_a_retry_beyond_a_minute_is_kept(desk: Desk) -> None:
    """It is not waited for; the account says when it is due."""
    with Receiver(answer(503, headers={"Retry-After": "3600"})) as receiver:
        desk.at(receiver)
        result = desk.run(desk.events(call(1)), "--to", "live", "--yes")
    assert result.exit_code == 4
    assert counts(result) == {"ready": 1, "delivered": 0, "read": 1}


def test_jobs_of_an_earlier_run_are_sent_too(desk: Desk) -> None:
    """What an earlier run left goes out with the next one, whatever its file."""
    with Receiver(answer(202)) as receiver:
        desk.at(receiver)
        mapper = pipeline.load(str(desk.path / "letters.yaml"))
        with Outbox(mapper, str(desk.path / "mapper.db")) as outbox:
            outbox.accept(call(1))
        result = desk.run(desk.events(call(2)), "--to", "live", "--yes")
        again = desk.run(desk.events(call(2)), "--to", "live", "--yes")
    assert counts(result) == {"delivered": 1, "read": 1}
    assert streets(receiver) == ["1", "2"]
    assert "1 job of other runs delivered as well." in result.stderr
    assert "as well" not in again.stderr


@contextlib.contextmanager
def under_way_elsewhere(desk: Desk, store: str, *events: dict[str, Any]) -> Iterator[Callable[[], None]]:
    """One job of these that another worker of the store has under way; it ends when what is given is called."""
    with Outbox(pipeline.load(str(desk.path / "letters.yaml")), store) as outbox:
        outbox.accept(list(events))
        (claim,) = outbox.ledger.claim(Wish("there:1:aa", 1)).claims
        assert outbox.ledger.start("there:1:aa", frozenset({claim.job}))
        yield lambda: outbox.ledger.finish([Ending(claim.job, claim.attempt, "delivered")]) and None


def test_what_another_worker_has_is_waited_for(desk: Desk, postgres: Postgres) -> None:
    """Several may work on PostgreSQL: what one of them ends in time is counted, and lets the person's next one go."""
    events = [call(1, userId="u"), call(2, userId="u"), call(3)]
    with Receiver() as receiver:
        desk.at(receiver)
        store = postgres.new_database()
        with under_way_elsewhere(desk, store, *events) as end:
            timer = threading.Timer(0.7, end)
            timer.start()
            result = desk.run(desk.events(*events), "--to", "live", "--yes", "--store", store)
            timer.join()
    assert streets(receiver) == ["2", "3"]
    assert counts(result) == {"delivered": 3, "read": 3}
    assert result.exit_code == 0
    postgres.take_back(store)


def test_what_another_worker_lets_go_stays_under_the_cap(desk: Desk, postgres: Postgres) -> None:
    """A run starts no more than cap.run, however long it waits for others."""
    events = [call(1, userId="u"), call(2, userId="u"), call(3)]
    with Receiver() as receiver:
        desk.at(receiver, more="  cap: {run: 1}")
        store = postgres.new_database()
        with under_way_elsewhere(desk, store, *events) as end:
            other = threading.Thread(target=lambda: receiver.arrived.wait(10) and end())
            other.start()
            result = desk.run(desk.events(*events), "--to", "live", "--yes", "--store", store)
            other.join()
    assert streets(receiver) == ["3"]
    assert (counts(result)["delivered"], result.exit_code) == (2, 4)
    postgres.take_back(store)


def test_what_another_worker_keeps_is_not_said_to_wait(
    desk: Desk, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same command again would not send it: it may be under way, or its worker may be gone."""
    monkeypatch.setattr(dispatch, "PATIENCE", 0.3)
    events = [call(1, userId="u"), call(2, userId="u"), call(3)]
    with Receiver() as receiver:
        desk.at(receiver)
        store = postgres.new_database()
        with under_way_elsewhere(desk, store, *events):
            result = desk.run(desk.events(*events), "--to", "live", "--yes", "--store", store)
    assert streets(receiver) == ["3"]
    assert counts(result) == {"sending": 1, "waiting": 1, "delivered": 1, "read": 3}
    assert result.exit_code == 4
    assert "1 job under way at another worker of this store: `mapper queue status" in result.stderr
    assert "1 job kept in the store: the same command again" in result.stderr
    postgres.take_back(store)


def test_ctrl_c_does_not_wait_for_another_worker(desk: Desk, postgres: Postgres) -> None:
    """Nothing of ours is under way: it ends at once."""
    with Receiver() as receiver:
        desk.at(receiver)
        store = postgres.new_database()
        with (
            under_way_elsewhere(desk, store, call(1)),
            started(desk, desk.events(call(1), call(2)), "--to", "live", "--yes", "--store", store) as process,
        ):
            assert receiver.arrived.wait(10)
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=5)
    assert process.returncode == 130
    assert "1 job under way at another worker" in err
    postgres.take_back(store)


# ------------------------------------------------------------------------------------------------ before money is spent


def test_nobody_to_ask(desk: Desk) -> None:
    """Without a terminal and without --yes nothing is sent for real."""
    with Receiver() as receiver:
        desk.at(receiver)
        file = desk.events(call(1))
        for to in ("live", receiver.url):
            result = desk.run(file, "--to", to, stdin="1\n")
            assert result.exit_code == 2
            assert "--yes" in result.stderr
    assert receiver.connections == 0


def test_the_key_is_asked_for_before_the_first_event(desk: Desk) -> None:
    """A missing key ends it at once, whatever else is wrong."""
    with Receiver() as receiver:
        desk.at(receiver)
        result = desk.run(desk.events(call(1)), "--to", "live", "--yes", key=None)
    assert result.exit_code == 2
    assert "TEST_KEY" in result.stderr
    assert receiver.connections == 0


def test_a_secret_is_refused_on_the_command_line(desk: Desk) -> None:
    """Others on the machine can see it there."""
    result = desk.run(desk.events(call(1)), "--setting", f"key={KEY}")
    assert result.exit_code == 2
    assert KEY not in result.output


@pytest.mark.parametrize(
    "to", ["http://example.com", "ftp://127.0.0.1", "nowhere", "", "https://u:p@h/x", "https://h/#x", "http://10.0.0.1"]
)
def test_an_address_that_is_none(desk: Desk, to: str) -> None:
    """Plain http goes to this machine only; what is no address is refused before anything else."""
    result = desk.run(desk.events(call(1)), "--to", to, "--yes")
    assert result.exit_code == 2
    assert "--to" in result.stderr


def test_a_run_may_be_slower_but_not_faster(desk: Desk) -> None:
    """The mapping's rate is a bound for everything but the sandbox."""
    file = desk.events(call(1))
    with Receiver() as receiver:
        desk.at(receiver, more="  rate: 300/minute")
        assert desk.run(file, "--to", "live", "--yes", "--rate", "6/second").exit_code == 2
        assert desk.run(file, "--to", "live", "--yes", "--rate", "none").exit_code == 2
        assert receiver.received == []
        assert desk.run(file, "--to", "live", "--yes", "--rate", "4/second").exit_code == 0
    assert desk.run(file, "--rate", "fast").exit_code == 2


def test_a_file_that_is_missing_stops_before_the_first_request(desk: Desk) -> None:
    """All files are looked at first."""
    with Receiver() as receiver:
        desk.at(receiver)
        result = desk.run(desk.events(call(1)), str(desk.path / "missing"), "--to", "live", "--yes")
    assert result.exit_code == 2
    assert receiver.connections == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x1f\x8b\x08\x00", "zcat {} | mapper"),
        (b"PK\x03\x04\x14\x00", "unzip -p {} | mapper"),
        (b"\xff\xfe{\x00}\x00", "save it as UTF-8"),
        (b'[{"a": 1}]', "jq -c '.[]' {}"),
    ],
)
def test_a_file_of_another_form_is_refused_before_anything_is_accepted(desk: Desk, content: bytes, said: str) -> None:
    """Also where it is the second one: what makes lines of it is said, and nothing is kept or sent."""
    other = desk.path / "other"
    other.write_bytes(content)
    with Receiver() as receiver:
        desk.at(receiver)
        result = desk.run(desk.events(call(1)), str(other), "--to", "live", "--yes")
        assert receiver.received == []
    assert result.exit_code == 2
    assert said.format(other) in result.stderr
    assert not (desk.path / "mapper.db").exists()


def test_a_file_that_breaks_under_way_sends_nothing(desk: Desk) -> None:
    """What was accepted by then is kept and said; the next run sends it."""
    broken = desk.path / "broken"
    broken.write_bytes(b"{\n" + b" " * (2 * 1024 * 1024))
    events = "".join(json.dumps(call(number)) + "\n" for number in range(taking.AT_ONCE))
    with Receiver() as receiver:
        desk.at(receiver)
        result = desk.run("-", str(broken), "--to", "live", "--yes", stdin=events)
        assert receiver.received == []
    assert result.exit_code == 2
    assert "neither one event nor one event a line" in result.stderr
    assert f"Accepted up to line {taking.AT_ONCE} of standard input, and kept" in result.stderr


def test_a_disk_that_is_full_under_way_loses_nothing_of_what_was_said(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was accepted stays, which the error does not deny; the same command goes on when there is room."""
    file, accept = desk.events(*(call(number) for number in range(taking.AT_ONCE + 1))), Ledger.accept
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorname = "SQLITE_FULL"

    def cramped(self: Ledger, arrivals: Sequence[Arrival]) -> list[Receipt]:
        if len(arrivals) < taking.AT_ONCE:
            with sqlite_words.told():
                raise full
        return accept(self, arrivals)

    kept = ("--store", f"{desk.path}/own.db", "--rate", "none")
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "accept", cramped)
        result = desk.run(file, *kept)
    said = unwrapped(result.stderr)
    assert result.exit_code == 2
    assert f"Accepted up to line {taking.AT_ONCE} of {file}, and kept; nothing was sent by this run. The same" in said
    assert "error: the disk is full: nothing more was taken; make room and go on" in said
    assert "nothing was taken" not in said
    assert counts(desk.run(file, *kept))["delivered"] == taking.AT_ONCE + 1


def test_standard_input(desk: Desk) -> None:
    """A pipe can be sent to the sandbox, and for real with --yes; it cannot be read twice."""
    text = json.dumps(call(1)) + "\n"
    assert counts(desk.run("-", stdin=text)) == {"delivered": 1, "read": 1}
    with Receiver() as receiver:
        desk.at(receiver)
        refused = desk.run("-", "--to", "live", stdin=text)
        assert (refused.exit_code, receiver.connections) == (2, 0)
        assert desk.run("-", "--to", "live", "--yes", stdin=text).exit_code == 0
        assert len(receiver.received) == 1
    assert desk.run("-", "-", stdin=text).exit_code == 2


def test_it_says_what_is_going_to_happen(desk: Desk) -> None:
    """How many, how fast and how long: before the first request."""
    with Receiver() as receiver:
        desk.at(receiver, more="  rate: 20/second")
        result = desk.run(desk.events(call(1), call(1), "{", call(2)), "--to", "live", "--yes")
    assert "2 jobs to be sent, 20 a second: about 1 second." in result.stderr


def test_a_line_that_is_too_long_is_invalid(desk: Desk) -> None:
    """It is not held in memory, and two of them are two."""
    long = '{"traits": "' + "x" * (1024 * 1024) + '"}'
    result = desk.run(desk.events(long, call(1), long))
    assert counts(result) == {"delivered": 1, "invalid": 1, "repeated": 1, "read": 3}


def test_lines_that_are_too_long_are_told_apart_by_all_of_them(desk: Desk) -> None:
    """Whatever run and file they come in; why they are invalid is said, and nothing of them is kept."""
    one, other = ('{"traits": "' + "x" * (2 * 1024 * 1024) + end + '"}\n' for end in "ab")
    said = [counts(desk.run("-", "--store", f"{desk.path}/own.db", stdin=text)) for text in (one, other, one)]
    assert said == [{"delivered": 0, "invalid": 1, "read": 1}] * 3
    with contextlib.closing(open_store(str(desk.path / "own.db"))) as store:
        stories = [Ledger(store, "Letters sandbox", Policy()).story(job) for job in (1, 2, 3)]
    assert stories[2] is None
    mapper = pipeline.loads(mapping_text(), environ={})
    intake = Intake(mapper, mapper.settings, b"secret")
    for story in filter(None, stories):
        assert story.event is not None
        assert len(story.event) < 100
        again = intake.draft(intake.arrival(story.event), None)  # as `queue replay --remap` does
        for because in (story.row.because, again.because):
            assert (
                because == "not_an_event: the event is no JSON that can be kept: the line has more than 1048576 bytes"
            )


# ------------------------------------------------------------------------------------------------------------ its parts


def test_a_rehearsal_leaves_nothing(desk: Desk) -> None:
    """It counts what would be sent, by what the store knows already, and takes everything back."""
    mapper = pipeline.load(str(desk.path / "letters.yaml"))
    known = [json.dumps(call(number)).encode() for number in range(3)]
    more = [json.dumps(call(number, **change)).encode() for number, change in ((3, {}), (3, {}), (4, {"type": "page"}))]
    with Outbox(mapper, str(desk.path / "mapper.db")) as outbox:
        outbox.accept(known)
        before = outbox.status().counts
        found = rehearse(outbox, lambda: [known, more])
        assert (found.read, found.sent, found.exact) == (6, 1, True)
        assert outbox.status().counts == before
        assert outbox.accept(more)[0].repeated == ""


def test_a_rehearsal_that_takes_too_long_counts_the_rest(desk: Desk) -> None:
    """Beyond its time each event counts as one that is sent: it never says too few."""
    mapper = pipeline.load(str(desk.path / "letters.yaml"))
    batch = [b"{"] * 4
    with Outbox(mapper, str(desk.path / "mapper.db")) as outbox:
        found = rehearse(outbox, lambda: [batch, batch, batch], seconds=-1)
    assert (found.read, found.sent, found.exact) == (12, 8, False)


def test_a_job_counts_once_in_a_run() -> None:
    """The first line of a job stands for it, wherever it was accepted; numbers far apart are told apart."""
    with Slips() as slips:
        for job, repeated in ((1, ""), (2, "same"), (1, "same"), (2, "same"), (10**9, ""), (10**9, "conflict")):
            slips.add(("f", 1), None, Receipt(job, "ready", None, repeated))
        assert (slips.read, slips.before) == (6, 1)


@pytest.mark.parametrize("option", ["--slow", "--retry-after"])
@pytest.mark.parametrize("word", ["nan", "inf", "-inf"])
def test_a_sandbox_that_waits_no_number_of_seconds(desk: Desk, option: str, word: str) -> None:
    """A usage error, before it listens."""
    command = ["sandbox", "-m", str(desk.path / "letters.yaml"), "--port", "0", "--answer", "429", option, word]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert "seconds are a number" in result.output


# ----------------------------------------------------------------------------------------------- processes of their own


COMMAND = [sys.executable, "-c", "from mapper.apps.cli import main; main()", "send"]


@contextlib.contextmanager
def started(
    desk: Desk, *words: str, stdin: int | None = subprocess.DEVNULL, **environ: str
) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own."""
    whole = {**os.environ, **desk.environ, **environ}
    command = [*COMMAND, "-m", str(desk.path / "letters.yaml"), *words]
    with subprocess.Popen(
        command, cwd=ROOT, env=whole, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def heard(process: subprocess.Popen[str], words: str) -> None:
    """Read what a process says until it says these words."""
    assert process.stderr
    said = ""
    while words not in said:
        letter = process.stderr.read(1)
        assert letter, said
        said += letter


@pytest.mark.parametrize(("typed", "sent", "code"), [("2", 2, 0), ("y", 0, 4)])
def test_a_person_types_the_count(desk: Desk, typed: str, sent: int, code: int) -> None:
    """Only who typed how many are sent has read it; otherwise nothing is accepted either."""
    ours, theirs = os.openpty()
    with Receiver() as receiver:
        desk.at(receiver)
        file = desk.events(call(1), call(2), call(2))
        with started(desk, file, "--to", "live", stdin=theirs) as process:
            os.write(ours, f"{typed}\n".encode())
            _, err = process.communicate(timeout=20)
    os.close(ours)
    os.close(theirs)
    host = receiver.url.split("/")[2]
    assert f"2 of 3 events are to be sent to {host} (Letters, live)" in err
    assert "Type 2 to go on:" in err
    assert process.returncode == code
    assert len(receiver.received) == sent


def test_jobs_of_earlier_runs_are_in_the_count(desk: Desk) -> None:
    """They would be sent as well: who agrees, agrees to them."""
    ours, theirs = os.openpty()
    with Receiver() as receiver:
        desk.at(receiver)
        with Outbox(pipeline.load(str(desk.path / "letters.yaml")), str(desk.path / "mapper.db")) as outbox:
            outbox.accept([call(7), call(8)])
        with started(desk, desk.events(call(1), call(7)), "--to", "live", stdin=theirs) as process:
            os.write(ours, b"3\n")
            _, err = process.communicate(timeout=20)
    os.close(ours)
    os.close(theirs)
    assert "1 of 2 events" in err
    assert "and 2 jobs of earlier runs" in err
    assert "Type 3 to go on:" in err
    assert streets(receiver) == ["1", "7", "8"]


def test_what_comes_after_the_count_is_not_accepted(desk: Desk) -> None:
    """A file that grows while the person reads: no more leaves than was agreed to."""
    ours, theirs = os.openpty()
    with Receiver() as receiver:
        desk.at(receiver)
        file = desk.events(call(1), call(2))
        with started(desk, file, "--to", "live", stdin=theirs) as process:
            heard(process, "go on: ")
            desk.events(call(1), call(2), call(3))
            os.write(ours, b"2\n")
            _, err = process.communicate(timeout=20)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 4
    assert "the files have more lines than were counted" in err
    assert len(receiver.received) == 2


def test_a_pipe_cannot_be_counted_first(desk: Desk) -> None:
    """Where a person could be asked but the events cannot be read twice, nothing is read and nothing sent."""
    pipe = desk.path / "pipe"
    os.mkfifo(pipe)
    ours, theirs = os.openpty()
    with started(desk, str(pipe), "--to", "live", stdin=theirs) as process:
        _, err = process.communicate(timeout=20)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 2
    assert "read once" in err


@pytest.mark.parametrize(
    ("number", "called", "code"),
    [(signal.SIGINT, "Ctrl-C", 130), (signal.SIGTERM, "SIGTERM", 143), (signal.SIGHUP, "SIGHUP", 129)],
)
def test_ctrl_c_ends_what_is_under_way_and_the_next_run_goes_on(
    desk: Desk, number: signal.Signals, called: str, code: int
) -> None:
    """The request that left gets its answer; the rest is kept, and the same command sends it, each once."""
    file = desk.events(*(call(one, userId="u") for one in range(4)))
    with Receiver(answer(202, after=0.3)) as receiver:
        desk.at(receiver)
        with started(desk, file, "--to", "live", "--yes") as process:
            assert receiver.arrived.wait(10)
            process.send_signal(number)
            _, err = process.communicate(timeout=20)
        assert process.returncode == code
        assert f"Sending stopped: {called}." in err
        assert counted(err) == {"ready": 1, "waiting": 2, "delivered": 1, "read": 4}
        assert len(receiver.received) == 1
        assert desk.run(file, "--to", "live", "--yes").exit_code == 0
    assert streets(receiver) == ["0", "1", "2", "3"]


def test_ctrl_c_does_not_wait_for_the_rate(desk: Desk) -> None:
    """Who stops it does not wait for the next turn."""
    with Receiver() as receiver:
        desk.at(receiver, more="  rate: 1/hour")
        with started(desk, desk.events(*map(call, range(3))), "--to", "live", "--yes") as process:
            assert receiver.arrived.wait(10)
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "2 jobs kept in the store" in err


def test_a_signal_that_leaves_nothing_undone_is_no_failure(desk: Desk) -> None:
    """What was under way was all that there was: it is delivered, and the code says so."""
    with Receiver(answer(202, after=0.3)) as receiver:
        desk.at(receiver)
        with started(desk, desk.events(call(1)), "--to", "live", "--yes") as process:
            assert receiver.arrived.wait(10)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)
    assert process.returncode == 0


def test_a_second_ctrl_c_leaves_at_once(desk: Desk) -> None:
    """A request that hangs is left: nobody knows whether it was taken, and the next run says so and goes on."""
    file = desk.events(call(1), call(2, userId="u-1"))
    with Receiver(hang(), answer(202)) as receiver:
        desk.at(receiver)
        with started(desk, file, "--to", "live", "--yes") as process:
            assert receiver.arrived.wait(10)
            process.send_signal(signal.SIGINT)
            heard(process, "leaves at once")
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=20)
        assert process.returncode == 130
        assert "stands as unknown" in err
        again = desk.run(file, "--to", "live", "--yes")
    assert counts(again) == {"unknown": 1, "delivered": 1, "read": 2}
    assert streets(receiver) == ["1", "2"]


def test_ctrl_c_while_it_waits_for_events(desk: Desk) -> None:
    """What came through the pipe is accepted and kept; nothing is sent."""
    with Receiver() as receiver:
        desk.at(receiver)
        with started(desk, "-", "--to", "live", "--yes", stdin=subprocess.PIPE) as process:
            assert process.stdin
            process.stdin.write(json.dumps(call(1)) + "\n")
            process.stdin.flush()
            until = time.monotonic() + 10
            while not (desk.path / "mapper.db.turn").exists() and time.monotonic() < until:
                time.sleep(0.05)
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            process.wait(timeout=20)
            err = process.stderr.read() if process.stderr else ""
        assert process.returncode == 130
        assert "What comes after line 1 of standard input was not read: Ctrl-C." in err
        assert "1 job kept in the store" in err
        assert receiver.received == []
        assert desk.run(desk.events(), "--to", "live", "--yes").exit_code == 0
        assert streets(receiver) == ["1"]


def test_a_store_that_cannot_be_looked_at_for_a_moment_costs_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The looks are for the person; what is under way is not left for one that fails, nor is the rest."""
    status, looks = Outbox.status, itertools.count()

    def away(self: Outbox) -> Status:
        if next(looks) == 2:
            raise StoreError("the database is away, for 20 seconds now")
        return status(self)

    monkeypatch.setattr(Outbox, "status", away)
    with Receiver(answer(202, after=0.5)) as receiver:
        desk.at(receiver)
        result = desk.run(desk.events(*(call(number, userId="u") for number in range(4))), "--to", "live", "--yes")
    assert next(looks) > 4
    assert (result.exit_code, counts(result)["delivered"]) == (0, 4)


@pytest.mark.parametrize(
    "point", ["in_accept:2", "after_accept:1", "after_claim:1", "before_start:2", "after_finish:3"]
)
def test_killed_anywhere_the_same_command_goes_on(desk: Desk, point: str) -> None:
    """SIGKILL while it accepts or sends, with nothing under way: every event is sent, each once."""
    number = taking.AT_ONCE + 5 if "accept" in point else 8
    file = desk.events(*(call(one, userId="u") for one in range(number)), call(0, type="page", messageId="p"))
    if "accept" in point:  # many of them: most order nothing
        quiet = (call(one, type="page") for one in range(8, number))
        file = desk.events(*(call(one, userId="u") for one in range(8)), *quiet)
    with Receiver() as receiver:
        desk.at(receiver)
        with started(desk, file, "--to", "live", "--yes", MAPPER_FAILPOINT=point) as process:
            process.communicate(timeout=20)
        assert process.returncode == -signal.SIGKILL
        result = desk.run(file, "--to", "live", "--yes")
    assert result.exit_code == 0, result.stderr
    assert counts(result)["delivered"] == 8
    assert streets(receiver) == list("01234567")


def test_killed_with_a_request_under_way(desk: Desk) -> None:
    """It stands as unknown and is not sent again; the others are, each once."""
    file = desk.events(*(call(one, userId="u") for one in range(4)))
    with Receiver(answer(202), hang(), answer(202)) as receiver:
        desk.at(receiver)
        with started(desk, file, "--to", "live", "--yes") as process:
            until = time.monotonic() + 10
            while len(receiver.received) < 2 and time.monotonic() < until:
                time.sleep(0.01)
            process.kill()
            process.communicate(timeout=20)
        result = desk.run(file, "--to", "live", "--yes")
    assert counts(result) == {"unknown": 1, "delivered": 3, "read": 4}
    assert result.exit_code == 4
    assert streets(receiver) == ["0", "1", "2", "3"]
