"""The wheel as a stranger gets it: installed into an empty environment, used away from the checkout."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.wheel

ROOT = Path(__file__).resolve().parent.parent
MAPPINGS = ROOT / "mappings"

#: The documented call of the destination's own page, with every address part filled.
CALL: dict[str, Any] = {
    "type": "identify",
    "messageId": "message-1",
    "userId": "userId123",
    "traits": {
        "template_id": "T1",
        "first_name": "Elon",
        "last_name": "Musk",
        "address_line_1": "1 Rocket Road",
        "address_line_2": "Suite 1",
        "address_city": "Hawthorne",
        "address_state": "CA",
        "address_zip": "90250",
        "address_country": "US",
        "subscription": "premium",
    },
}
#: The same without the street, which is required.
NO_STREET = {**CALL, "messageId": "message-2", "traits": {**CALL["traits"], "address_line_1": ""}}
#: Long enough for a slow machine's first start, short enough to end a hanging test.
PATIENCE = 60


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of what a release is: the source archive, and the wheel that was built from that archive."""
    out = tmp_path_factory.mktemp("release")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, text=True)
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """The wheel."""
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def commands(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of commands of an empty environment with the wheel in it."""
    home = tmp_path_factory.mktemp("empty")
    venv.create(home, with_pip=True)
    bin_directory = home / ("Scripts" if os.name == "nt" else "bin")
    install = [
        str(bin_directory / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        str(wheel),
    ]
    subprocess.run(install, check=True, capture_output=True, text=True)
    return bin_directory


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A directory away from the checkout, with one good event and one bad."""
    (tmp_path / "event.json").write_text(json.dumps(CALL), "utf-8")
    (tmp_path / "bad.json").write_text(json.dumps(NO_STREET), "utf-8")
    return tmp_path


def clean_environment(commands: Path) -> dict[str, str]:
    """Nothing of the developer's shell but what a process needs to start."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "SYSTEMROOT", "TEMP") if name in os.environ}
    return {**kept, "PATH": str(commands), "NO_COLOR": "1"}


def run(commands: Path, desk: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command on the desk, with settings in its environment."""
    return subprocess.run(
        [commands / "mapper", *words],
        cwd=desk,
        env={**clean_environment(commands), **settings},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_the_wheel_holds_one_package(wheel: Path) -> None:
    """No `cli`, `mappings` or `tests` lands beside the package."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"mapper"}
    assert len(tops) == 2
    assert "mapper/py.typed" in names
    assert not [name for name in names if "__pycache__" in name]


def test_the_source_archive_is_the_checkout(built: Path) -> None:
    """Whoever has the archive can run the tests and the checks."""
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {".importlinter", "LICENSE", "Makefile", "cli.py", "mappings/DEFAULT", "tests/test_wheel.py"} <= names
    assert not [name for name in names if name.startswith((".venv/", ".git/"))]


def test_the_wheel_brings_every_shipped_mapping(wheel: Path) -> None:
    """What is in mappings/ of the checkout is in the package, byte for byte."""
    shipped = sorted(path for path in MAPPINGS.iterdir() if path.is_file())
    assert {"DEFAULT", "inkit.yaml", "mapping.schema.json"} <= {path.name for path in shipped}
    with zipfile.ZipFile(wheel) as archive:
        for path in shipped:
            assert archive.read(f"mapper/mappings/{path.name}") == path.read_bytes()


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--help"], 0),
        (["preview", "event.json"], 0),
        (["preview", "bad.json"], 1),
        (["transform", "event.json"], 0),
        (["transform", "event.json", "bad.json", "-o", "out.ndjson", "--rejects", "rejects.ndjson"], 1),
        (["check", "bad.yaml"], 3),
        (["functions"], 0),
        (["explain", "missing"], 0),
        (["schema"], 0),
        (["no-such-command"], 2),
        (["preview", "no-such-file.json"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_ends_with_its_documented_status(words: list[str], status: int, commands: Path, desk: Path) -> None:
    """Every command runs from the wheel alone, and its exit status is the documented one."""
    (desk / "bad.yaml").write_text("mapping: 1\ndestination: X\nfields: {a: traits.[}\n", "utf-8")
    result = run(commands, desk, *words)
    assert result.returncode == status, result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr


@pytest.mark.parametrize("mapping", sorted(path.name for path in MAPPINGS.glob("*.yaml")))
def test_a_shipped_mapping_passes_its_own_tests(mapping: str, commands: Path, desk: Path) -> None:
    """The mappings inside the wheel compile and keep what their own tests say."""
    (desk / mapping).write_bytes((MAPPINGS / mapping).read_bytes())
    assert run(commands, desk, "check", mapping).returncode == 0
    assert run(commands, desk, "test", mapping).returncode == 0


def test_transform_writes_the_documented_payload(commands: Path, desk: Path) -> None:
    """The documented call gives the documented fields, and the trait that no field takes rides along."""
    result = run(commands, desk, "transform", "event.json")
    (line,) = result.stdout.splitlines()
    assert '"address_line_1":"1 Rocket Road"' in re.sub(r'":\s+', '":', line)
    assert "premium" in line


def test_send_to_a_sandbox_of_its_own(commands: Path, desk: Path) -> None:
    """Without a key and without a network, one good event is delivered; a bad one beside it is counted."""
    sent = run(commands, desk, "send", "event.json", "--to", "sandbox", "--yes")
    assert sent.returncode == 0, sent.stdout + sent.stderr
    mixed = run(commands, desk, "send", "event.json", "bad.json", "--to", "sandbox", "--yes")
    assert mixed.returncode == 1, mixed.stdout + mixed.stderr


@pytest.fixture
def sandbox(commands: Path, desk: Path) -> Iterator[subprocess.Popen[str]]:
    """The pretend destination as a process of its own, on a free port, until the test is over."""
    with subprocess.Popen(
        [commands / "mapper", "sandbox", "--port", "0"],
        cwd=desk,
        env=clean_environment(commands),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_send_to_a_sandbox_next_door(sandbox: subprocess.Popen[str], commands: Path, desk: Path) -> None:
    """Sent over HTTP to another process it is delivered; with that process gone it is not, and the status says so."""
    assert sandbox.stderr is not None
    welcome = sandbox.stderr.readline()
    address = re.search(r"http://127\.0\.0\.1:\d+", welcome)
    assert address is not None, welcome
    send = ["send", "event.json", "--to", address[0], "--yes"]
    sent = run(commands, desk, *send, INKIT_API_KEY="sandbox")
    assert sent.returncode == 0, sent.stdout + sent.stderr
    sandbox.kill()
    sandbox.wait(PATIENCE)
    lost = run(commands, desk, *send, "--store", "another.db", INKIT_API_KEY="sandbox")
    assert lost.returncode == 4, lost.stdout + lost.stderr
