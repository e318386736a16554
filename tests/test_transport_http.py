"""HTTP as it goes wrong, over real sockets: what left, what came, and that it ends."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import gzip
import logging
import resource
import select
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from contracts.transport import CANARY, KEY, HttpContract, order, secret
from receiver import Behaviour, Receiver, Visit, answer, close, drip, early, hang, raw

from mapper.outcome import Failure, Reply
from mapper.request import Request
from mapper.transports import http, send
from mapper.transports.http import CAP, WEATHER, Http

SETTINGS = {"api_key": KEY}


class TestContract(HttpContract):
    """Http keeps the contract of every HTTP transport."""

    def make(self, settings: Mapping[str, Any], deadline: float) -> Http:
        """Ours."""
        return Http(settings, deadline=deadline)


def sent(request: Request, **options: Any) -> Reply | Failure:
    """What a new Http gives for one request."""

    async def act() -> Reply | Failure:
        async with Http(SETTINGS, **options) as transport:
            return await transport.send(request)

    return asyncio.run(act())


def met(behaviour: Behaviour, **options: Any) -> Reply | Failure:
    """What comes of one request to a receiver that behaves so."""
    with Receiver(behaviour) as receiver:
        return sent(order(receiver.url), **options)


# ------------------------------------------------------------------------------------------- the table of exceptions


def tree(root: type[BaseException]) -> Iterator[type[BaseException]]:
    """A class of exceptions and everything below it that is httpx's own."""
    yield root
    for below in root.__subclasses__():
        if below.__module__.startswith("httpx"):
            yield from tree(below)


ROOTS = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, httpx.CookieConflict)
LEAVES = sorted(
    {leaf for root in ROOTS for leaf in tree(root) if not [*tree(leaf)][1:]}, key=lambda leaf: leaf.__name__
)
#: Exceptions that httpx raises only before the first byte of a request.
BEFORE = {"ConnectError", "ConnectTimeout", "InvalidURL", "PoolTimeout", "ProxyError", "UnsupportedProtocol"}


def test_every_exception_of_httpx_has_an_entry_of_its_own() -> None:
    """A new version of httpx with a new exception fails here, before it fails in production."""
    public = {thing for thing in vars(httpx).values() if isinstance(thing, type) and issubclass(thing, Exception)}
    assert public <= {kind for root in ROOTS for kind in tree(root)}
    assert [leaf.__name__ for leaf in LEAVES if leaf not in WEATHER] == []
    assert len(LEAVES) >= 20
    assert Exception in WEATHER


def test_only_what_fails_before_the_first_byte_was_not_sent() -> None:
    """The list is short, and each entry is argued for in the table."""
    assert {kind.__name__ for kind, weather in WEATHER.items() if not weather.maybe_sent} == BEFORE


def test_the_nearest_class_decides() -> None:
    """A subclass that nobody listed is what its nearest listed ancestor is."""

    class Younger(httpx.ReadTimeout):
        """From a later version."""

    class ForeignError(Exception):
        """From anywhere."""

    progress = http.Progress()
    assert http.failure(Younger("x"), progress).kind == "timeout"
    assert http.failure(ForeignError("x"), progress) == Failure(
        "unexpected", maybe_sent=True, message="sending failed in a way that should not occur"
    )


# ------------------------------------------------------------------------------------------------ before it is sent


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Idempotency-Key", "a\r\nX-Evil: 1"),
        ("Idempotency-Key", "Zoë"),
        ("Idempotency-Key", " padded"),
        ("Idempotency-Key", "\x7f"),
        ("Bad Name", "x"),
        ("", "x"),
        ("Évil", "x"),
        ("X:Y", "x"),
        ("Content-Length", "1"),
        ("transfer-encoding", "chunked"),
        ("Host", "elsewhere.example"),
        ("Connection", "close"),
    ],
)
def test_a_header_that_cannot_be_sent(name: str, text: str) -> None:
    """It is this event's own trouble: refused for good, so that it does not come back for ever."""
    with Receiver() as receiver:
        request = order(receiver.url, headers={"X-First": "fine", name: text})
        result, outcome = sent(request), send(request, Http(SETTINGS))
    assert isinstance(result, Failure)
    assert (result.kind, result.maybe_sent, result.fault) == ("bad_header", False, "request")
    assert (outcome.ending, outcome.kind) == ("rejected", "bad_header")
    assert receiver.connections == 0


def test_a_key_that_cannot_be_sent() -> None:
    """A line end after a key that was read from a file: everybody's trouble, so nobody is refused for it."""
    with Receiver() as receiver:
        outcome = send(order(receiver.url, (secret("header", "X-Key"),)), Http({"api_key": KEY + "\n"}))
    assert (outcome.ending, outcome.kind, receiver.connections) == ("pause", "bad_header", 0)
    assert "X-Key" in outcome.message
    assert KEY not in outcome.message


def test_header_values_that_can_be_sent() -> None:
    """Empty, one letter, blanks and tabs inside, every visible sign."""
    texts = ["", "x", "a b\tc", "".join(map(chr, range(0x21, 0x7F)))]
    with Receiver() as receiver:
        for text in texts:
            assert isinstance(sent(order(receiver.url, headers={"X-Text": text})), Reply)
    assert [received.headers["x-text"] for received in receiver.received] == texts


def test_a_method_that_is_not_one_word() -> None:
    """Refused before anything leaves."""
    with Receiver() as receiver:
        result = sent(order(receiver.url, method="POST / HTTP/1.1\r\nX: "))
    assert isinstance(result, Failure)
    assert (result.kind, result.maybe_sent, receiver.connections) == ("bad_method", False, 0)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://example.com/", "insecure_url"),
        ("http://169.254.169.254/latest", "insecure_url"),
        ("http://127.1/", "insecure_url"),
        ("http://2130706433/", "insecure_url"),
        ("http://0x7f000001/", "insecure_url"),
        ("http://0.0.0.0/", "insecure_url"),
        ("http://localhost.example.com/", "insecure_url"),
        ("http://127.0.0.1.example.com/", "insecure_url"),
        ("http://127.0.0.1@example.com/", "insecure_url"),
        ("http://[::ffff:10.0.0.1]/", "insecure_url"),
        ("http://[fe80::1]/", "insecure_url"),
        ("ftp://127.0.0.1/", "insecure_url"),
        ("file:///etc/passwd", "bad_url"),
        ("//127.0.0.1/", "insecure_url"),
        ("", "bad_url"),
        ("https://", "bad_url"),
        ("https://x\r\ny/", "bad_url"),
        ("https://127.0.0.1:99999/", "bad_url"),
        ("https://127.0.0.1:0x/", "bad_url"),
        ("https://" + "é" * 300 + "/", "bad_url"),
        ("https://127.0.0.1/" + "x" * 70_000, "bad_url"),
    ],
)
def test_where_nothing_is_sent_to(url: str, kind: str) -> None:
    """Without TLS only to this machine, spelled plainly; tests/conftest.py fails any attempt to go elsewhere."""
    result = sent(order(url))
    assert isinstance(result, Failure)
    assert (result.kind, result.maybe_sent) == (kind, False)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_reached_without_tls(host: str) -> None:
    """For trying things out."""
    with Receiver() as receiver:
        result = sent(order(f"http://{host}:{receiver.port}/"))
    assert isinstance(result, Reply)


# -------------------------------------------------------------------------------------------------- was it sent?


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (close(reset=True), "network"),
        (close(reset=True, unread=True), "network"),
        (close(reset=False), "protocol"),
        (hang(), "timeout"),
        (hang(unread=True), "timeout"),
        (raw(b"SSH-2.0-OpenSSH\r\n"), "protocol"),
        (raw(b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"), "protocol"),
        (raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), "protocol"),
        (raw(b"HTTP/1.1 200 OK\r\nA: " + b"x" * 300_000 + b"\r\n\r\n"), "protocol"),
        (raw(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100_000 + b"\r\n"), "protocol"),
    ],
    ids=["reset", "reset unread", "closed", "silent", "silent unread", "ssh", "999", "101", "long header", "many"],
)
def test_what_may_have_been_sent(behaviour: Behaviour, kind: str) -> None:
    """From the first byte on nobody can know: a reset before and one after the reading look the same."""
    result = met(behaviour, deadline=0.3)
    assert isinstance(result, Failure)
    assert (result.kind, result.maybe_sent) == (kind, True)


def test_a_name_that_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has its own word: an operator looks for a spelling, not for a firewall."""

    def not_found(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", not_found)
    result = sent(order("https://no-such-host.example/"))
    assert result == Failure("dns", maybe_sent=False, message="the destination's name is not found")


def test_the_deadline_during_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that is silent: the time is up, and surely nothing left."""
    released = socket.socketpair()

    def silent(*_: object, **__: object) -> None:
        released[0].settimeout(5)
        released[0].recv(1)
        raise socket.gaierror(socket.EAI_AGAIN, "late")

    monkeypatch.setattr(socket, "getaddrinfo", silent)

    async def act() -> Reply | Failure:
        async with Http(SETTINGS, deadline=0.2) as transport:
            try:
                return await transport.send(order("https://slow.example/"))
            finally:
                released[1].send(b"x")

    result = asyncio.run(act())
    for end in released:
        end.close()
    assert isinstance(result, Failure)
    assert (result.kind, result.maybe_sent) == ("timeout", False)


def test_a_full_line_of_waiting_sends_was_not_sent() -> None:
    """Two hundred sends on one object and a destination that is silent: who got no connection sent nothing."""
    with Receiver(hang()) as receiver:

        async def act() -> list[Reply | Failure]:
            async with Http(SETTINGS, connect=0.5, deadline=1.0) as transport:
                return await asyncio.gather(*(transport.send(order(receiver.url)) for _ in range(110)))

        results = asyncio.run(act())
    kinds = [(r.kind, r.maybe_sent) for r in results if isinstance(r, Failure)]
    assert kinds.count(("busy", False)) == 10
    assert len(kinds) == 110
    assert receiver.connections <= 100


LARGE = {"address_line_1": "x" * 8_000_000}


def large(url: str) -> Request:
    """A request that no socket's buffer holds."""
    return order(url, body=LARGE, content=b'{"address_line_1":"' + b"x" * 8_000_000 + b'"}')


def test_a_success_before_the_request_was_whole_is_none() -> None:
    """A 200 for half an address is a card to nowhere, or the answer of a broken proxy."""
    with Receiver(early(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as receiver:
        result = sent(large(receiver.url))
    assert isinstance(result, Failure)
    assert result.maybe_sent


class Unwritten(Http):
    """Gets each answer without having written a request, as happens when writing fails and an answer waits already."""

    def __init__(self, status: int) -> None:
        super().__init__(SETTINGS)
        self.status = status

    def _open(self) -> Any:
        return httpx.MockTransport(lambda _: httpx.Response(self.status))


@pytest.mark.parametrize(("status", "believed"), [(200, False), (202, False), (299, False), (413, True), (500, True)])
def test_only_a_refusal_is_believed_before_the_request_was_whole(status: int, *, believed: bool) -> None:
    """413 comes early by nature."""
    result = asyncio.run(Unwritten(status).send(order()))
    if believed:
        assert isinstance(result, Reply)
        assert result.status == status
    else:
        assert isinstance(result, Failure)
        assert (result.kind, result.maybe_sent) == ("early_reply", True)


def test_the_stages_that_httpcore_reports() -> None:
    """Whether it was sent stands on these names. If httpcore words them anew, successes become unknown: loud, safe."""
    progress = http.Progress()
    stages: list[str] = []

    async def act(url: str) -> None:
        async def trace(stage: str, details: dict[str, Any]) -> None:
            stages.append(stage)
            await progress(stage, details)

        async with httpx.AsyncHTTPTransport(verify=http.authorities(None)) as transport:
            await transport.handle_async_request(httpx.Request("POST", url, content=b"x", extensions={"trace": trace}))

    with Receiver() as receiver:
        asyncio.run(act(receiver.url))
    assert stages[:2] == ["connection.connect_tcp.started", "connection.connect_tcp.complete"]
    assert stages[2] == "http11.send_request_headers.started"
    assert progress.written
    assert not progress.only_connecting


# ------------------------------------------------------------------------------------------------ time and size


def test_a_flood_of_preliminary_answers_ends() -> None:
    """200,000 of them kept httpx busy for 8.5 s in spite of a timeout of 2 s."""
    started = time.monotonic()
    result = met(drip(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 2000, 0), deadline=0.3)
    assert isinstance(result, Failure)
    assert result.kind == "timeout"
    assert time.monotonic() - started < 1.3


def test_a_bomb_is_not_unpacked() -> None:
    """64 KB of it are kept as they came; httpx's own reading grew to two gigabytes."""
    bomb = gzip.compress(bytes(200_000_000), 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = met(answer(200, bomb, {"Content-Encoding": "gzip"}))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert isinstance(result, Reply)
    assert (result.body, result.truncated) == (bomb[:CAP], True)
    assert grown < 16 * 1024 * (1024 if sys.platform == "darwin" else 1)


@pytest.mark.parametrize(("size", "truncated"), [(CAP - 1, False), (CAP, False), (CAP + 1, True), (CAP * 5, True)])
def test_the_cap_of_a_body(size: int, *, truncated: bool) -> None:
    """The last byte that fits is kept."""
    result = met(answer(200, b"x" * size))
    assert result == Reply(200, {"content-length": str(size)}, b"x" * min(size, CAP), truncated)


def test_a_body_in_an_encoding_that_was_not_asked_for_is_not_whole() -> None:
    """It stays as it came, and says so, so that no expression judges it."""
    result = met(answer(200, gzip.compress(b'{"error": "no credit"}'), {"Content-Encoding": "gzip"}))
    assert isinstance(result, Reply)
    assert result.truncated


def test_what_is_asked_for() -> None:
    """Our own headers; the mapping's win, except where they would let a reply be packed."""
    with Receiver() as receiver:
        sent(order(receiver.url, headers={}))
        sent(order(receiver.url, headers={"User-Agent": "mine", "accept-encoding": "gzip", "content-type": "text/x"}))
    ours, theirs = (received.headers for received in receiver.received)
    assert (ours["content-type"], ours["accept-encoding"], ours["user-agent"]) == (
        "application/json",
        "identity",
        "mapper",
    )
    assert (theirs["content-type"], theirs["accept-encoding"], theirs["user-agent"]) == ("text/x", "identity", "mine")


def test_a_header_is_sent_once_however_it_is_spelled() -> None:
    """The last one counts."""
    with Receiver() as receiver:
        sent(order(receiver.url, headers={"Content-Type": "application/json", "content-type": "text/x", "X-A": "b"}))
    (received,) = receiver.received
    assert received.headers["content-type"] == "text/x"


def test_two_headers_of_one_name_are_joined() -> None:
    """As HTTP has it; names in lower case."""
    result = met(raw(b"HTTP/1.1 200 OK\r\nRetry-After: 1\r\nRETRY-AFTER: 2\r\nContent-Length: 0\r\n\r\n"))
    assert isinstance(result, Reply)
    assert result.headers["retry-after"] == "1, 2"


# ------------------------------------------------------------------------------------------------- connections


def test_a_connection_is_used_again_for_a_moment() -> None:
    """And not after: a request that meets a connection being closed can only end unknown."""
    with Receiver() as receiver:

        async def act() -> None:
            async with Http(SETTINGS) as transport:
                await transport.send(order(receiver.url))
                await transport.send(order(receiver.url))
                assert receiver.connections == 1
                await asyncio.sleep(http.IDLE + 0.1)
                await transport.send(order(receiver.url))

        asyncio.run(act())
    assert receiver.connections == 2


def test_a_connection_that_the_destination_closed_is_not_used() -> None:
    """The next request goes out on a new one, once."""
    with Receiver(raw(b"HTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\n")) as receiver:

        async def act() -> list[Reply | Failure]:
            async with Http(SETTINGS) as transport:
                results = []
                for _ in range(3):
                    results.append(await transport.send(order(receiver.url)))
                    await asyncio.sleep(0.02)
                return results

        assert [isinstance(result, Reply) for result in asyncio.run(act())] == [True] * 3
    assert len(receiver.received) == 3


def test_a_connection_is_not_used_again_after_half_an_answer() -> None:
    """The other half would be read as the next request's answer."""
    body = raw(b"HTTP/1.1 202 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000)
    with Receiver(body) as receiver:

        async def act() -> list[Reply | Failure]:
            async with Http(SETTINGS) as transport:
                return [await transport.send(order(receiver.url)) for _ in range(2)]

        results = asyncio.run(act())
    assert [(type(r), getattr(r, "truncated", None)) for r in results] == [(Reply, True)] * 2
    assert receiver.connections == 2


#: An answer that nobody asked for, as a destination may write it behind one that has ended.
STRAY = b"HTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\n"


def with_more(status: int, headers: bytes, more: bytes) -> Behaviour:
    """Answer, write more behind the answer in the same breath, and keep the connection open."""

    def behave(visit: Visit) -> bool:
        visit.read()
        visit.write(b"HTTP/1.1 %d Scripted\r\n%s\r\n%s" % (status, headers, more))
        return True

    return behave


@pytest.mark.parametrize("more", [STRAY, b'{"id": 7}'], ids=["an answer", "a body"])
@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (204, b""),
        (204, b"Content-Length: 38\r\n"),
        (204, b"Transfer-Encoding: chunked\r\n"),
        (304, b"Content-Length: 38\r\n"),
        (200, b"Content-Length: 0\r\n"),
        (500, b"Content-Length: 0\r\n"),
    ],
)
def test_what_comes_behind_an_answer_is_nobodys_answer(status: int, headers: bytes, more: bytes) -> None:
    """A body where none may be, or one that is longer than announced: the next request would take it for its own."""
    with Receiver(with_more(status, headers, more), answer(400)) as receiver:

        async def act() -> list[Reply | Failure]:
            async with Http(SETTINGS) as transport:
                return [await transport.send(order(receiver.url)) for _ in range(2)]

        first, second = asyncio.run(act())
    assert isinstance(first, Reply)
    assert (first.status, first.body) == (status, b"")
    assert isinstance(second, Reply)
    assert second.status == 400
    assert len(receiver.received) == 2


@pytest.mark.parametrize("status", [204, 304])
def test_a_body_that_may_not_be_and_comes_late_is_nobodys_answer(status: int) -> None:
    """It comes while the next request is on its way: no look at the connection finds it, so that one is not used."""
    late = threading.Event()

    def behave(visit: Visit) -> bool:
        visit.read()
        visit.write(b"HTTP/1.1 %d Scripted\r\n\r\n" % status)
        if select.select([visit.socket], [], [], 2)[0]:  # the next request, or the end
            with contextlib.suppress(OSError):
                visit.write(STRAY)
        late.set()
        return True

    with Receiver(behave, answer(400)) as receiver:

        async def act() -> list[Reply | Failure]:
            async with Http(SETTINGS) as transport:
                return [await transport.send(order(receiver.url)) for _ in range(2)]

        _, second = asyncio.run(act())
        assert late.wait(2)
    assert isinstance(second, Reply)
    assert second.status == 400
    assert receiver.connections == 2


class Closed(Http):
    """Its connections show nothing of their inside, as those of a later httpx might."""

    def _open(self) -> Any:
        inner = super()._open()
        return SimpleNamespace(handle_async_request=inner.handle_async_request, aclose=inner.aclose)


def test_a_connection_that_cannot_be_looked_into_is_used_once() -> None:
    """A later httpx makes sending slower, and no answer another's."""
    with Receiver() as receiver:

        async def act() -> list[Reply | Failure]:
            async with Closed(SETTINGS) as transport:
                return [await transport.send(order(receiver.url)) for _ in range(2)]

        assert [type(result) for result in asyncio.run(act())] == [Reply, Reply]
    assert receiver.connections == 2


def test_a_cancelled_send_is_over() -> None:
    """A worker that is shut down does not wait, and no half-used connection is left for the next."""
    with Receiver(hang(), answer(202)) as receiver:

        async def act() -> Reply | Failure:
            async with Http(SETTINGS) as transport:
                hanging = asyncio.create_task(transport.send(order(receiver.url)))
                await asyncio.to_thread(receiver.arrived.wait, 2)
                hanging.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await hanging
                return await transport.send(order(receiver.url))

        assert isinstance(asyncio.run(act()), Reply)
    assert receiver.connections == 2


def test_an_earlier_loop_left_open_is_no_harm() -> None:
    """Its end closed its connections, so that Python warns of none; the next loop opens its own."""
    transport = Http(SETTINGS)
    with Receiver() as receiver:
        results = [asyncio.run(transport.send(order(receiver.url))) for _ in range(2)]
        del transport
        gc.collect()
    assert [type(result) for result in results] == [Reply, Reply]
    assert receiver.connections == 2


def test_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A proxy in the environment would see names, addresses and keys; a certificate file would let one in."""
    with Receiver() as proxy, Receiver() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "absent.pem"))
        http.authorities.cache_clear()
        result = sent(order(receiver.url))
    assert isinstance(result, Reply)
    assert (proxy.connections, len(receiver.received)) == (0, 1)


# -------------------------------------------------------------------------------------------------------- logs


@pytest.fixture
def fresh_logger() -> Iterator[logging.Logger]:
    """The logger of httpcore as an application finds it."""
    logger = logging.getLogger("httpcore")
    level = logger.level
    logger.setLevel(logging.NOTSET)
    yield logger
    logger.setLevel(level)


def test_nothing_of_a_reply_is_logged(fresh_logger: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    """At the root's DEBUG httpcore would print a reply's headers; httpx's client, which prints URLs, is not used."""
    caplog.set_level(logging.DEBUG)
    with Receiver(answer(202, headers={"Location": "/1-rocket-road"})) as receiver:
        sent(order(receiver.url, (secret("query", "key"),)))
    shown = caplog.text
    assert [part for part in ("rocket", CANARY, KEY, "orders") if part in shown] == []
    assert fresh_logger.level == logging.WARNING


def test_the_applications_own_level_stands(fresh_logger: logging.Logger) -> None:
    """Who asks for httpcore's log by name gets it; other loggers are not touched."""
    fresh_logger.setLevel(logging.DEBUG)
    before = (logging.getLogger().level, logging.getLogger("httpx").level)
    Http()
    assert fresh_logger.level == logging.DEBUG
    assert (logging.getLogger().level, logging.getLogger("httpx").level) == before


# --------------------------------------------------------------------------------------------------------- TLS

OPENSSL = shutil.which("openssl")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an authority and certificates of it: ``good``, ``elsewhere`` (another name), ``expired``."""
    if OPENSSL is None:
        pytest.skip("needs the openssl command to make certificates")
    directory = tmp_path_factory.mktemp("certificates")

    def run(*words: str) -> None:
        subprocess.run([str(OPENSSL), *words], cwd=directory, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    signs = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    run(
        "req", "-x509", *key, *signs, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test Authority", "-days", "2"
    )
    (directory / "index").touch()
    (directory / "ca.cnf").write_text(
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\npolicy=p\n"
        "copy_extensions=copy\nunique_subject=no\nx509_extensions=e\n[p]\ncommonName=supplied\n"
        # Python 3.13 asks a certificate to say by which key it was signed.
        "[e]\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\nbasicConstraints=critical,CA:FALSE\n"
    )
    for name, host, ends in (
        ("good", "IP:127.0.0.1", "20491231000000Z"),
        ("elsewhere", "DNS:elsewhere.example", "20491231000000Z"),
        ("expired", "IP:127.0.0.1", "20200102000000Z"),
    ):
        run("req", "-new", *key, "-keyout", f"{name}.key", "-out", "x.csr", "-subj", f"/CN={name}", "-addext",
            f"subjectAltName={host}")  # fmt: skip
        run("ca", "-batch", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-in", "x.csr", "-out",
            f"{name}.pem", "-startdate", "20200101000000Z", "-enddate", ends, "-notext")  # fmt: skip
    return directory


def speaking(directory: Path, name: str) -> ssl.SSLContext:
    """A server's side of TLS with one of the certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / f"{name}.pem", directory / f"{name}.key")
    return context


def test_a_good_certificate(certificates: Path) -> None:
    """Of an authority that was named."""
    with Receiver(answer(202, b"ok"), tls=speaking(certificates, "good")) as receiver:
        result = sent(order(receiver.url), ca_file=certificates / "ca.pem")
    assert isinstance(result, Reply)
    assert (result.status, result.body, len(receiver.received)) == (202, b"ok", 1)


@pytest.mark.parametrize("name", ["unknown authority", "elsewhere", "expired"])
def test_a_bad_certificate(certificates: Path, name: str) -> None:
    """Refused before a byte of the request; never by http instead."""
    trusted = None if name == "unknown authority" else certificates / "ca.pem"
    certificate = "good" if name == "unknown authority" else name
    with Receiver(answer(202), tls=speaking(certificates, certificate)) as receiver:
        result = sent(order(receiver.url), ca_file=trusted)
    assert isinstance(result, Failure)
    assert (result.kind, result.maybe_sent, receiver.received) == ("tls", False, [])


def test_an_old_version_of_tls_is_not_spoken() -> None:
    """1.2 is the floor, whatever the machine's defaults are; and there is no switch that stops verifying."""
    context = http.authorities(None)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_a_handshake_that_hangs() -> None:
    """The port takes the connection and says nothing."""
    with Receiver(hang(unread=True)) as receiver:
        result = sent(order(receiver.url.replace("http:", "https:")), connect=0.2)
    assert isinstance(result, Failure)
    assert (result.kind, result.maybe_sent) == ("connect_timeout", False)


def test_tls_that_is_cut_in_the_middle(certificates: Path) -> None:
    """After the request nobody can know; after a complete status the destination has spoken."""
    tls = speaking(certificates, "good")
    with Receiver(close(reset=True), raw(b"HTTP/1.1 202 OK\r\nContent-Length: 9\r\n\r\nab"), tls=tls) as receiver:
        cut, half = (sent(order(receiver.url), ca_file=certificates / "ca.pem") for _ in range(2))
    assert isinstance(cut, Failure)
    assert cut.maybe_sent
    assert isinstance(half, Reply)
    assert (half.status, half.truncated) == (202, True)


def test_a_ca_file_that_is_not_there(tmp_path: Path) -> None:
    """The operator hears of it when the transport is made, not when mail is waiting."""
    with pytest.raises(FileNotFoundError):
        Http(ca_file=tmp_path / "absent.pem")
