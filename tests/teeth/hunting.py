"""A plugin of pytest for tests that are to fail: examples are not shrunk, and one engine is enough.

Knows how the tests name the engines. Must not know a bug.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import Phase, settings

#: The variable with the engine whose tests are run.
VARIABLE = "TEETH_ENGINE"

# The name is given on the command line, which comes after the profile that conftest.py loads.
settings.register_profile(
    "teeth", derandomize=True, deadline=None, database=None, phases=(Phase.explicit, Phase.generate)
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the tests of the other engine."""
    engine = os.environ[VARIABLE]
    items[:] = [item for item in items if engine_of(item) in (None, engine)]


def engine_of(item: pytest.Item) -> str | None:
    """The engine that a test is run on; None where it has none to choose."""
    spec = getattr(item, "callspec", None)
    return None if spec is None else spec.params.get("stores")
