"""Step 3: a Mapping becomes a Plan: ready to run, immutable, safe to share.

Knows in which order a file is compiled, and what concerns several of its sections at once. Must not
see an event: whatever can be wrong with a mapping is found here, before the first one.
"""

from __future__ import annotations

from mapper import mapping as written
from mapper import rules
from mapper.errors import Findings
from mapper.plan.custom import compile_custom_fields
from mapper.plan.fields import compile_field, compile_requirement, compile_skip, known_field
from mapper.plan.order import arrange, check_places, place_of
from mapper.plan.parts import Field, Plan, Setting
from mapper.plan.scope import Compiler, Declared
from mapper.plan.send import compile_send
from mapper.values import typed

__all__ = ["Field", "Plan", "compile"]


def compile(mapping: written.Mapping, found: Findings) -> Plan:  # noqa: A001 - the field's word
    """Compile a mapping. What is wrong goes into ``found``; with an error in it the plan is not to be used."""
    settings = {s.name: s for s in mapping.settings}
    compiler = Compiler(_declared(mapping), found)
    anchors = _anchors(mapping, found)
    fields = tuple(compile_field(field, anchors, compiler) for field in mapping.fields)
    by_name = {field.name: field for field in fields}
    send = compile_send(mapping.send, settings, compiler)
    secrets = tuple(s.name for s in send.secrets if s.place == "body")
    custom_fields = compile_custom_fields(mapping.custom_fields, fields, secrets, found)
    _check_secret_names(mapping, fields, found)
    check_places(fields, custom_fields.into, found)
    skips = (compile_skip(entry, compiler) for entry in mapping.skip)
    return Plan(
        file=mapping.file,
        destination=mapping.destination,
        fields=fields,
        order=arrange(fields, found),
        require=tuple(compile_requirement(entry, by_name, compiler) for entry in mapping.require),
        skip=tuple(skip for skip in skips if skip is not None),
        custom_fields=custom_fields,
        send=send,
        settings=tuple(_setting(setting, found) for setting in mapping.settings),
        never=frozenset(name.text for name in mapping.never),
        warnings=tuple(p for p in found.problems if p.level == "warning"),
    )


def _declared(mapping: written.Mapping) -> Declared:
    return Declared(
        settings=frozenset(s.name for s in mapping.settings),
        secrets=frozenset(s.name for s in mapping.settings if s.secret),
        places=frozenset(place_of(f.name.text) for f in mapping.fields),
    )


def _anchors(mapping: written.Mapping, found: Findings) -> dict[str, str]:
    """Field -> the field than which it must not be older."""
    names = {f.name.text for f in mapping.fields}
    anchors: dict[str, str] = {}
    for group in mapping.as_one:
        known = [scalar for scalar in group if known_field(scalar, names, found)]
        for scalar in known[1:]:
            if scalar.text in anchors:
                found.error("contradiction", f"{scalar.text!r} is in two groups", scalar.position, "keep it in one")
            anchors[scalar.text] = known[0].text
    return anchors


def _setting(setting: written.Setting, found: Findings) -> Setting:
    if setting.secret and setting.default is not None:
        message = f"the secret {setting.name!r} has a value in the file"
        found.error("secret_in_file", message, setting.default.position, "remove it; set the environment variable")
    if setting.secret and setting.env is None:
        message = f"the secret {setting.name!r} names no environment variable"
        found.warn("secret_without_env", message, setting.position, "add env: NAME")
    return Setting(
        name=setting.name,
        env=setting.env,
        type=setting.type,
        required=setting.required,
        secret=setting.secret,
        default=typed(setting.default, setting.type, found) if setting.default is not None else None,
        rules=rules.compile(setting.rules, setting.type, found) if setting.rules is not None else rules.EMPTY,
        position=setting.position,
    )


def _check_secret_names(mapping: written.Mapping, fields: tuple[Field, ...], found: Findings) -> None:
    """A secret in the body must not take a field's place."""
    tops = {field.place[0]: field for field in fields}
    into = mapping.custom_fields.into
    taken: set[tuple[str, str]] = set()
    for secret in mapping.send.secrets:
        key = (secret.place, secret.name.text.lower() if secret.place == "header" else secret.name.text)
        clash = secret.place == "body" and mapping.send.body is None and into is not None
        if key in taken or (clash and into is not None and place_of(into.text)[0] == secret.name.text):
            message = f"the place of the secret {secret.name.text!r} is taken already"
            found.error("place_taken", message, secret.name.position, "rename one of them")
        taken.add(key)
        field = tops.get(secret.name.text)
        if secret.place == "body" and mapping.send.body is None and field is not None:
            message = f"the secret {secret.name.text!r} and the field {field.name!r} go to the same place"
            found.error("place_taken", message, secret.name.position, "rename one of them")
