"""``mapper identity``: what is known of a person, and forgetting it, on a real store."""

from __future__ import annotations

import json
import os
import pty
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import SMALL, Ended
from queues import CANARY, Stage, call, stage

_USER, _VISITOR = f"{CANARY}-u1", f"{CANARY}-a1"


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Stage]:
    """A store in a file."""
    with stage(str(tmp_path / "mapper.db")) as staged:
        yield staged


@pytest.fixture
def either(store_url: str) -> Iterator[Stage]:
    """A store of either engine."""
    with stage(store_url) as staged:
        yield staged


def known(ended: Ended) -> list[Any]:
    """What ``show --format json`` says, account by account."""
    assert ended.code == 0, ended.err
    accounts: list[Any] = json.loads(ended.out)["accounts"]
    return accounts


def forgotten(ended: Ended) -> list[Any]:
    """The receipts of ``forget --format json``."""
    assert ended.code == 0, ended.err
    receipts: list[Any] = json.loads(ended.out)["forgotten"]
    return receipts


# --------------------------------------------------------------------------------------------------------------- show


def test_show_tells_each_trait_and_when_it_was_said(either: Stage) -> None:
    """The last writer of each trait counts, and its time is beside it; a cleared trait is told as such."""
    either.accept(
        call(1, traits={"city": "Rome", "zip": None}, timestamp="2026-11-01T10:00:00Z"),
        call(1, messageId="m2", traits={"city": "Oslo"}, timestamp="2026-11-02T10:00:00.500Z"),
    )
    (account,) = known(either.run("identity", "show", _USER, "--format", "json"))
    assert (account["account"], account["jobs"], account["forgotten"]) == ("Example", 2, None)
    assert account["traits"]["city"] == {"value": "Oslo", "said": "2026-11-02T10:00:00.500Z"}
    assert account["traits"]["zip"] == {"value": None, "said": "2026-11-01T10:00:00.000Z"}
    page = either.run("identity", "show", _USER)
    assert "3 traits are known, 2 jobs" in page.out
    assert "Oslo" in page.out
    assert "(cleared)" in page.out
    assert page.err == ""


def test_one_of_each_is_spoken_of_as_one(one: Stage) -> None:
    """One trait, one job, one event: on the page, and on the receipt."""
    one.accept(call(1))
    assert "1 trait is known, 1 job" in one.run("identity", "show", _USER).out
    receipt = one.run("identity", "forget", _USER, "--yes").out
    for line in ("1  job stopped: not sent,", "1  event with its request erased", "1  identity erased"):
        assert line in receipt


def test_show_of_nobody(one: Stage) -> None:
    """Nothing is known, which is no error; ids of another source are other people."""
    one.accept(call(1))
    for arguments in (("nobody",), (_USER, "--source", "shop"), (_USER, "--anonymous")):
        ended = one.run("identity", "show", *arguments)
        assert (ended.code, ended.out) == (0, "")
        assert "nothing is known" in ended.err
        assert CANARY not in ended.err


def test_show_of_a_call_without_a_time(one: Stage) -> None:
    """A trait whose call did not say when is shown as such."""
    bare = call(1)
    del bare["timestamp"]
    one.accept(bare)
    (account,) = known(one.run("identity", "show", _USER, "--format", "json"))
    assert account["traits"]["email"]["said"] is None
    assert "at a time unknown" in one.run("identity", "show", _USER).out


def test_show_finds_whom_a_visitor_turned_out_to_be(one: Stage) -> None:
    """An anonymousId that came with a userId is that person, with all that is known."""
    visit = {**call(1, anonymousId=_VISITOR, traits={"colour": "red"}), "userId": None}
    one.accept(visit, call(1, messageId="m2", anonymousId=_VISITOR))
    (account,) = known(one.run("identity", "show", _VISITOR, "--anonymous", "--format", "json"))
    assert set(account["traits"]) == {"colour", "email"}
    assert account["jobs"] == 2


# ------------------------------------------------------------------------------------------------------------- forget


def test_forget_erases_and_gives_a_receipt_without_the_person(either: Stage) -> None:
    """Traits, events and requests go; what was not sent is not sent; the receipt holds nothing of anybody."""
    sent, waiting = either.accept(call(1), call(1, messageId="m2"))
    either.end(sent, "delivered", status=200)
    ended = either.run("identity", "forget", _USER, "--yes", "--why", "asked for", "--as", "eve", "--format", "json")
    assert CANARY not in ended.out + ended.err
    (receipt,) = forgotten(ended)
    counts = (receipt["jobs_stopped"], receipt["contents_erased"], receipt["identities_erased"], receipt["under_way"])
    assert counts == (1, 2, 1, 0)
    assert (receipt["by"], receipt["for_good"]) == ("eve", False)
    assert (either.state(sent), either.state(waiting)) == ("delivered", "erased")
    (account,) = known(either.run("identity", "show", _USER, "--format", "json"))
    assert account["traits"] == {}
    assert account["forgotten"]["for_good"] is False
    assert "forgotten on" in either.run("identity", "show", _USER).out


def test_nothing_of_the_person_is_left_in_the_files(one: Stage) -> None:
    """No byte of what was known of the person is in any file of the store; of others it is."""
    one.accept(call(1), call(2))
    assert one.run("identity", "forget", _USER, "--yes").code == 0
    files = b"".join(path.read_bytes() for path in Path(one.url).parent.glob("mapper.db*"))
    assert f"{CANARY}1@".encode() not in files
    assert _USER.encode() not in files
    assert f"{CANARY}2@".encode() in files


def test_forget_says_what_is_under_way(one: Stage) -> None:
    """A job that is being sent ends first: the receipt says so, and then its content goes."""
    (job,) = one.accept(call(1))
    (claim,) = one.start(job)
    page = one.run("identity", "forget", _USER, "--yes")
    assert "1 under way" in page.out
    assert one.state(job) == "sending"
    one.settle(claim, "delivered")
    story = one.ledger.story(job)
    assert story is not None
    assert (story.row.state, story.event, story.content) == ("delivered", None, None)


def test_forgetting_nobody_does_no_harm(one: Stage) -> None:
    """Of whom nothing is known is forgotten all the same, and an event from before does not come in any more."""
    one.accept(call(2))
    ended = one.run("identity", "forget", _USER, "--yes")
    assert ended.code == 0
    assert "nothing was known" in ended.out
    (late,) = one.accept(call(1))
    assert one.state(late) == "erased"
    (later,) = one.accept(call(1, messageId="m2", timestamp="2099-01-01T00:00:00Z"))
    assert one.state(later) == "ready"


def test_for_good(one: Stage) -> None:
    """Then later events are not taken either."""
    assert "not taken any more" in _forget_after_one_call(one, "--for-good")
    (later,) = one.accept(call(1, messageId="m2", timestamp="2099-01-01T00:00:00Z"))
    assert one.state(later) == "erased"


def _forget_after_one_call(one: Stage, *options: str) -> str:
    one.accept(call(1))
    ended = one.run("identity", "forget", _USER, "--yes", *options)
    assert ended.code == 0, ended.err
    return ended.out


def test_forget_by_the_anonymous_id_forgets_the_person(one: Stage) -> None:
    """A visitor who turned out to be somebody is forgotten as that person."""
    one.accept(call(1, anonymousId=_VISITOR))
    (receipt,) = forgotten(one.run("identity", "forget", _VISITOR, "--anonymous", "--yes", "--format", "json"))
    assert receipt["identities_erased"] == 1
    (account,) = known(one.run("identity", "show", _USER, "--format", "json"))
    assert account["traits"] == {}


def test_forget_reaches_all_accounts(tmp_path: Path) -> None:
    """A person is not forgotten in one account and kept in another, unless one is named."""
    url = str(tmp_path / "mapper.db")
    with stage(url) as first, stage(url, SMALL.replace("Example\n", "Other\n")) as second:
        first.accept(call(1), call(2))
        second.accept(call(1), call(2))
        assert len(forgotten(first.run("identity", "forget", _USER, "--yes", "--format", "json"))) == 2
        first.run("identity", "forget", f"{CANARY}-u2", "--yes", "--account", "Other")
        assert first.states() == {1: "erased", 2: "ready"}
        assert second.states() == {1: "erased", 2: "erased"}


@pytest.mark.parametrize(("typed", "state"), [("forget", "erased"), ("y", "ready")])
def test_forgetting_is_asked_for(one: Stage, typed: str, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody can be asked --yes is needed; at a terminal the word has to be typed."""
    (job,) = one.accept(call(1))
    refused = one.run("identity", "forget", _USER)
    assert (refused.code, one.state(job)) == (2, "ready")
    ours, theirs = pty.openpty()
    os.write(ours, f"{typed}\n".encode())
    with os.fdopen(theirs, "r") as terminal:
        monkeypatch.setattr("mapper.apps.cli.people.sys", _Standard(terminal))
        assert one.run("identity", "forget", _USER).code == 0
    os.close(ours)
    assert one.state(job) == state


class _Standard:
    """``sys`` with a terminal for stdin."""

    def __init__(self, stdin: object) -> None:
        self.stdin = stdin

    def __getattr__(self, name: str) -> object:
        return getattr(sys, name)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_pages_fit(one: Stage, width: int) -> None:
    """No line of a page is wider than the screen."""
    one.accept(call(1, traits={"a_trait_with_a_long_name": "x" * 70, "city": "Oslo"}))
    for arguments in (("show", _USER), ("forget", _USER, "--yes"), ("show", _USER)):
        page = one.run("identity", *arguments, env={"COLUMNS": str(width)})
        assert page.out
        assert max(len(line) for line in page.out.splitlines()) <= width
