"""The JSON Schema that editors read and the loader agree: on the shipped mappings, and on whatever is changed."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapper import keys, pipeline, source
from mapper.delivery.policy import Policy
from mapper.errors import Findings
from mapper.plan.schema import mapping_schema
from mapper.values import json_value

MAPPINGS = Path(__file__).resolve().parent.parent / "mappings"
SCHEMA = mapping_schema()
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)

#: A mapping that has every section and most of the keys.
WHOLE: dict[str, Any] = {
    "mapping": 1,
    "destination": "Example",
    "accepts": ["identify"],
    "settings": {"key": {"env": "KEY", "required": True, "secret": True}, "size": {"type": "whole", "default": 3}},
    "identity": {"never": ["order"], "as_one": [["street", "city"]]},
    "fields": {
        "email": "traits.email",
        "name": ["traits.name", "traits.first_name"],
        "street": {"from": ["traits.street"], "clean": "trim(value)", "rules": {"required": True, "maxlength": 64}},
        "city": {"from": "traits.city", "when": "traits.street", "if_wrong": "drop", "warn": {"minlength": 2}},
        "title": {"from": "traits.title", "values": {"Mr": ["mr", "m"], "Mrs": "mrs"}, "default": "Mr"},
        "age": {"type": "whole", "from": "traits.age", "rules": {"min": 1, "max": 150}},
        "source": {"const": "Example"},
    },
    "require": [
        {"any_of": ["email", "name"], "message": "who is it?"},
        {"together": ["street", "city"], "if_wrong": "drop"},
        {"when": "fields.city", "rules": {"street": {"regex": "[A-Z].*"}}},
    ],
    "skip": [{"when": "audience.left", "because": "they left"}],
    "custom_fields": {"into": "more", "nested": "keep", "drop": ["ssn"], "lift": ["extra"]},
    "send": {
        "method": "POST",
        "url": "https://example.com/",
        "headers": {"X-Id": "userId"},
        "body": "payload",
        "secrets": [{"in": "header", "name": "X-Key", "value": "settings.key"}],
        "answers": {"delivered": [200, 201], "retry": ["5xx"]},
        "rate": "300/minute",
        "once_per": {"key": ["userId"], "within": "1h"},
        "cap": {"day": 3},
        "stale_after": "30d",
        "unknown": "hold",
    },
    "tests": [{"name": "one", "given": {"userId": "u"}, "expect": {"status": "ready", "fields": {"email": "a"}}}],
}


def refused_by_schema(document: Any) -> bool:
    """Whether an editor would underline something."""
    return not VALIDATOR.is_valid(document)


def keys_problems(document: Any) -> list[str]:
    """What the table of keys says of a document, as code and message."""
    found = Findings()
    read = source.read(json.dumps(document), "x.yaml")
    keys.MAPPING.read(read.root, found)
    return [f"{p.code}: {p.message}" for p in (*read.problems, *found.problems)]


def all_problems(document: Any) -> list[str]:
    """What the loader says of a document."""
    _, problems, _ = pipeline.inspect(json.dumps(document), "x.yaml", {})
    return [f"{p.code}: {p.message}" for p in problems]


def test_the_shipped_file_is_the_schema() -> None:
    """``mapper schema > mappings/mapping.schema.json`` was run after the last change."""
    assert json.loads((MAPPINGS / "mapping.schema.json").read_text("utf-8")) == SCHEMA


def test_the_keys_of_delivery_say_their_defaults() -> None:
    """What holds where a mapping says nothing costs money, or orders: whoever reads the key reads it."""
    send = {key.name: key.means for key in keys.SEND.keys}
    said = {name: send[name].rpartition("; ")[2] for name in ("rate", "stale_after", "unknown")}
    policy = Policy()
    assert (policy.rate, policy.stale_after) == (None, 30 * 86_400)
    assert said == {
        "rate": "no limit unless said otherwise",
        "stale_after": "30d unless said otherwise",
        "unknown": f"{policy.unknown} unless said otherwise",
    }


def test_the_schema_is_draft_07() -> None:
    """The newest draft that the YAML plug-ins of editors read."""
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"


@pytest.mark.parametrize("path", sorted(MAPPINGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_mappings_keep_the_schema(path: Path) -> None:
    """An editor underlines nothing in them, and each begins with the line that names the schema."""
    text = path.read_text("utf-8")
    assert [error.message for error in VALIDATOR.iter_errors(json_value(source.read(text, path.name).root))] == []
    assert text.startswith("# yaml-language-server: $schema=mapping.schema.json\n")


def test_the_whole_example_is_right() -> None:
    """What the search below starts from is refused by neither side."""
    assert all_problems(WHOLE) == []
    assert not refused_by_schema(WHOLE)


@pytest.mark.parametrize(
    ("value", "refused"),
    [("02134", True), ("90250", True), ("'02134'", False), ("NO", False), ("'NO'", False), ("2020-01-01", False)],
)
def test_an_editor_underlines_numbers_where_a_text_is_due(value: str, *, refused: bool) -> None:
    """YAML 1.2, which editors read, makes a number of 02134: the schema says that a text is due."""
    number = int(value) if value.isdigit() else value.strip("'")
    document = {**WHOLE, "destination": number}
    assert refused_by_schema(document) is refused


#: What is put in place of a part, and what a key is called instead.
VALUES = st.sampled_from(
    [1, 0, -1, 2.5, True, False, "a", "", "true", "reject", "1h", "traits.a", [], ["a"], [1], [[]], {}, {"a": "b"}],
)
NAMES = st.sampled_from(["x", "from", "const", "values", "default", "rules", "any_of", "when", "type", "required"])


@st.composite
def changed(draw: st.DrawFn) -> Any:
    """The whole example with one to three changes: a part replaced, removed, renamed or added."""
    document = copy.deepcopy(WHOLE)
    for _ in range(draw(st.integers(1, 3))):
        parent = draw(st.sampled_from(list(containers(document))))
        if isinstance(parent, dict) and parent:
            change(draw, parent)
        elif isinstance(parent, list) and parent:
            parent[draw(st.integers(0, len(parent) - 1))] = copy.deepcopy(draw(VALUES))
    return document


def change(draw: st.DrawFn, parent: dict[str, Any]) -> None:
    """One change of a map."""
    key = draw(st.sampled_from(sorted(parent)))
    kind = draw(st.sampled_from(["replace", "remove", "rename", "add"]))
    if kind == "replace":
        parent[key] = copy.deepcopy(draw(VALUES))
    elif kind == "remove":
        del parent[key]
    elif kind == "rename":
        parent[draw(NAMES)] = parent.pop(key)
    else:
        parent[draw(NAMES)] = copy.deepcopy(draw(VALUES))


def containers(value: Any) -> Any:
    """Every map and list inside a value."""
    if isinstance(value, dict | list):
        yield value
        for part in value.values() if isinstance(value, dict) else value:
            yield from containers(part)


@settings(max_examples=100)
@given(changed())
def test_what_the_keys_refuse_an_editor_underlines(document: Any) -> None:
    """No mistake in keys, shapes and words is left for the command line to find."""
    problems = keys_problems(document)
    assert refused_by_schema(document) or not problems, problems


@settings(max_examples=100)
@given(changed())
def test_what_an_editor_underlines_the_loader_refuses(document: Any) -> None:
    """Nothing is underlined that is right."""
    if refused_by_schema(document):
        assert all_problems(document), [error.message for error in VALIDATOR.iter_errors(document)]
