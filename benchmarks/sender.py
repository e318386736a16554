"""What our way out over HTTP costs, beside the same httpx with nothing of ours around it.

A server of its own process answers 202 to whatever arrives. The client process sends the same bytes to it
in three ways, in turn, at 1, 16 and 64 requests in flight:

    ours    one ``Http`` that all workers share, through ``asend``: secrets put in, checks, deadline, the answer judged
    bare    one ``httpx.AsyncClient`` for each worker, and nothing else: the cheapest way to use httpx
    shared  one ``httpx.AsyncClient`` for all workers: the usual way to use httpx, and quadratic in its connections

What counts is the CPU time of the client process for one request (user and system): the wall time is the
server's too. Run it alone with ``python benchmarks/sender.py [--quick]``.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import driver
import httpx

import mapper
from mapper.request import Request
from mapper.transports import asend
from mapper.transports.http import Http

#: How many requests are under way at once.
IN_FLIGHT = (1, 16, 64)
#: The place that the figures stand at: a full set of workers.
FULL = IN_FLIGHT[-1]
SETTINGS = {"api_key": "key-of-the-benchmark"}
_ANSWER = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{"accepted":true}'

#: Sends one request and says whether it was delivered.
Post = Callable[[Request], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Size:
    """How much is sent: rounds, and requests of each way in each round. The shared client gets fewer: it is slow."""

    rounds: int
    requests: int
    shared: int


WHOLE, QUICK = Size(9, 1280, 640), Size(3, 256, 128)


# ------------------------------------------------------------------------------------------------------- the server


class Accepting(asyncio.Protocol):
    """One connection: every request is answered 202 as soon as it is there whole."""

    def __init__(self) -> None:
        self._came = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._back: Any = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._came += data
        while (length := _whole(self._came)) is not None:
            del self._came[:length]
            self._back.write(_ANSWER)


def _whole(came: bytearray) -> int | None:
    """The length of the first request in the bytes; None where it is not there whole."""
    end = came.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(came[:end]).lower()
    _, _, rest = head.partition(b"content-length:")
    length = end + 4 + int(rest.partition(b"\r\n")[0] or 0)
    return length if len(came) >= length else None


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Accepting, "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await asyncio.to_thread(sys.stdin.read)  # until whoever started us goes


@contextmanager
def _server() -> Iterator[str]:
    """The address of a server in a process of its own."""
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            yield f"http://127.0.0.1:{port}/orders"
        finally:
            process.kill()


# ---------------------------------------------------------------------------------------------------- what is sent


def _requests(url: str, count: int) -> list[Request]:
    """Requests of the shipped mapping, each of another person, to this address."""
    postcards = mapper.load("inkit", environ={"INKIT_API_KEY": SETTINGS["api_key"]})
    made = [postcards.transform(_event(number)).request for number in range(count)]
    return [replace(request, url=url) for request in made if request is not None]


def _event(number: int) -> dict[str, Any]:
    address = {"street": f"{number} Analytical Row, Apartment {number % 40}", "city": "Springfield", "state": "IL"}
    traits = {
        "template_id": "T-2026-11",
        "firstName": "Augusta Ada",
        "lastName": f"King-Noel {number}",
        "email": f"ada.king-noel.{number}@example.com",
        "phone": "+1 217 555 0143",
        "company": "Analytical Engines and Sons",
        "address": {**address, "postalCode": "62704", "country": "US"},
        "plan": "premium",
        "loyalty_tier": "gold",
        "orders_total": number * 17,
        "favourite_shop": "Springfield, Main Street",
    }
    return {"type": "identify", "messageId": f"m-{number}", "userId": f"u-{number}", "traits": traits}


# ------------------------------------------------------------------------------------------------- the three ways


@asynccontextmanager
async def _ours(workers: int) -> AsyncIterator[list[Post]]:
    """One transport for all: nobody has to know what lies below."""
    async with Http(SETTINGS) as transport:

        async def post(request: Request) -> bool:
            return (await asend(request, transport)).ending == "delivered"

        yield [post] * workers


def _posting(client: httpx.AsyncClient) -> Post:
    async def post(request: Request) -> bool:
        # The bytes were made before the clock started: see ``_ready``.
        answer = await client.post(request.url, content=request.content, headers=dict(request.headers))
        return answer.is_success

    return post


@asynccontextmanager
async def _bare(workers: int) -> AsyncIterator[list[Post]]:
    """One client for each worker. Making one reads certificates: all share what was read."""
    trust = httpx.create_ssl_context()
    clients = [httpx.AsyncClient(verify=trust) for _ in range(workers)]
    yield [_posting(client) for client in clients]
    for client in clients:
        await client.aclose()


@asynccontextmanager
async def _shared(workers: int) -> AsyncIterator[list[Post]]:
    """One client for all."""
    async with httpx.AsyncClient() as client:
        yield [_posting(client)] * workers


WAYS = {"ours": _ours, "bare": _bare, "shared": _shared}


def _ready(requests: list[Request], way: str) -> list[Request]:
    """What a way is given. Whoever posts bare gets bytes with the key in them; ours puts it in while we watch."""
    if way == "ours":
        return requests
    whole = [(request, request.with_secrets(SETTINGS)) for request in requests]
    return [
        replace(request, url=prepared.url, headers=prepared.headers, content=prepared.content)
        for request, prepared in whole
    ]


# -------------------------------------------------------------------------------------------------- the measurement


async def _cost(way: str, workers: int, requests: list[Request]) -> float:
    """CPU seconds of this process for one request, connections open and warm."""
    async with WAYS[way](workers) as posts:
        await _work(posts, requests[:workers] * 2)
        gc.collect()
        before = time.process_time()
        await _work(posts, requests)
        return (time.process_time() - before) / len(requests)


async def _work(posts: list[Post], requests: list[Request]) -> None:
    """Send all, each worker its share, one after the other."""
    shares = [requests[start :: len(posts)] for start in range(len(posts))]

    async def worker(post: Post, share: list[Request]) -> None:
        for request in share:
            assert await post(request), "the server takes everything: a request that is not delivered is a mistake"

    await asyncio.gather(*(worker(post, share) for post, share in zip(posts, shares, strict=True)))


def measured(size: Size) -> dict[str, dict[int, float]]:
    """Microseconds of CPU for one request, by way and by how many are in flight: medians over the rounds."""
    taken: dict[tuple[str, int], list[float]] = {(way, flight): [] for way in WAYS for flight in IN_FLIGHT}
    with _server() as url:
        requests = _requests(url, size.requests)
        given = {way: _ready(requests, way)[: size.shared if way == "shared" else None] for way in WAYS}
        for turn in range(size.rounds):
            order = list(taken) if turn % 2 else list(reversed(taken))
            for way, flight in order:
                taken[way, flight].append(asyncio.run(_cost(way, flight, given[way])))
    medians = {key: statistics.median(seconds) * 1e6 for key, seconds in taken.items()}
    return {way: {flight: medians[way, flight] for flight in IN_FLIGHT} for way in WAYS}


def report(*, quick: bool = False) -> dict[str, Any]:
    """The figures and the ratios, kept in the file of the benchmark too."""
    costs = measured(QUICK if quick else WHOLE)
    figures = {
        "microseconds_per_request": {
            way: {str(n): round(cost) for n, cost in row.items()} for way, row in costs.items()
        },
        "sender_vs_bare_client": costs["bare"][FULL] / costs["ours"][FULL],
        "ours_at_64_vs_at_1": costs["ours"][FULL] / costs["ours"][1],
        "shared_client_vs_ours": costs["shared"][FULL] / costs["ours"][FULL],
    }
    driver.keep("sender", figures)
    return figures


def ratios(quick: bool = False) -> dict[str, float]:  # noqa: FBT001, FBT002 - the parts of the benchmark share this shape
    """``sender_vs_bare_client``: the rate of ours over that of the bare clients, for each second of CPU, at 64."""
    return {"sender_vs_bare_client": report(quick=quick)["sender_vs_bare_client"]}


def main() -> None:
    """Serve, or measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--serve", action="store_true", help="be the server, on a free port that is printed")
    parser.add_argument("--quick", action="store_true", help="a few seconds, for a look")
    options = parser.parse_args()
    if options.serve:
        asyncio.run(_serve())
        return
    figures = report(quick=options.quick)
    print("CPU microseconds of the client for one request")
    print(f"{'in flight':>10}" + "".join(f"{n:>8}" for n in IN_FLIGHT))
    for way, row in figures.pop("microseconds_per_request").items():
        print(f"{way:>10}" + "".join(f"{cost:>8}" for cost in row.values()))
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
