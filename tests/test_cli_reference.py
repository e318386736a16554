"""``mapper functions``, ``explain``, ``schema`` and the help: what there is to look up, and the exit codes."""

from __future__ import annotations

import itertools
import json

import pytest
from command_line import program, run

from mapper import codes, functions
from mapper.apps.cli import exits
from mapper.apps.cli.exits import Exit
from mapper.plan.schema import mapping_schema


def test_every_function_is_listed() -> None:
    """Ours with what they do, the standard ones by name."""
    out = run("functions").out
    assert all(function.signature in out for function in functions.TABLE.values())
    assert "starts_with" in out


@pytest.mark.parametrize("name", functions.TABLE)
def test_every_function_has_a_page(name: str) -> None:
    """With its examples."""
    ended = run("functions", name)
    assert ended.code == 0
    assert ended.out.count("    write  ") == len(functions.TABLE[name].examples)


def test_a_standard_function_has_a_page() -> None:
    """It says who has described it."""
    assert "jmespath.org" in run("functions", "starts_with").out


def test_every_code_is_listed() -> None:
    """Without a code ``explain`` lists them all."""
    listed = {line.split()[0] for line in run("explain").out.splitlines() if line and not line.startswith(" ")}
    assert set(codes.TABLE) <= listed


@pytest.mark.parametrize("name", codes.TABLE)
def test_every_code_has_a_page(name: str) -> None:
    """What it means and what to do, in 80 columns."""
    ended = run("explain", name)
    assert ended.code == 0
    assert "What to do: " in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("command", "name", "near"), [("explain", "negatoin", "negation"), ("functions", "us_zp", "us_zip")]
)
def test_an_unknown_name_gets_the_nearest(command: str, name: str, near: str) -> None:
    """Exit 2 and the name that was perhaps meant."""
    ended = run(command, name)
    assert (ended.code, ended.out) == (2, "")
    assert f"did you mean {near}?" in ended.err


def test_schema_is_written_as_it_is() -> None:
    """The whole schema, as JSON, in UTF-8 whatever the terminal."""
    ended = program("schema", env={"PYTHONIOENCODING": "ascii"})
    assert json.loads(ended.stdout) == mapping_schema()


def test_help_lists_the_commands_in_the_order_of_use() -> None:
    """Each with a line that is not cut off."""
    lines = run("--help").out.partition("Commands:\n")[2].splitlines()
    names = [line.split()[0] for line in lines if line.startswith("  ") and line.split()[0].isalpha()]
    order = ["preview", "transform", "send", "worker", "queue", "identity", "doctor", "sandbox", "check", "test"]
    order += ["functions", "explain", "schema"]
    assert names[: len(order)] == order


@pytest.mark.parametrize(
    "command",
    ["preview", "transform", "queue", "identity", "doctor", "check", "test", "functions", "explain", "schema"],
)
def test_every_command_has_help(command: str) -> None:
    """-h and --help alike."""
    assert run(command, "-h").out == run(command, "--help").out != ""


def test_an_unknown_command() -> None:
    """Exit 2."""
    assert run("preveiw").code == 2


#: The table of the design, section 5: what holds, and the code that counts.
TABLE = [
    ([], 0),
    ([Exit.FINE], 0),
    ([Exit.FINE, Exit.SOME_INVALID], 1),
    ([Exit.SOME_INVALID, Exit.NOT_DELIVERED], 4),
    ([Exit.NOT_DELIVERED, Exit.NOT_COMPILED, Exit.SOME_INVALID], 3),
    ([Exit.USAGE, Exit.NOT_COMPILED, Exit.NOT_DELIVERED], 2),
    (list(Exit), 2),
]


@pytest.mark.parametrize(("held", "counts"), TABLE)
def test_exit_codes(held: list[Exit], counts: int) -> None:
    """0, 1, 4, 3, 2: the highest in this order counts, in whatever order they came about."""
    assert {int(exits.highest(one)) for one in itertools.permutations(held)} == {counts}
