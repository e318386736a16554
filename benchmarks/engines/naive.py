"""As plain, with the call that the first page of Cerberus' manual shows: it normalises each document as well."""

from __future__ import annotations

from composition import as_in_the_manual, engine, in_expressions
from protocol import serve_lines

if __name__ == "__main__":
    serve_lines(engine(in_expressions(), as_in_the_manual))
