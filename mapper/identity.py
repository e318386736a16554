"""Step 4b: earlier traits and this call become the one tree of traits that is mapped.

Knows which of two calls wins, trait by trait. Must not know storage, fields or destinations.

An Identity remembers for each root trait its last writer, by (time, messageId), with a tombstone
where the last writer said null. Merging is commutative, associative and idempotent: late, repeated
and shuffled calls end in the same identity.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from mapper import codec
from mapper.event import Identify
from mapper.frozen import dataclass, field

#: Newest first.
Layer = Literal["call", "context", "identity"]


class Stamp(NamedTuple):
    """When and by which call a trait was written. ``time`` is in nanoseconds since 1970, UTC."""

    time: int
    message_id: str = ""


#: An identity as it is stored.
Record = list[list[Any]]

#: The stamp of traits given as a plain dict: older than any call.
ANCIENT = Stamp(-(2**62))


@dataclass(frozen=True, slots=True)
class Trait:
    """A remembered root trait. A value of None is a tombstone: the person cleared it."""

    value: Any = field(repr=False)
    stamp: Stamp

    def later(self, other: Trait) -> Trait:
        """The later of two writings. Equal stamps are settled by the values, so that order never matters."""
        return max(self, other, key=lambda t: (t.stamp, codec.encode(t.value)))


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known of one person from earlier calls."""

    traits: Mapping[str, Trait] = field(default_factory=dict, repr=False)

    def as_record(self) -> Record:
        """A plain JSON value from which ``from_record`` makes an equal identity: ``[[time, messageId, traits], ...]``.

        Most of what is known of a person one call said: its stamp stands there once.
        """
        groups: dict[Stamp, dict[str, Any]] = {}
        for name, trait in self.traits.items():
            groups.setdefault(trait.stamp, {})[name] = trait.value
        return [[stamp.time, stamp.message_id, groups[stamp]] for stamp in sorted(groups)]

    @classmethod
    def from_record(cls, record: Record) -> Identity:
        """The identity that ``as_record`` described; of a trait that stands there twice the last."""
        known = {}
        for time, message_id, traits in record:
            stamp = Stamp(time, message_id)
            known.update({name: Trait(value, stamp) for name, value in traits.items()})
        return cls({name: known[name] for name in sorted(known)})


def from_traits(traits: Mapping[str, Any]) -> Identity:
    """An identity from a plain dict of traits: one stamp, older than any call."""
    return Identity({name: Trait(value, ANCIENT) for name, value in traits.items()})


def of_call(call: Identify, never: Collection[str] = (), now: Stamp | None = None) -> Identity:
    """What one call says of its person, less the traits that belong to one call only. ``now`` is its ``stamp``."""
    now = stamp(call) if now is None else now
    masked = never if isinstance(never, frozenset) else frozenset(never)
    older = Stamp(now.time - 1, now.message_id)
    known = {name: Trait(value, older) for name, value in call.context_traits.items()}
    known.update({name: Trait(value, now) for name, value in call.traits.items()})
    return Identity({name: known[name] for name in sorted(known) if name not in masked})


def record_of_call(call: Identify, never: frozenset[str], now: Stamp) -> Record:
    """What ``of_call`` gives, as a record: at a fraction of the price, for what is only to be stored."""
    newer, older = call.traits, call.context_traits
    said = {name: value for name, value in newer.items() if name not in never}
    record = [[now.time, now.message_id, said]] if said else []
    if older:
        said = {name: value for name, value in older.items() if name not in never and name not in newer}
        record[:0] = [[now.time - 1, now.message_id, said]] if said else []
    return record


def merge(one: Identity, other: Identity) -> Identity:
    """Both together: for each root trait the last writer."""
    merged = dict(one.traits)
    for name, trait in other.traits.items():
        known = merged.get(name)
        merged[name] = trait if known is None else known.later(trait)
    return Identity({name: merged[name] for name in sorted(merged)})


def stamp(call: Identify) -> Stamp:
    """When a call happened: its timestamp, never later than its receipt (a wrong clock must not freeze a profile)."""
    envelope = call.envelope
    times = (instant(envelope[name]) for name in ("timestamp", "originalTimestamp", "sentAt"))
    said = next((t for t in times if t is not None), None)
    received = instant(envelope["receivedAt"])
    if said is None:
        said = received
    elif received is not None:
        said = min(said, received)
    return Stamp(ANCIENT.time + 1 if said is None else said, call.message_id or "")


_FRACTION = re.compile(r"\.([0-9]{1,18})")


def instant(text: Any) -> int | None:
    """An ISO 8601 text as nanoseconds since 1970 UTC, or None where it is no such text."""
    if not isinstance(text, str) or len(text) > 64:  # noqa: PLR2004 - the longest sensible form has 35 characters
        return None
    fraction = _FRACTION.search(text)
    if fraction is None:
        whole, nanoseconds = text, 0
    else:
        whole = text[: fraction.start()] + text[fraction.end() :]
        nanoseconds = int(fraction.group(1).ljust(9, "0")[:9])
    try:
        moment = datetime.fromisoformat(whole.strip())
        since = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)) - _EPOCH
    except (ValueError, OverflowError):
        return None
    time = (since.days * 86_400 + since.seconds) * 1_000_000_000 + nanoseconds
    # No call is from the year 1 or 9999: such a text stands for none, and would be older than ANCIENT.
    return time if abs(time) < -ANCIENT.time else None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Hidden:
    """A root trait of an older layer that a newer layer says too."""

    layer: Layer
    name: str
    value: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Known:
    """The one tree of traits of an event.

    ``tree``    what remains of all layers: call, context, identity, in that order
    ``layers``  the layer of each root
    ``ages``    the age of each root: 0 is the call's own, the higher the older; equal ages are one call
    ``hidden``  the roots of older layers that do not count
    ``masked``  roots of the context that belong to one call only (``identity.never``) and are not this call's
    """

    tree: dict[str, Any] = field(repr=False)
    layers: dict[str, Layer]
    ages: dict[str, int]
    hidden: tuple[Hidden, ...] = ()
    masked: tuple[Hidden, ...] = ()


def known(call: Identify, identity: Identity | None, never: frozenset[str] = frozenset()) -> Known:
    """Lay the call over its context's traits and over the identity (the mapping language, section 1.3)."""
    if not call.context_traits and (identity is None or not identity.traits):
        roots = dict(call.traits)
        return Known(roots, dict.fromkeys(roots, "call"), dict.fromkeys(roots, 0))
    tree: dict[str, Any] = {}
    layers: dict[str, Layer] = {}
    ages: dict[str, int] = {}
    hidden: list[Hidden] = []
    masked: list[Hidden] = []
    for layer, name, value, age in _roots(call, identity, never):
        if layer == "context" and name in never:
            # A context repeats what a library remembers. An order found there was given by an earlier call.
            masked.append(Hidden(layer, name, value))
        elif name in tree:
            hidden.append(Hidden(layer, name, value))
        else:
            tree[name], layers[name], ages[name] = value, layer, age
    return Known(tree, layers, ages, tuple(hidden), tuple(masked))


def _roots(call: Identify, identity: Identity | None, never: frozenset[str]) -> Iterable[tuple[Layer, str, Any, int]]:
    for name, value in call.traits.items():
        yield "call", name, value, 0
    for name, value in call.context_traits.items():
        yield "context", name, value, 1
    remembered = {n: t for n, t in (identity.traits if identity else {}).items() if n not in never}
    ranks = {s: i for i, s in enumerate(sorted({t.stamp for t in remembered.values()}, reverse=True), start=2)}
    for name, trait in remembered.items():
        yield "identity", name, trait.value, ranks[trait.stamp]
