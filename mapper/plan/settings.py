"""Settings: from texts of the environment and from values given by a caller to typed values.

Knows a setting's type, default and rules. Must not read the environment: it is handed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mapper.errors import Problem
from mapper.frozen import dataclass, field
from mapper.plan.parts import Mark, Plan, Setting
from mapper.plan.send import wrong_base
from mapper.values import number

_FLAGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True, slots=True)
class Settings:
    """Resolved settings. ``public`` are what expressions see; ``secret`` are for transports alone.

    ``problems`` are what stops the mapping from running, ``missing_secrets`` what stops it from sending.
    """

    public: dict[str, Any]
    secret: dict[str, Any] = field(repr=False)
    problems: tuple[Problem, ...] = ()
    missing_secrets: tuple[Problem, ...] = ()


def resolve(plan: Plan, environ: Mapping[str, str], given: Mapping[str, Any] | None = None) -> Settings:
    """Resolve all settings: what is given by name wins over the environment, that over the default."""
    public: dict[str, Any] = {}
    secret: dict[str, Any] = {}
    problems: list[Problem] = _unknown(plan, given or {})
    missing: list[Problem] = []
    for setting in plan.settings:
        raw = _raw(setting, environ, given or {})
        value, wrong = _typed(setting, raw)
        problems.extend(wrong)
        (secret if setting.secret else public)[setting.name] = value
        if value is None and setting.required and not wrong:
            (missing if setting.secret else problems).append(_missing(setting))
    problems.extend(_wrong_bases(plan, public))
    return Settings(public, secret, tuple(problems), tuple(missing))


def _unknown(plan: Plan, given: Mapping[str, Any]) -> list[Problem]:
    names = [setting.name for setting in plan.settings]
    hint = f"the settings are {', '.join(names)}" if names else "this mapping has no settings"
    return [
        Problem("unknown_setting", f"there is no setting {name!r}", hint=hint) for name in given if name not in names
    ]


def _raw(setting: Setting, environ: Mapping[str, str], given: Mapping[str, Any]) -> Any:
    if given.get(setting.name) not in (None, ""):
        return given[setting.name]
    from_environment = environ.get(setting.env, "") if setting.env else ""
    return from_environment.strip() or setting.default


def _typed(setting: Setting, raw: Any) -> tuple[Any, list[Problem]]:
    if raw is None:
        return None, []
    value = _of_type(raw, setting.type)
    if value is None:
        return None, [_wrong(setting, f"it has to be a {setting.type}")]
    wrong = [_wrong(setting, f"it {broken.message}") for broken in setting.rules.check(value)]
    return (None if wrong else value), wrong


def _of_type(raw: Any, kind: str) -> Any:
    if kind == "text":
        return raw if isinstance(raw, str) else None if isinstance(raw, bool | list | dict) else str(raw)
    if kind == "flag":
        return raw if isinstance(raw, bool) else _FLAGS.get(str(raw).strip().lower())
    if isinstance(raw, str):
        try:
            raw = number(raw.strip())
        except ValueError:
            return None
    whole = isinstance(raw, int) and not isinstance(raw, bool)
    return raw if whole or (kind == "number" and isinstance(raw, float)) else None


def _wrong(setting: Setting, message: str) -> Problem:
    return Problem(
        "setting_wrong", f"the setting {setting.name!r}: {message}", position=setting.position, hint=_where(setting)
    )


def _missing(setting: Setting) -> Problem:
    message = f"the setting {setting.name!r} is required and has no value"
    return Problem("setting_missing", message, position=setting.position, hint=_where(setting))


def _where(setting: Setting) -> str:
    if setting.env:
        return f"set the environment variable {setting.env}"
    return (
        "give it by name: settings={...} in code" if setting.secret else f"give it with --setting {setting.name}=VALUE"
    )


def _wrong_bases(plan: Plan, public: Mapping[str, Any]) -> list[Problem]:
    """Check the settings that open the address."""
    problems = []
    for piece in plan.send.url:
        if isinstance(piece, Mark) and piece.base and piece.located.expression.plain:
            name = str(piece.located.expression.plain[1])
            value = public.get(name)
            wrong = wrong_base(value) if isinstance(value, str) else None
            if wrong:
                problems.append(
                    Problem("setting_wrong", f"the setting {name!r}: {wrong}", position=piece.located.position)
                )
    return problems
