"""Planted faults: each breaks the engine in one place, and a law has to find it. A law that finds none is no law."""

# ruff: noqa: SLF001 - faults are planted where nobody else may reach

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grammar
import hunt
import laws
import mistakes
import pytest
import strategies
import test_accounts
import test_expressions_compiled
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from jmespath.visitor import TreeInterpreter
from strategies import Case

from mapper import codec, expressions, identity, source
from mapper.errors import Position
from mapper.expressions import generator, interpreter, lazily, reads, sure, trace, writer
from mapper.request import Request
from mapper.source import complaints
from mapper.transform import accounts, custom, fields, presence

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

ROOT = Path(__file__).resolve().parent.parent.parent
INKIT = ((ROOT / "mappings" / "inkit.yaml").read_text("utf-8"),)
Plant = Callable[[pytest.MonkeyPatch], None]
#: Always the same cases: a fault that is found today is found tomorrow. And the first that fails will do.
_hunt = functools.partial(hunt.hunt, seed=20_240_501, shrink=False)


@pytest.fixture(scope="module", autouse=True)
def _as_usual() -> Iterator[None]:
    """Expressions are compiled as they usually are, whatever ``MAPPER_COMPILED`` says: it is what is tested here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lazily, "MODE", "auto")
        yield


# --------------------------------------------------------------------------------------------------------- hunting


def _pairs(check: Callable[[str, Any], Any]) -> None:
    _hunt("pairs", 3_000, lambda text, document: [str(check(text, document))], _TEXTS, grammar.objects)


_TEXTS = grammar.expressions(own=True)


def _events(check: Callable[[Case], Any], events: st.SearchStrategy[Any] | None = None) -> None:
    _hunt("events", 400, lambda cases: [str(bool(check(case))) for case in cases], strategies.batches(events))


#: Pairs that random ones seldom hit: zero is true, one is not true, null is not kept.
EDGES: tuple[tuple[str, Any], ...] = (
    ("a || b", {"a": 0, "b": 1}),
    ("a && b", {"a": 0, "b": 1}),
    ("a == `true`", {"a": 1}),
    ("a[*].b", {"a": [{"b": 1}, {}]}),
)


def search() -> None:
    """Law 4, the value: on what people trip over first, and then on what is drawn."""
    for text, document in EDGES:
        laws.check_search(text, document)
    drawn = (grammar.expressions(), grammar.objects)
    _hunt("pairs", 10_000, laws.check_search, *drawn)


def compiled() -> None:
    """Law 4, the value of compiled expressions."""
    for text, document in EDGES:
        test_expressions_compiled.check_package(text, [document])
    drawn = (grammar.expressions(), st.lists(grammar.objects, max_size=3))
    _hunt("compiled pairs", 3_000, test_expressions_compiled.check_package, *drawn)


def budgets() -> None:
    """The steps of compiled expressions."""
    for text in ("a[*].b", "[[a], [a]]", "to_string(a)", "map(&b, a)"):
        for value in ([{"b": 1}] * 200, [{"b": 1}] * 700, "x" * 40_000):
            test_expressions_compiled.check_sure(text, {"a": value})
    drawn = (_TEXTS, test_expressions_compiled.vast())
    _hunt("vast pairs", 3_000, test_expressions_compiled.check_sure, *drawn)


def traces() -> None:
    """Law 4, the trace."""
    _pairs(laws.check_trace)


def flows() -> None:
    """What did not flow decides nothing."""
    _pairs(laws.check_flow)


def unread() -> None:
    """What is not read decides nothing."""
    _pairs(laws.check_unread)


def conservation() -> None:
    """Law 1."""
    _events(lambda case: laws.check_conservation(case, laws.transform(case)))


def unmapped() -> None:
    """Law 1, the other half."""
    _events(lambda case: laws.check_unmapped(case, laws.transform(case)))


def purity() -> None:
    """Law 2."""
    _events(laws.check_pure)


def faces() -> None:
    """Law 3."""
    _events(laws.check_faces, strategies.any_events)


def unread_traits() -> None:
    """Law 5."""
    _events(lambda case: laws.check_unread_traits(case, laws.transform(case)))


def files() -> None:
    """Law 6."""
    _hunt("files", 500, lambda text: str(laws.check_file(text) is None), mistakes.mutated(INKIT))


def merging() -> None:
    """Law 9."""

    def check(calls: Any, order: list[int]) -> str:
        laws.check_merge(calls, order)
        return "merged"

    _hunt("histories", 1_000, check, strategies.histories(), st.lists(st.integers(0, 5), max_size=6))


def requests() -> None:
    """Requests survive storage and secrets."""
    _events(lambda case: laws.check_request(case, laws.transform(case)))


def silence() -> None:
    """No canary sings."""
    _events(laws.check_silence)


def paths() -> None:
    """Accounts as a second writing of the rules has them."""

    def check(case: Any) -> str:
        written, traits, options = case
        result = test_accounts.transformed(written, traits, options)
        found = [(a.path, a.end, frozenset(a.to)) for a in result.accounts]
        assert found == test_accounts.Plain(written, traits, options).rows()
        return "same"

    _hunt("paths", 1_000, check, test_accounts.plain_cases())


def texts() -> None:
    """The fast reading of JSON is the strict one."""
    doubled = strategies.json_values.map(lambda value: '{"a": ' + codec.encode(value).decode() + ', "a":1}')
    _hunt("texts", 300, laws.check_codec, doubled.map(lambda text: text.replace(": ", ":")))


# -------------------------------------------------------------------------------------------------------- planting


def one_is_true(patch: pytest.MonkeyPatch) -> None:
    """``1 == true``, as Python has it."""

    def visit(self: Any, node: Any, value: Any) -> Any:
        left, right = (self.visit(child, value) for child in node["children"])
        if node["value"] == "eq":
            return left == right
        return TreeInterpreter.visit_comparator(self, node, value)

    patch.setattr(interpreter.Run, "visit_comparator", visit, raising=False)


def zero_is_false(patch: pytest.MonkeyPatch) -> None:
    """``0 || x`` is x, as Python has it."""

    def visit(self: Any, node: Any, value: Any) -> Any:
        left, right = node["children"]
        return self.visit(left, value) or self.visit(right, value)

    patch.setattr(interpreter.Run, "visit_or_expression", visit, raising=False)


def projections_keep_null(patch: pytest.MonkeyPatch) -> None:
    """``a[*].b`` has a null for each element without b."""

    def visit(self: Any, node: Any, value: Any) -> Any:
        left, right = node["children"]
        elements = self.visit(left, value)
        return [self.visit(right, element) for element in elements] if isinstance(elements, list) else None

    patch.setattr(interpreter.Run, "visit_projection", visit, raising=False)
    patch.setattr(lazily, "MODE", "off")


def names_are_sorted(patch: pytest.MonkeyPatch) -> None:
    """``{b: x, a: y}`` comes out as a, b."""
    real = interpreter.Run.visit_multi_select_dict

    def visit(self: Any, node: Any, value: Any) -> Any:
        made = real(self, node, value)
        return made and dict(sorted(made.items()))

    patch.setattr(interpreter.Run, "visit_multi_select_dict", visit)


def too_little_budget(patch: pytest.MonkeyPatch) -> None:
    """A usual expression is stopped, with the code of a failure."""
    real = interpreter.worded
    patch.setattr(interpreter, "MAX_STEPS", 8)

    def failed(error: Exception) -> Any:
        made = real(error)
        made.code = "expression_failed"
        return made

    patch.setattr(interpreter, "worded", failed)


def compiled_zero_is_false(patch: pytest.MonkeyPatch) -> None:
    """Compiled code has the truth of Python."""
    patch.setattr(sure, "zero", lambda _value: False)


def compiled_one_is_true(patch: pytest.MonkeyPatch) -> None:
    """Compiled code has the equality of Python."""
    real = writer.Writer._flag
    patch.setattr(writer.Writer, "_flag", lambda self, kind, code: real(self, kind, code.partition(" and (")[0]))


def compiled_projections_keep_null(patch: pytest.MonkeyPatch) -> None:
    """A compiled projection keeps what is null."""
    patch.setattr(writer.Writer, "_keep", lambda self, name, value: self._write(f"{name}.append({value})"))


def long_lists_are_let_through(patch: pytest.MonkeyPatch) -> None:
    """Compiled code steps through lists of any length."""
    patch.setattr(writer.Writer, "_short", lambda self, _name: self._write("pass"))


def weights_are_not_asked(patch: pytest.MonkeyPatch) -> None:
    """Compiled code builds what it likes."""
    patch.setattr(sure, "weighed", lambda _value, _most: None)


def long_texts_are_light(patch: pytest.MonkeyPatch) -> None:
    """Compiled code makes texts of any length."""
    patch.setattr(writer, "CHARACTERS_A_STEP", 1_000_000)


def elements_are_counted_once(patch: pytest.MonkeyPatch) -> None:
    """The count of steps forgets that lists have many elements."""
    real = generator.most_steps
    patch.setattr(generator, "most_steps", lambda node, limits: real(node, limits._replace(elements=1)))


def choices_flow_whole(patch: pytest.MonkeyPatch) -> None:
    """A function that gives one of its arguments is taken for one that makes its value of all of them."""
    patch.setattr(expressions, "selects", lambda _name: False)


def lists_forget(patch: pytest.MonkeyPatch) -> None:
    """A list that was built does not know where its elements came from."""
    patch.setattr(trace, "_list", lambda parts: trace._Traced([part.value for part in parts]))


def filters_let_all_through(patch: pytest.MonkeyPatch) -> None:
    """A trace does not ask a filter's condition."""
    patch.setattr(trace, "_true", lambda _value: True)


def conditions_are_not_read(patch: pytest.MonkeyPatch) -> None:
    """What only decides is not among the reads."""
    patch.setattr(reads._Walker, "_test", lambda _self, _node, _state: None)


def built_values_are_stepped_into(patch: pytest.MonkeyPatch) -> None:
    """``[a, b][0].c`` is taken to read a[0].c."""
    patch.setattr(reads, "_built", lambda state: state)


def a_leaf_is_lost(patch: pytest.MonkeyPatch) -> None:
    """The walk forgets the last part of a container."""
    real = custom._Router._walk

    def walk(self: Any, path: Any, *rest: Any, **more: Any) -> Iterator[Any]:
        found = list(real(self, path, *rest, **more))
        return iter(found[:-1] if len(found) > 1 and len(path) == 1 else found)

    patch.setattr(custom._Router, "_walk", walk)


def a_path_claims_its_parent(patch: pytest.MonkeyPatch) -> None:
    """``traits.a.b`` claims the whole of a."""
    real = accounts.Ledger._taken

    def taken(self: Any, candidate: Any) -> Iterator[Any]:
        for layer, path in real(self, candidate):
            yield layer, path[:-1] if len(path) > 1 else path

    patch.setattr(accounts.Ledger, "_taken", taken)


def winners_claim_nothing(patch: pytest.MonkeyPatch) -> None:
    """What a field took goes to the custom fields as well."""
    patch.setattr(accounts.Ledger, "_claim_winners", lambda _self: None)


def losers_claim_nothing(patch: pytest.MonkeyPatch) -> None:
    """A losing spelling goes to the custom fields."""
    patch.setattr(accounts.Ledger, "_claim_losers", lambda _self: None)


def taken_names_are_overwritten(patch: pytest.MonkeyPatch) -> None:
    """A custom field takes any name."""
    patch.setattr(custom._Router, "_refusal", lambda _self, _slot, _owners: (None, None))


def the_identity_is_tidied(patch: pytest.MonkeyPatch) -> None:
    """Laying the layers removes what is hidden from the caller's identity."""
    real = identity.known

    def known(call: Any, person: Any, never: Any = frozenset()) -> Any:
        laid = real(call, person, never)
        for hidden in laid.hidden:
            if hidden.layer == "identity":
                person.traits.pop(hidden.name, None)
        return laid

    patch.setattr(identity, "known", known)


def never_the_same_twice(patch: pytest.MonkeyPatch) -> None:
    """Texts of containers are numbered."""
    counter = itertools.count()
    patch.setattr(custom, "_json_text", lambda value: f"{codec.encode(value).decode()}{next(counter)}")


def an_unread_trait_decides(patch: pytest.MonkeyPatch) -> None:
    """Where a trait that nobody reads is a text, texts are sent in capitals."""
    real = presence._text

    def find(plan: Any, scope: Any) -> Any:
        loud = any(isinstance(scope.known.tree.get(name), str) for name in strategies.UNREAD)
        presence._text = (lambda value: real(value).upper()) if loud else real
        try:
            return find_really(plan, scope)
        finally:
            presence._text = real

    find_really = fields._find
    patch.setattr(fields, "_find", find)


def the_last_to_come_wins(patch: pytest.MonkeyPatch) -> None:
    """Equal stamps are settled by arrival."""
    patch.setattr(identity.Trait, "later", lambda self, other: other if other.stamp >= self.stamp else self)


def clocks_run_ahead(patch: pytest.MonkeyPatch) -> None:
    """A timestamp after the receipt counts."""
    real = identity.stamp

    def stamp(call: Any) -> Any:
        said = identity.instant(call.envelope["timestamp"])
        return real(call) if said is None else identity.Stamp(said, call.message_id or "")

    patch.setattr(identity, "stamp", stamp)


def orders_are_remembered(patch: pytest.MonkeyPatch) -> None:
    """``never`` is not asked when remembering."""
    real = identity.of_call
    patch.setattr(identity, "of_call", lambda call, _never=(): real(call))


def values_are_sorted(patch: pytest.MonkeyPatch) -> None:
    """An event that comes as a value has its names sorted, one that comes as text has not."""
    real = codec.text_of
    patch.setattr(codec, "text_of", lambda value: real(laws.sorted_deeply(value)))


def the_last_name_wins(patch: pytest.MonkeyPatch) -> None:
    """A name given twice is not seen by the fast reading."""
    patch.setattr(codec, "_each_name_once", lambda _text, _value: True)


def a_line_too_far(patch: pytest.MonkeyPatch) -> None:
    """Every place is a line below where it is."""
    real = source._Reader._place

    def place(self: Any, mark: Any, width: int = 1) -> Any:
        found = real(self, mark, width)
        return Position(found.file, found.line + 1, found.column, found.width)

    patch.setattr(source._Reader, "_place", place)


def an_exception_gets_out(patch: pytest.MonkeyPatch) -> None:
    """Some broken files raise what nobody expects."""

    def syntax(*_: Any) -> Any:
        raise KeyError

    patch.setattr(complaints, "syntax", syntax)


def words_show_values(patch: pytest.MonkeyPatch) -> None:
    """A message quotes the value that it is about."""
    patch.setattr(presence, "_words", lambda value, kind: f"{value!r} is no {kind}")


def secrets_stay_in_the_request(patch: pytest.MonkeyPatch) -> None:
    """Putting the secrets in writes into the request itself."""
    real = Request.with_secrets

    def with_secrets(self: Request, settings: Any) -> Any:
        prepared = real(self, settings)
        for secret in self.secrets:
            if isinstance(self.body, dict):
                self.body[secret.name] = settings["key"]
        return prepared

    patch.setattr(Request, "with_secrets", with_secrets)


#: The law that has to find each fault. The slow ones are for ``make fuzz``, the others for every run.
FAULTS: tuple[tuple[Plant, Callable[[], None], bool], ...] = (
    (one_is_true, search, True),
    (zero_is_false, search, True),
    (projections_keep_null, search, False),
    (names_are_sorted, search, False),
    (too_little_budget, search, False),
    (compiled_zero_is_false, compiled, False),
    (compiled_one_is_true, compiled, False),
    (compiled_projections_keep_null, compiled, False),
    (long_lists_are_let_through, budgets, False),
    (weights_are_not_asked, budgets, False),
    (long_texts_are_light, budgets, False),
    (elements_are_counted_once, budgets, False),
    (choices_flow_whole, test_expressions_compiled.test_whole_flows_are_what_flowed, False),
    (lists_forget, flows, False),
    (filters_let_all_through, traces, False),
    (conditions_are_not_read, unread, False),
    (built_values_are_stepped_into, traces, True),
    (a_leaf_is_lost, conservation, False),
    (a_path_claims_its_parent, conservation, True),
    (a_path_claims_its_parent, paths, False),
    (winners_claim_nothing, unmapped, True),
    (losers_claim_nothing, paths, True),
    (taken_names_are_overwritten, conservation, False),
    (the_identity_is_tidied, purity, True),
    (never_the_same_twice, purity, True),
    (an_unread_trait_decides, unread_traits, True),
    (the_last_to_come_wins, merging, False),
    (clocks_run_ahead, merging, True),
    (orders_are_remembered, merging, False),
    (values_are_sorted, faces, False),
    (the_last_name_wins, texts, False),
    (a_line_too_far, files, False),
    (an_exception_gets_out, files, False),
    (words_show_values, silence, False),
    (secrets_stay_in_the_request, requests, True),
)


def _cases() -> Iterator[Any]:
    for plant, law, slow in FAULTS:
        marks = [pytest.mark.fuzz] if slow else []
        yield pytest.param(plant, law, id=f"{plant.__name__}-{law.__name__}", marks=marks)


@pytest.mark.parametrize(("plant", "law"), list(_cases()))
def test_a_planted_fault_is_found(plant: Plant, law: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The law fails while the fault is there."""
    strategies.acceptable.cache_clear()
    expected = KeyError if plant is an_exception_gets_out else AssertionError
    with monkeypatch.context() as patch:
        plant(patch)
        with pytest.raises((expected, Flaky)):
            law()
    strategies.acceptable.cache_clear()
