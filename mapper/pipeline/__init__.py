"""The conductor: calls the steps of the street in order, and nothing else does.

Knows the order, where the shipped mappings are, and the environment. Must not decide anything itself,
and must not know a transport.

    text --read--> Source --parse--> Mapping --compile--> Plan                        once per mapping
    event --read--> Identify --(identity)--> transform with Plan --> build --> Result  per event
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from mapper import codec, event, expressions, identity, mapping, plan, request, source, transform
from mapper.compiled import Compiled, Done
from mapper.errors import Findings, MapperError, MappingError, Position, Problem, SettingsError
from mapper.frozen import dataclass, field, replace
from mapper.identity import Identity
from mapper.pipeline.result import Result, Source
from mapper.plan import Plan
from mapper.plan.settings import Settings, resolve
from mapper.request import Fixed, Request
from mapper.transform.results import Transformed

__all__ = ["Mapper", "NotFoundError", "Result", "default_name", "inspect", "load", "loads", "shipped"]


class NotFoundError(MapperError, FileNotFoundError):
    """There is no mapping of this name or path."""


@dataclass(frozen=True, slots=True)
class Mapper:
    """A loaded mapping. Immutable; one may be shared by any number of threads.

    ``settings`` are what the environment said when it was loaded.
    """

    plan: Plan = field(repr=False)
    written: mapping.Mapping = field(repr=False)
    text: str = field(repr=False)
    settings: Settings = field(repr=False)
    compiled: Compiled = field(repr=False)

    @property
    def file(self) -> str:
        """The file's name, as it stands in positions."""
        return self.plan.file

    @property
    def destination(self) -> str:
        """The destination's name."""
        return self.plan.destination

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What the author of the mapping should look at."""
        return self.plan.warnings

    def transform(
        self,
        event: Any,
        settings: Mapping[str, Any] | None = None,
        identity: Identity | Mapping[str, Any] | None = None,
    ) -> Result:
        """Map one event: a decoded JSON object, or its text as str or bytes.

        ``settings`` override the environment's, by name. ``identity`` is what is known of the person:
        a dict of traits (older than any call) or an Identity.
        Raises SettingsError where a required setting is missing, TypeError where ``identity`` is neither;
        never for anything in the event.
        """
        resolved = self.resolved(settings) if settings or self.settings.problems else self.settings
        person = None if identity is None else _person(identity)
        try:
            text = event if isinstance(event, bytes) else _text(event)
            decoded = codec.decode(text)
        except codec.NotJson as error:
            return not_json(error)
        return self.transform_decoded(decoded, resolved, person, codec.is_plain(text))

    def resolved(self, settings: Mapping[str, Any] | None = None) -> Settings:
        """The settings for a run. Raises SettingsError where one is missing or wrong (secrets apart)."""
        resolved = self.settings if not settings else self._with(settings)
        if resolved.problems:
            raise SettingsError(resolved.problems)
        return resolved

    def _with(self, given: Mapping[str, Any]) -> Settings:
        known = {**self.settings.public, **self.settings.secret, **given}
        return resolve(self.plan, {}, known)

    def transform_decoded(
        self,
        decoded: Any,
        settings: Settings,
        person: Identity | None = None,
        plain: bool = False,  # noqa: FBT001, FBT002 - by place, once an event
    ) -> Result:
        """As ``transform``, for JSON that came out of the codec and settings that are resolved.

        ``plain`` is ``codec.is_plain`` of its text: it only saves work. The JSON is the result's from here on: it is
        read again when somebody asks for the accounts, so it must not be changed.
        """
        done = self.compiled.run(decoded, settings.public, person, plain)
        if done is None:
            return Result.of(*self.tell(decoded, settings, person))
        source = (self, decoded, settings, person)
        if done.because is not None:
            return Result("skipped", done.because, (), done.warnings, None, source)
        if done.problems:
            return Result("invalid", None, done.problems, done.warnings, None, source)
        if self.compiled.fixed is None:
            return self._built(done, source)
        return Result("ready", None, (), done.warnings, done, source)

    @property
    def fixed(self) -> Fixed | None:
        """How requests are made where nothing but their bodies differs, else None."""
        return self.compiled.fixed

    def _built(self, done: Done, source: Source) -> Result:
        """A result with its request, which something may stand in the way of."""
        _, decoded, settings, person = source
        call = event.read(decoded, self.plan.destination)
        assert isinstance(call, event.Identify)  # noqa: S101 - or it were not ready
        built, problems = request.build(self.plan, done, call, settings.public)
        if built is None or problems:
            return Result.of(*self.tell(decoded, settings, person))
        return Result("ready", None, (), done.warnings, done, source, built)

    def tell(self, decoded: Any, settings: Settings, person: Identity | None) -> tuple[Transformed, Request | None]:
        """The whole story of one event: every account and filling, and the request where it is ready."""
        call = event.read(decoded, self.plan.destination)
        if isinstance(call, event.NotForUs):
            return transform.transform(self.plan, call, _NOTHING_KNOWN, settings.public), None
        known = identity.known(call, person, self.plan.never)
        done = transform.transform(self.plan, call, known, settings.public)
        if done.status != "ready":
            return done, None
        built, problems = request.build(self.plan, done, call, settings.public)
        return _with(done, problems), built

    def remember(self, known: Identity | None, event_: Any) -> Identity:
        """What is known of a person after one more event: by trait, the last writer.

        ``event_`` is a decoded JSON object, or its text. What belongs to one call is left out, and events that are
        no Identify calls change nothing. Neither order nor repetition matters.
        """
        try:
            decoded = codec.decode(event_) if isinstance(event_, str | bytes) else codec.normal(event_)
        except codec.NotJson:
            return known or Identity()
        call = event.read(decoded, self.plan.destination)
        if isinstance(call, event.NotForUs):
            return known or Identity()
        return identity.merge(known or Identity(), identity.of_call(call, self.plan.never))

    def __reduce__(self) -> NoReturn:
        """Raise TypeError: what it holds are functions, and settings, of which some are secret."""
        message = (
            "a Mapper cannot be pickled: it holds functions, and secrets that belong in no file or message; "
            "load the mapping in each process, by mapper.load(...), and send it events, or pickle results"
        )
        raise TypeError(message)

    def __copy__(self) -> Mapper:
        """Itself: it does not change."""
        return self

    def __deepcopy__(self, _: Any) -> Mapper:
        """Itself."""
        return self

    def __repr__(self) -> str:
        """The mapping's file and destination."""
        return f"<Mapper {self.plan.file} for {self.plan.destination}>"

    def secrets(self, settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """All settings by name, secret ones included, for a transport. Raises SettingsError where one is missing."""
        resolved = self.resolved(settings)
        if resolved.missing_secrets:
            raise SettingsError(resolved.missing_secrets)
        return {**resolved.public, **resolved.secret}


def _person(known: Identity | Mapping[str, Any] | None) -> Identity | None:
    """What is known of a person, as an Identity of plain JSON values."""
    if known is None or isinstance(known, Identity):
        return known
    if not isinstance(known, Mapping):
        message = f"identity has to be a dict of traits or an Identity, not {type(known).__name__}"
        raise TypeError(message)
    try:
        return identity.from_traits(codec.normal(dict(known)))
    except codec.NotJson as error:
        message = f"identity holds {error}"
        raise TypeError(message) from None


_WORDS = {**dict.fromkeys(("off", "0", "no", "false"), "off"), **dict.fromkeys(("on", "1", "yes", "true"), "on")}
#: ``MAPPER_COMPILED=off`` maps without compiled plans, and ``on`` compiles before the first event: for tests, and for
#: whoever suspects them. What is sent is the same. It is read once, when this is imported.
_MODE = _WORDS.get(os.environ.get("MAPPER_COMPILED", "").strip().casefold(), "auto")
expressions.compile_when(_MODE)

_NOTHING_KNOWN = identity.Known({}, {}, {})


def _text(event: Any) -> bytes:
    """An event's JSON text. Raises NotJson."""
    return codec.utf8(event) if isinstance(event, str) else codec.text_of(event)


def _with(done: Transformed, problems: tuple[Problem, ...]) -> Transformed:
    """A transformed event with what stood in the way of its request."""
    if not problems:
        return done
    errors = tuple(p for p in problems if p.level == "error")
    return replace(
        done,
        status="invalid" if errors else done.status,
        problems=done.problems + errors,
        warnings=done.warnings + tuple(p for p in problems if p.level == "warning"),
    )


def not_json(error: codec.NotJson) -> Result:
    """The result of an event that cannot be read at all."""
    hint = "mend what wrote this event"
    return Result(
        "invalid", problems=(Problem("not_an_event", f"the event is no JSON that can be kept: {error}", hint=hint),)
    )


def load(where: str | Path, environ: Mapping[str, str] | None = None) -> Mapper:
    """Load a mapping file, or a shipped mapping by its bare name.

    Settings are read from the environment here, once. Raises MappingError with everything that is
    wrong in the file, and NotFoundError.
    """
    text, file = read_text(where)
    return loads(text, file, environ)


def loads(text: str, file: str = "mapping.yaml", environ: Mapping[str, str] | None = None) -> Mapper:
    """Load a mapping from its text; ``file`` is its name in positions. Raises MappingError."""
    made, problems, text = inspect(text, file, environ)
    if made is None:
        raise MappingError(problems, text)
    return made


def inspect(
    text: str, file: str = "mapping.yaml", environ: Mapping[str, str] | None = None
) -> tuple[Mapper | None, tuple[Problem, ...], str]:
    """The mapper of a text, or None; everything that is wrong or doubtful in it; and the text as read."""
    found = Findings()
    try:
        read = source.read(text, file)
    except MappingError as error:
        return None, error.problems, error.text or text
    found.problems.extend(read.problems)
    written = mapping.parse(read, found)
    compiled = plan.compile(written, found) if written is not None else None
    problems = _in_file_order(read.problems, found.problems)
    if written is None or compiled is None or any(p.level == "error" for p in problems):
        return None, problems, read.text
    resolved = resolve(compiled, os.environ if environ is None else environ)
    return Mapper(compiled, written, read.text, resolved, Compiled(compiled, _MODE)), problems, read.text


def _in_file_order(of_source: tuple[Problem, ...], every: list[Problem]) -> tuple[Problem, ...]:
    """All problems, sorted; without what later stages say of a place where YAML itself is broken."""
    broken = {_place(p) for p in of_source if p.level == "error"}
    own = set(of_source)
    kept = (p for p in dict.fromkeys(every) if p in own or _place(p) not in broken)
    return tuple(sorted(kept, key=_place))


def _place(problem: Problem) -> tuple[int, int]:
    return (problem.position.line, problem.position.column) if problem.position else (0, 0)


def read_text(where: str | Path) -> tuple[str, str]:
    """The text of a mapping and its name for positions. Raises NotFoundError and MappingError."""
    path = _path(where)
    try:
        raw = path.read_bytes()
    except OSError as error:
        message = f"cannot read the mapping {where}: {error.strerror or type(error).__name__}"
        raise NotFoundError(message) from None
    try:
        return raw.decode("utf-8-sig"), str(where) if path == Path(where) else path.name
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        place = Position(str(where), line, 1)
        raise MappingError(
            (Problem("yaml", "the file is not UTF-8", position=place, hint="save it as UTF-8"),)
        ) from None


def _path(where: str | Path) -> Path:
    name = str(where)
    if isinstance(where, Path) or "/" in name or os.sep in name or name.endswith((".yaml", ".yml")):
        return Path(where)
    path = _folder() / f"{name}.yaml"
    if not path.is_file():
        message = f"there is no shipped mapping {name!r}; there are {', '.join(shipped())}; a file is named by its path"
        raise NotFoundError(message)
    return path


def shipped() -> tuple[str, ...]:
    """The names of the shipped mappings."""
    return tuple(sorted(path.stem for path in _folder().glob("*.yaml")))


def default_name() -> str:
    """The shipped mapping that is used where none is named."""
    return (_folder() / "DEFAULT").read_text(encoding="utf-8").strip()


def _folder() -> Path:
    """Where the shipped mappings are: inside the installed package, or beside it in a checkout."""
    inside = Path(__file__).parent.parent / "mappings"
    return inside if inside.is_dir() else Path(__file__).parent.parent.parent / "mappings"
