"""What flowed into an expression's value, and what it can read at all: sound on any document, exact on usual ones."""

from __future__ import annotations

from collections import Counter
from typing import Any

import grammar
import laws
import pytest
from hypothesis import given

from mapper import expressions
from mapper.expressions import STAR

Paths = set[tuple[str | int, ...]]

DOCUMENT = {
    "a": "x",
    "b": "y",
    "o": {"p": 1, "q": 2},
    "l": [{"k": 2, "v": "two"}, {"k": 1, "v": "one"}, {"k": 3, "v": ""}],
    "n": [3, 1, 3],
    "w": ["s", "t", "s"],
}

#: Expression, and the places whose values flowed into its value.
ORIGINS: tuple[tuple[str, Paths], ...] = (
    ("a", {("a",)}),
    ("o.p", {("o", "p")}),
    ("o", {("o",)}),
    ("missing", set()),
    ("o.missing", set()),
    ("l[0].v", {("l", 0, "v")}),
    ("l[-1].v", {("l", 2, "v")}),
    ("n[1:]", {("n", 1), ("n", 2)}),
    ("n[::-1] | [0]", {("n", 2)}),
    ("l[*].v", {("l", 0, "v"), ("l", 1, "v"), ("l", 2, "v")}),
    ("l[?k == `1`].v | [0]", {("l", 1, "v")}),
    ("l[?k > `1`].v", {("l", 0, "v"), ("l", 2, "v")}),
    ("o.* | [1]", {("o", "q")}),
    ("[a, b]", {("a",), ("b",)}),
    ("[a, b][1]", {("b",)}),
    ("{x: a, y: b}.y", {("b",)}),
    ("a || b", {("a",)}),
    ("missing || b", {("b",)}),
    ("a && b", {("b",)}),
    ("missing && b", set()),
    ("a == b", set()),
    ("!a", set()),
    ("a == 'x' && b", {("b",)}),
    ("'literal'", set()),
    ("length(a)", set()),
    ("keys(o)", set()),
    ("contains(w, a)", set()),
    ("to_string(o)", {("o",)}),
    ("join('-', w)", {("w",)}),
    ("join('-', [a, b])", {("a",), ("b",)}),
    ("sum(n)", {("n",)}),
    ("not_null(missing, b, a)", {("b",)}),
    ("max(n)", {("n", 0)}),
    ("max(`[]`)", set()),
    ("sort(n)[0]", {("n", 1)}),
    ("max_by(l, &k).v", {("l", 2, "v")}),
    ("min_by(l, &k)", {("l", 1)}),
    ("sort_by(l, &k)[0].v", {("l", 1, "v")}),
    ("reverse(w)[0]", {("w", 2)}),
    ("reverse(w)[-1]", {("w", 0)}),
    ("values(o)[1]", {("o", "q")}),
    ("merge(o, {q: a}).q", {("a",)}),
    ("merge(o, {q: a}).p", {("o", "p")}),
    ("to_array(a)[0]", {("a",)}),
    ("map(&v, l)[1]", {("l", 1, "v")}),
    ("first_filled(l[2].v, b)", {("b",)}),
    ("filled_values(l[*].v)[1]", {("l", 1, "v")}),
    ("split_name(a).first", {("a",)}),
    ("blank(a)", set()),
    ("join_filled(' ', [a, b])", {("a",), ("b",)}),
    ("n[] | [0]", {("n", 0)}),
    ("[n, w][] | [3]", {("w", 0)}),
)

#: Expression, what flows, and what is only tested.
READS: tuple[tuple[str, Paths, Paths], ...] = (
    ("t.a", {("t", "a")}, set()),
    ("t.l[0].v", {("t", "l", 0, "v")}, set()),
    ("t.l[-1].v", {("t", "l", STAR, "v")}, set()),
    ("t.l[*].v", {("t", "l", STAR, "v")}, set()),
    ("t.l[1:].v", {("t", "l", STAR, "v")}, set()),
    ("t.l[].v", {("t", "l", STAR, "v"), ("t", "l", STAR, STAR, "v")}, set()),
    ("t.*.v", {("t", STAR, "v")}, set()),
    ("t.l[?k == 'x'].v | [0]", {("t", "l", STAR, "v")}, {("t", "l", STAR, "k")}),
    ("t.a || u.b", {("t", "a"), ("u", "b")}, set()),
    ("t.a && u.b", {("t", "a"), ("u", "b")}, set()),
    ("t.a == u.b", set(), {("t", "a"), ("u", "b")}),
    ("!(t.a)", set(), {("t", "a")}),
    ("length(t.a)", set(), {("t", "a")}),
    ("filled(t.a) && t.b", {("t", "b")}, {("t", "a")}),
    ("sort_by(t.l, &k)[0].v", {("t", "l")}, {("t", "l", STAR, "k")}),
    ("max_by(t.l, &k).v", {("t", "l", STAR, "v")}, {("t", "l", STAR, "k")}),
    ("map(&v, t.l)[0]", {("t", "l", STAR, "v")}, set()),
    ("merge(t.o, u).p", {("t", "o", "p"), ("u", "p")}, set()),
    ("split_name(t.name).first", {("t", "name")}, set()),
    ("{x: t}.x.a", {("t",)}, set()),
    ("[t, u][0].a", {("t",), ("u",)}, set()),
    ("values(t)[0]", {("t",)}, set()),
    ("'x'", set(), set()),
)


@pytest.mark.parametrize(("text", "origins"), ORIGINS, ids=[text for text, _ in ORIGINS])
def test_origins(text: str, origins: Paths) -> None:
    """What flowed is named, and nothing else."""
    value, found = expressions.compile(text).trace(DOCUMENT)
    assert set(found) == origins
    assert laws.check_trace(text, DOCUMENT)
    assert laws.same(value, expressions.compile(text).search(DOCUMENT))


@pytest.mark.parametrize(("text", "flows", "tests"), READS, ids=[text for text, _, _ in READS])
def test_reads(text: str, flows: Paths, tests: Paths) -> None:
    """What can flow and what is only looked at is known from the text alone."""
    reads = expressions.compile(text).reads
    assert reads.flows == flows
    assert reads.tests == tests


def test_that_something_is_there_is_read() -> None:
    """A projection over nothing of its elements still depends on how many there are."""
    assert expressions.compile("t.l[*].abs(`1`)").reads.tests == {("t", "l", STAR)}
    assert expressions.compile("t.{x: `1`}").reads.tests == {("t",)}
    assert expressions.compile("map(&`1`, t.l)").reads.tests == {("t", "l", STAR)}
    assert expressions.compile("t.[abs(a)] | 'x'").reads.tests == {("t", "a")}
    assert expressions.compile("t.l[?k].length(v)").reads.tests == {("t", "l", STAR, "k"), ("t", "l", STAR, "v")}


@pytest.mark.parametrize("text", ["@", "*", "[0]", "keys(@)", "[@, a][0]", "{x: @}.x", "to_string(@)"])
def test_reading_the_whole_scope_is_known(text: str) -> None:
    """What cannot be named is said to be the whole."""
    assert expressions.compile(text).reads.whole


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a", ("a",)),
        ("a.b[0].c", ("a", "b", 0, "c")),
        ('a."b.c"', ("a", "b.c")),
        ("a[-1]", None),
        ("a | b", None),
        ("a[*]", None),
        ("upper(a)", None),
        ("(a.b).c", ("a", "b", "c")),
    ],
)
def test_plain_paths(text: str, path: Any) -> None:
    """A mere path is known as one."""
    assert expressions.compile(text).plain == path


def test_trace_has_the_value_and_real_origins() -> None:
    """A trace says what a search says, and names places of the document that its text was known to read."""
    seen: Counter[bool] = Counter()

    @laws.some(250)
    @given(grammar.expressions(own=True), grammar.objects)
    def check(text: str, document: Any) -> None:
        seen[laws.check_trace(text, document)] += 1

    check()
    assert seen[True] > 150


def test_what_did_not_flow_decides_nothing() -> None:
    """A leaf that is no origin and was not tested is exchanged for its like, and the value stays."""
    changed = 0

    @laws.some(250)
    @given(grammar.expressions(own=True), grammar.objects)
    def check(text: str, document: Any) -> None:
        nonlocal changed
        changed += laws.check_flow(text, document)

    check()
    assert changed > 200


def test_what_is_not_read_can_be_anything() -> None:
    """A leaf that is not under any path that the text reads may become anything, and the value stays."""
    changed = 0

    @laws.some(250)
    @given(grammar.expressions(own=True), grammar.objects)
    def check(text: str, document: Any) -> None:
        nonlocal changed
        changed += laws.check_unread(text, document)

    check()
    assert changed > 200
