"""pydantic 2: one model reads the line, knows all spellings by their paths, and judges the fields.

An alias that is present wins in pydantic, even where it is null or blank, so an optional field may be blank here. The
few events in which that hides another spelling are read once more without what says nothing. Custom fields are
routed by the same loop as in the other hand-written engines.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from leaves import COUNTRIES, EMAIL, SPELLINGS, STATE, ZIP, add_custom_fields
from protocol import serve_lines
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field, StringConstraints, ValidationError


def _spelled(field: str, *, required: bool = False) -> Any:
    """A field by all of its spellings: those of the call first, then those of its context."""
    call = [AliasPath("traits", *path) for path in SPELLINGS[field]]
    remembered = [AliasPath("context", "traits", *path) for path in SPELLINGS[field]]
    choices = AliasChoices(*call, *remembered)
    return Field(validation_alias=choices) if required else Field(None, validation_alias=choices)


def _text(longest: int | None = None, pattern: str | None = None) -> Any:
    """A required text."""
    whole = f"^(?:{pattern})$" if pattern else None
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=longest, pattern=whole)


def _optional(longest: int | None = None, pattern: str | None = None) -> Any:
    """A text that may be blank, which stands for none."""
    whole = f"^(?:{pattern})?$" if pattern else None
    return StringConstraints(strip_whitespace=True, max_length=longest, pattern=whole)


class Call(BaseModel):
    """An Identify call, as far as the card needs it."""

    model_config = ConfigDict(coerce_numbers_to_str=True, extra="ignore")

    template_id: Annotated[str, _text(40)] = _spelled("template_id", required=True)
    first_name: Annotated[str, _optional(40)] | None = _spelled("first_name")
    last_name: Annotated[str, _text(40)] = _spelled("last_name", required=True)
    email: Annotated[str, _optional(pattern=EMAIL)] | None = _spelled("email")
    phone: Annotated[str, _optional(pattern=".{7,20}")] | None = _spelled("phone")
    company: Annotated[str, _optional(60)] | None = _spelled("company")
    address_line_1: Annotated[str, _text(64)] = _spelled("address_line_1", required=True)
    address_line_2: Annotated[str, _optional(64)] | None = _spelled("address_line_2")
    address_city: Annotated[str, _text(50)] = _spelled("address_city", required=True)
    address_state: Annotated[str, _text(pattern=STATE)] = _spelled("address_state", required=True)
    address_zip: Annotated[str, _text(pattern=ZIP)] = _spelled("address_zip", required=True)
    address_country: Literal[tuple(COUNTRIES)] = _spelled("address_country", required=True)  # type: ignore[valid-type] # from the list
    traits: dict[str, Any] = Field(default_factory=dict)
    remembered: dict[str, Any] | None = Field(None, validation_alias=AliasPath("context", "traits"))


#: The fields that may be blank, each with its spellings at the top.
_OPTIONAL = {
    name: tuple(path[0] for path in SPELLINGS[name] if len(path) == 1)
    for name in ("first_name", "email", "phone", "company", "address_line_2")
}


def make(number: int, line: bytes) -> tuple[bool, bytes]:
    """One event."""
    try:
        call = Call.model_validate_json(line)
        if _hides_another(call):
            call = Call.model_validate(_without_blanks(orjson.loads(line)))
    except ValidationError as first:
        try:
            call = _again(line, first)
        except ValidationError as error:
            return False, _refusal(number, error)
    return True, orjson.dumps(_body(call))


def _body(call: Call) -> dict[str, Any]:
    found = call.__dict__
    body = {name: found[name] for name in SPELLINGS if found[name]}
    add_custom_fields({**call.remembered, **call.traits} if call.remembered else call.traits, body)
    return body


def _hides_another(call: Call) -> bool:
    """Whether a null or a blank stands before a spelling that is filled."""
    found = call.__dict__
    for name, spellings in _OPTIONAL.items():
        if not found[name] and name in call.model_fields_set:
            layers = (call.traits, call.remembered) if call.remembered else (call.traits,)
            if any(layer.get(spelling) for layer in layers for spelling in spellings):
                return True
    return False


def _again(line: bytes, error: ValidationError) -> Call:
    """Read an event that was refused once more, where what says nothing may be the reason. Raises ValidationError."""
    event = orjson.loads(line)
    pruned = _without_blanks(event)
    if pruned == event:
        raise error
    return Call.model_validate(pruned)


def _without_blanks(event: dict[str, Any]) -> dict[str, Any]:
    """The event without nulls and blank texts among its traits."""
    context = event.get("context") or {}
    event = {**event, "traits": _pruned(event["traits"])}
    return {**event, "context": {**context, "traits": _pruned(context["traits"])}} if "traits" in context else event


def _pruned(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: _pruned(part) for name, part in value.items() if not _says_nothing(part)}


def _says_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _refusal(number: int, error: ValidationError) -> bytes:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    problems = [{"field": ".".join(map(str, e["loc"])), "code": e["type"], "message": e["msg"]} for e in found]
    return orjson.dumps({"line": number, "problems": problems})


if __name__ == "__main__":
    serve_lines(make)
