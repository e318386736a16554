"""Law 3 on every face: library, preview, transform and send give byte-identical requests for the same event."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mapper import codec, pipeline
from mapper.apps.sandbox import Sandbox
from mapper.pipeline import cases
from mapper.readers import people

ROOT = Path(__file__).resolve().parent.parent
PEOPLE = ROOT / "examples" / "people.ndjson"


def _events() -> list[dict[str, Any]]:
    """The seeds' four calls as one known person sends them, and one ready example of each kind."""
    path = ROOT / "tests" / "cases" / "seeds.yaml"
    calls = [case["given"] for case in cases.read_cases(path.read_text(encoding="utf-8"), path.name)]
    # Each with a template of its own: within one run, `send` sends the same template to the same person once.
    seeds = [
        {"type": "identify", "messageId": f"seed-{n}", **call, "traits": {**call["traits"], "template_id": f"T{n}"}}
        for n, call in enumerate(calls)
    ]
    lines = (ROOT / "examples" / "events.ndjson").read_text(encoding="utf-8").splitlines()
    kinds = {json.loads(line)["messageId"].split("-")[0]: json.loads(line) for line in reversed(lines)}
    return seeds + list(kinds.values())


def _mapper(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, str(ROOT / "cli.py"), *arguments]
    return subprocess.run(command, capture_output=True, cwd=ROOT, timeout=60, check=False)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    """A file of events that the library calls ready, and the bytes of each one's request."""
    mapper = pipeline.load("inkit", {})
    known = people.read(PEOPLE, mapper.plan.never)
    path = tmp_path_factory.mktemp("faces") / "events.ndjson"
    contents, lines = [], []
    for event in _events():
        result = mapper.transform(event, identity=known.of(event))
        if result.request is not None:
            contents.append(result.request.content)
            lines.append(codec.encode(event))
    path.write_bytes(b"\n".join(lines) + b"\n")
    assert len(contents) > 40
    return path, contents


def test_the_library_gives_the_same_for_a_dict_a_text_and_bytes() -> None:
    """However an event is handed over, its request is the same, byte for byte."""
    mapper = pipeline.load("inkit", {})
    for event in _events():
        text = json.dumps(event)
        results = [mapper.transform(form) for form in (event, text, text.encode())]
        assert len({r.status for r in results}) == 1
        assert len({r.request and r.request.content for r in results}) == 1


def test_transform_writes_the_library_s_bytes(ready: tuple[Path, list[bytes]]) -> None:
    """One line a request, and each line is the request's canonical bytes."""
    path, contents = ready
    done = _mapper("transform", str(path), "--identity", str(PEOPLE))
    assert done.stdout.splitlines() == contents


def test_preview_shows_the_library_s_bytes(ready: tuple[Path, list[bytes]], tmp_path: Path) -> None:
    """`preview --format json` holds the request's bytes as they are."""
    path, contents = ready
    for line, content in list(zip(path.read_bytes().splitlines(), contents, strict=True))[:8]:
        one = tmp_path / "event.json"
        one.write_bytes(line)
        done = _mapper("preview", str(one), "--identity", str(PEOPLE), "--format", "json")
        assert done.returncode == 0
        assert b'"body":' + content in done.stdout


def _one_of_each(path: Path, contents: list[bytes], to: Path) -> tuple[Path, list[bytes]]:
    """The first event of each person: a store learns from each call, so that the next one has another identity."""
    lines = path.read_bytes().splitlines()
    people_ = [json.loads(line).get("userId") or json.loads(line).get("anonymousId") for line in lines]
    firsts = [number for number, person in enumerate(people_) if person not in people_[:number]]
    to.write_bytes(b"\n".join(lines[number] for number in firsts) + b"\n")
    assert len(firsts) > 30
    return to, [contents[number] for number in firsts]


def test_send_sends_the_library_s_bytes(
    ready: tuple[Path, list[bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What arrives at the destination is, less the key, what the library made; and the sandbox takes all of it."""
    path, contents = _one_of_each(*ready, tmp_path / "events.ndjson")
    monkeypatch.setenv("INKIT_API_KEY", "sandbox")
    # Nobody may send faster than a mapping says, so the test's mapping says nothing.
    unhurried = tmp_path / "mapping.yaml"
    text, _ = pipeline.read_text("inkit")
    unhurried.write_text(text.replace("  rate: 300/minute\n", ""), encoding="utf-8")
    with Sandbox(pipeline.load(unhurried, {})) as sandbox:
        done = _mapper(
            *("send", str(path), "-m", str(unhurried), "--identity", str(PEOPLE), "--to", sandbox.url, "--yes"),
            *("--store", str(tmp_path / "mapper.db"), "--stale-after", "none"),
        )
        arrived = [codec.encode(arrival.body) for arrival in sandbox.received]
    assert done.returncode == 0, done.stderr.decode()
    assert sorted(arrived) == sorted(contents)  # those of several people are under way at once
    assert sandbox.counts["accepted"] == len(contents)
