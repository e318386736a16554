"""One hunt for counter-examples: a check, what it is given, how often, and from which seed.

Knows how a hunt is drawn, counted and told. Must not know what is hunted.
"""

from __future__ import annotations

import os
import secrets
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

#: ``make fuzz SEED=...`` sets it; a run without one draws its own, and each hunt prints it.
SEED = int(os.environ.get("FUZZ_SEED") or secrets.randbelow(2**32))


def hunt(
    name: str,
    count: int,
    check: Callable[..., Any],
    *drawn: st.SearchStrategy[Any],
    seed: int = SEED,
    shrink: bool = True,
) -> Counter[str]:
    """Run a check on so many cases; print the count, the seed and what the check returned; fail with a small case.

    A check returns what came of a case: a word, a list of words, or a Counter.
    """
    seen: Counter[str] = Counter()
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)

    @hypothesis.seed(seed)
    @settings(
        max_examples=count,
        phases=phases,
        database=None,
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.tuples(*drawn))
    def run(case: tuple[Any, ...]) -> None:
        came = check(*case)
        seen["cases"] += 1
        seen.update([came] if isinstance(came, str) else came)

    start = time.perf_counter()
    run()
    words = ", ".join(f"{word} {number:,}" for word, number in sorted(seen.items()) if word != "cases")
    took = time.perf_counter() - start
    print(f"\n{name}: {seen['cases']:,} cases in {took:.0f} s, seed {seed}: {words}", flush=True)  # noqa: T201 - it is asked for
    return seen
