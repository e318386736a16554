"""The same street as ``mapper.transform``, at the cost of its JSON: a plan written once as one Python function.

Knows when the function may answer. Must not word anything itself: the function either gives what
``mapper.transform`` would give, or nothing at all (None), and then that is asked. It never guesses.

    writer     plan -> the text of the function             search     the careful search for a field's winner
    runtime    what the function calls                      leftovers  what no field took

They are loaded when the first function is made: a command that maps a few events makes none.

The parts of a result that explain (accounts, fillings) are made by ``mapper.transform`` when somebody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from mapper import event as events
from mapper import identity, request
from mapper.compiled.layers import ANY, ONE, TWO, Whole
from mapper.compiled.names import called
from mapper.errors import Problem
from mapper.expressions import Unsure
from mapper.identity import Identity
from mapper.plan import Plan

if TYPE_CHECKING:  # loaded when it is used, see above
    from mapper.compiled.search import Layers

__all__ = ["Compiled", "Done", "source"]

#: In mode ``auto``: so many events are mapped without it. Writing and compiling takes as long as some hundred events.
EVENTS = 16


class Done(NamedTuple):
    """What the function gives. ``problems`` are errors; an event that has any, or is skipped, is not sent."""

    because: str | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    fields: dict[str, Any]
    custom_fields: dict[str, Any]

    def __repr__(self) -> str:
        """The verdict; never a trait's value."""
        return f"Done(because={self.because!r}, problems={self.problems!r}, warnings={self.warnings!r})"


class Compiled:
    """One plan's functions, made when they are needed. Safe to share between threads: making one twice does no harm."""

    def __init__(self, plan: Plan, mode: str = "auto") -> None:
        """Keep the plan; nothing is made yet.

        ``mode`` is ``auto``: the functions are made after some events; ``on``: before the first, and a fault in one is
        raised; ``off``: never.
        """
        self.plan = plan
        self.mode = mode
        self.fixed = request.fixed(plan)
        self._seen = 0
        self._on = False
        self._made: dict[str, Callable[..., Any]] = {}
        self._leftovers: Any = None

    def run(
        self,
        event: Any,
        settings: Mapping[str, Any],
        person: Identity | None = None,
        plain: bool = False,  # noqa: FBT001, FBT002 - by place, once an event
    ) -> Done | None:
        """One decoded event; None where ``mapper.transform`` has to tell. ``plain``: see ``codec.is_plain``."""
        if not self._on and not self._due():
            return None
        glanced = events.glance(event, self.plan.destination)
        if glanced is None:
            return None
        traits, context = glanced
        made = self._made
        try:
            if person is not None:
                layers = self._layers(event, person)
                run = made.get(ANY) or self._make(ANY)
                because, found, fields, custom = run(event, settings, layers.tree, traits, None, layers, person)
            elif not context:
                run = made.get(ONE) or self._make(ONE)
                because, found, fields, custom = run(event, settings, traits, traits, None, None, None)
            else:
                run = made.get(TWO) or self._make(TWO)
                older = {n: v for n, v in context.items() if n not in traits and n not in self.plan.never}
                because, found, fields, custom = run(event, settings, {**traits, **older}, traits, older, None, None)
        except (Unsure, Whole):
            return None
        except Exception:
            # A fault of ours in the short cut must not cost a card: the whole story is told instead.
            if self.mode == "on":
                raise
            return None
        if not plain and not all(value.isprintable() for value in fields.values() if isinstance(value, str)):
            return None
        return _done(because, found, fields, custom) if found else Done(because, (), (), fields, custom)

    def _layers(self, event: Any, person: Identity | None) -> Layers:
        from mapper.compiled.search import Layers  # noqa: PLC0415 - see above

        call = events.read(event, self.plan.destination)
        assert isinstance(call, events.Identify)  # noqa: S101 - glance said so
        known = identity.known(call, person, self.plan.never)
        stamps: dict[int, dict[str, Any]] = {0: {}}
        for root, age in known.ages.items():
            stamps.setdefault(age, {})[root] = known.tree[root]
        return Layers(known.tree, sorted(stamps.items()), known.ages)

    def _due(self) -> bool:
        """Whether the functions are used from now on."""
        self._seen += 1
        self._on = self.mode == "on" or (self.mode == "auto" and self._seen > EVENTS)
        return self._on

    def _make(self, layers: str) -> Callable[..., Any]:
        from mapper.compiled import writer  # noqa: PLC0415 - see above
        from mapper.compiled.leftovers import Leftovers  # noqa: PLC0415

        text = writer.write(self.plan, layers)
        names = text.values
        self._leftovers = self._leftovers or Leftovers(self.plan)
        names["route"] = self._leftovers.route
        names["options_of"] = partial(events.options_of, destination=self.plan.destination)
        names["audience_of"] = events.audience_of
        exec(compile("\n".join(text.lines), f"<{self.plan.file}, {layers}>", "exec"), names)  # noqa: S102 - our own text; names of a mapping stand in it by repr alone
        function: Callable[..., Any] = names[called(layers)]
        self._made[layers] = function
        return function


def _done(because: str | None, found: list[Any], fields: dict[str, Any], custom: dict[str, Any]) -> Done:
    found.sort(key=_place)
    errors = () if because is not None else tuple([p for _, p in found if p.level == "error"])
    return Done(because, errors, tuple([p for _, p in found if p.level == "warning"]), fields, custom)


def _place(placed: tuple[int, Problem]) -> int:
    return placed[0]


def source(plan: Plan, layers: str = ONE) -> str:
    """The text of a plan's function, for people to read."""
    from mapper.compiled import writer  # noqa: PLC0415 - see above

    return "\n".join(writer.write(plan, layers).lines) + "\n"
