"""What a running sandbox received, compared with what was to arrive: it asks the sandbox, and nobody else.

    python examples/arrivals.py count URL                         how many requests it counted
    python examples/arrivals.py wait URL N                        wait until it counted so many
    python examples/arrivals.py settle URL results.ndjson FILE    of the jobs on standard input, as `mapper queue list
                                                                  --format json` writes them: how many its list has,
                                                                  and into FILE what to do about each
    python examples/arrivals.py prove URL expected.json           each ready order once, and nothing else; or exit 1

Knows the sandbox's list and the number that make_orders.py gives each order. Must not import the engine.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: Seconds that are waited for arrivals.
PATIENCE = 60.0


def listing(url: str) -> dict[str, Any]:
    """The sandbox's list."""
    with urllib.request.urlopen(f"{url}/received", timeout=10) as answer:  # noqa: S310 - an address of this machine
        found: dict[str, Any] = json.load(answer)
    return found


def numbers(value: Any) -> Iterator[str]:
    """The order numbers anywhere inside a body."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from [inner] if name == "order_number" else numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers(inner)


def arrived(url: str) -> Counter[str]:
    """How often each order arrived and was accepted."""
    return Counter(number for one in listing(url)["received"] if one["accepted"] for number in numbers(one["body"]))


def wait(url: str, count: int) -> int:
    """Wait until so many arrived; 1 where they do not come."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if listing(url)["counts"]["received"] >= count:
            return 0
        time.sleep(0.1)
    print(f"{count} requests did not arrive within {PATIENCE:.0f} seconds", file=sys.stderr)
    return 1


def settle(url: str, results: Path, jobs: list[int]) -> list[str]:
    """Say how many of these jobs the sandbox has; what to do about them, as options of `mapper queue resolve`."""
    lines = (json.loads(line) for line in results.read_text(encoding="utf-8").splitlines())
    order = {line["job"]: line["message_id"] for line in lines}
    found = arrived(url)
    has = [job for job in jobs if order[job] in found]
    has_not = [job for job in jobs if order[job] not in found]
    print(f"  {len(has):>6,}  in the sandbox's list: they were delivered")
    print(f"  {len(has_not):>6,}  not in it: they never arrived")
    both = (("--delivered", has), ("--again", has_not))
    return [" ".join([option, *(f"--job {job}" for job in these)]) for option, these in both if these]


def prove(url: str, expected: dict[str, str]) -> int:
    """Say whether each order that is ready arrived once, and no other; 1 where that is not so."""
    found, ready = arrived(url), {name for name, status in expected.items() if status == "ready"}
    faults = {
        "missing": sorted(ready - found.keys()),
        "more than once": sorted(name for name, times in found.items() if times > 1),
        "not to be sent": sorted(found.keys() - ready),
    }
    became = Counter(expected.values())
    told = ", ".join(f"{became[status]:,} {status}" for status in ("ready", "invalid", "skipped"))
    print(f"  {len(expected):>6,}  calls: {told}")
    print(f"  {listing(url)['counts']['received']:>6,}  requests that the sandbox counted")
    print(f"  {sum(name in ready and times == 1 for name, times in found.items()):>6,}  ready orders that arrived once")
    for words, names in faults.items():
        print(f"  {len(names):>6,}  {words}{': ' + ', '.join(names[:5]) if names else ''}")
    return int(any(faults.values()))


def main(arguments: list[str]) -> int:
    """Do what the first word says."""
    verb, url, *rest = arguments
    if verb == "count":
        print(listing(url)["counts"]["received"])
    elif verb == "wait":
        return wait(url, int(rest[0]))
    elif verb == "settle":
        options = settle(url, Path(rest[0]), [json.loads(line)["job"] for line in sys.stdin])
        Path(rest[1]).write_text("".join(f"{line}\n" for line in options), encoding="utf-8")
    else:
        return prove(url, json.loads(Path(rest[0]).read_text(encoding="utf-8")))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
