"""How the public names are used, as the type checker sees it. Mypy reads this file; nobody runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, assert_type

import mapper
from mapper.errors import Position


def loads_a_mapping() -> mapper.Mapper:
    """By path, by shipped name, from text; with an environment of one's own."""
    assert_type(mapper.load("my-destination"), mapper.Mapper)
    assert_type(mapper.load(Path("mapping.yaml"), environ={"API_KEY": "key"}), mapper.Mapper)
    return mapper.loads("mapping: 1", file="mapping.yaml")


def asks_a_mapping(mapping: mapper.Mapper) -> None:
    """What it says about itself."""
    assert_type(mapping.destination, str)
    assert_type(mapping.file, str)
    assert_type(mapping.warnings, tuple[mapper.Problem, ...])


def maps_an_event(mapping: mapper.Mapper, event: dict[str, Any]) -> mapper.Result:
    """Decoded, as text, as bytes; with settings and what is known of the person."""
    assert_type(mapping.transform(b"{}"), mapper.Result)
    assert_type(mapping.transform("{}", settings={"template_id": "T1"}), mapper.Result)
    return mapping.transform(event, identity={"last_name": "Musk"})


def reads_a_result(result: mapper.Result) -> mapper.Request | None:
    """A status that a checker knows, fields, accounts, problems; a request only where it is ready."""
    assert_type(result.status, Literal["ready", "invalid", "skipped"])
    assert_type(result.because, str | None)
    assert_type(result.fields, dict[str, Any])
    assert_type(result.custom_fields, dict[str, Any])
    for account in result.accounts:
        assert_type(account.end, Literal["mapped", "shadowed", "custom", "dropped"])
        assert_type(account.to, tuple[str, ...])
    for problem in (*result.problems, *result.warnings):
        assert_type(problem.level, Literal["error", "warning"])
        assert_type(problem.position, Position | None)
    return result.request


def keeps_a_request(request: mapper.Request) -> mapper.Request:
    """A request is a value: it can be written down and read again."""
    assert_type(request.content, bytes)
    return mapper.Request.from_dict(request.as_dict())


class Pigeon:
    """A stranger's transport: an object with one method, and no class of ours above it."""

    async def send(self, request: mapper.Request) -> mapper.Reply | mapper.Failure:
        """Answer that it is not known."""
        return mapper.Failure("lost", maybe_sent=request.message_id is not None)


def sends(request: mapper.Request) -> mapper.Outcome:
    """By name, by object, by default."""
    pigeon: mapper.Transport = Pigeon()
    assert_type(mapper.send(request), mapper.Outcome)
    assert_type(mapper.send(request, "memory"), mapper.Outcome)
    return mapper.send(request, pigeon)


def sends_with_ours(request: mapper.Request, mapping: mapper.Mapper) -> tuple[mapper.Outcome, mapper.Outcome]:
    """Ours are transports as a stranger's is: one that remembers, and one that is made with the secrets."""
    return mapper.send(request, mapper.Memory()), mapper.send(request, mapper.Http(mapping.secrets()))


async def sends_from_a_loop(request: mapper.Request) -> str | None:
    """The same, awaited; and how it ended."""
    outcome = await mapper.asend(request, Pigeon())
    assert_type(outcome.ending, Literal["delivered", "rejected", "pause", "retry", "unknown"])
    assert_type(outcome.status, int | None)
    return outcome.retry_after


def evaluates_an_expression() -> Any:
    """The expression language alone."""
    expression = mapper.expressions.compile("traits.name")
    assert_type(expression.text, str)
    return expression.search({"traits": {"name": "Ada"}})


def catches() -> tuple[mapper.Problem, ...]:
    """One root; each branch carries its problems."""
    try:
        loads_a_mapping()
    except mapper.MappingError as error:
        return error.problems
    except mapper.SettingsError as error:
        return error.problems
    except (mapper.PluginError, mapper.MapperError):
        return ()
    return ()


def refuses(mapping: mapper.Mapper, result: mapper.Result) -> None:
    """What a checker must not let through: each ignore is an error of its own once it is no longer needed."""
    mapping.transform()  # type: ignore[call-arg]
    mapper.send(result.request)  # type: ignore[arg-type]
    mapper.send(result)  # type: ignore[arg-type]
    result.status = "ready"  # type: ignore[misc]
