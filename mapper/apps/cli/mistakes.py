"""A mistake of our own, told so that it can be reported and gives nothing away.

Knows tracebacks. Must not show a value: no text of an exception, no locals, only our own lines.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[2]


class MistakeError(Exception):
    """A mistake in a worker process. Its text is what ``told`` said there."""


def told(error: Exception) -> str:
    """A traceback without values."""
    if isinstance(error, MistakeError):
        return str(error)
    # Loaded where there is a mistake, and not by every command.
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if Path(f.filename).is_relative_to(_PACKAGE)] or frames[-1:]
    places = "\n".join(f"    {Path(f.filename).name}:{f.lineno} in {f.name}" for f in ours)
    name = type(error).__name__
    return f"This is a mistake in mapper itself ({name}), not in your files. Please report it:\n{places}"
