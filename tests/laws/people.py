"""Law 9: what is known of a person does not depend on the order, the grouping or the repetition of calls.

Knows when a call happened. Must not know how two calls are merged.
"""

from __future__ import annotations

import functools
import json

from laws.sameness import plain, same
from mapper import codec, event, identity
from mapper.identity import Identity


def bytes_of(known: Identity) -> bytes:
    """An identity as its store would keep it."""
    return codec.encode(known.as_record())


def check_merge(calls: list[event.Identify], order: list[int]) -> None:
    """Law 9: any order, any grouping, any repetition of calls makes the same identity, to the byte."""
    written = [identity.of_call(call, ("plan",)) for call in calls]
    empty = Identity()
    whole = functools.reduce(identity.merge, written, empty)
    shuffled = functools.reduce(identity.merge, [written[i % len(written)] for i in order] + written[::-1], empty)
    assert bytes_of(whole) == bytes_of(shuffled), (calls, order)
    half = len(written) // 2
    left, right = (functools.reduce(identity.merge, part, empty) for part in (written[:half], written[half:]))
    assert bytes_of(identity.merge(left, right)) == bytes_of(whole), calls
    assert bytes_of(identity.merge(right, left)) == bytes_of(whole), calls
    assert bytes_of(identity.merge(whole, whole)) == bytes_of(whole), calls
    for one in written:
        assert bytes_of(identity.merge(whole, one)) == bytes_of(whole), calls
        assert bytes_of(identity.merge(one, one)) == bytes_of(one), calls
    assert "plan" not in whole.traits, calls
    check_last_writer(calls, whole)
    stored = Identity.from_record(json.loads(json.dumps(whole.as_record())))
    assert same(plain(stored), plain(whole)), calls


def check_last_writer(calls: list[event.Identify], whole: Identity) -> None:
    """Each trait is some call's that no other call with the trait comes after, and no clock runs ahead of receipt."""
    for name, trait in whole.traits.items():
        writers = [call for call in calls if name in call.traits or name in call.context_traits]
        times = [_time_of(call) - (name not in call.traits) for call in writers]
        assert trait.stamp.time == max(times), (calls, name)
        said_then = [
            c.traits.get(name, c.context_traits.get(name))
            for c, t in zip(writers, times, strict=True)
            if t == max(times) and (c.message_id or "") == trait.stamp.message_id
        ]
        assert any(same(trait.value, value) for value in said_then), (calls, name)


def _time_of(call: event.Identify) -> int:
    """When a call happened: the first readable time, never after its receipt."""
    said_at = [identity.instant(call.envelope[name]) for name in ("timestamp", "originalTimestamp", "sentAt")]
    received = identity.instant(call.envelope["receivedAt"])
    known = [moment for moment in said_at if moment is not None][:1] + ([received] if received is not None else [])
    return min(known, default=identity.ANCIENT.time + 1)
