"""``transform --jobs``: starts the workers, joins what they answer in the order of the files, and leaves none behind.

Knows processes and pipes. Must not map anything itself, and only copies what the workers wrote.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from mapper.apps.cli import mistakes
from mapper.apps.cli.jobs import frames
from mapper.apps.cli.jobs.frames import Frame, Order, Part
from mapper.apps.cli.outputs import why
from mapper.apps.cli.sinks import Sink, moved
from mapper.errors import MapperError
from mapper.frozen import replace
from mapper.readers import UnreadableError, ndjson

#: A range is never smaller (it would not be worth its frame), nor larger (what a worker holds grows with it). Bytes.
LEAST, MOST = 64 * 1024, 512 * 1024
#: So many ranges for each worker, where the files are large enough: then none waits long for the last one.
_EACH = 8
#: Room in a pipe, in bytes, where the system grants it: a worker may be that far ahead of its turn.
_ROOM = 1024 * 1024

#: The worker finds what this process finds, wherever it was installed, and nothing else.
_PROGRAM = """\
import json, sys
sys.path[:] = json.loads(sys.stdin.buffer.readline())
from mapper.apps.cli.jobs.worker import serve
serve()
"""

NOT_REGULAR = "standard input and pipes are mapped by one process"


class LostError(MapperError):
    """A worker process ended before it was done."""


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cut(files: list[str], jobs: int, order: Order) -> Order | None:
    """An order for so many workers and these files; None where not all of them are regular files.

    It has one worker where the files are too small for more. Raises UnreadableError.
    """
    also = [name for name in (order.mapping, order.identity) if name is not None and Path(name).exists()]
    if any(_is_stream(name) for name in (*files, *also)):
        return None
    parts = tuple(_part(name) for name in files)
    size = min(max(sum(part.size for part in parts) // (jobs * _EACH), LEAST), MOST)
    cut_ = replace(order, parts=parts, range_size=size)
    most = sum(1 if part.whole else -(-part.size // size) for part in parts)
    return replace(cut_, workers=max(min(jobs, most), 1))


def _is_stream(name: str) -> bool:
    """Whether it can be read once only, so that each worker would get a part of it, or is another file for each."""
    path = Path(name)
    return not (path.is_file() or path.is_dir()) or _is_of_a_process(path)


def _is_of_a_process(path: Path) -> bool:
    """Whether a file that exists is called after a process's own: ``/dev/stdin``, ``/proc/self/fd/0``, links to such.

    Each link is looked at by itself: behind the last one is a file that looks like any other.
    """
    while True:
        folder = path.parent.resolve()
        if folder in (Path("/dev"), Path("/dev/fd")) or folder.is_relative_to("/proc"):
            return True
        path = folder / path.name
        if not path.is_symlink():
            return False
        path = folder / path.readlink()


def _part(name: str) -> Part:
    status = Path(name).stat()
    return Part(name, status.st_size, frames.identity(status), ndjson.is_one_event(name))


class Crew:
    """The workers of a run, from ``__enter__`` to ``__exit__``."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self._workers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        """Start the workers: they begin at once."""
        try:
            for number in range(self.order.workers):
                self._workers.append(_started())
                self._tell(number)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers, whatever they are at: they hold nothing that could be lost."""
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            for pipe in (worker.stdin, worker.stdout):
                with suppress(OSError):
                    pipe.close()  # type: ignore[union-attr] # both were asked for
            worker.wait()

    def _tell(self, number: int) -> None:
        pipe = self._workers[number].stdin
        assert pipe is not None  # noqa: S101 - for the type checker: a pipe was asked for
        # Whoever died already is found when its first frame is due.
        with suppress(BrokenPipeError):
            places = [place for place in sys.path if isinstance(place, str)]
            pipe.write(json.dumps(places).encode() + b"\n" + self.order.encoded(number))
            pipe.close()

    def refusal(self) -> str | None:
        """Wait until all can work. Why they cannot, where they cannot: empty where nobody needs to know.

        Raises UnreadableError where they have not all read the same.
        """
        answers = [self.take(number).account for number in range(len(self._workers))]
        notes = [str(answer.get("note", "")) for answer in answers if not answer["ready"]]
        if not notes:
            check_same(answers, "mapping", self.order.mapping)
            check_same(answers, "identity", self.order.identity)
        return max(notes, default=None)

    def take(self, number: int) -> Frame:
        """The next frame of a worker. Raises LostError where it is gone."""
        worker = self._workers[number]
        assert worker.stdout is not None  # noqa: S101 - for the type checker: a pipe was asked for
        frame = frames.read(worker.stdout)
        if frame is None:
            raise LostError(_lost(worker))
        return frame


def check_same(answers: list[dict[str, Any]], what: str, name: str | None) -> None:
    """Raise UnreadableError where the digests of a file, ``mapping`` or ``identity``, are not all the same."""
    if len({digest for answer in answers for digest in answer[what]}) > 1:
        message = f"{name or 'the mapping'} was replaced while the processes started"
        raise UnreadableError(f"{message}: nothing was mapped; run it again")


def join(
    order: Order, take: Callable[[int], Frame], sink: Sink, progress: Callable[[int, int], None] | None = None
) -> None:
    """Write what the workers answer, in the order of the files. ``take`` gives the next frame of a worker.

    ``progress`` is told of each range: its bytes, its lines. Raises MapperError where one process would.
    """
    before = 0
    for index, (part, start, stop) in enumerate(order.ranges()):
        frame = take(index % order.workers)
        before = before if start else 0
        sink.out.write(frame.out)
        if sink.kept is not None:
            sink.kept.write(moved(frame.rejects, part.name, before))
        sink.counts.merge(frame.account["counts"])
        lines = _lines(frame)
        before += lines
        if progress is not None:
            progress((stop or part.size) - start, lines)


def _lines(frame: Frame) -> int:
    """How many lines a range has. Raises what stopped the worker in the middle of it."""
    account = frame.account
    if "error" in account:
        raise MapperError(account["error"])
    if "mistake" in account:
        raise mistakes.MistakeError(account["mistake"])
    return int(account["lines"])


def _started() -> subprocess.Popen[bytes]:
    # In a process group of its own: Ctrl-C is for this process, which ends the workers. What a worker has to say comes
    # in frames; what Python says where it breaks would be values and noise.
    try:
        worker = subprocess.Popen(  # noqa: S603 - our own interpreter, and nothing of what was given
            [sys.executable, "-P", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0 if os.name == "posix" else None,
        )
    except OSError as error:
        raise LostError(f"a worker process cannot be started: {why(error)}") from None
    _widen(worker)
    return worker


def _widen(worker: subprocess.Popen[bytes]) -> None:
    if sys.platform == "linux" and worker.stdout is not None:
        # It is there on Linux only.
        import fcntl

        with suppress(OSError):
            fcntl.fcntl(worker.stdout, fcntl.F_SETPIPE_SZ, _ROOM)


def _lost(worker: subprocess.Popen[bytes]) -> str:
    worker.kill()  # nothing is to be had from it, whether it is gone already or talks nonsense
    code = worker.wait()
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return f"a worker process {how} before it was done: what was written is not whole. With --jobs 1 there is none"


@contextmanager
def started(order: Order) -> Iterator[tuple[Crew | None, str]]:
    """The workers of an order, ready to be joined; without them where one process has to do it, and why."""
    with Crew(order) as crew:
        note = crew.refusal()
        if note is None:
            yield crew, ""
            return
    yield None, note
