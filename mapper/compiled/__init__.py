"""The same street as ``mapper.transform``, at the cost of its JSON: a plan written once as one Python function.

Knows when the function may answer. Must not word anything itself: the function either gives what
``mapper.transform`` would give, or nothing at all (None), and then that is asked. It never guesses.

    writer     plan -> the text of the function             search     the careful search for a field's winner
    runtime    what the function calls                      leftovers  what no field took

The parts of a result that explain (accounts, fillings) are made by ``mapper.transform`` when somebody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from mapper import event as events
from mapper import identity, request
from mapper.compiled import writer
from mapper.compiled.leftovers import Leftovers
from mapper.compiled.search import Layers
from mapper.errors import Problem
from mapper.expressions import Unsure
from mapper.frozen import dataclass, field
from mapper.identity import Identity
from mapper.plan import Plan

__all__ = ["Compiled", "Done", "source"]

#: In mode ``auto``: so many events are mapped without it. Writing and compiling takes as long as some hundred events.
EVENTS = 16


@dataclass(slots=True)
class Done:
    """What the function gives. ``fields`` and ``custom_fields`` are those of an event that is ready, else empty."""

    because: str | None
    problems: tuple[Problem, ...]
    fields: dict[str, Any] = field(repr=False)
    custom_fields: dict[str, Any] = field(repr=False)


class Compiled:
    """One plan's functions, made when they are needed. Safe to share between threads: making one twice does no harm."""

    def __init__(self, plan: Plan, mode: str = "auto") -> None:
        """Keep the plan; nothing is made yet.

        ``mode`` is ``auto``: the functions are made after some events; ``on``: before the first, and a fault in one is
        raised; ``off``: never.
        """
        self.plan = plan
        self.mode = mode
        self.request = request.fixed(plan)
        self._seen = 0
        self._made: dict[str, Callable[..., Any]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Functions cannot be pickled; they are made again."""
        return Compiled, (self.plan, self.mode)

    @property
    def due(self) -> bool:
        """Whether the functions are used yet."""
        if self.mode != "auto":
            return self.mode == "on"
        self._seen += 1
        return self._seen > EVENTS

    def run(self, event: Any, settings: Mapping[str, Any], person: Identity | None, *, plain: bool) -> Done | None:
        """One decoded event; None where ``mapper.transform`` has to tell. ``plain``: see ``codec.is_plain``."""
        glanced = events.glance(event, self.plan.destination)
        if glanced is None:
            return None
        traits, context = glanced
        try:
            if person is None and plain:
                if not context:
                    done = self._function(writer.ONE)(event, settings, traits, traits, None, None)
                else:
                    older = {n: v for n, v in context.items() if n not in traits and n not in self.plan.never}
                    done = self._function(writer.TWO)(event, settings, {**traits, **older}, traits, older, None)
            else:
                layers = self._layers(event, person)
                done = self._function(writer.ANY)(event, settings, layers.tree, traits, None, layers)
        except Unsure:
            return None
        except Exception:
            # A fault of ours in the short cut must not cost a card: the whole story is told instead.
            if self.mode == "on":
                raise
            return None
        return _done(*done)

    def _layers(self, event: Any, person: Identity | None) -> Layers:
        call = events.read(event, self.plan.destination)
        assert isinstance(call, events.Identify)  # noqa: S101 - glance said so
        known = identity.known(call, person, self.plan.never)
        stamps: dict[int, dict[str, Any]] = {0: {}}
        for root, age in known.ages.items():
            stamps.setdefault(age, {})[root] = known.tree[root]
        return Layers(known.tree, sorted(stamps.items()), known.ages)

    def _function(self, layers: str) -> Callable[..., Any]:
        made = self._made.get(layers)
        return made if made is not None else self._make(layers)

    def _make(self, layers: str) -> Callable[..., Any]:
        text = writer.write(self.plan, layers)
        names = text.values
        names["route"] = Leftovers(self.plan).route
        names["options_of"] = partial(events.options_of, destination=self.plan.destination)
        names["audience_of"] = events.audience_of
        exec(compile("\n".join(text.lines), f"<{self.plan.file}, {layers}>", "exec"), names)  # noqa: S102 - our own text; names of a mapping stand in it by repr alone
        function: Callable[..., Any] = names["run"]
        self._made[layers] = function
        return function


def _done(because: str | None, found: list[Any], finished: Any, custom: Any) -> Done:
    if len(found) > 1:
        found.sort(key=_place)
    return Done(because, tuple([problem for _, problem in found]), finished or {}, custom or {})


def _place(placed: tuple[int, Problem]) -> int:
    return placed[0]


def source(plan: Plan, layers: str = writer.ONE) -> str:
    """The text of a plan's function, for people to read."""
    return "\n".join(writer.write(plan, layers).lines) + "\n"
