"""Ours, by its public face: a line goes in as it came, the bytes of a request or the problems come out."""

from __future__ import annotations

from pathlib import Path

import msgspec
from protocol import Map, serve_lines

import mapper

MAPPING = Path(__file__).resolve().parent.parent / "mapping.yaml"


def engine() -> Map:
    """The engine."""
    cards = mapper.load(MAPPING)
    encode = msgspec.json.Encoder().encode

    def make(number: int, line: bytes) -> tuple[bool, bytes]:
        result = cards.transform(line)
        content = result.content
        if content is not None:
            return True, content
        problems = [{"field": p.field, "code": p.code, "message": p.message, "hint": p.hint} for p in result.problems]
        return False, encode({"line": number, "problems": problems})

    return make


if __name__ == "__main__":
    serve_lines(engine())
