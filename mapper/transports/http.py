"""The way out over HTTP. The only door to httpx.

Knows what may go wrong between here and a destination, and whether a byte can have left by then. Must
not know what an answer means (``mapper.outcome``), and must not retry, follow or print anything.

It uses httpx's transport and not its client: a client would keep the cookies of one person for the
next, read proxies and certificates from the environment, and log every URL. What is left is one
exchange over a verified connection, bounded in time (httpx has no total deadline: a server that drips
is endless) and in size (a reply is never decoded: a small one can unfold to gigabytes). Each of those
transports has one connection and carries one request at a time (``mapper.transports.connections``).

The destination's address comes from the mapping and the settings, never from an event. It needs no
filter of private addresses: a host inside a network that could be reached by mistake has no
certificate for that name, and http without TLS goes to this machine only.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
import logging
import os
import re
import socket
import ssl
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self, cast

import httpx

from mapper.outcome import Failure, Fault, Reply
from mapper.request import Prepared, Request
from mapper.transports.connections import Connections

#: Seconds: for a whole exchange; for finding, reaching and greeting the host; for using a connection again.
#: The last is shorter than the idle limit of any usual server (gunicorn 2 s, Node, Apache and uvicorn 5 s): a
#: request that meets a connection just being closed can only end unknown.
DEADLINE, CONNECT, IDLE = 30.0, 5.0, 1.0
#: How many bytes of a reply's body are read.
CAP = 64 * 1024
#: How many connections one object opens for one event loop; who comes next waits for ``connect`` seconds.
MOST = 100

#: Statuses whose answer ends with its headers, whatever those announce, and whatever a destination writes behind them.
_BARE = frozenset({204, 304})
#: Headers that say how the message is framed or where it goes. They are ours: a wrong one tears the message apart.
_FRAMING = frozenset({"connection", "content-length", "host", "te", "trailer", "transfer-encoding", "upgrade"})
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: Visible ASCII with inner blanks and tabs. CR, LF and NUL would start a header of the event's own making.
_HEADER_TEXT = re.compile(r"(?:[!-~](?:[!-~ \t]*[!-~])?)?")


@dataclass(frozen=True, slots=True)
class _Weather:
    """What one exception means: its stable word, whether the request may have left, and the words for it."""

    kind: str
    maybe_sent: bool
    words: str


_GARBLED = _Weather("protocol", maybe_sent=True, words="the exchange broke off or broke the rules of HTTP")
_BROKEN = _Weather("network", maybe_sent=True, words="the connection broke")
_LATE = _Weather("timeout", maybe_sent=True, words="the destination did not answer in time")
_UNREACHED = _Weather("connect", maybe_sent=False, words="no connection could be made")
_BUSY = _Weather("busy", maybe_sent=False, words="no connection came free in time")
_UNEXPECTED = _Weather("unexpected", maybe_sent=True, words="sending failed in a way that should not occur")
_ADDRESS = _Weather("bad_url", maybe_sent=False, words="the URL is not one that can be asked")

#: Every exception of httpx, and what it means; the most specific entry counts. ``maybe_sent`` is False only where
#: httpx raises it before the first byte of the request. It cannot tell more: a reset before the request was read
#: and one after it was taken are the same ReadError.
WEATHER: Mapping[type[BaseException], _Weather] = {
    httpx.ConnectError: _UNREACHED,  # also TLS: the certificate is judged before the request is written
    httpx.ConnectTimeout: _Weather("connect_timeout", maybe_sent=False, words="no connection was made in time"),
    httpx.PoolTimeout: _BUSY,
    httpx.ProxyError: _Weather("proxy", maybe_sent=False, words="the proxy refused"),
    httpx.UnsupportedProtocol: _ADDRESS,
    httpx.InvalidURL: _ADDRESS,
    httpx.ReadTimeout: _LATE,
    httpx.WriteTimeout: _LATE,
    httpx.TimeoutException: _LATE,
    TimeoutError: _LATE,
    httpx.ReadError: _BROKEN,
    httpx.WriteError: _BROKEN,
    httpx.CloseError: _BROKEN,
    httpx.NetworkError: _BROKEN,
    # Also raised for headers before they are written; those are refused before httpx sees them (``_unfit_header``).
    httpx.LocalProtocolError: _GARBLED,
    httpx.RemoteProtocolError: _GARBLED,
    httpx.ProtocolError: _GARBLED,
    httpx.DecodingError: _GARBLED,
    httpx.TooManyRedirects: _GARBLED,
    httpx.HTTPStatusError: _GARBLED,
    # Ours would be the bug, and then nobody knows how far it got.
    httpx.CookieConflict: _UNEXPECTED,
    httpx.StreamConsumed: _UNEXPECTED,
    httpx.StreamClosed: _UNEXPECTED,
    httpx.ResponseNotRead: _UNEXPECTED,
    httpx.RequestNotRead: _UNEXPECTED,
    httpx.StreamError: _UNEXPECTED,
    Exception: _UNEXPECTED,
}

#: Why a connection could not be made, found below httpx's ConnectError. An operator does different things about them.
CONNECTING: Mapping[type[BaseException], _Weather] = {
    ssl.SSLError: _Weather("tls", maybe_sent=False, words="the destination's certificate or TLS is not acceptable"),
    socket.gaierror: _Weather("dns", maybe_sent=False, words="the destination's name is not found"),
}


@dataclass(slots=True)
class Progress:
    """How far a request came, as httpcore reports it to its ``trace`` extension."""

    begun: bool = False
    connected: bool = False
    written: bool = False

    async def __call__(self, stage: str, _: dict[str, Any]) -> None:
        """Called by httpcore at the start and end of each step, such as ``http11.send_request_body.complete``."""
        self.begun = True
        self.connected = self.connected or not stage.startswith("connection.")
        self.written = self.written or stage == "http11.send_request_body.complete"

    @property
    def only_connecting(self) -> bool:
        """Whether it surely never came further than the connection. Silence is not taken for that."""
        return self.begun and not self.connected


class Http:
    """Sends each request once over HTTP/1.1, with its secrets, and gives the reply as it came.

    ``settings``  the resolved settings by name, secret ones included.
    ``deadline``  seconds for one whole exchange, whatever the destination does meanwhile; under two minutes,
                  because ``asend`` leaves any transport then.
    ``connect``   seconds for reaching the destination, TLS included, and for waiting for a free connection.
    ``ca_file``   a PEM file of further authorities to trust, for a destination inside a company's network.

    Certificates are always verified. Plain http goes to this machine only; redirects are given back as
    replies and never followed; proxies and certificates in the environment are ignored.

    Make one and share it: any number of tasks, threads and event loops may send through it at once. Each request
    under way has a connection of its own, ``MOST`` of them for each loop, so a send costs the same however many
    others there are. They are kept for a moment after use, and a forked process opens its own. ``async with`` or
    ``aclose`` closes those of the running loop; the end of ``asyncio.run`` does too.

    Raises OSError where ``ca_file`` cannot be read.
    """

    def __init__(
        self,
        settings: Mapping[str, Any] | None = None,
        *,
        deadline: float = DEADLINE,
        connect: float = CONNECT,
        ca_file: str | os.PathLike[str] | None = None,
    ) -> None:
        self._settings = dict(settings or {})
        self._deadline = deadline
        self._patience = min(connect, deadline)
        self._timeout = {"connect": connect, "pool": connect, "read": None, "write": None}
        self._ca_file = None if ca_file is None else os.fspath(ca_file)
        if self._ca_file is not None:
            authorities(self._ca_file)
        self._of_loops: dict[asyncio.AbstractEventLoop, Connections[httpx.AsyncHTTPTransport]] = {}
        self._address = _read_address("")
        _silence()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections of the running loop, those in use when they come free. A later send opens new ones."""
        connections = self._of_loops.pop(asyncio.get_running_loop(), None)
        if connections is not None:
            await connections.aclose()

    async def send(self, request: Request) -> Reply | Failure:
        """Send one request once.

        Raises SettingsError where a secret cannot be made from the settings; nothing was sent then.
        """
        prepared = request.with_secrets(self._settings)
        address = self._address_of(prepared)
        refused = _unfit_header(prepared, request) or address.refused
        if refused:
            return refused
        progress = Progress()
        try:
            outgoing = _outgoing(prepared, address.url, {"timeout": self._timeout, "trace": progress})
        except Exception:  # noqa: BLE001 - a request that cannot be made was not sent, whatever the reason
            return Failure("bad_request", maybe_sent=False, message="the request cannot be made", fault="request")
        return await self._exchange(outgoing, address.origin, progress)

    async def _exchange(self, outgoing: httpx.Request, origin: str, progress: Progress) -> Reply | Failure:
        """One request and its reply. The deadline is ours, around everything that httpx does."""
        until = asyncio.get_running_loop().time() + self._deadline
        try:
            connections = self._connections()
            lent = await connections.take(origin, self._patience)
        except Exception as error:  # noqa: BLE001 - a request without a connection was not sent, whatever the reason
            weather = _BUSY if isinstance(error, TimeoutError) else _UNEXPECTED
            return Failure(weather.kind, maybe_sent=False, message=weather.words)
        usable = False
        try:
            async with asyncio.timeout_at(until):
                response = await lent.connection.handle_async_request(outgoing)
            body, whole = await _read(response, until)
            usable = whole and progress.written and not _more_may_come(response, lent.connection)
        except Exception as error:  # noqa: BLE001 - the table's last entry is Exception: nothing may be left out
            return failure(error, progress)
        finally:
            await connections.give_back(lent, usable=usable)
        return _judged(response, body, whole=whole, written=progress.written)

    def _connections(self) -> Connections[httpx.AsyncHTTPTransport]:
        """The connections of the running loop. Those of another loop, in another thread, are left alone."""
        loop = asyncio.get_running_loop()
        connections = self._of_loops.get(loop)
        if connections is None or connections.inherited:
            for gone in [known for known in list(self._of_loops) if known.is_closed()]:
                self._of_loops.pop(gone, None)
            connections = self._of_loops[loop] = Connections(self._open, most=MOST, idle=IDLE)
        return connections

    def _open(self) -> httpx.AsyncHTTPTransport:
        """A transport for one request at a time. It connects when it is used."""
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=IDLE)
        return httpx.AsyncHTTPTransport(verify=authorities(self._ca_file), trust_env=False, limits=limits, retries=0)

    def _address_of(self, prepared: Prepared) -> _Address:
        """The address of a request. The last one is kept, because most mappings send everything to one."""
        address = self._address
        if address.text != prepared.url:
            address = self._address = _read_address(prepared.url)
        return address


@functools.lru_cache(maxsize=8)
def authorities(ca_file: str | None) -> ssl.SSLContext:
    """The authorities to trust; made once per process, because reading them takes a fifth of a second."""
    context = httpx.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


def _silence() -> None:
    """Keep the headers of replies out of an application's debug log, where it did not ask for them by name."""
    logger = logging.getLogger("httpcore")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.WARNING)


def _unfit_header(prepared: Prepared, request: Request) -> Failure | None:
    """What keeps the method or a header from being written, found before anything is."""
    if not _TOKEN.fullmatch(prepared.method):
        return Failure("bad_method", maybe_sent=False, message="the method is not one word", fault="request")
    secret = {s.name for s in request.secrets if s.place == "header"}
    for name, text in prepared.headers.items():
        if not _TOKEN.fullmatch(name) or name.lower() in _FRAMING:
            message = "a header has a name that cannot be sent"
        elif not isinstance(text, str) or not _HEADER_TEXT.fullmatch(text):
            message = f"the header {name} holds a character that a header cannot carry"
        else:
            continue
        # A bad key is everyone's trouble; a bad value out of an event is that event's alone.
        fault: Fault = "settings" if name in secret else "request"
        return Failure("bad_header", maybe_sent=False, message=message, fault=fault)
    return None


@dataclass(frozen=True, slots=True)
class _Address:
    """An address that was read, where it goes, and what forbids to send there. It may have a secret in it."""

    text: str = field(repr=False)
    url: httpx.URL = field(repr=False)
    origin: str
    refused: Failure | None = None


def _read_address(text: str) -> _Address:
    """An address for the wire."""
    try:
        url = httpx.URL(text)
        complete = bool(url.host) and 0 < (url.port or 443) < 65536
    except Exception:  # noqa: BLE001 - whatever cannot be read as a URL
        url, complete = httpx.URL(), False
    origin = f"{url.scheme}://{url.netloc.decode('ascii')}"
    if not complete:
        refused = Failure(_ADDRESS.kind, maybe_sent=False, message=_ADDRESS.words, fault="request")
    elif url.scheme == "https" or (url.scheme == "http" and _is_this_machine(url.host)):
        return _Address(text, url, origin)
    else:
        message = "only https is sent to, and http on this machine"
        refused = Failure("insecure_url", maybe_sent=False, message=message, fault="settings")
    return _Address(text, url, origin, refused)


def _is_this_machine(host: str) -> bool:
    """Whether a host is loopback, in the one name and the plain spellings that cannot mean anything else."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _outgoing(prepared: Prepared, url: httpx.URL, extensions: dict[str, Any]) -> httpx.Request:
    """The request for the wire. httpx adds Host and Content-Length; the mapping's headers win over our defaults."""
    headers = {"user-agent": ("user-agent", "mapper"), "accept": ("accept", "*/*")}
    if prepared.content:
        headers["content-type"] = ("content-type", "application/json")
    for name, text in prepared.headers.items():
        headers[name.lower()] = (name, text)  # two spellings of a name are not sent as two headers
    headers["accept-encoding"] = ("accept-encoding", "identity")
    return httpx.Request(
        prepared.method, url, headers=list(headers.values()), content=prepared.content, extensions=extensions
    )


async def _read(response: httpx.Response, until: float) -> tuple[bytes, bool]:
    """The first bytes of a reply's body as they came, and whether they are all.

    Whatever goes wrong here, the destination has answered: its status line is complete and stands.
    """
    body = bytearray()
    chunks = cast("AsyncGenerator[bytes, None]", aiter(cast("httpx.AsyncByteStream", response.stream)))
    try:
        async with asyncio.timeout_at(until), contextlib.aclosing(chunks):
            async for chunk in chunks:
                body += chunk
                if len(body) > CAP:
                    return bytes(body[:CAP]), False
    except Exception:  # noqa: BLE001 - see above
        return bytes(body), False
    finally:
        with contextlib.suppress(Exception):
            await response.aclose()
    return bytes(body), True


def _more_may_come(response: httpx.Response, connection: Any) -> bool:
    """Whether something may stand behind the end of an answer: the next request would take it for its own answer.

    A body where none may be; or one longer than announced, where letters were counted instead of bytes. That is seen
    in httpcore's parser alone; where httpcore no longer shows it each connection is used once: slow, and safe.
    """
    try:
        (line,) = connection._pool.connections  # noqa: SLF001 - see above
        return response.status_code in _BARE or bool(line._connection._h11_state.trailing_data[0])  # noqa: SLF001
    except Exception:  # noqa: BLE001 - it has closed the connection itself, or looks otherwise inside
        return True


def _judged(response: httpx.Response, body: bytes, *, whole: bool, written: bool) -> Reply | Failure:
    """The reply, where it is one that may be believed."""
    status = response.status_code
    if not 200 <= status <= 599:
        return Failure(_GARBLED.kind, maybe_sent=True, message=f"the destination answered {status}, which is no answer")
    if status <= 299 and not written:
        # httpcore goes on to read when writing fails, so a success may be about a request that it never had whole.
        message = f"the destination answered {status} before it had the whole request"
        return Failure("early_reply", maybe_sent=True, message=message)
    headers = {name.lower(): text for name, text in response.headers.items()}
    packed = headers.get("content-encoding", "identity").lower() != "identity"
    return Reply(status, headers, body, packed or not whole)


def failure(error: BaseException, progress: Progress) -> Failure:
    """What an exception means. Its own text is never used: it may quote the URL or the host's words."""
    weather = _entry(error, WEATHER) or _UNEXPECTED
    if weather is _UNREACHED:
        weather = next(filter(None, (_entry(cause, CONNECTING) for cause in _causes(error))), weather)
    return Failure(weather.kind, weather.maybe_sent and not progress.only_connecting, weather.words)


def _entry(error: BaseException, table: Mapping[type[BaseException], _Weather]) -> _Weather | None:
    """The entry of the nearest class; ``__mro__`` lists the most specific first."""
    return next((table[kind] for kind in type(error).__mro__ if kind in table), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What an exception came from, nearest first. The groups in which several addresses failed are opened."""
    seen: list[BaseException] = [error]
    for cause in seen:
        yield cause
        below = [cause.__cause__, cause.__context__, *getattr(cause, "exceptions", ())]
        seen += [found for found in below if found is not None and found not in seen]
