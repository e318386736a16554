"""What the documentation says that holds where a mapping says nothing of sending: the code's own figures."""

from __future__ import annotations

import re
from pathlib import Path

from mapper import pipeline
from mapper.apps.outbox import Outbox, of_plan

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "mapping.md").read_text("utf-8")
#: A mapping that says nothing of its sending but where to.
SILENT = "mapping: 1\ndestination: D\nfields: {email: traits.email}\nsend: {url: 'https://example.com/hook'}\n"
DAY = 86_400.0


def said() -> dict[str, str]:
    """The table of what holds without a key: key to words."""
    table = PAGE.partition("What holds where `send` does not say it:")[2].partition("\n\nNot the mapping's")[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE))


def test_each_key_that_has_a_default_is_in_the_table() -> None:
    """Nobody has to read the code to learn what happens to his money."""
    assert list(said()) == ["rate", "once_per", "cap", "stale_after", "unknown"]


def test_the_defaults_are_those_of_the_code() -> None:
    """Where one of them changes, the page does."""
    policy, words = of_plan(pipeline.loads(SILENT, environ={}).plan), said()
    assert policy.rate is None
    assert "as fast as the destination takes them" in words["rate"]
    assert (policy.within, policy.cap_day, policy.cap_run) == (0.0, None, None)
    assert policy.stale_after is not None
    assert f"`{policy.stale_after / DAY:g}d`" in words["stale_after"]
    assert words["unknown"].startswith(f"`{policy.unknown}`")


def test_what_no_mapping_says() -> None:
    """How long contents are kept, and how often and how long it is tried."""
    policy = of_plan(pipeline.loads(SILENT, environ={}).plan)
    words = " ".join(PAGE.partition("Not the mapping's to say:")[2].partition("\n\n")[0].split())
    assert policy.keep is not None
    assert f"deleted {policy.keep / DAY:g} days after its end" in words
    schedule = policy.schedule
    assert f"tried {schedule.tries} times in {schedule.age / DAY:g} days at most" in words


def test_two_orders_alike_are_two_requests(tmp_path: Path) -> None:
    """Unless once_per says otherwise; the same call is one in any case."""
    with Outbox(pipeline.loads(SILENT, environ={}), tmp_path / "mapper.db") as outbox:
        call = {"type": "identify", "userId": "u", "traits": {"email": "a@b.example"}}
        events = [{**call, "messageId": name} for name in ("m-1", "m-2", "m-1")]
        receipts = outbox.accept(events)
    assert [(one.state, one.repeated) for one in receipts] == [("ready", ""), ("waiting", ""), ("ready", "same")]
