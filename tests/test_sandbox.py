"""The pretended destination: what it checks, what it answers, what goes wrong on purpose, and what it lists."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPResponse, RemoteDisconnected
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mapper import pipeline
from mapper.apps.cli import app
from mapper.apps.outbox import target
from mapper.apps.sandbox import Arrival, Faults, Sandbox, spelt
from mapper.apps.sandbox.arrivals import Arrivals
from mapper.errors import SettingsError
from mapper.outcome import Outcome
from mapper.pipeline import Mapper
from mapper.transports import asend
from mapper.transports.http import Http

ROOT = Path(__file__).resolve().parent.parent
EVENTS = ROOT / "examples" / "events.ndjson"

#: A value that must be seen in a listing and nowhere else.
CANARY = "1 Rocket Road"

MAPPING = """
mapping: 1
destination: Letters
accepts: [identify]
settings:
  key: {env: TEST_KEY, required: true, secret: true}
fields:
  street: {from: traits.street, rules: {required: true, maxlength: 20}}
  state: {from: traits.state, rules: {regex: '[A-Z]{2}'}}
  first: traits.first
  last: traits.last
  note: {from: traits.note, rules: {maxlength: 3}, if_wrong: keep}
  coupon: {when: traits.vip, from: traits.coupon, rules: {required: true}}
require:
  - any_of: [first, last]
custom_fields: none
send:
  url: https://letters.example.com/v1/letters
  secrets: [{in: body, name: token, value: settings.key}]
"""
GOOD = {"street": CANARY, "state": "CA", "last": "Musk"}


def load(*changes: tuple[str, str], text: str = MAPPING, **environ: str) -> Mapper:
    """The mapping above, with some of its words changed."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return pipeline.loads(text, environ=environ)


def post(
    sandbox: Sandbox,
    body: Any,
    path: str = "/v1/letters",
    method: str = "POST",
    headers: dict[str, str] | None = None,
) -> tuple[int, dict[str, Any]]:
    """Post a body, and give the status and the answer."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply, text = ask(sandbox, method, path, content, {"Content-Type": "application/json", **(headers or {})})
    return reply.status, json.loads(text)


def ask(
    sandbox: Sandbox, method: str, path: str, content: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[HTTPResponse, bytes]:
    """One request on a connection of its own, by a client that shares no code with the product."""
    connection = HTTPConnection(sandbox.url.removeprefix("http://"), timeout=5)
    try:
        connection.request(method, path, content, headers or {})
        reply = connection.getresponse()
        return reply, reply.read()
    finally:
        connection.close()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox of the mapping above."""
    with Sandbox(load()) as running:
        yield running


# ------------------------------------------------------------------------------------------------------- what it checks


def test_accepts_what_is_right(sandbox: Sandbox) -> None:
    """A request with its key and its fields is taken, and kept without the key."""
    assert post(sandbox, {**GOOD, "token": "sandbox"}) == (202, {"title": "Accepted"})
    (arrival,) = sandbox.received
    assert arrival.body == GOOD
    assert (arrival.number, arrival.status, arrival.accepted) == (1, 202, True)
    assert sandbox.counts == {
        "received": 1,
        "accepted": 1,
        "refused": 0,
        "dropped": 0,
        "repeated": 0,
        "by_status": {"202": 1},
    }


@pytest.mark.parametrize(
    "key", [{}, {"token": ""}, {"token": None}, {"token": "live-key-4711"}, {"token": ["sandbox"]}]
)
def test_refuses_a_missing_or_wrong_key(sandbox: Sandbox, key: dict[str, Any]) -> None:
    """Without the right key it says 401, and a key that somebody sent by mistake is kept nowhere."""
    status, answer = post(sandbox, {**GOOD, **key})
    assert status == 401
    assert "token" in answer["description"]
    seen = json.dumps([answer, sandbox.listing(), sandbox.page(), repr(sandbox.received)])
    assert "4711" not in seen


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"street": None}, "street is missing"),
        ({"street": "x" * 21}, "street has 21 characters"),
        ({"street": 12}, "street"),
        ({"state": "California"}, "state"),
        ({"last": None}, "one of first, last is needed"),
    ],
)
def test_refuses_what_the_rules_refuse(sandbox: Sandbox, change: dict[str, Any], said: str) -> None:
    """Required fields, rules and groups are those of the mapping; the answer names fields and no value."""
    body = {name: value for name, value in {**GOOD, **change, "token": "sandbox"}.items() if value is not None}
    status, answer = post(sandbox, body)
    assert status == 422
    assert said in answer["description"]
    assert not any(str(value) in answer["description"] for value in body.values() if len(str(value)) > 2)


def test_all_faults_are_said_at_once(sandbox: Sandbox) -> None:
    """Nobody has to send five times to see five mistakes."""
    _, answer = post(sandbox, {"state": "x", "token": "sandbox"})
    assert [part.split()[0] for part in answer["description"].split("; ")] == ["street", "state", "one"]


def test_does_not_judge_what_it_cannot_know(sandbox: Sandbox) -> None:
    """A field under a condition may be missing, and one that the mapping keeps in any case may be wrong."""
    status, _ = post(sandbox, {**GOOD, "note": "far too long", "token": "sandbox"})
    assert status == 202


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b'{"a": NaN}', {}, 400),
        (b"[]", {}, 401),
        (b"null", {}, 401),
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"{}", {"Content-Type": "application/json; charset=utf-8"}, 401),
    ],
)
def test_refuses_what_is_no_json_request(sandbox: Sandbox, body: bytes, headers: dict[str, str], status: int) -> None:
    """The content type and the body have to be JSON; where the key goes into the body, that has to be an object."""
    assert post(sandbox, body, headers=headers)[0] == status
    assert sandbox.counts["refused"] == 1


def test_only_its_own_path_and_method(sandbox: Sandbox) -> None:
    """The path and the method are those of the mapping."""
    assert post(sandbox, GOOD, path="/v2/letters")[0] == 404
    assert post(sandbox, GOOD, path="/v1/letters/")[0] == 404
    assert post(sandbox, GOOD, method="PUT")[0] == 405
    assert post(sandbox, {**GOOD, "token": "sandbox"}, path="/v1/letters?draft=1")[0] == 202


@pytest.mark.parametrize(
    ("place", "headers", "query"),
    [
        ("{in: header, name: X-Key, value: settings.key}", {"X-Key": "sandbox"}, ""),
        ("{in: query, name: key, value: settings.key}", {}, "?key=sandbox"),
        (
            "{in: header, name: Authorization, value: \"basic(settings.key, '')\"}",
            {"Authorization": "Basic c2FuZGJveDo="},
            "",
        ),
    ],
)
def test_the_place_of_the_key_is_the_mappings(place: str, headers: dict[str, str], query: str) -> None:
    """A key in a header or in the query is looked for there, made as the mapping makes it."""
    with Sandbox(load(("{in: body, name: token, value: settings.key}", place))) as sandbox:
        assert post(sandbox, GOOD, path="/v1/letters" + query, headers=headers)[0] == 202
        assert post(sandbox, {**GOOD, "token": "sandbox"})[0] == 401
        assert "c2FuZ" not in json.dumps(sandbox.listing())


def test_a_path_with_marks() -> None:
    """A mark stands for any text of one step, and a base address for any path before the rest."""
    own = "url: https://letters.example.com/v1/letters"
    settings = ("settings:", "settings:\n  home: {env: HOME_URL}")
    with Sandbox(load((own, "url: '{settings.home}/of/{fields.state}/new'"), settings)) as sandbox:
        good = {**GOOD, "token": "sandbox"}
        assert post(sandbox, good, path="/of/CA/new")[0] == 202
        assert post(sandbox, good, path="/a/b/of/N%2FA/new")[0] == 202
        assert post(sandbox, good, path="/of/CA/old")[0] == 404
        assert post(sandbox, good, path="/of/C/A/new")[0] == 404


@pytest.mark.parametrize(
    ("wrapping", "right", "wrong"),
    [
        ("'{letters: [payload], by: userId}'", {"letters": [GOOD]}, {"letters": [{}]}),
        ("'{a: {b: payload}}'", {"a": {"b": GOOD}}, GOOD),
        ("'merge(payload, {kind: `1`})'", {**GOOD, "kind": 1}, {"kind": 1}),
    ],
)
def test_finds_the_payload_in_its_wrapping(wrapping: str, right: dict[str, Any], wrong: dict[str, Any]) -> None:
    """What send.body wraps is unwrapped before the fields are looked at."""
    url = "url: https://letters.example.com/v1/letters"
    with Sandbox(load((url, f"{url}\n  body: {wrapping}"))) as sandbox:
        assert post(sandbox, {**right, "token": "sandbox"})[0] == 202
        assert post(sandbox, {**wrong, "token": "sandbox"})[0] == 422


def test_takes_a_payload_that_the_wrapping_hides() -> None:
    """A payload inside a text cannot be looked at: it is taken as it is."""
    url = "url: https://letters.example.com/v1/letters"
    with Sandbox(load((url, f"{url}\n  body: '{{a: to_string(payload)}}'"))) as sandbox:
        assert post(sandbox, {"a": "anything", "token": "sandbox"})[0] == 202


@pytest.mark.parametrize(
    ("answers", "accepted", "unauthorized", "unprocessable"),
    [
        ("{}", 202, 401, 422),
        ("{delivered: [201], rejected: [202, 2xx]}", 201, 401, 422),
        ("{pause: [403], rejected: [401]}", 202, 403, 422),
        ("{retry: [422]}", 202, 401, 400),
        ("{delivered: ['reply.status == `299`'], rejected: [2xx], unknown: [299]}", 299, 401, 422),
    ],
)
def test_answers_with_the_codes_of_the_mapping(
    answers: str, accepted: int, unauthorized: int, unprocessable: int
) -> None:
    """Each answer is one that the mapping reads as the ending that is meant, where it has any such code."""
    url = "url: https://letters.example.com/v1/letters"
    with Sandbox(load((url, f"{url}\n  answers: {answers}"))) as sandbox:
        assert post(sandbox, {**GOOD, "token": "sandbox"})[0] == accepted
        assert post(sandbox, GOOD)[0] == unauthorized
        assert post(sandbox, {"token": "sandbox"})[0] == unprocessable


def test_a_secret_that_needs_another_setting() -> None:
    """A user name that nobody gave is asked for before anything arrives."""
    changes = (
        ("settings:", "settings:\n  user: {env: TEST_USER}"),
        ("settings.key}", '"basic(settings.user, settings.key)"}'),
        ("in: body, name: token", "in: header, name: Authorization"),
    )
    with pytest.raises(SettingsError, match="TEST_USER"):
        Sandbox(load(*changes))
    with Sandbox(load(*changes, TEST_USER="ada")) as sandbox:
        assert post(sandbox, GOOD, headers={"Authorization": "Basic YWRhOnNhbmRib3g="})[0] == 202


@pytest.mark.parametrize(
    ("name", "environ"),
    [
        ("inkit", {"INKIT_TEMPLATE_ID": "T1"}),
        ("inkit-documents", {}),
        ("lob-postcards", {"LOB_FROM_ADDRESS": "adr_1", "LOB_FRONT": "f", "LOB_BACK": "b"}),
    ],
)
def test_what_a_mapping_calls_ready_its_sandbox_takes(name: str, environ: dict[str, str]) -> None:
    """The two read one file: no request of the shipped mappings is refused, through the real transport."""
    mapper = pipeline.load(name, environ)
    events = [json.loads(line) for line in EVENTS.read_text("utf-8").splitlines()]
    for event in events:
        if isinstance(event, dict) and isinstance(event.get("traits"), dict):
            event["traits"]["send_postcard"] = True
    requests = [result.request for result in map(mapper.transform, events) if result.request is not None]
    assert len(requests) > 100

    async def send_all(sandbox: Sandbox) -> list[Outcome]:
        async with Http(sandbox.settings) as transport:
            return [await asend(target.aimed(request, sandbox.url), transport) for request in requests[:100]]

    with Sandbox(mapper) as sandbox:
        outcomes = asyncio.run(send_all(sandbox))
        assert {outcome.ending for outcome in outcomes} == {"delivered"}
        assert [arrival.body for arrival in sandbox.received] == [request.body for request in requests[:100]]


# ------------------------------------------------------------------------------------------- what goes wrong on purpose


def statuses(faults: Faults, count: int) -> list[int | None]:
    """What so many good requests are answered; None where the connection is closed without a word."""
    with Sandbox(load(), faults=faults) as sandbox:
        answers: list[int | None] = []
        for _ in range(count):
            try:
                answers.append(post(sandbox, {**GOOD, "token": "sandbox"})[0])
            except RemoteDisconnected:
                answers.append(None)
        assert sandbox.counts["received"] == count
        assert sandbox.counts["dropped"] == answers.count(None)
        assert sandbox.counts["accepted"] == answers.count(202)
        return answers


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (Faults(), [202, 202, 202, 202]),
        (Faults(answer=429), [429, 429, 429, 429]),
        (Faults(answer=500, first=2), [500, 500, 202, 202]),
        (Faults(answer=503, every=3), [202, 202, 503, 202]),
        (Faults(answer=503, first=1, every=2), [503, 503, 202, 503]),
        (Faults(drop=True, first=1), [None, 202, 202, 202]),
        (Faults(drop=True, every=2), [202, None, 202, None]),
    ],
)
def test_faults_hit_the_requests_that_are_meant(faults: Faults, expected: list[int | None]) -> None:
    """The first ones, each so-manieth one, or all."""
    assert statuses(faults, 4) == expected


def test_slow() -> None:
    """A slow answer comes late, and is right."""
    with Sandbox(load(), faults=Faults(slow=0.15, first=1)) as sandbox:
        before = time.monotonic()
        assert post(sandbox, {**GOOD, "token": "sandbox"})[0] == 202
        between = time.monotonic()
        assert post(sandbox, {**GOOD, "token": "sandbox"})[0] == 202
        assert between - before >= 0.15
        assert time.monotonic() - between < 0.15


def test_a_slow_sandbox_closes_at_once() -> None:
    """Whoever stops it does not wait for what it would have answered."""
    with Sandbox(load(), faults=Faults(slow=60)) as sandbox, ThreadPoolExecutor() as pool:
        waiting = pool.submit(post, sandbox, {**GOOD, "token": "sandbox"})
        time.sleep(0.1)
        before = time.monotonic()
        sandbox.close()
        with contextlib.suppress(OSError, RemoteDisconnected):
            waiting.result(timeout=5)
        assert time.monotonic() - before < 3


@pytest.mark.parametrize(("seconds", "said"), [(2.5, "2.5"), (0, "0"), (30.0, "30"), (99999999999, "99999999999")])
def test_retry_after(seconds: float, said: str) -> None:
    """The header goes with the answer that it belongs to, in digits however long it is."""
    with Sandbox(load(), faults=Faults(answer=429, retry_after=seconds, first=1)) as sandbox:
        first, _ = ask(sandbox, "POST", "/v1/letters", b"{}", {"Content-Type": "application/json"})
        second, _ = ask(sandbox, "POST", "/v1/letters", b"{}", {"Content-Type": "application/json"})
        assert (first.status, first.getheader("Retry-After")) == (429, said)
        assert (second.status, second.getheader("Retry-After")) == (401, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"answer": 199},
        {"answer": 600},
        {"answer": 429, "drop": True},
        {"retry_after": 2},
        {"slow": -1},
        {"answer": 429, "first": 0},
        {"answer": 429, "every": -1},
        {"answer": 429, "retry_after": -1},
        {"first": 3},
        {"every": 3},
    ],
)
def test_faults_that_cannot_be_meant(wrong: dict[str, Any]) -> None:
    """What cannot be meant is refused, not guessed."""
    with pytest.raises(ValueError, match=r"\w"):
        Faults(**wrong)


def outcome(faults: Faults, settings: dict[str, str] | None = None, deadline: float = 5) -> Outcome:
    """How a send to a misbehaving sandbox ends, through the real transport."""
    mapper = load()
    request = mapper.transform({"type": "identify", "userId": "u", "traits": GOOD}).request
    assert request is not None

    async def send(sandbox: Sandbox) -> Outcome:
        async with Http(settings or sandbox.settings, deadline=deadline) as transport:
            return await asend(target.aimed(request, sandbox.url), transport)

    with Sandbox(mapper, faults=faults) as sandbox:
        return asyncio.run(send(sandbox))


def test_each_ending_can_be_played() -> None:
    """The five endings of a send, each from a sandbox that was told to (F-16, F-21, F-23, F-24)."""
    assert outcome(Faults()).ending == "delivered"
    assert outcome(Faults(answer=400)).ending == "rejected"
    assert outcome(Faults(), {"key": "wrong"}).ending == "pause"
    assert outcome(Faults(answer=500)).ending == "unknown"
    assert outcome(Faults(drop=True)).ending == "unknown"
    assert outcome(Faults(slow=60), deadline=0.1).ending == "unknown"
    limited = outcome(Faults(answer=429, retry_after=3))
    assert (limited.ending, limited.retry_after) == ("retry", "3")


# -------------------------------------------------------------------------------------------------------- what it lists


def test_lists_for_people_and_programs(sandbox: Sandbox) -> None:
    """/ is a page, /received is JSON, and deleting it starts anew."""
    post(sandbox, {**GOOD, "token": "sandbox"})
    page, text = ask(sandbox, "GET", "/")
    assert page.getheader("Content-Type") == "text/plain; charset=utf-8"
    assert page.getheader("X-Content-Type-Options") == "nosniff"
    assert CANARY in text.decode()
    assert "1 request: 1 accepted, 0 refused, 0 dropped\n" in text.decode()
    listing = json.loads(ask(sandbox, "GET", "/received")[1])
    assert listing["counts"]["accepted"] == 1
    assert listing["received"][0]["body"] == GOOD
    assert ask(sandbox, "DELETE", "/received")[0].status == 200
    assert sandbox.counts["received"] == 0
    assert sandbox.received == []
    assert ask(sandbox, "GET", "/other")[0].status == 404
    assert ask(sandbox, "DELETE", "/")[0].status == 404


def test_names_what_came_twice(sandbox: Sandbox) -> None:
    """The same content under any order of its members is the same postcard; another is not."""
    for body in (GOOD, {**GOOD, "state": "NY"}, GOOD):
        post(sandbox, {**body, "token": "sandbox"})
    assert [arrival.repeats for arrival in sandbox.received] == [None, None, 1]
    assert sandbox.counts["repeated"] == 1
    said = "3 requests: 3 accepted, 0 refused, 0 dropped; 1 had the same body as an earlier one"
    assert spelt(sandbox.counts) == said
    assert "the same body as 1" in sandbox.page()


def test_keeps_a_bounded_list_and_counts_on() -> None:
    """Memory does not grow with what arrives; the counts do."""
    arrivals = Arrivals(kept=3)
    for number in range(10):
        arrivals.add(Arrival(datetime.now(UTC), 202, accepted=True, description="", size=1, digest=str(number)))
    assert [arrival.number for arrival in arrivals.kept] == [8, 9, 10]
    assert arrivals.counts["received"] == 10
    arrivals.add(Arrival(datetime.now(UTC), None, accepted=False, description="", size=1, digest="0"))
    arrivals.add(Arrival(datetime.now(UTC), None, accepted=False, description="", size=1, digest="9"))
    assert [arrival.repeats for arrival in arrivals.kept] == [None, None, 10]
    assert arrivals.counts["by_status"] == {"202": 10, "dropped": 2}


def test_nothing_of_anybody_is_printed(sandbox: Sandbox) -> None:
    """The line of an arrival, and its repr, hold neither a value nor the key."""
    post(sandbox, {**GOOD, "token": "sandbox"})
    post(sandbox, {"street": CANARY * 3, "token": "sandbox"})
    for arrival in sandbox.received:
        assert CANARY not in arrival.line + repr(arrival)
        assert "sandbox" not in arrival.line + repr(arrival)


# ------------------------------------------------------------------------------------------------------------- the HTTP


def test_one_connection_takes_many_requests(sandbox: Sandbox) -> None:
    """HTTP/1.1 keep-alive, also after a refusal."""
    connection = HTTPConnection(sandbox.url.removeprefix("http://"), timeout=5)
    seen = []
    for body in ({**GOOD, "token": "sandbox"}, GOOD, {"token": "sandbox"}, {**GOOD, "token": "sandbox"}):
        connection.request("POST", "/v1/letters", json.dumps(body), {"Content-Type": "application/json"})
        if not seen:
            first = connection.sock
        assert connection.sock is first
        reply = connection.getresponse()
        reply.read()
        seen.append(reply.status)
    connection.close()
    assert seen == [202, 401, 422, 202]


def test_listens_on_this_machine_alone(sandbox: Sandbox) -> None:
    """No other machine can ask for the names and addresses in the list, nor a web page under its own name."""
    assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+", sandbox.url)
    for path, method in (("/", "GET"), ("/received", "GET"), ("/received", "DELETE"), ("/v1/letters", "POST")):
        reply, text = ask(sandbox, method, path, b"{}", {"Host": "evil.example.com"})
        assert reply.status == 403
        assert b"this machine" in text
    port = sandbox.url.rpartition(":")[2]
    with pytest.raises(OSError, match=r"\w"):  # another address of the same machine
        socket.create_connection(("127.0.0.2", int(port)), timeout=5).close()
    for host in ("localhost", f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"):
        assert ask(sandbox, "GET", "/received", headers={"Host": host})[0].status == 200
    assert sandbox.counts["received"] == 0


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /v1/letters HTTP/1.1\r\nHost: localhost\r\n\r\n", b"411"),
        (b"POST /v1/letters HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
        (b"POST /v1/letters HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", b"411"),
        (b"POST /v1/letters HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n", b"413"),
        (b"POST /v1/letters HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n", b"413"),
    ],
)
def test_a_body_has_a_length(sandbox: Sandbox, head: bytes, status: bytes) -> None:
    """A request without a length, or with one beyond reason, is refused without being read."""
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])), timeout=5) as connection:
        connection.sendall(head)
        assert connection.recv(1000).split()[1] == status


def test_a_request_that_breaks_off_is_not_counted(sandbox: Sandbox) -> None:
    """Half a body is no request, and takes nothing else along."""
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])), timeout=5) as connection:
        connection.sendall(b"POST /v1/letters HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
    assert post(sandbox, {**GOOD, "token": "sandbox"})[0] == 202
    assert sandbox.counts["received"] == 1


def test_many_at_once(sandbox: Sandbox) -> None:
    """Arrivals of many connections are all counted, each once, and told one at a time."""
    told: list[int] = []
    busy = threading.Lock()

    def tell(arrival: Arrival) -> None:
        assert busy.acquire(blocking=False)
        told.append(arrival.number)
        busy.release()

    sandbox.on_arrival = tell
    with ThreadPoolExecutor(8) as pool:
        bodies = [{**GOOD, "last": f"Musk {n}", "token": "sandbox"} for n in range(80)]
        answers = list(pool.map(lambda body: post(sandbox, body)[0], bodies))
    assert answers == [202] * 80
    assert sorted(told) == list(range(1, 81))
    assert sandbox.counts["accepted"] == 80
    assert sandbox.counts["repeated"] == 0


def test_a_taken_port_is_an_error(sandbox: Sandbox) -> None:
    """Two sandboxes cannot share a port: the second says so."""
    with pytest.raises(OSError, match=r"\w"):
        Sandbox(load(), port=int(sandbox.url.rpartition(":")[2]))


# ---------------------------------------------------------------------------------------------------------- the command

COMMAND = [sys.executable, "-c", "from mapper.apps.cli import main; main()", "sandbox"]


def test_the_command(tmp_path: Path) -> None:
    """It says where it is, prints a line for each arrival without a value, and at the end its counts; exit 0."""
    mapping = tmp_path / "letters.yaml"
    mapping.write_text(MAPPING, "utf-8")
    command = [*COMMAND, "-m", str(mapping), "--port", "0", "--answer", "429", "--every", "2"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        welcome = "".join(process.stderr.readline() for _ in range(4))
        address = re.search(r"127\.0\.0\.1:[0-9]+", welcome)
        assert address
        for _ in range(2):
            connection = HTTPConnection(address[0], timeout=5)
            body = json.dumps({**GOOD, "token": "sandbox"})
            connection.request("POST", "/v1/letters", body, {"Content-Type": "application/json"})
            connection.getresponse().read()
            connection.close()
        lines = [process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert process.returncode == 0
    assert [line.split()[2] for line in lines] == ["202", "429"]
    assert CANARY not in "".join(lines) + out + err
    assert "TEST_KEY=sandbox" in welcome
    assert "2 requests: 1 accepted, 1 refused" in err


@pytest.mark.parametrize(
    "options",
    [["--answer", "429", "--drop"], ["--for", "3"], ["--port", "70000"], ["--setting", "key=x"], ["--setting", "x=y"]],
)
def test_the_command_refuses_what_it_cannot_use(tmp_path: Path, options: list[str]) -> None:
    """Wrong options end with exit code 2, before anything listens."""
    mapping = tmp_path / "letters.yaml"
    mapping.write_text(MAPPING, "utf-8")
    result = CliRunner().invoke(app, ["sandbox", "-m", str(mapping), "--port", "0", *options])
    assert result.exit_code == 2
    assert result.stdout == ""
