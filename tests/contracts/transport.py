"""The contract of a transport, for the author of one to run against their own.

Copy this file and ``receiver.py`` beside your tests, subclass, and say how yours is made::

    from contracts.transport import HttpContract

    class TestPigeon(HttpContract):
        def make(self, settings, deadline):
            return Pigeon(settings, give_up_after=deadline)

``TransportContract`` is for any transport: a queue, a file, a printer in the cellar. ``HttpContract`` adds
what holds for one that carries requests to ``request.url``: it is judged by a real server on this machine
that misbehaves as told, so your transport has to allow plain http to 127.0.0.1. Needs pytest alone.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import pytest
from receiver import Receiver, answer, close, drip, hang, raw

from mapper import codec
from mapper.errors import SettingsError
from mapper.outcome import Failure, Reply
from mapper.ports import Transport
from mapper.request import Request, Secret
from mapper.transports import asend

#: Seconds that a transport under test may take for one exchange, where the test is about giving up, and where not.
SHORT, LONG = 0.3, 10.0

#: A value that must be seen nowhere but at the destination, and a secret.
CANARY, KEY = "1 Rocket Road", "k3y-of-the-house"
SETTINGS = {"api_key": KEY}
BODY = {"first_name": "Zoë", "address_line_1": CANARY, "nested": {"z": 1, "a": [True, None, "02134"]}}

T = TypeVar("T")


def order(url: str = "http://127.0.0.1:9/orders", secrets: tuple[Secret, ...] = (), **changes: Any) -> Request:
    """A request as a mapping makes one."""
    headers = {"Content-Type": "application/json", "X-Order": "m-1"}
    given = {"method": "POST", "url": url, "headers": headers, "body": BODY, "content": codec.encode(BODY)}
    return Request(**{**given, "secrets": secrets, "message_id": "m-1", **changes})


def secret(place: Any, name: str) -> Secret:
    """A place that the API key goes to."""
    return Secret(place, name, "settings.api_key", (("api_key", "TEST_API_KEY"),))


class TransportContract:
    """What holds for every transport."""

    def make(self, settings: Mapping[str, Any], deadline: float) -> Transport:
        """A new transport with these resolved settings, which gives up on one exchange after ``deadline`` seconds."""
        raise NotImplementedError

    def run(self, act: Callable[[Transport], Awaitable[T]], deadline: float = LONG) -> T:
        """What ``act`` gives for a new transport, which is closed afterwards."""

        async def acted() -> T:
            made = self.make(SETTINGS, deadline)
            try:
                return await act(made)
            finally:
                await closed(made)

        return asyncio.run(acted())

    def sent(self, request: Request, deadline: float = LONG) -> Reply | Failure:
        """What a new transport gives for one request."""
        return self.run(lambda made: made.send(request), deadline)

    def test_has_the_shape(self) -> None:
        """An object with an ``async def send``."""
        made = self.make(SETTINGS, LONG)
        assert isinstance(made, Transport)
        assert inspect.iscoroutinefunction(made.send)

    def test_gives_a_reply_or_a_failure(self) -> None:
        """Also where nobody listens."""
        assert isinstance(self.sent(order()), Reply | Failure)

    def test_leaves_the_request_as_it_is(self) -> None:
        """A request is stored, shown and sent again: no secret may have got into it."""
        request = order(secrets=(secret("body", "token"), secret("header", "X-Key"), secret("query", "key")))
        before, content = codec.encode(request.as_dict()), request.content
        self.sent(request)
        assert codec.encode(request.as_dict()) == before
        assert request.content == content
        assert KEY.encode() not in before

    def test_takes_many_at_once(self) -> None:
        """Sends on one object do not disturb each other."""

        async def all_at_once(made: Transport) -> list[Reply | Failure]:
            return await asyncio.gather(*(made.send(order(message_id=f"m-{n}")) for n in range(20)))

        assert [isinstance(result, Reply | Failure) for result in self.run(all_at_once)] == [True] * 20

    def test_can_be_closed_twice_and_used_again(self) -> None:
        """Closing lets go of connections and nothing else."""

        async def used_again(made: Transport) -> Reply | Failure:
            await made.send(order())
            await closed(made)
            await closed(made)
            return await made.send(order())

        assert isinstance(self.run(used_again), Reply | Failure)

    def test_lives_longer_than_an_event_loop(self) -> None:
        """The synchronous door runs each send on a loop of its own."""
        made = self.make(SETTINGS, LONG)

        async def once() -> Reply | Failure:
            try:
                return await made.send(order())
            finally:
                await closed(made)

        assert [type(asyncio.run(once())) for _ in range(2)] == [type(asyncio.run(once()))] * 2

    def test_is_discreet(self, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
        """Neither output, nor logs at any level, nor a repr show a person's address or a key."""
        caplog.set_level(logging.DEBUG)
        request = order(secrets=(secret("query", "key"), secret("header", "X-Key")))
        made = self.make(SETTINGS, LONG)

        async def once() -> str:
            outcome = await asend(request, made)
            await closed(made)
            return f"{outcome} {outcome.message} {made!r} {request!r}"

        shown = asyncio.run(once()) + caplog.text + "".join(capfd.readouterr())
        assert CANARY not in shown
        assert KEY not in shown


class HttpContract(TransportContract):
    """What holds besides for a transport that carries requests to their URL over HTTP."""

    def test_brings_the_request_whole(self) -> None:
        """Method, path, headers, and the canonical bytes."""
        with Receiver(answer(202)) as receiver:
            request = order(receiver.url + "?a=1", method="PUT")
            assert isinstance(self.sent(request), Reply)
        (received,) = receiver.received
        assert (received.method, received.target) == ("PUT", "/orders?a=1")
        assert (received.headers["content-type"], received.headers["x-order"]) == ("application/json", "m-1")
        assert received.body == request.content

    def test_puts_secrets_in_their_places(self) -> None:
        """In the body, a header and the query, next to what is there."""
        with Receiver(answer(202)) as receiver:
            self.sent(order(receiver.url + "?a=1", (secret("body", "token"),)))
            self.sent(order(receiver.url + "?a=1", (secret("header", "X-Key"),)))
            self.sent(order(receiver.url + "?a=1", (secret("query", "key"),)))
        in_body, in_header, in_query = receiver.received
        assert codec.decode(in_body.body) == {**BODY, "token": KEY}
        assert in_header.headers["x-key"] == KEY
        assert in_query.query == [("a", "1"), ("key", KEY)]
        assert in_header.body == in_query.body == codec.encode(BODY)

    def test_a_missing_secret_stops_it(self) -> None:
        """SettingsError, and nobody is asked without the key."""
        unknown = Secret("header", "X-Key", "settings.absent", (("absent", "ABSENT"),))
        with Receiver(answer(202)) as receiver, pytest.raises(SettingsError):
            self.sent(order(receiver.url, (unknown,)))
        assert receiver.connections == 0

    @pytest.mark.parametrize("status", [200, 202, 204, 302, 400, 401, 404, 422, 429, 500, 503])
    def test_any_answer_is_a_reply(self, status: int) -> None:
        """What it means is not for a transport to say."""
        body = b"" if status == 204 else b'{"id": 1}'
        with Receiver(answer(status, body, {"Retry-After": "7"})) as receiver:
            reply = self.sent(order(receiver.url))
        assert isinstance(reply, Reply)
        assert (reply.status, reply.body, reply.headers["retry-after"], reply.truncated) == (status, body, "7", False)

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_follows_no_redirect(self, status: int) -> None:
        """The second host is not contacted: it would get a name, an address and a key."""
        with Receiver(answer(202)) as second, Receiver(answer(status, headers={"Location": second.url})) as first:
            reply = self.sent(order(first.url, (secret("header", "X-Key"),)))
        assert isinstance(reply, Reply)
        assert (reply.status, second.connections, len(first.received)) == (status, 0, 1)

    def test_a_refused_connection_was_not_sent(self) -> None:
        """It may be sent again."""
        with Receiver() as gone:
            pass
        result = self.sent(order(gone.url))
        assert isinstance(result, Failure)
        assert not result.maybe_sent

    @pytest.mark.parametrize("reset", [True, False])
    def test_a_connection_that_ends_without_an_answer_may_have_been_sent(self, *, reset: bool) -> None:
        """And it is tried once only: the destination had the whole request."""
        with Receiver(close(reset=reset)) as receiver:
            result = self.sent(order(receiver.url))
        assert isinstance(result, Failure)
        assert result.maybe_sent
        assert [received.complete for received in receiver.received] == [True]

    def test_waits_for_a_slow_answer(self) -> None:
        """Slow is not late."""
        with Receiver(answer(202, after=0.2)) as receiver:
            assert isinstance(self.sent(order(receiver.url)), Reply)

    @pytest.mark.parametrize(
        "behaviour",
        [hang(), hang(unread=True), drip(b"HTTP/1.1 202 OK\r\n", b"A: b\r\n"), drip(b"", b"HTTP/1.1 103 X\r\n\r\n")],
        ids=["silent", "unread", "endless headers", "endless preliminaries"],
    )
    def test_gives_up_at_its_deadline(self, behaviour: Any) -> None:
        """Whatever trickles in: without a status there is no answer, and the request may be with them."""
        with Receiver(behaviour) as receiver:
            result = self.sent(order(receiver.url), SHORT)
        assert isinstance(result, Failure)
        assert result.maybe_sent

    @pytest.mark.parametrize(
        "behaviour",
        [
            raw(b"HTTP/1.1 202 OK\r\nContent-Length: 100\r\n\r\nabc"),
            raw(b"HTTP/1.1 202 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
            drip(b"HTTP/1.1 202 OK\r\nContent-Length: 9999\r\n\r\nabc", b"x"),
            drip(b"HTTP/1.1 202 OK\r\n\r\n", b"x" * 60000, 0),
        ],
        ids=["cut", "cut chunk", "endless drip", "endless flood"],
    )
    def test_a_complete_status_counts_though_the_body_does_not_end(self, behaviour: Any) -> None:
        """The destination has said that it took the request."""
        with Receiver(behaviour) as receiver:
            result = self.sent(order(receiver.url), SHORT)
        assert isinstance(result, Reply)
        assert (result.status, result.truncated) == (202, True)
        assert len(result.body) <= 1024 * 1024

    @pytest.mark.parametrize("text", ["a\r\nX-Evil: 1", "a\nb", "a\x00b", "é", "\u202e"])
    def test_a_header_that_cannot_be_written_is_a_failure(self, text: str) -> None:
        """Never an exception, never a header of the event's own making, and nobody is asked."""
        with Receiver(answer(202)) as receiver:
            result = self.sent(order(receiver.url, headers={"Idempotency-Key": text}))
        assert isinstance(result, Failure)
        assert not result.maybe_sent
        assert receiver.received == []

    def test_carries_nothing_from_one_person_to_the_next(self) -> None:
        """No cookies."""
        with Receiver(answer(202, headers={"Set-Cookie": "who=ada"})) as receiver:

            async def two(made: Transport) -> None:
                await made.send(order(receiver.url))
                await made.send(order(receiver.url))

            self.run(two)
        assert ["cookie" in received.headers for received in receiver.received] == [False, False]


async def closed(made: Any) -> None:
    """Close a transport that can be closed."""
    if hasattr(made, "aclose"):
        await made.aclose()
