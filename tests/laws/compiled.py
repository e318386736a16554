"""The law of compiled plans: where a plan's function answers, the whole story is the same.

Knows which parts of a result have to be the same. Must not know when a function answers.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import Any

from laws.sameness import plain, same
from mapper import codec, pipeline
from mapper.compiled import Compiled
from mapper.identity import Identity
from mapper.pipeline import Mapper, Result

#: What comes of an event for which the function gives nothing.
TOLD = "told by the whole story"


@dataclass(frozen=True, slots=True)
class Both:
    """One mapping with compiled functions and without. ``mapping`` is there to be read in a failing example."""

    mapping: Any
    quick: Mapper = field(repr=False)
    whole: Mapper = field(repr=False)


def both(mapping: Any, loaded: Mapper) -> Both:
    """A mapper that asks its functions first, and one that has none."""
    quick, whole = (replace(loaded, compiled=Compiled(loaded.plan, mode)) for mode in ("on", "off"))
    return Both(mapping, quick, whole)


def loaded_both(mapping: Any, text: str, environ: dict[str, str]) -> Both:
    """The same for a mapping's text. Raises MappingError."""
    return both(mapping, pipeline.loads(text, environ=environ))


def check_compiled(mappers: Both, text: bytes, person: Identity | None = None) -> str:
    """Where the function answers: the same status, reason, problems, warnings, fields, names, values and bytes.

    Says what came of it.
    """
    decoded, is_plain = codec.decode(text), codec.is_plain(text)
    settings, before = mappers.whole.resolved(), copy.deepcopy(decoded)
    done = mappers.quick.compiled.run(decoded, settings.public, person, is_plain)
    case = (mappers.mapping, text, person and person.as_record())
    assert same(before, decoded), case
    if done is None:
        return TOLD
    quick = mappers.quick.transform_decoded(decoded, settings, person, plain=is_plain)
    whole = mappers.whole.transform_decoded(decoded, settings, person)
    # Not what the story tells when somebody asks for it: what was known at once.
    assert done.because == whole.because, (case, done.because)
    if whole.status == "ready":
        assert same([dict(done.fields), dict(done.custom_fields)], [whole.fields, whole.custom_fields]), (case, done)
    for one, other in zip(_verdict(quick), _verdict(whole), strict=True):
        assert same(one, other), (case, one, other)
    assert same(before, decoded), case
    return whole.status


def _verdict(result: Result) -> tuple[Any, ...]:
    """What decides what is printed, in the order in which it is easiest to read where it differs."""
    made = result.request
    said = [result.status, result.because, plain(result.problems)]
    fields = [plain(result.fields), plain(result.custom_fields)]
    return said, plain(result.warnings), fields, made and made.content, plain(made)
