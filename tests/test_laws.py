"""The laws of the product on random events through random mappings; a few hundred here, many in ``make fuzz``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import laws
import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st
from strategies import Case

from mapper import codec, pipeline
from mapper.errors import SettingsError
from mapper.plan.parts import Plan

#: An example that fails is printed whole, however large it is.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

ROOT = Path(__file__).resolve().parent.parent


def test_every_trait_is_accounted_for() -> None:
    """Laws 1 and 2: one account for each leaf of each layer, one end each, all true; nothing is touched; same again."""
    seen: Counter[str] = Counter()

    @laws.some(120)
    @given(strategies.batches())
    def check(cases: list[Case]) -> None:
        for case in cases:
            result = laws.check_pure(case)
            seen["leaves"] += laws.check_conservation(case, result)
            laws.check_status(case, result)
            laws.check_request(case, result)
            seen.update([result.status, *(account.end for account in result.accounts)])

    check()
    assert seen["leaves"] > 1000
    assert min(seen[end] for end in (*laws.ENDS, "ready", "invalid", "skipped")) > 0


@laws.some(40)
@given(strategies.batches(strategies.any_events))
def test_any_event_has_a_result(cases: list[Case]) -> None:
    """Laws 2 and 3 for whatever arrives: a result, the same again, the same as text and as bytes."""
    for case in cases:
        result = laws.check_pure(case)
        laws.check_status(case, result)
        laws.check_faces(case)


@laws.some(40)
@given(strategies.batches())
def test_each_face_makes_the_same_bytes(cases: list[Case]) -> None:
    """Law 3: a value, a text and bytes are one event."""
    for case in cases:
        laws.check_faces(case)


def test_what_no_expression_reads_changes_nothing() -> None:
    """Law 5: a trait that is not read becomes anything or goes away, and fields and status stay."""
    changed = 0

    @laws.some(30)
    @given(strategies.batches())
    def check(cases: list[Case]) -> None:
        nonlocal changed
        changed += sum(laws.check_unread_traits(case, laws.transform(case)) for case in cases)

    check()
    assert changed > 100


def test_what_is_not_mapped_flowed_nowhere() -> None:
    """The other half of law 1: a leaf that is not accounted as mapped is in no field."""
    changed = 0

    @laws.some(60)
    @given(strategies.batches())
    def check(cases: list[Case]) -> None:
        nonlocal changed
        changed += sum(laws.check_unmapped(case, laws.transform(case)) for case in cases)

    check()
    assert changed > 50


def test_nothing_depends_on_the_process() -> None:
    """Law 2 across processes: sets are walked in another order in each, and no byte of any result may show it."""
    program = (
        "import hashlib, json, sys; sys.path.insert(0, 'tests')\n"
        "import laws; from mapper import pipeline\n"
        "mapper = pipeline.load('mappings/inkit.yaml', environ={})\n"
        "lines = open('examples/events.ndjson', encoding='utf-8').read().splitlines()[::3]\n"
        "known = {'zip': '02134', 'name': 'A'}\n"
        "results = [repr(laws.plain(mapper.transform(line, identity=known))) for line in lines]\n"
        "print(len(results), hashlib.sha256('\\n'.join(results).encode()).hexdigest())\n"
    )
    printed = set()
    for seed in ("1", "2", "3"):
        environ = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
        )
        printed.add(done.stdout)
    assert len(printed) == 1
    assert int(printed.pop().split()[0]) > 100


# ---------------------------------------------------------------------------------------- what is given stays given


@pytest.mark.parametrize(
    "event",
    [
        *(
            None,
            0,
            True,
            1.5,
            "",
            "{",
            "\ud800",
            '"\ud800"',
            '{"type": "identify", "userId": "\ud800"}',
            b"\xff",
            b"",
            [],
        ),
        *({1, 2}, object(), float("nan"), {"type": "identify", "userId": "u", "traits": {"a": {1}}}),
        {"type": "identify", "userId": "u", "traits": {"a": float("inf")}},
        {"type": "identify", "userId": "u", "traits": {"a": ["\ud800"]}},
        '{"type": "identify", "userId": "u", "traits": {"a": ["\ud800"]}}',
        '{"type": "identify", "userId": "u", "traits": {"a": 1, "a": 2}}',
        b'{"type": "identify", "userId": "u", "traits": {"a": NaN}}',
        '{"type": "identify", "userId": "u", "traits": ' + "[" * 200 + "]" * 200 + "}",
    ],
    ids=range(22),
)
def test_no_event_raises(event: Any) -> None:
    """What is no event is an invalid result with a reason, in every face."""
    mapper = pipeline.load(ROOT / "mappings" / "inkit.yaml", environ={})
    result = mapper.transform(event)
    assert result.status == "invalid"
    assert [problem.code for problem in result.problems] == ["not_an_event"]


@pytest.mark.parametrize(
    "known",
    [{"a": ["\ud800"]}, {"a": {1, 2}}, {"a": float("nan")}, {"a": json.loads("[" * 900 + "]" * 900)}, [1], "x", 7],
    ids=range(7),
)
def test_an_identity_that_is_none(known: Any) -> None:
    """What a caller says of the person has to be JSON; what is not is the caller's mistake, and is said at once."""
    mapper = pipeline.loads(strategies.written(simple({"f": "traits.a"})), environ={})
    with pytest.raises((TypeError, codec.NotJson)):
        mapper.transform({"type": "identify", "userId": "u"}, identity=known)


def test_results_share_nothing_with_the_plan() -> None:
    """A caller that changes a result changes no later one."""
    fields = {"f": {"const": {"x": [1]}, "type": "object"}, "g": {"type": "list", "default": [1], "from": "traits.no"}}
    mapper = pipeline.loads(strategies.written(simple(fields)), environ={})
    call = {"type": "identify", "userId": "u", "traits": {"a": [1]}}
    first = mapper.transform(call)
    assert first.request is not None
    before = first.request.content
    for held in (first.fields, first.custom_fields, first.request.body):
        for value in held.values():
            value.clear() if hasattr(value, "clear") else None
        held.clear()
    again = mapper.transform(call).request
    assert again is not None
    assert again.content == before


def simple(fields: Any, **parts: Any) -> dict[str, Any]:
    """The smallest mapping with some fields."""
    return {"mapping": 1, "destination": "D", "fields": fields, "send": {"url": "https://example.test/"}, **parts}


@pytest.mark.parametrize("expression", ["[to_number(traits.a)]", "{x: to_number(traits.a)}", "to_number(traits.a)"])
def test_a_number_that_json_cannot_say(expression: str) -> None:
    """What a function makes of ``nan`` is unfit; it is never written as null."""
    for kind in ("any", "list", "object", "number"):
        mapper = pipeline.loads(strategies.written(simple({"f": {"type": kind, "from": expression}})), environ={})
        result = mapper.transform({"type": "identify", "userId": "u", "traits": {"a": "nan"}})
        assert [problem.code for problem in result.problems] == ["wrong_type"]
    body = simple({"f": "traits.a"})
    body["send"]["body"] = "{x: to_number(fields.f)}"
    result = pipeline.loads(strategies.written(body), environ={}).transform(
        {"type": "identify", "userId": "u", "traits": {"a": "inf"}}
    )
    assert [problem.code for problem in result.problems] == ["not_json"]


# ------------------------------------------------------------------------------------------------------- canaries


@laws.some(60)
@given(strategies.batches())
def test_nothing_made_for_people_holds_a_value(cases: list[Case]) -> None:
    """Canaries in every trait and in the secret: no text of a result, problem, request or exception sings."""
    for case in cases:
        laws.check_silence(case)


def test_settings_are_silent() -> None:
    """A setting that is wrong or missing is named, and its value is not shown."""
    settings = {
        "base": {"env": "BASE", "rules": {"regex": "[a-z]+"}},
        "key": {"env": "KEY", "secret": True, "rules": {"maxlength": 3}},
        "size": {"env": "SIZE", "type": "whole"},
    }
    mapping = strategies.written(simple({"f": "settings.base"}, settings=settings))
    mapper = pipeline.loads(mapping, environ={"BASE": "CANARY 1", "KEY": "CANARY 2", "SIZE": "CANARY 3"})
    with pytest.raises(SettingsError) as caught:
        mapper.transform({"type": "identify", "userId": "u"})
    assert len(caught.value.problems) == 3
    assert "CANARY" not in f"{caught.value} {caught.value!r} {caught.value.problems} {mapper!r} {mapper.settings!r}"


def test_a_plan_is_silent() -> None:
    """Printing a mapper or its plan shows no setting of the environment."""
    settings = {"key": {"env": "MAPPER_TEST_KEY", "secret": True, "required": True}}
    mapper = pipeline.loads(
        strategies.written(simple({"f": "traits.a"}, settings=settings)), environ=strategies.ENVIRONMENT
    )
    assert isinstance(mapper.plan, Plan)
    assert strategies.SECRET not in f"{mapper!r}{mapper.plan!r}{mapper.settings!r}"


# ------------------------------------------------------------------------------------------------------- requests


@pytest.mark.parametrize("name", pipeline.shipped())
def test_requests_of_the_shipped_mappings(name: str) -> None:
    """A stored request of each shipped mapping comes back equal, and makes the same prepared one."""
    mapper = pipeline.load(name, environ={})
    settings = {
        setting.name: "https://base.test" if "url" in setting.name else "123" for setting in mapper.plan.settings
    }
    traits = {
        "template_id": "T",
        "send_postcard": True,
        "name": "Ada King",
        "email": "a@example.org",
        "vip": True,
        "address": {"street": "1 Main St", "city": "Boston", "state": "MA", "postalCode": "02134", "country": "US"},
    }
    result = mapper.transform({"type": "identify", "userId": "u", "messageId": "m", "traits": traits}, settings)
    assert result.request is not None, result.problems
    stored = json.loads(json.dumps(result.request.as_dict()))
    again = type(result.request).from_dict(stored)
    assert laws.same(laws.plain(again), laws.plain(result.request))
    secrets = mapper.secrets(settings)
    assert laws.same(laws.plain(again.with_secrets(secrets)), laws.plain(result.request.with_secrets(secrets)))


@given(st.sampled_from(["delivered", "rejected", "pause", "retry", "unknown"]), st.integers(100, 599))
def test_answers_survive_storage(ending: str, code: int) -> None:
    """Codes, ranges and expressions of ``answers`` come back as they were."""
    answers = {ending: [code, f"{code // 100}xx", "reply.body.ok == `true`"]}
    mapping = simple({"f": "traits.a"})
    mapping["send"]["answers"] = answers
    mapper = pipeline.loads(strategies.written(mapping), environ={})
    made = mapper.transform({"type": "identify", "userId": "u", "traits": {"a": "x"}}).request
    assert made is not None
    again = type(made).from_dict(json.loads(json.dumps(made.as_dict())))
    assert laws.same(laws.plain(again), laws.plain(made))
