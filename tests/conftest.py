"""What holds for every test: no network but this machine's own, no settings from the developer's shell, known seeds."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# `make test` draws the same examples every time, so that a red run is about the change and not about luck.
# `make fuzz` is for luck: fresh examples from a seed that it prints.
# No deadline: a machine that is busy with something else is not a failure.
settings.register_profile("test", derandomize=True, deadline=None)
settings.register_profile(
    "fuzz",
    deadline=None,
    max_examples=2000,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("test")

_MAPPINGS = Path(__file__).resolve().parent.parent / "mappings"
#: Settings that the shipped mappings read. A developer may have real keys in the shell: each send is a paid postcard.
_SETTINGS = {
    name for path in _MAPPINGS.glob("*.yaml") for name in re.findall(r"\benv: *(\w+)", path.read_text("utf-8"))
}
_THIS_MACHINE = ("127.", "::1", "localhost")

_connect = socket.socket.connect


def _connect_here_only(self: socket.socket, address: Any) -> None:
    """Connect where the address is this machine's own (or a path), else fail the test."""
    if isinstance(address, tuple) and not str(address[0]).startswith(_THIS_MACHINE):
        message = f"a test wanted to reach {address[0]}: tests send to this machine only"
        raise AssertionError(message)
    _connect(self, address)


@pytest.fixture(scope="session", autouse=True)
def _no_outside() -> Iterator[None]:
    """Keep a test from ordering a postcard, and from depending on who runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _connect_here_only)
        for name in sorted({"MAPPER_MAPPING", *_SETTINGS}):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture
def fuzz_seed() -> int:
    """The seed of this run, for a fuzz test that draws without hypothesis; ``make fuzz SEED=...`` sets it."""
    return int(os.environ.get("FUZZ_SEED", "0"))
