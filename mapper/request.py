"""Step 6: finished fields become one Request, as a value that can be stored and sent later.

Knows the payload's wrapping, the canonical bytes and the places of secrets. Must not know
httpx, nor hold a secret: a transport adds those at the last moment with ``with_secrets``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal, Protocol
from urllib.parse import quote

from mapper import codec, expressions
from mapper.errors import ExpressionError, Problem, SettingsError
from mapper.event import ENVELOPE, Identify, message_id_of
from mapper.expressions import Reads
from mapper.frozen import dataclass, field
from mapper.outcome import AnswerRule, Answers
from mapper.plan.parts import Field, Located, Plan
from mapper.transform import presence, put

Place = Literal["body", "header", "query"]


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret goes and how it is made; never its value.

    ``settings`` are pairs of a setting's name and the environment variable that holds it.
    """

    place: Place
    name: str
    expression: str
    settings: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request with its secrets in it, ready for the wire. Printing it shows neither secret nor body."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request without its secrets.

    ``body`` is plain JSON; ``content`` is its canonical form: UTF-8, no white space, keys in the
    order of the mapping, so that every face of the product sends the same bytes.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: Any = field(repr=False)
    content: bytes = field(repr=False)
    secrets: tuple[Secret, ...] = ()
    answers: Answers = field(default=Answers(), repr=False)
    message_id: str | None = None

    def with_secrets(self, settings: Mapping[str, Any]) -> Prepared:
        """This request with its secrets in place.

        ``settings`` are the resolved settings by name, secret ones included.
        Raises SettingsError where a secret cannot be made from them.
        """
        url, headers, body = self.url, dict(self.headers), self.body
        for secret in self.secrets:
            text = _secret_text(secret, settings)
            if secret.place == "header":
                headers[secret.name] = text
            elif secret.place == "query":
                joint = "&" if "?" in url else "?"
                url = f"{url}{joint}{quote(secret.name, safe='')}={quote(text, safe='')}"
            else:
                body = {**body, secret.name: text}
        content = self.content if body is self.body else codec.encode(body)
        return Prepared(self.method, url, headers, content)

    def as_dict(self) -> dict[str, Any]:
        """A plain JSON value from which ``Request.from_dict`` makes an equal request."""
        return {
            "method": self.method,
            "url": self.url,
            "headers": dict(self.headers),
            "body": self.body,
            "secrets": [
                {"in": s.place, "name": s.name, "value": s.expression, "settings": [list(p) for p in s.settings]}
                for s in self.secrets
            ],
            "answers": answers_as_list(self.answers),
            "message_id": self.message_id,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Request:
        """The request that ``as_dict`` described."""
        secrets = tuple(
            Secret(s["in"], s["name"], s["value"], tuple((n, e) for n, e in s["settings"])) for s in stored["secrets"]
        )
        return cls(
            method=stored["method"],
            url=stored["url"],
            headers=dict(stored["headers"]),
            body=stored["body"],
            content=codec.encode(stored["body"]),
            secrets=secrets,
            answers=answers_from_list(stored["answers"]),
            message_id=stored["message_id"],
        )


def answers_as_list(answers: Answers) -> list[list[Any]]:
    """An answer table as pairs of ending and entry, in order; an entry is 404, "5xx" or an expression's text."""
    return [[rule.ending, _answer_text(rule)] for rule in answers.rules]


def answers_from_list(pairs: Iterable[Iterable[Any]]) -> Answers:
    """The answer table that ``answers_as_list`` described."""
    return Answers(tuple(answer_rule(ending, entry) for ending, entry in pairs))


def _answer_text(rule: AnswerRule) -> Any:
    if rule.expression is not None:
        return rule.expression.text
    return rule.low if rule.low == rule.high else f"{rule.low // 100}xx"


def answer_rule(ending: Any, entry: int | str) -> AnswerRule:
    """One entry of an answer table: 404, "5xx", or an expression's text. Raises ExpressionError."""
    if isinstance(entry, int):
        return AnswerRule(ending, entry, entry)
    if entry[1:] == "xx":
        return AnswerRule(ending, int(entry[0]) * 100, int(entry[0]) * 100 + 99)
    return AnswerRule(ending, expression=expressions.compile(entry))


class Filled(Protocol):
    """An event's finished fields and custom fields, by name."""

    @property
    def fields(self) -> dict[str, Any]:
        """The filled fields."""

    @property
    def custom_fields(self) -> dict[str, Any]:
        """The rest."""


class Fixed:
    """The requests of a plan of which none differs from another but for its body, and that is the payload.

    Nothing can stand in the way of such a request, so it can be made when somebody asks for it.
    """

    def __init__(self, plan: Plan) -> None:
        """Keep what is the same for all."""
        self._plan = plan
        self._url = "".join(piece for piece in plan.send.url if isinstance(piece, str))
        self._secrets = _secrets(plan)
        self._flat = not plan.custom_fields.into and all(field_.place == (field_.name,) for field_ in plan.fields)

    def content(self, filled: Filled) -> bytes:
        """The body of an event that is ready, encoded."""
        if self._flat:
            return codec.encode({**filled.fields, **filled.custom_fields})
        return codec.encode(_payload(self._plan, filled))

    def request(self, filled: Filled, event: Mapping[str, Any]) -> Request:
        """What ``build`` gives for an event that is ready."""
        send = self._plan.send
        body = {**filled.fields, **filled.custom_fields} if self._flat else _payload(self._plan, filled)
        content, headers = codec.encode(body), dict(_HEADERS)
        return Request(
            send.method, self._url, headers, body, content, self._secrets, send.answers, message_id_of(event)
        )


def fixed(plan: Plan) -> Fixed | None:
    """The plan's fixed requests; None where an address, a header or a wrapped body hangs on the event."""
    send = plan.send
    if send.headers or send.body is not None or not all(isinstance(piece, str) for piece in send.url):
        return None
    return Fixed(plan)


def build(
    plan: Plan, transformed: Filled, call: Identify, settings: Mapping[str, Any]
) -> tuple[Request | None, tuple[Problem, ...]]:
    """The request of an event that is ready, or what stands in its way. ``settings`` hold no secret."""
    payload = _payload(plan, transformed)
    document = scope(Needed(frozenset(ENVELOPE), plan.fields), transformed, call, settings)
    problems: list[Problem] = []
    url = _url(plan, document, problems)
    headers = _headers(plan, document, problems)
    body = _body(plan, {**document, "payload": payload}, payload, problems)
    if any(problem.level == "error" for problem in problems):
        return None, tuple(problems)
    try:
        content = codec.encode(body)
    except codec.NotJson as error:
        return None, (*problems, Problem("not_json", f"the body holds {error}", position=plan.send.position))
    request = Request(
        method=plan.send.method,
        url=url,
        headers=headers,
        body=body,
        content=content,
        secrets=_secrets(plan),
        answers=plan.send.answers,
        message_id=call.message_id,
    )
    return request, tuple(problems)


def target(made: Request) -> str:
    """Method, address and headers of a request as JSON text: with its ``content`` all that has to be kept of it."""
    return codec.encode([made.method, made.url, dict(made.headers)]).decode()


def restored(plan: Plan, kept: str, content: bytes, message_id: str | None = None) -> Request:
    """The request of which ``target`` and ``content`` were kept. Where secrets go is the plan's affair, and may change.

    Raises NotJson where it was not kept by ``target``.
    """
    method, url, headers = codec.decode(kept.encode())
    body = codec.decode(content)
    return Request(method, url, headers, body, content, _secrets(plan), plan.send.answers, message_id)


#: What every request says of its body.
_HEADERS = {"Content-Type": "application/json"}


def _secrets(plan: Plan) -> tuple[Secret, ...]:
    return tuple(Secret(s.place, s.name, s.located.text, s.settings) for s in plan.send.secrets)  # type: ignore[arg-type] # the table of keys knows only places


def _payload(plan: Plan, transformed: Filled) -> dict[str, Any]:
    """The filled fields at their places, and the custom fields at theirs (section 1.7)."""
    payload: dict[str, Any] = {}
    filled = transformed.fields
    for field_ in plan.fields:
        if field_.name in filled:
            value = filled[field_.name]
            # A constant object belongs to the plan, and custom fields may be put into it: copy it.
            put(payload, field_.place, dict(value) if isinstance(value, dict) else value)
    if transformed.custom_fields:
        target = payload
        for step in plan.custom_fields.into:
            target = target.setdefault(step, {})
        target.update(transformed.custom_fields)
    return payload


@dataclass(frozen=True, slots=True)
class Needed:
    """What some expressions of ``send`` read: names of the envelope, and fields."""

    names: frozenset[str]
    fields: tuple[Field, ...]


def needed(plan: Plan, reads: Iterable[Reads]) -> Needed:
    """What expressions with these reads need; all there is where that cannot be named."""
    reads = tuple(reads)
    if any(one.whole for one in reads):
        return Needed(frozenset(ENVELOPE), plan.fields)
    roots = {path[1:2] for one in reads for path in one.every if path[0] == "fields"}
    every = not all(root and isinstance(root[0], str) for root in roots)
    return Needed(
        frozenset(name for one in reads for name in one.names),
        tuple(field_ for field_ in plan.fields if every or field_.place[:1] in roots),
    )


def scope(needed: Needed, transformed: Filled, call: Identify, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the expressions of ``send`` see: no traits, so that nothing reaches the wire that is not accounted for."""
    envelope = call.envelope
    document = {name: envelope[name] for name in needed.names if name in envelope}
    context = document.get("context")
    if isinstance(context, Mapping):
        document["context"] = {name: part for name, part in context.items() if name != "traits"}
    fields: dict[str, Any] = {}
    filled = transformed.fields
    for field_ in needed.fields:
        if field_.name in filled:
            put(fields, field_.place, filled[field_.name])
    document.update(options=call.options, audience=call.audience, settings=settings, fields=fields)
    return document


def _url(plan: Plan, document: dict[str, Any], problems: list[Problem]) -> str:
    pieces = []
    for piece in plan.send.url:
        if isinstance(piece, str):
            pieces.append(piece)
            continue
        text = _text(piece.located, document, problems)
        if text is None:
            hint = "fill it, or give it a default"
            message = f"the address needs {piece.located.text}, which is empty"
            problems.append(Problem("url_empty", message, position=piece.located.position, hint=hint))
            continue
        pieces.append(text.rstrip("/") if piece.base else quote(text, safe=""))
    return "".join(pieces)


def _headers(plan: Plan, document: dict[str, Any], problems: list[Problem]) -> dict[str, str]:
    own = {name.lower() for name, _ in plan.send.headers}
    headers = {} if "content-type" in own else dict(_HEADERS)
    for name, located in plan.send.headers:
        text = _text(located, document, problems)
        position = located.position
        if text is None:
            message = f"the header {name} is empty and is not sent"
            problems.append(Problem("header_empty", message, "warning", position, hint=f"see {located.text}"))
        elif not (text.isascii() and text.isprintable()):
            message = f"the header {name} holds a character that a header cannot carry"
            problems.append(Problem("bad_header", message, position=position, hint="use another value"))
        else:
            headers[name] = text
    return headers


def _text(located: Located, document: dict[str, Any], problems: list[Problem]) -> str | None:
    """An expression's value as text; None where it is empty, or is no text."""
    try:
        value = located.expression.search(document)
    except ExpressionError as error:
        problems.append(Problem("expression_failed", str(error), "error", located.position))
        return None
    text = presence.as_text(value)
    return text if isinstance(text, str) and text else None


def _body(plan: Plan, document: dict[str, Any], payload: dict[str, Any], problems: list[Problem]) -> Any:
    if plan.send.body is None:
        return payload
    try:
        body = plan.send.body.expression.build(document)
    except ExpressionError as error:
        problems.append(Problem("expression_failed", str(error), "error", plan.send.body.position))
        return None
    if isinstance(body, dict):
        for name in (secret.name for secret in plan.send.secrets if secret.place == "body" and secret.name in body):
            message = f"the body has a member {name} of its own, where the secret goes"
            problems.append(
                Problem("place_taken", message, position=plan.send.body.position, hint="rename one of them")
            )
    if not isinstance(body, dict) and any(secret.place == "body" for secret in plan.send.secrets):
        message = "the body is no object, so no secret can be put into it"
        problems.append(Problem("body_not_object", message, position=plan.send.body.position))
    if not presence.is_sayable(body):
        problems.append(
            Problem("not_json", "the body holds a number that JSON cannot say", position=plan.send.body.position)
        )
    return body


@lru_cache(maxsize=256)
def _compiled(text: str) -> expressions.Expression:
    return expressions.compile(text)


def _secret_text(secret: Secret, settings: Mapping[str, Any]) -> str:
    missing = [(name, env) for name, env in secret.settings if settings.get(name) in (None, "")]
    if missing:
        raise SettingsError(tuple(_missing(name, env) for name, env in missing))
    try:
        text = _compiled(secret.expression).search({"settings": dict(settings)})
    except ExpressionError:
        text = None
    if not isinstance(text, str) or not text:
        message = f"the secret {secret.name!r} came out empty"
        raise SettingsError((Problem("setting_missing", message, hint=f"check {secret.expression}"),))
    return text


def _missing(name: str, env: str | None) -> Problem:
    hint = f"set the environment variable {env}" if env else "give the setting a value"
    return Problem("setting_missing", f"the secret setting {name!r} has no value", hint=hint)
