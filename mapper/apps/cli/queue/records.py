"""Jobs and accounts as JSON for other programs.

Knows the names in that JSON. Must not ask a store. Moments are ISO 8601, UTC; ages and lengths are seconds.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from mapper.apps.cli.senders import Workers
from mapper.delivery.values import Row, Status, Story


def moment(at: float | None) -> str | None:
    """A moment, to the millisecond."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def of_status(status: Status, working: Workers) -> dict[str, Any]:
    """An account at one moment, and who sends its jobs; ``other_worker`` has the store, for another account."""
    other = working.other
    return {
        "account": status.account,
        "now": moment(status.now),
        "counts": dict(status.counts),
        "sending_lapsed": working.lapsed,
        "accepted": status.accepted,
        "repeated": status.repeated,
        "conflicting": status.conflicting,
        "oldest_age": None if status.oldest is None else round(status.now - status.oldest, 3),
        "next_due": moment(status.due),
        "delivered_last_minute": status.recent,
        "sent_today": status.today,
        "paused_until": moment(status.paused),
        "pause_reason": status.pause_reason,
        "workers": None if working.names is None else list(working.names),
        "other_worker": None if other is None else {"process": other.process, "account": other.account},
    }


def of_row(row: Row, now: float) -> dict[str, Any]:
    """A job in a list: nothing of anybody."""
    return {
        "job": row.job,
        "state": row.state,
        "reason": row.because,
        "accepted": moment(row.accepted),
        "changed": moment(row.changed),
        "age": round(now - row.accepted, 3),
        "due": moment(row.due),
        "tries": row.attempts,
        "status": row.status,
        "repeated": row.duplicates,
        "conflicting": row.conflicts,
    }


def of_story(story: Story, now: float) -> dict[str, Any]:
    """A job, whole, without its content."""
    tries = [
        {
            "number": one.number,
            "started": moment(one.started),
            "ended": moment(one.ended),
            "ending": one.ending,
            "status": one.status,
            "reason": one.because,
        }
        for one in story.attempts
    ]
    acts = [
        {"at": moment(one.at), "who": one.who, "verb": one.verb, "was": one.was, "became": one.became, "why": one.why}
        for one in story.acts
    ]
    own = {**of_row(story.row, now), "mapping": story.row.fingerprint, "content_kept": story.event is not None}
    return {**own, "attempts": tries, "acts": acts}
