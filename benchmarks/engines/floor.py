"""The floor: each line is decoded and encoded again, and nothing is done between."""

from __future__ import annotations

import orjson
from protocol import serve_lines


def make(_: int, line: bytes) -> tuple[bool, bytes]:
    """The line itself, written anew."""
    return True, orjson.dumps(orjson.loads(line))


if __name__ == "__main__":
    serve_lines(make)
