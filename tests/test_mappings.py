"""The shipped mappings: their own tests pass, they warn of nothing, and editing one does what its author expects."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mapper import pipeline
from mapper.pipeline import cases

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("drip-subscribers", "inkit", "inkit-documents", "lob-postcards")


def test_the_shipped_names_are_these() -> None:
    """A mapping that is added is tested here too."""
    assert pipeline.shipped() == NAMES
    assert pipeline.default_name() in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_mapping_passes_its_own_tests(name: str) -> None:
    """Every test in the file passes, there are some, and the author has nothing to look at."""
    made = pipeline.load(name)
    verdicts = cases.run_tests(made)
    assert verdicts
    assert [f"{v.name}: {v.differences}" for v in verdicts if not v.passed] == []
    assert made.warnings == ()


def test_a_wrong_expectation_fails() -> None:
    """The runner can say no: another status, another value, a name more, a name less, true for 1."""
    text, file = pipeline.read_text("inkit")
    changed = text.replace("custom_fields: {vip: true}", "custom_fields: {vip: 1}")
    changed = changed.replace("{company_plan: pro, address_unit: 4B}", "{company_plan: pro}")
    failed = {
        v.name: [d.where for d in v.differences] for v in cases.run_tests(pipeline.loads(changed, file)) if not v.passed
    }
    assert failed == {
        "entering an audience, template from the setting": ["custom_fields.vip"],
        "template from the options, ZIP that lost its zero, nested company": ["custom_fields.address_unit"],
    }


def test_an_alias_that_is_removed_goes_to_the_custom_fields() -> None:
    """No other list has to be edited: what no field names any more is a custom field."""
    text, file = pipeline.read_text("inkit")
    event = json.loads((ROOT / "examples" / "nested.json").read_text(encoding="utf-8"))
    before = pipeline.loads(text, file, {}).transform(event)
    assert before.fields["first_name"] == "Imogen"
    assert "firstName" not in before.custom_fields
    shorter = re.sub(r"^ +- traits\.firstName\n", "", text, flags=re.MULTILINE)
    after = pipeline.loads(shorter, file, {}).transform(event)
    assert after.custom_fields == {**before.custom_fields, "firstName": "Imogen"}
    assert "first_name" not in after.fields


def test_one_more_spelling_is_one_more_line() -> None:
    """An author adds a spelling to a list, and the trait leaves the custom fields."""
    text, file = pipeline.read_text("inkit")
    event = {"type": "identify", "userId": "u", "traits": {"template_id": "T", "given_name": "Ada"}}
    assert pipeline.loads(text, file, {}).transform(event).custom_fields == {"given_name": "Ada"}
    longer = text.replace("      - traits.first_name\n", "      - traits.given_name\n      - traits.first_name\n", 1)
    result = pipeline.loads(longer, file, {}).transform(event)
    assert result.fields["first_name"] == "Ada"
    assert result.custom_fields == {}


def test_the_same_event_becomes_another_request_by_another_file() -> None:
    """The destination is a file: no code is changed for another body, another address, another place of the key."""
    event = json.loads((ROOT / "examples" / "nested.json").read_text(encoding="utf-8"))
    postcard = pipeline.load("inkit", {}).transform(event).request
    document = pipeline.load("inkit-documents", {}).transform(event).request
    assert postcard is not None
    assert document is not None
    assert postcard.body["address_line_1"] == document.body["merge_parameters"]["address_line_1"]
    assert (postcard.secrets[0].place, document.secrets[0].place) == ("body", "header")
    assert postcard.url != document.url


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("'{settings.b}{fields.a}/x'", "bad_url"),
        ("'{settings.b}.{fields.a}/x'", "bad_url"),
        ("'{settings.b}@{fields.a}/x'", "bad_url"),
        ("'https://example.com/x#y'", "bad_url"),
        ("'{settings.b}/x/{fields.a}'", None),
    ],
)
def test_a_trait_never_chooses_the_host(url: str, code: str | None) -> None:
    """Whatever follows a base address starts a path; and nothing is sent behind a #."""
    text = f"mapping: 1\ndestination: X\nsettings: {{b: {{env: B}}}}\nfields: {{a: traits.a}}\nsend: {{url: {url}}}\n"
    _, problems, _ = pipeline.inspect(text, "x.yaml", {})
    assert [p.code for p in problems] == ([code] if code else [])


def test_a_secret_never_takes_the_place_of_something_else() -> None:
    """Two secrets on one place, a secret where the custom fields go, a secret on a member of the body."""
    head = "mapping: 1\ndestination: X\nsettings: {k: {env: K, secret: true}}\nfields: {a: traits.a}\n"
    secret = "{in: body, name: tok, value: settings.k}"
    twice = f"{head}send: {{url: 'https://x.test/', secrets: [{secret}, {secret}]}}\n"
    into = f"{head}custom_fields: {{into: tok}}\nsend: {{url: 'https://x.test/', secrets: [{secret}]}}\n"
    for text in (twice, into):
        assert [p.code for p in pipeline.inspect(text, "x.yaml", {})[1]] == ["place_taken"]
    body = f"{head}send: {{url: 'https://x.test/', body: '{{tok: payload}}', secrets: [{secret}]}}\n"
    result = pipeline.loads(body, "x.yaml", {}).transform({"type": "identify", "userId": "u", "traits": {"a": "1"}})
    assert (result.status, [p.code for p in result.problems]) == ("invalid", ["place_taken"])


def test_an_audience_that_a_context_remembers_orders_nothing() -> None:
    """Entering is said by the call itself; leaving by its context too, since that only keeps a card back."""
    mapper = pipeline.load("inkit", {"INKIT_TEMPLATE_ID": "T9"})
    context = {"personas": {"computation_class": "audience", "computation_key": "vip"}, "traits": {"vip": True}}
    event = {"type": "identify", "userId": "u", "context": context, "traits": {}}
    assert mapper.transform(event).because == "an update of the profile, not an order to print"
    left = {**event, "context": {**context, "traits": {"vip": False}}, "traits": {"template_id": "T1"}}
    assert mapper.transform(left).because == "this person just left an audience"
