"""YAML as it was typed, each piece with its place; files with mistakes in them; files that mean harm."""

from __future__ import annotations

import functools
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import laws
import mistakes
import pytest
import yaml
from hypothesis import given

from mapper import pipeline, source
from mapper.errors import MappingError
from mapper.source import Node, Scalar, Series, Table

ROOT = Path(__file__).resolve().parent.parent
TEXTS = tuple(path.read_text("utf-8") for path in sorted((ROOT / "mappings").glob("*.yaml")))
#: A guard against hanging, many times what is needed; the figures are in docs/testing.md.
HANG_SECONDS = 5.0


def read(text: str) -> source.Source:
    """The source of a text that can be read."""
    return source.read(text, "f.yaml")


def codes(text: str) -> list[str]:
    """The codes of what is wrong in a text, whether it can be read or not."""
    try:
        return [problem.code for problem in read(text).problems]
    except MappingError as error:
        return [problem.code for problem in error.problems]


def value(text: str) -> Any:
    """A text's values, all scalars as text."""
    return texts_of(read(text).root)


def texts_of(node: Node) -> Any:
    """A node as plain values."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Series):
        return [texts_of(part) for part in node.parts]
    return {key.text: texts_of(part) for key, part in node.pairs}


# --------------------------------------------------------------------------------------------- what stays as typed


@pytest.mark.parametrize(
    "word",
    [
        *("NO", "no", "ON", "off", "yes", "y", "true", "null", "~", "02134", "0o17", "0x1F", "12:30", "1_000", "1e3"),
        *(".5", ".inf", "2024-05-01", "+1", "=", "90250", "1.0", "-0"),
    ],
)
def test_plain_words_stay_what_they_are(word: str) -> None:
    """Nothing is guessed: each is the text that was typed."""
    assert value(f"a: {word}") == {"a": word}
    assert value(f"{word}: a") == {word: "a"}
    assert value(f"[{word}, {word}]") == [word, word]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 'it''s'", {"a": "it's"}),
        ('a: "x\\ty"', {"a": "x\ty"}),
        ("a: x y  # comment", {"a": "x y"}),
        ("a: x#y", {"a": "x#y"}),
        ("a:\n  - b\n  - c: d\n    e: [f, g]", {"a": ["b", {"c": "d", "e": ["f", "g"]}]}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("a: >\n  x\n  y\n", {"a": "x y\n"}),
        ("a: x\n  y", {"a": "x y"}),
        ("a:\nb: ''", {"a": "", "b": ""}),
        ("\ufeffa: b\r\nc: d\re: f", {"a": "b", "c": "d", "e": "f"}),
        ("--- \na: b\n...\n", {"a": "b"}),
        ("a: é\U0001f600", {"a": "é\U0001f600"}),
    ],
)
def test_values(text: str, expected: Any) -> None:
    """Quotes, blocks, comments and line ends as YAML has them."""
    assert value(text) == expected
    assert read(text).problems == ()


def test_both_parsers_read_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyYAML comes without libyaml, the pure parser sees the same values at the same places."""
    fast = [read(text).root for text in TEXTS]
    monkeypatch.setattr(source, "_LOADER", yaml.SafeLoader)
    assert [read(text).root for text in TEXTS] == fast


# --------------------------------------------------------------------------------------------------------- places


def walk(node: Node) -> list[Scalar]:
    """Every scalar, keys too."""
    if isinstance(node, Scalar):
        return [node]
    parts = node.parts if isinstance(node, Series) else [part for pair in node.pairs for part in pair]
    return [scalar for part in parts for scalar in walk(part)]


@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_every_scalar_stands_where_it_says(number: int) -> None:
    """A plain or quoted text on one line is found at its position, and each of its characters too."""
    lines = TEXTS[number].split("\n")
    scalars = walk(read(TEXTS[number]).root)
    assert len(scalars) > 50
    for scalar in scalars:
        line = lines[scalar.position.line - 1]
        shown = line[scalar.position.column - 1 :][: scalar.position.width]
        assert scalar.text in (shown, shown[1:-1], shown[1:-1].replace("''", "'")), scalar
        for offset, character in enumerate(scalar.text if scalar.exact else ""):
            assert line[scalar.at(offset).column - 1] == character


def test_places_behind_wide_characters() -> None:
    """Columns count characters, whatever they weigh in bytes."""
    root = read("é\U0001f600: {\U0001f600: x}").root
    assert isinstance(root, Table)
    inner = root.pairs[0][1]
    assert isinstance(inner, Table)
    assert (inner.position.column, inner.pairs[0][1].position.column) == (5, 9)


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("a: 1\nb: 2\na: 3", "duplicate_key", 3, 1),
        ("a: {b: 1, c: 2, b: 3}", "duplicate_key", 1, 17),
        ("a: &x 1", "anchor", 1, 4),
        ("a: *x", "alias", 1, 4),
        ("a: !t x", "tag", 1, 4),
        ("a: !!str x", "tag", 1, 4),
        ("a:\n  <<: {b: 1}", "merge_key", 2, 3),
        ("? [a]\n: b", "wrong_key", 1, 3),
        ("{{a: b}: c}", "wrong_key", 1, 2),
        ("a: b\n---\nc: d", "two_documents", 2, 1),
        ("a: \u201cx\u201d", "odd_character", 1, 4),
        ("a: x\u00a0y", "odd_character", 1, 5),
        ("a: x\nb: y\u2028z", "odd_character", 2, 5),
        ('a: "x\\by"', "control_character", 1, 6),
        ("a:\n\tb: c", "yaml", 2, 1),
        ("a: [b", "yaml", 1, 6),
        ("a: 'b", "yaml", 1, 6),
        ("a: b: c", "yaml", 1, 5),
        ("a: @x", "yaml", 1, 4),
        ("", "empty", 1, 1),
        ("# only a comment\n", "empty", 1, 1),
        ("a: \x07", "yaml", 1, 4),
        ("a: \ud800", "yaml", 1, 1),
    ],
)
def test_mistakes_and_their_places(text: str, code: str, line: int, column: int) -> None:
    """Each betrayal of YAML has a code and its place."""
    try:
        problems, shown = read(text).problems, text
    except MappingError as error:
        problems, shown = error.problems, error.text or text
    found = next(problem for problem in problems if problem.code == code)
    assert found.position is not None
    assert (found.position.line, found.position.column) == (line, column)
    assert laws.inside(found, shown.split("\n"))


def test_all_mistakes_at_once() -> None:
    """What does not stop the reading does not hide the next mistake."""
    assert codes("a: &x 1\nb: *x\na: !t 2\n<<: {c: d}\n") == ["anchor", "alias", "tag", "duplicate_key", "merge_key"]


# ----------------------------------------------------------------------------------------------------- law 6, harm


def test_files_with_mistakes() -> None:
    """Law 6 on random mutations of the shipped mappings: located problems, and never another exception."""
    seen: Counter[bool] = Counter()

    @laws.some(200)
    @given(mistakes.mutated(TEXTS))
    def check(text: str) -> None:
        seen[laws.check_file(text) is not None] += 1

    check()
    assert seen[True] > 10
    assert seen[False] > 50


def wide(fields: int, needs: int) -> str:
    """A mapping with many fields, and a requirement that misspells many."""
    names = "".join(f"  field_{number}: traits.a\n" for number in range(fields))
    wanted = ", ".join(f"feild_{number}" for number in range(needs))
    send = "mapping: 1\ndestination: D\nsend: {url: 'https://example.test/'}\n"
    return f"{send}fields:\n{names}require:\n  - any_of: [field_0, {wanted}]\n"


_BOMB = ["a: &a [x, x, x, x, x, x, x, x, x]"]
_BOMB += [f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]" for i in range(9)]

#: Files that stop, slow down or fill a careless reader; each as a function, and a code that has to be among its own.
HARM: dict[str, tuple[Callable[[], str], str]] = {
    "100 KB of brackets": (lambda: "[" * 100_000, "too_deep"),
    "100 KB of closed brackets": (lambda: "a: " + "[" * 50_000 + "]" * 50_000, "too_deep"),
    "100 KB of braces": (lambda: "{" * 100_000, "wrong_key"),
    "deep flow maps": (lambda: "{a: " * 25_000, "too_deep"),
    "deep block lists": (lambda: "- " * 50_000, "too_deep"),
    "deep keys": (lambda: "? " * 50_000, "wrong_key"),
    "deep indentation": (lambda: "".join(" " * depth + "a:\n" for depth in range(600)), "too_deep"),
    "an alias bomb": (lambda: "\n".join(_BOMB), "alias"),
    "merge keys": (lambda: "".join(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}\n" for i in range(22)), "merge_key"),
    "a text of 1 MB": (lambda: "a: " + "x" * 1_000_000, "too_large"),
    "a quoted text of 250 KB": (lambda: 'a: "' + "x" * 250_000 + '"', "unknown_key"),
    "250 KB of white space": (lambda: " " * 250_000, "empty"),
    "250 KB of lines": (lambda: "\n" * 250_000, "empty"),
    "a list of 60,000": (lambda: "a: [" + "1, " * 60_000 + "]", "too_many"),
    "60,000 lines": (lambda: "- 1\n" * 60_000, "too_many"),
    "200 KB in one line": (lambda: "{" + ", ".join(f"k{i}: {'x' * 24}" for i in range(5_800)) + "}", "unknown_key"),
    "anchors": (lambda: "- &a x\n" * 5_900, "anchor"),
    "tags": (lambda: "- !x y\n" * 5_900, "tag"),
    "one key again and again": (lambda: "a: 1\n" * 5_900, "duplicate_key"),
    "unknown keys": (lambda: "".join(f"k{i}: 1\n" for i in range(5_900)), "unknown_key"),
    "invisible characters": (lambda: "".join(f"k{i}: \u00a01\n" for i in range(5_900)), "odd_character"),
    "an open quote": (lambda: 'a: "' + "x: y\n" * 40_000, "yaml"),
    "colons": (lambda: "a: " * 60_000, "yaml"),
    "backslashes": (lambda: 'a: "' + "\\" * 100_001 + '"', "yaml"),
    "documents": (lambda: "---\n" * 50_000, "two_documents"),
    "percent signs": (lambda: "%x\n" * 50_000, "yaml"),
    "hashes": (lambda: "a: b #" * 30_000, "unknown_key"),
    "commas": (lambda: "a: [" + "," * 100_000, "yaml"),
    "a null character": (lambda: "a: \x00", "yaml"),
    "half a surrogate pair": (lambda: "a: \ud800", "yaml"),
    "every field misspelt": (functools.partial(wide, 800, 2_000), "unknown_field"),
    "fields without end": (functools.partial(wide, 5_000, 0), "too_many"),
}


@pytest.mark.parametrize("name", HARM)
def test_harm_is_refused(name: str) -> None:
    """A hostile file is refused with problems that stand in it, before it costs anything."""
    make, code = HARM[name]
    text = make()
    before = time.perf_counter()
    made, problems, shown = pipeline.inspect(text, "f.yaml", environ={})
    took = time.perf_counter() - before
    assert made is None
    assert code in {problem.code for problem in problems}
    lines = shown.split("\n")
    assert all(laws.inside(problem, lines) for problem in problems)
    assert took < HANG_SECONDS, f"{name}: {took:.1f} s"


def test_no_stack_is_harmed() -> None:
    """The deepest file leaves the process alone, even where the stack is small."""
    program = (
        "import resource, threading; threading.stack_size(256 * 1024)\n"
        "from mapper import pipeline\n"
        "run = lambda: print([p.code for p in pipeline.inspect('[' * 100_000, environ={})[1]])\n"
        "thread = threading.Thread(target=run); thread.start(); thread.join()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "['too_deep']"), done.stderr


def test_a_line_without_end_is_placed() -> None:
    """The last line of a file needs no line end for a problem to lie inside."""
    for text in ("mapping: 1\na", "---\n#", "a:", "- ", "a: [", "mapping: 1\nfields: {", "'", "a: |", "? "):
        laws.check_file(text)
