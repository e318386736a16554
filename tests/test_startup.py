"""What a command loads: `preview` is run by hand again and again, and must not wait for what it does not use.

Modules are counted here, not milliseconds: ``benchmarks/startup.py`` takes the time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import EXAMPLES, ROOT

#: What a preview of a valid event has no use for, and what each would cost it (measured with Python 3.11).
NEEDLESS = {
    "asyncio": "8 ms, for a loop that sends",
    "celery": "a host's",
    "cerberus": "17 ms; it is asked about values that may be wrong",
    "email": "6 ms, with importlib.metadata",
    "fastapi": "a host's",
    "hashlib": "2 ms, for OpenSSL",
    "http": "5 ms, for the sandbox",
    "httpx": "80 ms, for sending",
    "importlib.metadata": "12 ms, for plug-ins",
    "logging": "4 ms",
    "mapper.compiled.writer": "2 ms, with what it calls; it writes what maps many events",
    "mapper.expressions.writer": "1 ms, with the generator; the same for expressions",
    "multiprocessing": "for `transform --jobs`",
    "pydantic": "200 ms: typer 0.29 imports it at every command, so the dependency stays below",
    "re2": "2 ms, for patterns that Python's own expressions must not match",
    "rich": "40 ms, for what is drawn",
    "sqlalchemy": "a host's",
    "ssl": "3 ms",
    "starlette": "a host's",
}
#: What belongs to other commands.
OTHERS = ("dispatch", "send", "sandbox", "transform", "try_tests", "reference", "check")

_SCRIPT = """
import sys
from mapper.apps.cli import run
run()
print(*sorted(sys.modules), file=sys.stderr)
"""


def loaded(*arguments: str) -> tuple[set[str], str]:
    """The modules that a command has loaded when it ends, and its output."""
    command = [sys.executable, "-c", _SCRIPT, *arguments]
    # The suite also runs with compiled plans forced on, which would load what writes them.
    environ = {name: value for name, value in os.environ.items() if name != "MAPPER_COMPILED"}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    return set(done.stderr.splitlines()[-1].split()), done.stdout


@pytest.fixture(scope="module")
def of_preview() -> set[str]:
    """What a preview of a valid event has loaded."""
    modules, out = loaded("preview", str(EXAMPLES / "nested.json"), "--format", "json", "-m", "mappings/inkit.yaml")
    assert json.loads(out)["status"] == "ready"
    return modules


@pytest.mark.parametrize("name", NEEDLESS)
def test_a_preview_of_a_valid_event_loads_nothing_that_it_does_not_use(of_preview: set[str], name: str) -> None:
    """Piped, as JSON: the way that programs and impatient people use it."""
    assert sorted(module for module in of_preview if module == name or module.startswith(f"{name}.")) == []


def test_a_command_loads_no_other(of_preview: set[str]) -> None:
    """Each brings its own libraries along."""
    assert "mapper.apps.cli.preview" in of_preview
    assert of_preview & {f"mapper.apps.cli.{name}" for name in OTHERS} == set()


def test_what_is_asked_of_cerberus_loads_it(tmp_path: Path) -> None:
    """An invalid event is explained in full: the check above is about a way that exists."""
    event = json.loads((EXAMPLES / "nested.json").read_text("utf-8"))
    event = {**event, "traits": {"email": "x" * 400}, "integrations": {}}
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event), "utf-8")
    mapping = tmp_path / "m.yaml"
    mapping.write_text(
        "mapping: 1\ndestination: Example\n"
        "fields:\n  email: {from: traits.email, rules: {required: true, maxlength: 9}}\n"
        "send: {url: https://example.com}\n",
        "utf-8",
    )
    modules, out = loaded("preview", str(file), "--format", "json", "-m", str(mapping))
    assert json.loads(out)["problems"][0]["code"] == "maxlength"
    assert {"cerberus", "mapper.rules.validator"} <= modules


def test_help_draws_nothing() -> None:
    """Neither typer's help nor its tracebacks with rich; nor what sends."""
    modules, out = loaded("--help")
    assert "preview" in out
    assert not modules & {"rich", "httpx", "pydantic", "cerberus"}


def test_the_program_ends_at_once() -> None:
    """Without the end of Python, but with all that was written: ten thousand lines into a pipe that is read late."""
    code = (
        "import atexit, sys; atexit.register(print, 'late'); sys.argv = ['mapper', '--help']\n"
        "print('early\\n' * 10_000, end=''); from mapper.apps.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.count("early") == 10_000
    assert "preview" in done.stdout
    assert "late" not in done.stdout


def test_the_package_is_the_command() -> None:
    """``python -m mapper``, for who has no command on the path."""
    told = subprocess.run([sys.executable, "-m", "mapper", "--version"], capture_output=True, text=True, check=True)
    assert told.stdout.startswith("mapper ")
