"""As plain, with the conversion to text taken out of JMESPath and written in Python: shown beside it, in no ratio."""

from __future__ import annotations

from composition import bare, engine, without_normalising
from protocol import serve_lines

if __name__ == "__main__":
    serve_lines(engine(bare(), without_normalising))
