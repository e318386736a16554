"""Files out: written beside their name and renamed when they are whole.

Knows how a file comes to be there all at once, and who may read it. Must not know what is in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mapper.readers import UnreadableError

#: For everyone whom the umask lets, and for nobody but the owner.
OPEN, PRIVATE = 0o666, 0o600


@contextmanager
def replacing(name: str, mode: int = OPEN) -> Iterator[BinaryIO]:
    """A stream whose content is at ``name`` once the block has ended without an exception, and not before.

    Directories on the way to it are made. What is no regular file, such as ``/dev/null`` or a pipe, is written to
    directly. Raises UnreadableError where the file cannot be made.
    """
    path = Path(name)
    try:
        with _direct(path) if _is_device(path) else _beside(path, mode) as stream:
            yield stream
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise UnreadableError(f"cannot write {name}: {reason}") from None


def _is_device(path: Path) -> bool:
    """Whether renaming would put a file in the place of something else, such as ``/dev/null`` or a pipe."""
    return path.is_relative_to("/dev") or (path.exists() and not path.is_file())


@contextmanager
def _direct(path: Path) -> Iterator[BinaryIO]:
    # Appending: behind /dev/stdout there can be a file that others have written to.
    with path.open("ab") as stream:
        yield stream


@contextmanager
def _beside(path: Path, mode: int) -> Iterator[BinaryIO]:
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(descriptor, "wb") as stream:  # noqa: PTH123 - a descriptor, opened with the mode that is asked for
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
