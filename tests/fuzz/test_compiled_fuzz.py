"""Compiled plans against the whole story: 100,000 pairs in ``make fuzz``, and planted faults that the law must find."""

# ruff: noqa: SLF001 - faults are planted where nobody else may reach

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import hunt
import laws
import plans
import pytest
import test_compiled
from hypothesis import strategies as st
from hypothesis.errors import Flaky

from mapper import codec, compiled, pipeline
from mapper.compiled import leftovers, runtime, search, writer
from mapper.compiled.leftovers import Leftovers
from mapper.compiled.search import Search
from mapper.compiled.writer import _Writer
from mapper.rules import EMPTY

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

#: So many events share a mapping, which is dear to load; its function remembers names from one to the next.
SHARING = 16
PAIRS = 100_000
_SEEDS = st.integers(0, 2**62)


def check(number: int) -> Counter[str]:
    """One mapping and its events; the number is the seed of all."""
    random = Random(number)  # noqa: S311 - it has to be repeatable
    both = test_compiled.mappers(plans.mapping(random))
    if both is None:
        return Counter({"mappings refused": 1})
    return test_compiled.drawn(random, both, SHARING)


@pytest.mark.fuzz
def test_compiled_plans() -> None:
    """What the function says is what the whole story says, on 100,000 pairs of which it answers a third."""
    seen = hunt.hunt("mappings and events", PAIRS * 11 // SHARING // 10, check, _SEEDS)
    pairs = seen.total() - seen["cases"] - seen["mappings refused"]
    assert pairs >= PAIRS, seen
    assert pairs - seen[laws.TOLD] > PAIRS // 3, seen
    assert min(seen[status] for status in ("ready", "invalid", "skipped")) > PAIRS // 100, seen


@pytest.mark.fuzz
@pytest.mark.parametrize("name", test_compiled.SHIPPED)
def test_shipped_mappings(name: str) -> None:
    """How many of the example calls the function of each shipped mapping answers."""
    mapper = pipeline.load(name, environ=test_compiled.ENVIRONMENT)
    share, seen = test_compiled.answered(laws.both(name, mapper), test_compiled.examples())
    print(f"\n{name}: {share:.0%} of {seen.total()} example calls are answered by the function: {dict(seen)}")  # noqa: T201 - it is asked for


@pytest.mark.fuzz
def test_mishaps() -> None:
    """The example calls with something wrong with each, through the shipped mappings and that of the benchmark."""
    shipped = [pipeline.load(name, environ=test_compiled.ENVIRONMENT) for name in test_compiled.SHIPPED]
    every = [laws.both(mapper.file, mapper) for mapper in (*shipped, test_compiled.benchmark_mapper())]
    calls = [codec.decode(line) for line in (*test_compiled.examples(), *test_compiled.corpus.events(400, 5))]
    lucky = [call for call in calls if isinstance(call, dict)]

    def check_mishap(number: int) -> Counter[str]:
        random = Random(number)  # noqa: S311 - it has to be repeatable
        call, person = plans.mishap(random, random.choice(lucky)), plans.person(random)
        text = plans.text(random, call)
        return Counter(laws.check_compiled(both, text, person) for both in every)

    seen = hunt.hunt("mishaps", 4_000, check_mishap, _SEEDS)
    assert seen[laws.TOLD] < (seen.total() - seen["cases"]) // 2, seen


@pytest.mark.fuzz
def test_the_benchmark() -> None:
    """How many of the benchmark's events its function answers: at least 80 %."""
    share, seen = test_compiled.benchmark(20_000, hunt.SEED)
    print(f"\nbenchmark: {share:.1%} of {seen.total():,} events are answered by the function: {dict(seen)}")  # noqa: T201 - it is asked for
    assert share > 0.8


# -------------------------------------------------------------------------------------------------- planted faults

Plant = Callable[[pytest.MonkeyPatch], None]
_find, _found = Search.find, search.Found


def the_winner_is_the_next_one(patch: pytest.MonkeyPatch) -> None:
    """The careful search says that the spelling after the winner won."""

    def find(self: Search, layers: Any, document: Any) -> Any:
        won = _find(self, layers, document)
        index = won.index + 1 if 0 <= won.index < len(self.candidates) - 1 else won.index
        return _found(index, won.value, won.age, won.cleared, won.unfit)

    patch.setattr(Search, "find", find)


def the_last_spelling_wins(patch: pytest.MonkeyPatch) -> None:
    """Of the spellings that are looked up in line, the last one there wins."""
    real = writer._chain
    patch.setattr(writer, "_chain", lambda one: real(one)[::-1])


def the_oldest_call_wins(patch: pytest.MonkeyPatch) -> None:
    """The careful search begins with the oldest call."""

    def find(self: Search, layers: Any, document: Any) -> Any:
        return _find(self, search.Layers(layers.tree, layers.stamps[::-1], layers.ages), document)

    patch.setattr(Search, "find", find)


def null_says_nothing(patch: pytest.MonkeyPatch) -> None:
    """A null is as if the trait were not there."""
    real = search.at

    def at(roots: Any, path: Any) -> Any:
        value = real(roots, path)
        return search.ABSENT if value is None else value

    patch.setattr(search, "at", at)


def orders_are_remembered(patch: pytest.MonkeyPatch) -> None:
    """``identity.never`` is not asked where the context is laid under the call."""
    real = compiled.Compiled.__init__
    patch.setattr(
        compiled.Compiled,
        "__init__",
        lambda self, plan, mode="auto": real(self, replace(plan, never=frozenset()), mode),
    )


def every_text_is_plain(patch: pytest.MonkeyPatch) -> None:
    """What is escaped in an event's text is taken to be printable."""
    real = compiled.Compiled.run
    patch.setattr(
        compiled.Compiled,
        "run",
        lambda self, event, settings, person=None, plain=True: real(self, event, settings, person, plain or True),
    )


def _as_if(patch: pytest.MonkeyPatch, change: Callable[[Any], Any]) -> None:
    """The function is written for another plan."""
    real = _Writer.__init__
    patch.setattr(_Writer, "__init__", lambda self, plan, layers: real(self, change(plan), layers))


def _fields_as_if(patch: pytest.MonkeyPatch, **parts: Any) -> None:
    _as_if(patch, lambda plan: replace(plan, fields=tuple(replace(one, **parts) for one in plan.fields)))


def anchors_are_ignored(patch: pytest.MonkeyPatch) -> None:
    """What belongs together may come from several calls."""
    _fields_as_if(patch, anchor=None)


def conditions_are_ignored(patch: pytest.MonkeyPatch) -> None:
    """A field is filled whatever its ``when`` says."""
    _fields_as_if(patch, when=None)


def defaults_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A field without a value stays empty."""
    _fields_as_if(patch, default=None)


def nothing_is_cleaned(patch: pytest.MonkeyPatch) -> None:
    """A value is sent as it came."""
    _fields_as_if(patch, clean=None)


def advice_is_not_asked(patch: pytest.MonkeyPatch) -> None:
    """``warn`` is passed over."""
    _fields_as_if(patch, warn=EMPTY)


def nothing_is_skipped(patch: pytest.MonkeyPatch) -> None:
    """``skip`` is passed over."""
    _as_if(patch, lambda plan: replace(plan, skip=()))


def nothing_is_required(patch: pytest.MonkeyPatch) -> None:
    """``require`` is passed over."""
    _as_if(patch, lambda plan: replace(plan, require=()))


def rules_are_not_asked(patch: pytest.MonkeyPatch) -> None:
    """No value breaks a rule."""
    patch.setattr(_Writer, "_broken", lambda *_: "False")


def lengths_are_taken_for_all_rules(patch: pytest.MonkeyPatch) -> None:
    """A text that is short enough keeps its other rules as well."""
    real = _Writer._broken

    def broken(self: Any, name: str, rules: Any, v: str, kind: str) -> str:
        said = real(self, name, rules, v, kind)
        return (
            f"len({v}) > {rules.limits['maxlength']} and {said}"
            if kind == "text" and "maxlength" in rules.limits
            else said
        )

    patch.setattr(_Writer, "_broken", broken)


def notes_are_dropped(patch: pytest.MonkeyPatch) -> None:
    """What a function noted of ``clean`` is forgotten."""

    def call(self: Any, name: str, located: Any) -> str:
        self.text.name(name, search.evaluation(located.expression))
        return f"{name}(document, [])"

    patch.setattr(_Writer, "_call", call)


def notes_of_spellings_are_dropped(patch: pytest.MonkeyPatch) -> None:
    """What a function noted of a spelling is forgotten."""
    patch.setattr(search, "_evaluated", lambda evaluate, document: evaluate(document, []))


def _with_name(patch: pytest.MonkeyPatch, name: str, value: Any) -> None:
    patch.setitem(runtime.NAMES, name, value)


def accents_are_not_composed(patch: pytest.MonkeyPatch) -> None:
    """A text is sent as it was typed."""
    real = runtime.quick_text
    _with_name(patch, "quick_text", lambda value: value.strip() if isinstance(value, str) else real(value))


def vast_numbers_are_texts(patch: pytest.MonkeyPatch) -> None:
    """A float is written as Python writes it."""
    _with_name(
        patch, "quick_text", lambda value: str(value) if isinstance(value, int | float) else runtime.quick_text(value)
    )


def anything_can_be_printed(patch: pytest.MonkeyPatch) -> None:
    """A line break needs no warning."""
    patch.setattr(runtime, "check_printable", lambda _value: None)


def types_are_not_asked(patch: pytest.MonkeyPatch) -> None:
    """A number is sent as the text that its sender made of it."""
    real = runtime.fitted
    _with_name(
        patch, "fitted", lambda value, kind: value if isinstance(value, str) and kind != "text" else real(value, kind)
    )


def _custom_as_if(patch: pytest.MonkeyPatch, **parts: Any) -> None:
    """What is left over is sent by other rules."""
    real = Leftovers.__init__

    def init(self: Any, plan: Any) -> None:
        real(self, replace(plan, custom_fields=replace(plan.custom_fields, **parts)))

    patch.setattr(Leftovers, "__init__", init)


def names_of_fields_are_free(patch: pytest.MonkeyPatch) -> None:
    """A custom field takes any name."""
    _custom_as_if(patch, reserved={})


def blanks_are_sent(patch: pytest.MonkeyPatch) -> None:
    """Blank texts become custom fields."""
    _custom_as_if(patch, keep_empty=True)


def patterns_drop_nothing(patch: pytest.MonkeyPatch) -> None:
    """``drop`` is passed over."""
    _custom_as_if(patch, drop=())


def names_may_be_anything(patch: pytest.MonkeyPatch) -> None:
    """``name_rules`` are passed over."""
    _custom_as_if(patch, name_rules=EMPTY)


def values_may_be_anything(patch: pytest.MonkeyPatch) -> None:
    """The rules of custom fields are passed over."""
    _custom_as_if(patch, rules=EMPTY)


def shadowed_leaves_are_sent(patch: pytest.MonkeyPatch) -> None:
    """A spelling that lost is a custom field."""
    patch.setattr(leftovers._Event, "_lost", lambda *_: False)


def every_winner_casts_a_shadow(patch: pytest.MonkeyPatch) -> None:
    """A field that a setting filled shadows its traits."""
    patch.setattr(leftovers._Event, "_has_trait", lambda self, number: self.winners[number] is not None)


def what_flowed_is_sent_again(patch: pytest.MonkeyPatch) -> None:
    """What an expression took is a custom field as well."""
    patch.setattr(leftovers._Event, "_under", lambda *_: False)


def the_last_name_wins(patch: pytest.MonkeyPatch) -> None:
    """Two traits of one custom name: the second overwrites the first."""

    class Forgetful(dict[str, Any]):
        """A dict that has no name yet."""

        def __contains__(self, _name: object) -> bool:
            return False

    real = leftovers._Event.__init__

    def init(self: Any, *arguments: Any) -> None:
        real(self, *arguments)
        self.custom = Forgetful()

    patch.setattr(leftovers._Event, "__init__", init)


def problems_stand_as_they_came(patch: pytest.MonkeyPatch) -> None:
    """Problems are told in the order in which fields were filled."""
    patch.setattr(compiled, "_place", lambda _placed: 0)


FAULTS: tuple[Plant, ...] = (
    the_winner_is_the_next_one,
    the_last_spelling_wins,
    the_oldest_call_wins,
    null_says_nothing,
    orders_are_remembered,
    every_text_is_plain,
    anchors_are_ignored,
    conditions_are_ignored,
    defaults_are_forgotten,
    nothing_is_cleaned,
    advice_is_not_asked,
    nothing_is_skipped,
    nothing_is_required,
    rules_are_not_asked,
    lengths_are_taken_for_all_rules,
    notes_are_dropped,
    notes_of_spellings_are_dropped,
    accents_are_not_composed,
    vast_numbers_are_texts,
    anything_can_be_printed,
    types_are_not_asked,
    names_of_fields_are_free,
    blanks_are_sent,
    patterns_drop_nothing,
    names_may_be_anything,
    values_may_be_anything,
    shadowed_leaves_are_sent,
    every_winner_casts_a_shadow,
    what_flowed_is_sent_again,
    the_last_name_wins,
    problems_stand_as_they_came,
)
#: These take some hundreds of mappings to be met; the others are for every run.
_RARE: tuple[Plant, ...] = (every_winner_casts_a_shadow,)
#: Always the same cases: a fault that is found today is found tomorrow. And the first that fails will do.
_hunt = functools.partial(hunt.hunt, seed=20_240_501, shrink=False)


@pytest.mark.parametrize(
    "plant",
    [pytest.param(p, id=p.__name__, marks=[pytest.mark.fuzz] if p in _RARE else []) for p in FAULTS],
)
def test_a_planted_fault_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hunt fails while the fault is there."""
    with monkeypatch.context() as patch:
        plant(patch)
        with pytest.raises((AssertionError, Flaky)):
            _hunt("compiled plans with a fault", 3_000, check, _SEEDS)
