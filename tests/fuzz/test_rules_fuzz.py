"""Accept fast, explain slowly: for random rules, and values from their edges, both say what Cerberus says.

``make fuzz`` draws 100,000 pairs from a fresh seed; every run of the tests draws 2,000 from a known one, and shows
that faults planted in the quick paths are found.
"""

# ruff: noqa: SLF001 - faults are planted where nobody else may reach

from __future__ import annotations

import copy
import functools
import json
import math
import re
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import cerberus
import edges
import hunt
import pytest
from hypothesis import strategies as st
from hypothesis.errors import Flaky

from mapper import rules, source
from mapper.errors import Findings
from mapper.rules import Rules, accepting, judgement, predicates, wording
from mapper.rules.faults import Fault
from mapper.rules.validator import Validator, faults, prepared

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

#: So many values share a section of rules, which is dear to read.
SHARING = 16
PAIRS = 100_000
_SEEDS = st.integers(0, 2**62)
#: What the hunt must meet to be one: each rule, kept and broken, and each way to judge it.
_DUE = ("accepted", "broken", "remembered", "asked", "left to Cerberus", "as the package")


def compiled_from(kind: str, section: edges.Section) -> Rules:
    """A section of plain values, written as JSON, which is YAML."""
    found = Findings()
    root = source.read(json.dumps(section, ensure_ascii=False), "m.yaml").root
    assert isinstance(root, source.Table)
    compiled = rules.compile(root, kind, found)
    unexpected = {problem.code for problem in found.problems} - {"contradiction", "reads_differently"}
    assert unexpected == set(), (kind, section)
    return compiled


def check(number: int) -> Counter[str]:
    """One set of rules and its values; the number is the seed of both."""
    random = Random(number)  # noqa: S311 - it has to be repeatable
    kind = random.choice((*edges.KINDS, "text", "number", "any"))
    section = edges.sections(random, kind)
    compiled = compiled_from(kind, section)
    whole = {} if kind == "any" else {"type": kind}
    judge = _Judge(compiled, {**whole, **copy.deepcopy(dict(compiled.limits))})
    seen: Counter[str] = Counter(name for name in section)
    for value in edges.values(random, kind, section, SHARING):
        judge.check(value, seen)
    return seen


class _Judge:
    """What is held against one set of rules."""

    def __init__(self, compiled: Rules, whole: dict[str, Any]) -> None:
        """Make Cerberus and its original ready; the first checks the schema as well."""
        self.compiled = compiled
        self.whole = whole
        self.plain = predicates.HOLDS.keys() >= compiled.limits.keys()
        self.ours = Validator({"value": copy.deepcopy(whole)})
        self.package = cerberus.Validator({"value": _in_stock_words(whole)}) if _is_stock(whole) else None
        self.schema = prepared(whole)

    def check(self, value: Any, seen: Counter[str]) -> None:
        """One value: the verdict, the words and the places are Cerberus's own, the first time and every time."""
        case = (self.compiled.kind, self.whole, value)
        right = self.ours.validate({"value": value}, normalize=False)
        if self.compiled.accepts is None:
            seen["left to Cerberus"] += 1
        else:
            accepted = self.compiled.accepts(value)
            assert accepted is right if self.plain else accepted <= right, case
            seen["accepted"] += accepted
        known = len(self.compiled._judgement._known)
        said = self.compiled.check(value)
        fresh = tuple(wording.broken(fault, self.compiled._places) for fault in faults(self.schema, value))
        assert (said == ()) is right, case
        assert said == fresh == self.compiled.check(value), case
        seen["broken" if said else "kept"] += 1
        if said:
            seen["remembered" if self.plain and known == len(self.compiled._judgement._known) else "asked"] += 1
        self._check_package(value, right, seen)

    def _check_package(self, value: Any, right: bool, seen: Counter[str]) -> None:  # noqa: FBT001 - a verdict
        """Where none of the differences matters, the package itself says the same."""
        if self.package is not None and _is_usual(value):
            assert self.package.validate({"value": value}, normalize=False) is right, (self.whole, value)
            seen["as the package"] += 1


# ------------------------------------------------------------------------------------------------ the package itself

_MEMBERSHIP = ("allowed", "forbidden", "contains")
_STOCK_TYPES = {"text": "string", "number": "number", "flag": "boolean", "list": "list", "object": "dict"}


def _is_stock(whole: edges.Section) -> bool:
    """Whether no rule is one that we changed: `any` and `whole` are our words, and regexes are of another kind."""
    if whole.get("type") not in _STOCK_TYPES or "regex" in whole:
        return False
    if whole["type"] == "list" and any({True, False} & set(whole.get(name, ())) for name in _MEMBERSHIP):
        return False  # to the package, true is among them where 1 is
    inner = [whole[name] for name in ("valuesrules", "keysrules") if name in whole]
    for name in ("anyof", "allof", "noneof", "oneof", "items"):
        inner += whole.get(name, [])
    shape = whole.get("schema", {})
    inner += [shape] if whole["type"] == "list" and shape else shape.values()
    return all(map(_is_stock, inner))


def _in_stock_words(whole: Any) -> Any:
    if isinstance(whole, list):
        return [_in_stock_words(part) for part in whole]
    if not isinstance(whole, dict):
        return whole
    words = {"type": _STOCK_TYPES[whole["type"]]} if isinstance(whole.get("type"), str) else {}
    return {name: words.get(name) or _in_stock_words(argument) for name, argument in whole.items()}


def _is_usual(value: Any, *, outside: bool = True) -> bool:
    """Whether the package judges such a value as we do: ASCII, no infinity, and in a list no true and no container."""
    if isinstance(value, list):
        return outside and all(_is_usual(entry, outside=False) for entry in value)
    if isinstance(value, dict):
        return outside and all(_is_usual(part, outside=False) for part in (*value, *value.values()))
    if isinstance(value, str):
        return value.isascii()
    if isinstance(value, bool):
        return outside
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))


# ---------------------------------------------------------------------------------------------------------- the hunts


@pytest.mark.fuzz
def test_rules() -> None:
    """The quick Yes, the remembered No and the package, on 100,000 pairs."""
    seen = hunt.hunt("rules and values", PAIRS // SHARING, check, _SEEDS)
    assert seen["kept"] + seen["broken"] >= PAIRS
    assert [word for word in (*_DUE, *(name for name in rules.RULES if name != "required")) if not seen[word]] == []


def test_rules_from_a_known_seed() -> None:
    """The same on 2,000 pairs, the same ones in every run."""
    seen: Counter[str] = Counter()
    for number in range(2_000 // SHARING):
        seen.update(check(number))
    assert seen["kept"] + seen["broken"] == 2_000 // SHARING * SHARING
    assert [word for word in _DUE if not seen[word]] == []


# ---------------------------------------------------------------------------------------------------- planted faults

Plant = Callable[[pytest.MonkeyPatch], None]
_text, _number = accepting._text, accepting._number


def _with_text(patch: pytest.MonkeyPatch, **changed: Callable[[Any], Any]) -> None:
    """Texts are judged by other arguments than those of the file."""

    def other(section: Any) -> Any:
        return _text({name: changed.get(name, _same)(argument) for name, argument in section.items()})

    patch.setattr(accepting, "_text", other)


def _same(argument: Any) -> Any:
    return argument


def one_character_too_many(patch: pytest.MonkeyPatch) -> None:
    """``maxlength`` lets one more in."""
    _with_text(patch, maxlength=lambda most: most + 1)


def one_character_too_few(patch: pytest.MonkeyPatch) -> None:
    """``minlength`` is content with one less."""
    _with_text(patch, minlength=lambda least: least - 1)


def a_part_matches(patch: pytest.MonkeyPatch) -> None:
    """A pattern is searched for."""
    patch.setattr(accepting.patterns, "matcher", lambda pattern: lambda text: bool(re.search(pattern, text, re.ASCII)))


def a_newline_at_the_end(patch: pytest.MonkeyPatch) -> None:
    """A pattern ends with ``$``, as Cerberus has it."""
    patch.setattr(
        accepting.patterns,
        "matcher",
        lambda pattern: lambda text: bool(re.match(f"(?:{pattern.removeprefix('(?i)')})$", text, re.ASCII)),
    )


def digits_of_any_script(patch: pytest.MonkeyPatch) -> None:
    r"""``\d`` is every digit that Unicode has."""
    patch.setattr(accepting.patterns, "matcher", lambda pattern: lambda text: bool(re.fullmatch(pattern, text)))


def accents_are_not_composed(patch: pytest.MonkeyPatch) -> None:
    """A text is taken as it was typed."""
    patch.setattr(accepting, "nfc", lambda text: text)


def case_does_not_matter(patch: pytest.MonkeyPatch) -> None:
    """``allowed: [CA]`` takes ca."""
    _with_text(patch, allowed=lambda many: [spelling for word in many for spelling in (word, word.swapcase())])


def nothing_is_forbidden(patch: pytest.MonkeyPatch) -> None:
    """``forbidden`` does not see what is not composed."""
    _with_text(patch, forbidden=lambda many: [word for word in many if word.isascii()])


def true_is_one(patch: pytest.MonkeyPatch) -> None:
    """``true`` is an integer, as Python has it."""

    def number(section: Any, *, whole: bool) -> Any:
        keeps = _number(section, whole=whole)
        return lambda value: keeps(int(value) if isinstance(value, bool) else value)

    patch.setattr(accepting, "_number", number)


def true_is_among_ones(patch: pytest.MonkeyPatch) -> None:
    """``allowed: [1]`` takes true."""

    def by_predicates(kind: str, section: Any) -> Any:
        keeps = _by_predicates(kind, section)
        return lambda value: keeps(int(value) if isinstance(value, bool) and kind == "any" else value)

    _by_predicates = accepting._by_predicates
    patch.setattr(accepting, "_by_predicates", by_predicates)


def infinity_is_a_number(patch: pytest.MonkeyPatch) -> None:
    """``.inf`` has no fraction and is no less than anything."""
    patch.setattr(accepting.math, "isfinite", lambda _value: True)


def whole_numbers_have_fractions(patch: pytest.MonkeyPatch) -> None:
    """``type: whole`` is any number."""
    patch.setattr(accepting, "_number", lambda section, whole: _number(section, whole=whole and False))


def the_least_is_too_little(patch: pytest.MonkeyPatch) -> None:
    """``min`` is exclusive."""

    def number(section: Any, *, whole: bool) -> Any:
        keeps = _number(section, whole=whole)
        return lambda value: keeps(value) and value != section.get("min")

    patch.setattr(accepting, "_number", number)


def a_list_may_be_longer(patch: pytest.MonkeyPatch) -> None:
    """``items`` judges the entries that it knows."""

    def in_order(sets: Any) -> Any:
        tests = [test for test in map(accepting._nested, sets) if test]
        return lambda value: len(tests) == len(sets) and all(test(e) for test, e in zip(tests, value, strict=False))

    patch.setattr(accepting, "_in_order", in_order)


def members_may_be_missing(patch: pytest.MonkeyPatch) -> None:
    """``required`` inside an object is passed over."""
    real = accepting._members
    patch.setattr(
        accepting, "_members", lambda shape: real({name: {**inner, "required": False} for name, inner in shape.items()})
    )


def members_of_any_name(patch: pytest.MonkeyPatch) -> None:
    """An object may have a member that is not listed."""

    def members(shape: Any) -> Any:
        keeps = real(shape)
        return keeps and (lambda value: keeps({name: value[name] for name in value if name in shape}))

    real = accepting._members
    patch.setattr(accepting, "_members", members)


def one_of_all_is_enough(patch: pytest.MonkeyPatch) -> None:
    """``allof`` is content with one."""
    patch.setattr(accepting, "_all_of", accepting._any_of)


def the_first_entry_decides(patch: pytest.MonkeyPatch) -> None:
    """Of a list only one entry is judged."""
    real = accepting._entries

    def entries(inner: Any) -> Any:
        keeps = real(inner)
        return keeps and (lambda value: keeps(list(value)[:1]))

    patch.setattr(accepting, "_entries", entries)


def values_are_remembered(patch: pytest.MonkeyPatch) -> None:
    """What is said of a value is said of the next one as well."""

    def faults_of(self: judgement.Judgement, value: Any) -> tuple[Fault, ...]:
        pattern = self._pattern(value)
        if pattern is None or pattern not in self._known:
            found = self._schema.faults(value)
            if pattern is not None:
                self._known[pattern] = found
            return found
        return self._known[pattern]

    patch.setattr(judgement.Judgement, "faults", faults_of)


def _keyed(patch: pytest.MonkeyPatch, key: Callable[[Any], Any]) -> None:
    real = judgement.Judgement._pattern

    def pattern(self: judgement.Judgement, value: Any) -> Any:
        found = real(self, value)
        return found and key(found)

    patch.setattr(judgement.Judgement, "_pattern", pattern)


def null_is_any_wrong_kind(patch: pytest.MonkeyPatch) -> None:
    """The memory does not look at a value's kind."""
    _keyed(patch, lambda found: (object, found[1]))


def patterns_are_counted(patch: pytest.MonkeyPatch) -> None:
    """The memory knows how many rules are broken, not which."""
    _keyed(patch, lambda found: (found[0], (True,) * sum(found[1])))


def only_the_first_is_remembered(patch: pytest.MonkeyPatch) -> None:
    """The memory looks at the first broken rule."""
    _keyed(patch, lambda found: (found[0], found[1][: found[1].index(False) + 1] if found[1] else ()))


def all_rules_share_a_memory(patch: pytest.MonkeyPatch) -> None:
    """One set of rules answers for another."""
    shared: dict[Any, Any] = {}
    real = judgement.Judgement.__init__

    def init(self: judgement.Judgement, kind: str, section: Any) -> None:
        real(self, kind, section)
        self._known = shared

    patch.setattr(judgement.Judgement, "__init__", init)


FAULTS: tuple[Plant, ...] = (
    one_character_too_many,
    one_character_too_few,
    a_part_matches,
    a_newline_at_the_end,
    digits_of_any_script,
    accents_are_not_composed,
    case_does_not_matter,
    nothing_is_forbidden,
    true_is_one,
    true_is_among_ones,
    infinity_is_a_number,
    whole_numbers_have_fractions,
    the_least_is_too_little,
    a_list_may_be_longer,
    members_may_be_missing,
    members_of_any_name,
    one_of_all_is_enough,
    the_first_entry_decides,
    values_are_remembered,
    null_is_any_wrong_kind,
    patterns_are_counted,
    only_the_first_is_remembered,
    all_rules_share_a_memory,
)
_hunt = functools.partial(hunt.hunt, seed=20_240_501, shrink=False)


#: These take some hundreds of sections to be met; the others are for every run.
_RARE = (members_may_be_missing, members_of_any_name, a_list_may_be_longer, nothing_is_forbidden, true_is_among_ones)


@pytest.mark.parametrize(
    "plant",
    [pytest.param(p, id=p.__name__, marks=[pytest.mark.fuzz] if p in _RARE else []) for p in FAULTS],
)
def test_a_planted_fault_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hunt fails while the fault is there."""
    with monkeypatch.context() as patch:
        plant(patch)
        with pytest.raises((AssertionError, Flaky)):
            _hunt("rules with a fault", 1_000, check, _SEEDS)
