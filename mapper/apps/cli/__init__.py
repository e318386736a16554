"""The command line: ``mapper``, and ``python cli.py`` in a checkout.

Knows which commands there are. Must not do what they do: each has a module of its own.
"""

from __future__ import annotations

import sys

from mapper.apps.cli import check, preview, reference, sandbox, send, transform, try_tests
from mapper.apps.cli.app import app

__all__ = ["app", "main"]

#: Importing a command's module puts the command on the app.
_COMMANDS = (preview, transform, send, sandbox, check, try_tests, reference)


def main() -> None:
    """Run the command line, and exit with the code of how it ended."""
    for stream in (sys.stdout, sys.stderr):
        # A character that a terminal cannot show must not stop what was done already.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    app()
