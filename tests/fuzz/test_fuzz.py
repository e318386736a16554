"""The laws on ten thousand cases each, from a seed that is printed: ``make fuzz``, and ``make fuzz SEED=...`` again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grammar
import laws
import mistakes
import pytest
import strategies
import test_accounts
import test_expressions_compiled
from hunt import hunt
from hypothesis import strategies as st
from strategies import Case

from mapper import expressions
from mapper.expressions import lazily

pytestmark = [pytest.mark.fuzz, pytest.mark.filterwarnings("ignore:Generating overly large repr")]

ROOT = Path(__file__).resolve().parent.parent.parent
TEXTS = tuple(path.read_text("utf-8") for path in sorted((ROOT / "mappings").glob("*.yaml")))
EVENTS = 10_000
#: A mapping is dearer to make than an event: so many events share one.
SHARING = 4


@pytest.fixture(scope="module", autouse=True)
def _as_usual() -> Iterator[None]:
    """Expressions are compiled as they usually are, whatever ``MAPPER_COMPILED`` says: it is what is tested here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lazily, "MODE", "auto")
        yield


def test_events() -> None:
    """Laws 1, 2 and 5, and the requests: each leaf once, each end true, nothing touched, nothing unread decides."""

    def check(cases: list[Case]) -> Counter[str]:
        seen: Counter[str] = Counter()
        for case in cases:
            result = laws.check_pure(case)
            seen["leaves"] += laws.check_conservation(case, result)
            laws.check_status(case, result)
            laws.check_request(case, result)
            seen["exchanged"] += laws.check_unmapped(case, result)
            seen.update([result.status, *(account.end for account in result.accounts)])
        seen["unread"] += laws.check_unread_traits(cases[0], laws.transform(cases[0]))
        return seen

    seen = hunt("events through mappings", EVENTS // SHARING, check, strategies.batches(size=SHARING))
    assert seen["cases"] * SHARING >= EVENTS
    assert seen["mapped"] > EVENTS // 10


def test_anything_as_an_event() -> None:
    """Laws 2 and 3: whatever arrives has a result, the same as a value, as text and as bytes."""

    def check(cases: list[Case]) -> list[str]:
        results = [laws.check_pure(case) for case in cases]
        for case, result in zip(cases, results, strict=True):
            laws.check_status(case, result)
            laws.check_faces(case)
        return [result.status for result in results]

    seen = hunt("anything as events", EVENTS // SHARING, check, strategies.batches(strategies.any_events, SHARING))
    assert seen["cases"] * SHARING >= EVENTS


def test_canaries() -> None:
    """No text made for people holds a trait's value or the secret."""

    def check(cases: list[Case]) -> str:
        for case in cases:
            laws.check_silence(case)
        return "silent"

    hunt("canaries", 1_000, check, strategies.batches(size=SHARING))


def test_accounts_of_mere_paths() -> None:
    """Every account as a second writing of the rules has it."""

    def check(case: Any) -> list[str]:
        fields, traits, custom = case
        result = test_accounts.transformed(fields, traits, custom)
        found = [(a.path, a.end, frozenset(a.to)) for a in result.accounts]
        assert found == test_accounts.Plain(fields, traits, custom).rows(), case
        return [account.end for account in result.accounts]

    hunt("accounts of mere paths", 3_000, check, test_accounts.plain_cases())


def test_expressions() -> None:
    """Law 4: the value of the jmespath package, with every kind of node and every function among them."""

    def check(text: str, document: Any) -> list[str]:
        end = laws.check_search(text, document)
        nodes = list(laws.nodes(expressions.compile(text).tree))
        called = [f"{node['value']}()" for node in nodes if node["type"] == "function_expression"]
        return [end, *{node["type"] for node in nodes}, *(name for name in set(called) if end == "value")]

    seen = hunt("expression and document pairs", 10_000, check, grammar.expressions(), grammar.objects)
    assert set(seen) >= grammar.NODE_KINDS
    assert {f"{name}()" for name in grammar.STANDARD} <= set(seen)
    assert seen["value"] > 3_000


def test_compiled_expressions() -> None:
    """Law 4 for compiled expressions: 100,000 pairs, several of each expression and of each document."""

    def check(texts: list[str], documents: list[Any]) -> Counter[str]:
        return sum((test_expressions_compiled.check_package(text, documents) for text in texts), Counter())

    texts = st.lists(grammar.expressions(), min_size=4, max_size=4)
    seen = hunt("compiled expressions", 5_000, check, texts, st.lists(grammar.objects, min_size=5, max_size=5))
    assert seen["pairs"] >= 100_000
    assert seen["value, sure"] > (seen["value, unsure"] + seen["value, not compiled"]) * 50


def test_compiled_expressions_on_vast_documents() -> None:
    """On lists and texts around every limit, with our functions too: never a value beyond the budget."""

    def check(text: str, document: Any) -> str:
        test_expressions_compiled.check_build(text, document)
        return test_expressions_compiled.check_sure(text, document)

    vast = test_expressions_compiled.vast()
    seen = hunt("compiled expressions on vast documents", 5_000, check, grammar.expressions(own=True), vast)
    assert min(seen["value"], seen["unsure"]) > 200


def test_broken_expressions() -> None:
    """Law 4: what the package cannot compile we cannot either, and an offset lies in its text."""

    def check(text: str, place: int, character: str, replace: bool) -> str:  # noqa: FBT001
        at = min(place, len(text))
        return laws.check_compile(text[:at] + character + text[at + replace :])

    characters = st.sampled_from("()[]{}&|!.,?*@'\"`:= x0-+\\\n\t\u201c\u00e9\u00a0\x00")
    hunt(
        "broken expressions",
        10_000,
        check,
        grammar.expressions(2, own=True),
        st.integers(0, 60),
        characters,
        st.booleans(),
    )


def test_traces() -> None:
    """What flowed is real and was known; what did not flow, was not tested or not read decides nothing."""

    def check(text: str, document: Any) -> Counter[str]:
        traced = laws.check_trace(text, document)
        exchanged, unread = laws.check_flow(text, document), laws.check_unread(text, document)
        return Counter({"traced": int(traced), "exchanged": exchanged, "unread": unread})

    seen = hunt("traces", 10_000, check, grammar.expressions(own=True), grammar.objects)
    assert seen["traced"] > 8_000


def test_files() -> None:
    """Law 6: a file with mistakes loads or is refused with problems that stand in it."""

    def check(text: str) -> str:
        return "refused" if laws.check_file(text) is None else "loaded"

    seen = hunt("mutated mappings", 10_000, check, mistakes.mutated(TEXTS))
    assert min(seen["refused"], seen["loaded"]) > 500


def test_identities() -> None:
    """Law 9: any order, any grouping, any repetition."""

    def check(calls: Any, order: list[int]) -> Counter[str]:
        laws.check_merge(calls, order)
        return Counter({"calls": len(calls)})

    hunt("histories", 5_000, check, strategies.histories(), st.lists(st.integers(0, 5), max_size=6))


def test_json() -> None:
    """The fast reading has the strict one's verdict on every text."""

    def check(value: Any, place: int, piece: str, cut: int) -> str:
        whole = json.dumps(value, ensure_ascii=False)
        at = min(place, len(whole))
        return laws.check_codec(whole[:at] + piece + whole[at + cut :])

    pieces = st.sampled_from(
        ('"', "\\", '":', '\\"', "\\u0022", "\\ud800", ",", "{", "}", "[", "]", " ", "1", "e5", '"a":1,', "")
    )
    hunt("JSON texts", 10_000, check, strategies.json_values, st.integers(0, 60), pieces, st.integers(0, 2))
