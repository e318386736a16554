"""Why an event is none: the reason that is stored, and that `queue show` shows, says which of the ways it is."""

from __future__ import annotations

import json

import pytest
from command_line import SMALL
from hypothesis import given
from hypothesis import strategies as st
from queues import CANARY, Stage

import mapper
from mapper.delivery.intake import Intake

MAPPING = mapper.loads(SMALL, environ={})
WHOLE = json.dumps({"type": "identify", "userId": CANARY, "traits": {"email": CANARY}}).encode()

NONE = [
    (
        '{"userId": "zq7canary',
        "the event is no JSON that can be kept: not JSON: Unterminated string starting at at line 1",
    ),
    ('{"zq7canary": 1, "zq7canary": 2}', "the event is no JSON that can be kept: a name is given twice in one object"),
    ('["zq7canary", 2]', "an event has to be a JSON object"),
    ('{"userId": "zq7canary"}', "the event has no type"),
    ('{"type": "identify", "userId": "zq7canary", "traits": "zq7canary"}', "traits is not an object"),
    ('{"type": "identify", "traits": {"email": "zq7canary"}}', "the call has neither a userId nor an anonymousId"),
]


def reason(raw: bytes) -> str | None:
    """What is stored of an event."""
    intake = Intake(MAPPING, MAPPING.resolved({}), b"k" * 32)
    return intake.draft(intake.arrival(raw), None).because


@pytest.mark.parametrize(("raw", "words"), NONE)
def test_what_is_no_call_says_what_it_is(raw: str, words: str) -> None:
    """And nothing of what is in it."""
    said = reason(raw.encode()) or ""
    assert said.startswith(f"not_an_event: {words}")
    assert CANARY not in said


def test_a_person_sees_it(store_url: str) -> None:
    """With the place where a text stops being JSON."""
    stage = Stage(store_url)
    with stage.outbox:
        receipts = stage.outbox.accept(['{"userId": oops}', "[1,2]", '{"type": "identify"}'])
        shown = [" ".join(stage.run("queue", "show", one.job).out.split()) for one in receipts]
    assert (
        "not_an_event: the event is no JSON that can be kept: not JSON: Expecting value at line 1, column 12"
        in shown[0]
    )
    assert "not_an_event: an event has to be a JSON object" in shown[1]
    assert "not_an_event: the call has neither a userId nor an anonymousId" in shown[2]


@given(st.integers(0, len(WHOLE)), st.binary(max_size=2), st.integers(0, 2))
def test_no_broken_text_is_quoted(place: int, noise: bytes, lost: int) -> None:
    """Wherever a text is broken, its reason holds none of its words."""
    assert CANARY not in (reason(WHOLE[:place] + noise + WHOLE[place + lost :]) or "")
    assert CANARY not in (reason(WHOLE[:place]) or "")
