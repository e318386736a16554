"""Compiled plans: where a plan's function answers, the whole story is the same, to the byte."""

from __future__ import annotations

import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import grammar
import laws
import plans
import pytest
import strategies
from hypothesis import assume, given
from hypothesis import strategies as st

from mapper import codec, compiled, pipeline
from mapper.compiled import Compiled, names
from mapper.compiled.layers import ANY, ONE, TWO
from mapper.errors import MappingError
from mapper.identity import Identity, Stamp, Trait

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import corpus  # noqa: E402 - it stands beside the benchmark, which is no package

#: An example that fails is printed whole, however large it is.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

SHIPPED = tuple(path.stem for path in sorted((ROOT / "mappings").glob("*.yaml")))
#: Settings that the shipped mappings cannot do without.
ENVIRONMENT = {
    **dict.fromkeys(
        ("INKIT_API_KEY", "DRIP_API_TOKEN", "LOB_API_KEY", "LOB_FROM_ADDRESS", "LOB_FRONT", "LOB_BACK"), "x"
    ),
    "DRIP_ACCOUNT_ID": "1",
}


def mappers(mapping: Any) -> laws.Both | None:
    """A mapping with compiled functions and without; None where it does not load."""
    try:
        return laws.loaded_both(mapping, strategies.written(mapping), strategies.ENVIRONMENT)
    except MappingError:
        return None


def drawn(random: Random, both: laws.Both, count: int) -> Counter[str]:
    """So many events through one mapping: its function remembers names from one to the next."""
    seen: Counter[str] = Counter()
    for _ in range(count):
        event, person = plans.event(random), plans.person(random)
        seen[laws.check_compiled(both, plans.text(random, event), person)] += 1
    return seen


def simple(fields: Any, **parts: Any) -> laws.Both:
    """The smallest mapping with some fields."""
    base = {"mapping": 1, "destination": plans.DESTINATION, "settings": plans.SETTINGS, "fields": fields}
    both = mappers({**base, "send": {"url": "https://example.test/"}, **parts})
    assert both is not None, fields
    return both


def call(traits: Any, older: Any = None, **more: Any) -> bytes:
    """One Identify call as text; ``older`` are the traits of its context."""
    context = {"context": {"traits": older}} if older is not None else {}
    made = {"type": "identify", "userId": "u", "traits": traits, **context, **more}
    return json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode()


# ---------------------------------------------------------------------------------------------------------- the law


@laws.some(60)
@given(st.randoms(use_true_random=False))
def test_the_function_tells_the_whole_story(random: Random) -> None:
    """On random mappings and events near them: what the function says is what the whole story says."""
    both = mappers(plans.mapping(random))
    assume(both is not None)
    assert both is not None
    drawn(random, both, 3)


def test_the_same_from_known_seeds() -> None:
    """On 4,000 pairs, the same ones in every run; a third of these mean events the function answers."""
    seen: Counter[str] = Counter()
    for seed in range(280):
        random = Random(seed)  # noqa: S311 - it has to be repeatable
        both = mappers(plans.mapping(random))
        if both is not None:
            seen.update(drawn(random, both, 16))
    assert seen.total() > 4_000
    assert seen.total() - seen[laws.TOLD] > 1_200
    assert min(seen[status] for status in ("ready", "invalid", "skipped")) > 60, seen


GROUP = {"identity": {"as_one": [["f", "g"]]}}
REQUIRED = {"required": True}
#: Corners that random pairs seldom reach, each found by reading or by hunting: fields, other parts of the mapping, and
#: the traits of the call, of its context, and of what is known.
CORNERS: tuple[tuple[str, Any, Any, tuple[Any, ...]], ...] = (
    (
        "an empty object whose members fields name",
        {"f": "traits.home.city"},
        {"custom_fields": {"empty": "keep"}},
        ({"home": {}},),
    ),
    (
        "a lifted object where objects are dropped",
        {"f": "traits.a"},
        {"custom_fields": {"nested": "drop", "lift": ["home"]}},
        ({"home": {"x": 1}},),
    ),
    (
        "a call whose trait is absent takes none",
        {"f": ["us_state(options.o, traits.home.zip)", "traits.a"]},
        {},
        ({"home": {"city": "x"}, "a": "b"},),
    ),
    (
        "the same with a trait that is there",
        {"f": ["us_state(options.o, traits.home.zip)", "traits.a"]},
        {},
        ({"home": {"zip": "x"}, "a": "b"},),
    ),
    (
        "one name in any_of",
        {"f": "traits.a", "g": {"from": "traits.b", "rules": REQUIRED}},
        {"require": [{"any_of": ["f"]}]},
        ({},),
    ),
    (
        "a field named as any_of says its names",
        {"a, b": "traits.x", "a": "traits.a", "b": {"from": "traits.b", "rules": REQUIRED}},
        {"require": [{"any_of": ["a", "b"]}]},
        ({},),
    ),
    ("no fields", {}, {}, ({"a": "x", "b": None, "home": {"city": "y"}},)),
    (
        "an older part that says nothing",
        {"f": "traits.a", "g": "split_name(traits.name).last"},
        GROUP,
        ({"a": "x"}, {"name": "Cher"}),
    ),
    ("an older part that is unfit", {"f": "traits.a", "g": "traits.b"}, GROUP, ({"a": "x"}, {"b": [1]})),
    (
        "an older part that a call cleared",
        {"f": "traits.a", "g": {"from": "traits.b", "rules": REQUIRED}},
        GROUP,
        ({"a": "x"}, {"b": None}),
    ),
    (
        "a pattern inside an object that is dropped",
        {"f": "traits.a"},
        {"custom_fields": {"nested": "drop", "lists": "drop", "drop": ["**.b"]}},
        ({"d": {"b": "x", "c": "y"}, "list": [{"b": 1, "c": 2}]},),
    ),
    (
        "a note and a broken rule",
        {"f": {"from": "traits.zip", "clean": "us_zip(value, 'US', 'CA')", "rules": {"maxlength": 3}}},
        {},
        ({"zip": "2134"},),
    ),
    (
        "a note of a condition and what is unfit",
        {"f": {"from": "userId", "type": "object", "when": "us_zip(traits.zip, 'US', 'MA')"}},
        {},
        ({"zip": "2134"},),
    ),
    (
        "an anchor from a setting",
        {"f": ["traits.a", "settings.s"], "g": ["traits.b", "settings.t"]},
        GROUP,
        ({"c": "x"}, {"b": "y"}),
    ),
    (
        "an anchor from the envelope",
        {"f": ["traits.a", "userId"], "g": ["traits.b", "settings.t"]},
        GROUP,
        ({"c": "x"}, {"b": "y"}),
    ),
    ("null in the call, a text before it", {"f": ["traits.a", "traits.b"]}, {}, ({"a": None}, {"b": "old"})),
    ("blank in the call, a text after it", {"f": ["traits.a", "traits.b"]}, {}, ({"b": " "}, {"a": "old"})),
    ("null above", {"f": ["traits.home.city", "traits.b"]}, {}, ({"home": None}, {"b": "old"})),
    (
        "a null that only warns",
        {"f": {"from": ["traits.a", "traits.b"], "rules": REQUIRED}},
        {},
        ({"a": None}, {"b": "old"}),
    ),
    ("a decomposed text", {"f": "traits.a"}, {}, ({"a": "e\u0301", "b": "e\u0301"},)),
    ("white space of other scripts", {"f": "traits.a"}, {}, ({"a": "\u2003x\u00a0"},)),
    ("a name used twice", {"f": "traits.q"}, {}, ({"home": {"city": "x"}, "home_city": "y"},)),
    (
        "a changed name and one that is not",
        {"f": "traits.q"},
        {"custom_fields": {"names": "snake"}},
        ({"loyaltyTier": "x", "loyalty_tier": "y"},),
    ),
    (
        "a list and an object with one token",
        {"f": "traits.list[0]", "g": 'traits.list."0"'},
        {"custom_fields": {"lists": "flatten"}},
        ({"list": {"0": "x"}}, {"list": ["y"]}),
    ),
    (
        "a vast number",
        {"f": "traits.a", "g": {"type": "any", "from": "traits.b"}},
        {},
        ({"a": 10**19, "b": 10**30, "c": 2**63},),
    ),
    (
        "minus zero",
        {"f": "traits.a", "g": {"type": "number", "from": "traits.b"}},
        {},
        ({"a": -0.0, "b": -0.0, "c": -0.0},),
    ),
    ("true where a text is due, then a text", {"f": ["traits.a", "traits.b"]}, {}, ({"a": True, "b": "x"},)),
    (
        "an anchor that is left out has an age",
        {"f": {"from": "traits.a", "type": "whole", "clean": "value", "if_wrong": "drop"}, "g": "traits.b"},
        GROUP,
        ({"a": "x"}, {"b": "old"}),
    ),
    (
        "a list of blanks that nobody took, and its name is lifted",
        {"f": {"from": "first_filled(traits.a, traits.b)", "when": "!(traits.a)"}},
        {"custom_fields": {"lift": ["a"]}},
        ({"a": [" "]},),
    ),
    (
        "a wrong value of the trait without a name",
        {"f": {"from": ['traits.""', "traits.zip"], "values": {"M": ["a"]}}, "zip": "traits.q"},
        {},
        ({"": 1.5, "zip": "K"},),
    ),
)


@pytest.mark.parametrize(("fields", "parts", "layers"), [one[1:] for one in CORNERS], ids=[one[0] for one in CORNERS])
def test_corner(fields: Any, parts: Any, layers: tuple[Any, ...]) -> None:
    """Each corner with the traits in the call, in its context, and in what is known; written plainly and escaped."""
    both = simple(fields, **parts)
    newest, *older = layers
    stamps = (Stamp(2), Stamp(1))
    switches = {"integrations": {plans.DESTINATION: {"o": "x"}}}
    ways: list[tuple[bytes, Identity | None]] = [
        (call(newest, *older, **switches), None),
        (call({}, newest, **switches), None),
    ]
    ways += [(call({}, {**(older or [{}])[0], **newest}, **switches), None)]
    known = [
        (name, Trait(said, stamp)) for layer, stamp in zip(layers, stamps, strict=False) for name, said in layer.items()
    ]
    ways += [
        (call({}, **switches), Identity(dict(reversed(known)))),
        (call(newest, **switches), Identity(dict(known[len(newest) :]))),
    ]
    for text, person in ways:
        laws.check_compiled(both, text, person)
        laws.check_compiled(both, json.dumps(json.loads(text)).encode(), person)


# ------------------------------------------------------------------------------------------- how much is answered


def answered(both: laws.Both, texts: list[bytes]) -> tuple[float, Counter[str]]:
    """The share of events that the function answers, checked, and what came of them."""
    seen = Counter(laws.check_compiled(both, text) for text in texts)
    return 1 - seen[laws.TOLD] / seen.total(), seen


def benchmark(count: int, seed: int) -> tuple[float, Counter[str]]:
    """The same for so many events of the benchmark."""
    return answered(laws.both("benchmark", benchmark_mapper()), list(corpus.events(count, seed)))


def benchmark_mapper() -> pipeline.Mapper:
    """The mapping of the benchmark."""
    return pipeline.load(ROOT / "benchmarks" / "mapping.yaml", environ={})


def examples() -> list[bytes]:
    """The example calls that can be read."""
    lines = (ROOT / "examples" / "events.ndjson").read_bytes().splitlines()
    return [line for line in lines if line.strip() and is_json(line)]


def is_json(line: bytes) -> bool:
    """Whether a line can be read: the examples hold some that cannot."""
    try:
        codec.decode(line)
    except codec.NotJson:
        return False
    return True


def test_the_benchmark_is_answered() -> None:
    """Of the benchmark's events the function answers nearly all, and rightly."""
    share, seen = benchmark(1_000, 3)
    assert share > 0.8, seen
    assert min(seen["ready"], seen["invalid"]) > 50, seen


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_mappings(name: str) -> None:
    """On the example calls each shipped mapping's function says what the whole story says."""
    mapper = pipeline.load(name, environ=ENVIRONMENT)
    share, seen = answered(laws.both(name, mapper), examples())
    assert share > 0.4, (share, seen)


# ------------------------------------------------------------------------------------------------------ the function


def test_threads_share_a_function() -> None:
    """One plan in several threads from its first event on: each event has its own result."""
    both = simple({"f": ["traits.home.city", "traits.a"]}, custom_fields={"lists": "flatten"})
    texts = [
        call({"a": f"x{n}", f"n{n % 7}": [n, {"m": n}], "home": {"city": "c"} if n % 2 else n}) for n in range(200)
    ]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: both.quick.transform(text).fields, texts))
    assert found == [both.whole.transform(text).fields for text in texts]


def test_the_source_can_be_read() -> None:
    """The function's text names each field and its line."""
    both = simple({"f": "traits.a", "g\\.h": {"from": "traits.b", "rules": REQUIRED}})
    text = compiled.source(both.quick.plan)
    assert "# 'f', line " in text
    assert "get('a')" in text


@pytest.mark.parametrize("traits", [{"a": {"b": 1}, "a_b": 2}, {"a_b": 2, "a": {"b": 1}}, {"a_b": 2, "aB": 1}])
def test_a_name_that_two_traits_become(traits: Any) -> None:
    """In whatever order they come: the trait that is called so has it, and the other is told of, both ways."""
    both = simple({"f": "traits.f"}, custom_fields={"names": "snake"})
    for _ in range(2):  # the second time, names are remembered
        assert laws.check_compiled(both, call(traits), None)
    result = both.quick.transform(call(traits))
    assert result.custom_fields == {"a_b": 2}
    assert [(w.code, w.message.count("a_b"), w.message.count("trait")) for w in result.warnings] == [
        ("name_taken", 1, 2)
    ]


@pytest.mark.parametrize("option", ["nested", "lists"])
@pytest.mark.parametrize(
    "traits", [{"a": {"token": 1, "b": 2}}, {"a": [{"token": 1}, 2]}, {"a": {"b": [{"token": 1}]}}]
)
def test_what_is_dropped_whole_stays_dropped(option: str, traits: Any) -> None:
    """A pattern that matches in it lets none of the rest out, both ways."""
    both = simple({"f": "traits.f.g"}, custom_fields={option: "drop", "drop": ["**.token"]})
    assert laws.check_compiled(both, call(traits), None)
    holds_it = isinstance(traits["a"], dict) == (option == "nested")
    assert not (holds_it and both.quick.transform(call(traits)).custom_fields)


NAMES = st.text("ab_1.\\é", max_size=5) | st.sampled_from(("a__form", "_1", "1", "a.b_c", "b_c", "a" * 50, "a\nb"))


@given(st.lists(NAMES, unique=True, max_size=12))
def test_no_two_fields_share_a_name_in_the_text(fields: list[str]) -> None:
    """Whatever they are called; and what the writer puts behind a word makes no other word of it."""
    found = names.words(fields)
    behind = {f"{word}__{more}" for word in found for more in ("form", "words")}
    assert len({*found, *behind}) == 3 * len(fields)
    assert all(f"v_{word}".isidentifier() and word.isascii() and len(word) <= 40 for word in found)


HOSTILE = (
    "'",
    '"',
    "\n",
    "\\",
    "'''",
    '"""',
    "#",
    "{}",
    "\u2028",
    "') or wrong('",
    "\nwrong()\n",
    "é",
    "\x00",
    "None",
    "0",
)


@laws.some(60)
@given(st.lists(st.sampled_from(HOSTILE) | st.text(max_size=2), min_size=1, max_size=3).map("".join))
def test_names_never_become_code(name: str) -> None:
    """Whatever names of traits, fields and settings hold, they are names."""
    key = json.dumps(name)
    field = name.replace("\\", "\\\\").replace(".", "\\.")
    written = {"f": [f"traits.{key}", f"traits.home.{key}"], f"x{field}": f"traits.home.{key}"}
    skip = [{"when": f"traits.skip == {grammar.literal(name)}", "because": name or "x"}]
    parts = {"mapping": 1, "destination": name or "D", "fields": written, "skip": skip}
    both = mappers({**parts, "send": {"url": "https://example.test/"}})
    if both is not None:
        for traits in ({name: "a"}, {"home": {name: "b"}}, {name: "a", "home": {name: "b"}}, {"skip": name, name: "c"}):
            laws.check_compiled(both, call(traits))


def test_modes() -> None:
    """In mode ``off`` no function answers, in mode ``on`` each event's, else those after some events."""
    plan, decoded = simple({"f": "traits.a"}).quick.plan, codec.decode(call({"a": "x"}))

    def answers(mode: str) -> list[bool]:
        one = Compiled(plan, mode)
        return [one.run(decoded, {}, None, plain=True) is not None for _ in range(compiled.EVENTS + 2)]

    assert not any(answers("off"))
    assert all(answers("on"))
    assert answers("auto") == [False] * compiled.EVENTS + [True, True]


def test_a_fault_in_the_short_cut_costs_no_card() -> None:
    """A fault of ours in the function is raised where tests run it; else the whole story is told."""
    plan, decoded = simple({"f": "traits.a"}).quick.plan, codec.decode(call({"a": "x"}))

    def broken(*_: Any) -> Any:
        raise KeyError

    for mode in ("on", "auto"):
        one = Compiled(plan, mode)
        one._seen, one._made = compiled.EVENTS, dict.fromkeys((ANY, ONE, TWO), broken)  # noqa: SLF001 - it is planted
        if mode == "on":
            with pytest.raises(KeyError):
                one.run(decoded, {}, None, plain=True)
        else:
            assert one.run(decoded, {}, None, plain=True) is None


@pytest.mark.parametrize("mode", ["on", "off"])
def test_a_budget_that_is_spent_is_told(mode: str) -> None:
    """197 characters that would run for seconds end as a warning of the field, under its own code."""
    doubling = "traits.a | " + " | ".join(["[@, @]"] * 24)
    mapper = simple({"f": {"type": "any", "from": doubling}})
    result = (mapper.quick if mode == "on" else mapper.whole).transform(call({"a": 1}))
    assert [(problem.code, problem.field) for problem in result.warnings] == [("over_budget", "f")]
    assert result.custom_fields == {"a": 1}


@pytest.mark.parametrize("mode", ["on", "off"])
def test_what_is_changed_in_a_result_is_not_sent(mode: str) -> None:
    """Not even in an object inside, and not when the story is told afterwards."""
    mapper = simple({"f": "traits.a"}, custom_fields={"nested": "keep"})
    result = (mapper.quick if mode == "on" else mapper.whole).transform(call({"a": "x", "o": {"b": "right"}}))
    result.custom_fields["o"]["b"] = "wrong"
    assert [account.path for account in result.accounts] == [("a",), ("o",)]
    assert result.request is not None
    assert result.request is result.request
    assert result.request.content == result.content == b'{"f":"x","o":{"b":"right"}}'
