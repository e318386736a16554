"""One mapper, many threads: nothing of one event shows in another."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mapper import pipeline

ROOT = Path(__file__).resolve().parent.parent
THREADS, EVENTS = 8, 400
KNOWN = {"last_name": "Musk", "address": {"street": "1 Rocket Road", "city": "Hawthorne", "state": "California"}}


def event(number: int) -> dict[str, Any]:
    """An event that is good, bad or no order, and like no other."""
    traits: dict[str, Any] = {
        "template_id": f"T{number}",
        "name": f"Ada King{number}",
        "address": {
            "street": f"{number} Main St",
            "city": "Boston",
            "state": "MA",
            "postalCode": 2134,
            "country": "USA",
        },
        "tier": number,
        "tags": [number, {"deep": [str(number)] * (number % 7)}],
    }
    kind = number % 5
    if kind == 1:
        traits["address"]["street"] = "x" * (65 + number % 9)
    elif kind == 2:
        del traits["template_id"]
    elif kind == 3:
        traits["address"] = number
    return {"type": "identify", "userId": f"u{number}", "messageId": f"m{number}", "traits": traits}


def test_eight_threads_on_one_mapper() -> None:
    """Every result of every thread is the one that a single thread has: verdicts, fields, accounts, bytes."""
    mapper = pipeline.load(ROOT / "mappings" / "inkit.yaml", environ={})
    texts = [json.dumps(event(number)) for number in range(EVENTS)]
    alone = [mapper.transform(text, identity=KNOWN) for text in texts]
    assert len({result.status for result in alone}) == 3
    start = threading.Barrier(THREADS)

    def run(thread: int) -> list[int]:
        start.wait()
        order = [(number * 7 + thread * 53) % EVENTS for number in range(EVENTS)]
        return [number for number in order if mapper.transform(texts[number], identity=KNOWN) != alone[number]]

    with ThreadPoolExecutor(THREADS) as pool:
        wrong = [number for numbers in pool.map(run, range(THREADS)) for number in numbers]
    assert wrong == []


def test_threads_that_load() -> None:
    """Files with and without mistakes, compiled at the same time, do not mix their problems."""
    good = (ROOT / "mappings" / "inkit.yaml").read_text("utf-8")
    texts = [
        good,
        good.replace("traits.email", "trait.email"),
        good.replace("traits.phone", "traits.phone |"),
        good[:300],
    ]
    alone = [pipeline.inspect(text, environ={})[1] for text in texts]
    start = threading.Barrier(THREADS)

    def run(thread: int) -> bool:
        start.wait()
        return all(
            pipeline.inspect(texts[(thread + number) % 4], environ={})[1] == alone[(thread + number) % 4]
            for number in range(8)
        )

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(run, range(THREADS)))
    assert [bool(problems) for problems in alone] == [False, True, True, True]
