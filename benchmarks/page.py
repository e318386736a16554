"""Writes the figures of docs/performance.md anew from out/bench.json, between the page's two marks.

    python benchmarks/page.py

Knows what the parts of the benchmark keep in that file, and the page's marks. Must not measure anything. What has not
been measured is not on the page.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- figures: make bench writes these lines -->", "<!-- end of figures -->"

#: The ratios, in the order of the page: what each is, and the goal that was set before anything was built.
RATIOS = (
    ("transform_vs_floor", "`transform`, file to file, against a loop of `orjson.dumps(orjson.loads(line))`", "≥ 0.55"),
    ("transform_vs_plain", "in memory, against jmespath and Cerberus used with care", "≥ 15"),
    ("transform_vs_naive", "in memory, against the same used as their pages show", "≥ 50"),
    ("vs_segment_actions_core", "against Segment's own `@segment/actions-core`", "≥ 8"),
    ("vs_rudderstack", "against the faster of RudderStack's two engines, with ajv", "≥ 2"),
    ("vs_node_by_hand", "against a mapping written by hand in JavaScript, with ajv", "≥ 1.2"),
    ("vs_pydantic", "against pydantic's `AliasChoices` and `AliasPath`", "≥ 0.8"),
    ("invalid_vs_valid", "invalid events, their problems written, against valid ones", "≥ 0.5"),
    ("jobs2_vs_floor2", "what a second process gives us, against what it gives the floor", "≥ 0.85"),
    ("peak_memory_1M_vs_1k", "peak memory of `transform`, 10^6 lines against 10^3", "≤ 1.10"),
    ("preview_vs_empty_typer_app", "a whole `mapper preview` against an empty Typer app, wall time", "≤ 2.0"),
    ("growth_fields", "exponent of time against the number of fields", "≤ 1.1"),
    ("growth_traits", "exponent of time against the number of custom traits", "≤ 1.1"),
    ("growth_events", "exponent of time against the number of events", "≤ 1.1"),
    ("sender_vs_bare_client", "our sender against one bare httpx client per worker, 64 in flight", "≥ 0.9"),
    ("worker_vs_bare_client", "a whole delivery, SQLite ledger and all, against the same bare clients", "≥ 0.9"),
    ("sqlite_accept_100", "SQLite, accepting batches of 100, against raw inserts of 100 rows a commit", "≥ 0.08"),
    ("sqlite_accept_100_mapped", "the same, and the events read and mapped", ""),
    ("sqlite_group_commit", "SQLite, single events by 32 threads, against raw commits of one row", "≥ 0.30"),
    ("sqlite_drain", "SQLite, claim, start and finish in batches of 100, against the same inserts", "≥ 0.10"),
    ("sqlite_drain_worker", "the same by the worker, 64 under way", ""),
    ("standing_sqlite", "SQLite, draining with 10^6 jobs standing, against 2·10^4", "≥ 0.8"),
    ("standing_sqlite_shuffled", "the same, of people who were known before, in another order", ""),
    ("postgres_accept_100", "PostgreSQL, accepting batches of 100, against 100 INSERTs a commit", "≥ 0.40"),
    ("postgres_accept_100_pipelined", "the same against `executemany`, which psycopg pipelines", ""),
    ("postgres_accept_100_mapped", "PostgreSQL, the same as the first, and the events read and mapped", ""),
    ("postgres_drain", "PostgreSQL, claim, start and finish in batches of 100, against single INSERT commits", "≥ 0.5"),
    ("postgres_drain_worker", "the same by the worker, 64 under way", ""),
    ("standing_postgres", "PostgreSQL, draining with 10^6 jobs standing, against 2·10^4", "≥ 0.8"),
    ("accept_to_send_p99_ms", "idle queue, accept until handed to the transport, p99 in ms", "< 50"),
    ("accept_to_send_elsewhere_p99_ms", "the same with the worker in another process", "< 50"),
)
#: The tables of delivery, and their titles.
DELIVERY = (
    ("sqlite", "The ledger on SQLite"),
    ("postgres", "The ledger on PostgreSQL, server on the same two cores"),
    ("standing_sqlite", "Draining where many stand, SQLite"),
    ("standing_sqlite_shuffled", "The same, of people who were known before, in another order"),
    ("standing_postgres", "Draining where many stand, PostgreSQL"),
    ("client", "Sending to a server on this machine, 64 under way"),
)
_NAMES = {
    "floor": "the floor: `orjson.loads` and `orjson.dumps`, nothing between",
    "ours": "**mapper**",
    "by_pydantic": "pydantic, with a loop for the custom fields",
    "plain": "jmespath and Cerberus, prepared once, `normalize=False`",
    "plain_by_hand": "the same, texts by hand instead of by expression",
    "naive": "jmespath and Cerberus as their pages show",
}


def main() -> None:
    """Put the figures between the marks."""
    kept = json.loads((ROOT / "out" / "bench.json").read_text(encoding="utf-8"))
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text("\n".join([before + BEGIN, "", *figures(kept), "", END]) + after, encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")


def figures(kept: dict[str, Any]) -> Iterator[str]:
    """The lines between the marks."""
    machine = kept.get("machine", {})
    yield ", ".join(f"{name} {value}" for name, value in machine.items()) + "."
    yield ""
    yield "| ratio | | goal | measured |"
    yield "|---|---|---|---|"
    ratios = kept.get("ratios", {}) | kept.get("delivery", {}).get("ratios", {})
    for name, what, goal in RATIOS:
        value = ratios.get(name)
        shown = f"{value:.2f}" if isinstance(value, int | float) else f"not measured: {value or 'no figure'}"
        yield f"| `{name}` | {what} | {goal} | {shown} |"
    for key, title in (("in_memory", "In memory, Python"), ("peers", "The same events in Node")):
        if key in kept:
            yield from _engines(title, kept[key]["engines"])
    for key, title in DELIVERY:
        if key in kept.get("delivery", {}):
            yield from _ways(title, kept["delivery"][key])


def _engines(title: str, engines: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield f"{title}, microseconds of CPU time an event, the fastest first:"
    yield ""
    yield "| | an event | rate, mapper = 1 |"
    yield "|---|---|---|"
    ours = engines.get("ours", {}).get("x", 1.0)
    for name, row in sorted(engines.items(), key=lambda pair: float(pair[1]["microseconds"])):
        shown = _NAMES.get(name, f"`{name}`")
        yield f"| {shown} | {row['microseconds']:.1f} | {row['x'] / ours:.2f} |"


def _ways(title: str, ways: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield f"{title}, by the wall clock, and the CPU time of our process alone:"
    yield ""
    yield "| | a second | µs of CPU each |"
    yield "|---|---|---|"
    for name, row in ways.items():
        yield f"| {name} | {row['per_second']:,.0f} | {row['cpu_microseconds']:.1f} |"


if __name__ == "__main__":
    main()
