"""What a careful engineer writes: expressions that give text, and one Validator, made once; nothing is normalised."""

from __future__ import annotations

from composition import engine, in_expressions, without_normalising
from protocol import serve_lines

if __name__ == "__main__":
    serve_lines(engine(in_expressions(), without_normalising))
