"""The JSON Schema of a mapping: what editors complete and check, made from the table of keys that the loader reads.

Knows how the keys and the rules are put together in one document. Must not say anything about a key: that is
said once, in ``mapper.keys`` and ``mapper.rules``.
"""

from __future__ import annotations

from mapper import rules
from mapper.keys import MAPPING
from mapper.shapes import Schema


def mapping_schema() -> Schema:
    """The whole schema: draft-07, because that is the newest that the editors' YAML plug-ins read."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "a mapping from Identify calls to the requests of a destination",
        **MAPPING.schema(),
        "definitions": {"rules": rules.schema()},
    }
