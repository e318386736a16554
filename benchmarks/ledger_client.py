"""The worker against bare clients: a whole delivery, ledger and all, beside a loop that posts the same bytes.

Knows the server of ``sender`` and the two loops. Must not know what the ratio should be.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
import sender
from ledger_rig import SETTINGS, Taken, Timed, events, outbox

import mapper
from mapper.request import Prepared
from mapper.transports.http import Http

#: Requests under way at once: a full set.
FULL = sender.FULL


@contextmanager
def accepting() -> Iterator[str]:
    """The address of a server in a process of its own that answers 202 to everything."""
    command = [sys.executable, sender.__file__, "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            yield f"http://127.0.0.1:{port}/orders"
        finally:
            process.kill()


def prepared(url: str, count: int) -> list[Prepared]:
    """The requests of so many events, with their secrets, to this address."""
    cards = mapper.load("inkit", environ={})
    made = [cards.transform(event).request for event in events(count)]
    return [replace(one, url=url).with_secrets(SETTINGS) for one in made if one is not None]


async def bare(url: str, count: int) -> Taken:
    """So many posts by one ``httpx.AsyncClient`` for each slot, and nothing else: the cheapest way to use httpx."""
    trust = httpx.create_ssl_context()  # reading certificates is dear: all share what was read
    clients = [httpx.AsyncClient(verify=trust) for _ in range(FULL)]

    async def post(client: httpx.AsyncClient, share: list[Prepared]) -> None:
        for one in share:
            answer = await client.post(one.url, content=one.content, headers=dict(one.headers))
            assert answer.is_success, "the server takes everything"

    async def all_of(requests: list[Prepared]) -> None:
        await asyncio.gather(*(post(client, requests[n::FULL]) for n, client in enumerate(clients)))

    await all_of(prepared(url, FULL))
    requests = prepared(url, count)
    with Timed(count) as timed:
        await all_of(requests)
    for client in clients:
        await client.aclose()
    return timed.taken


async def delivered(store: str, url: str, count: int) -> Taken:
    """So many deliveries from an SQLite store by the worker and ``Http``: claimed, started, sent, settled."""
    async with Http(SETTINGS) as transport, outbox(store, transport, url, FULL) as box:
        box.accept(events(FULL))
        await box.adrain(0)
        before = box.status().counts["delivered"]
        box.accept(events(count))
        with Timed(count) as timed:
            await box.adrain(0)
        assert box.status().counts["delivered"] == before + count, "the server takes everything"
        return timed.taken
