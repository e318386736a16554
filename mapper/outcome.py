"""Step 7: what a destination answered, or what the network did, becomes an Outcome.

Knows the five endings and which answers mean which. Must not know how a request is sent,
and must not sleep, retry or log: that is for whoever reads the Outcome.

Each request is money and a person's mail, so the two doubts are decided the same way everywhere:
what may have been taken is ``unknown`` (held, never sent again by itself), and only what surely
was not taken is ``retry``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from mapper import codec
from mapper.frozen import dataclass, field

Ending = Literal["delivered", "rejected", "pause", "retry", "unknown"]

#: In the order in which a mapping's ``answers`` are written in messages and documentation.
ENDINGS: tuple[Ending, ...] = ("delivered", "rejected", "pause", "retry", "unknown")

#: Whose fault it is that nothing was sent: the weather's, this request's own, or the operator's.
Fault = Literal["network", "request", "settings"]

_MAYBE_SENT: tuple[Ending, str] = ("unknown", "it may have been taken")
_NOT_SENT: Mapping[Fault, tuple[Ending, str]] = {
    "network": ("retry", "nothing was sent"),
    "request": ("rejected", "nothing was sent, and this request cannot be sent as it is"),
    "settings": ("pause", "nothing was sent, and nothing can be until the settings are put right"),
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What the destination answered: status, headers (lower-case names) and the first bytes of the body.

    ``truncated`` says that the body is not the whole body: it was longer than the transport's cap, was
    cut off, or is encoded in a way that was not asked for. The status line was complete in any case.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """No usable reply.

    ``kind`` is a stable lower-case word such as ``connect``, ``timeout`` or ``bad_header``.
    ``maybe_sent`` is False only when no byte of the request can have left; only then ``fault`` counts,
    which says whether sending the same again can help.
    ``message`` is a transport's own words: no value of an event, no secret, no URL, no exception's text.
    """

    kind: str
    maybe_sent: bool
    message: str = ""
    fault: Fault = "network"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one send ended.

    ``delivered``  accepted by the destination (accepted, not yet printed)
    ``rejected``   refused for good: sending the same again cannot help
    ``pause``      the account, key or address of the destination is refused: stop sending anything
    ``retry``      not taken: the same request may be sent again later
    ``unknown``    it may have been taken: nobody can know from here

    ``message`` is ours and holds no value of an event; ``reply`` is the destination's and may.
    ``kind`` is the stable word of a Failure, or ``redirect_refused``; None for any other reply.
    ``retry_after`` is the reply's Retry-After header as it was sent, for the caller to read.
    """

    ending: Ending
    message: str
    status: int | None = None
    retry_after: str | None = None
    reply: Reply | None = field(default=None, repr=False)
    kind: str | None = None


class Searchable(Protocol):
    """A compiled expression, as far as this module needs one."""

    @property
    def text(self) -> str:
        """The expression as its author wrote it."""

    def search(self, document: Any) -> Any:
        """Its value on a document."""


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """One entry of a mapping's ``answers``: the codes from ``low`` to ``high``, or an expression over ``reply``."""

    ending: Ending
    low: int = 0
    high: int = 0
    expression: Searchable | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """A destination's answer table: expressions first, in the order written; then codes, ranges, the default.

    ``rules`` are put in this order when the table is made: of two ranges the narrower one counts.
    """

    rules: tuple[AnswerRule, ...] = ()

    def __post_init__(self) -> None:
        """Put the rules in order."""
        object.__setattr__(self, "rules", tuple(sorted(self.rules, key=_width)))

    def ending(self, reply: Reply) -> tuple[Ending, str | None]:
        """The ending of a reply, and why where an expression decided or could not. Never raises."""
        expressions = [(rule.ending, rule.expression) for rule in self.rules if rule.expression is not None]
        document = _document(reply) if expressions else None
        for ending, expression in expressions:
            verdict = _verdict(expression, document, reply)
            if verdict is None:
                return "unknown", f"the answers expression could not be judged on this reply: {expression.text}"
            if verdict:
                return ending, f"matched {expression.text}"
        return self._ending_by_status(reply.status), None

    def _ending_by_status(self, status: int) -> Ending:
        spans = (rule for rule in self.rules if rule.expression is None and rule.low <= status <= rule.high)
        return next((rule.ending for rule in spans), default_ending(status))


def _width(rule: AnswerRule) -> int:
    """How many codes a rule is for, but one; an expression comes before all codes."""
    return rule.high - rule.low if rule.expression is None else -1


def default_ending(status: int) -> Ending:
    """The ending of a status that the mapping does not name (the mapping language, section 1.11).

    Only a 4xx says that the request was refused. A 5xx or 408 may come after the work was done. So may a
    3xx: 303 is how a form says "taken, look there", 307 says "not taken, ask there", and 302 is used for
    both; no redirect is followed, so nobody asked. An interim or unheard-of status (101, 999) says nothing.
    """
    if 200 <= status <= 299:
        return "delivered"
    if status in (401, 403):
        return "pause"
    if status in (429, 503):
        return "retry"
    if 400 <= status <= 499 and status != 408:
        return "rejected"
    return "unknown"


def classify(result: Reply | Failure, answers: Answers) -> Outcome:
    """The Outcome of one send, the same for every transport. Never raises: the send has been made."""
    return _of_failure(result) if isinstance(result, Failure) else _of_reply(result, answers)


def _of_failure(failure: Failure) -> Outcome:
    ending, tail = _MAYBE_SENT if failure.maybe_sent else _NOT_SENT[failure.fault]
    return Outcome(ending, f"{failure.message or failure.kind}; {tail}", kind=failure.kind)


def _of_reply(reply: Reply, answers: Answers) -> Outcome:
    ending, because = answers.ending(reply)
    redirect = 300 <= reply.status <= 399
    words = [f"the destination answered {reply.status}", "redirects are never followed" if redirect else "", because]
    message = "; ".join(word for word in words if word)
    kind = "redirect_refused" if redirect and ending != "delivered" else None
    return Outcome(ending, message, reply.status, reply.headers.get("retry-after"), reply, kind)


def _verdict(expression: Searchable, document: Any, reply: Reply) -> bool | None:
    """Whether an expression matches; None where it cannot be judged.

    An answer that cannot be read is not an answer: never guess that it was taken or refused.
    """
    if reply.truncated and "body" in expression.text:
        return None
    try:
        return _true(expression.search(document))
    except Exception:  # noqa: BLE001 - the request is on its way: an exception here would lose its account
        return None


def _document(reply: Reply) -> dict[str, Any]:
    """What an answers expression sees."""
    return {"reply": {"status": reply.status, "headers": dict(reply.headers), "body": _readable(reply.body)}}


def _readable(body: bytes) -> Any:
    """A reply's body for an expression: JSON where it is JSON, else its text."""
    try:
        return codec.decode(body)
    except codec.NotJson:
        return body.decode("utf-8", "replace")


def _true(value: Any) -> bool:
    """Truth as JMESPath has it: 0 is true; null, false, and what is empty are not."""
    return value is not None and value is not False and value not in ("", [], {})
