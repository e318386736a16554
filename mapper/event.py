"""Step 4: decoded JSON becomes an Identify call: envelope, audience, and whether it is switched off.

Knows Segment: this is the only module that does. Must not know any destination's name but the one
it is given, and must not raise for bad data: what is wrong with an event is a Problem.

Sources: the Segment spec's common fields and Identify call, its page on filtering with the
integrations object, and Engage's personas context.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mapper.errors import Problem
from mapper.frozen import dataclass, field

#: The members of the envelope that expressions may name (the mapping language, section 1.2).
ENVELOPE = (
    "type",
    "userId",
    "anonymousId",
    "messageId",
    "timestamp",
    "originalTimestamp",
    "sentAt",
    "receivedAt",
    "channel",
    "version",
    "projectId",
    "context",
    "integrations",
)

#: Engage's classes whose trait says whether a person is in or out.
_AUDIENCES = ("audience", "journey_step")


@dataclass(frozen=True, slots=True)
class Identify:
    """One Identify call. Nothing in it is copied from or shared back with the caller's event by writing.

    ``envelope``        the members as sent, null where absent
    ``traits``          the call's own traits
    ``context_traits``  the traits of its context: an older layer
    ``options``         what the integrations object says for this destination, where that is an object
    ``audience``        ``{key, entered, left}``
    ``switched_off``    the reason where the call is not for this destination, else None
    """

    envelope: dict[str, Any] = field(repr=False)
    traits: dict[str, Any] = field(repr=False)
    context_traits: dict[str, Any] = field(repr=False)
    options: dict[str, Any] = field(repr=False)
    audience: dict[str, Any]
    switched_off: str | None = None
    warnings: tuple[Problem, ...] = ()

    @property
    def user_id(self) -> str | None:
        """The userId as text, or None."""
        return _identifier(self.envelope["userId"])

    @property
    def anonymous_id(self) -> str | None:
        """The anonymousId as text, or None."""
        return _identifier(self.envelope["anonymousId"])

    @property
    def message_id(self) -> str | None:
        """The messageId as text, or None."""
        return _identifier(self.envelope["messageId"])


@dataclass(frozen=True, slots=True)
class NotForUs:
    """An event that is no Identify call: skipped where it is another call, invalid where it is none."""

    problem: Problem | None = None
    because: str | None = None


def read(event: Any, destination: str) -> Identify | NotForUs:
    """Read one decoded event for one destination. Never raises."""
    if not isinstance(event, Mapping):
        return _not_an_event("an event has to be a JSON object")
    kind = event.get("type")
    if not isinstance(kind, str):
        return _not_an_event('the event has no type; an Identify call says "type": "identify"')
    if kind.casefold() != "identify":
        return NotForUs(because="not an identify call")
    traits = event.get("traits")
    if traits is not None and not isinstance(traits, Mapping):
        return _not_an_event("traits is not an object")
    envelope = {name: event.get(name) for name in ENVELOPE}
    if _identifier(envelope["userId"]) is None and _identifier(envelope["anonymousId"]) is None:
        return _not_an_event("the call has neither a userId nor an anonymousId")
    return _identify(envelope, dict(traits or {}), destination)


def glance(event: Any, destination: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The traits and the context's traits of an ordinary call: plain JSON, for this destination, nothing to be said.

    A short cut for the many: where it gives something, ``read`` gives an Identify with the same traits, switched on
    and without warnings. None only means that ``read`` has to tell.
    """
    if event.__class__ is not dict or event.get("type") != "identify":
        return None
    traits = event.get("traits")
    if traits.__class__ is not dict or not (_names(event.get("userId")) or _names(event.get("anonymousId"))):
        return None
    table = event.get("integrations")
    if table and table.__class__ is dict:
        own = table.get(destination)
        if own is not True and own.__class__ is not dict:
            every = table.get("All", table.get("all"))
            if own is not None or (every is not True and every is not None):
                return None
    context = event.get("context")
    older = context.get("traits") if context.__class__ is dict else None
    return traits, older if older.__class__ is dict else {}


def message_id_of(event: Mapping[str, Any]) -> str | None:
    """The messageId as text, or None."""
    return _identifier(event.get("messageId"))


def whose(event: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The userId and the anonymousId of a call of any type, as text."""
    return _identifier(event.get("userId")), _identifier(event.get("anonymousId"))


def said(event: Mapping[str, Any]) -> dict[str, Any]:
    """What a call of any type says, without what differs where it is sent once more."""
    return {name: value for name, value in event.items() if name not in ENVELOPE or name in _SAID}


#: Members of the envelope that say something.
_SAID = ("type", "userId", "anonymousId")


def _names(identifier: Any) -> bool:
    return identifier.__class__ is str and bool(identifier) and not identifier.isspace()


def options_of(event: Mapping[str, Any], destination: str) -> dict[str, Any]:
    """What the integrations object says for a destination, where that is an object."""
    return _switch(event.get("integrations"), destination)[0]


def audience_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """``{key, entered, left}`` of a call that was glanced at."""
    context = event.get("context")
    older = context.get("traits") if isinstance(context, Mapping) else None
    return _audience(context, event["traits"], older if isinstance(older, dict) else {})


def _identify(envelope: dict[str, Any], traits: dict[str, Any], destination: str) -> Identify:
    context = envelope["context"]
    context_traits = context.get("traits") if isinstance(context, Mapping) else None
    older = dict(context_traits) if isinstance(context_traits, Mapping) else {}
    options, off, warnings = _switch(envelope["integrations"], destination)
    return Identify(
        envelope=envelope,
        traits=traits,
        context_traits=older,
        options=options,
        audience=_audience(context, traits, older),
        switched_off=off,
        warnings=warnings,
    )


def _not_an_event(message: str) -> NotForUs:
    hint = "check what wrote this line; each line has to be one whole Identify call"
    return NotForUs(problem=Problem("not_an_event", message, hint=hint))


def _identifier(value: Any) -> str | None:
    """An id as text: the libraries turn numbers into text, other senders do not."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip() or None


def _switch(integrations: Any, destination: str) -> tuple[dict[str, Any], str | None, tuple[Problem, ...]]:
    """What the integrations object says: options, the reason where it is off, warnings.

    A boolean decides; an object means on; null is as absent; anything else is on, with a warning,
    as in Segment's facade library. Only the boolean ``All: false`` switches the rest off; another ``All`` is on, too,
    with a warning.
    """
    table = integrations if isinstance(integrations, Mapping) else {}
    own = table.get(destination)
    if own is None:
        every = table.get("All", table.get("all"))
        off = f"the integrations object switches every destination off but those it names, and not {destination} on"
        odd = () if every is None or isinstance(every, bool) else (_odd_switch("All"),)
        return {}, off if every is False else None, odd
    if isinstance(own, bool):
        return {}, None if own else f"the integrations object switches {destination} off", ()
    if isinstance(own, Mapping):
        return dict(own), None, ()
    return {}, None, (_odd_switch(destination),)


def _odd_switch(name: str) -> Problem:
    message = f"the integrations object says neither true nor false for {name}; that counts as on"
    hint = "write true, false, or an object of options" if name != "All" else "write true or false"
    return Problem("odd_switch", message, "warning", hint=hint)


def _audience(context: Any, traits: dict[str, Any], older: dict[str, Any]) -> dict[str, Any]:
    """Whether this call says that the person entered or left an audience.

    The membership is the trait named by ``computation_key``. Its texts "true" and "false" count as
    well: Segment's own page on journeys shows one, and a person who left must never get a card.
    """
    personas = context.get("personas") if isinstance(context, Mapping) else None
    key = personas.get("computation_key") if isinstance(personas, Mapping) else None
    if (
        not isinstance(key, str)
        or not isinstance(personas, Mapping)
        or personas.get("computation_class") not in _AUDIENCES
    ):
        return {"key": None, "entered": False, "left": False}
    member, remembered = _word(traits.get(key)), _word(older.get(key))
    # What the context holds was said by an earlier call: it may keep a card back, and never order one.
    left = member if key in traits else remembered
    return {"key": key, "entered": member is True or member == "true", "left": left is False or left == "false"}


def _word(member: Any) -> Any:
    return member.strip().casefold() if isinstance(member, str) else member
