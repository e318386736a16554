"""``mapper check`` and ``mapper test`` say what is wrong with a mapping before the first event does."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from command_line import EXAMPLES, SMALL, call, program, run

from mapper import compiled, pipeline
from mapper.compiled.layers import ANY, ONE, TWO


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of its own for each test."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def mapping(text: str = SMALL) -> str:
    """A mapping in a file."""
    Path("small.yaml").write_text(text, "utf-8")
    return "small.yaml"


def sample(*calls: Any) -> str:
    """Events in a file."""
    Path("events.ndjson").write_text("".join(json.dumps(one) + "\n" for one in calls), "utf-8")
    return "events.ndjson"


def test_a_mapping_that_is_fine() -> None:
    """One line, exit 0; no settings are needed to check."""
    ended = run("check", mapping())
    assert (ended.code, ended.out, ended.err) == (0, "small.yaml: fine (2 fields, 0 tests)\n", "")


@pytest.mark.parametrize("name", pipeline.shipped())
def test_shipped_mappings_are_fine(name: str) -> None:
    """Nothing to say about what we ship, and its tests pass."""
    ended = run("check", name)
    assert ended.code == 0
    assert ended.out.startswith(f"{name}: fine (")
    ended = run("test", name)
    assert ended.code == 0
    assert ended.out.endswith("passed\n")


def test_mistakes_are_shown_in_the_file() -> None:
    """Place, level, code, line, caret, hint; exit 3."""
    ended = run("check", mapping(SMALL.replace("rules:", "ruls:")))
    assert ended.code == 3
    assert ended.out.splitlines() == [
        "small.yaml:7:46: error unknown_key: a field has no key 'ruls'",
        "   7 │   email: {from: [traits.email, traits.mail], ruls: {required: true, rege…",
        "     │                                              ^^^^  did you mean 'rules'?",
        "",
        "1 error   explain any of them: mapper explain unknown_key",
    ]


def test_mistakes_as_json() -> None:
    """The same as one object, for editors and pipelines; the exit code is the same."""
    ended = run("check", mapping(SMALL.replace("rules:", "ruls:")), "--format", "json")
    assert ended.code == 3
    assert json.loads(ended.out) == {
        "problems": [
            {
                "level": "error",
                "code": "unknown_key",
                "message": "a field has no key 'ruls'",
                "file": "small.yaml",
                "line": 7,
                "column": 46,
                "hint": "did you mean 'rules'?",
                "field": None,
            }
        ]
    }


def test_warnings_alone_are_fine() -> None:
    """A warning is shown and does not change the exit code."""
    ended = run("check", mapping(SMALL.replace("settings.tier", "{const: 12:30}")))
    assert ended.code == 0
    assert "warning reads_differently" in ended.out
    assert json.loads(run("check", "small.yaml", "--format", "json").out)["problems"][0]["level"] == "warning"


def test_a_file_that_is_no_text() -> None:
    """Bytes that are no UTF-8 are a problem of the file, with its line."""
    Path("small.yaml").write_bytes(SMALL.replace("Example", "Caf\xe9").encode("latin-1"))
    ended = run("check", "small.yaml")
    assert ended.code == 3
    assert "small.yaml:2:1: error yaml: the file is not UTF-8" in ended.out


def test_no_such_mapping() -> None:
    """Exit 2 and one sentence; the names that there are."""
    ended = run("check", "nowhere")
    assert (ended.code, ended.out) == (2, "")
    assert "inkit" in ended.err


def test_a_secret_in_the_file_is_not_repeated() -> None:
    """A report may end in a log: where a secret stands in the file, it shows stars."""
    text = SMALL.replace("secret: true, required: true", "secret: true, default: sk_live_1")
    for form in ("text", "json"):
        ended = run("check", mapping(text), "--format", form)
        assert ended.code == 3
        assert "sk_live_1" not in ended.out + ended.err
        assert "secret_in_file" in ended.out


# ------------------------------------------------------------------------------------------------------ with a sample


def never_matched(text: str, *calls: Any) -> dict[str, str | None]:
    """What a sample says of a mapping: message -> hint."""
    ended = run("check", mapping(text), "--sample", sample(*calls), "--format", "json")
    assert ended.code == 0
    return {p["message"]: p["hint"] for p in json.loads(ended.out)["problems"] if p["code"] == "never_matched"}


def fields(text: str) -> str:
    """A mapping of one field."""
    return f"mapping: 1\ndestination: X\nfields:\n  f: {text}\nsend: {{url: 'https://example.com/'}}\n"


def test_a_misspelled_trait_is_found_in_a_sample() -> None:
    """An expression that nothing filled is named, with the trait that was perhaps meant."""
    found = never_matched(fields("[traits.firstname, traits.name]"), call(first_name="Ada"), call(name="Bo"))
    assert found == {"traits.firstname was never filled in 2 events of the sample": "did you mean traits.first_name?"}


@pytest.mark.parametrize(
    ("expression", "trait", "hint"),
    [
        ("traits.address.city", "1 Main St", "traits.address is a text in 1 of 1 event, not an object"),
        ("traits.address[0].city", {"city": "X"}, "traits.address is an object in 1 of 1 event, not a list"),
        (
            "traits.address.city",
            [{"city": "X"}],
            "traits.address is a list in 1 of 1 event, not an object: write traits.address[0].city",
        ),
        ("traits.address.city.name", {"city": "X"}, "traits.address.city is a text in 1 of 1 event, not an object"),
        ("traits.address.city", {"city": ""}, None),
        ("traits.elsewhere", {"city": "X"}, None),
    ],
)
def test_a_path_that_leads_nowhere_says_why(expression: str, trait: Any, hint: str | None) -> None:
    """A step that goes into a text, a list or an object of another shape is named."""
    [found] = never_matched(fields(expression), call(address=trait)).values()
    assert found == hint


def test_a_spelling_that_is_read_is_not_suggested() -> None:
    """A fallback that these events do not use is no slip of the pen."""
    assert list(never_matched(fields("[traits.first_name, traits.firstName]"), call(first_name="Ada")).values()) == [
        None
    ]


@pytest.mark.parametrize(
    ("more", "hint"),
    [
        ("  g: traits.frist_name", "did you mean traits.first_name?"),
        ("  g: {from: traits.nick, when: traits.frist_name}", "did you mean traits.first_name?"),
        ("  g: [traits.nick, traits.frist_name]", None),  # another spelling is in use
        ("  g: traits.line_2", None),  # as much like line_1 as a slip of the pen, and another thing
    ],
)
def test_a_trait_that_another_field_reads_can_be_meant(more: str, hint: str | None) -> None:
    """A field that nothing fills, or a condition, may mean a trait that is read elsewhere."""
    text = fields("traits.first_name").replace("send:", f"{more}\n  h: traits.line_1\nsend:")
    assert list(never_matched(text, call(first_name="Ada", nick="Countess", line_1="x")).values()) == [hint]


def test_a_condition_can_mean_what_a_field_reads() -> None:
    """The trait of an order is read by its field as well: that is where its name was typed rightly."""
    skip = "skip:\n  - {when: blank(traits.templateid), because: no order}\n"
    found = never_matched(fields("traits.template_id") + skip, call(template_id="T1"))
    assert found == {"traits.templateid was never there in 1 event of the sample": "did you mean traits.template_id?"}


def test_conditions_are_held_against_the_sample() -> None:
    """A misspelled trait in a condition is always blank: nothing would ever be skipped, or everything."""
    skip = "skip:\n  - {when: blank(traits.templateid), because: no order}\n"
    found = never_matched(fields("traits.name") + skip, call(name="Ada", template_id="T1"))
    assert found == {"traits.templateid was never there in 1 event of the sample": "did you mean traits.template_id?"}


def test_an_order_that_is_a_flag_is_tested_for_truth() -> None:
    """blank(x) takes false for an order: each is a printed card."""
    skip = "skip:\n  - {when: userId == 'x' || blank(traits.order), because: no order}\n"
    mapping(fields("traits.name") + skip)
    ended = run("check", "small.yaml", "--sample", sample(call(name="Ada", order=False)), "--format", "json")
    [problem] = json.loads(ended.out)["problems"]
    assert (problem["code"], problem["line"], problem["column"]) == ("order_trigger", 7, 29)
    assert problem["hint"] == "test it for truth: !(traits.order)"
    texts = run("check", "small.yaml", "--sample", sample(call(name="Ada", order="T1")), "--format", "json")
    assert json.loads(texts.out) == {"problems": []}


def test_the_sample_report() -> None:
    """What nothing filled, and what nothing reads, are lists; other events are left out of the count."""
    mapping(fields("[traits.firstname, traits.name]"))
    sample(call(first_name="Ada", tags=[{"k": 1}]), call(name="Bo", age=3), {"type": "track"})
    ended = run("check", "small.yaml", "--sample", "events.ndjson")
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "never filled in 2 events of the sample",
        "     4  f  traits.firstname",
        "             did you mean traits.first_name?",
        "",
        "traits that no expression reads: they become custom fields, unless they are dropped",
        "  1  age",
        "  1  first_name",
        "  1  tags[*].k",
        "",
        "small.yaml: fine (1 field, 0 tests)",
    ]


def test_the_shipped_mapping_against_the_examples() -> None:
    """A real sample: nothing is suspected of being misspelled, and no order is tested wrongly."""
    ended = run("check", "inkit", "--sample", EXAMPLES / "events.ndjson", "--format", "json")
    assert ended.code == 0
    problems = json.loads(ended.out)["problems"]
    assert {(p["code"], p["hint"]) for p in problems} <= {("never_matched", None)}


def test_a_sample_with_settings_and_people() -> None:
    """What fills an expression is a setting of this run, or what is known of a person; never this shell's settings."""
    text = fields("[settings.tier, traits.name]").replace("fields:", "settings: {tier: {env: EXAMPLE_TIER}}\nfields:")
    mapping(text)
    events = sample(call(mail="a@b.c"))
    Path("people.ndjson").write_text(json.dumps(call(name="Ada")) + "\n", "utf-8")

    def unfilled(*options: str) -> list[str]:
        ended = run("check", "small.yaml", "--sample", events, *options, "--format", "json", env={"EXAMPLE_TIER": "x"})
        assert ended.code == 0
        return [problem["message"].split()[0] for problem in json.loads(ended.out)["problems"]]

    assert unfilled() == ["settings.tier", "traits.name"]
    assert unfilled("--setting", "tier=gold") == ["traits.name"]
    assert unfilled("--identity", "people.ndjson") == ["settings.tier"]
    assert unfilled("--identity", "people.ndjson", "--setting", "tier=gold") == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--setting", "tier=gold"), "give some with --sample"),
        (("--identity", "people.ndjson"), "give some with --sample"),
        (("--sample", "events.ndjson", "--setting", "teir=gold"), "there is no setting 'teir'"),
        (("--sample", "events.ndjson", "--setting", "key=k"), "key is a secret"),
        (("--sample", "events.ndjson", "--identity", "nowhere.ndjson"), "nowhere.ndjson"),
        (("-m", "inkit"), "the mapping is named already"),
    ],
)
def test_what_a_sample_cannot_use_is_said(options: tuple[str, ...], said: str) -> None:
    """Exit 2 and a sentence; a required setting that is missing is no hindrance."""
    sample(call(mail="a@b.c"))
    ended = run("check", mapping(), *options)
    assert (ended.code, ended.out) == (2, "")
    assert said in " ".join(ended.err.split())
    assert run("check", "small.yaml", "--sample", "events.ndjson").code == 0


@pytest.mark.parametrize("command", ["check", "test"])
def test_the_mapping_is_an_argument_or_an_option(command: str) -> None:
    """Or the environment's, or the default one; what stands on the command line counts more."""
    mapping()
    here = run(command, "small.yaml")
    assert here.code == 0
    assert run(command, "-m", "small.yaml") == here
    assert run(command, env={"MAPPER_MAPPING": "small.yaml"}) == here
    assert run(command, "small.yaml", env={"MAPPER_MAPPING": "nowhere"}) == here
    assert run(command, env={"MAPPER_MAPPING": ""}) == run(command, pipeline.default_name()) != here


def test_a_sample_without_calls_says_so() -> None:
    """Nothing is not taken for agreement."""
    Path("events.ndjson").write_text('{"type": "track"}\nnobody\n', "utf-8")
    ended = run("check", mapping(), "--sample", "events.ndjson")
    assert ended.code == 0
    assert "no Identify call" in ended.err
    assert "1 line is no JSON, and is left out" in ended.err
    assert run("check", "small.yaml", "--sample", "missing.ndjson").code == 2


# ------------------------------------------------------------------------------------------------------ mapper test


def with_tests(*tests: str) -> str:
    """The small mapping with tests."""
    return mapping(SMALL + "tests:\n" + "".join(f"  - {test}\n" for test in tests))


def test_a_failure_is_shown_field_by_field() -> None:
    """What was expected and what came out stand beside each other; exit 1."""
    with_tests(
        "{name: right, given: {userId: u, traits: {email: a@b.c}}, expect: {status: ready, fields: {email: a@b.c}}}",
        "{name: wrong, given: {userId: u, traits: {email: a@b.c, x: 1}}, expect: {status: invalid, fields: {mail: 1}}}",
    )
    ended = run("test", "small.yaml")
    assert ended.code == 1
    assert ended.out.splitlines() == [
        " ✓  right",
        " ✗  wrong (small.yaml:16)",
        "                    expected   got",
        '      status        "invalid"  "ready"',
        "      fields.mail   1          nothing",
        '      fields.email  nothing    "a@b.c"',
        "",
        "1 test passed, 1 failed",
    ]


def test_an_end_that_was_not_expected_has_its_reasons() -> None:
    """Which rule of which field broke, and where it stands; why it was skipped; not what the test expects itself."""
    with_tests(
        "{name: one, given: {userId: u, traits: {email: CANARY}}, expect: {status: ready}}",
        "{name: two, given: {userId: u, traits: {email: a@b.c, stop: 1}}, expect: {status: ready}}",
        "{name: three, given: {userId: u, traits: {email: a}}, expect: {status: ready, problems: {regex: [email]}}}",
        "{name: four, given: {traits: {email: a@b.c}}, expect: {problems: [regex]}}",
        "{name: five, given: {userId: u, traits: {email: a@b.c}}, expect: {status: invalid}}",
        "{name: six, given: {userId: u, traits: {email: a}}, expect: {fields: {email: a}}}",
    )
    out = run("test", "small.yaml").out
    shown = {part[0].split()[0]: part[1:] for part in (part.splitlines() for part in out.split(" ✗")[1:])}
    assert shown["one"][2:] == ["      email: regex: it does not match [^@]+@[^@]+ (line 7)"]
    assert shown["two"][2:] == ["      skipped: they said stop"]
    assert len(shown["three"]) == 2
    assert shown["four"][2:] == ["      not_an_event: the call has neither a userId nor an anonymousId"]
    assert len(shown["five"]) == 2
    assert shown["six"][2] == "      email: regex: it does not match [^@]+@[^@]+ (line 7)"
    assert "CANARY" not in out


def test_long_differences_stand_below_each_other() -> None:
    """What does not fit beside each other is not cut."""
    long = "y" * 70
    with_tests(f"{{name: long, given: {{userId: u, traits: {{email: a@b.c}}}}, expect: {{body: {{email: {long}}}}}}}")
    out = run("test", "small.yaml").out
    assert "        expected" in out
    assert out.replace("\n", "").replace(" ", "").count("y" * 70) == 1
    assert '        got       "a@b.c"' in out


def test_a_mapping_without_tests_says_so() -> None:
    """Nothing to run is no failure, and no silence."""
    ended = run("test", mapping())
    assert ended.code == 0
    assert "small.yaml has no tests" in ended.out


def test_tests_do_not_depend_on_the_shell() -> None:
    """Settings of the environment have no say in a mapping's tests."""
    with_tests("{name: plain, given: {userId: u, traits: {email: a@b.c}}, expect: {fields: {email: a@b.c}}}")
    assert run("test", "small.yaml", env={"EXAMPLE_TIER": "gold"}).code == 0


def test_a_mapping_with_errors_is_not_tested() -> None:
    """Exit 3, as everywhere."""
    assert run("test", mapping(SMALL.replace("traits.mail", "trait.mail"))).code == 3


# ------------------------------------------------------------------------------------------------------- --show-plan

PLANNED = """mapping: 1
destination: Example
fields:
  name:
    from: traits.name
    when: options.named
    clean: upper(value)
  zip:
    from:
      - traits.zip
      - us_zip(traits.postcode, 'US')
skip:
  - {when: length(traits.tags) > `9`, because: too many}
send: {url: https://example.com}
"""


def test_the_plan_is_python_that_names_its_lines() -> None:
    """The function, then each expression that it calls: its line in the file, its text, its source."""
    ended = run("check", mapping(PLANNED), "--show-plan")
    assert (ended.code, ended.err) == (0, "")
    names = [part.name for part in ast.parse(ended.out).body if isinstance(part, ast.FunctionDef)]
    layers = ["map_one_layer", "map_two_layers", "map_any_layers"]
    assert names == [*layers, "when_name", "clean_name", "spelling_2_of_zip", "skip_0"]
    lines = ended.out.splitlines()
    assert "'small.yaml'" in lines[0]
    assert {"    # 'name', line 4", "    # 'zip', line 8", "    # skip, line 13"} <= set(lines)
    for line, expression, name in (
        ("# 'name', when, line 6", "# 'options.named'", "when_name"),
        ("# 'name', clean, line 7", "# 'upper(value)'", "clean_name"),
        ("# 'zip', line 11", "# \"us_zip(traits.postcode, 'US')\"", "spelling_2_of_zip"),
        ("# skip, line 13", "# 'length(traits.tags) > `9`'", "skip_0"),
    ):
        source = lines[lines.index(line) + 1 :]
        assert expression in source[: source.index(f"def {name}(document, notes):")]
        assert name.startswith("spelling") or f"{name}(document, notes)" in ended.out.partition("def when_name")[0]
    assert "spelling_1_of_zip" not in ended.out  # a mere path is looked up by the function itself


def test_the_plan_quotes_the_mapping() -> None:
    """Behind a line's number stands what the line says, with what is below it."""
    shown = run("check", mapping(PLANNED), "--show-plan").out
    assert (
        "\n    # 'name', line 4\n    #   name:\n    #     from: traits.name\n    #     when: options.named\n" in shown
    )
    assert "\n# 'name', clean, line 7\n#   clean: upper(value)\n" in shown
    assert "# 'zip', line 8\n    #   zip:\n    #     from:\n    #       - traits.zip\n" in shown


LONG = """mapping: 1
destination: Example
fields:
  a_field_with_a_name_that_leaves_no_room: {from: [traits.a_trait_with_a_long_name, traits.b], rules: {required: true}}
  another.place\\.x: traits.d
  Größe: traits.c
send: {url: https://example.com}
"""


def test_long_lines_are_broken_and_mean_the_same() -> None:
    """What is shown is what runs, in lines that can be read; odd names become numbers."""
    ended = run("check", mapping(LONG), "--show-plan")
    mapper = pipeline.loads(LONG, "small.yaml", {})
    shown = [ast.dump(part) for part in ast.parse(ended.out).body]
    assert shown == [ast.dump(ast.parse(compiled.source(mapper.plan, layers)).body[0]) for layers in (ONE, TWO, ANY)]
    assert {"v_x", "v__2"} <= {node.id for node in ast.walk(ast.parse(ended.out)) if isinstance(node, ast.Name)}


@pytest.mark.parametrize("name", pipeline.shipped())
def test_the_plans_of_shipped_mappings_can_be_read(name: str) -> None:
    """Piped, in a terminal that wants colours: text and nothing else."""
    ended = program("check", name, "--show-plan", env={"FORCE_COLOR": "1", "TERM": "xterm-256color"})
    assert ended.returncode == 0
    assert b"\x1b" not in ended.stdout
    assert ast.parse(ended.stdout)
    assert max(map(len, ended.stdout.decode().splitlines())) <= 140


def test_an_expression_that_only_the_interpreter_can_count_is_named() -> None:
    """It has no source; its text and its line are said."""
    deep = "traits.a" + "[*]" * 30
    ended = run("check", mapping(PLANNED.replace("us_zip(traits.postcode, 'US')", deep)), "--show-plan")
    assert f"# 'zip', line 11\n#   - {deep}\n# '{deep}'\n# no Python" in ended.out
    assert ast.parse(ended.out)


def test_a_mapping_with_errors_has_no_plan() -> None:
    """The errors are shown as ever."""
    wrong = mapping(SMALL.replace("rules:", "ruls:"))
    assert run("check", wrong, "--show-plan") == run("check", wrong)


def test_warnings_are_counted_beside_the_plan() -> None:
    """They would be in the way of whoever pipes the text."""
    ended = run("check", mapping(SMALL.replace("settings.tier", "{const: 12:30}")), "--show-plan")
    assert (ended.code, ended.err) == (0, "1 warning: mapper check without --show-plan says what of\n")
    assert ast.parse(ended.out)


@pytest.mark.parametrize("option", [("--format", "json"), ("--sample", "events.ndjson")])
def test_a_plan_stands_alone(option: tuple[str, str]) -> None:
    """What else could be asked for has no place in it."""
    ended = run("check", mapping(), "--show-plan", *option)
    assert ended.code == 2
    assert "--show-plan" in ended.err
