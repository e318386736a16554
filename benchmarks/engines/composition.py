"""jmespath and Cerberus put together by hand, with everything made once that can be made once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cerberus
import jmespath
import orjson
from leaves import COUNTRIES, EMAIL, SPELLINGS, STATE, ZIP, add_custom_fields, as_text, merged
from protocol import Map

#: Cerberus matches a regex from the beginning and puts a $ behind it; `type` keeps lists and objects out.
SCHEMA: dict[str, dict[str, Any]] = {
    "template_id": {"type": "string", "required": True, "maxlength": 40},
    "first_name": {"type": "string", "maxlength": 40},
    "last_name": {"type": "string", "required": True, "maxlength": 40},
    "email": {"type": "string", "regex": EMAIL},
    "phone": {"type": "string", "minlength": 7, "maxlength": 20},
    "company": {"type": "string", "maxlength": 60},
    "address_line_1": {"type": "string", "required": True, "maxlength": 64},
    "address_line_2": {"type": "string", "maxlength": 64},
    "address_city": {"type": "string", "required": True, "maxlength": 50},
    "address_state": {"type": "string", "required": True, "regex": STATE},
    "address_zip": {"type": "string", "required": True, "regex": ZIP},
    "address_country": {"type": "string", "required": True, "allowed": COUNTRIES},
}

#: A whole judgement of one document by the one Validator.
Judge = Callable[[cerberus.Validator, dict[str, Any]], bool]


def in_expressions() -> dict[str, jmespath.parser.ParsedResult]:
    """For each field its expression: the first spelling that says something, as text, and null where there is none.

    ``to_string(null)`` is the text "null", hence the ``@ &&``.
    """
    return {field: jmespath.compile(f"({_either(field)}) | @ && to_string(@)") for field in SPELLINGS}


def bare() -> dict[str, jmespath.parser.ParsedResult]:
    """The same without the conversion to text, for those who do that by hand."""
    return {field: jmespath.compile(_either(field)) for field in SPELLINGS}


def _either(field: str) -> str:
    return " || ".join(f"traits.{'.'.join(path)}" for path in SPELLINGS[field])


def engine(expressions: dict[str, jmespath.parser.ParsedResult], judge: Judge) -> Map:
    """The engine of these expressions, and of one Validator that is asked in the given way."""
    validator = cerberus.Validator(SCHEMA)

    def make(number: int, line: bytes) -> tuple[bool, bytes]:
        scope = {"traits": merged(orjson.loads(line))}
        body = {}
        for field, expression in expressions.items():
            value = as_text(expression.search(scope))
            if value is not None and value != "":
                body[field] = value
        if not judge(validator, body):
            return False, _refusal(number, validator)
        add_custom_fields(scope["traits"], body)
        return True, orjson.dumps(body)

    return make


def without_normalising(validator: cerberus.Validator, body: dict[str, Any]) -> bool:
    """The judgement alone: nothing here is to be coerced, renamed or purged."""
    return bool(validator.validate(body, normalize=False))


def as_in_the_manual(validator: cerberus.Validator, body: dict[str, Any]) -> bool:
    """The call on the first page of Cerberus' manual, which normalises a copy of the document first."""
    return bool(validator.validate(body))


def _refusal(number: int, validator: cerberus.Validator) -> bytes:
    problems = [{"field": field, "message": text} for field, texts in validator.errors.items() for text in texts]
    return orjson.dumps({"line": number, "problems": problems})
