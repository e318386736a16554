"""Which answer means which ending: money is at stake in each line of this table."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapper import expressions
from mapper.outcome import ENDINGS, AnswerRule, Answers, Failure, Outcome, Reply, classify, default_ending

NOTHING = Answers()


def rule(ending: Any, entry: int | str) -> AnswerRule:
    """One entry of an answer table, as a mapping writes it."""
    if isinstance(entry, int):
        return AnswerRule(ending, entry, entry)
    if entry.endswith("xx"):
        return AnswerRule(ending, int(entry[0]) * 100, int(entry[0]) * 100 + 99)
    return AnswerRule(ending, expression=expressions.compile(entry))


def table(*entries: tuple[str, int | str]) -> Answers:
    """An answer table."""
    return Answers(tuple(rule(ending, entry) for ending, entry in entries))


@pytest.mark.parametrize(
    ("status", "ending"),
    [
        (200, "delivered"), (201, "delivered"), (202, "delivered"), (204, "delivered"), (299, "delivered"),
        (401, "pause"), (403, "pause"),
        (429, "retry"), (503, "retry"),
        (400, "rejected"), (404, "rejected"), (405, "rejected"), (409, "rejected"), (410, "rejected"),
        (413, "rejected"), (422, "rejected"), (499, "rejected"),
        (408, "unknown"), (500, "unknown"), (501, "unknown"), (502, "unknown"), (504, "unknown"), (599, "unknown"),
        (300, "unknown"), (301, "unknown"), (302, "unknown"), (303, "unknown"), (307, "unknown"), (308, "unknown"),
        (-1, "unknown"), (0, "unknown"), (100, "unknown"), (101, "unknown"), (199, "unknown"),
        (600, "unknown"), (999, "unknown"), (10**30, "unknown"),
    ],
)  # fmt: skip
def test_default_endings(status: int, ending: str) -> None:
    """What a status means where the mapping does not say."""
    assert default_ending(status) == ending
    assert classify(Reply(status), NOTHING).ending == ending


def test_only_a_2xx_is_delivered_and_only_two_codes_are_sent_again() -> None:
    """Over all statuses: the endings that cost money or mail are given to no other."""
    endings = {status: default_ending(status) for status in range(-100, 1200)}
    assert {s for s, e in endings.items() if e == "delivered"} == set(range(200, 300))
    assert {s for s, e in endings.items() if e == "retry"} == {429, 503}
    assert {s for s, e in endings.items() if e == "rejected"} < set(range(400, 500))


def test_a_code_beats_a_range_in_any_order() -> None:
    """The narrower entry is the author's exception from the wider."""
    wide, narrow = rule("retry", "5xx"), rule("unknown", 504)
    assert Answers((wide, narrow)) == Answers((narrow, wide))
    for answers in (Answers((wide, narrow)), Answers((narrow, wide))):
        assert [classify(Reply(s), answers).ending for s in (500, 504, 599)] == ["retry", "unknown", "retry"]


def test_what_the_table_does_not_name_has_its_default() -> None:
    """A table of one line takes nothing away."""
    answers = table(("rejected", 202))
    assert [classify(Reply(s), answers).ending for s in (200, 202, 401)] == ["delivered", "rejected", "pause"]


def test_a_redirect_that_the_mapping_names_counts_as_named() -> None:
    """The author's word stands; where he is silent it is held, under a stable word."""
    silent, named = classify(Reply(303), NOTHING), classify(Reply(303), table(("delivered", 303)))
    assert (silent.ending, silent.kind, silent.status) == ("unknown", "redirect_refused", 303)
    assert (named.ending, named.kind, named.status) == ("delivered", None, 303)


def test_expressions_come_first_in_the_order_written() -> None:
    """An answer of 200 may be a refusal; the first true expression decides."""
    answers = table(
        ("delivered", 200),
        ("rejected", "reply.body.error"),
        ("pause", "reply.body.error == 'no credit'"),
        ("retry", 'reply.headers."x-busy" && reply.status == `200`'),
    )
    refused = classify(Reply(200, body=b'{"error": "no credit"}'), answers)
    busy = classify(Reply(200, {"x-busy": "1"}, b"{}"), answers)
    assert (refused.ending, refused.message) == ("rejected", "the destination answered 200; matched reply.body.error")
    assert (busy.ending, classify(Reply(200, body=b"{}"), answers).ending) == ("retry", "delivered")


@pytest.mark.parametrize("truth", ["`0`", "`false`", "`null`", "''", "`[]`", "`{}`", "'no'", "`[0]`"])
def test_an_expression_is_true_as_in_jmespath(truth: str) -> None:
    """Zero is true, what is empty is not: the same as JMESPath's own ``!``."""
    false = expressions.compile(f"!({truth})").search({})
    assert classify(Reply(202), table(("rejected", truth))).ending == ("delivered" if false else "rejected")


def test_a_failing_expression_leaves_the_outcome_unknown() -> None:
    """An answer that cannot be judged is neither yes nor no, even where the status is named."""
    answers = table(("delivered", 200), ("rejected", "abs(reply.body.code) > `0`"))
    outcome = classify(Reply(200, body=b'{"code": "secret street"}'), answers)
    assert outcome.ending == "unknown"
    assert "abs(reply.body.code)" in outcome.message
    assert "secret street" not in outcome.message


def test_a_body_that_is_not_whole_is_not_judged() -> None:
    """An expression over half a body could miss the error in the other half; one over the status could not."""
    cut = Reply(200, body=b'{"error": "no cre', truncated=True)
    assert classify(cut, table(("rejected", "reply.body.error"))).ending == "unknown"
    assert classify(cut, table(("rejected", "reply.status == `500`"))).ending == "delivered"
    assert classify(cut, NOTHING).ending == "delivered"


@pytest.mark.parametrize(
    ("body", "expression"),
    [
        (b'{"a": 1}', "reply.body.a == `1`"),
        (b"plain text", "reply.body == 'plain text'"),
        (b"", "reply.body == ''"),
        (b"\xff\xfe", "type(reply.body) == 'string'"),
        (b"[" * 100_000, "type(reply.body) == 'string'"),
        (b'{"a": NaN}', "type(reply.body) == 'string'"),
    ],
)
def test_a_body_is_json_where_it_is_json_and_text_where_not(body: bytes, expression: str) -> None:
    """A reply is a stranger's: whatever it holds, there is an ending."""
    assert classify(Reply(200, body=body), table(("rejected", expression))).ending == "rejected"


@pytest.mark.parametrize(
    ("failure", "ending"),
    [
        (Failure("connect", maybe_sent=False), "retry"),
        (Failure("timeout", maybe_sent=True), "unknown"),
        (Failure("bad_header", maybe_sent=False, fault="request"), "rejected"),
        (Failure("bad_header", maybe_sent=False, fault="settings"), "pause"),
        (Failure("odd", maybe_sent=True, fault="request"), "unknown"),
        (Failure("odd", maybe_sent=True, fault="settings"), "unknown"),
    ],
)
def test_failures(failure: Failure, ending: str) -> None:
    """Whose fault it is counts only where surely nothing was sent; the answer table never does."""
    outcome = classify(failure, table(("delivered", "1xx"), ("delivered", "true_for_all || `true`")))
    assert (outcome.ending, outcome.kind, outcome.status, outcome.reply) == (ending, failure.kind, None, None)


def test_an_outcome_carries_what_the_caller_needs() -> None:
    """The status, the wish to wait, and the reply itself."""
    reply = Reply(429, {"retry-after": "120"}, b"slow down")
    assert classify(reply, NOTHING) == Outcome("retry", "the destination answered 429", 429, "120", reply)


def test_what_the_destination_wrote_is_not_shown() -> None:
    """A destination may echo the address that it refuses: reprs and messages end up in logs."""
    reply = Reply(422, {"location": "/1-rocket-road"}, b"1 Rocket Road is unknown")
    shown = f"{reply!r} {classify(reply, NOTHING)!r} {classify(reply, table(('pause', 'reply.body')))!r}".lower()
    assert "rocket" not in shown


ANY_TEXT = st.text(max_size=20)
REPLIES = st.builds(
    Reply,
    st.integers(-(10**20), 10**20) | st.integers(100, 599),
    st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=3),
    st.binary(max_size=40) | st.sampled_from([b"{}", b'{"error": [1, {"a": null}]}', b"[[1]]", b'"\\ud800"']),
    st.booleans(),
)
FAILURES = st.builds(Failure, ANY_TEXT, st.booleans(), ANY_TEXT, st.sampled_from(["network", "request", "settings"]))
ENTRIES = st.one_of(
    st.integers(100, 599),
    st.sampled_from(["1xx", "2xx", "3xx", "4xx", "5xx"]),
    st.sampled_from(
        ["reply.body.error", "abs(reply.body)", "sort(reply.body)", "reply.status", "sum(reply.*)", "reply.headers.a"]
    ),
)
TABLES = st.lists(st.tuples(st.sampled_from(ENDINGS), ENTRIES), max_size=6).map(lambda entries: table(*entries))


@given(result=REPLIES | FAILURES, answers=TABLES)
def test_classify_is_total(result: Reply | Failure, answers: Answers) -> None:
    """Every reply and failure under every table has exactly one of the five endings; nothing is raised."""
    outcome = classify(result, answers)
    assert outcome.ending in ENDINGS
    assert outcome.message
    if isinstance(result, Failure):
        assert (outcome.ending == "unknown") == result.maybe_sent


class Broken:
    """An expression with a bug."""

    text = "broken"

    def search(self, document: Any) -> Any:
        """Fail with another error than the expressions' own."""
        del document
        raise RecursionError


def test_a_bug_in_an_expression_loses_no_account() -> None:
    """The request is on its way when its answer is judged."""
    assert classify(Reply(200), Answers((AnswerRule("delivered", expression=Broken()),))).ending == "unknown"
