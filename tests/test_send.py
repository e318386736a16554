"""``mapper send``: every event accounted for, nothing twice, and nothing for real that nobody agreed to."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from receiver import Receiver, answer, close, hang
from typer.testing import CliRunner, Result

from mapper import outcome, pipeline
from mapper.apps.cli import app
from mapper.apps.outbox import target
from mapper.apps.sending import records as accounts
from mapper.apps.sending.records import AGAIN, FATES, UNDELIVERED, Record
from mapper.apps.sending.run import IN_A_ROW, Rehearsal, Run, World
from mapper.outcome import Failure, Outcome, Reply
from mapper.pipeline import Mapper
from mapper.readers.events import Event
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


# ------------------------------------------------------------------------------------------- what becomes of each event


class Fake:
    """A world that answers from a script, and in which time passes by waiting alone."""

    def __init__(self, *script: int | Reply | Failure, mapper: Mapper) -> None:
        self.moments: list[float] = []
        self.posted: list[Request] = []
        self.now = 0.0
        self._script = script
        self._answers = mapper.plan.send.answers

    def world(self) -> World:
        """This world."""
        return World(self._post, lambda: self.now, self._wait, lambda: datetime(2026, 11, 21, tzinfo=UTC))

    def _post(self, request: Request) -> Outcome:
        self.moments.append(self.now)
        self.posted.append(request)
        told = self._script[min(len(self.posted), len(self._script)) - 1] if self._script else 202
        return outcome.classify(Reply(told) if isinstance(told, int) else told, self._answers)

    def _wait(self, seconds: float) -> None:
        self.now += seconds


def played(
    events: Sequence[Any], *script: int | Reply | Failure, more: str = "", **options: Any
) -> tuple[Run, list[Record], Fake]:
    """A run over events in a world that answers from a script."""
    mapper = pipeline.loads(mapping_text(more=more), environ={})
    fake = Fake(*script, mapper=mapper)
    run = Run(mapper.plan, mapper.settings.public, fake.world(), **options)
    records = []
    for number, event in enumerate(events, start=1):
        raw = event if isinstance(event, bytes) else json.dumps(event).encode()
        decoded = None if isinstance(event, bytes) else event
        records.append(run.take(Event("f", number, raw, decoded, mapper.transform(raw))))
    return run, records, fake


def fates(records: Sequence[Record]) -> list[str]:
    """What became of each event."""
    return [record.fate for record in records]


@pytest.mark.parametrize(
    ("told", "fate"),
    [
        (202, "delivered"),
        (400, "rejected"),
        (429, "retry"),
        (500, "unknown"),
        (401, "paused"),
        (Failure("connect", maybe_sent=False), "retry"),
        (Failure("timeout", maybe_sent=True), "unknown"),
        (Failure("bad_header", maybe_sent=False, fault="request"), "rejected"),
        (Failure("insecure_url", maybe_sent=False, fault="settings"), "paused"),
    ],
)
def test_each_ending_has_its_fate(told: int | Failure, fate: str) -> None:
    """What the destination answers, and what the network does, is counted as what it is."""
    run, records, _ = played([call(1)], told)
    assert fates(records) == [fate]
    assert run.undelivered == (fate != "delivered")


def test_what_makes_no_request_is_counted() -> None:
    """No JSON, no event, not ready, and of another type: all are counted, none is sent."""
    events = [b"{", {"a": 1}, call(1, traits={}), call(2, type="track"), call(3)]
    run, records, fake = played(events)
    assert fates(records) == ["invalid", "invalid", "invalid", "skipped", "delivered"]
    assert len(fake.posted) == 1
    assert run.read == 5
    assert records[2].because == "missing template"


def test_the_same_call_is_sent_once() -> None:
    """The same messageId is one call, however it comes a second time; after a refusal too."""
    run, records, fake = played([call(1), call(2), call(1), call(1)], 400, 202)
    assert fates(records) == ["rejected", "delivered", "duplicate", "duplicate"]
    assert len(fake.posted) == 2
    assert run.conflicts == 0


def test_one_message_id_with_two_contents() -> None:
    """The first is sent, and the other is no duplicate: somebody's mail may be missing."""
    run, records, fake = played([call(1), call(1, traits={"template": "T2"})])
    assert fates(records) == ["delivered", "conflicting"]
    assert (run.conflicts, run.undelivered) == (1, 1)
    assert "another content" in records[1].because
    assert len(fake.posted) == 1


def test_calls_without_a_message_id() -> None:
    """They are the same when person and request are: two people may order the same, and one person two things."""
    one, two = without(call(1), "messageId"), without(call(2), "messageId")
    other = {**one, "traits": {"template": "T2"}}
    twin = {**one, "userId": "u-3"}
    _, records, _ = played([one, two, one, other, twin])
    assert fates(records) == ["delivered", "delivered", "duplicate", "delivered", "delivered"]


ONCE = "  once_per: {key: [userId, fields.template], within: 1h}"


def order(number: int, user: str, template: str) -> dict[str, Any]:
    """A call of a person who orders something."""
    return call(number, userId=user, traits={"template": template})


def test_an_order_that_the_mapping_guards() -> None:
    """once_per holds within the run, key by key."""
    orders = [order(1, "a", "T1"), order(2, "a", "T1"), order(3, "a", "T2"), order(4, "b", "T1")]
    _, records, _ = played(orders, more=ONCE)
    assert fates(records) == ["delivered", "duplicate", "delivered", "delivered"]
    assert "once_per" in records[1].because


@pytest.mark.parametrize(
    ("told", "second"), [(202, "duplicate"), (500, "duplicate"), (429, "duplicate"), (400, "delivered")]
)
def test_a_refused_order_may_be_tried_again(told: int, second: str) -> None:
    """Only after a refusal for good is another call with the same order no second postcard."""
    _, records, _ = played([order(1, "a", "T1"), order(2, "a", "T1")], told, 202, more=ONCE)
    assert fates(records)[1] == second


def test_the_guard_ends_with_its_time() -> None:
    """What was sent an hour ago does not stand in the way of the next."""
    events = [order(n, user, "T1") for n, user in enumerate("abacaa")]
    _, records, fake = played(events, more=ONCE, rate=(1, 1801))
    assert fates(records) == ["delivered", "delivered", "duplicate", "delivered", "delivered", "duplicate"]
    assert fake.moments == pytest.approx([0, 1801, 3602, 5403], abs=0.1)


def test_no_guard_without_its_key() -> None:
    """People without a userId do not share one key: the guard does not apply to them."""
    events = [{**without(call(n), "userId"), "anonymousId": f"a-{n}", "traits": {"template": "T"}} for n in (1, 2)]
    _, records, _ = played(events, more=ONCE)
    assert fates(records) == ["delivered", "delivered"]


def test_an_order_without_its_whole_key_is_counted() -> None:
    """It is sent, and whoever relies on the guard is told that it was none."""
    events = [order(1, "a", "T1"), {**without(order(2, "", "T1"), "userId"), "anonymousId": "x"}, order(3, "a", "T1")]
    run, records, _ = played(events, more=ONCE)
    assert fates(records) == ["delivered", "delivered", "duplicate"]
    assert run.unguarded == 1
    assert played(events)[0].unguarded == 0


def test_a_number_and_its_text_are_one_key() -> None:
    """A userId of 1 and one of "1" are the same person, as they are everywhere else."""
    events = [call(n, userId=who, traits={"template": "T1"}) for n, who in enumerate([1, "1", " 1 ", 2])]
    _, records, _ = played(events, more=ONCE)
    assert fates(records) == ["delivered", "duplicate", "duplicate", "delivered"]


def test_a_key_that_no_json_can_say_guards_nothing() -> None:
    """Not a number, and too large: two of those are no reason to take two orders for one."""
    guard = "  once_per: {key: [\"[to_number('1e999')]\"], within: 1h}"
    run, records, _ = played([call(1), call(2)], more=guard)
    assert fates(records) == ["delivered", "delivered"]
    assert run.unguarded == 2


def test_the_rate_is_kept() -> None:
    """Requests leave evenly; what is not sent takes no turn."""
    _, _, fake = played([call(1), call(1), b"{", call(2), call(3)], rate=(300, 60))
    assert fake.moments == pytest.approx([0, 0.2, 0.4], abs=1e-3)


def test_pause_stops_at_once() -> None:
    """After a refused key nothing more is sent; what would have been is counted as unsent."""
    run, records, fake = played([call(1), call(2), b"{", call(3), call(2), call(4)], 202, 401)
    assert fates(records) == ["delivered", "paused", "invalid", "unsent", "duplicate", "unsent"]
    assert len(fake.posted) == 2
    assert run.stopped is not None
    assert "401" in run.stopped


def test_stop_keeps_its_first_reason() -> None:
    """Why sending stopped is what happened first."""
    run, _, _ = played([])
    run.stop("one")
    run.stop("two")
    assert run.stopped == "one"


def limited(seconds: str) -> Reply:
    """A 429 that asks to wait."""
    return Reply(429, {"retry-after": seconds})


def test_retry_after_is_honoured() -> None:
    """The next request waits as long as it was asked to; the refused one is not sent again."""
    _, records, fake = played([call(n) for n in range(3)], limited("7"), 202, rate=(300, 60))
    assert fates(records) == ["retry", "delivered", "delivered"]
    assert fake.moments == pytest.approx([0, 7, 7.2], abs=1e-3)


def test_retry_after_of_what_was_delivered_is_no_wait() -> None:
    """A destination may say when it will have printed; that holds up nobody else."""
    _, _, fake = played([call(1), call(2)], Reply(202, {"retry-after": "3600"}))
    assert fake.moments == [0, 0]


@pytest.mark.parametrize("asked", ["3600", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_long_retry_after_stops(asked: str) -> None:
    """Nobody waits an hour in front of a terminal: the rest is kept for later."""
    run, records, fake = played([call(n) for n in range(3)], limited(asked))
    assert fates(records) == ["retry", "unsent", "unsent"]
    assert fake.now == 0
    assert run.stopped is not None


@pytest.mark.parametrize("told", [503, 500, Failure("connect", maybe_sent=False), Failure("timeout", maybe_sent=True)])
def test_a_destination_that_is_down_stops_the_run(told: int | Failure) -> None:
    """Ten in a row without a final answer are enough: each more may be a postcard that nobody can account for."""
    run, records, _ = played([call(n) for n in range(IN_A_ROW + 5)], told)
    assert fates(records)[IN_A_ROW:] == ["unsent"] * 5
    assert run.stopped is not None


def test_now_and_then_a_failure_does_not_stop_the_run() -> None:
    """Only failures in a row count: a final answer between them, even a refusal, shows that somebody is there."""
    script = ([503] * (IN_A_ROW - 1) + [400]) * 3
    run, _, _ = played([call(n) for n in range(len(script))], *script)
    assert run.stopped is None


def test_a_cap_holds_the_surplus() -> None:
    """cap.run bounds what one run may cost; the rest is held."""
    run, records, fake = played([call(n) for n in range(5)], most=3)
    assert fates(records) == ["delivered"] * 3 + ["held"] * 2
    assert len(fake.posted) == 3
    assert run.undelivered == 2


@given(
    numbers=st.lists(st.integers(0, 12), max_size=40),
    script=st.lists(st.sampled_from([202, 202, 400, 401, 429, 500, 503]), max_size=40),
    most=st.one_of(st.none(), st.integers(0, 20)),
    guarded=st.booleans(),
)
def test_every_event_ends_once_and_nothing_is_sent_twice(
    numbers: list[int], script: list[int], most: int | None, *, guarded: bool
) -> None:
    """Whatever is answered: events = the sum over the fates, and no messageId leaves a second time (laws 7 and 8)."""
    events = [order(n, f"u-{n % 5}", f"T{n % 3}") for n in numbers]
    run, records, fake = played(events, *script, more=ONCE if guarded else "", most=most)
    assert run.read == len(events) == sum(run.counts[fate] for fate in FATES)
    sent = Counter(request.message_id for request in fake.posted)
    assert set(sent.values()) <= {1}
    assert run.counts["conflicting"] == 0
    assert len(fake.posted) == sum(record.outcome is not None for record in records)
    assert len(fake.posted) <= (len(events) if most is None else most)
    firsts = {record.event.message_id for record in records if record.fate != "duplicate"}
    assert guarded or firsts == {event["messageId"] for event in events}


def test_a_rehearsal_is_the_run_without_the_sending() -> None:
    """It counts what would leave and how long that takes, and posts nothing."""
    mapper = pipeline.loads(mapping_text(more=ONCE), environ={})
    rehearsal = Rehearsal()
    run = Run(mapper.plan, {}, rehearsal.world(), rate=(300, 60))
    for number, event in enumerate([order(1, "a", "T"), order(1, "a", "T"), order(2, "a", "T"), order(3, "b", "T")]):
        raw = json.dumps(event).encode()
        run.take(Event("f", number, raw, event, mapper.transform(raw)))
    assert run.counts == {"delivered": 2, "duplicate": 2}
    assert rehearsal.seconds == pytest.approx(0.2, abs=1e-3)


def test_words_for_every_fate() -> None:
    """The table of fates is whole, and says which of them leave somebody without mail."""
    assert AGAIN < UNDELIVERED < set(FATES)
    assert set(FATES) - UNDELIVERED == {"delivered", "duplicate", "invalid", "skipped"}


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
    """A directory with a mapping and events, and the command line over them."""

    def __init__(self, path: Path) -> None:
        self.path = path
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
        environ = {"TEST_KEY": key, "MAPPER_MAPPING": None, "COLUMNS": None}
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


def counts(result: Result) -> dict[str, int]:
    """The account that a run shows."""
    rows = (line.split() for line in result.stderr.splitlines())
    names = {*FATES, "read"}
    return {row[1]: int(row[0].replace(",", "")) for row in rows if len(row) > 1 and row[1] in names}


def bodies(receiver: Receiver) -> list[dict[str, Any]]:
    """The bodies that reached a receiver."""
    return [json.loads(received.body) for received in receiver.received]


def test_sends_to_a_sandbox_of_its_own(desk: Desk) -> None:
    """Without --to nothing leaves the machine; the counts add up, and are those of the sandbox."""
    file = desk.events(call(1), "{", call(2), call(1), call(3, type="page"), "", call(4, traits={}))
    result = desk.run(file, "--rate", "none", key=None)
    assert result.exit_code == 1
    shown = counts(result)
    assert shown == {"delivered": 2, "duplicate": 1, "invalid": 2, "skipped": 1, "read": 6}
    assert "The sandbox counted 2 requests: 2 accepted, 0 refused" in result.stderr
    assert result.stdout == ""


def test_all_delivered_is_exit_0(desk: Desk) -> None:
    """Duplicates and skipped events alone are fine."""
    assert desk.run(desk.events(call(1), call(1), call(2, type="page"))).exit_code == 0
    assert desk.run(desk.events()).exit_code == 0


def test_the_examples_add_up(desk: Desk) -> None:
    """The shipped mapping and the examples: every event is accounted for, and what is ready arrives once."""
    expected = json.loads((EXAMPLES / "expected.json").read_text("utf-8"))
    words = ["-m", expected["mapping"], "--identity", str(EXAMPLES / expected["identity"]), "--rate", "none"]
    result = desk.run(str(EXAMPLES / "events.ndjson"), *words, "--results", str(desk.path / "results"))
    shown = counts(result)
    assert shown.pop("read") == sum(expected["totals"].values()) == sum(shown.values())
    assert shown["delivered"] + shown["duplicate"] == expected["totals"]["ready"]
    assert shown["invalid"] == expected["totals"]["invalid"]
    assert shown["skipped"] == expected["totals"]["skipped"]
    assert f"{shown['delivered']} accepted, 0 refused, 0 dropped, 0 repeated" in result.stderr
    status = Counter(record["status"] for record in desk.records("results"))
    assert status == expected["totals"]


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
    assert [body["token"] for body in bodies(receiver)] == [KEY] * 3


def test_the_order_of_the_files_is_kept(desk: Desk) -> None:
    """One after the other, file after file."""
    one, two = desk.events(call(3), call(1), name="one"), desk.events(call(2), call(0), name="two")
    with Receiver() as receiver:
        desk.at(receiver)
        assert desk.run(two, one, "--to", "live", "--yes").exit_code == 0
    assert [body["street"][-1] for body in bodies(receiver)] == ["2", "0", "3", "1"]
    assert receiver.connections == 1


def test_the_results(desk: Desk) -> None:
    """One line for each event: where it stood, what became of it, and why; no trait."""
    with Receiver(answer(202), answer(400), answer(500)) as receiver:
        desk.at(receiver)
        file = desk.events(call(1), "", "{", call(2), call(3), call(1))
        result = desk.run(file, "--to", "live", "--yes", "--results", str(desk.path / "results"))
    assert result.exit_code == 4
    records = desk.records("results")
    picked = [(r["line"], r["message_id"], r["status"], r["ending"], r["http"]) for r in records]
    assert picked == [
        (1, "m-1", "ready", "delivered", 202),
        (3, None, "invalid", None, None),
        (4, "m-2", "ready", "rejected", 400),
        (5, "m-3", "ready", "unknown", 500),
        (6, "m-1", "ready", "duplicate", None),
    ]
    assert all(set(r) == {"file", "line", "message_id", "status", "ending", "http", "because"} for r in records)


def test_what_was_not_delivered_can_be_sent_again(desk: Desk) -> None:
    """The kept events are byte for byte those that came, and a second run delivers them, and only them."""
    odd = (
        '{ "type":"identify", "messageId":"m-2", "userId":"u", "traits":{"template":"T","n":12345678901234567890123} }'
    )
    file = desk.events(call(1), odd, call(3), call(4))
    unsent, again = str(desk.path / "unsent"), str(desk.path / "again")
    with Receiver(answer(202), answer(429), answer(401), answer(202)) as receiver:
        desk.at(receiver)
        first = desk.run(file, "--to", "live", "--yes", "--unsent", unsent)
        assert first.exit_code == 4
        assert Path(unsent).read_text("utf-8").splitlines() == [odd, *Path(file).read_text("utf-8").splitlines()[2:]]
        assert desk.run(unsent, "--to", "live", "--yes", "--unsent", again).exit_code == 0
    assert counts(first) == {"delivered": 1, "retry": 1, "paused": 1, "unsent": 1, "read": 4}
    assert len(receiver.received) == 3 + 3
    assert Path(again).read_bytes() == b""
    assert stat.S_IMODE(Path(unsent).stat().st_mode) == 0o600


def test_what_may_have_been_taken_is_not_sent_again_blindly(desk: Desk) -> None:
    """Sending the kept file again does not send what is unknown; the event is in there for whoever asked."""
    unsent = str(desk.path / "unsent")
    with Receiver(close(reset=False), answer(429), answer(202)) as receiver:
        desk.at(receiver)
        first = desk.run(desk.events(call(1), call(2)), "--to", "live", "--yes", "--unsent", unsent)
        second = desk.run(unsent, "--to", "live", "--yes")
    assert counts(first) == {"delivered": 0, "retry": 1, "unknown": 1, "read": 2}
    assert counts(second) == {"delivered": 1, "invalid": 1, "read": 2}
    assert [body["street"][-1] for body in bodies(receiver)] == ["1", "2", "2"]
    doubtful = desk.records("unsent")[0]
    assert doubtful["outcome"] == "unknown"
    assert doubtful["event"] == call(1)
    assert "ask the destination" in doubtful["what_now"]


def test_another_content_under_one_message_id(desk: Desk) -> None:
    """It is not delivered, and that is said, by the exit code too; it is kept so that it is not sent blindly."""
    unsent = str(desk.path / "unsent")
    other = call(1, traits={"template": "T2", "street": CANARY})
    with Receiver() as receiver:
        desk.at(receiver)
        first = desk.run(desk.events(call(1), other, call(1)), "--to", "live", "--yes", "--unsent", unsent)
        second = desk.run(unsent, "--to", "live", "--yes")
    assert (first.exit_code, second.exit_code) == (4, 1)
    assert counts(first) == {"delivered": 1, "conflicting": 1, "duplicate": 1, "read": 3}
    assert "1 call not sent" in first.stderr
    (kept,) = desk.records("unsent")
    assert (kept["outcome"], kept["event"]) == ("conflicting", other)
    assert "messageId of its own" in kept["what_now"]
    assert len(receiver.received) == 1


def test_orders_that_once_per_does_not_guard_are_said_before_they_are_sent(desk: Desk) -> None:
    """Once, as a number."""
    with Receiver() as receiver:
        desk.at(receiver, more=ONCE)
        nobody = [{**without(call(n), "userId"), "anonymousId": f"a-{n}"} for n in (1, 2)]
        result = desk.run(desk.events(*nobody, call(3)), "--to", "live", "--yes")
        fine = desk.run(desk.events(call(4)), "--to", "live", "--yes")
    assert result.stderr.count("2 of them are not guarded by once_per") == 1
    assert "not guarded" not in fine.stderr


def test_orders_that_once_per_did_not_guard_are_counted_afterwards(desk: Desk) -> None:
    """Also where nobody was asked before: in the account of the run."""
    with Receiver() as receiver:
        desk.at(receiver, more=ONCE)
        nobody = {**without(call(1), "userId"), "anonymousId": "a"}
        result = desk.run(desk.events(nobody, call(2)))
    assert "1 order not guarded by once_per: a part of its key is empty." in result.stderr


@pytest.mark.parametrize("option", ["--unsent", "--results"])
def test_an_account_is_never_overwritten(desk: Desk, option: str) -> None:
    """A file that is there already stops the run before the first request, also where it is the input."""
    file = desk.events(call(1))
    with Receiver() as receiver:
        desk.at(receiver)
        result = desk.run(file, "--to", "live", "--yes", option, file)
    assert result.exit_code == 2
    assert "is there already" in result.stderr
    assert receiver.received == []
    assert desk.records("events.ndjson") == [call(1)]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_full_disk_stops_the_run(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be written down must not go on: one request may have left, and no second one does."""
    real = os.open
    full: Callable[..., int] = lambda *_: real("/dev/full", os.O_WRONLY)  # noqa: E731 - a stand-in
    with Receiver() as receiver:
        desk.at(receiver)
        file = desk.events(call(1), call(2))
        monkeypatch.setattr(accounts.os, "open", full)
        result = desk.run(file, "--to", "live", "--yes", "--results", str(desk.path / "results"))
        monkeypatch.undo()
    assert result.exit_code == 2
    assert "cannot be kept" in result.stderr
    assert counts(result) == {"delivered": 1, "read": 1}
    assert len(receiver.received) == 1


class Cut:
    """A file on a disk that is nearly full: it takes a part of the second line, and says only how much."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.lines: list[bytes] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    def write(self, line: bytes) -> int:
        """Take the line, or a part of it."""
        self.lines.append(line)
        return len(line) if len(self.lines) == 1 else len(line) - 3


def test_a_line_that_is_cut_short_stops_the_run(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account with a hole is none: nothing leaves after it, and the event that can be kept is kept."""
    real, unsent = accounts._new, desk.path / "unsent"  # noqa: SLF001 - a disk that is nearly full cannot be had
    monkeypatch.setattr(accounts, "_new", lambda name: Cut() if name.endswith("results") else real(name))
    with Receiver(answer(202), answer(429), answer(202)) as receiver:
        desk.at(receiver)
        words = ["--to", "live", "--yes", "--results", str(desk.path / "results"), "--unsent", str(unsent)]
        result = desk.run(desk.events(*map(call, range(3))), *words)
    assert result.exit_code == 2
    assert "cut short" in result.stderr
    assert len(receiver.received) == 2
    assert desk.records("unsent") == [call(1)]


def test_a_cap_of_the_mapping(desk: Desk) -> None:
    """cap.run holds the surplus, and that is said by the exit code."""
    with Receiver() as receiver:
        desk.at(receiver, more="  cap: {run: 2}")
        result = desk.run(desk.events(*map(call, range(3))), "--to", "live", "--yes")
    assert counts(result) == {"delivered": 2, "held": 1, "read": 3}
    assert result.exit_code == 4
    assert len(receiver.received) == 2


def test_the_rate_of_the_mapping_is_kept(desk: Desk) -> None:
    """In real time: so many requests take at least so long."""
    before = time.monotonic()
    with Receiver() as receiver:
        desk.at(receiver, more="  rate: 20/second")
        assert desk.run(desk.events(*map(call, range(5))), "--to", "live", "--yes").exit_code == 0
    assert time.monotonic() - before >= 4 / 20


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


def test_a_file_that_breaks_under_way_leaves_an_account(desk: Desk) -> None:
    """What was sent by then is shown, and the exit code is that of the broken file."""
    wide = desk.path / "wide"
    wide.write_bytes(b"\xff\xfe{\x00}\x00")
    with Receiver() as receiver:
        desk.at(receiver)
        result = desk.run("-", str(wide), "--to", "live", "--yes", stdin=json.dumps(call(1)))
    assert result.exit_code == 2
    assert counts(result) == {"delivered": 1, "read": 1}
    assert "UTF-16" in result.stderr


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
    """Where to, how many, how fast and how long: before the first request."""
    with Receiver() as receiver:
        desk.at(receiver, more="  rate: 20/second")
        result = desk.run(desk.events(call(1), call(1), "{", call(2)), "--to", "live", "--yes")
    host = receiver.url.split("/")[2]
    assert f"2 of 4 events are to be sent to {host} (Letters, live)" in result.stderr
    assert "20 a second: about 1 second" in result.stderr


@pytest.mark.parametrize("option", ["--slow", "--retry-after"])
@pytest.mark.parametrize("word", ["nan", "inf", "-inf"])
def test_a_sandbox_that_waits_no_number_of_seconds(desk: Desk, option: str, word: str) -> None:
    """A usage error, before it listens."""
    command = ["sandbox", "-m", str(desk.path / "letters.yaml"), "--port", "0", "--answer", "429", option, word]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert "seconds are a number" in result.output


COMMAND = [sys.executable, "-c", "from mapper.apps.cli import main; main()", "send"]


@contextlib.contextmanager
def started(desk: Desk, *words: str, stdin: int | None = subprocess.DEVNULL) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own."""
    environ = {**os.environ, "TEST_KEY": KEY, "NO_COLOR": "1"}
    command = [*COMMAND, "-m", str(desk.path / "letters.yaml"), *words]
    with subprocess.Popen(
        command, cwd=ROOT, env=environ, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
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


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals of this kind")
@pytest.mark.parametrize(("typed", "sent", "code"), [("2", 2, 0), ("y", 0, 4)])
def test_a_person_types_the_count(desk: Desk, typed: str, sent: int, code: int) -> None:
    """Only who typed how many are sent has read it."""
    ours, theirs = os.openpty()
    with Receiver() as receiver:
        desk.at(receiver)
        file = desk.events(call(1), call(2), call(2))
        with started(desk, file, "--to", "live", stdin=theirs) as process:
            os.write(ours, f"{typed}\n".encode())
            _, err = process.communicate(timeout=20)
    os.close(ours)
    os.close(theirs)
    assert "Type 2 to go on:" in err
    assert process.returncode == code
    assert len(receiver.received) == sent


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals of this kind")
def test_what_comes_after_the_count_is_held(desk: Desk) -> None:
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
    assert "1  held" in err
    assert len(receiver.received) == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes of this kind")
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


# --------------------------------------------------------------------------------------------------------------- Ctrl-C


def wait_for(receiver: Receiver) -> None:
    """Wait until a request arrived."""
    assert receiver.arrived.wait(10)


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send Ctrl-C to one process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_request_under_way(desk: Desk, number: signal.Signals) -> None:
    """The request that left gets its answer; the rest is counted, kept, and not sent."""
    with Receiver(answer(202, after=0.3)) as receiver:
        desk.at(receiver)
        file = desk.events(*map(call, range(4)))
        with started(desk, file, "--to", "live", "--yes", "--unsent", str(desk.path / "unsent")) as process:
            wait_for(receiver)
            process.send_signal(number)
            _, err = process.communicate(timeout=20)
    assert process.returncode == 4
    assert "Sending stopped: Ctrl-C" in err
    assert "1  delivered" in err
    assert "3  unsent" in err
    assert len(receiver.received) == 1
    assert desk.records("unsent") == [call(1), call(2), call(3)]


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send Ctrl-C to one process")
def test_ctrl_c_does_not_wait_for_the_rate(desk: Desk) -> None:
    """Who stops it does not wait for the next turn."""
    with Receiver() as receiver:
        desk.at(receiver, more="  rate: 1/hour")
        with started(desk, desk.events(*map(call, range(3))), "--to", "live", "--yes") as process:
            wait_for(receiver)
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=20)
    assert process.returncode == 4
    assert "2  unsent" in err


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send Ctrl-C to one process")
def test_a_second_ctrl_c_leaves_at_once(desk: Desk) -> None:
    """A request that hangs is broken off, and counted as unknown: nobody knows whether it was taken."""
    with Receiver(hang()) as receiver:
        desk.at(receiver)
        words = ["--to", "live", "--yes", "--unsent", str(desk.path / "unsent")]
        with started(desk, desk.events(call(1), call(2)), *words) as process:
            wait_for(receiver)
            process.send_signal(signal.SIGINT)
            heard(process, "leaves at once")
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=20)
    assert process.returncode == 4
    assert "1  unknown" in err
    assert "was not read" in err
    assert desk.records("unsent")[0]["outcome"] == "unknown"


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send Ctrl-C to one process")
def test_a_second_ctrl_c_does_not_wait_for_more_events(desk: Desk) -> None:
    """Whoever pipes events in and stops has not delivered what might have come: the exit code says so."""
    with Receiver() as receiver:
        desk.at(receiver)
        with started(desk, "-", "--to", "live", "--yes", stdin=subprocess.PIPE) as process:
            assert process.stdin
            process.stdin.write(json.dumps(call(1)) + "\n")
            process.stdin.flush()
            wait_for(receiver)
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            heard(process, "leaves at once")
            process.send_signal(signal.SIGINT)
            process.wait(timeout=20)
            err = process.stderr.read() if process.stderr else ""
    assert process.returncode == 4
    assert "1  delivered" in err
    assert "What comes after line 1 of standard input was not read." in err
