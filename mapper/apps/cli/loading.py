"""What a command loads before its first event: the mapping, the settings, what is known of people.

Knows how options become values. Must not know what a command does with them.
"""

from __future__ import annotations

import typer

from mapper import pipeline
from mapper.errors import SettingsError
from mapper.pipeline import Mapper
from mapper.plan.settings import Settings, resolve
from mapper.readers import people
from mapper.readers.people import People


def mapping(where: str | None) -> Mapper:
    """The mapping of ``--mapping``, or the default one where none is given. Raises MappingError and NotFoundError."""
    return pipeline.load(pipeline.default_name() if where is None else where)


def named(argument: str | None, option: str | None, context: typer.Context) -> str:
    """Which mapping is meant: the argument, else ``--mapping`` or ``$MAPPER_MAPPING``, else the default one.

    Raises a usage error where the command line names it in both ways.
    """
    if argument is None:
        return pipeline.default_name() if option is None else option
    source = context.get_parameter_source("mapping")
    if option is not None and source is not None and source.name == "COMMANDLINE":
        raise typer.BadParameter("the mapping is named already", param_hint="--mapping")
    return argument


def sampled(given: list[str] | None, mapper: Mapper) -> Settings:
    """The settings of ``--setting`` and nothing else: what is missing does not matter where nothing is sent.

    Raises SettingsError where one is wrong or unknown.
    """
    resolved = resolve(mapper.plan, {}, overrides(given, mapper))
    wrong = tuple(problem for problem in resolved.problems if problem.code != "setting_missing")
    if wrong:
        raise SettingsError(wrong)
    return resolved


def settings(given: list[str] | None, mapper: Mapper) -> Settings:
    """The settings of a run: ``--setting`` over the environment.

    Raises SettingsError where one is missing or unknown, and a usage error where a secret is given.
    """
    return mapper.resolved(overrides(given, mapper))


def overrides(given: list[str] | None, mapper: Mapper) -> dict[str, str]:
    """The values of ``--setting`` by name. A secret is refused: a command can be seen by others and is remembered."""
    secrets = {setting.name: setting.env for setting in mapper.plan.settings if setting.secret}
    values = {}
    for pair in given or ():
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise typer.BadParameter("NAME=VALUE is due", param_hint="--setting")
        if name in secrets:
            place = f"the environment variable {secrets[name]}" if secrets[name] else "the environment"
            message = f"{name} is a secret, and others on this machine can see what is on a command line: use {place}"
            raise typer.BadParameter(message, param_hint="--setting")
        values[name] = value
    return values


def known(name: str | None, mapper: Mapper) -> People | None:
    """The people of ``--identity``. Raises UnreadableError."""
    return people.read(name, mapper.plan.never) if name is not None else None
