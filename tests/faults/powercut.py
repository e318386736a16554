"""Every disk that a power cut may leave behind, from the system calls of a program that was not changed for it.

Knows what POSIX promises: a sync makes a file's bytes durable, a sync of the directory its names. Must not know what is
in the files.

For every prefix of the operations the disk is what was synced and, of the rest, nothing, everything, a random part of
the writes, or random sectors of them; names change in their order, up to some point after the last sync of the
directory. A disk that was seen with the same acks is not checked again.
"""

from __future__ import annotations

import itertools
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .syscalls import Operation

#: What a disk writes whole or not at all, in bytes.
SECTOR: Final = 512
#: A file system in memory, where there is one.
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - every directory made in it has a name of its own

#: How the unsynced bytes and the unsynced names are chosen in each state of one prefix.
_VARIANTS: Final = (
    ("none", "none"),
    ("none", "all"),
    ("all", "none"),
    ("all", "all"),
    ("some", "some"),
    ("some", "all"),
    ("sectors", "some"),
    ("sectors", "all"),
)

#: What is wrong with the files in a directory, given what was acknowledged in order; None where nothing is.
Check = Callable[[Path, tuple[str, ...]], str | None]
#: For each unsynced change of a file: left out, whole, or the sectors of it that were written.
Choice = tuple[bool | tuple[bool, ...], ...]


@dataclass(slots=True)
class Report:
    """How many states were checked, after how many acks at most, and what was wrong with how many of them."""

    states: int = 0
    acks: int = 0
    faults: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _File:
    """One file: its durable bytes, a number for that version of them, and what was done to it since."""

    durable: bytearray = field(default_factory=bytearray)
    version: int = 0
    pending: list[tuple[int, Operation]] = field(default_factory=list)


class Disk:
    """What is durable and what is only promised, at one moment."""

    def __init__(self) -> None:
        self.acks: list[str] = []
        self._files: dict[int, _File] = {}
        self._names: dict[str, int] = {}
        self._moves: list[tuple[int, Operation]] = []

    def apply(self, number: int, operation: Operation) -> None:
        """Let one operation happen. ``number`` is its place in the list."""
        match operation.kind:
            case "ack":
                self.acks.append(operation.name)
            case "create":
                self._files[operation.file] = _File()
                self._moves.append((number, operation))
            case "unlink" | "rename":
                self._moves.append((number, operation))
            case "write" | "truncate":
                self._files[operation.file].pending.append((number, operation))
            case "sync":
                self._sync(self._files[operation.file], operation)
            case "sync_directory":
                self._sync_names(operation.before)

    def states(self, chance: random.Random) -> Iterator[tuple[object, dict[str, bytearray]]]:
        """A key that tells two disks apart, and the files by name, for each variant of this moment."""
        for of_bytes, of_names in _VARIANTS:
            names = self._named(_part(of_names, len(self._moves), chance))
            choices = {file: _choice(of_bytes, self._files[file].pending, chance) for file in names.values()}
            key = tuple(sorted((n, f, self._files[f].version, _key(choices[f])) for n, f in names.items()))
            yield key, {name: self._image(file, choices[file]) for name, file in names.items()}

    def _sync(self, file: _File, sync: Operation) -> None:
        rest = []
        for number, operation in file.pending:
            if number < sync.before and number not in sync.under_way:
                _write(file.durable, operation, whole=True)
                file.version += 1
            else:
                rest.append((number, operation))
        file.pending = rest

    def _sync_names(self, before: int) -> None:
        covered = sum(number < before for number, _ in self._moves)
        self._names = self._named(covered)
        self._moves = self._moves[covered:]

    def _named(self, count: int) -> dict[str, int]:
        """The directory after so many of its unsynced changes."""
        names = dict(self._names)
        for _, move in self._moves[:count]:
            if move.kind == "create":
                names[move.name] = move.file
            else:
                names.pop(move.name, None)
            if move.kind == "rename":
                names[move.target] = move.file
        return names

    def _image(self, file: int, choice: Choice) -> bytearray:
        found = self._files[file]
        image = bytearray(found.durable)
        for (_, operation), chosen in zip(found.pending, choice, strict=True):
            if chosen is not False:
                _write(image, operation, whole=chosen)
        return image


def explore(
    operations: Sequence[Operation], check: Check, *, seed: int = 0, most: int | None = None, every: int = 1
) -> Report:
    """Check the states after each ``every``-th operation, at most ``most`` of them, in a directory in memory."""
    report, disk = Report(), Disk()
    seen: set[tuple[int, object]] = set()
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as room:
        for number, operation in enumerate(operations):
            disk.apply(number, operation)
            report.acks = len(disk.acks)
            for key, files in disk.states(chance) if number % every == 0 else ():
                if (len(disk.acks), key) in seen:
                    continue
                seen.add((len(disk.acks), key))
                fault = check(_laid_out(Path(room) / "disk", files), tuple(disk.acks))
                report.states += 1
                report.faults.update([fault] if fault else [])
                if report.states == most:
                    return report
    return report


def _laid_out(directory: Path, files: dict[str, bytearray]) -> Path:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    for name, image in files.items():
        (directory / name).write_bytes(image)
    return directory


def _part(how: str, count: int, chance: random.Random) -> int:
    return {"none": 0, "all": count}[how] if how != "some" else chance.randint(0, count)


def _choice(how: str, pending: Sequence[tuple[int, Operation]], chance: random.Random) -> Choice:
    if how in ("none", "all"):
        return (how == "all",) * len(pending)
    share = chance.random()
    if how == "some":
        return tuple(chance.random() < share for _ in pending)
    return tuple(_sectors(operation, share, chance) for _, operation in pending)


def _sectors(operation: Operation, share: float, chance: random.Random) -> bool | tuple[bool, ...]:
    """Some sectors of a write; of a truncate all or nothing."""
    count = len(_spans(operation))
    picked = tuple(chance.random() < share for _ in range(count))
    if operation.kind == "truncate" or len(set(picked)) == 1:
        return picked[0] if picked else False
    return picked


def _spans(operation: Operation) -> list[tuple[int, int]]:
    """The pieces of a write that lie in one sector of the file each: offsets within the write."""
    if operation.kind == "truncate":
        return [(0, 0)]
    end = operation.at + len(operation.data)
    cuts = [operation.at, *range((operation.at // SECTOR + 1) * SECTOR, end, SECTOR), end]
    return [(first - operation.at, last - operation.at) for first, last in itertools.pairwise(cuts)]


def _write(image: bytearray, operation: Operation, *, whole: bool | tuple[bool, ...]) -> None:
    if operation.kind == "truncate":
        del image[operation.at :]
        image.extend(bytes(operation.at - len(image)))
        return
    spans = [(0, len(operation.data))] if whole is True else itertools.compress(_spans(operation), whole or ())
    for first, last in spans:
        at = operation.at + first
        image.extend(bytes(max(0, at - len(image))))
        image[at : operation.at + last] = operation.data[first:last]


def _key(choice: Choice) -> str:
    """A choice in letters: two kinds of values cannot be put in order."""
    return "".join(
        "01"[each] if isinstance(each, bool) else f"({''.join('01'[one] for one in each)})" for each in choice
    )
