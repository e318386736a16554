"""The data-loss traps of YAML, JMESPath, Cerberus and postal data: each is impossible here, or reported.

Knows docs/traps.md: one test or more a row, named for the row. Where a trap is reported, the test holds the place under
the caret, the reason and the text to write instead, and writes that text to see it work.
"""

from __future__ import annotations

import re
import textwrap
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import cerberus
import jmespath
import jsonschema
import pytest
import yaml

from mapper import functions, pipeline, source
from mapper.errors import Problem
from mapper.pipeline.coverage import Coverage
from mapper.plan.schema import mapping_schema
from mapper.source.complaints import quoted

TESTS = Path(__file__).resolve().parent
TABLE = TESTS.parent / "docs" / "traps.md"
ROWS = [
    f"{section}{number}" for section, last in zip("ABCDF", (20, 6, 13, 11, 10), strict=True)
    for number in range(1, last + 1)
]  # fmt: skip


# ----------------------------------------------------------------------------------------------- a mapping, and its run


def whole(fields: str, rest: str = "") -> str:
    """A whole mapping around the lines of its fields: the first of them is line 4, from column 3."""
    lines = textwrap.indent(textwrap.dedent(fields).strip("\n"), "  ")
    return f"mapping: 1\ndestination: Post\nfields:\n{lines}\nsend: {{url: 'https://post.example/cards'}}\n{rest}"


class Seen(NamedTuple):
    """A problem as its reader sees it: how bad, which code, where, and the text above the caret."""

    level: str
    code: str
    line: int
    column: int
    under: str


def inspect(text: str) -> tuple[Problem, ...]:
    """Everything that is wrong or doubtful in a mapping."""
    return pipeline.inspect(text, "post.yaml", {})[1]


def seen(text: str) -> list[Seen]:
    """Everything that is wrong or doubtful in a mapping, as its reader sees it."""
    return [see(text, problem) for problem in inspect(text)]


def see(text: str, problem: Problem) -> Seen:
    """One problem as its reader sees it."""
    place = problem.position
    assert place is not None
    under = text.split("\n")[place.line - 1][place.column - 1 :][: place.width]
    return Seen(problem.level, problem.code, place.line, place.column, under)


def only(text: str) -> Problem:
    """The one problem of a mapping."""
    (problem,) = inspect(text)
    return problem


def run(text: str, traits: dict[str, Any] | None = None, **call: Any) -> pipeline.Result:
    """What becomes of one call."""
    made = pipeline.loads(text, "post.yaml", {})
    return made.transform({"type": "identify", "messageId": "m1", "userId": "u1", "traits": traits or {}, **call})


def body(text: str, traits: dict[str, Any] | None = None) -> dict[str, Any]:
    """The request's body for a call that is ready."""
    result = run(text, traits)
    assert result.problems == ()
    assert result.request is not None
    made = result.request.body
    assert isinstance(made, dict)
    return made


def codes(problems: Iterable[Problem]) -> list[tuple[str, str | None]]:
    """Code and field of each problem."""
    return [(problem.code, problem.field) for problem in problems]


def ends(result: pipeline.Result) -> dict[str, str]:
    """What became of each trait, in a few words."""
    return {account.name: " ".join((account.end, *account.to)) for account in result.accounts}


def suggested(problem: Problem) -> str:
    """The text that a hint says to write."""
    hint = problem.hint or ""
    match = re.search(r"write (\".*?\"|'(?:[^']|'')*')", hint)
    assert match, hint
    return match[1]


def swapped(text: str, wrong: str, right: str) -> str:
    """The mapping with one text in it exchanged."""
    assert text.count(wrong) == 1
    return text.replace(wrong, right)


def mended(text: str, problems: Iterable[Problem]) -> str:
    """The mapping with what stands above each caret exchanged for what the hint says, last first."""
    lines = text.split("\n")
    for problem in sorted(problems, key=lambda p: (p.position.line, p.position.column), reverse=True):  # type: ignore[union-attr] # each has a place
        place = problem.position
        assert place is not None
        line = lines[place.line - 1]
        lines[place.line - 1] = line[: place.column - 1] + suggested(problem) + line[place.column - 1 + place.width :]
    return "\n".join(lines)


def kept(fields: str, traits: dict[str, Any] | None = None) -> tuple[dict[str, Any], list[str]]:
    """The body of a mapping in which plain words stay what was typed, and the words that are reported.

    Each report has its caret under the whole word and says what to write; with that, nothing is left to report.
    """
    text = whole(fields)
    problems = inspect(text)
    for problem in problems:
        level, code, _, _, under = see(text, problem)
        assert (level, code) == ("warning", "reads_differently")
        assert problem.message.startswith(f"{under} is read as text here, but other YAML tools read ")
        assert problem.hint == f"write '{under}'"
    quiet = mended(text, problems)
    assert inspect(quiet) == ()
    assert body(text, traits) == body(quiet, traits)
    return body(text, traits), [see(text, problem).under for problem in problems]


# ------------------------------------------------------------------------------------------- A. values in the YAML file


def test_a1_norway_stays_no() -> None:
    """YAML 1.1 reads false; with that, nobody in Norway gets a card."""
    assert yaml.safe_load("[NO, no, No]") == [False, False, False]
    fields = """
        country: {const: NO}
        small: {const: no}
        known: {from: traits.country, rules: {allowed: [NO, SE]}}
        read: {from: traits.name, values: {NO: [Norway, Norge], SE: Sweden}}
    """
    made, reported = kept(fields, {"country": "NO", "name": "norge"})
    assert made == {"country": "NO", "small": "no", "known": "NO", "read": "NO"}
    assert reported == ["NO", "no", "NO", "NO"]
    assert seen(whole(fields))[0] == Seen("warning", "reads_differently", 4, 20, "NO")


def test_a2_ontario_stays_on_as_a_key_too() -> None:
    """YAML 1.1 reads true, also where the word is a key."""
    assert yaml.safe_load("{NO: Norway, ON: Ontario}") == {False: "Norway", True: "Ontario"}
    fields = """
        state: {const: ON}
        shop: {const: OFF}
        answer: {const: yes}
        letter: {const: y}
        read: {from: traits.state, values: {ON: [Ontario], QC: [Quebec]}}
        ON: traits.state
    """
    made, reported = kept(fields, {"state": "Ontario"})
    assert made == {"state": "ON", "shop": "OFF", "answer": "yes", "letter": "y", "read": "ON", "ON": "Ontario"}
    assert reported == ["ON", "OFF", "yes", "y", "ON", "ON"]


def test_a3_a_zip_keeps_its_zero() -> None:
    """YAML 1.1 reads octal numbers: 1116, 3608, 321."""
    assert yaml.safe_load("[02134, 07030, 00501]") == [1116, 3608, 321]
    fields = "zip: {const: 02134}\nother: {from: traits.zip, default: 07030}\nleast: {const: 00501}"
    made, reported = kept(fields)
    assert made == {"zip": "02134", "other": "07030", "least": "00501"}
    assert reported == ["02134", "07030", "00501"]
    first = inspect(whole(fields))[0]
    assert see(whole(fields), first) == Seen("warning", "reads_differently", 4, 16, "02134")
    assert first.message == "02134 is read as text here, but other YAML tools read a smaller number"


def test_a4_a_zip_with_an_eight_or_a_nine_is_no_exception() -> None:
    """YAML 1.1 happens to keep 08540; YAML 1.2 makes 8540 of it, so it is reported as the others are."""
    assert yaml.safe_load("08540") == "08540"
    made, reported = kept(
        "zip: {const: 08540}\nsome: {from: traits.zip, rules: {allowed: [08540, 02134]}}", {"zip": "08540"}
    )
    assert made == {"zip": "08540", "some": "08540"}
    assert reported == ["08540", "08540", "02134"]


def test_a5_a_plain_zip_is_text_and_meets_its_rule() -> None:
    """Elsewhere it is a number, and Cerberus does not apply `regex` to numbers."""
    assert cerberus.Validator({"zip": {"regex": "[A-Z]"}}).validate({"zip": yaml.safe_load("90250")})
    made, reported = kept("zip: {const: 90250, rules: {regex: '[0-9]{5}'}}")
    assert (made, reported) == ({"zip": "90250"}, ["90250"])
    broken = whole("zip: {const: 90250, rules: {regex: '[A-Z]{5}'}}")
    assert [s for s in seen(broken) if s.level == "error"] == [Seen("error", "fixed_value_breaks_rule", 4, 16, "90250")]


def test_a6_a_telephone_number_keeps_its_plus() -> None:
    """Elsewhere it is a number, and a number has no plus."""
    assert yaml.safe_load("+15551234567") == 15551234567
    made, reported = kept("phone: {const: +15551234567}\nother: {const: 5551234567}")
    assert made == {"phone": "+15551234567", "other": "5551234567"}
    assert reported == ["+15551234567", "5551234567"]


def test_a7_a_time_of_day_is_no_number_of_seconds() -> None:
    """YAML 1.1 counts in sixties."""
    assert yaml.safe_load("[12:30, 22:22, 190:20:30]") == [750, 1342, 685230]
    fields = "a: {const: 12:30}\nb: {const: 22:22}\nc: {const: 190:20:30}\nsend_at: {const: 10:30}\nd: {const: 09:30}"
    made, reported = kept(fields)
    assert made == {"a": "12:30", "b": "22:22", "c": "190:20:30", "send_at": "10:30", "d": "09:30"}
    assert reported == ["12:30", "22:22", "190:20:30", "10:30", "09:30"]
    assert "other YAML tools read a number of seconds" in inspect(whole(fields))[0].message


def test_a8_an_apartment_is_no_power_of_ten() -> None:
    """YAML 1.2 makes 1000.0 of 1E3."""
    made, reported = kept("unit: {const: 1E3}\nid: {from: traits.id, rules: {allowed: [12E5]}}", {"id": "12E5"})
    assert (made, reported) == ({"unit": "1E3", "id": "12E5"}, ["1E3", "12E5"])


def test_a9_codes_are_no_numbers_in_another_base() -> None:
    """YAML 1.1 reads 31, 5, 12345 and 1000."""
    assert yaml.safe_load("[0x1F, 0b101, 12_345, 1_000]") == [31, 5, 12345, 1000]
    made, reported = kept(
        "a: {const: 0x1F}\nb: {const: 0b101}\nc: {const: 12_345}\nd: {const: 1_000}\ne: {const: 0o17}"
    )
    assert made == {"a": "0x1F", "b": "0b101", "c": "12_345", "d": "1_000", "e": "0o17"}
    assert reported == ["0x1F", "0b101", "12_345", "1_000", "0o17"]


def test_a10_the_name_null_is_a_name() -> None:
    """Elsewhere Null and ~ are nothing at all."""
    assert yaml.safe_load("[Null, ~]") == [None, None]
    made, reported = kept("last_name: {const: Null}\ntilde: {const: ~}\nread: traits.name", {"name": "Null"})
    assert made == {"last_name": "Null", "tilde": "~", "read": "Null"}
    assert reported == ["Null", "~"]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ("a: {from: traits.a, default: }", 4), ("a:\n  from: traits.a\n  default:", 6), ("a: {const: }", 4),
        ("a: {type: number, const: }", 4), ("a: {type: any, default: }", 4), ("a: {type: any, const: null}", 4),
        ("a:", 4), ("a: {from: }", 4),
    ],
)  # fmt: skip
def test_a10_a_value_that_was_forgotten_is_an_error(fields: str, line: int) -> None:
    """Nothing behind a colon is no blank text: that is written with quotes."""
    text = whole(fields)
    problem = only(text)
    place = problem.position
    assert place is not None
    assert (problem.level, problem.code, place.line) == ("error", "empty_value", line)
    before = text.split("\n")[line - 1][: place.column - 1]
    assert before.rstrip().endswith(":")
    assert problem.hint is not None


def test_a10_a_blank_text_is_written_with_quotes() -> None:
    """So the hint for a forgotten value works."""
    hint = only(whole("a: {from: traits.a, default: }")).hint
    assert hint == "write the value behind the colon; for a blank text write ''"
    assert body(whole("a: {from: traits.a, default: ''}")) == {"a": ""}


def test_a11_fractions_versions_and_agents_are_text() -> None:
    """YAML 1.1 reads 0.5, 5.0, 1.1 and 7."""
    assert yaml.safe_load("[.5, 5., 1.10, 007]") == [0.5, 5.0, 1.1, 7]
    made, reported = kept("a: {const: .5}\nb: {const: 5.}\nc: {const: 1.10}\nd: {const: 007}")
    assert made == {"a": ".5", "b": "5.", "c": "1.10", "d": "007"}
    assert reported == [".5", "5.", "1.10", "007"]


def test_a12_a_date_is_text() -> None:
    """YAML 1.1 makes a date object, which JSON cannot say."""
    assert type(yaml.safe_load("2020-01-01")).__name__ == "date"
    made, reported = kept("since: {const: 2020-01-01}")
    assert (made, reported) == ({"since": "2020-01-01"}, ["2020-01-01"])


def test_a13_a_key_given_twice_is_an_error_that_names_both_lines() -> None:
    """PyYAML keeps the last one without a word."""
    assert yaml.safe_load("a: 1\na: 2") == {"a": 2}
    text = whole("city: traits.city\nzip: traits.zip\ncity: traits.town")
    problem = only(text)
    assert see(text, problem) == Seen("error", "duplicate_key", 6, 3, "city")
    assert (problem.message, problem.hint) == ("'city' is given twice (first on line 4)", "keep one of the two")
    assert inspect(swapped(text, "  city: traits.town\n", "")) == ()


def test_a14_a_lone_equals_sign_or_arrow_is_text() -> None:
    """PyYAML raises a ConstructorError for both."""
    for word in ("=", "<<"):
        with pytest.raises(yaml.constructor.ConstructorError):
            yaml.safe_load(f"a: {word}")
    made, reported = kept("sign: {const: =}\narrow: {const: <<}")
    assert (made, reported) == ({"sign": "=", "arrow": "<<"}, ["=", "<<"])


def test_a14_a_merge_key_is_refused() -> None:
    """A reader has to see the whole mapping in one place."""
    text = whole("city: {<<: {const: Boston}, default: X, from: traits.city}")
    problem = only(text)
    assert see(text, problem) == Seen("error", "merge_key", 4, 10, "<<")
    assert problem.hint == "write the keys out: a reader must see the whole mapping in one place"
    assert body(whole("city: {const: Boston}")) == {"city": "Boston"}


def test_a15_what_other_tools_write_without_quotes_is_read_as_it_was_meant() -> None:
    """`safe_dump` leaves 08540 and 1e3 bare, because YAML 1.1 reads them as text; YAML 1.2 does not."""
    dumped = yaml.safe_dump(
        {"zip": {"const": "08540"}, "n": {"const": "1e3"}}, default_flow_style=True, sort_keys=False
    )
    assert dumped.strip() == "{zip: {const: 08540}, n: {const: 1e3}}"
    made, _ = kept("zip: {const: 08540}\nn: {const: 1e3}")
    assert made == {"zip": "08540", "n": "1e3"}


@pytest.mark.parametrize(
    "text", ["08540", "1e3", "NO", "it's", "a # b", "x: y", "`a`", "'a' == \"b\"", r"\d", r"\d'\""]
)
def test_a15_every_text_that_is_suggested_is_in_quotes(text: str) -> None:
    """The engine writes no mapping; what its hints say to write, every YAML tool reads alike."""
    written = quoted(text)
    assert written[0] in "'\""
    assert yaml.safe_load(f"[a, {written}]") == ["a", text]
    root = source.read(f"[a, {written}]", "x.yaml").root
    assert isinstance(root, source.Series)
    assert [part.text for part in root.parts if isinstance(part, source.Scalar)] == ["a", text]


def test_a16_editor_and_engine_read_the_same() -> None:
    """An editor reads YAML 1.2 and would take the zero away; the schema asks for text, so it marks the number."""
    text = whole("zip: traits.zip", "custom_fields: {prefix: 0755}\n")
    assert seen(text) == [Seen("warning", "reads_differently", 6, 25, "0755")]
    assert body(text, {"a": "b"}) == {"0755a": "b"}
    in_editor = {
        "mapping": 1,
        "destination": "Post",
        "fields": {"zip": "traits.zip"},
        "send": {"url": "https://x.example"},
    }
    validator = jsonschema.Draft7Validator(mapping_schema())
    assert validator.is_valid({**in_editor, "custom_fields": {"prefix": "0755"}})
    (marked,) = validator.iter_errors({**in_editor, "custom_fields": {"prefix": 755}})
    assert any(e.message == "755 is not of type 'string'" for e in [marked, *(marked.context or ())])


def test_a17_a_pattern_in_double_quotes_is_an_error() -> None:
    """The pattern is suggested in single quotes, where a backslash is a backslash."""
    text = whole(r'zip: {from: traits.zip, rules: {regex: "\d{5}"}}')
    problem = only(text)
    assert see(text, problem) == Seen("error", "yaml", 4, 43, "\\")
    assert problem.message == "a backslash inside double quotes"
    right = swapped(text, r'"\d{5}"', suggested(problem))
    assert suggested(problem) == r"'\d{5}'"
    assert body(right, {"zip": "02134"}) == {"zip": "02134"}
    assert codes(run(right, {"zip": "2134"}).problems) == [("regex", "zip")]


@pytest.mark.parametrize(
    ("pattern", "value", "character"),
    [(r"\bUS\b", "US", "\b"), (r"\PN{2}", "US", "\u2029"), (r"\PN{2}\_?", "US", "\u2029")],
)
def test_a17_a_backslash_that_yaml_eats_is_an_error(pattern: str, value: str, character: str) -> None:
    """A word boundary of a pattern is a backspace in double quotes, and nothing ever matches it."""
    assert character in yaml.safe_load(f'"{pattern}"')
    text = whole(f'country: {{from: traits.country, rules: {{regex: "{pattern}"}}}}')
    problem = only(text)
    assert see(text, problem) == Seen("error", "control_character", 4, 51, pattern[:2])
    assert (
        problem.message == f"double quotes make one character of {pattern[:2]}, which is not what a pattern means by it"
    )
    right = swapped(text, f'"{pattern}"', suggested(problem))
    if r"\_" not in pattern:
        assert body(right, {"country": value}) == {"country": value}


@pytest.mark.parametrize(
    ("fields", "place", "pattern", "fits"),
    [
        ("state: {from: traits.x, rules: {regex: [A-Z]{2}}}", (4, 42, "["), "[A-Z]{2}", "CA"),
        ("state:\n  from: traits.x\n  rules:\n    regex: [A-Z]{2}   # letters", (7, 14, "["), "[A-Z]{2}", "CA"),
        ("zip: {from: traits.x, rules: {regex: [0-9]{5}(-[0-9]{4})?}}", (4, 40, "["), "[0-9]{5}(-[0-9]{4})?", "02134"),
        (r"zip: {from: traits.x, rules: {regex: \d{5}}}", (4, 42, "{"), r"\d{5}", "02134"),
        ("state: {from: traits.x, rules: {regex: ^[A-Z]+, maxlength: 2}}", (4, 43, "["), "^[A-Z]+", "CA"),
    ],
)
def test_a18_a_pattern_without_quotes_gets_them(
    fields: str, place: tuple[int, int, str], pattern: str, fits: str
) -> None:
    """YAML reads brackets as lists and maps; the report stands at the pattern and holds it in quotes."""
    text = whole(fields)
    problem = only(text)
    assert see(text, problem) == Seen("error", "yaml", *place)
    assert problem.message in ("YAML reads [ ] as a list", "YAML reads { } as a map")
    assert suggested(problem) == f"'{pattern}'"
    right = swapped(text, pattern, suggested(problem))
    assert [p.code for p in inspect(right)] in ([], ["regex_anchor"])
    assert list(body(right, {"x": fits}).values()) == [fits]
    assert codes(run(right, {"x": "a!"}).problems)[0][0] == "regex"


def test_a18_a_pattern_that_is_a_whole_list_is_an_error_too() -> None:
    """`[A-Z]` alone is good YAML: a list."""
    text = whole("initial: {from: traits.x, rules: {regex: [A-Z]}}")
    problem = only(text)
    assert see(text, problem) == Seen("error", "bad_regex", 4, 44, "[")
    assert problem.message == "YAML reads a list here, not a pattern"
    assert (problem.hint or "").startswith("put the pattern in single quotes: regex: '[A-Z]")
    assert body(swapped(text, "[A-Z]", "'[A-Z]'"), {"x": "A"}) == {"initial": "A"}


@pytest.mark.parametrize(
    ("name", "character"),
    [("no-break space", "\u00a0"), ("zero width space", "\u200b"), ("zero width no-break space", "\ufeff")],
)
def test_a19_an_invisible_character_is_named_at_its_place(name: str, character: str) -> None:
    """It comes with text from a web page, and makes another key or another name of it."""
    text = whole(f"city: {{const: New{character}York}}\nzip: traits.zip")
    problem = only(text)
    assert see(text, problem) == Seen("error", "odd_character", 4, 20, character)
    assert problem.message == f"there is an invisible character here: {name} (U+{ord(character):04X})"
    assert problem.hint == "delete it and type a plain space; it often comes with pasted text"
    assert body(swapped(text, character, " ")) == {"city": "New York"}


def test_a19_an_invisible_character_in_a_key_or_an_expression() -> None:
    """It is named once, where it stands, and taking it out is all there is to do."""
    text = whole("city\u00a0: traits.city\nzip: traits.z\u200bip")
    assert seen(text) == [
        Seen("error", "odd_character", 4, 7, "\u00a0"),
        Seen("error", "odd_character", 5, 16, "\u200b"),
    ]
    right = text.replace("\u200b", "").replace("\u00a0", "")
    assert body(right, {"city": "X", "zip": "1"}) == {"city": "X", "zip": "1"}


def test_a19_a_mark_at_the_start_of_the_file_is_left_out() -> None:
    """Some editors put a byte order mark there; it says nothing."""
    assert body("\ufeff" + whole("city: traits.city"), {"city": "X"}) == {"city": "X"}


def test_a19_curly_quotes_are_no_quotes() -> None:
    """YAML takes them for letters, so they would be printed."""
    assert yaml.safe_load("“US”") == "“US”"
    text = whole("country: {const: “US”}")
    problem = only(text)
    assert see(text, problem) == Seen("error", "odd_character", 4, 20, "“US”")
    assert (problem.message, problem.hint) == ("these are curly quotes: YAML takes them as letters", "write 'US'")
    assert body(mended(text, [problem])) == {"country": "US"}


def test_a20_aliases_and_anchors_are_refused() -> None:
    """Nine of nine times nine make half a billion; here each is refused where it stands, and nothing is expanded."""
    bomb = "\n".join(f"a{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9 if n else ['traits.a'] * 9)}]" for n in range(9))
    text = whole(bomb)
    found = [s for s in seen(text) if s.code in ("alias", "anchor")]
    assert [(s.code, s.line) for s in found][:2] == [("anchor", 4), ("anchor", 5)]
    assert Seen("error", "alias", 5, 12, "*") in found
    hints = {p.hint for p in inspect(text) if p.code == "alias"}
    assert hints == {"write the text out; if a value starts with *, put it in single quotes"}
    assert pipeline.inspect(text, "post.yaml", {})[0] is None


def test_a20_depth_and_size_end_the_reading() -> None:
    """100,000 nested brackets end the process in libyaml's composer; here the 33rd level is where reading stops."""
    text = whole(f"a: {'[' * 100_000}")
    problem = only(text)
    assert (problem.code, problem.message) == ("too_deep", "nested more than 32 levels deep")
    assert see(text, problem) == Seen("error", "too_deep", 4, 36, "[")
    assert [p.code for p in inspect(whole("a: " + "x" * 300_000))] == ["too_large"]
    assert [p.code for p in inspect(whole("a: [" + "traits.a," * 20_000 + "]"))] == ["too_many"]


# ------------------------------------------------------------------------------------ B. JMESPath written inside YAML


@pytest.mark.parametrize("word", ["US", "Segment", "us", "email"])
def test_b1_a_fixed_text_in_quotes_is_no_field(word: str) -> None:
    """YAML takes the quotes away, and JMESPath looks for a name; the closed scope knows that there is none."""
    assert jmespath.search(yaml.safe_load(f"'{word}'"), {"traits": {}}) is None
    text = whole(f"place: {{from: '{word}'}}")
    problem = only(text)
    assert see(text, problem) == Seen("error", "unknown_name", 4, 18, word)
    assert problem.message == f"an expression of a field knows no name '{word}'"
    assert (problem.hint or "").endswith(f"for a fixed text write const: '{word}'; for a trait write traits.{word}")
    assert body(swapped(text, f"from: '{word}'", f"const: '{word}'")) == {"place": word}
    assert body(swapped(text, f"'{word}'", f"traits.{word}"), {word: "x"}) == {"place": "x"}


@pytest.mark.parametrize(
    ("written", "column", "under"),
    [("'United States'", 25, "S"), ("Ada King", 21, "K"), ("90250", 17, "9"), ("02134", 17, "0")],
)
def test_b1_words_and_numbers_are_no_expressions(written: str, column: int, under: str) -> None:
    """What stands there is a fixed text, and is suggested as one."""
    text = whole(f"place: {{from: {written}}}")
    problem = only(text)
    assert see(text, problem) == Seen("error", "syntax", 4, column, under)
    plain = written.strip("'")
    assert f"for a fixed text write const: '{plain}'" in (problem.hint or "")
    assert body(swapped(text, f"from: {written}", f"const: '{plain}'")) == {"place": plain}


@pytest.mark.parametrize("written", ["Web", "application/json", "Ada King", "'Web'", "7"])
def test_b1_in_a_header_a_fixed_text_stands_in_the_expression(written: str) -> None:
    """There is no `const` for a header; the text is suggested with quotes for JMESPath inside those for YAML."""
    text = whole("a: traits.a").replace("cards'}", f"cards', headers: {{X-Source: {written}}}}}")
    problem = only(text)
    assert (problem.level, see(text, problem).line) == ("error", 5)
    plain = written.strip("'")
    assert suggested(problem) == f"\"'{plain}'\""
    request = run(swapped(text, f": {written}}}", f": {suggested(problem)}}}"), {"a": "1"}).request
    assert request is not None
    assert dict(request.headers)["X-Source"] == plain


@pytest.mark.parametrize(
    ("written", "column", "under", "right"),
    [
        ('"first-name"', 23, "-", 'traits."first-name"'),
        ("traits.first-name", 29, "-", """'traits."first-name"'"""),
        ("traits.first name", 30, "n", """'traits."first name"'"""),
        ("lower(traits.first-name)", 35, "-", """'lower(traits."first-name")'"""),
        ("traits.loyalty/tier", 31, "/", """'traits."loyalty/tier"'"""),
    ],
)
def test_b2_a_name_with_a_dash_gets_double_quotes(written: str, column: int, under: str, right: str) -> None:
    """YAML takes the quotes of `"first-name"` away; and without any, JMESPath stops at the dash."""
    text = whole(f"first: {{from: {written}}}")
    problem = only(text)
    assert see(text, problem) == Seen("error", "syntax", 4, column, under)
    assert right in (problem.hint or "")
    name = re.search(r'"([^"]*)"', right)
    assert name is not None
    assert body(swapped(text, written, right), {name[1]: "ada"}) == {"first": "ada"}


@pytest.mark.parametrize(
    "fields", ["a: join(' # ', [traits.x, traits.y])", "a:\n  from: join(' # ', [traits.x, traits.y])"]
)
def test_b3_a_sign_that_yaml_takes_for_a_comment(fields: str) -> None:
    """Behind a space, # begins a comment: the expression ends in the middle of a text."""
    assert yaml.safe_load("join(' # ', [x])") == "join('"
    text = whole(fields)
    problem = only(text)
    assert see(text, problem)[:2] == ("error", "syntax")
    assert see(text, problem).under == "'"
    assert problem.message == "the quote ' is opened here and never closed"
    assert (problem.hint or "").startswith("YAML ends a text at a # after a space")
    assert suggested(problem) == "\"join(' # ', [traits.x, traits.y])\""
    right = swapped(text, "join(' # ', [traits.x, traits.y])", suggested(problem))
    assert body(right, {"x": "1", "y": "2"}) == {"a": "1 # 2"}
    assert inspect(whole("a: traits.x   # a comment that is one")) == ()


def test_b3_inside_braces_the_comment_takes_the_closing_brace_too() -> None:
    """YAML stops on a later line; the report stands at the sign."""
    text = whole("a: {from: join(' # ', [traits.x, traits.y])}\nb: traits.b")
    problem = only(text)
    assert see(text, problem) == Seen("error", "yaml", 4, 20, "#")
    assert problem.message == "YAML takes a # after a space for a comment"
    right = swapped(text, "join(' # ', [traits.x, traits.y])", suggested(problem))
    assert body(right, {"x": "1", "y": "2"}) == {"a": "1 # 2"}


@pytest.mark.parametrize(
    ("written", "code", "column"),
    [
        ("`1`", "yaml", 13), ("@.x", "yaml", 13), ("%x", "yaml", 13), ("|x", "yaml", 13), ("*.x", "yaml", 13),
        ("'x' == traits.x", "yaml", 17), ('"x".y', "yaml", 16), ("> x", "yaml", 13), ("?x", "yaml", 13),
    ],
)  # fmt: skip
def test_b4_a_value_that_starts_with_a_sign_of_yaml(written: str, code: str, column: int) -> None:
    """YAML gives the sign a meaning of its own, or none; the whole expression is suggested in quotes."""
    text = whole(f"a: {{from: {written}}}")
    problem = only(text)
    assert see(text, problem)[:4] == ("error", code, 4, column)
    assert yaml.safe_load(suggested(problem)) == written
    again = [p.code for p in inspect(swapped(text, written, suggested(problem)))]
    assert "yaml" not in again


@pytest.mark.parametrize(
    ("fields", "code", "line", "column"),
    [
        ("a: {when: !traits.vip, from: traits.a}", "tag", 4, 13),
        ("a: {from: traits.a, when: !traits.vip}", "yaml", 4, 29),
        ("a:\n  when: !traits.vip\n  from: traits.a", "tag", 5, 11),
    ],
)
def test_b4_a_bang_is_a_tag_and_gets_brackets_as_well(fields: str, code: str, line: int, column: int) -> None:
    """`!traits.vip` in quotes would be the next trap (C6), so the suggestion has both."""
    text = whole(fields)
    problem = inspect(text)[0]
    assert see(text, problem) == Seen("error", code, line, column, "!")
    assert problem.message == "YAML reads a word that starts with ! as a tag"
    assert suggested(problem) == "'!(traits.vip)'"
    assert body(swapped(text, "!traits.vip", suggested(problem)), {"a": "1"}) == {"a": "1"}


def test_b4_an_anchor_is_refused() -> None:
    """`&name` gives a place a name; an expression never starts so."""
    text = whole("a: {from: &name traits.a}")
    assert seen(text) == [Seen("error", "anchor", 4, 13, "&")]
    assert body(swapped(text, "&name ", ""), {"a": "1"}) == {"a": "1"}


def test_b4_a_list_is_a_list_of_spellings_and_elsewhere_an_error() -> None:
    """Under `from` a list is what the mapping language asks for; where one expression is due, it is reported."""
    assert body(whole("a: [traits.x, traits.y]\nb: {from: [traits.x, traits.y]}"), {"y": "1"}) == {"a": "1", "b": "1"}
    text = whole("a: {from: traits.x, clean: [value, traits.y]}\nb: {from: {a: traits.x}}")
    assert seen(text) == [Seen("error", "wrong_shape", 4, 30, "["), Seen("error", "wrong_shape", 5, 13, "{")]
    for problem, noun in zip(inspect(text), ("a list", "a map"), strict=True):
        assert problem.message == f"YAML reads {noun} here; an expression is due"
        assert problem.hint == "put the whole expression in single quotes"
    right = swapped(text, "[value, traits.y]", "'[value, traits.y] | [0]'")
    assert body(swapped(right, "{a: traits.x}", "'{a: traits.x} | a'"), {"x": "1"}) == {"a": "1", "b": "1"}


@pytest.mark.parametrize(
    ("fields", "column", "under"),
    [("a: traits.{b: x}", 15, ":"), ("a: {type: object, from: traits.{b: x}}", 34, "{")],
)
def test_b5_a_colon_inside_braces(fields: str, column: int, under: str) -> None:
    """YAML says "mapping values are not allowed here"; the expression is suggested in quotes."""
    text = whole(fields)
    problem = only(text)
    assert see(text, problem) == Seen("error", "yaml", 4, column, under)
    assert problem.message in ("a colon and a space inside a text", "YAML reads { } as a map")
    assert suggested(problem) == "'traits.{b: x}'"
    right = swapped(text, "traits.{b: x}", suggested(problem))
    right = right if "type" in right else swapped(right, "'traits.{b: x}'", "{type: object, from: 'traits.{b: x}'}")
    assert body(right, {"x": "1"}) == {"a": {"b": "1"}}


@pytest.mark.parametrize(
    ("written", "column", "message"),
    [
        ("join(' ', [traits.x, traits.y])", 43, "YAML does not read this as one text"),
        ("traits.x[?type=='home'] | [0]", 21, "YAML reads [ ] as a list"),
    ],
)
def test_b5_commas_and_brackets_inside_braces(written: str, column: int, message: str) -> None:
    """The same remedy for what YAML takes as lists and ends."""
    text = whole(f"a: {{from: {written}}}")
    problem = only(text)
    place = problem.position
    assert place is not None
    assert (problem.message, place.line, place.column) == (message, 4, column)
    assert yaml.safe_load(suggested(problem)) == written
    assert inspect(swapped(text, written, suggested(problem))) == ()


def test_b5_a_comma_that_ends_a_call_too_early() -> None:
    """Inside braces, YAML takes the comma between two arguments for the end of the text."""
    text = whole("zip: {from: traits.zip, clean: us_zip(value, fields.country), if_wrong: drop}\ncountry: {const: US}")
    first, second = inspect(text)
    assert see(text, first) == Seen("error", "syntax", 4, 45, "e")
    assert suggested(first) == "'us_zip(value, fields.country)'"
    assert see(text, second) == Seen("error", "unknown_key", 4, 48, "fields.country)")
    right = swapped(text, "us_zip(value, fields.country)", suggested(first))
    assert body(right, {"zip": 2134}) == {"zip": "02134", "country": "US"}


@pytest.mark.parametrize(
    ("written", "column", "under", "right"),
    [
        ("join_filled(' ', [traits.x, traits.y,])", 43, "]", "\"join_filled(' ', [traits.x, traits.y])\""),
        ("traits.x,", 14, ",", "'traits.x'"),
        ("lower(“X”) || traits.x", 12, "“", "\"lower('X') || traits.x\""),
        ("traits.x#1", 14, "#", "'traits.\"x#1\"'"),
        ("'lower(traits.x) )'", 23, ")", None),
    ],
)
def test_b6_the_caret_is_on_the_right_character(written: str, column: int, under: str, right: str | None) -> None:
    """The expression's own offset is carried into the file, behind the quote where there is one."""
    text = whole(f"a: {written}")
    problem = only(text)
    assert see(text, problem) == Seen("error", "syntax", 4, column, under)
    if right is None:
        assert problem.hint == "a ) is not opened"
        right = "'lower(traits.x)'"
    else:
        assert suggested(problem) == right
    assert [p.level for p in inspect(swapped(text, written, right))] in ([], ["warning"])
    assert body(swapped(text, written, right), {"x": "x", "y": "y", "x#1": "x"})["a"].startswith("x")


# ------------------------------------------------------------------------------------------- C. what JMESPath means


def sampled(text: str, *many: dict[str, Any]) -> list[Problem]:
    """What a sample of events shows about a mapping."""
    coverage = Coverage(pipeline.loads(text, "post.yaml", {}))
    for traits in many:
        coverage.add({"type": "identify", "messageId": "m1", "userId": "u1", "traits": traits})
    return coverage.problems()


def test_c1_a_misspelt_path_is_found_in_a_sample() -> None:
    """A path that leads nowhere is null and no error; a sample shows that it never matched, and what was meant."""
    text = whole("first_name: traits.frist_name\nemail: traits.Email")
    traits = {"first_name": "Ada", "email": "ada@example.com"}
    result = run(text, traits)
    assert ends(result) == {"first_name": "dropped", "email": "dropped"}
    assert [tried.verdict for filling in result.fillings for tried in filling.tried] == ["absent", "absent"]
    first, second = sampled(text, traits)
    assert see(text, first) == Seen("warning", "never_matched", 4, 15, "traits.frist_name")
    assert first.message == "traits.frist_name was never filled in 1 event of the sample"
    assert (first.hint, second.hint) == ("did you mean traits.first_name?", "did you mean traits.email?")
    right = swapped(swapped(text, "traits.frist_name", "traits.first_name"), "traits.Email", "traits.email")
    assert (sampled(right, traits), body(right, traits)) == ([], traits)


def test_c2_to_string_prints_null() -> None:
    """`Ada null` on an envelope: reported at each call, with what leaves out what is absent."""
    text = whole("name: join(' ', [to_string(traits.first), to_string(traits.last)])")
    assert body(text, {"first": "Ada"}) == {"name": "Ada null"}
    assert seen(text) == [
        Seen("warning", "to_string_null", 4, 20, "to_string"),
        Seen("warning", "to_string_null", 4, 45, "to_string"),
    ]
    problem = inspect(text)[0]
    assert problem.message.startswith("to_string makes the text null of what is absent")
    right = swapped(text, "join(' ', [to_string(traits.first), to_string(traits.last)])", suggested(problem))
    assert inspect(right) == ()
    assert body(right, {"first": "Ada"}) == {"name": "Ada"}


def test_c3_a_number_is_printed_as_it_was_typed() -> None:
    """A text field makes 90250 of 90250.0; only to_string does not, and is reported."""
    assert jmespath.search("to_string(@)", 90250.0) == "90250.0"
    assert body(whole("zip: traits.zip\nline: \"join_filled(' ', [traits.zip, traits.zip])\""), {"zip": 90250.0}) == {
        "zip": "90250", "line": "90250 90250",
    }  # fmt: skip
    text = whole("zip: traits.zip && to_string(traits.zip)")
    problem = only(text)
    assert see(text, problem) == Seen("warning", "to_string_null", 4, 22, "to_string")
    assert "90250.0" in problem.message
    assert body(text, {"zip": 90250.0}) == {"zip": "90250.0"}
    right = swapped(text, "traits.zip && to_string(traits.zip)", suggested(problem))
    assert (inspect(right), body(right, {"zip": 90250.0})) == ((), {"zip": "90250"})


def test_c4_or_skips_false() -> None:
    """The flag false would be passed over; a list of spellings takes it. What no field takes keeps its false."""
    text = whole("vip: {type: flag, from: traits.vip || traits.gold}")
    problem = only(text)
    assert see(text, problem) == Seen("warning", "or_list", 4, 27, "traits.vip || traits.gold")
    assert problem.message == "|| passes over false as well as over what is absent, and hides the other spelling"
    assert problem.hint == "write a list: [traits.vip, traits.gold]"
    traits = {"vip": False, "gold": True}
    assert body(text, traits)["vip"] is True
    right = swapped(text, "traits.vip || traits.gold", "[traits.vip, traits.gold]")
    assert (inspect(right), body(right, traits)) == ((), {"vip": False})
    assert body(whole("mail: traits.mail"), {"in_audience": False}) == {"in_audience": False}


def test_c5_not_null_takes_blank_text() -> None:
    """`not_null('', 'x')` is the blank text; first_filled passes over it."""
    assert jmespath.search("not_null(a, b)", {"a": "", "b": "x"}) == ""
    text = whole("name: not_null(traits.nick, traits.name)")
    problem = only(text)
    assert see(text, problem) == Seen("warning", "not_null_blank", 4, 9, "not_null")
    assert problem.message == "not_null takes a blank text for a value"
    assert suggested(problem) == "'first_filled(traits.nick, traits.name)'"
    traits = {"nick": " ", "name": "Ada"}
    assert "name" not in run(text, traits).fields
    right = swapped(text, "not_null(traits.nick, traits.name)", suggested(problem))
    assert (inspect(right), run(right, traits).fields) == ((), {"name": "Ada"})


@pytest.mark.parametrize(
    ("written", "under", "column"),
    [
        ("'!traits.vip'", "!traits.vip", 14),
        ("'!(traits.a) && !traits.vip'", "!traits.vip", 29),
        ("'traits.b || !traits.vip && traits.b'", "!traits.vip", 26),
        ("'! traits.vip'", "! traits.vip", 14),
    ],
)
def test_c6_a_bang_takes_only_the_first_name(written: str, under: str, column: int) -> None:
    """`!traits.vip` is `(!traits).vip`, which is always null: an error, with brackets to write."""
    assert jmespath.search("!traits.vip", {"traits": {"vip": False}}) is None
    text = whole(f"a: {{when: {written}, from: traits.b}}")
    problem = only(text)
    assert see(text, problem) == Seen("error", "negation", 4, column, under)
    assert problem.message == "! takes only the first name: this is never true"
    right = swapped(text, written, suggested(problem))
    assert "!(traits.vip)" in right
    assert inspect(right) == ()
    assert body(right, {"b": "1"}) == {"a": "1"}


def test_c6_in_a_reason_to_skip_it_would_decide_about_money() -> None:
    """Never true, such a line would print every update of a profile."""
    text = whole("a: traits.a", "skip:\n  - {when: '!traits.order', because: no order}\n")
    problem = only(text)
    assert see(text, problem) == Seen("error", "negation", 7, 13, "!traits.order")
    right = swapped(text, "'!traits.order'", suggested(problem))
    assert [run(right, {"a": "1", "order": order}).status for order in (True, False)] == ["ready", "skipped"]


def test_c7_double_quotes_make_a_name_of_a_text() -> None:
    """`name == "Ada King"` compares with a field called Ada King, which nobody has."""
    assert jmespath.search('name == "Ada King"', {"name": "Ada King"}) is False
    text = whole("a: {when: 'traits.name == \"Ada King\"', from: traits.name}")
    problem = only(text)
    assert see(text, problem)[:4] == ("error", "unknown_name", 4, 29)
    assert problem.message == "an expression of a field knows no name 'Ada King'"
    assert suggested(problem) == "\"traits.name == 'Ada King'\""
    right = swapped(text, "'traits.name == \"Ada King\"'", suggested(problem))
    assert (inspect(right), body(right, {"name": "Ada King"})) == ((), {"a": "Ada King"})


def test_c7_a_text_that_is_also_a_name_of_the_scope() -> None:
    """`"type"` is a name that there is, so this one is only doubtful; a trait's own quotes are not."""
    text = whole("a: {when: 'traits.kind == \"type\"', from: traits.a}")
    problem = only(text)
    assert see(text, problem) == Seen("warning", "text_or_name", 4, 29, '"type"')
    assert suggested(problem) == "\"traits.kind == 'type'\""
    assert inspect(whole('a: {when: "traits.\\"first name\\" == \'Ada\'", from: traits.a}')) == ()


def test_c8_a_number_is_no_text() -> None:
    """A ZIP that came as a number equals no text of digits; a field is text, and text() makes one."""
    text = whole("a: {when: \"traits.zip == '2134'\", from: traits.a}")
    problem = only(text)
    assert see(text, problem) == Seen("warning", "number_or_text", 4, 28, "'2134'")
    assert problem.message == ("a number is never equal to a text, so this does not see a trait that comes as a number")
    traits = {"zip": 2134, "a": "1"}
    assert "a" not in run(text, traits).fields
    right = swapped(text, "\"traits.zip == '2134'\"", suggested(problem))
    assert inspect(right) == ()
    assert [run(right, {**traits, "zip": z}).fields for z in (2134, "2134", 2134.0, 2135)] == [{"a": "1"}] * 3 + [{}]
    field = whole("zip: traits.zip\na: {when: \"fields.zip == '2134'\", from: traits.a}")
    assert (inspect(field), body(field, traits)) == ((), {"zip": "2134", "a": "1"})


def test_c8_a_lost_zero_cannot_be_compared_back() -> None:
    """The number 2134 is the ZIP 02134 only for a field that restores the zero."""
    text = whole("a: {when: \"traits.zip == '02134'\", from: traits.a}")
    assert (only(text).code, only(text).hint) == (
        "number_or_text", "compare a field, which is text: fields.NAME == '02134'",
    )  # fmt: skip
    right = whole(
        "zip: {from: traits.zip, clean: \"us_zip(value, 'US')\"}\na: {when: \"fields.zip == '02134'\", from: traits.a}"
    )
    assert (inspect(right), body(right, {"zip": 2134, "a": "1"})) == ((), {"zip": "02134", "a": "1"})


def test_c9_to_number_eats_codes() -> None:
    """It makes 2134 of 02134 and a number of 1_000; number() and a field of type number take plain decimals."""
    text = whole("total: {type: number, from: to_number(traits.total)}")
    problem = only(text)
    assert see(text, problem) == Seen("warning", "to_number", 4, 31, "to_number")
    assert problem.message == "to_number takes the zeros from 02134 and reads words such as nan"
    assert body(text, {"total": "02134"}) == {"total": 2134}
    right = swapped(text, "to_number(traits.total)", suggested(problem))
    assert inspect(right) == ()
    assert [run(right, {"total": n}).fields for n in ("19.5", "02134", "nan", "1_000")] == [{"total": 19.5}, {}, {}, {}]


@pytest.mark.parametrize("word", ["nan", "inf", "-inf", "1_000", "1e3"])
def test_c9_what_is_no_plain_number_is_no_number(word: str) -> None:
    """Nothing that is not finite gets into a request, however it was made."""
    assert jmespath.search("to_number(@)", word) is not None
    assert codes(run(whole("total: {type: number, from: traits.total}"), {"total": word}).problems) == [
        ("wrong_type", "total")
    ]
    if word.endswith(("nan", "inf")):
        forced = run(whole("total: {type: number, from: to_number(traits.total)}"), {"total": word})
        assert (forced.status, codes(forced.problems), forced.request) == ("invalid", [("wrong_type", "total")], None)


def test_c10_a_path_into_a_list_or_a_text_is_found_in_a_sample() -> None:
    """It is null and no error: the traits stay accounted for, and a sample shows what they are."""
    text = whole("city: traits.addresses.city\nfirst: traits.name.first\nshort: traits.code[0:3]")
    traits = {"addresses": [{"city": "Boston"}], "name": "Ada", "code": "ABCD"}
    result = run(text, traits)
    assert result.fields == {}
    assert ends(result) == {"addresses": "custom addresses", "name": "custom name", "code": "custom code"}
    first, second, third = sampled(text, traits)
    assert see(text, first) == Seen("warning", "never_matched", 4, 9, "traits.addresses.city")
    assert first.hint == "traits.addresses is a list in 1 of 1 event, not an object: write traits.addresses[0].city"
    assert second.hint == "traits.name is a text in 1 of 1 event, not an object"
    assert "traits.code" in (third.hint or "")
    right = whole("city: 'traits.addresses[0].city'\nfirst: traits.name\nshort: traits.code")
    assert body(right, traits) == {"city": "Boston", "first": "Ada", "short": "ABCD"}


def test_c11_the_other_spelling_is_shown() -> None:
    """Two spellings with two values: the first wins, the second is marked as present and accounted for."""
    text = whole("first_name: [traits.first_name, traits.firstName]")
    result = run(text, {"first_name": "Elon", "firstName": "Ada"})
    (filling,) = result.fillings
    assert [(tried.text, tried.verdict, tried.value) for tried in filling.tried] == [
        ("traits.first_name", "taken", "Elon"), ("traits.firstName", "present", "Ada"),
    ]  # fmt: skip
    assert ends(result) == {"first_name": "mapped first_name", "firstName": "shadowed first_name"}
    assert result.fields == {"first_name": "Elon"}
    assert result.custom_fields == {}


def test_c12_no_part_of_an_object_is_lost() -> None:
    """The apartment number stands beside the street; that the street was taken does not take it."""
    text = whole("street: [traits.street, traits.address.street, traits.address]")
    result = run(text, {"address": {"street": "1 Rocket Road", "unit": "4B", "geo": {"lat": 1.5}}})
    assert ends(result) == {
        "address.street": "mapped street",
        "address.unit": "custom address_unit",
        "address.geo.lat": "custom address_geo_lat",
    }
    assert result.request is not None
    assert result.request.body == {"street": "1 Rocket Road", "address_unit": "4B", "address_geo_lat": 1.5}


def test_c13_a_custom_field_never_takes_a_name_that_belongs_to_another() -> None:
    """Neither a field's, filled or not, nor another trait's: it is dropped with a warning, and the card goes out."""
    text = whole("source: {const: Web}\nlast: traits.surname", "custom_fields: {names: snake}\n")
    result = run(text, {"source": "google", "last": "X", "Loyalty Tier": "gold", "loyalty_tier": "silver"})
    assert result.request is not None
    assert result.request.body == {"source": "Web", "loyalty_tier": "silver"}
    assert codes(result.warnings) == [
        ("name_taken", "source"), ("name_taken", "last"), ("name_taken", "loyalty_tier"),
    ]  # fmt: skip
    assert [w.message for w in result.warnings][::2] == [
        "the trait source is dropped: name taken by field source",
        "the trait Loyalty Tier is dropped: name taken by trait loyalty_tier",
    ]
    assert ends(result) == {
        "source": "dropped", "last": "dropped", "Loyalty Tier": "dropped", "loyalty_tier": "custom loyalty_tier",
    }  # fmt: skip
    own = whole('source: {const: Web}\nlead_source: traits.source\ntier: traits."Loyalty Tier"')
    assert body(own, {"source": "google", "Loyalty Tier": "gold"}) == {
        "source": "Web", "lead_source": "google", "tier": "gold",
    }  # fmt: skip


# --------------------------------------------------------------------------------------------------------- D. Cerberus


def refused(rule: str) -> Problem:
    """The report of a rule that is not taken, with its caret under the rule's name."""
    text = whole(f"a: {{from: traits.a, rules: {{{rule}}}}}")
    problem = only(text)
    assert see(text, problem) == Seen("error", "refused_rule", 4, 31, rule.partition(":")[0])
    return problem


def test_d1_nothing_is_made_a_text_that_is_none() -> None:
    """`coerce: str` makes None, True and ['a'] of null, true and a list. Here they are unfit, and 90250.0 is 90250."""
    problem = refused("coerce: str")
    assert problem.message == "the rule 'coerce' is not taken: its effect would not show in the preview"
    assert problem.hint == "write clean: beside rules:, with a function"
    assert body(whole("a: {from: traits.a, clean: lower(value)}"), {"a": "X"}) == {"a": "x"}
    text = whole("a: traits.a")
    assert body(text, {"a": 90250.0}) == {"a": "90250"}
    assert body(text, {"a": None}) == {}
    for value, noun in ((True, "a boolean"), (["a"], "a list"), ({"b": "c"}, "an object")):
        (unfit,) = run(text, {"a": value}).problems
        assert (unfit.code, unfit.message) == ("wrong_type", f"traits.a is {noun}, a text is due")


def test_d2_a_pattern_judges_numbers_too() -> None:
    """Cerberus does not apply `regex` to 90250; a text field has made a text of it before."""
    assert cerberus.Validator({"a": {"regex": "[A-Z]{2}"}}).validate({"a": 90250})
    assert codes(run(whole("a: {from: traits.a, rules: {regex: '[A-Z]{2}'}}"), {"a": 90250}).problems) == [
        ("regex", "a")
    ]
    assert body(whole("a: {from: traits.a, rules: {regex: '[0-9]{5}'}}"), {"a": 90250}) == {"a": "90250"}
    text = whole("a: {type: number, from: traits.a, rules: {regex: '[0-9]{5}'}}")
    assert seen(text) == [Seen("error", "rule_type", 4, 45, "regex")]
    assert (only(text).hint or "").startswith("say type: text at the field")
    assert body(swapped(text, "number", "text"), {"a": 90250}) == {"a": "90250"}


@pytest.mark.parametrize("value", ["CA\nX", "CA\n\n\nX", "xCA", "٠٢"])
def test_d3_a_pattern_matches_the_whole_value_in_ascii(value: str) -> None:
    """Cerberus only appends a $, and its digits are those of every script. Space at the ends is trimmed before."""
    text = whole(r"a: {from: traits.a, rules: {regex: '[A-Z]{2}|\d{2}'}}")
    assert codes(run(text, {"a": value}).problems) == [("regex", "a")]
    assert body(text, {"a": "CA\n"}) == {"a": "CA"}
    assert cerberus.Validator({"a": {"regex": "[A-Z]{2}"}}).validate({"a": "CA\n"})
    assert cerberus.Validator({"a": {"regex": r"\d{2}"}}).validate({"a": "٠٢"})


def test_d3_anchors_are_not_needed() -> None:
    r"""`^` and `$` are reported as needless; `\Z`, the usual cure, is refused with the reason."""
    text = whole("a: {from: traits.a, rules: {regex: '^[A-Z]{2}$'}}")
    assert seen(text) == [Seen("warning", "regex_anchor", 4, 39, "^"), Seen("warning", "regex_anchor", 4, 48, "$")]
    assert [p.hint for p in inspect(text)] == ["leave it out"] * 2
    text = whole(r"a: {from: traits.a, rules: {regex: '[A-Z]{2}\Z'}}")
    assert seen(text) == [Seen("error", "bad_regex", 4, 47, r"\Z")]
    assert only(text).hint == "leave it out: a rule matches the whole value"
    assert inspect(swapped(text, r"\Z", "")) == ()


@pytest.mark.parametrize("value", ["   ", "", "\u00a0", "\t\n", None, [], {}])
def test_d4_blank_is_missing(value: Any) -> None:
    """`empty: false` passes three spaces, and `required: true` a blank text. Here what is blank is not there."""
    assert cerberus.Validator({"a": {"empty": False, "required": True}}).validate({"a": "   "})
    text = whole("a: {from: traits.a, rules: {required: true}}")
    result = run(text, {"a": value})
    assert (result.status, codes(result.problems)) == ("invalid", [("missing", "a")])
    assert result.problems[0].message.startswith("it is required and missing")


def test_d4_the_rules_about_blanks_are_refused() -> None:
    """They would say nothing: there is a value, or there is none."""
    for rule in ("empty: false", "nullable: true"):
        problem = refused(rule)
        assert problem.message.endswith("is not taken: what is blank counts as absent, everywhere")
        assert problem.hint == "leave it out; required: true refuses what is absent"


def test_d5_true_is_no_number() -> None:
    """Python says that it is 1, and so does `type: integer`."""
    assert cerberus.Validator({"a": {"type": "integer"}}).validate({"a": True})
    for kind in ("whole", "number"):
        text = whole(f"a: {{type: {kind}, from: traits.a}}")
        (problem,) = run(text, {"a": True}).problems
        assert (problem.code, problem.message[:23]) == ("wrong_type", "traits.a is a boolean, ")
        assert body(text, {"a": 1}) == {"a": 1}


def test_d6_a_default_stands_for_whatever_is_not_filled() -> None:
    """Cerberus's default fills null but not a blank text. 0 and false are values, and keep their place."""
    validator = cerberus.Validator({"a": {"default": "US"}})
    assert validator.normalized({"a": ""}) == {"a": ""}
    assert (refused("default: US").hint or "").startswith("write default: beside rules:")
    text = whole("a: {type: any, from: traits.a, default: US}")
    nothing: tuple[Any, ...] = (None, "", "  ", [], {})
    assert [run(text, {"a": value}).fields for value in nothing] == [{"a": "US"}] * 5
    assert [run(text, {"a": value}).fields["a"] for value in (0, False)] == [0, False]


def test_d7_nothing_is_purged() -> None:
    """`purge_unknown` loses fields in silence; here each trait has an account, also where all are dropped."""
    assert cerberus.Validator({}, purge_unknown=True).normalized({"a": 1}) == {}
    problem = refused("purge_unknown: true")
    assert problem.message == "the rule 'purge_unknown' is not taken: nothing vanishes unseen"
    assert problem.hint == "traits that no field takes are the business of custom_fields:"
    result = run(whole("a: traits.a", "custom_fields: none\n"), {"a": "1", "b": "2"})
    assert [(x.name, x.end, x.reason) for x in result.accounts] == [
        ("a", "mapped", None), ("b", "dropped", "custom fields are switched off (custom_fields: none)"),
    ]  # fmt: skip


def test_d8_nothing_is_renamed_onto_another() -> None:
    """`rename` overwrites what is there; a field's name is where it goes, and two on one place are an error."""
    validator = cerberus.Validator({"a": {"rename": "b"}, "b": {}})
    assert validator.normalized({"a": 1, "b": 2}) == {"b": 1}
    assert refused("rename: b").hint == "give the field the name under which it is to be sent"
    text = whole("to.name: traits.a\nto: {type: object, from: traits.b}")
    assert seen(text) == [Seen("error", "place_taken", 5, 3, "to")]
    assert body(whole("b: traits.a\nc: traits.b"), {"a": "1", "b": "2"}) == {"b": "1", "c": "2"}


def test_d9_a_wrong_value_loses_no_event() -> None:
    """`normalized()` gives None for a document with an error; here the rest is there, and every trait accounted for."""
    validator = cerberus.Validator({"a": {"type": "integer", "coerce": int}, "b": {}})
    assert validator.normalized({"a": "x", "b": "y"}) is None
    text = whole("age: {type: whole, from: traits.a}\nb: traits.b")
    result = run(text, {"a": "x", "b": "z"})
    assert (result.status, codes(result.problems), result.fields) == ("invalid", [("wrong_type", "age")], {"b": "z"})
    assert ends(result) == {"a": "custom a", "b": "mapped b"}
    softer = swapped(text, "from: traits.a", "from: traits.a, if_wrong: drop")
    assert body(softer, {"a": "x", "b": "z"}) == {"b": "z", "a": "x"}


def test_d10_threads_share_a_mapping() -> None:
    """One Cerberus validator in eight threads accepted bad documents; one mapping gives one verdict."""
    text = whole(
        """
        a: {from: traits.a, rules: {required: true, anyof: [{maxlength: 2}, {regex: '[0-9]+'}]}}
        b: {type: list, from: traits.b, rules: {schema: {maxlength: 2}}}
        """
    )
    shared = pipeline.loads(text, "post.yaml", {})
    calls = [({"a": "CA", "b": ["x"]}, True), ({"a": "abc"}, False), ({"a": "12345"}, True), ({"b": ["x"]}, False),
             ({"a": "CA", "b": ["xyz"]}, False)]  # fmt: skip
    wrong: list[Any] = []
    start = threading.Barrier(8)

    def work(offset: int) -> None:
        start.wait()
        for turn in range(60):
            traits, right = calls[(turn + offset) % len(calls)]
            event = {"type": "identify", "messageId": "m1", "userId": "u1", "traits": traits}
            if (shared.transform(event).status == "ready") is not right:
                wrong.append(traits)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_d11_accents_count_once_and_nothing_is_cut() -> None:
    """40 letters é, typed as letter and accent, are 80 code points to Cerberus; the 41st is refused, not cut off."""
    decomposed = "e\u0301"
    assert not cerberus.Validator({"a": {"maxlength": 40}}).validate({"a": decomposed * 40})
    text = whole("a: {from: traits.a, rules: {maxlength: 40}}")
    assert body(text, {"a": decomposed * 40}) == {"a": "é" * 40}
    (problem,) = run(text, {"a": decomposed * 41}).problems
    assert (problem.code, problem.message) == ("maxlength", "it has 41 characters; the limit is 40")
    assert problem.hint == "nothing is cut to fit: shorten it where it comes from"
    assert see(text, problem) == Seen("error", "maxlength", 4, 31, "maxlength")


def test_d11_a_second_line_is_used_only_when_the_mapping_asks() -> None:
    """wrap_line breaks between words; both lines are the mapping's own."""
    text = whole("a1: wrap_line(traits.a, `16`, `1`)\na2: wrap_line(traits.a, `16`, `2`)")
    assert body(text, {"a": "1 Rocket Road Apt 4"}) == {"a1": "1 Rocket Road", "a2": "Apt 4"}
    assert body(text, {"a": "1 Rocket Road"}) == {"a1": "1 Rocket Road"}


# ------------------------------------------------------------------------------------------------------ F. normalisers

PHONE = "phone: {from: traits.phone, if_wrong: drop}"


def test_f1_a_decimal_point_is_not_dialled() -> None:
    """Libraries swallow the dot and dial another number. There is no function for telephone numbers."""
    assert body(whole(PHONE), {"phone": "3107099497.0"}) == {"phone": "3107099497.0"}
    assert body(whole(PHONE), {"phone": 3107099497.0}) == {"phone": "3107099497"}
    assert [name for name in functions.TABLE if "phone" in name or "e164" in name] == []
    text = whole("phone: {from: traits.phone, clean: phone(value)}")
    assert seen(text) == [Seen("error", "unknown_function", 4, 38, "phone")]
    assert "there is no function phone()" in only(text).message


@pytest.mark.parametrize("number", ["0047 22 12 34 56", "020 7946 0018", "+47 22 12 34 56"])
def test_f2_a_foreign_number_gets_no_country_put_before_it(number: str) -> None:
    """Read as a US number, the Norwegian one becomes +1 0047..."""
    assert body(whole(PHONE), {"phone": number, "country": "Norway"})["phone"] == number


def test_f3_an_extension_stays() -> None:
    """The usual form of a number has no place for it."""
    assert body(whole(PHONE), {"phone": "310 709 9497 x12"}) == {"phone": "310 709 9497 x12"}


@pytest.mark.parametrize("value", ["555 0100", "not a number", True, {"home": "310"}, ["310"]])
def test_f4_a_telephone_number_never_costs_a_card(value: Any) -> None:
    """What is no text is left out with a warning and stays accounted for; the card goes out."""
    result = run(whole(f"{PHONE}\nname: traits.name"), {"phone": value, "name": "Ada"})
    assert result.status == "ready"
    assert result.fields == ({"phone": value, "name": "Ada"} if isinstance(value, str) else {"name": "Ada"})
    assert (codes(result.warnings)[:1] == [("wrong_type", "phone")]) is not isinstance(value, str)
    assert {account.path[0] for account in result.accounts} == {"phone", "name"}


COUNTRY = "country: {from: traits.country, clean: country(value), rules: {required: true}}"


@pytest.mark.parametrize("name", ["Korea", "Georgia", "Congo", "Virgin Islands", "Untied States", "Kosovoo"])
def test_f5_a_country_is_never_guessed(name: str) -> None:
    """A fuzzy search answers North Korea for Korea. What two countries share, or nobody is called, is refused."""
    (problem,) = run(whole(COUNTRY), {"country": name}).problems
    assert (problem.code, problem.field, problem.level) == ("not_understood", "country", "error")
    assert problem.message == "the value is not understood: country(value) gives nothing for it"
    assert see(whole(COUNTRY), problem) == Seen("error", "not_understood", 4, 42, "country(value)")
    assert problem.hint == "mend the trait, or the field's clean"
    own = swapped(whole(COUNTRY), "clean: country(value)", f"values: {{US: [{name}]}}")
    assert body(own, {"country": name}) == {"country": "US"}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("UK", "GB"), ("England", "GB"), ("U.S.A.", "US"), ("usa", "US"), ("America", "US"), ("United States", "US"),
        ("Turkey", "TR"), ("Türkiye", "TR"), ("Macau", "MO"), ("Swaziland", "SZ"), ("Ivory Coast", "CI"),
        ("Côte d'Ivoire", "CI"), ("South Korea", "KR"), (" norway ", "NO"), ("NO", "NO"), ("NA", "NA"),
    ],
)  # fmt: skip
def test_f6_everyday_names_of_countries_are_known(name: str, code: str) -> None:
    """A table of names and former names, without regard to case, dots and accents."""
    assert body(whole(COUNTRY), {"country": name}) == {"country": code}


STATE = """
    country: {const: US}
    state:
      from: traits.state
      clean: us_state(value, fields.country)
      rules: {required: true, regex: '[A-Z]{2}'}
"""


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("Calif.", "CA"), ("Mass", "MA"), ("N.Y.", "NY"), ("Washington DC", "DC"), ("Washington, D.C.", "DC"),
        ("CA ", "CA"), ("ca", "CA"), ("AE", "AE"), ("AP", "AP"), ("Puerto Rico", "PR"), ("new york", "NY"),
    ],
)  # fmt: skip
def test_f7_a_state_is_known_by_its_usual_spellings(state: str, code: str) -> None:
    """Codes, names, traditional abbreviations and military mail."""
    assert body(whole(STATE), {"state": state})["state"] == code


def test_f7_a_misspelt_state_is_no_state() -> None:
    """A search by sound makes CA of Calfornia, and of much else."""
    text = whole(STATE)
    (problem,) = run(text, {"state": "Calfornia"}).problems
    assert (problem.code, problem.field) == ("not_understood", "state")
    assert see(text, problem) == Seen("error", "not_understood", 7, 12, "us_state(value, fields.country)")
    canada = swapped(text, "const: US", "const: CA")
    assert body(canada, {"state": "Ontario"})["state"] == "ON"


def test_f8_a_zip_of_another_state_is_a_warning() -> None:
    """The mail may go astray; neither part is rewritten, because nobody knows which is wrong."""
    clean = "'us_zip(value, fields.country, fields.state)'"
    text = whole(f"{textwrap.dedent(STATE).strip()}\nzip: {{from: traits.zip, clean: {clean}}}")
    result = run(text, {"state": "CA", "zip": "02134"})
    assert result.status == "ready"
    (warning,) = result.warnings
    assert (warning.code, warning.field, warning.level) == ("zip_state_differs", "zip", "warning")
    assert see(text, warning).under == clean
    assert result.fields == {"country": "US", "state": "CA", "zip": "02134"}
    restored = run(text, {"state": "Massachusetts", "zip": 2134})
    assert (codes(restored.warnings), restored.fields["zip"]) == ([("zip_restored", "zip")], "02134")
    assert run(text, {"state": "MA", "zip": "02134"}).warnings == ()


def test_f9_a_name_is_split_only_where_the_mapping_says_so() -> None:
    """Which part of a name is which depends on where one is from; a company is no person."""
    traits = {"name": "García Márquez", "company": "Mr & Mrs Smith Ltd"}
    plain = whole("first_name: traits.first_name\ncompany: traits.company")
    assert body(plain, traits) == {"company": "Mr & Mrs Smith Ltd", "name": "García Márquez"}
    asked = whole("first_name: [traits.first_name, split_name(traits.name).first]\ncompany: traits.company")
    assert body(asked, traits) == {"first_name": "García", "company": "Mr & Mrs Smith Ltd"}
    assert body(asked, {**traits, "first_name": "Gabriel"})["first_name"] == "Gabriel"


def test_f10_what_is_printed_keeps_its_case() -> None:
    """A library for addresses makes capitals of the city; only codes are codes, and the rest is as it came."""
    text = whole(f"city: traits.city\nstreet: traits.street\n{textwrap.dedent(STATE).strip()}")
    traits = {"city": "Saint-Denis", "street": "12 rue de la République", "state": "ca"}
    assert body(text, traits) == {**traits, "country": "US", "state": "CA"}


# ------------------------------------------------------------------------------------- many at once, and the table


def test_many_traps_in_one_file_are_all_reported_in_one_run() -> None:
    """Nobody mends a file mistake by mistake. Behind each line of it stands what the line is reported for."""
    text = (TESTS / "traps" / "many.yaml").read_text(encoding="utf-8")
    expected = {
        (number, code)
        for number, line in enumerate(text.split("\n"), 1)
        for code in line.partition("#> ")[2].split()
    }  # fmt: skip
    made, problems, _ = pipeline.inspect(text, "many.yaml", {})
    assert made is None
    assert {(p.position.line, p.code) for p in problems if p.position} == expected
    assert len(expected) >= 20
    assert [p for p in problems if not p.hint] == []
    places = [(p.position.line, p.position.column) for p in problems if p.position]
    assert places == sorted(places)


def rows() -> list[tuple[str, str]]:
    """The rows of the table: their id, and the rest of the line."""
    lines = TABLE.read_text(encoding="utf-8").split("\n")
    matches = (re.match(r"\| ([A-F][0-9]+) \| (.*)", line) for line in lines)
    return [(match[1], match[2]) for match in matches if match]


def test_every_trap_is_in_the_table_once() -> None:
    """60 rows: sections A to D and F of the list. Section E is about files of lists, which another page holds."""
    assert len(ROWS) == 60
    assert [row for row, _ in rows()] == ROWS


def test_every_row_names_the_tests_that_show_it() -> None:
    """Each row links to the tests that are named for it, and no test of a row is left out of the table."""
    ours = {name for name in globals() if re.match(r"test_[abcdf][0-9]+_", name)}
    named: set[str] = set()
    for row, rest in rows():
        found = set(re.findall(r"\[`(test_\w+)`\]\(\.\./tests/test_traps\.py\)", rest))
        assert found, row
        assert {name for name in found if not name.startswith(f"test_{row.lower()}_")} == set()
        named |= found
    assert named == ours


def test_an_empty_text_in_double_quotes_has_a_place() -> None:
    """A name without a letter is underlined all the same, and the hint says how to write the text."""
    text = whole("city: 'join_filled(\"\", [traits.a])'")
    problem = only(text)
    assert problem.position is not None
    assert (problem.code, problem.position.width) == ("unknown_name", 1)
    assert problem.hint == "for an empty text write '' with single quotes"


def test_a_call_on_a_name_in_brackets_is_checked_too() -> None:
    """Jmespath takes ``(name) (argument)`` for a call: an unknown one is refused like any other."""
    assert [s.code for s in seen(whole("city: '(lowr) (traits.a)'"))] == ["unknown_function"]
